/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl_sample.h"

/* The next larger square root. */
static uint64_t
root(uint64_t n)
{
	uint64_t r = 0;

	while (r * r < n)
		r++;
	return r;
}

uint64_t
ewb_ctl_sample_each(uint64_t k, unsigned n)
{
	uint64_t each = (k + n - 1) / n;

	/* Four standard deviations more than the mean, and some for when it
	 * is small: also a server's sample is of about the size asked for. */
	return each + 4 * root(each) + 12;
}

/* FNV-1a, then the finish of splitmix64, for FNV alone mixes too little. */
static uint64_t
hash(uint64_t seed, const uint8_t *key, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u ^ seed;
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ key[i]) * 0x100000001b3u;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 27) * 0x94d049bb133111ebu;
	return h ^ h >> 31;
}

static int
by_rank(const void *left, const void *right)
{
	const struct ewb_ctl_pick *a = left, *b = right;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return a->order < b->order ? -1 : 1;
}

static int
by_order(const void *left, const void *right)
{
	const struct ewb_ctl_pick *a = left, *b = right;

	return a->order < b->order ? -1 : 1;
}

static void
cut(struct ewb_ctl_sample *s)
{
	if (s->n <= s->k)
		return;
	qsort(s->at, s->n, sizeof(*s->at), by_rank);
	while (s->n > s->k)
		free(s->at[--s->n].line);
}

static int
grow(struct ewb_ctl_sample *s)
{
	size_t cap = s->cap ? 2 * s->cap : 64;
	struct ewb_ctl_pick *at = realloc(s->at, cap * sizeof(*at));

	if (!at)
		return -ENOMEM;
	s->at = at;
	s->cap = cap;
	return 0;
}

int
ewb_ctl_sample_add(struct ewb_ctl_sample *s, const void *key, size_t nkey,
                   const void *line, size_t nline)
{
	struct ewb_ctl_pick *p;

	if (s->n >= 2 * s->k)
		cut(s);
	if (s->n == s->cap && grow(s))
		return -ENOMEM;
	p = &s->at[s->n];
	p->line = malloc(nline ? nline : 1);
	if (!p->line)
		return -ENOMEM;
	memcpy(p->line, line, nline);
	p->nline = nline;
	p->rank = hash(s->seed, key, nkey);
	p->order = s->order++;
	s->n++;
	return 0;
}

void
ewb_ctl_sample_end(struct ewb_ctl_sample *s)
{
	cut(s);
	if (s->n)
		qsort(s->at, s->n, sizeof(*s->at), by_order);
}

void
ewb_ctl_sample_fini(struct ewb_ctl_sample *s)
{
	while (s->n)
		free(s->at[--s->n].line);
	free(s->at);
	*s = (struct ewb_ctl_sample){ 0 };
}
