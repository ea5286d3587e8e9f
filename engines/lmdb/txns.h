/* SPDX-License-Identifier: BSD-2-Clause */
/* Read transactions at hand: to begin one and end it takes no lock and no
 * allocation.  A thread seldom meets another one at its slot. */
#ifndef LMDB_TXNS_H
#define LMDB_TXNS_H

#include <lmdb.h>
#include <stdatomic.h>

#define LDB_TXNS 64u

struct ldb_txns {
	struct {
		MDB_txn *_Atomic txn; /* null: it is in use */
		char apart[64 - sizeof(MDB_txn *)];
	} slots[LDB_TXNS];
};

/* One that is in use. */
struct ldb_txn {
	MDB_txn *txn;
	unsigned slot; /* LDB_TXNS: of its own */
};

/* pool or start, nobody else near: LMDB's error, or 0. */
int ldb_txns_open(struct ldb_txns *all, MDB_env *env);
/* pool or stop: none is in use. */
void ldb_txns_close(struct ldb_txns *all);

/* any: LMDB's error, or 0; MDB_READERS_FULL: all are in use. */
int ldb_txn_begin(struct ldb_txns *all, struct ldb_txn *t);
/* pool: likewise; when all are in use it makes one. */
int ldb_txn_begin_any(struct ldb_txns *all, MDB_env *env, struct ldb_txn *t);
void ldb_txn_end(struct ldb_txns *all, struct ldb_txn *t);

#endif
