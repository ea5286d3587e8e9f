/* SPDX-License-Identifier: BSD-2-Clause */
/* Cursors: one thread at a time, and none of them holds a lock while it
 * offers records. */
#include <stdlib.h>
#include <string.h>

#include "item.h"
#include "state.h"

struct cursor {
	struct mem_snapshot *snapshot;
	/* to the record that is offered next; descending, behind it */
	struct mem_path path;
	uint32_t opened_at;
	struct ewb_range range; /* its bounds are libewb's, and stay */
};

static void
go_to_start(struct cursor *cu)
{
	const struct ewb_range *r = &cu->range;
	bool exact = mem_tree_seek(&cu->snapshot->tree, &cu->path,
	                           r->start ? r->start : "",
	                           r->start ? r->nstart : 0);

	if (exact && r->start_excluded)
		mem_path_step(&cu->path);
}

static void
go_to_end(struct cursor *cu)
{
	const struct ewb_range *r = &cu->range;

	if (r->end == NULL)
		mem_tree_end(&cu->snapshot->tree, &cu->path);
	else if (mem_tree_seek(&cu->snapshot->tree, &cu->path, r->end,
	                       r->nend) &&
	         !r->end_excluded)
		mem_path_step(&cu->path);
}

static void
go_to(struct cursor *cu, const struct ewb_range *range)
{
	size_t known = sizeof cu->range;

	memset(&cu->range, 0, known);
	memcpy(&cu->range, range, range->size < known ? range->size : known);
	if (cu->range.descending)
		go_to_end(cu);
	else
		go_to_start(cu);
}

enum ewb_status
mem_scan_open(struct mem *m, const struct ewb_range *range, void **cursor,
              uint64_t *count)
{
	struct cursor *cu;

	if (range->vbucket >= m->nvbuckets)
		return EWB_NOT_MY_VBUCKET;
	cu = malloc(sizeof *cu);
	if (!cu)
		return EWB_NO_MEMORY;
	cu->opened_at = ewb_host_time(m->host);
	cu->snapshot = mem_snapshot_open(&m->vbuckets[range->vbucket], count);
	if (!cu->snapshot) {
		free(cu);
		return EWB_NO_MEMORY;
	}
	go_to(cu, range);
	mem_snapshot_leave(cu->snapshot);
	mem_reclaim_look(m);
	*cursor = cu;
	return EWB_OK;
}

enum ewb_status
mem_scan_seek(struct mem *m, void *cursor, const struct ewb_range *range)
{
	struct cursor *cu = cursor;

	if (!mem_snapshot_enter(cu->snapshot))
		return EWB_SCAN_CANCELLED;
	go_to(cu, range);
	if (!mem_snapshot_leave(cu->snapshot))
		mem_reclaim_poke(m); /* scan_next() will say so */
	return EWB_OK;
}

static bool
is_outside(const struct cursor *cu, const struct mem_item *it)
{
	const struct ewb_range *r = &cu->range;
	const void *bound = cu->range.descending ? r->start : r->end;
	int order;

	if (!bound)
		return false;
	if (cu->range.descending) {
		order = mem_key_order(bound, r->nstart, &it->obj);
		return order > 0 || (order == 0 && r->start_excluded);
	}
	order = mem_key_order(bound, r->nend, &it->obj);
	return order < 0 || (order == 0 && r->end_excluded);
}

static enum ewb_status
offer(const struct cursor *cu, const struct mem_item *it, struct ewb_sink *sink)
{
	struct ewb_item record = { .size = sizeof record };

	record.flags = it->flags;
	record.expiry = it->expiry;
	record.datatype = it->obj.tag;
	record.cas = mem_vbucket_cas(cu->snapshot->vb, it);
	record.seqno = it->obj.born;
	record.key = mem_obj_key(&it->obj);
	record.nkey = it->obj.nkey;
	record.value = mem_item_value(it);
	record.nvalue = it->nvalue;
	mem_item_tell_use(&record, mem_obj_use(&it->obj));
	return ewb_sink_put(sink, &record);
}

/* A few records ahead: each lies somewhere else in memory. */
static void
prefetch(const struct mem_path *p)
{
	const struct mem_node *leaf = p->step[p->depth - 1].node;
	unsigned ahead = p->step[p->depth - 1].at + 4;

	if (ahead < leaf->n) {
		__builtin_prefetch(mem_node_slots(leaf)[ahead]);
		__builtin_prefetch((char *)mem_node_slots(leaf)[ahead] + 64);
	}
}

/* EWB_END, EWB_SCAN_CANCELLED, or what the sink says to the record that
 * comes next; EWB_OK when that is not offered. */
static enum ewb_status
next(struct cursor *cu, struct ewb_sink *sink)
{
	struct mem_item *it = cu->range.descending ? mem_path_before(&cu->path) :
	                                       mem_path_item(&cu->path);
	enum ewb_status status = EWB_OK;

	if (!it || is_outside(cu, it))
		return EWB_END;
	if (atomic_load(&cu->snapshot->revoked))
		return EWB_SCAN_CANCELLED;
	if (!cu->range.descending)
		prefetch(&cu->path);
	if (!mem_item_expired(it, cu->opened_at))
		status = offer(cu, it, sink);
	if (status == EWB_OK && cu->range.descending)
		mem_path_step_back(&cu->path);
	else if (status == EWB_OK)
		mem_path_step(&cu->path);
	return status;
}

enum ewb_status
mem_scan_next(struct mem *m, void *cursor, struct ewb_sink *sink)
{
	struct cursor *cu = cursor;
	enum ewb_status status;

	if (!mem_snapshot_enter(cu->snapshot))
		return EWB_SCAN_CANCELLED;
	do {
		status = next(cu, sink);
	} while (status == EWB_OK);
	if (!mem_snapshot_leave(cu->snapshot)) {
		mem_reclaim_poke(m);
		if (status != EWB_END)
			status = EWB_SCAN_CANCELLED;
	}
	return status == EWB_WOULDBLOCK ? EWB_OK : status;
}

void
mem_scan_close(struct mem *m, void *cursor)
{
	struct cursor *cu = cursor;

	mem_snapshot_close(cu->snapshot);
	free(cu);
	mem_reclaim_look(m);
}
