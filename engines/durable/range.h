/* SPDX-License-Identifier: BSD-2-Clause */
/* What a cursor ranges over, and what it has seen of it. */
#ifndef DURABLE_RANGE_H
#define DURABLE_RANGE_H

#include <ewb/engine.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"
#include "state.h"

struct dur_range {
	struct dur_key first, past; /* past is not in it */
	uint32_t opened_at;         /* Unix seconds */
	uint16_t vbucket;
	bool keys_only;
	bool descending;
	bool whole; /* all of its vbucket, and not yet over */
	struct dur_count count;
	int64_t seen;
};

/* pool */
void dur_range_set(struct dur_range *g, const struct ewb_range *range,
                   uint32_t now);
/* pool: another range of the same vbucket and snapshot. */
void dur_range_change(struct dur_range *g, const struct ewb_range *range);
/* pool: the snapshot is about to be taken; how many records there are. */
uint64_t dur_range_begin(struct dur_range *g, const struct dur_state *s);
/* pool: offers a record of the database.  EWB_OK: taken, or left out. */
enum ewb_status dur_range_offer(struct dur_range *g, struct ewb_sink *sink,
                                const void *key, size_t nkey, const void *value,
                                size_t n);
/* pool: there are no more: the number of records is put right. */
void dur_range_end(struct dur_range *g, struct dur_state *s);

#endif
