/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cookie/away.h"
#include "cookie/instance.h"
#include "cookie/stream.h"
#include "lib/check.h"
#include "lib/hot.h"

int
ewb_dispatch_init(struct ewb_dispatch *d, struct ewb_core *core,
                  const struct ewb_desk *desk, void (*wake)(void *arg),
                  void *wake_arg)
{
	memset(d, 0, sizeof *d);
	d->magic = EWB_DISPATCH_MAGIC;
	d->core = core;
	d->desk = desk;
	d->thread = pthread_self();
	d->row = atomic_fetch_add(&core->next_row, 1) % EWB_USE_ROWS;
	ewb_inbox_init(&d->inbox, wake, wake_arg);
	d->now = ewb_clock_us(&core->clock);
	return ewb_heap_reserve(&d->timers, 64);
}

void
ewb_dispatch_fini(struct ewb_dispatch *d)
{
	struct ewb_cookie *c;
	struct ewb_stream *s;

	EWB_LIVE(d, EWB_DISPATCH_MAGIC);
	EWB_MUST(d->nused == 0);
	ewb_inbox_fini(&d->inbox);
	while ((c = d->free) != NULL) {
		d->free = c->next;
		ewb_slot_give(c);
	}
	while ((s = d->free_streams) != NULL) {
		d->free_streams = s->next_free;
		free(s);
	}
	ewb_heap_fini(&d->timers);
	ewb_latency_fini(&d->latency);
	d->magic = 0;
}

/* What a command holds while it is in progress. */
EWB_HOT static void
drop_holdings(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->compose.item || c->compose.joined)
		ewb_compose_fini(c);
	/* NONE is ours to read: only we leave that state */
	if (c->key_state != EWB_KEY_NONE)
		ewb_keylock_give(&c->dispatch->core->keylocks, c);
	if (c->state)
		ewb_cookie_set_state(c, NULL, NULL);
}

static void child_home(struct ewb_cookie *child) EWB_ON_FRONT;

void
ewb_cookie_settle(struct ewb_cookie *c)
{
	drop_holdings(c);
	c->done = 1;
	if (c->parent)
		child_home(c);
	else
		c->dispatch->desk->home(c);
}

static enum ewb_status
presentable(struct ewb_cookie *c, enum ewb_status status) EWB_ON_FRONT
{
	if (status >= 0 && status < EWB_WOULDBLOCK)
		return status;
	ewb_mistake(c, "a status that is none of the protocol's");
	return EWB_INTERNAL;
}

/* Latencies. */

/* Whose run this is, if that is a sample: a part of a command that is run by
 * itself is the whole command's; else it is in that one's run anyway. */
static struct ewb_cookie *
sampled(struct ewb_cookie *c)
{
	if (c->parent && c->parent->running)
		return NULL;
	while (c->parent)
		c = c->parent;
	return c->frame.parse_ns ? c : NULL;
}

/* Not inline, or each run saves the registers that it needs. */
static __attribute__((noinline)) enum ewb_status
run_timed(struct ewb_cookie *c) EWB_ON_FRONT
{
	const struct ewb_clock *clock = &c->dispatch->core->clock;
	struct ewb_cookie *whole = sampled(c);
	enum ewb_status status;
	uint64_t began;

	if (whole == NULL)
		return c->command->run(c);
	began = ewb_clock_ns(clock);
	status = c->command->run(c);
	whole->ran_at = ewb_clock_ns(clock);
	whole->run_ns += whole->ran_at - began;
	return status;
}

static enum ewb_status
run(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->frame.parse_ns == 0 && c->parent == NULL)
		return c->command->run(c); /* as a rule */
	return run_timed(c);
}

static void
count_sample(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_latency *l = &c->dispatch->latency;

	if (c->parent || c->undone)
		return;
	ewb_latency_add(l, c->op, EWB_PHASE_PARSE, c->frame.parse_ns - 1, 1);
	ewb_latency_add(l, c->op, EWB_PHASE_RUN, c->run_ns, 1);
}

/* Its letter is here.  now is of the turn, and may be older than the notify. */
static void
count_block(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_dispatch *d = c->dispatch;
	uint64_t at = c->notified_at;

	if (at > d->now)
		d->now = ewb_clock_us(&d->core->clock);
	if (c->task.ticket.word == 0 && at > c->blocked_at)
		ewb_latency_add(&d->latency, c->op, EWB_PHASE_AWAY,
		                at - c->blocked_at, 1);
	ewb_latency_add(&d->latency, c->op, EWB_PHASE_NOTIFY,
	                at < d->now ? d->now - at : 0, 1);
}

EWB_HOT void
ewb_cookie_finish(struct ewb_cookie *c, enum ewb_status status)
{
	c->status = presentable(c, status);
	ewb_slip_tell(c);
	ewb_away_no_timer(c);
	drop_holdings(c);
	c->done = 1;
	c->ended_at = c->dispatch->now;
	if (c->frame.parse_ns)
		count_sample(c);
	if (c->parent == NULL)
		c->dispatch->desk->done(c);
	else if (!c->parent->running)
		child_home(c);
}

void
ewb_cookie_refuse(struct ewb_cookie *c)
{
	c->undone = 1;
	ewb_cookie_finish(c, EWB_TEMPORARY);
}

void
ewb_cookie_answer_away(struct ewb_cookie *c, enum ewb_status status)
{
	EWB_MUST(c->away && !c->answered);
	ewb_slip_tell(c);
	c->status = status;
	c->answered = 1;
	c->done = 1;
	c->ended_at = c->dispatch->now;
	if (c->frame.parse_ns)
		count_sample(c);
	ewb_away_await_orphan(c);
	if (c->stream)
		ewb_stream_drain(c->stream);
	if (c->session)
		c->dispatch->desk->done(c);
}

/* The grace of a stop is over: what blocks now will not wait.  A half of
 * another command ends with the whole, as soon as that is away too. */
static void
stop_late(struct ewb_cookie *c) EWB_ON_FRONT
{
	while (c->parent)
		c = c->parent;
	if (c->dispatch->stopping == 2 && c->away && !ewb_away_unwanted(c))
		ewb_cookie_give_up(c, EWB_CANCEL_STOP);
}

/* The callback returned, and its ticket is out, or a filter's command below. */
static void
ran_blocked(struct ewb_cookie *c, enum ewb_status status) EWB_ON_FRONT
{
	ewb_away_begin(c);
	if (status != EWB_WOULDBLOCK) {
		ewb_mistake(c, c->child && c->child->away ?
		                       "answered though the command below is "
		                       "not over" :
		                       "answered though its ticket is out");
		if (c->parent == NULL)
			ewb_cookie_answer_away(c, EWB_INTERNAL);
	}
	stop_late(c);
}

/* It said EWB_WOULDBLOCK and took no ticket. */
static void
ran_unblocked(struct ewb_cookie *c) EWB_ON_FRONT
{
	if ((c->child && c->child->away) || c->key_state == EWB_KEY_WAITING ||
	    c->key_state == EWB_KEY_GRANTED) {
		ewb_away_begin(c);
		stop_late(c);
		return;
	}
	/* Some thread may hold a ticket of nothing and fill the reply. */
	c->lost = 1;
	ewb_mistake(c, c->block_refused ?
	                       "said would block with a refused ticket" :
	                       "said would block without a ticket");
	ewb_cookie_finish(c, c->block_refused ? EWB_BUSY : EWB_INTERNAL);
}

EWB_HOT void
ewb_cookie_rerun(struct ewb_cookie *c)
{
	uint64_t before = ewb_word_of(atomic_load(&c->word));
	enum ewb_status status;

	c->running = 1;
	c->block_refused = 0;
	status = run(c);
	c->running = 0;
	if (ewb_word_of(atomic_load(&c->word)) != before)
		ran_blocked(c, status);
	else if (status == EWB_WOULDBLOCK)
		ran_unblocked(c);
	else if (c->child && c->child->away)
		ran_blocked(c, status);
	else
		ewb_cookie_finish(c, status);
}

EWB_HOT void
ewb_cookie_start(struct ewb_cookie *c)
{
	EWB_LIVE(c, EWB_COOKIE_MAGIC);
	EWB_MUST(!c->away && !c->done);
	c->wait = EWB_WAIT_NOTHING;
	ewb_cookie_rerun(c);
}

/* Letters. */

void
ewb_deliver_notify(struct ewb_letter *l)
{
	struct ewb_cookie *c = EWB_COOKIE_OF(l, letter);
	struct ewb_dispatch *d = c->dispatch;

	ewb_now_on_front(d->thread);
	EWB_LIVE(c, EWB_COOKIE_MAGIC);
	EWB_MUST(atomic_load(&c->word) & EWB_WORD_NOTIFIED);
	atomic_fetch_and(&c->word,
	                 ~(uint64_t)(EWB_WORD_NOTIFIED | EWB_WORD_CANCELLED));
	EWB_COUNT(&d->counters, commands_resumed);
	count_block(c);
	ewb_away_end(c);
	if (c->stream)
		ewb_stream_rest(c->stream);
	if (ewb_away_unwanted(c)) {
		ewb_cookie_settle(c);
		return;
	}
	c->resumed = c->notified;
	if (c->notified != EWB_OK ||
	    (c->final && !c->command->reviews &&
	     (c->stream == NULL || c->stream->passed)))
		ewb_cookie_finish(c, c->notified);
	else
		ewb_cookie_rerun(c);
}

void
ewb_deliver_ask(struct ewb_letter *l)
{
	struct ewb_cookie *c = EWB_COOKIE_OF(l, ask);

	ewb_now_on_front(c->dispatch->thread);
	atomic_fetch_and(&c->word, ~(uint64_t)EWB_WORD_ASKED);
	if (c->done && c->session == NULL && !c->away && c->answered)
		ewb_cookie_recycle(c); /* released while this was on its way */
	else if (ewb_word_of(atomic_load(&c->word)) ==
	         atomic_load(&c->asked_word))
		ewb_cookie_cancel(c, EWB_CANCEL_CLIENT);
}

void
ewb_deliver_turn(struct ewb_letter *l)
{
	struct ewb_cookie *c = EWB_COOKIE_OF(l, turn);

	ewb_now_on_front(c->dispatch->thread);
	/* GRANTED is ours to read: the granting thread is done with it */
	EWB_MUST(c->key_state == EWB_KEY_GRANTED);
	c->key_state = EWB_KEY_HELD;
	ewb_away_end(c);
	if (ewb_away_unwanted(c))
		ewb_cookie_settle(c);
	else
		ewb_cookie_rerun(c);
}

/* A child has its status, and its parent is not on the stack. */
static void
child_home(struct ewb_cookie *child)
{
	struct ewb_cookie *c = child->parent;

	ewb_away_end(c);
	if (ewb_away_unwanted(c)) {
		ewb_cookie_settle(c);
		return;
	}
	c->resumed = child->status;
	ewb_cookie_rerun(c);
}

struct ewb_cookie *
ewb_child_take(struct ewb_cookie *parent, enum ewb_op op)
{
	struct ewb_cookie *c = ewb_cookie_take(parent->dispatch, op,
	                                       parent->session);

	if (c)
		c->parent = parent;
	return c;
}

enum ewb_status
ewb_child_run(struct ewb_cookie *child)
{
	struct ewb_cookie *c = child->parent;

	EWB_MUST(c->running && c->child == NULL);
	c->child = child;
	ewb_cookie_start(child);
	if (child->away)
		return EWB_WOULDBLOCK;
	return child->status;
}

EWB_HOT size_t
ewb_dispatch_letters(struct ewb_dispatch *d, size_t max)
{
	d->now = ewb_clock_us(&d->core->clock);
	return ewb_inbox_run(&d->inbox, max);
}

void
ewb_dispatch_submit(struct ewb_dispatch *d)
{
	if (d->batch.n)
		ewb_pool_submit(d->core->pool, &d->batch);
}
