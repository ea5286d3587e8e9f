/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "lib/hist.h"

/* 0 to 3 have a bucket each; from 4 on the two bits below the highest choose
 * one of the four of its power. */
static unsigned
bucket(uint64_t value)
{
	unsigned top, b;

	if (value < 4)
		return (unsigned)value;
	top = 63u - (unsigned)__builtin_clzll(value);
	b = (top - 1) * 4 + (unsigned)(value >> (top - 2) & 3);
	return b < EWB_HIST_BUCKETS ? b : EWB_HIST_BUCKETS - 1;
}

static uint64_t
upper_edge(unsigned b)
{
	unsigned shift;

	if (b < 4)
		return b;
	shift = b / 4 - 1;
	return (((uint64_t)4 + b % 4 + 1) << shift) - 1;
}

void
ewb_hist_add(struct ewb_hist *h, uint64_t value)
{
	ewb_hist_add_n(h, value, 1);
}

void
ewb_hist_add_n(struct ewb_hist *h, uint64_t value, uint64_t n)
{
	h->count += n;
	h->sum += value * n;
	if (value > h->max)
		h->max = value;
	h->at[bucket(value)] += n;
}

void
ewb_hist_merge(struct ewb_hist *into, const struct ewb_hist *from)
{
	into->count += from->count;
	into->sum += from->sum;
	if (from->max > into->max)
		into->max = from->max;
	for (unsigned i = 0; i < EWB_HIST_BUCKETS; i++)
		into->at[i] += from->at[i];
}

uint64_t
ewb_hist_quantile(const struct ewb_hist *h, double part)
{
	double rank = part * (double)h->count;
	uint64_t seen = 0;

	for (unsigned i = 0; i < EWB_HIST_BUCKETS - 1; i++) {
		seen += h->at[i];
		if (seen && (double)seen >= rank)
			return upper_edge(i) < h->max ? upper_edge(i) : h->max;
	}
	return h->max;
}
