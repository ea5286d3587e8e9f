/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "frontend/flush.h"
#include "lib/check.h"
#include "protocol/status.h"

/* Both halves of the server's word. */
#define AT(due) ((uint32_t)(due))
#define WITH(due, at) (((due) & ~(uint64_t)UINT32_MAX) | (at))

static struct ewb_front *
front_of(const struct ewb_cookie *c)
{
	return c->dispatch->owner;
}

/* What is asked for takes the place of what was. */
static void
ask(struct ewb_server *s, uint32_t at)
{
	uint64_t due = atomic_load(&s->flush_due);

	while (!atomic_compare_exchange_weak(
		&s->flush_due, &due, WITH(due + UINT32_MAX + UINT64_C(1), at)))
		;
}

static int
can_flush(struct ewb_front *f, struct ewb_instance *i) EWB_ON_FRONT
{
	if (i == f->server->none)
		return 1; /* nobody knows what will be there */
	return ewb_instance_for(i, EWB_OP_FLUSH)->engine.flush != NULL;
}

static enum ewb_status
run_flush(struct ewb_cookie *c)
{
	struct ewb_front *f = front_of(c);
	uint32_t at = c->request.expiry;

	ewb_now_on_front(c->dispatch->thread);
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return f->server->engine_flush.run(c);
	if (at <= ewb_clock_wall(&f->server->core.clock)) {
		ask(f->server, 0);
		return f->server->engine_flush.run(c);
	}
	if (!can_flush(f, c->instance))
		return EWB_NOT_SUPPORTED;
	ask(f->server, at);
	return EWB_OK;
}

void
ewb_flush_command(struct ewb_server *s)
{
	struct ewb_command *c = &s->core.commands[EWB_OP_FLUSH];

	s->engine_flush = *c;
	c->run = run_flush;
}

/* When it is due. */

static int
passes(enum ewb_status status)
{
	return status == EWB_TEMPORARY || status == EWB_BUSY ||
	       status == EWB_NO_MEMORY;
}

/* In the next second again, unless another one was asked for since. */
static void
failed(struct ewb_front *f, enum ewb_status status) EWB_ON_FRONT
{
	uint64_t was = WITH(f->flush.due, 0);

	if (passes(status))
		(void)atomic_compare_exchange_strong(&f->server->flush_due,
		                                     &was, f->flush.due);
	else
		ewb_log(&f->server->core.log, EWB_LOG_ERROR,
		        "flush_all that was due: %s", ewb_status_text(status));
}

static void
over(struct ewb_cookie *c) EWB_ON_FRONT
{
	front_of(c)->flush.running = 0;
	ewb_cookie_release(c);
}

void
ewb_flush_done(struct ewb_cookie *c)
{
	if (c->status != EWB_OK)
		failed(front_of(c), c->status);
	if (!c->away)
		over(c);
}

void
ewb_flush_home(struct ewb_cookie *c)
{
	over(c);
}

static void
begin(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_session *s = &f->flush.session;
	struct ewb_cookie *c;

	*s = (struct ewb_session){ .dispatch = &f->d,
		                   .instance = f->server->instance,
		                   .name = "delayed flush_all" };
	c = ewb_cookie_take(&f->d, EWB_OP_FLUSH, s);
	if (c == NULL) {
		failed(f, EWB_NO_MEMORY);
		return;
	}
	c->command = &f->server->engine_flush;
	c->frame = ewb_frame_zero;
	c->front_bits = EWB_FRONT_FLUSH;
	c->deadline_left = UINT64_MAX; /* nobody waits for it */
	f->flush.running = 1;
	ewb_cookie_start(c);
}

void
ewb_flush_look(struct ewb_front *f)
{
	struct ewb_server *s = f->server;
	uint64_t due = atomic_load(&s->flush_due);

	if (AT(due) == 0 || AT(due) > ewb_clock_wall(&s->core.clock))
		return;
	if (f->flush.running || f->stopping || f->reload ||
	    s->instance == s->none)
		return; /* it stays due */
	f->flush.due = due;
	if (atomic_compare_exchange_strong(&s->flush_due, &due, WITH(due, 0)))
		begin(f);
}
