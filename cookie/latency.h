/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a front end's commands take, step by step.  One command in
 * EWB_SAMPLE is timed from its first byte to its last; of one that blocks, what
 * comes after the block is timed always.  What a task does is timed by the pool.
 * Zero-filled is empty.  Single owner: the front end. */
#ifndef COOKIE_LATENCY_H
#define COOKIE_LATENCY_H

#include <stdint.h>

#include "lib/hist.h"
#include "lib/roles.h"
#include "protocol/frame.h"

/* A prime, so that it is not always the same one of a batch. */
#define EWB_SAMPLE 127

enum ewb_phase {
	EWB_PHASE_PARSE, /* samples, ns */
	EWB_PHASE_RUN,   /* samples, ns: on the front end, all runs together */
	EWB_PHASE_AWAY,  /* us, from a block that has no task to its notify */
	EWB_PHASE_NOTIFY, /* us, from there to its letter's delivery */
	EWB_PHASE_DRAIN, /* ns, from the answer to its last byte's being sent; a
	                  * sample that did not block counts for EWB_SAMPLE */
	EWB_NPHASES
};

struct ewb_latency {
	uint32_t skip;                 /* commands until the next sample */
	struct ewb_hist *of[EWB_NOPS]; /* EWB_NPHASES each; null: none yet */
};

void ewb_latency_fini(struct ewb_latency *l) EWB_ON_FRONT;
/* Without memory for it it is not counted. */
void ewb_latency_add(struct ewb_latency *l, enum ewb_op op, enum ewb_phase p,
                     uint64_t took, uint64_t n) EWB_ON_FRONT;
/* Begins anew. */
void ewb_latency_reset(struct ewb_latency *l) EWB_ON_FRONT;
#endif
