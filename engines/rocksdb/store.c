/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

#define PROBE_MORE (1 << 20)

void
rdb_forget_look(struct rdb *d)
{
	rocksdb_free(d->looked);
	d->looked = NULL;
}

/* Can the disk be written to, and is there room for what opening it anew will
 * write? */
static enum ewb_status
probe(struct rdb *d)
{
	size_t n = strlen(d->place.path) + sizeof "/ewbd.probe";
	char *name = malloc(n);
	int fd, err;

	if (!name)
		return EWB_NO_MEMORY;
	snprintf(name, n, "%s/ewbd.probe", d->place.path);
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	err = fd < 0 ? errno : 0;
	if (!err)
		err = posix_fallocate(fd, 0,
		                      (off_t)d->options.memtable + PROBE_MORE);
	if (!err && pwrite(fd, "", 1, 0) != 1)
		err = errno;
	if (!err && fsync(fd))
		err = errno;
	if (fd >= 0) {
		close(fd);
		unlink(name);
	}
	free(name);
	if (!err)
		return EWB_OK;
	snprintf(d->why, sizeof d->why, "%s: %s", d->place.path, strerror(err));
	return EWB_TEMPORARY;
}

static enum ewb_status
heal(struct rdb *d)
{
	enum ewb_status status = probe(d);

	if (status == EWB_OK)
		status = rdb_reopen(d);
	if (status == EWB_OK)
		atomic_store(&d->sick, false);
	return status == EWB_OK ? EWB_OK : EWB_TEMPORARY;
}

static enum ewb_status
begin(void *db)
{
	struct rdb *d = db;

	rocksdb_writebatch_wi_clear(d->batch);
	return atomic_load(&d->sick) ? heal(d) : EWB_OK;
}

static enum ewb_status
look(void *db, const struct dur_key *k, bool cheap, struct ewb_item *i)
{
	struct rdb *d = db;
	char *err = NULL;
	size_t n;
	enum ewb_status status;

	rdb_forget_look(d);
	d->looked = rocksdb_writebatch_wi_get_from_batch_and_db(
		d->batch, d->db, cheap ? d->cached : d->any,
		(const char *)k->at, k->n, &n, &err);
	status = rdb_read_failed(d, err);
	if (status != EWB_OK)
		return status;
	if (!d->looked)
		return EWB_NOT_FOUND;
	return dur_value_read(i, d->looked, n) ? EWB_OK : EWB_INTERNAL;
}

static enum ewb_status
put(void *db, const struct dur_key *k, const struct ewb_item *i)
{
	struct rdb *d = db;
	unsigned char head[DUR_VALUE_HEAD];
	const char *key = (const char *)k->at;
	const char *values[] = { (const char *)head, i->value };
	size_t sizes[] = { sizeof head, i->nvalue };

	dur_head_write(head, i);
	rocksdb_writebatch_wi_putv(d->batch, 1, &key, &k->n, 2, values, sizes);
	return EWB_OK;
}

static enum ewb_status
drop(void *db, const struct dur_key *k)
{
	struct rdb *d = db;

	rocksdb_writebatch_wi_delete(d->batch, (const char *)k->at, k->n);
	return EWB_OK;
}

static enum ewb_status
put_state(void *db, const void *at, size_t n)
{
	struct rdb *d = db;

	if (d->clearing)
		rocksdb_writebatch_put(d->clearing, RDB_STATE_KEY,
		                       RDB_STATE_NKEY, at, n);
	else
		rocksdb_writebatch_wi_put(d->batch, RDB_STATE_KEY,
		                          RDB_STATE_NKEY, at, n);
	return EWB_OK;
}

static enum ewb_status
clear(void *db)
{
	struct rdb *d = db;

	d->clearing = rocksdb_writebatch_create();
	rocksdb_writebatch_delete_range(d->clearing, "", 0, "\xff\xff", 2);
	return EWB_OK;
}

static void
abandon(void *db)
{
	struct rdb *d = db;

	if (d->clearing)
		rocksdb_writebatch_destroy(d->clearing);
	d->clearing = NULL;
	rocksdb_writebatch_wi_clear(d->batch);
}

static enum ewb_status
commit(void *db, bool sync)
{
	struct rdb *d = db;
	const rocksdb_writeoptions_t *o = !atomic_load(&d->serving) ? d->patient
	                                  : sync      ? d->synced
	                                              : d->unsynced;
	char *err = NULL;
	enum ewb_status status;

	if (d->clearing)
		rocksdb_write(d->db, o, d->clearing, &err);
	else
		rocksdb_write_writebatch_wi(d->db, o, d->batch, &err);
	abandon(d);
	status = rdb_status(err, d->why, sizeof d->why);
	if (status == EWB_WOULDBLOCK)
		return EWB_BUSY; /* stalled */
	if (status == EWB_OK)
		return EWB_OK;
	atomic_store(&d->sick, true);
	return EWB_TEMPORARY;
}

static void
writing(void *db, const struct ewb_request *r)
{
	struct rdb *d = db;

	rdb_hot_begin(&d->hot, r);
}

static void
written(void *db, const struct ewb_request *r)
{
	struct rdb *d = db;

	rdb_hot_end(&d->hot, r);
}

static enum ewb_status
sync_log(void *db, char *why, size_t n)
{
	struct rdb *d = db;
	char *err = NULL;
	enum ewb_status status;

	/* after one that failed another one says nothing of what that was for */
	if (atomic_load(&d->sick)) {
		snprintf(why, n, "the database has to be opened anew first");
		return EWB_TEMPORARY;
	}
	dur_gate_enter(&d->gate);
	if (d->db)
		rocksdb_flush_wal(d->db, 1, &err);
	dur_gate_leave(&d->gate);
	status = rdb_status(err, why, n);
	if (status != EWB_OK)
		atomic_store(&d->sick, true);
	return status;
}

static const char *
why(void *db)
{
	const struct rdb *d = db;

	return d->why;
}

const struct dur_store rdb_store = { .begin = begin,
	                             .look = look,
	                             .put = put,
	                             .drop = drop,
	                             .put_state = put_state,
	                             .clear = clear,
	                             .commit = commit,
	                             .abandon = abandon,
	                             .writing = writing,
	                             .written = written,
	                             .why = why,
	                             .sync = sync_log };
