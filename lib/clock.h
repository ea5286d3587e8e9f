/* SPDX-License-Identifier: BSD-2-Clause */
/* Time, which a test can set.  Zero-filled is the machine's clock; after
 * ewb_clock_set() it stands still until it is set again. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdatomic.h>
#include <stdint.h>

struct ewb_clock {
	/* any thread */
	_Atomic uint64_t stopped_at; /* us + 1; 0: runs */
	_Atomic uint32_t wall;       /* Unix seconds while stopped */
	_Atomic uint32_t ticked;     /* ... at the last tick; 0: nobody ticks */
};

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t ewb_clock_us(const struct ewb_clock *c);
/* Nanoseconds of the same. */
uint64_t ewb_clock_ns(const struct ewb_clock *c);
/* Unix seconds. */
uint32_t ewb_clock_wall(const struct ewb_clock *c);
/* The same at the last tick, for who asks so often that to look it up is much.
 * Who ticks does so each second, at least, and unticks when he stops. */
static inline uint32_t
ewb_clock_second(const struct ewb_clock *c)
{
	/* relaxed: it orders nothing */
	uint32_t at = atomic_load_explicit(&c->ticked, memory_order_relaxed);

	if (at == 0 || atomic_load_explicit(&c->stopped_at, memory_order_relaxed))
		return ewb_clock_wall(c);
	return at;
}
void ewb_clock_tick(struct ewb_clock *c);
void ewb_clock_untick(struct ewb_clock *c);
/* Stops the clock at us; the wall clock is set to 1 000 000 000 + us / 1e6. */
void ewb_clock_set(struct ewb_clock *c, uint64_t us);
void ewb_clock_advance(struct ewb_clock *c, uint64_t us);

#endif
