/* SPDX-License-Identifier: BSD-2-Clause */
#include "reads.h"

/* The value is copied: a client that is slow to take it must not keep the
 * transaction open. */
static enum ewb_status
find(struct ldb *d, struct ewb_cookie *c, const struct ewb_request *r,
     MDB_txn *txn)
{
	struct dur_key k;
	MDB_val key, value;
	struct ewb_item i;
	int err;

	dur_key_make(&k, r->vbucket, r->key, r->nkey);
	key = (MDB_val){ k.n, k.at };
	err = mdb_get(txn, d->records, &key, &value);
	if (err == MDB_NOTFOUND)
		return EWB_NOT_FOUND;
	if (err)
		return ldb_read_failed(d, err);
	if (!dur_value_read(&i, value.mv_data, value.mv_size))
		return EWB_INTERNAL;
	if (dur_expired(i.expiry, ewb_host_time(d->host)))
		return EWB_NOT_FOUND;
	return ewb_reply_item(c, &i, NULL, NULL);
}

static void
count(_Atomic uint64_t *n)
{
	/* relaxed: statistics */
	atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

/* EWB_WOULDBLOCK: not here. */
static enum ewb_status
find_at_once(struct ldb *d, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = EWB_WOULDBLOCK;
	struct ldb_txn t;

	if (!ldb_resident_is(&d->resident) || !dur_gate_try(&d->gate))
		return EWB_WOULDBLOCK;
	if (d->env && ldb_txn_begin(&d->txns, &t) == 0) {
		status = find(d, c, r, t.txn);
		ldb_txn_end(&d->txns, &t);
	}
	dur_gate_leave(&d->gate);
	return status;
}

/* EWB_WOULDBLOCK: LMDB refuses; *times: see ldb_heal(). */
static enum ewb_status
find_inside(struct ldb *d, struct ewb_cookie *c, unsigned *times)
{
	enum ewb_status status = EWB_WOULDBLOCK;
	int err = MDB_PANIC;
	struct ldb_txn t;

	dur_gate_enter(&d->gate);
	*times = ldb_times(d);
	if (d->env)
		err = ldb_txn_begin_any(&d->txns, d->env, &t);
	if (err == 0) {
		status = find(d, c, ewb_cookie_request(c), t.txn);
		ldb_txn_end(&d->txns, &t);
	} else if (err != MDB_PANIC) {
		status = ldb_read_failed(d, err);
	}
	dur_gate_leave(&d->gate);
	return status;
}

/* pool */
static enum ewb_status
find_behind(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ldb *d = arg;
	unsigned times;
	enum ewb_status status = find_inside(d, c, &times);

	(void)t;
	count(&d->count.gets_behind);
	if (status == EWB_WOULDBLOCK && ldb_heal(d, times) == EWB_OK)
		status = find_inside(d, c, &times);
	return status == EWB_WOULDBLOCK ? EWB_TEMPORARY : status;
}

enum ewb_status
ldb_get(struct ldb *d, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = find_at_once(d, c, r);

	if (status == EWB_WOULDBLOCK)
		return ewb_offload(c, find_behind, d);
	count(&d->count.gets_at_once);
	return status;
}
