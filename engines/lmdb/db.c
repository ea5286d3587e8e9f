/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "db.h"
#include "scan.h"
#include "store.h"

#define DATA_NAME "data.mdb"
#define LOCK_NAME "lock.mdb"
#define READERS (4096u + 64u + LDB_TXNS) /* scans, and what is short */
#define MAP_MOST (UINT64_C(1) << 40)     /* when nothing is said */
#define MAP_LEAST (UINT64_C(1) << 20)
#define SPARE_PAGES 64u /* at least, for removing when all is full */

/* Errors. */

enum ewb_status
ldb_status(int err)
{
	switch (err) {
	case 0: return EWB_OK;
	case MDB_NOTFOUND: return EWB_NOT_FOUND;
	case ENOMEM:
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case MDB_BAD_VALSIZE: return EWB_NO_MEMORY;
	case MDB_PANIC:
	case MDB_READERS_FULL: return EWB_TEMPORARY;
	default: return err > 0 ? EWB_TEMPORARY : EWB_INTERNAL;
	}
}

enum ewb_status
ldb_read_failed(struct ldb *d, int err)
{
	/* one line for the first of many */
	if (atomic_fetch_add(&d->count.read_errors, 1) % 1000 == 0)
		ewb_host_notice(d->host, "a read failed: %s",
		                mdb_strerror(err));
	return ldb_status(err);
}

static enum ewb_status
refuse(const struct ldb *d, int err)
{
	const char *path = d->place.path;

	switch (err) {
	case MDB_INVALID:
		ewb_host_error(d->host,
		               "path=%s: " DATA_NAME " is not LMDB's, "
		               "or damaged; name an empty directory, "
		               "or restore a copy",
		               path);
		return EWB_INVALID;
	case MDB_VERSION_MISMATCH:
		ewb_host_error(d->host,
		               "path=%s: " DATA_NAME " has another "
		               "format than %s knows",
		               path, mdb_version(NULL, NULL, NULL));
		return EWB_INVALID;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
		ewb_host_error(d->host,
		               "path=%s: " DATA_NAME " is damaged; "
		               "restore a copy",
		               path);
		return EWB_INVALID;
	case ENOMEM:
		ewb_host_error(d->host,
		               "map=%" PRIu64 "M: there is not so much "
		               "address space, or memory; name less",
		               d->map >> 20);
		return EWB_NO_MEMORY;
	default:
		ewb_host_error(d->host, "path=%s: %s", path, mdb_strerror(err));
		return ldb_status(err);
	}
}

/* Settings. */

static int
read_map(struct ldb *d, const struct ewb_setting *s, size_t n)
{
	uint64_t *map = &d->options.map;

	*map = 0;
	if (strcmp(dur_setting(s, n, "map", "auto"), "auto") == 0)
		return 0;
	if (dur_setting_size(d->host, s, n, "map", NULL, MAP_LEAST, map))
		return -1;
	if (*map <= (uint64_t)1 << 46)
		return 0;
	ewb_host_error(d->host, "map=%s: too large (64T at most)",
	               dur_setting(s, n, "map", NULL));
	return -1;
}

static int
read_settings(struct ldb *d, const struct ewb_setting *s, size_t n)
{
	const char *sync = dur_setting(s, n, "sync", "commit");
	const char *memory = dur_setting(s, n, "memory", "auto");
	const char *age = dur_setting(s, n, "scan-age", "60s");
	struct ldb_options *o = &d->options;

	if (read_map(d, s, n))
		return -1;
	if (dur_sync_parse(sync, &d->commit.mode, &d->commit.interval_us) ||
	    d->commit.mode == DUR_SYNC_INTERVAL) {
		ewb_host_error(d->host,
		               "sync=%s: not commit or none, which are "
		               "what LMDB can do",
		               sync);
		return -1;
	}
	if (ldb_resident_parse(memory, &o->memory)) {
		ewb_host_error(d->host,
		               "memory=%s: not auto or a size (64M, 1G)",
		               memory);
		return -1;
	}
	if (ewb_parse_time(age, &o->scan_age_us)) {
		ewb_host_error(d->host, "scan-age=%s: not a time (60s, 500ms)",
		               age);
		return -1;
	}
	snprintf(o->ages, sizeof o->ages, "%s", age);
	o->scan_age = o->ages;
	return 0;
}

/* The environment. */

/* How long a file of the directory is; -1: it is not there. */
static int64_t
length_of(const struct ldb *d, const char *name)
{
	char path[4200];
	struct stat s;

	snprintf(path, sizeof path, "%s/%s", d->place.path, name);
	return stat(path, &s) ? -1 : (int64_t)s.st_size;
}

static void
remove_begun(const struct ldb *d, const char *name)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/%s", d->place.path, name);
	unlink(path);
}

static unsigned
flags(const struct ldb *d)
{
	unsigned f = MDB_NOTLS;

	if (d->commit.mode == DUR_SYNC_NONE)
		f |= MDB_NOSYNC;
	/* neighbours of a page would push out what is asked for */
	if (length_of(d, DATA_NAME) > (int64_t)d->options.memory)
		f |= MDB_NORDAHEAD;
	return f;
}

static int
open_records(struct ldb *d)
{
	MDB_txn *txn;
	int err = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn);

	if (err)
		return err;
	err = mdb_dbi_open(txn, NULL, 0, &d->records);
	mdb_txn_abort(txn);
	return err;
}

/* When it fails, d->env is null. */
static int
open_map(struct ldb *d, uint64_t map)
{
	int err = mdb_env_create(&d->env);

	if (err) {
		d->env = NULL;
		return err;
	}
	err = mdb_env_set_maxreaders(d->env, READERS);
	if (err == 0)
		err = mdb_env_set_mapsize(d->env, map);
	if (err == 0)
		err = mdb_env_open(d->env, d->place.path, flags(d), 0666);
	if (err) {
		mdb_env_close(d->env);
		d->env = NULL;
	}
	return err;
}

static int
open_env(struct ldb *d)
{
	uint64_t map = d->options.map ? d->options.map : MAP_MOST;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int err;

	map = (map + page - 1) / page * page;
	d->map = map;
	err = open_map(d, map);
	/* some limits, and some tools, leave less */
	while (err == ENOMEM && !d->options.map && map / 2 >= MAP_LEAST) {
		map /= 2;
		err = open_map(d, map);
	}
	return err;
}

static void
look_at_sizes(struct ldb *d)
{
	MDB_envinfo info;
	MDB_stat s;
	size_t pages, spare;

	mdb_env_info(d->env, &info);
	mdb_env_stat(d->env, &s);
	d->map = info.me_mapsize;
	d->page = s.ms_psize;
	pages = info.me_mapsize / s.ms_psize;
	spare = pages / 16 > SPARE_PAGES ? pages / 16 : SPARE_PAGES;
	d->most = pages - spare;
}

static void
shut_db(struct ldb *d)
{
	if (!d->env)
		return;
	ldb_txns_close(&d->txns);
	mdb_env_close(d->env);
	d->env = NULL;
}

/* LMDB's error, or 0. */
static int
open_db(struct ldb *d)
{
	int dead, err;

	err = open_env(d);
	if (err)
		return err;
	err = open_records(d);
	if (err == 0)
		err = ldb_check(d->env, d->records);
	if (err == 0)
		err = mdb_reader_check(d->env, &dead);
	if (err == 0)
		err = ldb_txns_open(&d->txns, d->env);
	if (err) {
		mdb_env_close(d->env);
		d->env = NULL;
		return err;
	}
	look_at_sizes(d);
	return 0;
}

static int
open_anew(struct ldb *d)
{
	int err;

	dur_gate_shut(&d->gate);
	atomic_fetch_add(&d->count.scans_ended,
	                 dur_cursors_end(&d->cursors, UINT64_MAX));
	if (d->env && d->commit.mode == DUR_SYNC_NONE)
		mdb_env_sync(d->env, 1);
	shut_db(d);
	err = open_db(d);
	d->times++;
	dur_gate_open(&d->gate);
	return err;
}

enum ewb_status
ldb_heal(struct ldb *d, unsigned times)
{
	int err = 0;

	pthread_mutex_lock(&d->healing);
	if (!d->env || d->times == times) {
		err = open_anew(d);
		if (err == 0) {
			atomic_fetch_add(&d->count.reopened, 1);
			ewb_host_notice(d->host, "opened anew, after a write "
			                         "that failed");
		}
	}
	pthread_mutex_unlock(&d->healing);
	return err ? EWB_TEMPORARY : EWB_OK;
}

uint64_t
ldb_used(const struct ldb *d)
{
	MDB_envinfo info;

	if (!d->env || mdb_env_info(d->env, &info))
		return 0;
	return (uint64_t)(info.me_last_pgno + 1) * d->page;
}

/* Opening. */

static enum ewb_status
open_first(struct ldb *d)
{
	int err;

	if (d->place.begun) { /* and not made: of nobody's data */
		remove_begun(d, DATA_NAME);
		remove_begun(d, LOCK_NAME);
	}
	/* LMDB would make a new one out of an empty file */
	if (!d->place.fresh && length_of(d, DATA_NAME) == 0)
		return refuse(d, MDB_INVALID);
	err = open_db(d);
	return err ? refuse(d, err) : EWB_OK;
}

/* malloc'ed; null: there is none, or *err. */
static void *
read_state(struct ldb *d, size_t *n, int *err)
{
	MDB_val key = { LDB_STATE_NKEY, (char *)LDB_STATE_KEY }, value;
	struct ldb_txn t;
	void *at = NULL;

	*n = 0;
	*err = ldb_txn_begin(&d->txns, &t);
	if (*err)
		return NULL;
	*err = mdb_get(t.txn, d->records, &key, &value);
	if (*err == 0) {
		*n = value.mv_size;
		at = malloc(*n ? *n : 1);
		if (at)
			memcpy(at, value.mv_data, *n);
		else
			*err = ENOMEM;
	}
	ldb_txn_end(&d->txns, &t);
	return at;
}

/* What the database knows of itself. */
static enum ewb_status
open_commit(struct ldb *d)
{
	size_t n;
	int err;
	void *at = read_state(d, &n, &err);
	enum ewb_status status;

	if (err && err != MDB_NOTFOUND)
		return refuse(d, err);
	/* none in what is not new: refused, as "" is */
	status = dur_commit_open(&d->commit, d->host, &ldb_store, d, &d->place,
	                         at || d->place.fresh ? at : "", n);
	free(at);
	return status;
}

static enum ewb_status
open_tasks(struct ldb *d)
{
	enum ewb_status status = ldb_resident_open(&d->resident, d);

	if (status != EWB_OK)
		return status;
	status = ldb_scans_open(d);
	if (status == EWB_OK)
		status = ldb_expiry_open(&d->expiry, d);
	if (status == EWB_OK)
		return EWB_OK;
	ldb_scans_close(d);
	ldb_resident_close(&d->resident);
	return status;
}

static void
close_tasks(struct ldb *d)
{
	ldb_expiry_stop(&d->expiry);
	ldb_scans_close(d);
	ldb_resident_close(&d->resident);
}

static void
close_db(struct ldb *d)
{
	if (d->env && d->commit.mode == DUR_SYNC_NONE)
		mdb_env_sync(d->env, 1);
	shut_db(d);
	pthread_mutex_destroy(&d->healing);
	dur_cursors_fini(&d->cursors);
	dur_gate_fini(&d->gate);
	dur_place_close(&d->place);
}

static enum ewb_status
open_all(struct ldb *d)
{
	enum ewb_status status = open_first(d);

	if (status == EWB_OK)
		status = open_commit(d);
	if (status != EWB_OK)
		return status;
	status = dur_place_made(&d->place, d->host);
	if (status == EWB_OK)
		status = open_tasks(d);
	if (status != EWB_OK)
		dur_commit_close(&d->commit);
	return status;
}

enum ewb_status
ldb_open(struct ldb *d, struct ewb_host *host, const struct ewb_setting *s,
         size_t n)
{
	enum ewb_status status;

	d->host = host;
	if (read_settings(d, s, n))
		return EWB_INVALID;
	status = dur_place_open(&d->place, host,
	                        dur_setting(s, n, "path", NULL), DATA_NAME);
	if (status != EWB_OK) {
		dur_place_close(&d->place);
		return status;
	}
	dur_gate_init(&d->gate);
	dur_cursors_init(&d->cursors, host, ldb_cursor_end);
	pthread_mutex_init(&d->healing, NULL);
	status = open_all(d);
	if (status != EWB_OK)
		close_db(d);
	return status;
}

void
ldb_close(struct ldb *d)
{
	close_tasks(d);
	dur_commit_close(&d->commit);
	ldb_expiry_close(&d->expiry);
	close_db(d);
}
