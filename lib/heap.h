/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers in order of time, nodes that live in their owners: a row, to which a
 * timer is appended that is due after all in it, and a binary heap of all
 * others.  So timers of one duration, which are nearly all, cost nothing to
 * add and to drop.  Zero-filled is empty.  One thread, or the owner's lock. */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct ewb_timer {
	uint64_t when;  /* us */
	size_t place;   /* 1 and up while in the heap or the row; 0: in none */
	struct ewb_timer *next, *prev; /* in the row */
};

struct ewb_heap {
	struct ewb_timer **at;
	size_t nheap, cap;
	struct ewb_timer *first, *last; /* the row */
	size_t n; /* in both */
};

/* Room for n timers in all: after this, adding up to n cannot fail. */
int ewb_heap_reserve(struct ewb_heap *h, size_t n);
/* 0 or -ENOMEM.  t must be in no heap. */
int ewb_heap_add(struct ewb_heap *h, struct ewb_timer *t, uint64_t when);
/* Nothing when t is in no heap. */
void ewb_heap_drop(struct ewb_heap *h, struct ewb_timer *t);
/* The earliest; null when empty. */
struct ewb_timer *ewb_heap_first(const struct ewb_heap *h);
/* Takes out and returns the earliest if its time is now or before; else null. */
struct ewb_timer *ewb_heap_due(struct ewb_heap *h, uint64_t now);
/* It must be empty. */
void ewb_heap_fini(struct ewb_heap *h);

#endif
