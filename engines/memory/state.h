/* SPDX-License-Identifier: BSD-2-Clause */
/* One memory engine: its vbuckets, and what is true of all of them. */
#ifndef MEM_STATE_H
#define MEM_STATE_H

#include <ewb/engine.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "memory.h"
#include "reclaim.h"
#include "vbucket.h"

struct mem {
	/* set once, by open */
	struct ewb_host *host;
	int64_t limit;
	bool evicts; /* else a store that finds no room is refused */
	uint64_t uuid; /* of the history of each of them: it is of this run */
	uint32_t nvbuckets;
	struct mem_vbucket *vbuckets;
	/* any thread */
	struct mem_totals totals;
	struct mem_reclaim reclaim;
};

#endif
