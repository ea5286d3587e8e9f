/* SPDX-License-Identifier: BSD-2-Clause */
/* One batch of group commit, while it is made: each mutation is checked against
 * what is there, those before it in the batch included, and put. */
#ifndef DURABLE_BATCH_H
#define DURABLE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "commit.h"

#define DUR_STATE_US 1000000u /* the number of records is written so often */

/* The writer's. */
struct dur_batch {
	struct dur_job *jobs;
	size_t n;
	uint32_t now;    /* Unix seconds */
	uint64_t clock;  /* of the host */
	uint64_t synced; /* microseconds that this took; 0: it was not */
	bool wrote;      /* there is something in it */
	bool stated;     /* the state, too */
};

/* All by the writer, or when it is opened or closed. */

/* The state into the store's batch, with what c->delta adds: what is promised
 * has to be on disk before it is used. */
enum ewb_status dur_batch_state(struct dur_commit *c, bool clean);
/* The jobs into the store's batch, which has begun.  EWB_OK: each has its status
 * if the commit succeeds.  Else all of it is to be given up. */
enum ewb_status dur_batch_fill(struct dur_commit *c, struct dur_batch *b);
/* It is committed: the records are counted. */
void dur_batch_count(struct dur_commit *c, const struct dur_batch *b);

#endif
