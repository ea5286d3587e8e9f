/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scan is to cover, and how the server is asked for it. */
#ifndef DAEMON_CTL_RANGE_H
#define DAEMON_CTL_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_buf.h"

struct ewb_ctl_range {
	struct ewb_ctl_buf start, end;
	bool has_start, has_end; /* else no bound */
	bool end_excluded;
	bool keys_only;
	bool descending;
	bool resumable; /* the scan outlives its connection */
	bool has_collection;
	uint32_t collection;
	uint64_t nsamples; /* 0: no sampling, the range counts */
	uint64_t seed;
};

/* The keys that begin with prefix: from it to the first key after all of
 * them, if there is one.  0 or -ENOMEM. */
int ewb_ctl_range_prefix(struct ewb_ctl_range *r, const void *prefix, size_t n);
/* Appends the JSON text of a scan's creation.  token: of EWB_BIN_TOKEN bytes, it
 * goes on with the one that this is from, behind the key last[0..nlast), or from
 * the beginning if there is none; null: it is a new one.  0 or -ENOMEM. */
int ewb_ctl_range_json(const struct ewb_ctl_range *r, const void *token,
                       const void *last, size_t nlast, struct ewb_ctl_buf *out);
void ewb_ctl_range_fini(struct ewb_ctl_range *r);

#endif
