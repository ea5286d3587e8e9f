/* SPDX-License-Identifier: BSD-2-Clause */
/* Gets.  While the data are in memory they are answered at once; else by the
 * pool's readers, whom a page may keep waiting for the disk. */
#ifndef LMDB_READS_H
#define LMDB_READS_H

#include "db.h"

/* front, in the callback: its result. */
enum ewb_status ldb_get(struct ldb *d, struct ewb_cookie *c,
                        const struct ewb_request *r);

#endif
