/* SPDX-License-Identifier: BSD-2-Clause */
/* Latencies, in nanoseconds: 64 buckets for each power of two, so that a
 * quantile is right to 1.6 %.  Zero-filled is empty. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdint.h>

#define TALLY_BITS 6

struct tally {
	uint64_t count, max;
	uint64_t at[(64 - TALLY_BITS) << TALLY_BITS];
};

void tally_add(struct tally *t, uint64_t ns, uint64_t times);
/* Microseconds; 0 < part < 1. */
double tally_us(const struct tally *t, double part);

#endif
