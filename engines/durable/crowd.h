/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is answered sends its next mutation soon: when the disk takes long, a
 * batch that begins at once has only half of the clients in it, and the others
 * wait for two syncs.
 *
 *      answered, n of them ──▶ until n are there, or half a sync ──▶ next batch
 *              ▲                              │
 *              └── they did not come: not for 1, 3, 7 … 63 batches
 *
 * n is those of the batch and those who were waiting then. */
#ifndef DURABLE_CROWD_H
#define DURABLE_CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue.h"

struct dur_crowd {
	/* the writer's */
	uint64_t until; /* of the host's clock; 0: nobody is waited for */
	size_t n;
	unsigned shy;  /* batches that are not to be waited for, the next time */
	unsigned pass; /* ... and how many of them are left */
	/* any thread */
	_Atomic size_t wanted; /* the writer sleeps till so many; 0: it does not */
};

/* The writer: this many are about to be answered, so many wait already, and
 * the sync took so long. */
void dur_crowd_answered(struct dur_crowd *w, size_t n, size_t waiting,
                        uint64_t took_us, uint64_t now);
/* The writer: how long to sleep before a batch of those that wait; 0: not. */
uint64_t dur_crowd_wait(struct dur_crowd *w, size_t waiting, uint64_t now);

/* any, after one more came into the queue: is it for the writer to know?  When
 * it is not, the writer's sleep ends by itself. */
static inline bool
dur_crowd_wakes(const struct dur_crowd *w, struct dur_queue *q)
{
	size_t wanted = atomic_load(&w->wanted);

	return wanted == 0 || dur_queue_length(q) >= wanted;
}

#endif
