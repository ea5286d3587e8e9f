/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../durable/report.h"
#include "report.h"

#define DATA_NAME "/data.mdb"

static enum ewb_status
number(struct ewb_cookie *c, const char *name, uint64_t value)
{
	return ewb_reply_stat(c, name, "%" PRIu64, value);
}

static enum ewb_status
add_brief(struct ldb *d, struct ewb_cookie *c)
{
	const struct {
		const char *name;
		uint64_t value;
	} stats[] = {
		{ "gets_at_once", atomic_load(&d->count.gets_at_once) },
		{ "gets_behind", atomic_load(&d->count.gets_behind) },
		{ "read_errors", atomic_load(&d->count.read_errors) },
		{ "expired", atomic_load(&d->count.expired) },
		{ "full", atomic_load(&d->count.full) },
		{ "reopened", atomic_load(&d->count.reopened) },
		{ "scans_ended", atomic_load(&d->count.scans_ended) },
		{ "resident", ldb_resident_is(&d->resident) },
		{ "memory", d->options.memory },
	};
	enum ewb_status status = dur_report_commit(c, &d->commit);
	size_t i;

	for (i = 0; i < sizeof stats / sizeof *stats && status == EWB_OK; i++)
		status = number(c, stats[i].name, stats[i].value);
	return status;
}

/* Pages that may be used again: how many each of the records says that one
 * transaction has left. */
static uint64_t
count_free(MDB_txn *txn)
{
	MDB_val key, value;
	MDB_cursor *mc;
	uint64_t n = 0;

	if (mdb_cursor_open(txn, 0, &mc))
		return 0;
	while (mdb_cursor_get(mc, &key, &value, MDB_NEXT) == 0) {
		size_t count = 0;

		if (value.mv_size >= sizeof count)
			memcpy(&count, value.mv_data, sizeof count);
		n += count;
	}
	mdb_cursor_close(mc);
	return n;
}

static enum ewb_status
add_numbers(struct ldb *d, struct ewb_cookie *c, MDB_txn *txn)
{
	uint64_t free = count_free(txn);
	MDB_envinfo info;
	MDB_stat s;
	size_t i;

	if (mdb_env_info(d->env, &info) || mdb_stat(txn, d->records, &s))
		return EWB_OK;
	const struct {
		const char *name;
		uint64_t value;
	} stats[] = {
		{ "map", info.me_mapsize },
		{ "file", ldb_used(d) },
		{ "file_free", free * d->page },
		{ "page", s.ms_psize },
		{ "depth", s.ms_depth },
		{ "pages_branch", s.ms_branch_pages },
		{ "pages_leaf", s.ms_leaf_pages },
		{ "pages_overflow", s.ms_overflow_pages },
		{ "transaction", info.me_last_txnid },
		{ "readers", info.me_numreaders },
		{ "readers_max", info.me_maxreaders },
		{ "residency_passes", atomic_load(&d->resident.passes) },
	};
	enum ewb_status status = EWB_OK;

	for (i = 0; i < sizeof stats / sizeof *stats && status == EWB_OK; i++)
		status = number(c, stats[i].name, stats[i].value);
	return status;
}

/* pool: it reads the list of free pages. */
static enum ewb_status
add_all(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ldb *d = arg;
	enum ewb_status status = add_brief(d, c);
	struct ldb_txn txn;

	(void)t;
	dur_gate_enter(&d->gate);
	if (status == EWB_OK && d->env &&
	    ldb_txn_begin_any(&d->txns, d->env, &txn) == 0) {
		status = add_numbers(d, c, txn.txn);
		ldb_txn_end(&d->txns, &txn);
	}
	dur_gate_leave(&d->gate);
	return status == EWB_OK ? dur_report_vbuckets(c, &d->commit) : status;
}

enum ewb_status
ldb_stats(struct ldb *d, struct ewb_cookie *c)
{
	if (ewb_cookie_request(c)->nkey == 0)
		return add_brief(d, c);
	return ewb_offload(c, add_all, d);
}

/* Copies. */

static int
sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return errno;
	err = fsync(fd) ? errno : 0;
	close(fd);
	return err;
}

/* A new directory. */
static int
copy(struct ldb *d, const char *path, const char *data)
{
	int err = dur_place_copied(path); /* first: else it might be none */

	if (err == 0)
		err = mdb_env_copy2(d->env, path, MDB_CP_COMPACT);
	if (err == 0)
		err = sync_file(data);
	return err ? err : dur_place_copied(path); /* syncs the directory */
}

static int
copy_inside(struct ldb *d, const char *path)
{
	char data[251 + sizeof DATA_NAME];
	int err = MDB_PANIC;

	snprintf(data, sizeof data, "%s" DATA_NAME, path);
	dur_gate_enter(&d->gate);
	if (d->env)
		err = copy(d, path, data);
	dur_gate_leave(&d->gate);
	if (err) {
		unlink(data);
		dur_place_uncopied(path);
		rmdir(path);
	}
	return err;
}

/* pool */
static enum ewb_status
make_checkpoint(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ldb *d = arg;
	char path[251];
	int err;

	(void)t;
	dur_checkpoint_path(ewb_cookie_request(c), path);
	err = mkdir(path, 0777) ? errno : copy_inside(d, path);
	if (err == 0)
		return EWB_OK;
	if (err == EEXIST)
		return EWB_EXISTS;
	ewb_host_notice(d->host, "checkpoint %s: %s", path, mdb_strerror(err));
	return EWB_NOT_STORED;
}

enum ewb_status
ldb_checkpoint(struct ldb *d, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = dur_checkpoint_check(c, r);

	if (status != EWB_OK)
		return status;
	ewb_cookie_set_deadline(c, 0); /* it takes as long as it takes */
	return ewb_offload_to(c, EWB_AUX, make_checkpoint, d);
}
