/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/stream.h"
#include "lib/check.h"
#include "lib/hot.h"

#define COOKIE_OF(p, member) \
	((struct ewb_cookie *)((char *)(p) - offsetof(struct ewb_cookie, member)))

/* A cookie that is over and still not notified after this long is called an
 * orphan: as long as its deadline would have been, a second at least. */
#define ORPHAN_MIN_US 1000000u
/* A stream that has no time left and moves is looked at again after this. */
#define LOOK_MIN_US 1000u

static void deliver(struct ewb_letter *l);
static void deliver_ask(struct ewb_letter *l);
static void deliver_turn(struct ewb_letter *l);

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

/* A new one of the process's, with what stays as it is while it is ours. */
static struct ewb_cookie *
new_slot(struct ewb_dispatch *d)
{
	struct ewb_cookie *c = ewb_slot_take();

	if (c == NULL)
		return NULL;
	c->dispatch = d;
	c->letter.deliver = deliver;
	c->ask.deliver = deliver_ask;
	c->turn.deliver = deliver_turn;
	return c;
}

static struct ewb_cookie *
take_slot(struct ewb_dispatch *d)
{
	struct ewb_cookie *c = d->free;

	/* room for the timers of all that are in use, before one is needed */
	if (d->nused >= d->timers.cap &&
	    ewb_heap_reserve(&d->timers, d->nused + 1))
		return NULL;
	if (c == NULL)
		return new_slot(d);
	d->free = c->next;
	return c;
}

/* Nobody else has it yet.  In the order of the struct, so that compilers make
 * few stores of it. */
static void
clear(struct ewb_cookie *c)
{
	c->parent = c->child = NULL;
	c->wait = EWB_WAIT_NOTHING;
	c->status = EWB_OK;
	c->running = c->away = c->done = c->answered = 0;
	c->undone = c->orphan = c->admitted = c->block_refused = 0;
	c->lost = c->timed = c->blocked_by_engine = c->waits_below = 0;
	c->why = 0;
	c->stream_seen = 0;
	c->run_ns = 0;
	c->pins = 0;
	c->next = c->prev = c->older = NULL;
	c->input = NULL;
	c->front_bytes = 0;
	c->front_bits = 0;
	memset(&c->request, 0, sizeof c->request);
	c->state = NULL;
	c->destroy = NULL;
	c->body = NULL;
	c->stored = NULL;
	c->resumed = EWB_NEW;
	ewb_reply_init(&c->reply);
	c->task.ticket.word = 0;
	c->note = 0;
	c->compose.phase = 0;
	c->compose.item = NULL;
	c->compose.joined = NULL;
	c->stream = NULL;
	c->below.within = c->below.wanted = c->below.ready = 0;
	c->below.waits = 0;
}

EWB_HOT struct ewb_cookie *
ewb_cookie_take(struct ewb_dispatch *d, enum ewb_op op, struct ewb_session *s)
{
	struct ewb_cookie *c = take_slot(d);

	if (c == NULL)
		return NULL;
	clear(c);
	c->magic = EWB_COOKIE_MAGIC;
	/* relaxed: nobody else has it yet */
	atomic_store_explicit(&c->slip, NULL, memory_order_relaxed);
	atomic_store_explicit(&c->key_state, EWB_KEY_NONE,
	                      memory_order_relaxed);
	c->instance = s->instance;
	c->client = s->id;
	c->command = &d->core->commands[op];
	c->session = s;
	c->op = op;
	c->nblocks = 0;
	c->deadline_left = d->core->limits.deadline_ms ?
	                           d->core->limits.deadline_ms * 1000ull :
	                           UINT64_MAX;
	c->began = d->now;
	c->blocked_at = c->ended_at = 0;
	d->nused++;
	return c;
}

/* The word's letters are all in; the slot may serve again. */
static void
recycle(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_dispatch *d = c->dispatch;

	d->nused--;
	if (c->lost)
		return;
	c->magic = 0;
	c->next = d->free;
	d->free = c;
}

EWB_HOT void
ewb_cookie_release(struct ewb_cookie *c)
{
	struct ewb_dispatch *d = c->dispatch;

	EWB_LIVE(c, EWB_COOKIE_MAGIC);
	EWB_MUST(c->done && !c->away && !c->running);
	if (c->child) {
		ewb_cookie_release(c->child);
		c->child = NULL;
	}
	ewb_reply_fini(&c->reply, &d->core->chunks);
	/* it is the whole command's */
	if (c->stream && c->parent == NULL)
		ewb_stream_free(c->stream);
	c->stream = NULL;
	if (c->body)
		free(c->body);
	c->body = NULL;
	if (c->stored)
		free(c->stored);
	c->stored = NULL;
	c->session = NULL;
	if (atomic_load(&c->word) & EWB_WORD_ASKED)
		c->answered = 1; /* deliver_ask() recycles it */
	else
		recycle(c);
}

static uint32_t
expiry_of(const struct ewb_cookie *c, const struct ewb_frame *f)
{
	uint32_t now = ewb_clock_wall(&c->dispatch->core->clock);

	return f->is & EWB_IS_BINARY ? ewb_bin_expiry(f->exptime, now) :
	                               ewb_expiry(f->exptime, now);
}

EWB_HOT void
ewb_cookie_fill(struct ewb_cookie *c, const struct ewb_frame *f,
                const uint8_t *value)
{
	struct ewb_request *r = &c->request;

	r->key = f->key;
	r->nkey = f->nkey;
	r->hash = f->nkey ? ewb_key_hash(f->key, f->nkey) : 0;
	r->vbucket = ewb_key_vbucket(r->hash, c->dispatch->core->vbuckets);
	r->datatype = f->is & EWB_IS_BINARY ? ewb_item_datatype(f->datatype) :
	                                      f->datatype;
	r->value = value;
	r->nvalue = f->nvalue;
	r->flags = f->flags;
	r->expiry = f->exptime ? expiry_of(c, f) : 0;
	r->cas = f->cas;
	if (c->op == EWB_OP_OWN) {
		r->extras = f->extras;
		r->nextras = f->nextras;
	}
	r->expect = EWB_EXPECT_ANY;
	if (f->cas || (f->is & EWB_IS_CAS))
		r->expect = EWB_EXPECT_CAS;
	else if (c->op == EWB_OP_ADD)
		r->expect = EWB_EXPECT_ABSENT;
	else if (c->op == EWB_OP_REPLACE)
		r->expect = EWB_EXPECT_PRESENT;
}

/* Timers. */

static void
set_timer(struct ewb_cookie *c, uint64_t us) EWB_ON_FRONT
{
	struct ewb_heap *h = &c->dispatch->timers;

	ewb_heap_drop(h, &c->timer);
	/* there is room: see ewb_cookie_take() */
	EWB_MUST0(ewb_heap_add(h, &c->timer, c->dispatch->now + us));
	c->timed = 1;
}

static void
drop_timer(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (!c->timed)
		return;
	ewb_heap_drop(&c->dispatch->timers, &c->timer);
	c->timed = 0;
}

static void
await_orphan(struct ewb_cookie *c) EWB_ON_FRONT
{
	uint64_t us = c->dispatch->core->limits.deadline_ms * 1000ull;

	if (c->away && !c->orphan && c->parent == NULL)
		set_timer(c, us > ORPHAN_MIN_US ? us : ORPHAN_MIN_US);
}

/* Away and home. */

/* What the engine did wrong where nobody could name it. */
static void
name_slip(struct ewb_cookie *c) EWB_ON_FRONT
{
	const char *what = atomic_load(&c->slip);

	if (what == NULL)
		return;
	atomic_store(&c->slip, NULL);
	ewb_mistake(c, what);
}

static void
go_away(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_dispatch *d = c->dispatch;

	c->away = 1;
	c->away_prev = NULL;
	c->away_next = d->away;
	if (d->away)
		d->away->away_prev = c;
	d->away = c;
	d->naway++;
	c->wait = EWB_WAIT_NOTIFY;
	c->blocked_at = d->now;
	c->nblocks++;
	/* in the child's own it is counted once, see admit() */
	c->waits_below = c->child && c->child->away &&
	                 c->child->instance != c->instance;
	if (c->waits_below)
		atomic_fetch_add_explicit(&c->instance->cookies, 1,
		                          memory_order_relaxed);
	atomic_fetch_add_explicit(&d->core->pinned, c->pins,
	                          memory_order_relaxed);
	if (c->parent == NULL && c->deadline_left != UINT64_MAX)
		set_timer(c, c->deadline_left);
}

static void
orphan_home(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_dispatch *d = c->dispatch;

	c->orphan = 0;
	atomic_fetch_sub(&d->core->orphans, 1);
	EWB_COUNT(&d->counters, orphans_home);
	ewb_log(&d->core->log, EWB_LOG_INFO,
	        "%s %s: %s: notified after %.1f s, when it was an orphan",
	        c->instance->host.kind, c->instance->host.name,
	        ewb_cookie_name(c),
	        (double)(d->now - c->began) / 1e6);
}

/* A stream that moves, or whose reader is the slow one, has not failed. */
static int
stream_moves(struct ewb_cookie *c) EWB_ON_FRONT
{
	uint64_t commits;

	if (c->stream == NULL)
		return 0;
	commits = atomic_load(&c->stream->commits);
	if (commits == c->stream_seen && !ewb_stream_full(c->stream))
		return 0;
	c->stream_seen = commits;
	return 1;
}

static void
come_home(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_dispatch *d = c->dispatch;
	uint64_t spent = d->now - c->blocked_at;

	EWB_MUST(c->away);
	c->away = 0;
	ewb_cookie_discharge(c);
	if (c->waits_below)
		atomic_fetch_sub_explicit(&c->instance->cookies, 1,
		                          memory_order_relaxed);
	c->waits_below = 0;
	name_slip(c);
	ewb_blame_tell(c->instance->blame, d->core, c->instance->host.kind);
	if (c->away_next)
		c->away_next->away_prev = c->away_prev;
	if (c->away_prev)
		c->away_prev->away_next = c->away_next;
	else
		d->away = c->away_next;
	d->naway--;
	c->wait = EWB_WAIT_NOTHING;
	atomic_fetch_sub_explicit(&d->core->pinned, c->pins,
	                          memory_order_relaxed);
	drop_timer(c);
	if (c->deadline_left != UINT64_MAX && !stream_moves(c))
		c->deadline_left -= spent < c->deadline_left ?
		                            spent :
		                            c->deadline_left;
	if (c->orphan)
		orphan_home(c);
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

/* Home, after it was answered or its client had gone. */
static void
settle(struct ewb_cookie *c) EWB_ON_FRONT
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
	name_slip(c);
	drop_timer(c);
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

/* Answers it though it is away. */
static void
answer_away(struct ewb_cookie *c, enum ewb_status status) EWB_ON_FRONT
{
	EWB_MUST(c->away && !c->answered);
	name_slip(c);
	c->status = status;
	c->answered = 1;
	c->done = 1;
	c->ended_at = c->dispatch->now;
	if (c->frame.parse_ns)
		count_sample(c);
	await_orphan(c);
	if (c->stream)
		ewb_stream_drain(c->stream);
	if (c->session)
		c->dispatch->desk->done(c);
}

static void give_up(struct ewb_cookie *c, enum ewb_cancel_reason why)
	EWB_ON_FRONT;
static int unwanted(const struct ewb_cookie *c);

/* The grace of a stop is over: what blocks now will not wait.  A half of
 * another command ends with the whole, as soon as that is away too. */
static void
stop_late(struct ewb_cookie *c) EWB_ON_FRONT
{
	while (c->parent)
		c = c->parent;
	if (c->dispatch->stopping == 2 && c->away && !unwanted(c))
		give_up(c, EWB_CANCEL_STOP);
}

/* The callback returned, and its ticket is out, or a filter's command below. */
static void
ran_blocked(struct ewb_cookie *c, enum ewb_status status) EWB_ON_FRONT
{
	go_away(c);
	if (status != EWB_WOULDBLOCK) {
		ewb_mistake(c, c->child && c->child->away ?
		                       "answered though the command below is "
		                       "not over" :
		                       "answered though its ticket is out");
		if (c->parent == NULL)
			answer_away(c, EWB_INTERNAL);
	}
	stop_late(c);
}

/* It said EWB_WOULDBLOCK and took no ticket. */
static void
ran_unblocked(struct ewb_cookie *c) EWB_ON_FRONT
{
	if ((c->child && c->child->away) || c->key_state == EWB_KEY_WAITING ||
	    c->key_state == EWB_KEY_GRANTED) {
		go_away(c);
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

/* Nobody waits for the answer any more. */
static int
unwanted(const struct ewb_cookie *c)
{
	for (; c; c = c->parent)
		if (c->answered || c->session == NULL)
			return 1;
	return 0;
}

/* Letters. */

static void
deliver(struct ewb_letter *l)
{
	struct ewb_cookie *c = COOKIE_OF(l, letter);
	struct ewb_dispatch *d = c->dispatch;

	ewb_now_on_front(d->thread);
	EWB_LIVE(c, EWB_COOKIE_MAGIC);
	EWB_MUST(atomic_load(&c->word) & EWB_WORD_NOTIFIED);
	atomic_fetch_and(&c->word,
	                 ~(uint64_t)(EWB_WORD_NOTIFIED | EWB_WORD_CANCELLED));
	EWB_COUNT(&d->counters, commands_resumed);
	count_block(c);
	come_home(c);
	if (c->stream)
		ewb_stream_rest(c->stream);
	if (unwanted(c)) {
		settle(c);
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

static void
deliver_ask(struct ewb_letter *l)
{
	struct ewb_cookie *c = COOKIE_OF(l, ask);

	ewb_now_on_front(c->dispatch->thread);
	atomic_fetch_and(&c->word, ~(uint64_t)EWB_WORD_ASKED);
	if (c->done && c->session == NULL && !c->away && c->answered)
		recycle(c); /* released while this letter was on its way */
	else if (ewb_word_of(atomic_load(&c->word)) ==
	         atomic_load(&c->asked_word))
		ewb_cookie_cancel(c, EWB_CANCEL_CLIENT);
}

static void
deliver_turn(struct ewb_letter *l)
{
	struct ewb_cookie *c = COOKIE_OF(l, turn);

	ewb_now_on_front(c->dispatch->thread);
	/* GRANTED is ours to read: the granting thread is done with it */
	EWB_MUST(c->key_state == EWB_KEY_GRANTED);
	c->key_state = EWB_KEY_HELD;
	come_home(c);
	if (unwanted(c))
		settle(c);
	else
		ewb_cookie_rerun(c);
}

/* A child has its status, and its parent is not on the stack. */
static void
child_home(struct ewb_cookie *child)
{
	struct ewb_cookie *c = child->parent;

	come_home(c);
	if (unwanted(c)) {
		settle(c);
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

/* Cancel, deadline, end. */

void
ewb_cookie_abandon(struct ewb_cookie *c)
{
	EWB_MUST(c->away);
	for (struct ewb_cookie *i = c; i; i = i->child)
		i->session = NULL;
	/* a place in the queue for a key is given up at once */
	if (c->key_state == EWB_KEY_WAITING &&
	    ewb_keylock_leave(&c->dispatch->core->keylocks, c)) {
		come_home(c);
		settle(c);
		return;
	}
	if (!c->answered)
		ewb_cookie_cancel(c, EWB_CANCEL_GONE);
	if (c->stream)
		ewb_stream_drain(c->stream);
	await_orphan(c);
}

static void
count_deadline(struct ewb_cookie *c) EWB_ON_FRONT
{
	EWB_COUNT(&c->dispatch->counters, deadlines_passed);
	if (c->command->mutates)
		EWB_COUNT(&c->dispatch->counters, outcome_unknown);
}

/* It has left the queue for its key. */
static void
stop_waiting(struct ewb_cookie *c, enum ewb_cancel_reason why) EWB_ON_FRONT
{
	if (why == EWB_CANCEL_DEADLINE)
		EWB_COUNT(&c->dispatch->counters, deadlines_passed);
	come_home(c);
	ewb_cookie_refuse(c);
}

/* Whom it waits for, in the end: itself, or the child of a child. */
static struct ewb_cookie *
waits_for(struct ewb_cookie *c)
{
	while (c->child && c->child->away)
		c = c->child;
	return c;
}

/* Cancels what is away and answers it. */
static void
give_up(struct ewb_cookie *c, enum ewb_cancel_reason why) EWB_ON_FRONT
{
	if (atomic_load(&waits_for(c)->word) & EWB_WORD_NOTIFIED)
		return; /* its letter is here already: that is the answer */
	if (c->key_state == EWB_KEY_GRANTED)
		return; /* likewise */
	if (c->key_state == EWB_KEY_WAITING) {
		if (ewb_keylock_leave(&c->dispatch->core->keylocks, c))
			stop_waiting(c, why);
		return;
	}
	if (why == EWB_CANCEL_DEADLINE)
		count_deadline(c);
	ewb_cookie_cancel(c, why);
	answer_away(c, EWB_TEMPORARY);
}

static void
make_orphan(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_dispatch *d = c->dispatch;
	struct ewb_cookie *who = waits_for(c);
	uint32_t refused = atomic_load(&who->refused);

	c->orphan = 1;
	atomic_fetch_add(&d->core->orphans, 1);
	EWB_COUNT(&d->counters, orphaned);
	ewb_log(&d->core->log, EWB_LOG_ERROR,
	        "%s %s: %s of connection %s: not notified for %.1f s; "
	        "kept as an orphan%s",
	        who->instance->host.kind, who->instance->host.name,
	        ewb_cookie_name(c),
	        c->session ? c->session->name : "(gone)",
	        (double)(d->now - c->began) / 1e6,
	        refused ? " (it was notified while its reply was being filled)" :
	                  "");
	if (c->session && d->desk->orphan)
		d->desk->orphan(c);
}

/* Does a ticket of it, or of the command that it runs, wait for its notify?
 * Else a letter is on its way, and nobody is to blame. */
static int
is_lost(struct ewb_cookie *c)
{
	return ewb_cookie_armed(waits_for(c));
}

static void
expire(struct ewb_cookie *c) EWB_ON_FRONT
{
	c->timed = 0;
	if (unwanted(c)) {
		if (is_lost(c))
			make_orphan(c);
	} else if (stream_moves(c)) {
		set_timer(c, c->deadline_left > LOOK_MIN_US ? c->deadline_left :
		                                              LOOK_MIN_US);
	} else {
		give_up(c, EWB_CANCEL_DEADLINE);
	}
}

void
ewb_dispatch_tick(struct ewb_dispatch *d)
{
	struct ewb_timer *t;

	d->now = ewb_clock_us(&d->core->clock);
	while ((t = ewb_heap_due(&d->timers, d->now)) != NULL)
		expire(COOKIE_OF(t, timer));
	if (d->watched && d->now >= d->look_at)
		ewb_streams_look(d);
}

EWB_HOT uint64_t
ewb_dispatch_next(const struct ewb_dispatch *d)
{
	const struct ewb_timer *t = ewb_heap_first(&d->timers);
	uint64_t now = ewb_clock_us(&d->core->clock), when = UINT64_MAX;

	if (t)
		when = t->when;
	if (d->watched && d->look_at < when)
		when = d->look_at;
	if (when == UINT64_MAX)
		return when;
	return when > now ? when - now : 0;
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

void
ewb_dispatch_cancel_all(struct ewb_dispatch *d, enum ewb_cancel_reason why,
                        struct ewb_instance *only)
{
	struct ewb_cookie *c = d->away, *next;

	for (; c; c = next) {
		next = c->away_next;
		if (c->parent || unwanted(c) ||
		    (only && !ewb_instance_has(only, c->instance)))
			continue;
		give_up(c, why);
	}
}

void
ewb_dispatch_orphan_all(struct ewb_dispatch *d)
{
	for (struct ewb_cookie *c = d->away; c; c = c->away_next) {
		if (c->parent || c->orphan || !unwanted(c) || !is_lost(c))
			continue;
		drop_timer(c);
		make_orphan(c);
	}
}
