/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics, and the checkpoint command. */
#ifndef LMDB_REPORT_H
#define LMDB_REPORT_H

#include "db.h"

/* front: the stats callback. */
enum ewb_status ldb_stats(struct ldb *d, struct ewb_cookie *c);
/* front: the own command. */
enum ewb_status ldb_checkpoint(struct ldb *d, struct ewb_cookie *c,
                               const struct ewb_request *r);

#endif
