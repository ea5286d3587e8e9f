/* SPDX-License-Identifier: BSD-2-Clause */
/* What ewbctl tells people on stderr: errors, one line each, and how far it
 * is.  A bar is drawn on a terminal only, and gives way to any line. */
#ifndef DAEMON_CTL_SAY_H
#define DAEMON_CTL_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "ewbctl: " and one line, at once.  Returns -1, for return. */
int ewb_ctl_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* From now on ewb_ctl_say() says nothing, but keeps the line; or says it again.
 * For what is tried more than once. */
void ewb_ctl_hold(bool on);
/* What was kept last. */
const char *ewb_ctl_held(void);
/* One line as it is. */
void ewb_ctl_tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What errno means, in our lower case.  Static, until the next call. */
const char *ewb_ctl_strerror(int err);
/* CLOCK_MONOTONIC, microseconds. */
uint64_t ewb_ctl_now(void);

struct ewb_ctl_progress {
	bool bar;             /* stderr is a terminal */
	uint64_t from, drawn; /* us */
	uint64_t nrecords, nbytes;
	uint64_t done, total; /* what the bar shows; total 0: not known */
	const char *unit; /* "vbuckets": done and total are shown in numbers */
};

void ewb_ctl_progress_init(struct ewb_ctl_progress *p, const char *unit);
/* Draws the bar if there is one and it is time. */
void ewb_ctl_progress_draw(struct ewb_ctl_progress *p);
/* Takes the bar away. */
void ewb_ctl_progress_fini(struct ewb_ctl_progress *p);
/* "60123 records, 15.2 MB, 0.41 s, 146000 records/s" */
#define EWB_CTL_SUMMARY_MAX 128
void ewb_ctl_progress_summary(const struct ewb_ctl_progress *p,
                              char out[EWB_CTL_SUMMARY_MAX]);

#endif
