/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs all orders of a race's few events.
 *
 * A scenario is set up anew for each order.  An event that is not enabled
 * when its turn comes rules out that order; it may become enabled later.  An
 * optional event may happen or not: both are tried.
 */
#ifndef T_EXPLORE_H
#define T_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>

#include "t/unit.h"

#define EWB_EXPLORE_MAX 16 /* events */

struct ewb_event {
	const char *name;
	void (*run)(void *ctx);
	bool (*enabled)(void *ctx); /* null: always */
	bool optional;
};

struct ewb_scenario {
	const char *name;
	const struct ewb_event *events;
	size_t nevents;
	void *(*setup)(void);
	/* After an order's events, also of one that came to nothing; or null. */
	void (*settle)(void *ctx);
	/* Null: it is as it must be.  Else what is wrong. */
	const char *(*check)(void *ctx);
	void (*teardown)(void *ctx);
	/* Many of its orders come to the same accesses: with a sanitizer, which
	 * looks at those, a part will do.  What they come to is checked for all
	 * of them without one. */
	bool sampled;
};

/* How many orders of a sampled scenario there must be, if it is run whole. */
#ifdef UNIT_SANITIZED
#define EWB_EXPLORED(n) 5
#else
#define EWB_EXPLORED(n) (n)
#endif

/* Runs all orders; how many there were.  At the first one that is wrong it
 * prints the order and fails the test. */
size_t ewb_explore(const struct ewb_scenario *s);
/* The same without failing: *wrong is what check said, or null. */
size_t ewb_explore_find(const struct ewb_scenario *s, const char **wrong);
/* The order under way, or the last one: "a, b, c". */
const char *ewb_explore_order(void);

#endif
