/* SPDX-License-Identifier: BSD-2-Clause */
/* Exactly k lines chosen from a stream whose length is not known: those whose
 * keys have the least hashes under a seed.  The same seed and lines make the
 * same choice.  Zero-filled but for k and seed is ready for use. */
#ifndef DAEMON_CTL_SAMPLE_H
#define DAEMON_CTL_SAMPLE_H

#include "daemon/ctl_buf.h"

struct ewb_ctl_pick {
	uint64_t rank;
	uint64_t order; /* in which it came */
	uint8_t *line;  /* ours */
	size_t nline;
};

struct ewb_ctl_sample {
	size_t k;
	uint64_t seed;
	struct ewb_ctl_pick *at;
	size_t n, cap;
	uint64_t order;
};

/* How many to ask of each of n vbuckets, so that k are found in all of them
 * together although chance spreads the keys, and their choice, unevenly. */
uint64_t ewb_ctl_sample_each(uint64_t k, unsigned n);
/* A line, copied: 0 or -ENOMEM. */
int ewb_ctl_sample_add(struct ewb_ctl_sample *s, const void *key, size_t nkey,
                       const void *line, size_t nline);
/* Chooses: then at[0..n) are the chosen ones, as they came. */
void ewb_ctl_sample_end(struct ewb_ctl_sample *s);
void ewb_ctl_sample_fini(struct ewb_ctl_sample *s);

#endif
