/* SPDX-License-Identifier: BSD-2-Clause */
/* A range scan over many vbuckets of one server, on one connection, in the
 * order of the keys.  Each vbucket's next records are asked for while the last
 * ones are still being used, a window of vbuckets at a time.  Each vbucket's batch
 * and one record are held, in memory as far as that is bounded, else in a
 * file.
 *
 * As in ctl_conn.h, what goes wrong has been said when -1 comes back. */
#ifndef DAEMON_CTL_SCANNER_H
#define DAEMON_CTL_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_conn.h"
#include "daemon/ctl_range.h"
#include "daemon/ctl_source.h"

#define EWB_CTL_STOPPED (-2)

/* Called before each wait for the server; true: stop. */
typedef bool (*ewb_ctl_wait_fn)(void *arg);

struct ewb_ctl_scanner {
	struct ewb_ctl_conn *conn;
	const struct ewb_ctl_range *range;
	struct ewb_ctl_source *source; /* one for each vbucket */
	size_t nsource, ndone;
	struct ewb_ctl_merge merge;
	struct ewb_ctl_source **line; /* a ring: to be continued next */
	size_t first, nline, nasked;
	uint32_t batch;               /* bytes of a continue */
	uint32_t items;               /* at most, of a continue; 0: any */
	bool primed;                  /* every vbucket has been read from */
	struct ewb_ctl_source *given; /* its first record is the caller's */
	struct ewb_ctl_buf last;      /* the key before */
	size_t held;                  /* bytes in memory for records */
	struct ewb_ctl_spill spill;
	ewb_ctl_wait_fn wait;
	void *wait_arg;
};

/* Takes snapshots of n vbuckets from first on.  items: no more than these are
 * needed of each; 0: all.  wait may be null.  0, -1, or EWB_CTL_STOPPED.
 * Close it in any case. */
int ewb_ctl_scanner_open(struct ewb_ctl_scanner *s, struct ewb_ctl_conn *c,
                         const struct ewb_ctl_range *range, unsigned first,
                         unsigned n, uint32_t items, ewb_ctl_wait_fn wait,
                         void *arg);
/* The next record, until the next call: 1, 0 at the end, -1, or
 * EWB_CTL_STOPPED. */
int ewb_ctl_scanner_next(struct ewb_ctl_scanner *s,
                         const struct ewb_bin_record **r);
/* Has the server forget what is still open: 0 or -1. */
int ewb_ctl_scanner_cancel(struct ewb_ctl_scanner *s);
void ewb_ctl_scanner_close(struct ewb_ctl_scanner *s);

#endif
