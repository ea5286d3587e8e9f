/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cookie/stream.h"
#include "protocol/frame.h"
#include "scan/legs.h"
#include "scan/sink.h"

struct ewb_leg {
	void *cursor;
	struct ewb_range range;
	/* of its next record; lower, if that was not offered yet */
	size_t nkey;
	uint8_t key[EWB_KEY_MAX];
};

struct ewb_legs {
	struct ewb_scan *scan;
	unsigned next, past; /* vbuckets that are not open yet */
	unsigned max;        /* open at once */
	unsigned live;       /* open: the lowest key at heap[0] */
	const struct ewb_leg *other; /* the lowest of the others; or null */
	struct ewb_leg **heap;
	struct ewb_leg leg[];
};

struct ewb_legs *
ewb_legs_new(struct ewb_scan *scan)
{
	unsigned max = scan->ncursors;
	struct ewb_legs *l = calloc(1, sizeof *l + max * sizeof l->leg[0]);

	if (l == NULL)
		return NULL;
	l->scan = scan;
	l->next = scan->want.first;
	l->past = scan->want.past;
	l->max = max;
	l->heap = calloc(max, sizeof(struct ewb_leg *));
	if (l->heap)
		return l;
	free(l);
	return NULL;
}

/* The heap. */

static int
is_lower(const struct ewb_leg *a, const struct ewb_leg *b)
{
	size_t n = a->nkey < b->nkey ? a->nkey : b->nkey;
	int order = memcmp(a->key, b->key, n);

	return order ? order < 0 : a->nkey < b->nkey;
}

/* The lower one of two places; past the end there is none. */
static unsigned
lower(const struct ewb_legs *l, unsigned a, unsigned b)
{
	return b < l->live && is_lower(l->heap[b], l->heap[a]) ? b : a;
}

/* The first one's key is another. */
static void
sink_first(struct ewb_legs *l)
{
	unsigned at = 0, least;
	struct ewb_leg *leg;

	while (2 * at + 1 < l->live) {
		least = lower(l, 2 * at + 1, 2 * at + 2);
		if (!is_lower(l->heap[least], l->heap[at]))
			return;
		leg = l->heap[at];
		l->heap[at] = l->heap[least];
		l->heap[least] = leg;
		at = least;
	}
}

/* Cursors. */

/* It has no key yet, so it is the lowest. */
static enum ewb_status
open_next(struct ewb_legs *l)
{
	struct ewb_instance *i = l->scan->instance;
	struct ewb_leg *leg = &l->leg[l->max > 1 ? l->live : 0];
	enum ewb_status status;
	uint64_t count;

	leg->range = l->scan->line->range;
	leg->range.vbucket = (uint16_t)l->next;
	leg->nkey = 0;
	status = i->engine.scan_open(i->self, &leg->range, &leg->cursor,
	                             &count);
	if (status == EWB_END)
		return EWB_WOULDBLOCK; /* as little of a status as that is */
	if (status != EWB_OK)
		return status;
	l->next++;
	l->heap[l->live++] = leg;
	return EWB_OK;
}

static void
close_first(struct ewb_legs *l)
{
	struct ewb_instance *i = l->scan->instance;

	i->engine.scan_close(i->self, l->heap[0]->cursor);
	l->heap[0] = l->heap[--l->live];
	sink_first(l);
}

void
ewb_legs_free(struct ewb_legs *l)
{
	while (l->live)
		close_first(l);
	free(l->heap);
	free(l);
}

/* In order all are open before the first is moved: what is lower than all may
 * be in any.  EWB_OK: unless refused. */
static enum ewb_status
open_all(struct ewb_legs *l, struct ewb_sink *sink)
{
	enum ewb_status status = EWB_OK;

	while (l->next < l->past && (l->max > 1 || l->live == 0) &&
	       status == EWB_OK && !ewb_sink_tired(sink)) {
		status = open_next(l);
		ewb_sink_opened(sink);
	}
	return status;
}

int
ewb_legs_behind(struct ewb_legs *l, const struct ewb_item *item)
{
	struct ewb_leg *leg = l->heap[0];
	const struct ewb_leg *other = l->other;
	int order;

	if (other == NULL)
		return 0;
	order = memcmp(item->key, other->key,
	               item->nkey < other->nkey ? item->nkey : other->nkey);
	if (order < 0 || (order == 0 && item->nkey <= other->nkey))
		return 0;
	memcpy(leg->key, item->key, item->nkey);
	leg->nkey = item->nkey;
	return 1;
}

/* Moves the first on.  *over: the call is. */
static enum ewb_status
move_first(struct ewb_legs *l, struct ewb_sink *sink, int *over)
{
	struct ewb_instance *i = l->scan->instance;
	enum ewb_status status;

	l->other = l->live > 1 ? l->heap[lower(l, 1, 2)] : NULL;
	status = i->engine.scan_next(i->self, l->heap[0]->cursor, sink);
	*over = 1;
	if (!ewb_sink_heeded(sink, sink->c, status))
		return EWB_INTERNAL;
	if (status == EWB_END) {
		close_first(l);
		ewb_stream_moves(sink->c->stream);
		*over = sink->refused == EWB_REFUSED_DEAD;
		return EWB_OK;
	}
	if (status == EWB_OK && sink->refused == EWB_REFUSED_BEHIND) {
		sink->refused = EWB_REFUSED_NOT;
		sink_first(l);
		*over = 0;
	}
	return status;
}

enum ewb_status
ewb_legs_next(struct ewb_legs *l, struct ewb_sink *sink)
{
	enum ewb_status status;
	int over = 0;

	do {
		status = open_all(l, sink);
		if (status != EWB_OK || sink->refused != EWB_REFUSED_NOT)
			return status;
		if (l->live == 0)
			return EWB_END;
		status = move_first(l, sink, &over);
	} while (!over);
	return status;
}
