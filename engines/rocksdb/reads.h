/* SPDX-License-Identifier: BSD-2-Clause */
/* Gets.  What is hot is answered at once; the others wait for one of the
 * readers, each of which takes some of them and asks for all in one MultiGet.
 *
 *      get ── hot? ──▶ answered, on the front end
 *               └─ no ──▶ queue ──▶ a reader: MultiGet, replies, notifies
 *
 * The front end does not ask RocksDB, not even for what is in its cache alone:
 * such a get goes to the disk all the same for a part of an index that has been
 * pushed out (as of 7.8 the read tier is not handed on to it).
 *
 * A store or remove that compares comes along: the readers have its record
 * fetched, and hand the job to the writer, who need not wait for a disk with a
 * whole batch. */
#ifndef ROCKSDB_READS_H
#define ROCKSDB_READS_H

#include "db.h"

/* pool or start.  When it fails it has said why. */
enum ewb_status rdb_reads_open(struct rdb *d);
void rdb_reads_close(struct rdb *d);

/* front, in a callback: whatever the client asks; the callback's result. */
enum ewb_status rdb_get(struct rdb *d, struct ewb_cookie *c,
                        const struct ewb_request *r);
enum ewb_status rdb_change(struct rdb *d, struct ewb_cookie *c,
                           const struct ewb_request *r, enum dur_verb verb);

#endif
