/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdint.h>

#include "txns.h"

int
ldb_txns_open(struct ldb_txns *all, MDB_env *env)
{
	unsigned i;

	for (i = 0; i < LDB_TXNS; i++) {
		MDB_txn *txn;
		int err = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);

		if (err) {
			ldb_txns_close(all);
			return err;
		}
		mdb_txn_reset(txn);
		atomic_store(&all->slots[i].txn, txn);
	}
	return 0;
}

void
ldb_txns_close(struct ldb_txns *all)
{
	unsigned i;

	for (i = 0; i < LDB_TXNS; i++) {
		MDB_txn *txn = atomic_exchange(&all->slots[i].txn, NULL);

		if (txn)
			mdb_txn_abort(txn);
	}
}

static unsigned
first_slot(void)
{
	static _Thread_local char here;

	/* thread-local storage lies a page or more apart */
	return (unsigned)((uintptr_t)&here * UINT64_C(0x9e3779b97f4a7c15) >>
	                  58);
}

/* LDB_TXNS: there is none. */
static unsigned
take(struct ldb_txns *all, MDB_txn **txn)
{
	unsigned first = first_slot(), i;

	for (i = 0; i < LDB_TXNS; i++) {
		unsigned slot = (first + i) % LDB_TXNS;

		/* acquire: what the last user did with it is done; release is
		 * not needed, there is nothing to show */
		*txn = atomic_exchange_explicit(&all->slots[slot].txn, NULL,
		                                memory_order_acquire);
		if (*txn)
			return slot;
	}
	return LDB_TXNS;
}

static void
give(struct ldb_txns *all, const struct ldb_txn *t)
{
	/* release: the next user finds it as it is now */
	atomic_store_explicit(&all->slots[t->slot].txn, t->txn,
	                      memory_order_release);
}

int
ldb_txn_begin(struct ldb_txns *all, struct ldb_txn *t)
{
	int err;

	t->slot = take(all, &t->txn);
	if (t->slot == LDB_TXNS)
		return MDB_READERS_FULL;
	err = mdb_txn_renew(t->txn);
	if (err)
		give(all, t);
	return err;
}

int
ldb_txn_begin_any(struct ldb_txns *all, MDB_env *env, struct ldb_txn *t)
{
	int err = ldb_txn_begin(all, t);

	if (err != MDB_READERS_FULL)
		return err;
	t->slot = LDB_TXNS;
	return mdb_txn_begin(env, NULL, MDB_RDONLY, &t->txn);
}

void
ldb_txn_end(struct ldb_txns *all, struct ldb_txn *t)
{
	if (t->slot == LDB_TXNS) {
		mdb_txn_abort(t->txn);
		return;
	}
	mdb_txn_reset(t->txn);
	give(all, t);
}
