/* SPDX-License-Identifier: BSD-2-Clause */
/* How long the tasks of each type waited and ran.  Zero-filled is empty.
 * The owner's lock. */
#ifndef LIB_TIMING_H
#define LIB_TIMING_H

#include <stdint.h>

#include "lib/hist.h"
#include "lib/pool.h"

#define EWB_TIMING_HINTS 64

struct ewb_timing {
	struct ewb_timing *next; /* set once */
	char *name;              /* a copy: a plugin's may go away */
	struct ewb_hist wait_us, run_us;
};

struct ewb_timings {
	struct ewb_timing *first;
	struct ewb_timing *hint[EWB_TIMING_HINTS]; /* by the type's address */
};

/* Null: there is no memory to count with. */
struct ewb_timing *ewb_timing_of(struct ewb_timings *ts,
                                 const struct ewb_job_type *type);
/* Null: no type of that name has run. */
struct ewb_timing *ewb_timing_find(const struct ewb_timings *ts,
                                   const char *name);
/* All histograms are empty. */
void ewb_timings_reset(struct ewb_timings *ts);
void ewb_timings_fini(struct ewb_timings *ts);

#endif
