/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts the documents of collections, by cursors that see the keys alone.
 * A task's own. */
#ifndef SCAN_COUNT_H
#define SCAN_COUNT_H

#include <ewb/engine.h>

#include "cookie/instance.h"
#include "scan/request.h"

struct ewb_count_keys {
	/* set once, by new */
	struct ewb_instance *instance; /* that has the cursors */
	const struct ewb_collections *collections; /* never null */
	struct ewb_scan_request whole; /* where the range's bounds are */
	/* the caller's: which vbucket */
	struct ewb_range range;
	/* its own */
	void *cursor;
	int open;
	unsigned left;     /* records of this turn */
	uint64_t counts[]; /* of each collection */
};

/* any: of all collections; or of that one alone.  Null: no memory. */
struct ewb_count_keys *ewb_count_new(struct ewb_instance *i,
                                     const struct ewb_core *core);
struct ewb_count_keys *ewb_count_new_of(struct ewb_instance *i,
                                        const struct ewb_core *core,
                                        uint32_t collection);
/* pool, if it has begun and was not stopped. */
void ewb_count_free(struct ewb_count_keys *k);
/* pool: closes its cursor, if it has one. */
void ewb_count_stop(struct ewb_count_keys *k);
/* pool: goes on with the range's vbucket.  EWB_OK: that is counted;
 * EWB_WOULDBLOCK: others want their turn; else it failed. */
enum ewb_status ewb_count_run(struct ewb_count_keys *k);
/* pool, within scan_next(): one more. */
enum ewb_status ewb_count_put(struct ewb_count_keys *k,
                              const struct ewb_item *item);

#endif
