/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's task in the background: it frees what flushes and snapshots
 * have left, revokes snapshots that cost too much, and looks for expired
 * items.
 *
 * In a step it does the first of these that there is to do:
 *
 *      left-overs                        → free a slice of them
 *      too many bytes                    → revoke the oldest snapshot
 *      10 s since, or a store wants room → go on looking for expired items
 *
 * An engine that evicts wants room a little before there is none, so that stores
 * seldom wait; and then
 *
 *      too many bytes for snapshots      → revoke the oldest one
 *      10 s since, or almost full        → go on looking for expired items
 *      still almost full                 → evict a few others
 *      what is old is kept for snapshots → revoke the oldest one
 */
#ifndef MEM_RECLAIM_H
#define MEM_RECLAIM_H

#include <ewb/engine.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "evict.h"
#include "snapshot.h"
#include "vbucket.h"

struct mem;

struct mem_reclaim {
	/* set once, by open */
	struct ewb_task *task;
	/* any thread */
	_Atomic bool poked;     /* it will look at everything once more */
	_Atomic bool sweeping;  /* a search for expired items is not over */
	_Atomic int64_t wanted; /* bytes that a store waits for; 0: none does */
	_Atomic bool barren;    /* it does in vain: nothing can be evicted */
	_Atomic uint64_t refused; /* stores, for want of room */
	/* the task only */
	struct mem_spoils spoils;
	uint32_t drain_at; /* vbucket */
	uint32_t sweep_at; /* vbucket */
	bool in_vbucket;   /* sweep says where */
	uint32_t swept;    /* when the last search began */
	struct mem_sweep sweep;
	unsigned nsteps; /* of this search */
	bool in_vain;    /* the last one did not make enough room */
	bool evicting;   /* until there is some more room than it began with */
	struct mem_evict evict;
};

enum mem_after {
	MEM_MORE, /* there is more to do now */
	MEM_WAIT, /* until a scan has left its snapshot, which pokes */
	MEM_IDLE  /* nothing, for some seconds */
};

/* -1: no memory. */
int mem_reclaim_open(struct mem *m);
/* The engine is being closed: the task does not run any more; what it had
 * taken is freed. */
void mem_reclaim_close(struct mem *m);
/* The task; a test may call it in its place. */
enum mem_after mem_reclaim_step(struct mem *m);

/* any: there may be something to do. */
void mem_reclaim_poke(struct mem *m);
/* any: a mutation or a scan is over: pokes if it left something. */
void mem_reclaim_look(struct mem *m);
/* any: n bytes do not fit.  EWB_WOULDBLOCK: but they may soon, try again;
 * EWB_NO_MEMORY: nothing is left to reclaim, look once more. */
enum ewb_status mem_reclaim_want(struct mem *m, size_t n);

#endif
