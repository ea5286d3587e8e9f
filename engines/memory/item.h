/* SPDX-License-Identifier: BSD-2-Clause */
/* A key and its value.  Never changed once it is in a tree. */
#ifndef MEM_ITEM_H
#define MEM_ITEM_H

#include <ewb/engine.h>
#include <stdbool.h>

#include "obj.h"

#define MEM_MAX_KEY 250

struct mem_item {
	struct mem_obj obj;
	uint32_t flags, expiry, nvalue;
	unsigned char data[]; /* the key, then the value or where it is */
};

/* From what is asked for; born is set when it enters a tree, its use by whoever
 * knows the time.  taken: the
 * buffer that r->value lies in, which is the item's from now on, or null:
 * the value is copied.  Null: no memory, and taken is still the caller's. */
struct mem_item *mem_item_new(const struct ewb_request *r, void *taken);
/* Before it is in a tree: what a plain item would cost. */
size_t mem_item_cost(size_t nkey, size_t nvalue);
size_t mem_item_bytes(const struct mem_item *it);
const void *mem_item_value(const struct mem_item *it);

static inline void
mem_item_hold(struct mem_item *it)
{
	/* relaxed: who calls holds the lock under which the tree's own
	 * reference cannot go */
	atomic_fetch_add_explicit(&it->obj.refs, 1, memory_order_relaxed);
}

/* any thread: ends one reference.  obj is the item's. */
void mem_item_release(void *obj);

static inline void
mem_item_tell_use(struct ewb_item *to, uint64_t use)
{
	to->accessed = mem_use_time(use);
	to->fetched = use & MEM_FETCHED ? EWB_FETCHED_YES :
	              use               ? EWB_FETCHED_NO :
	                                  EWB_FETCHED_UNKNOWN;
}

static inline bool
mem_item_expired(const struct mem_item *it, uint32_t now)
{
	return it->expiry != 0 && it->expiry <= now;
}

#endif
