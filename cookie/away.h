/* SPDX-License-Identifier: BSD-2-Clause */
/* A cookie that is away: its callback has returned, and what it waits for (a notify,
 * its turn for a key, a child) is not here yet.  Of this room alone. */
#ifndef COOKIE_AWAY_H
#define COOKIE_AWAY_H

#include <stddef.h>
#include <stdint.h>

#include "cookie/dispatch.h"

/* Whose letter or timer that is. */
#define EWB_COOKIE_OF(p, member) \
	((struct ewb_cookie *)((char *)(p)-offsetof(struct ewb_cookie, member)))

void ewb_away_begin(struct ewb_cookie *c) EWB_ON_FRONT;
/* It is home. */
void ewb_away_end(struct ewb_cookie *c) EWB_ON_FRONT;
/* Has its stream moved since the last look, or is its reader the slow one?  Then it
 * has not failed, whatever its deadline. */
int ewb_away_moves(struct ewb_cookie *c) EWB_ON_FRONT;
/* Nobody waits for its answer any more. */
int ewb_away_unwanted(const struct ewb_cookie *c);

/* In so many microseconds it is looked after; see ewb_dispatch_tick(). */
void ewb_away_timer(struct ewb_cookie *c, uint64_t us) EWB_ON_FRONT;
/* It is over: unless it is notified in time, it is an orphan. */
void ewb_away_await_orphan(struct ewb_cookie *c) EWB_ON_FRONT;
static inline void
ewb_away_no_timer(struct ewb_cookie *c)
{
	if (!c->timed)
		return;
	ewb_heap_drop(&c->dispatch->timers, &c->timer);
	c->timed = 0;
}

#endif
