/* SPDX-License-Identifier: BSD-2-Clause */
/* The pool's side of strands; struct ewb_strand is in lib/pool.h. */
#ifndef LIB_STRAND_H
#define LIB_STRAND_H

#include <stdbool.h>

#include "lib/class.h"
#include "lib/pool.h"

/* The job's class is locked.  True: the job has its strand (or needs none).
 * False: it is WAITING, and will be pushed to its class when its turn comes. */
bool ewb_strand_join(struct ewb_job *j);
/* The job's class is locked, the job is WAITING. */
void ewb_strand_drop(struct ewb_job *j);
/* No class is locked.  The caller's job, which keeps the strand alive, had it
 * and gives it to the next; s may be null. */
void ewb_strand_leave(struct ewb_class *all, struct ewb_strand *s);

#endif
