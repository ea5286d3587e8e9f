/* SPDX-License-Identifier: BSD-2-Clause */
/* stats cookies: the commands that are blocked. */
#include "config.h"

#include <stdio.h>

#include "cookie/stream.h"
#include "frontend/gather.h"
#include "frontend/stats.h"

#define LINE_MAX_BYTES 320
/* Of one front end that are listed, at most. */
#define LIST_MAX 1000

typedef unsigned long long ull;

static const char *
state_of(const struct ewb_cookie *c)
{
	if (c->orphan)
		return "orphan";
	if (c->answered || c->session == NULL)
		return "over";
	return c->why ? "cancelled" : "blocked";
}

/* The wait of a stream's command depends on who is the slower side. */
static enum ewb_wait
wait_of(const struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->stream && ewb_stream_full(c->stream))
		return EWB_WAIT_DRAIN;
	return c->wait;
}

/* Whom it waits for, in the end: itself, or a part of it. */
static const struct ewb_cookie *
waits_for(const struct ewb_cookie *c)
{
	while (c->child && c->child->away)
		c = c->child;
	return c;
}

/* Not handed to the pool yet? */
static int
in_batch(const struct ewb_cookie *c) EWB_ON_FRONT
{
	for (const struct ewb_job *j = c->dispatch->batch.first; j; j = j->next)
		if (j == &c->task.job)
			return 1;
	return 0;
}

/* "get:running", or "none".  The task may go on meanwhile. */
static void
spell_task(const struct ewb_cookie *c, char *to, size_t n) EWB_ON_FRONT
{
	const char *state;

	/* what it was given while it ran is there until the next block */
	if (!c->away || c->task.ticket.word == 0 ||
	    c->task.ticket.word != ewb_word_of(atomic_load(&c->word))) {
		snprintf(to, n, "none");
		return;
	}
	state = ewb_job_state_name(&c->task.job);
	if (state == NULL)
		state = in_batch(c) ? "queued" : "done";
	snprintf(to, n, "%s:%s", c->task.job.type->name, state);
}

static void
describe(struct ewb_front *f, const struct ewb_cookie *c,
         ewb_front_tell_fn *tell, void *arg) EWB_ON_FRONT
{
	const struct ewb_cookie *who = waits_for(c);
	char name[48], task[64], text[LINE_MAX_BYTES];

	spell_task(who, task, sizeof task);
	snprintf(name, sizeof name, "cookie:%u:%p", f->index, (const void *)c);
	snprintf(text, sizeof text,
	         "connection=%s engine=%s opcode=%s task=%s wait=%s state=%s "
	         "age_ms=%llu blocks=%u",
	         c->session ? c->session->name : "-", who->instance->host.name,
	         ewb_cookie_name(c), task, ewb_wait_name(wait_of(c)),
	         state_of(c), (ull)((f->d.now - c->began) / 1000), c->nblocks);
	tell(arg, name, text);
}

/* Those that wait for their turn are known to their connection alone. */
static unsigned
describe_turns(struct ewb_front *f, ewb_front_tell_fn *tell, void *arg,
               unsigned n) EWB_ON_FRONT
{
	for (struct ewb_conn *i = f->conns; i && n < LIST_MAX; i = i->next) {
		if (i->nturn == 0)
			continue;
		for (struct ewb_cookie *c = i->first; c && n < LIST_MAX;
		     c = c->next)
			if (c->wait == EWB_WAIT_TURN) {
				describe(f, c, tell, arg);
				n++;
			}
	}
	return n;
}

unsigned
ewb_front_describe(struct ewb_front *f, const struct ewb_cookie *but,
                   ewb_front_tell_fn *tell, void *arg)
{
	unsigned n = 0;

	for (struct ewb_cookie *c = f->d.away; c && n < LIST_MAX;
	     c = c->away_next) {
		if (c->parent || c == but)
			continue;
		describe(f, c, tell, arg);
		n++;
	}
	return describe_turns(f, tell, arg, n);
}

static void
add_front(struct ewb_gather *g, struct ewb_front *f)
{
	ewb_now_on_front(f->d.thread);
	if (ewb_front_describe(f, g->ticket.slot, ewb_gather_add, g) == LIST_MAX)
		ewb_gather_add(g, "more", "the first 1000 of this front end");
}

enum ewb_status
ewb_stats_cookies(struct ewb_cookie *c)
{
	const struct ewb_gather *g = c->state;

	if (ewb_cookie_resumed(c) == EWB_NEW)
		return ewb_gather_begin(c, add_front);
	return ewb_reply_value(c, g->text, g->len);
}
