/* SPDX-License-Identifier: BSD-2-Clause */
/* What a create requires of its snapshot: that it is of a certain history, shows
 * what was made up to a certain mutation, and has that one's record.
 *
 *      reached? ── no ──▶ the create's task parks ──mutation──▶ reached?
 *         └─ yes ─▶ the cursor is opened ─▶ a second one looks for the record
 */
#ifndef SCAN_REQUIRE_H
#define SCAN_REQUIRE_H

#include "scan/scan.h"

struct ewb_sink;

/* 0xa8: it is another history. */
#define EWB_OTHER_HISTORY ((enum ewb_status)0xa8)

/* front: EWB_OK; or what the create is to be answered, and why.  *ms: how long
 * it may take, if it waits or not; 0: as long as others. */
enum ewb_status ewb_require_look(const struct ewb_instance *i, uint16_t vbucket,
                                 const struct ewb_scan_request *want,
                                 uint32_t *ms, const char **why);
/* pool, the create's task: EWB_OK: it is so.  EWB_WOULDBLOCK: not yet; the task
 * has parked, and is woken. */
enum ewb_status ewb_require_wait(struct ewb_scan *scan, struct ewb_task *t,
                                 struct ewb_cookie *c);
/* any: no mutation wakes the task any more. */
void ewb_require_drop(struct ewb_scan *scan);
/* pool, with the cursor open: looks for the record.  EWB_OK: it was there when the
 * cursor was opened.  *again: it has not come to an end. */
enum ewb_status ewb_require_record(struct ewb_scan *scan, struct ewb_task *t,
                                   struct ewb_cookie *c, int *again);
/* pool: the second cursor is closed. */
void ewb_require_close(struct ewb_scan *scan);

#endif
