/* SPDX-License-Identifier: BSD-2-Clause */
/* What a cookie that is away comes to when its client has gone, its deadline has
 * passed or its server stops; and when after that nobody notifies it. */
#include "config.h"

#include "cookie/away.h"
#include "cookie/instance.h"
#include "cookie/stream.h"
#include "lib/check.h"
#include "lib/hot.h"

/* A stream that has no time left and moves is looked at again after this. */
#define LOOK_MIN_US 1000u

void
ewb_cookie_abandon(struct ewb_cookie *c)
{
	EWB_MUST(c->away);
	for (struct ewb_cookie *i = c; i; i = i->child)
		i->session = NULL;
	/* a place in the queue for a key is given up at once */
	if (c->key_state == EWB_KEY_WAITING &&
	    ewb_keylock_leave(&c->dispatch->core->keylocks, c)) {
		ewb_away_end(c);
		ewb_cookie_settle(c);
		return;
	}
	if (!c->answered)
		ewb_cookie_cancel(c, EWB_CANCEL_GONE);
	if (c->stream)
		ewb_stream_drain(c->stream);
	ewb_away_await_orphan(c);
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
	ewb_away_end(c);
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

void
ewb_cookie_give_up(struct ewb_cookie *c, enum ewb_cancel_reason why)
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
	ewb_cookie_answer_away(c, EWB_TEMPORARY);
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
	if (ewb_away_unwanted(c)) {
		if (is_lost(c))
			make_orphan(c);
	} else if (ewb_away_moves(c)) {
		ewb_away_timer(c, c->deadline_left > LOOK_MIN_US ?
		                          c->deadline_left :
		                          LOOK_MIN_US);
	} else {
		ewb_cookie_give_up(c, EWB_CANCEL_DEADLINE);
	}
}

void
ewb_dispatch_tick(struct ewb_dispatch *d)
{
	struct ewb_timer *t;

	d->now = ewb_clock_us(&d->core->clock);
	while ((t = ewb_heap_due(&d->timers, d->now)) != NULL)
		expire(EWB_COOKIE_OF(t, timer));
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

void
ewb_dispatch_cancel_all(struct ewb_dispatch *d, enum ewb_cancel_reason why,
                        struct ewb_instance *only)
{
	struct ewb_cookie *c = d->away, *next;

	for (; c; c = next) {
		next = c->away_next;
		if (c->parent || ewb_away_unwanted(c) ||
		    (only && !ewb_instance_has(only, c->instance)))
			continue;
		ewb_cookie_give_up(c, why);
	}
}

void
ewb_dispatch_orphan_all(struct ewb_dispatch *d)
{
	for (struct ewb_cookie *c = d->away; c; c = c->away_next) {
		if (c->parent || c->orphan || !ewb_away_unwanted(c) || !is_lost(c))
			continue;
		ewb_away_no_timer(c);
		make_orphan(c);
	}
}
