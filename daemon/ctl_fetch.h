/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of many vbuckets of one server, as they are fetched: each vbucket's
 * next records are asked for while the last ones are still being used, a window
 * of vbuckets at a time.  Each vbucket's batch and one record are held, in memory
 * as far as that is bounded, else in a file.
 *
 * Where the server has resumable scans, a lost connection is made again, and each
 * vbucket goes on behind the last record that came; likewise when the server has
 * ended a scan.
 *
 * As in ctl_conn.h, what goes wrong has been said when -1 comes back. */
#ifndef DAEMON_CTL_FETCH_H
#define DAEMON_CTL_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_link.h"
#include "daemon/ctl_range.h"
#include "daemon/ctl_source.h"

#define EWB_CTL_STOPPED (-2)

/* Called before each wait for the server; true: stop. */
typedef bool (*ewb_ctl_wait_fn)(void *arg);

struct ewb_ctl_fetch {
	/* the caller's, before it begins */
	struct ewb_ctl_link *link;
	struct ewb_ctl_range *range;
	uint32_t items;    /* no more than these are needed of each; 0: all */
	bool one_snapshot; /* going on with another one is an error */
	ewb_ctl_wait_fn wait;
	void *wait_arg;
	/* its own */
	struct ewb_ctl_source *source; /* one for each vbucket */
	size_t nsource, ndone, nnew;
	struct ewb_ctl_source **line; /* a ring: to be continued next */
	size_t first, nline, nasked;
	uint32_t batch; /* bytes of a continue */
	size_t held;    /* bytes in memory for records */
	struct ewb_ctl_spill spill;
	bool begun;          /* all have been created once */
	bool other_snapshot; /* and that was said */
	uint64_t trouble;    /* since when nothing came, us; 0: all is well */
	uint64_t pause_ms;   /* before the next attempt */
	bool paused;         /* that was done */
	bool refused;        /* the server has said no, which is the end */
};

/* Takes snapshots of n vbuckets from first on.  0, -1, or EWB_CTL_STOPPED.  End
 * it in any case. */
int ewb_ctl_fetch_begin(struct ewb_ctl_fetch *f, unsigned first, unsigned n);
/* Until the source has a record, or will have none: likewise. */
int ewb_ctl_fetch_fill(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src);
/* Goes on to the source's next record, and asks for more if it will soon be
 * wanted: likewise. */
int ewb_ctl_fetch_drop(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src);
/* The source's record is whole in memory: likewise. */
int ewb_ctl_fetch_load(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src);
/* All are to be read from soon. */
void ewb_ctl_fetch_want_all(struct ewb_ctl_fetch *f);
/* Waits for what is under way, which nobody needs any more: 0 or -1. */
int ewb_ctl_fetch_finish(struct ewb_ctl_fetch *f);
/* Has the server forget what is still open: 0 or -1. */
int ewb_ctl_fetch_cancel(struct ewb_ctl_fetch *f);
/* After n, which is not 0: the same, if the server is there and makes sense. */
void ewb_ctl_fetch_abandon(struct ewb_ctl_fetch *f, int n);
/* Of nsource * EWB_BIN_WHOLE, how much has come: an estimate. */
uint64_t ewb_ctl_fetch_progress(const struct ewb_ctl_fetch *f);
void ewb_ctl_fetch_end(struct ewb_ctl_fetch *f);

/* For its callers, too: -1. */
int ewb_ctl_fetch_broken(const struct ewb_ctl_source *src, const char *what);

#endif
