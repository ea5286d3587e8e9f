/* SPDX-License-Identifier: BSD-2-Clause */
/* How often which duration: four buckets for each power of two.  Zero-filled
 * is empty, whatever the unit is.  One writer or the owner's lock. */
#ifndef LIB_HIST_H
#define LIB_HIST_H

#include <stdint.h>

#define EWB_HIST_BUCKETS 160 /* up to 2^40: 12 days of us, 18 minutes of ns */

struct ewb_hist {
	uint64_t count, sum, max;
	uint64_t at[EWB_HIST_BUCKETS];
};

void ewb_hist_add(struct ewb_hist *h, uint64_t value);
/* A sample that speaks for n. */
void ewb_hist_add_n(struct ewb_hist *h, uint64_t value, uint64_t n);
void ewb_hist_merge(struct ewb_hist *into, const struct ewb_hist *from);
/* The upper edge of the bucket that holds the part-th value, 0 < part <= 1;
 * never above max.  0 when empty. */
uint64_t ewb_hist_quantile(const struct ewb_hist *h, double part);

#endif
