/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/check.h"
#include "lib/heap.h"

#define ROOM_AT_FIRST 16
#define IN_ROW SIZE_MAX /* a place */

/* at[0] is place 1, so that place 0 means: in no heap. */
static void
put(struct ewb_heap *h, size_t place, struct ewb_timer *t)
{
	h->at[place - 1] = t;
	t->place = place;
}

static void
rise(struct ewb_heap *h, size_t place, struct ewb_timer *t)
{
	while (place > 1) {
		struct ewb_timer *above = h->at[place / 2 - 1];

		if (above->when <= t->when)
			break;
		put(h, place, above);
		place /= 2;
	}
	put(h, place, t);
}

static void
sink(struct ewb_heap *h, size_t place, struct ewb_timer *t)
{
	for (;;) {
		size_t below = place * 2;

		if (below > h->nheap)
			break;
		if (below < h->nheap && h->at[below]->when < h->at[below - 1]->when)
			below++;
		if (t->when <= h->at[below - 1]->when)
			break;
		put(h, place, h->at[below - 1]);
		place = below;
	}
	put(h, place, t);
}

int
ewb_heap_reserve(struct ewb_heap *h, size_t n)
{
	size_t cap = h->cap ? h->cap : ROOM_AT_FIRST;
	struct ewb_timer **at;

	if (n <= h->cap)
		return 0;
	while (cap < n) {
		if (cap > SIZE_MAX / 2 / sizeof(*at))
			return -ENOMEM;
		cap *= 2;
	}
	at = realloc(h->at, cap * sizeof(*at));
	if (!at)
		return -ENOMEM;
	h->at = at;
	h->cap = cap;
	return 0;
}

/* The row. */

static void
append(struct ewb_heap *h, struct ewb_timer *t)
{
	t->place = IN_ROW;
	t->next = NULL;
	t->prev = h->last;
	if (h->last)
		h->last->next = t;
	else
		h->first = t;
	h->last = t;
}

static void
leave_row(struct ewb_heap *h, struct ewb_timer *t)
{
	if (t->next)
		t->next->prev = t->prev;
	else
		h->last = t->prev;
	if (t->prev)
		t->prev->next = t->next;
	else
		h->first = t->next;
	t->place = 0;
}

int
ewb_heap_add(struct ewb_heap *h, struct ewb_timer *t, uint64_t when)
{
	int err;

	EWB_MUST(t->place == 0);
	t->when = when;
	if (h->last == NULL || h->last->when <= when) {
		append(h, t);
	} else {
		err = ewb_heap_reserve(h, h->nheap + 1);
		if (err)
			return err;
		rise(h, ++h->nheap, t);
	}
	h->n++;
	return 0;
}

static void
leave_heap(struct ewb_heap *h, struct ewb_timer *t)
{
	size_t place = t->place;
	struct ewb_timer *last;

	EWB_MUST(place <= h->nheap && h->at[place - 1] == t);
	last = h->at[--h->nheap];
	t->place = 0;
	if (last == t)
		return;
	if (place > 1 && last->when < h->at[place / 2 - 1]->when)
		rise(h, place, last);
	else
		sink(h, place, last);
}

void
ewb_heap_drop(struct ewb_heap *h, struct ewb_timer *t)
{
	if (t->place == 0)
		return;
	if (t->place == IN_ROW)
		leave_row(h, t);
	else
		leave_heap(h, t);
	h->n--;
}

struct ewb_timer *
ewb_heap_first(const struct ewb_heap *h)
{
	if (h->nheap == 0 || (h->first && h->first->when <= h->at[0]->when))
		return h->first;
	return h->at[0];
}

struct ewb_timer *
ewb_heap_due(struct ewb_heap *h, uint64_t now)
{
	struct ewb_timer *t = ewb_heap_first(h);

	if (!t || t->when > now)
		return NULL;
	ewb_heap_drop(h, t);
	return t;
}

void
ewb_heap_fini(struct ewb_heap *h)
{
	EWB_MUST(h->n == 0);
	free(h->at);
	*h = (struct ewb_heap){ 0 };
}
