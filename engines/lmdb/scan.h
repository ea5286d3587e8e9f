/* SPDX-License-Identifier: BSD-2-Clause */
/* Cursors: a read transaction each, which sees the database as it was when it
 * was begun.  What is written meanwhile cannot use the pages that it may need,
 * and the file grows: so a cursor is ended when it is too old. */
#ifndef LMDB_SCAN_H
#define LMDB_SCAN_H

#include "db.h"

/* pool or start.  When it fails it has said why. */
enum ewb_status ldb_scans_open(struct ldb *d);
void ldb_scans_close(struct ldb *d);

/* pool */
enum ewb_status ldb_scan_open(struct ldb *d, const struct ewb_range *range,
                              void **cursor, uint64_t *count);
enum ewb_status ldb_scan_next(struct ldb *d, void *cursor,
                              struct ewb_sink *sink);
enum ewb_status ldb_scan_seek(struct ldb *d, void *cursor,
                              const struct ewb_range *range);
void ldb_scan_close(struct ldb *d, void *cursor);

/* For struct dur_cursors. */
void ldb_cursor_end(struct dur_cursor *cu);

#endif
