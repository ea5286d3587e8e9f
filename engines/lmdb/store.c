/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db.h"
#include "store.h"

static enum ewb_status
failed(struct ldb *d, int err)
{
	if (err)
		snprintf(d->why, sizeof d->why, "%s", mdb_strerror(err));
	return ldb_status(err);
}

/* Once, until there is room again. */
static void
tell_full(struct ldb *d)
{
	if (!d->full_told)
		ewb_host_notice(d->host,
		                "map=%" PRIu64 "M: full: stores are "
		                "answered \"no memory\"",
		                d->map >> 20);
	d->full_told = true;
	atomic_fetch_add(&d->count.full, 1);
}

/* An error of a change to the batch. */
static enum ewb_status
refused(struct ldb *d, int err)
{
	if (err == MDB_MAP_FULL)
		tell_full(d);
	return failed(d, err);
}

/* Inside the gate, if it is EWB_OK. */
static enum ewb_status
begin_inside(struct ldb *d, unsigned *times)
{
	int err = MDB_PANIC;

	dur_gate_enter(&d->gate);
	*times = ldb_times(d);
	if (d->env)
		err = mdb_txn_begin(d->env, NULL, 0, &d->batch);
	if (err)
		dur_gate_leave(&d->gate);
	return err == MDB_PANIC ? EWB_WOULDBLOCK : failed(d, err);
}

static enum ewb_status
begin(void *db)
{
	struct ldb *d = db;
	unsigned times;
	enum ewb_status status = begin_inside(d, &times);

	if (status == EWB_WOULDBLOCK) {
		status = ldb_heal(d, times);
		if (status == EWB_OK)
			status = begin_inside(d, &times);
	}
	if (status == EWB_WOULDBLOCK)
		status = failed(d, MDB_PANIC);
	d->expires = false;
	return status;
}

static enum ewb_status
look(void *db, const struct dur_key *k, bool cheap, struct ewb_item *i)
{
	struct ldb *d = db;
	MDB_val key = { k->n, (void *)k->at }, value;
	int err = mdb_get(d->batch, d->records, &key, &value);

	(void)cheap; /* the page is needed anyway, to be changed */
	if (err == MDB_NOTFOUND)
		return EWB_NOT_FOUND;
	if (err)
		return ldb_read_failed(d, err);
	return dur_value_read(i, value.mv_data, value.mv_size) ? EWB_OK
	                                                       : EWB_INTERNAL;
}

/* Some pages are left for removing, which copies pages, too. */
static bool
has_room(struct ldb *d, size_t bytes)
{
	MDB_stat s;

	return mdb_stat(d->batch, d->records, &s) ||
	       s.ms_branch_pages + s.ms_leaf_pages + s.ms_overflow_pages +
	                       bytes / d->page <=
	               d->most;
}

static enum ewb_status
put(void *db, const struct dur_key *k, const struct ewb_item *i)
{
	struct ldb *d = db;
	MDB_val key = { k->n, (void *)k->at };
	MDB_val value = { DUR_VALUE_HEAD + i->nvalue, NULL };
	unsigned char *at;
	int err;

	if (!has_room(d, value.mv_size)) {
		tell_full(d);
		return EWB_NOT_STORED;
	}
	err = mdb_put(d->batch, d->records, &key, &value, MDB_RESERVE);
	if (err)
		return refused(d, err);
	at = value.mv_data;
	dur_head_write(at, i);
	if (i->nvalue)
		memcpy(at + DUR_VALUE_HEAD, i->value, i->nvalue);
	d->expires |= i->expiry != 0;
	return EWB_OK;
}

static enum ewb_status
drop(void *db, const struct dur_key *k)
{
	struct ldb *d = db;
	MDB_val key = { k->n, (void *)k->at };
	int err = mdb_del(d->batch, d->records, &key, NULL);

	return err == MDB_NOTFOUND ? EWB_OK : refused(d, err);
}

static enum ewb_status
put_state(void *db, const void *at, size_t n)
{
	struct ldb *d = db;
	MDB_val key = { LDB_STATE_NKEY, (char *)LDB_STATE_KEY };
	MDB_val value = { n, (void *)at };

	return refused(d, mdb_put(d->batch, d->records, &key, &value, 0));
}

/* The state is put back. */
static enum ewb_status
clear(void *db)
{
	struct ldb *d = db;
	MDB_val key = { LDB_STATE_NKEY, (char *)LDB_STATE_KEY }, value;
	int err = mdb_get(d->batch, d->records, &key, &value);
	enum ewb_status status;
	void *state;

	if (err)
		return failed(d, err);
	state = malloc(value.mv_size);
	if (!state)
		return failed(d, ENOMEM);
	memcpy(state, value.mv_data, value.mv_size);
	status = refused(d, mdb_drop(d->batch, d->records, 0));
	if (status == EWB_OK)
		status = put_state(d, state, value.mv_size);
	free(state);
	return status;
}

static void
abandon(void *db)
{
	struct ldb *d = db;

	mdb_txn_abort(d->batch);
	d->batch = NULL;
	dur_gate_leave(&d->gate);
}

static enum ewb_status
commit(void *db, bool sync)
{
	struct ldb *d = db;
	int err = mdb_txn_commit(d->batch);
	enum ewb_status status;

	d->batch = NULL;
	if (err == 0 && sync && d->commit.mode != DUR_SYNC_COMMIT)
		err = mdb_env_sync(d->env, 1);
	status = refused(d, err);
	dur_gate_leave(&d->gate);
	if (status == EWB_OK && d->expires)
		ldb_expiry_note(&d->expiry);
	/* a system call's: it is not known what it has done */
	return err > 0 ? EWB_TEMPORARY : status;
}

static const char *
why(void *db)
{
	const struct ldb *d = db;

	return d->why;
}

const struct dur_store ldb_store = { .begin = begin,
	                             .look = look,
	                             .put = put,
	                             .drop = drop,
	                             .put_state = put_state,
	                             .clear = clear,
	                             .commit = commit,
	                             .abandon = abandon,
	                             .why = why };
