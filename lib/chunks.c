/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>

#include "lib/check.h"
#include "lib/chunks.h"
#include "lib/hot.h"

/* The size that holds n; EWB_CHUNK_SIZES when none does. */
static unsigned
size_for(size_t n)
{
	unsigned i = 0;

	while (i < EWB_CHUNK_SIZES && ((size_t)EWB_CHUNK_MIN << i) < n)
		i++;
	return i;
}

EWB_HOT static struct ewb_chunk *
take_kept(struct ewb_chunks *s, unsigned size)
{
	struct ewb_chunk *c;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	c = s->free_list[size];
	if (c) {
		s->free_list[size] = c->next;
		s->kept -= c->cap;
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return c;
}

/* 1: it is ours again, for use again. */
static int
keep(struct ewb_chunks *s, struct ewb_chunk *c)
{
	unsigned size = size_for(c->cap);
	int kept;

	if (size == EWB_CHUNK_SIZES)
		return 0;
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	kept = c->cap <= s->keep - s->kept;
	if (kept) {
		c->next = s->free_list[size];
		s->free_list[size] = c;
		s->kept += c->cap;
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return kept;
}

void
ewb_chunks_init(struct ewb_chunks *s, size_t keep_bytes)
{
	*s = (struct ewb_chunks){ .keep = keep_bytes };
	EWB_MUST0(pthread_mutex_init(&s->lock, NULL));
}

void
ewb_chunks_fini(struct ewb_chunks *s)
{
	EWB_MUST(atomic_load(&s->out) == 0);
	for (unsigned i = 0; i < EWB_CHUNK_SIZES; i++) {
		struct ewb_chunk *c;

		while ((c = take_kept(s, i)))
			free(c);
	}
	EWB_MUST0(pthread_mutex_destroy(&s->lock));
}

EWB_HOT struct ewb_chunk *
ewb_chunk_take(struct ewb_chunks *s, size_t n)
{
	unsigned size = size_for(n);
	struct ewb_chunk *c = NULL;
	size_t cap = ewb_chunk_cap(n);

	if (n > UINT32_MAX - EWB_CHUNK_MIN)
		return NULL;
	if (size < EWB_CHUNK_SIZES)
		c = take_kept(s, size);
	if (!c) {
		/* relaxed, here and for out: counts that order nothing. */
		atomic_fetch_add_explicit(&s->mallocs, 1, memory_order_relaxed);
		c = malloc(sizeof(*c) + cap);
		if (!c)
			return NULL;
	}
	c->next = NULL;
	c->cap = (uint32_t)cap;
	c->start = c->len = 0;
	c->refs = 1;
	c->owner = NULL;
	atomic_fetch_add_explicit(&s->out, cap, memory_order_relaxed);
	return c;
}

EWB_HOT void
ewb_chunk_give(struct ewb_chunks *s, struct ewb_chunk *c)
{
	size_t cap = c->cap;

	if (!keep(s, c))
		free(c);
	/* relaxed: a count; whoever calls fini has joined us before. */
	atomic_fetch_sub_explicit(&s->out, cap, memory_order_relaxed);
}
