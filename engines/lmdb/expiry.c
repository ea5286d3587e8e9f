/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "db.h"
#include "expiry.h"

#define AT_ONCE 1024u /* records that one turn looks at */
#define PAUSE_US 100000u
#define COLD_AT_ONCE 32u /* when each may have to be read from the disk */
#define COLD_PAUSE_US 30000u
#define PASS_US 1000000u       /* from the end to the next beginning */
#define COLD_PASS_US 60000000u

static bool
is_past(const MDB_val *key)
{
	const unsigned char *at = key->mv_data;

	return key->mv_size < DUR_KEY_HEAD || (at[0] == 0xff && at[1] == 0xff);
}

static void
take_key(struct dur_key *k, const MDB_val *key)
{
	k->n = key->mv_size < sizeof k->at ? key->mv_size : sizeof k->at;
	memcpy(k->at, key->mv_data, k->n);
}

/* MDB_NOTFOUND: there are no more. */
static int
look(struct ldb_expiry *e, MDB_cursor *mc)
{
	uint32_t now = ewb_host_time(e->d->host);
	MDB_val key = { e->at.n, e->at.at }, value;
	int err = mdb_cursor_get(mc, &key, &value, MDB_SET_RANGE);
	unsigned most = ldb_resident_is(&e->d->resident) ? AT_ONCE : COLD_AT_ONCE;
	unsigned i;

	for (i = 0; err == 0 && i < most; i++) {
		struct ewb_item item;

		if (is_past(&key))
			return MDB_NOTFOUND;
		if (dur_value_read(&item, value.mv_data, value.mv_size) &&
		    item.expiry) {
			e->seen = true;
			if (dur_expired(item.expiry, now))
				take_key(&e->sweep.keys[e->sweep.n++], &key);
		}
		if (e->sweep.n == DUR_SWEEP_KEYS)
			break;
		err = mdb_cursor_get(mc, &key, &value, MDB_NEXT);
	}
	if (err == 0)
		take_key(&e->at, &key);
	return err;
}

static int
look_inside(struct ldb_expiry *e)
{
	struct ldb *d = e->d;
	MDB_cursor *mc;
	struct ldb_txn t;
	int err = MDB_PANIC;

	dur_gate_enter(&d->gate);
	if (d->env)
		err = ldb_txn_begin_any(&d->txns, d->env, &t);
	if (err == 0) {
		err = mdb_cursor_open(t.txn, d->records, &mc);
		if (err == 0) {
			err = look(e, mc);
			mdb_cursor_close(mc);
		}
		ldb_txn_end(&d->txns, &t);
	}
	dur_gate_leave(&d->gate);
	return err;
}

static void
rest(struct ldb_expiry *e, struct ewb_task *t, uint64_t hot, uint64_t cold)
{
	ewb_task_sleep(t, ldb_resident_is(&e->d->resident) ? hot : cold);
}

/* All were seen: once more, when there is something that can expire. */
static void
begin_anew(struct ldb_expiry *e, struct ewb_task *t)
{
	bool more = e->seen;

	dur_key_make(&e->at, 0, NULL, 0);
	e->seen = false;
	if (!atomic_exchange(&e->stored, false) && !more) {
		atomic_store(&e->resting, true);
		/* one that was just stored may have seen it work */
		if (!atomic_load(&e->stored))
			return;
		atomic_store(&e->resting, false);
	}
	rest(e, t, PASS_US, COLD_PASS_US);
}

static void
step(struct ewb_task *t, void *arg)
{
	struct ldb_expiry *e = arg;
	int err;

	if (atomic_load(&e->under_way))
		return; /* it wakes, when it is over */
	if (atomic_exchange(&e->failed, false)) {
		ewb_task_sleep(t, PASS_US);
		return;
	}
	e->sweep.n = 0;
	err = look_inside(e);
	if (e->sweep.n) {
		atomic_store(&e->under_way, true);
		dur_commit_sweep(&e->d->commit, &e->sweep);
	} else if (err == MDB_NOTFOUND) {
		begin_anew(e, t);
	} else if (err) {
		ewb_task_sleep(t, PASS_US); /* of LMDB's, for now */
	} else {
		rest(e, t, PAUSE_US, COLD_PAUSE_US);
	}
}

static void
wake(struct ldb_expiry *e)
{
	pthread_mutex_lock(&e->lock);
	if (e->task)
		ewb_task_wake(e->task);
	pthread_mutex_unlock(&e->lock);
}

static void
done(struct dur_sweep *s, enum ewb_status status)
{
	struct ldb_expiry *e = s->arg;

	if (status == EWB_OK)
		atomic_fetch_add(&e->d->count.expired, s->dropped);
	atomic_store(&e->failed, status != EWB_OK);
	atomic_store(&e->under_way, false);
	wake(e);
}

void
ldb_expiry_note(struct ldb_expiry *e)
{
	atomic_store(&e->stored, true);
	if (atomic_exchange(&e->resting, false))
		wake(e);
}

enum ewb_status
ldb_expiry_open(struct ldb_expiry *e, struct ldb *d)
{
	e->d = d;
	e->sweep.done = done;
	e->sweep.arg = e;
	dur_key_make(&e->at, 0, NULL, 0);
	pthread_mutex_init(&e->lock, NULL);
	/* not EWB_AUX: while it reads, no page that is given up can be used again,
	 * and those threads may stand still on a busy machine */
	e->task = ewb_task_new(d->host, EWB_READER, "expiry", step, e);
	if (!e->task) {
		pthread_mutex_destroy(&e->lock);
		ewb_host_error(d->host, "out of memory");
		return EWB_NO_MEMORY;
	}
	ewb_task_wake(e->task);
	return EWB_OK;
}

void
ldb_expiry_stop(struct ldb_expiry *e)
{
	struct ewb_task *task = e->task;

	pthread_mutex_lock(&e->lock);
	e->task = NULL;
	pthread_mutex_unlock(&e->lock);
	ewb_task_free(task);
}

void
ldb_expiry_close(struct ldb_expiry *e)
{
	pthread_mutex_destroy(&e->lock);
}
