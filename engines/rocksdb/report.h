/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics, and the checkpoint command. */
#ifndef ROCKSDB_REPORT_H
#define ROCKSDB_REPORT_H

#include "db.h"

/* front: the stats callback. */
enum ewb_status rdb_stats(struct rdb *d, struct ewb_cookie *c);
/* front: the own command. */
enum ewb_status rdb_checkpoint(struct rdb *d, struct ewb_cookie *c,
                               const struct ewb_request *r);

#endif
