/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers in order of time: a binary heap of nodes that live in their owners.
 * Zero-filled is empty.  One thread, or the owner's lock. */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct ewb_timer {
	uint64_t when;  /* us */
	size_t place;   /* 1 and up while in a heap; 0: in none */
};

struct ewb_heap {
	struct ewb_timer **at;
	size_t n, cap;
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
