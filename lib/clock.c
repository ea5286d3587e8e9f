/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <time.h>

#include "lib/check.h"
#include "lib/clock.h"
#include "lib/hot.h"

#define WALL_AT_ZERO 1000000000u
#define US_PER_S 1000000u
#define NS_PER_S 1000000000u

EWB_HOT uint64_t
ewb_clock_us(const struct ewb_clock *c)
{
	uint64_t stopped = atomic_load(&c->stopped_at);
	struct timespec t;

	if (stopped)
		return stopped - 1;
	EWB_MUST0(clock_gettime(CLOCK_MONOTONIC, &t));
	return (uint64_t)t.tv_sec * US_PER_S + (uint64_t)t.tv_nsec / 1000;
}

uint64_t
ewb_clock_ns(const struct ewb_clock *c)
{
	uint64_t stopped = atomic_load(&c->stopped_at);
	struct timespec t;

	if (stopped)
		return (stopped - 1) * 1000;
	EWB_MUST0(clock_gettime(CLOCK_MONOTONIC, &t));
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

EWB_HOT uint32_t
ewb_clock_wall(const struct ewb_clock *c)
{
	struct timespec t;

	if (atomic_load(&c->stopped_at))
		return atomic_load(&c->wall);
	/* late by a tick at most, and cheaper than to read the counter */
	EWB_MUST0(clock_gettime(CLOCK_REALTIME_COARSE, &t));
	return (uint32_t)t.tv_sec;
}

EWB_HOT void
ewb_clock_tick(struct ewb_clock *c)
{
	uint32_t now = ewb_clock_wall(c);

	/* mostly it is the same second; written, it would leave all caches */
	if (atomic_load_explicit(&c->ticked, memory_order_relaxed) != now)
		atomic_store_explicit(&c->ticked, now, memory_order_relaxed);
}

void
ewb_clock_untick(struct ewb_clock *c)
{
	atomic_store_explicit(&c->ticked, 0, memory_order_relaxed);
}

void
ewb_clock_set(struct ewb_clock *c, uint64_t us)
{
	atomic_store(&c->wall, (uint32_t)(WALL_AT_ZERO + us / US_PER_S));
	atomic_store(&c->stopped_at, us + 1);
}

void
ewb_clock_advance(struct ewb_clock *c, uint64_t us)
{
	ewb_clock_set(c, ewb_clock_us(c) + us);
}
