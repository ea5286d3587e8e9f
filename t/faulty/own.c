/* SPDX-License-Identifier: BSD-2-Clause */
/* Its own commands:
 *
 *	turn KEY WORDS BYTES     the value, from its end to its beginning
 *	fetch KEY                as a get, by the thread
 *	pour                     a stream that is larger than a stream may hold
 */
#include "t/faulty/faulty.h"

#include <stdlib.h>
#include <string.h>

#define POURED 60000u
#define PIECE 1000u
#define LOOKS 400u

struct turning {
	struct faulty *f;
	uint8_t *bytes; /* null: not allocated, or it is lost */
};

static enum ewb_status
reply_turned(struct ewb_cookie *c, struct turning *t,
             const struct ewb_request *r)
{
	const uint8_t *from = r->value;

	t->bytes = malloc(r->nvalue + 1);
	if (t->bytes == NULL)
		return EWB_NO_MEMORY;
	for (size_t i = 0; i < r->nvalue; i++)
		t->bytes[i] = from[r->nvalue - 1 - i];
	return ewb_reply_value(c, t->bytes, r->nvalue);
}

/* EWB_OK: there is nothing in it that it does not bear. */
static enum ewb_status
look_at(struct faulty *f, const struct ewb_request *r)
{
	if (memchr(r->key, '/', r->nkey))
		abort(); /* it might have been a file's name, anywhere */
	if (is(f, "own-overruns") && r->nextras > 64)
		abort();
	if (is(f, "own-ends-with-end") && r->nkey == 250)
		return EWB_END;
	if (is(f, "own-odd-status") && r->nvalue == 0)
		return (enum ewb_status)0x99;
	if (is(f, "own-would-block") && r->nvalue > 16384)
		return EWB_WOULDBLOCK;
	return EWB_OK;
}

#ifdef FAULTY_PLAIN

static enum ewb_status
turn(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct turning t = { .f = self };
	enum ewb_status status = look_at(t.f, r);

	if (status == EWB_OK)
		status = reply_turned(c, &t, r);
	free(t.bytes);
	return status;
}

static enum ewb_status
fetch(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return answer(self, c, r);
}

#else

static enum ewb_status
give_up(struct faulty *f, struct ewb_task *task, struct turning *t)
{
	static const char *const silent[] = {
		[EWB_CANCEL_GONE] = "own-silent-when-gone",
		[EWB_CANCEL_DEADLINE] = "own-silent-when-late",
		[EWB_CANCEL_STOP] = "own-silent-when-stopped",
	};
	enum ewb_cancel_reason why;

	pthread_mutex_lock(&f->lock);
	why = f->why;
	pthread_mutex_unlock(&f->lock);
	if (why <= EWB_CANCEL_STOP && silent[why] && is(f, silent[why])) {
		ewb_task_park(task);
		return EWB_WOULDBLOCK;
	}
	if (is(f, "own-leaks"))
		t->bytes = NULL;
	return EWB_TEMPORARY;
}

static bool
forgets(struct faulty *f, const struct ewb_request *r)
{
	return is(f, "own-forgets-some") && r->nextras &&
	       ((const uint8_t *)r->extras)[0] % 16 == 9;
}

static enum ewb_status
turn_late(struct ewb_task *task, struct ewb_cookie *c, void *arg)
{
	const struct ewb_request *r = ewb_cookie_request(c);
	struct turning *t = arg;
	enum ewb_status status;

	if (ewb_cancelled(ewb_task_ticket(task)))
		return give_up(t->f, task, t);
	/* no fault: it looks again and again whether something is so */
	if (is(t->f, "none-but-looks") && t->f->looks++ < LOOKS) {
		ewb_task_sleep(task, 1000);
		return EWB_WOULDBLOCK;
	}
	if (t->bytes)
		return EWB_OK;
	status = reply_turned(c, t, r);
	if (status != EWB_OK)
		return status;
	if (forgets(t->f, r))
		ewb_task_park(task);
	else
		ewb_task_again(task);
	return EWB_WOULDBLOCK;
}

static void
free_turning(void *p)
{
	struct turning *t = p;

	free(t->bytes);
	free(t);
}

static enum ewb_status
turn(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = look_at(self, r);
	struct turning *t;

	if (status != EWB_OK)
		return status;
	t = calloc(1, sizeof *t);
	if (t == NULL)
		return EWB_NO_MEMORY;
	t->f = self;
	ewb_cookie_set_state(c, t, free_turning);
	return ewb_offload(c, turn_late, t);
}

static enum ewb_status
fetch(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return ask_thread(self, c, true);
}

/* Streams. */

struct pouring {
	struct faulty *f;
	size_t left;
};

static enum ewb_status
pour_late(struct ewb_task *task, struct ewb_cookie *c, void *arg)
{
	struct pouring *p = arg;
	void *room;

	for (; p->left; p->left -= PIECE) {
		if (ewb_cancelled(ewb_task_ticket(task)))
			return EWB_TEMPORARY;
		room = ewb_stream_reserve(c, PIECE);
		if (room == NULL) {
			ewb_task_park(task);
			return EWB_WOULDBLOCK;
		}
		memset(room, 'w', PIECE);
		ewb_stream_commit(c, PIECE);
	}
	return EWB_OK;
}

/* There is room again, and nobody is told. */
static void
sleep_on(void *arg)
{
	(void)arg;
}

static enum ewb_status
pour(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct faulty *f = self;
	struct pouring *p;
	enum ewb_status status;

	(void)r;
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return EWB_OK;
	p = malloc(sizeof *p);
	if (p == NULL)
		return EWB_NO_MEMORY;
	*p = (struct pouring){ f, POURED };
	ewb_cookie_set_state(c, p, free);
	status = ewb_stream_open(
		c, is(f, "own-sleeps-when-full") ? sleep_on : NULL, NULL);
	return status == EWB_OK ? ewb_offload(c, pour_late, p) : status;
}

#endif

const struct ewb_own own_commands[] = {
	{ .name = "turn",
	  .help = "turn KEY WORDS BYTES: the value, from its end",
	  .opcode = 0xe1,
	  .is = EWB_OWN_KEYED | EWB_OWN_VALUE,
	  .run = turn },
	{ .name = "fetch",
	  .help = "fetch KEY: as a get",
	  .opcode = 0xe2,
	  .is = EWB_OWN_KEY,
	  .run = fetch },
#ifndef FAULTY_PLAIN
	{ .name = "pour",
	  .help = "pour: 60000 bytes",
	  .opcode = 0xe3,
	  .is = EWB_OWN_STREAMS | EWB_OWN_TERMINAL_ERROR,
	  .run = pour },
#endif
	{ .name = NULL },
};
