/* SPDX-License-Identifier: BSD-2-Clause */
/* Cursors: an iterator each, which sees the database as it was when it was
 * made.  It reads ahead, and leaves the block cache as it is. */
#ifndef ROCKSDB_SCAN_H
#define ROCKSDB_SCAN_H

#include "db.h"

/* pool */
enum ewb_status rdb_scan_open(struct rdb *d, const struct ewb_range *range,
                              void **cursor, uint64_t *count);
enum ewb_status rdb_scan_next(struct rdb *d, void *cursor,
                              struct ewb_sink *sink);
enum ewb_status rdb_scan_seek(struct rdb *d, void *cursor,
                              const struct ewb_range *range);
void rdb_scan_close(struct rdb *d, void *cursor);

/* For struct dur_cursors. */
void rdb_cursor_end(struct dur_cursor *cu);

#endif
