/* SPDX-License-Identifier: BSD-2-Clause */
#include "range.h"

/* Just behind this key: no other key is between. */
static void
step_over(struct dur_key *k)
{
	k->at[k->n++] = 0;
}

static bool
is_descending(const struct ewb_range *r)
{
	return r->size >= offsetof(struct ewb_range, descending) +
	                          sizeof r->descending &&
	       r->descending;
}

static void
set_bounds(struct dur_range *g, const struct ewb_range *range)
{
	g->keys_only = range->keys_only != 0;
	g->descending = is_descending(range);
	dur_key_make(&g->first, range->vbucket, range->start,
	             range->start ? range->nstart : 0);
	if (range->start && range->start_excluded)
		step_over(&g->first);
	if (!range->end) {
		dur_key_make_end(&g->past, range->vbucket);
		return;
	}
	dur_key_make(&g->past, range->vbucket, range->end, range->nend);
	if (!range->end_excluded)
		step_over(&g->past);
}

void
dur_range_set(struct dur_range *g, const struct ewb_range *range, uint32_t now)
{
	g->opened_at = now;
	g->vbucket = range->vbucket;
	g->whole = !range->start && !range->end;
	set_bounds(g, range);
}

void
dur_range_change(struct dur_range *g, const struct ewb_range *range)
{
	g->whole = false; /* what was seen before and will be is not once each */
	set_bounds(g, range);
}

uint64_t
dur_range_begin(struct dur_range *g, const struct dur_state *s)
{
	dur_state_note(s, g->vbucket, &g->count);
	return dur_state_records(s, g->vbucket);
}

enum ewb_status
dur_range_offer(struct dur_range *g, struct ewb_sink *sink, const void *key,
                size_t nkey, const void *value, size_t n)
{
	enum ewb_status status = EWB_OK;
	struct ewb_item i;

	if (nkey < DUR_KEY_HEAD || !dur_value_read(&i, value, n))
		return EWB_INTERNAL;
	i.key = (const char *)key + DUR_KEY_HEAD;
	i.nkey = nkey - DUR_KEY_HEAD;
	if (g->keys_only) {
		i.value = NULL;
		i.nvalue = 0;
	}
	if (!dur_expired(i.expiry, g->opened_at))
		status = ewb_sink_put(sink, &i);
	if (status == EWB_OK)
		g->seen++;
	return status;
}

void
dur_range_end(struct dur_range *g, struct dur_state *s)
{
	if (g->whole)
		dur_state_fix(s, g->vbucket, &g->count, g->seen);
	g->whole = false;
}
