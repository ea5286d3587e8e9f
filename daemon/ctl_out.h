/* SPDX-License-Identifier: BSD-2-Clause */
/* Standard output, or a file, in large writes.  Zero-filled is ready for use,
 * and standard output. */
#ifndef DAEMON_CTL_OUT_H
#define DAEMON_CTL_OUT_H

#include "daemon/ctl_buf.h"

struct ewb_ctl_out {
	struct ewb_ctl_buf buf; /* append here, then ewb_ctl_out_mark() */
	uint64_t written;       /* when, us */
	const char *file;       /* null: standard output */
	int fd;                 /* of the file, or of: */
	char *part;             /* what takes its place when it is whole, or null */
	char *target;           /* the place: file may be a link */
};

/* A file; what is there is replaced at the end, but a device or a pipe is written as
 * it is: 0, or -1 and says why. */
int ewb_ctl_out_open(struct ewb_ctl_out *o, const char *file);

/* All three: 0; -EPIPE when nobody reads any more; else -errno. */

/* Writes if there is much. */
int ewb_ctl_out_mark(struct ewb_ctl_out *o);
/* Before waiting: writes if the last write is long ago. */
int ewb_ctl_out_idle(struct ewb_ctl_out *o);
int ewb_ctl_out_flush(struct ewb_ctl_out *o);
/* Flushes, and the file is on disk, closed, and in its place. */
int ewb_ctl_out_end(struct ewb_ctl_out *o);
void ewb_ctl_out_fini(struct ewb_ctl_out *o);
/* For err of those: says what is wrong, if anything is, and returns the exit
 * status: a reader who has read enough is none of our errors. */
int ewb_ctl_out_status(int err);

#endif
