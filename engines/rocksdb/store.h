/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer's side: batches. */
#ifndef ROCKSDB_STORE_H
#define ROCKSDB_STORE_H

#include "db.h"

/* Beside the records: no vbucket is 0xffff. */
#define RDB_STATE_KEY "\xff\xffstate"
#define RDB_STATE_NKEY 7u

/* The writer, or with the gate shut: what look() gave is not used any more. */
void rdb_forget_look(struct rdb *d);

#endif
