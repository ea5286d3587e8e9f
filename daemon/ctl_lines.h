/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines of a file, one after another, no longer than they may be. */
#ifndef DAEMON_CTL_LINES_H
#define DAEMON_CTL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_buf.h"

struct ewb_ctl_lines {
	int fd;
	const char *name; /* for messages */
	uint64_t size;    /* bytes of all; 0: not known */
	size_t max;       /* bytes of a line; the caller sets it */
	uint64_t n;       /* number of the last line, from 1 */
	uint64_t nbytes;  /* of all lines so far */
	struct ewb_ctl_buf in;
	size_t taken;  /* bytes of in that the last line still stands in */
	size_t looked; /* bytes of in that have no line's end */
	bool at_end;
};

/* Standard input when file is null or "-".  0, or -1 and says why. */
int ewb_ctl_lines_open(struct ewb_ctl_lines *l, const char *file);
void ewb_ctl_lines_close(struct ewb_ctl_lines *l);
/* The next line without its end, the caller's to change until the next call: 1,
 * 0 at the end, or -1 and says why. */
int ewb_ctl_lines_next(struct ewb_ctl_lines *l, char **line, size_t *n);
/* "ewbctl: file:line: " and the text; returns -1. */
int ewb_ctl_lines_bad(const struct ewb_ctl_lines *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
