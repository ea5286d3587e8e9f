/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/status.h"
#include "scan/place.h"

static const struct ewb_collection *
wanted(const struct ewb_scan_request *want, const struct ewb_core *core)
{
	const struct ewb_collections *all = core->collections;

	return ewb_collections_by_id(all ? all : &ewb_collections_none,
	                             want->collection);
}

/* What of the bound is beyond EWB_BOUND_MAX then is cut off: no key reaches as far,
 * so it lies between the same ones. */
static void
prepend(struct ewb_scan_bound *b, const struct ewb_collection *in)
{
	uint8_t prefix[EWB_STORED_PREFIX];
	size_t n = ewb_stored_prefix(prefix, in, b->data, b->n);

	if (b->n > sizeof b->data - n)
		b->n = sizeof b->data - n;
	memmove(b->data + n, b->data, b->n);
	memcpy(b->data, prefix, n);
	b->n += n;
}

static void
place(struct ewb_scan_request *want, const struct ewb_collection *in)
{
	struct ewb_scan_bound *start = &want->start, *end = &want->end;

	if (want->after.there)
		prepend(&want->after, in);
	if (start->there)
		prepend(start, in);
	else
		start->n = ewb_stored_first(start->data, in);
	start->there = start->n > 0;
	if (end->there) {
		prepend(end, in);
		return;
	}
	end->there = end->excluded = 1;
	end->n = ewb_stored_past(end->data, in);
}

enum ewb_status
ewb_scan_place(struct ewb_scan_request *want, const struct ewb_core *core)
{
	const struct ewb_collection *in = wanted(want, core);

	if (in == NULL)
		return (enum ewb_status)EWB_WIRE_UNKNOWN_COLLECTION;
	if (core->collections)
		place(want, in);
	return EWB_OK;
}

void
ewb_scan_place_used(const struct ewb_scan_request *want,
                    const struct ewb_core *core, unsigned row)
{
	struct ewb_collection_use *u;

	if (core->collections == NULL)
		return;
	u = ewb_core_use(core, row, wanted(want, core));
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(&u->scans, 1, memory_order_relaxed);
}

void
ewb_scan_range(const struct ewb_scan_request *w, struct ewb_range *range)
{
	*range = (struct ewb_range){
		.size = w->descending ? sizeof *range : EWB_RANGE_ASCENDING,
		.start_excluded = w->start.excluded,
		.end_excluded = w->end.excluded,
		.start = w->start.there ? w->start.data : NULL,
		.nstart = w->start.n,
		.end = w->end.there ? w->end.data : NULL,
		.nend = w->end.n,
		.keys_only = (uint32_t)w->keys_only,
		.descending = (uint32_t)w->descending,
	};
}

void
ewb_scan_whole(struct ewb_scan_request *want, const struct ewb_core *core)
{
	want->start = want->end = (struct ewb_scan_bound){ 0 };
	if (core->collections)
		place(want, wanted(want, core));
}
