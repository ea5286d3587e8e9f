/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer's side: batches, each a write transaction. */
#ifndef LMDB_STORE_H
#define LMDB_STORE_H

/* Among the records, behind the last: no vbucket is 0xffff. */
#define LDB_STATE_KEY "\xff\xffstate"
#define LDB_STATE_NKEY 7u

#endif
