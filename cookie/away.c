/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/away.h"
#include "cookie/instance.h"
#include "cookie/stream.h"
#include "lib/check.h"

/* A cookie that is over and still not notified after this long is called an
 * orphan: as long as its deadline would have been, a second at least. */
#define ORPHAN_MIN_US 1000000u

void
ewb_away_timer(struct ewb_cookie *c, uint64_t us)
{
	struct ewb_heap *h = &c->dispatch->timers;

	ewb_heap_drop(h, &c->timer);
	/* there is room: see ewb_cookie_take() */
	EWB_MUST0(ewb_heap_add(h, &c->timer, c->dispatch->now + us));
	c->timed = 1;
}

void
ewb_away_await_orphan(struct ewb_cookie *c)
{
	uint64_t us = c->dispatch->core->limits.deadline_ms * 1000ull;

	if (c->away && !c->orphan && c->parent == NULL)
		ewb_away_timer(c, us > ORPHAN_MIN_US ? us : ORPHAN_MIN_US);
}

int
ewb_away_unwanted(const struct ewb_cookie *c)
{
	for (; c; c = c->parent)
		if (c->answered || c->session == NULL)
			return 1;
	return 0;
}

void
ewb_away_begin(struct ewb_cookie *c)
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
		ewb_away_timer(c, c->deadline_left);
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

int
ewb_away_moves(struct ewb_cookie *c)
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

void
ewb_away_end(struct ewb_cookie *c)
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
	ewb_slip_tell(c);
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
	ewb_away_no_timer(c);
	if (c->deadline_left != UINT64_MAX && !ewb_away_moves(c))
		c->deadline_left -= spent < c->deadline_left ?
		                            spent :
		                            c->deadline_left;
	if (c->orphan)
		orphan_home(c);
}
