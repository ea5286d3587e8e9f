/* SPDX-License-Identifier: BSD-2-Clause */
/* After a storm: what many connections held together is given back to the
 * system, which the heap does not do by itself.
 *
 *      IDLE ─it has ebbed─▶ BUSY (a job in the background) ─▶ IDLE
 */
#ifndef FRONTEND_TRIM_H
#define FRONTEND_TRIM_H

#include <stdatomic.h>
#include <stddef.h>

#include "lib/pool.h"

/* Less than this the heap may keep. */
#define EWB_TRIM_MIN ((size_t)64 << 20)

struct ewb_server;

struct ewb_trim {
	struct ewb_job job;
	/* the first front end's */
	size_t peak; /* the most that was held since the last time */
	/* any */
	_Atomic int busy;
};

/* front, the first one's, now and then. */
void ewb_trim_look(struct ewb_server *s);
/* The front ends are gone: waits for its end. */
void ewb_trim_fini(struct ewb_server *s);

#endif
