/* SPDX-License-Identifier: BSD-2-Clause */
/* A range scan over many vbuckets of one server, on one connection, in the order
 * of the keys.
 *
 * As in ctl_conn.h, what goes wrong has been said when -1 comes back. */
#ifndef DAEMON_CTL_SCANNER_H
#define DAEMON_CTL_SCANNER_H

#include <stdbool.h>

#include "daemon/ctl_fetch.h"
#include "daemon/ctl_source.h"

struct ewb_ctl_scanner {
	struct ewb_ctl_fetch fetch; /* its caller's fields are the caller's */
	struct ewb_ctl_merge merge;
	bool primed;                  /* every vbucket has been read from */
	struct ewb_ctl_source *given; /* its first record is the caller's */
	struct ewb_ctl_buf last;      /* the key before */
};

/* Takes snapshots of n vbuckets from first on.  0, -1, or EWB_CTL_STOPPED.
 * Close it in any case. */
int ewb_ctl_scanner_open(struct ewb_ctl_scanner *s, unsigned first, unsigned n);
/* The next record, until the next call: 1, 0 at the end, -1, or
 * EWB_CTL_STOPPED. */
int ewb_ctl_scanner_next(struct ewb_ctl_scanner *s,
                         const struct ewb_bin_record **r);
void ewb_ctl_scanner_close(struct ewb_ctl_scanner *s);

#endif
