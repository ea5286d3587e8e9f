/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "bench/tally.h"

#define SUB (1u << TALLY_BITS)

static unsigned
bucket(uint64_t v)
{
	unsigned e;

	if (v < SUB)
		return (unsigned)v;
	e = 63 - (unsigned)__builtin_clzll(v);
	return ((e - TALLY_BITS + 1) << TALLY_BITS) +
	       ((unsigned)(v >> (e - TALLY_BITS)) & (SUB - 1));
}

static uint64_t
middle(unsigned i)
{
	unsigned e = i >> TALLY_BITS, m = i & (SUB - 1);

	if (e == 0)
		return m;
	return ((uint64_t)(SUB + m) << (e - 1)) + ((1ull << (e - 1)) >> 1);
}

void
tally_add(struct tally *t, uint64_t ns, uint64_t times)
{
	t->at[bucket(ns)] += times;
	t->count += times;
	if (ns > t->max)
		t->max = ns;
}

double
tally_us(const struct tally *t, double part)
{
	uint64_t want = (uint64_t)((double)t->count * part), sum = 0;
	unsigned i;

	for (i = 0; i < sizeof t->at / sizeof *t->at; i++)
		if ((sum += t->at[i]) > want)
			return (double)middle(i) / 1e3;
	return (double)t->max / 1e3;
}
