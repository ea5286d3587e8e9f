/* SPDX-License-Identifier: BSD-2-Clause */
/* The cursors of a scan over several vbuckets: what a cursor is to a scan of one.
 *
 * In the order of the keys over all of them, each has a cursor, and the one whose
 * record is the lowest is moved on until it offers one that is higher than that of
 * another.  Else the vbuckets come one after the other, with one cursor.
 * The task's own. */
#ifndef SCAN_LEGS_H
#define SCAN_LEGS_H

#include <ewb/engine.h>

struct ewb_scan;
struct ewb_legs;

/* pool: of the vbuckets that the scan wants; none is open.  Null: no memory. */
struct ewb_legs *ewb_legs_new(struct ewb_scan *scan);
/* pool: closes those that are open. */
void ewb_legs_free(struct ewb_legs *l);
/* pool: as an engine's scan_next(), which it calls; also opens what is not. */
enum ewb_status ewb_legs_next(struct ewb_legs *l, struct ewb_sink *sink);
/* pool, within that: is this record, which is offered, higher than that of
 * another vbucket?  Then it is noted. */
int ewb_legs_behind(struct ewb_legs *l, const struct ewb_item *item);

#endif
