/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers by chance, the same ones for the same seed: splitmix64. */
#ifndef T_DISK_CHANCE_H
#define T_DISK_CHANCE_H

#include <stdint.h>

struct chance {
	uint64_t state;
};

static inline uint64_t
chance_next(struct chance *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline uint64_t
chance_below(struct chance *c, uint64_t n)
{
	return chance_next(c) % n;
}

#endif
