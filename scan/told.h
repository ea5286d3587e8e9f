/* SPDX-License-Identifier: BSD-2-Clause */
/* What clients are told of a scan.  Whatever an engine says, or a filter makes of
 * it, comes to a status that the command may end with: a continue that ended with
 * 0 would not end for its client, and one with 0xa7 that is not whole would look as
 * if it were.  Total: what has no place there is an internal error. */
#ifndef SCAN_TOLD_H
#define SCAN_TOLD_H

#include <ewb/engine.h>

/* A create's end. */
enum ewb_status ewb_scan_told_create(enum ewb_status s);
/* The end of a continue: never EWB_OK. */
enum ewb_status ewb_scan_told_continue(enum ewb_status s);
/* Of an engine's failure, while a cursor is moved. */
enum ewb_status ewb_scan_told_failure(enum ewb_status s);

#endif
