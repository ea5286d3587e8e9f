/* SPDX-License-Identifier: BSD-2-Clause */
/* Cursors, and the records that they offer. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"
#include "kit/memory.h"
#include "kit/watch.h"
#include "lib/check.h"
#include "protocol/frame.h"

enum ewb_status ewb_real_sink_put(struct ewb_sink *sink,
                                  const struct ewb_item *item);

/* set once, by kit_watch_cursors(): as it was */
static struct ewb_engine inner;

/* Ours is around the engine's, with what it has offered. */

struct cursor {
	void *theirs;
	struct ewb_range range;
	char start[256], end[256];
	char last[256], refused[256]; /* keys */
	size_t nlast, nrefused;
	bool any, again; /* a record was taken; one was refused */
};

static _Thread_local struct cursor *at; /* whose scan_next() this is */

static void
copy_bounds(struct cursor *k, const struct ewb_range *range)
{
	k->range = *range;
	if (range->start)
		k->range.start = memcpy(k->start, range->start, range->nstart);
	if (range->end)
		k->range.end = memcpy(k->end, range->end, range->nend);
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	struct cursor *k = calloc(1, sizeof *k);
	enum ewb_status status;

	EWB_MUST(k);
	copy_bounds(k, range);
	kit_memory_inside(1);
	status = inner.scan_open(self, range, &k->theirs, count);
	kit_memory_inside(-1);
	if (status != EWB_OK) {
		free(k);
		return status;
	}
	atomic_fetch_add(&kit_seen.opened, 1);
	atomic_store(&kit_seen.count, *count);
	*cursor = k;
	return EWB_OK;
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	struct cursor *k = cursor;
	enum ewb_status status;

	at = k;
	kit_memory_inside(1);
	status = inner.scan_next(self, k->theirs, sink);
	kit_memory_inside(-1);
	at = NULL;
	return status;
}

static enum ewb_status
scan_seek(void *self, void *cursor, const struct ewb_range *range)
{
	struct cursor *k = cursor;
	enum ewb_status status;

	kit_memory_inside(1);
	status = inner.scan_seek(self, k->theirs, range);
	kit_memory_inside(-1);
	if (status != EWB_OK)
		return status;
	copy_bounds(k, range);
	k->any = k->again = false;
	atomic_fetch_add(&kit_seen.sought, 1);
	return EWB_OK;
}

static void
scan_close(void *self, void *cursor)
{
	struct cursor *k = cursor;

	kit_memory_inside(1);
	inner.scan_close(self, k->theirs);
	kit_memory_inside(-1);
	atomic_fetch_add(&kit_seen.closed, 1);
	free(k);
}

void
kit_watch_cursors(struct ewb_engine *e)
{
	inner = *e;
	e->scan_open = scan_open;
	e->scan_next = scan_next;
	e->scan_close = scan_close;
	if (inner.scan_seek)
		e->scan_seek = scan_seek;
}

/* Records. */

static int
compare(const void *a, size_t na, const void *b, size_t nb)
{
	int order = memcmp(a, b, na < nb ? na : nb);

	return order ? order : (na > nb) - (na < nb);
}

static int
within(const struct ewb_range *r, const void *key, size_t nkey)
{
	int order;

	if (r->start) {
		order = compare(key, nkey, r->start, r->nstart);
		if (order < 0 || (order == 0 && r->start_excluded))
			return 0;
	}
	if (r->end) {
		order = compare(key, nkey, r->end, r->nend);
		if (order > 0 || (order == 0 && r->end_excluded))
			return 0;
	}
	return 1;
}

static void
look_at(struct cursor *k, const struct ewb_item *item)
{
	char key[80], other[80];

	kit_spell(key, sizeof key, item->key, item->nkey);
	if (item->nkey == 0 || item->nkey > EWB_KEY_MAX) {
		kit_watch_note(KIT_BREACH_ORDER,
		               "a scan offered a key of %zu bytes", item->nkey);
		return;
	}
	if (!within(&k->range, item->key, item->nkey))
		kit_watch_note(KIT_BREACH_UNASKED,
		               "a scan offered the key %s, which is outside of "
		               "its range",
		               key);
	if (k->any && compare(item->key, item->nkey, k->last, k->nlast) *
	                              (k->range.descending ? -1 : 1) <=
	                      0)
		kit_watch_note(
			KIT_BREACH_ORDER,
			"a scan offered the key %s after %s%s: keys are "
			"compared as "
			"unsigned bytes, then by length, and each comes once",
			key, kit_spell(other, sizeof other, k->last, k->nlast),
			k->range.descending ? ", descending" : "");
	if (k->again &&
	    compare(item->key, item->nkey, k->refused, k->nrefused) != 0)
		kit_watch_note(
			KIT_BREACH_REFUSED,
			"a scan whose record %s had been refused offered %s "
		        "first "
			"the next time",
			kit_spell(other, sizeof other, k->refused, k->nrefused),
			key);
}

enum ewb_status
ewb_sink_put(struct ewb_sink *sink, const struct ewb_item *item)
{
	struct cursor *k = at;
	enum ewb_status status;

	if (k == NULL || item->key == NULL) {
		kit_watch_note(
			KIT_BREACH_ORDER,
			k ? "a scan offered a record without a key"
			  : "ewb_sink_put() was called outside of scan_next()");
		return EWB_WOULDBLOCK;
	}
	look_at(k, item);
	status = ewb_real_sink_put(sink, item);
	if (item->nkey > EWB_KEY_MAX)
		return status;
	k->again = status == EWB_WOULDBLOCK;
	if (k->again) {
		memcpy(k->refused, item->key, item->nkey);
		k->nrefused = item->nkey;
	} else {
		k->any = true;
		memcpy(k->last, item->key, item->nkey);
		k->nlast = item->nkey;
	}
	return status;
}
