/* SPDX-License-Identifier: BSD-2-Clause */
/* Block, notify, cancel: the word and who may change it. */
#include "config.h"

#include <stdlib.h>

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/own.h"
#include "cookie/stream.h"
#include "lib/check.h"
#include "lib/hot.h"

const char *
ewb_wait_name(enum ewb_wait w)
{
	static const char *const names[] = { "nothing", "notify", "drain",
		                             "turn" };

	return names[w];
}

int
ewb_cookie_armed(const struct ewb_cookie *c)
{
	return (atomic_load(&c->word) & EWB_WORD_ARMED) != 0;
}

int
ewb_cookie_blocked(const struct ewb_cookie *c)
{
	return (atomic_load(&c->word) &
	        (EWB_WORD_ARMED | EWB_WORD_NOTIFIED)) != 0;
}

struct ewb_ticket
ewb_cookie_ticket(const struct ewb_cookie *c)
{
	return (struct ewb_ticket){ (struct ewb_cookie *)c,
		                    ewb_word_of(atomic_load(&c->word)) };
}

void
ewb_mistake(struct ewb_cookie *c, const char *what)
{
	struct ewb_dispatch *d = c->dispatch;

	EWB_COUNT(&d->counters, engine_mistakes);
#ifdef EWB_STRICT
	ewb_check_failed(c->instance->host.name, 0, ewb_cookie_name(c), what);
#endif
	if (d->mistakes_logged_at &&
	    d->now + 1 - d->mistakes_logged_at < 1000000)
		return;
	d->mistakes_logged_at = d->now + 1;
	ewb_log(&d->core->log, EWB_LOG_ERROR, "%s %s: %s: %s",
	        c->instance->host.kind, c->instance->host.name,
	        ewb_cookie_name(c), what);
}

const char *
ewb_cookie_name(const struct ewb_cookie *c)
{
	if (c->op == EWB_OP_OWN)
		return ewb_own_of(c)->what.name;
	return ewb_op_name(c->op);
}

void
ewb_cookie_enter(struct ewb_cookie *c, struct ewb_instance *i)
{
	c->instance = i;
}

void
ewb_slip(struct ewb_cookie *c, const char *what)
{
	atomic_store(&c->slip, what);
}

void
ewb_slip_name(struct ewb_cookie *c)
{
	const char *what = atomic_load(&c->slip);

	atomic_store(&c->slip, NULL);
	ewb_mistake(c, what);
}

/* Counts it as in flight, until it comes home.  0: over the limit of cookies, or
 * of the bytes that they hold, which the last of them may exceed. */
static int
admit(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_core *core = c->dispatch->core;
	/* relaxed: limits, no locks */
	uint64_t n = atomic_fetch_add_explicit(&core->cookies, 1,
	                                       memory_order_relaxed);

	if (n >= core->limits.max_cookies ||
	    atomic_load_explicit(&core->pinned, memory_order_relaxed) >=
	            core->limits.max_pinned) {
		atomic_fetch_sub_explicit(&core->cookies, 1,
		                          memory_order_relaxed);
		c->block_refused = 1;
		EWB_COUNT(&c->dispatch->counters, commands_refused);
		return 0;
	}
	atomic_fetch_add_explicit(&c->instance->cookies, 1,
	                          memory_order_relaxed);
	c->admitted = 1;
	return 1;
}

void
ewb_cookie_discharge(struct ewb_cookie *c)
{
	if (!c->admitted)
		return;
	c->admitted = 0;
	atomic_fetch_sub_explicit(&c->dispatch->core->cookies, 1,
	                          memory_order_relaxed);
	atomic_fetch_sub_explicit(&c->instance->cookies, 1,
	                          memory_order_relaxed);
}

enum ewb_status
ewb_cookie_take_key(struct ewb_cookie *c)
{
	struct ewb_keylocks *k = &c->dispatch->core->keylocks;

	if (ewb_keylock_try(k, c))
		return EWB_OK;
	if (!admit(c))
		return EWB_BUSY;
	if (!ewb_keylock_take(k, c))
		return EWB_WOULDBLOCK;
	ewb_cookie_discharge(c); /* just now it was given back */
	return EWB_OK;
}

/* Who blocks it is whom a stale ticket of it is blamed on, until the slot is
 * blocked again.  Relaxed but for the first: they are read by whoever has an old
 * ticket, at any time. */
static void
set_blame(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_blame *b = c->instance->blame;

	if (atomic_load_explicit(&c->blame, memory_order_relaxed) != b)
		atomic_store_explicit(&c->blame, b, memory_order_release);
	atomic_store_explicit(&c->blame_op, c->op, memory_order_relaxed);
}

struct ewb_ticket
ewb_cookie_block_for(struct ewb_cookie *c, void *arg, int engines)
{
	struct ewb_dispatch *d = c->dispatch;
	uint64_t w;

	set_blame(c);
	if (!admit(c))
		return (struct ewb_ticket){ c, 0 };
	EWB_COUNT(&d->counters, commands_blocked);
	c->blocked_arg = arg;
	c->blocked_by_engine = engines != 0;
	c->final = 0;
	c->task.ticket.word = 0;
	atomic_store_explicit(&c->refused, 0, memory_order_relaxed);
	/* Unarmed, nobody else changes the word; ASKED, of an earlier block,
	 * stays until its letter is here.  Release: who wins the notify, or
	 * looks at the ticket, sees what was written before. */
	w = atomic_load(&c->word);
	w = (ewb_word_of(w) + EWB_WORD_BITS + 1) | (w & EWB_WORD_ASKED) |
	    EWB_WORD_ARMED;
	atomic_store(&c->word, w);
	return (struct ewb_ticket){ c, ewb_word_of(w) };
}

struct ewb_ticket
ewb_cookie_block(struct ewb_cookie *c, void *arg)
{
	struct ewb_dispatch *d = c->dispatch;

	if (!pthread_equal(d->thread, pthread_self())) {
		ewb_slip(c, "ewb_cookie_block() on a thread of its own");
		return (struct ewb_ticket){ c, 0 };
	}
	ewb_now_on_front(d->thread);
	if (!c->running || ewb_cookie_blocked(c)) {
		ewb_mistake(c, "ewb_cookie_block() outside of its callback, "
		               "or twice in one");
		return (struct ewb_ticket){ c, 0 };
	}
	if (c->child && c->child->away) {
		ewb_mistake(c, "ewb_cookie_block() while the command below is "
		               "not over");
		return (struct ewb_ticket){ c, 0 };
	}
	if (c->stream && c->stream->wake == NULL) {
		ewb_mistake(c, "ewb_cookie_block() with a stream that has no "
		               "wake()");
		return (struct ewb_ticket){ c, 0 };
	}
	return ewb_cookie_block_for(c, arg, 1);
}

/* Relaxed: counters, and what is told later is told too. */
static enum ewb_status
blame(struct ewb_cookie *c, int stale)
{
	struct ewb_blame *b = atomic_load_explicit(&c->blame,
	                                           memory_order_acquire);
	uint32_t op = atomic_load_explicit(&c->blame_op, memory_order_relaxed);

	if (b == NULL)
		return stale ? EWB_STALE : EWB_FILLING;
	atomic_fetch_add_explicit(stale ? &b->stale[op] : &b->filling[op], 1,
	                          memory_order_relaxed);
	if (stale)
		atomic_store_explicit(&b->news, 1, memory_order_relaxed);
	return stale ? EWB_STALE : EWB_FILLING;
}

void
ewb_blame_tell(struct ewb_blame *b, const struct ewb_core *core,
               const char *kind)
{
	uint64_t n, told;

	if (!atomic_load_explicit(&b->news, memory_order_relaxed))
		return;
	atomic_store(&b->news, 0); /* what comes from here on is news again */
	for (unsigned op = 0; op < EWB_NOPS; op++) {
		n = atomic_load(&b->stale[op]);
		told = atomic_exchange(&b->told[op], n);
		if (n > told)
			ewb_log(&core->log, EWB_LOG_INFO,
			        "%s %s: %s: notified with a stale ticket, %llu "
			        "more times",
			        kind, b->engine, ewb_op_name((enum ewb_op)op),
			        (unsigned long long)(n - told));
	}
}

/* Wins the notify, or not. */
static int
win(struct ewb_ticket t)
{
	uint64_t w = atomic_load(&t.slot->word), next;

	do {
		if (ewb_word_of(w) != t.word || !(w & EWB_WORD_ARMED))
			return 0;
		next = (w & ~(uint64_t)EWB_WORD_ARMED) | EWB_WORD_NOTIFIED;
	} while (!atomic_compare_exchange_weak(&t.slot->word, &w, next));
	return 1;
}

enum ewb_status
ewb_notify_filled(struct ewb_ticket t, enum ewb_status status, uint64_t us)
{
	struct ewb_cookie *c = t.slot;

	if (!win(t))
		return blame(c, 1);
	c->notified = status;
	c->notified_at = us ? us : ewb_clock_us(&c->dispatch->core->clock);
	/* relaxed: the letter publishes it */
	atomic_store_explicit(&c->filling, 0, memory_order_relaxed);
	ewb_inbox_post(&c->dispatch->inbox, &c->letter);
	return EWB_OK;
}

enum ewb_status
ewb_notify(struct ewb_ticket t, enum ewb_status status)
{
	struct ewb_cookie *c = t.slot;
	uint64_t w;

	if (c == NULL)
		return EWB_STALE;
	w = atomic_load(&c->word);
	if (t.word == 0 || ewb_word_of(w) != t.word || !(w & EWB_WORD_ARMED))
		return blame(c, 1);
	if (atomic_load(&c->filling)) {
		atomic_fetch_add(&c->refused, 1);
		return blame(c, 0);
	}
	return ewb_notify_filled(t, status, 0);
}

int
ewb_cancelled(struct ewb_ticket t)
{
	uint64_t w;

	if (t.slot == NULL || t.word == 0)
		return 1;
	w = atomic_load(&t.slot->word);
	return ewb_word_of(w) != t.word || (w & EWB_WORD_CANCELLED) ||
	       !(w & EWB_WORD_ARMED);
}

/* Sets the flag.  0: not armed, or set before. */
static int
flag_cancelled(struct ewb_cookie *c)
{
	uint64_t w = atomic_load(&c->word);

	do {
		if (!(w & EWB_WORD_ARMED) || (w & EWB_WORD_CANCELLED))
			return 0;
	} while (!atomic_compare_exchange_weak(&c->word, &w,
	                                       w | EWB_WORD_CANCELLED));
	return 1;
}

static void
count_cancel(struct ewb_counters *s, enum ewb_cancel_reason why)
{
	static const enum ewb_counter by_reason[] = {
		[EWB_CANCEL_GONE] = EWB_COUNT_cancelled_gone,
		[EWB_CANCEL_CLIENT] = EWB_COUNT_cancelled_client,
		[EWB_CANCEL_DEADLINE] = EWB_COUNT_cancelled_deadline,
		[EWB_CANCEL_ENGINE] = EWB_COUNT_cancelled_engine,
		[EWB_CANCEL_STOP] = EWB_COUNT_cancelled_stop,
	};

	ewb_count_n(s, by_reason[why], 1);
}

void
ewb_cookie_cancel(struct ewb_cookie *c, enum ewb_cancel_reason why)
{
	struct ewb_ticket t;
	const struct ewb_engine *e = &c->instance->engine;

	if (c->child && c->child->away) {
		c->why = why;
		ewb_cookie_cancel(c->child, why);
	}
	if (!flag_cancelled(c))
		return;
	t = ewb_cookie_ticket(c);
	c->why = why;
	count_cancel(&c->dispatch->counters, why);
	if (c->blocked_by_engine && e->cancel)
		e->cancel(c->instance->self, t, why, c->blocked_arg);
	ewb_task_cancel(c, t);
}

/* Before ASKED is looked at: who delivers a letter that is on its way clears
 * ASKED first, and then reads this. */
static void
raise_asked(struct ewb_cookie *c, uint64_t word)
{
	uint64_t is = atomic_load(&c->asked_word);

	while (is < word &&
	       !atomic_compare_exchange_weak(&c->asked_word, &is, word))
		;
}

enum ewb_status
ewb_ticket_cancel(struct ewb_ticket t)
{
	struct ewb_cookie *c = t.slot;
	uint64_t w;

	if (c == NULL || t.word == 0)
		return EWB_STALE;
	w = atomic_load(&c->word);
	if (ewb_word_of(w) != t.word || !(w & EWB_WORD_ARMED))
		return EWB_STALE;
	raise_asked(c, t.word);
	w = atomic_load(&c->word); /* again: ASKED counts from here on */
	do {
		if (ewb_word_of(w) != t.word || !(w & EWB_WORD_ARMED))
			return EWB_STALE;
		if (w & EWB_WORD_ASKED)
			return EWB_OK; /* the letter on its way will do */
	} while (!atomic_compare_exchange_weak(&c->word, &w,
	                                       w | EWB_WORD_ASKED));
	ewb_inbox_post(&c->dispatch->inbox, &c->ask);
	return EWB_OK;
}

enum ewb_status
ewb_cookie_resumed(const struct ewb_cookie *c)
{
	return c->resumed;
}

const struct ewb_request *
ewb_cookie_request(const struct ewb_cookie *c)
{
	return &c->request;
}

void
ewb_cookie_set_state(struct ewb_cookie *c, void *ptr, void (*destroy)(void *))
{
	void *old = c->state;
	void (*old_destroy)(void *) = c->destroy;

	c->state = ptr;
	c->destroy = destroy;
	if (old && old_destroy && old != ptr)
		old_destroy(old);
}

void *
ewb_cookie_state(const struct ewb_cookie *c)
{
	return c->state;
}

void
ewb_cookie_set_deadline(struct ewb_cookie *c, uint32_t ms)
{
	/* a child's is that of the command which it is a part of */
	while (c->parent && !c->parent->away)
		c = c->parent;
	c->deadline_left = ms ? (uint64_t)ms * 1000 : UINT64_MAX;
}

EWB_HOT void *
ewb_value_take(struct ewb_cookie *c)
{
	void *body = c->body;

	c->body = NULL;
	return body;
}

void
ewb_value_free(void *value)
{
	free(value);
}
