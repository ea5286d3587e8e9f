/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../durable/report.h"
#include "report.h"

static enum ewb_status
number(struct ewb_cookie *c, const char *name, uint64_t value)
{
	return ewb_reply_stat(c, name, "%" PRIu64, value);
}

static enum ewb_status
add_brief(struct rdb *d, struct ewb_cookie *c)
{
	const struct {
		const char *name;
		uint64_t value;
	} stats[] = {
		{ "gets_behind", atomic_load(&d->count.gets_behind) },
		{ "read_calls", atomic_load(&d->count.read_calls) },
		{ "blocks_read", atomic_load(&d->count.blocks_read) },
		{ "read_errors", atomic_load(&d->count.read_errors) },
		{ "expired", atomic_load(&d->count.expired) },
		{ "reopened", atomic_load(&d->count.reopened) },
		{ "scans_ended", atomic_load(&d->count.scans_ended) },
		{ "hot", d->options.hot },
		{ "hot_used", rdb_hot_bytes(&d->hot) },
		{ "cache", d->options.cache },
		{ "cache_used", rocksdb_cache_get_usage(d->cache) },
		{ "cache_pinned", rocksdb_cache_get_pinned_usage(d->cache) },
	};
	enum ewb_status status = dur_report_commit(c, &d->commit);
	size_t i;

	for (i = 0; i < sizeof stats / sizeof *stats && status == EWB_OK; i++)
		status = number(c, stats[i].name, stats[i].value);
	return status;
}

/* What RocksDB says of itself: inside the gate. */
static enum ewb_status
add_properties(struct rdb *d, struct ewb_cookie *c)
{
	static const char *const names[] = {
		"estimate-num-keys",
		"cur-size-all-mem-tables",
		"size-all-mem-tables",
		"estimate-table-readers-mem",
		"block-cache-usage",
		"block-cache-pinned-usage",
		"total-sst-files-size",
		"estimate-live-data-size",
		"num-files-at-level0",
		"num-running-flushes",
		"num-running-compactions",
		"estimate-pending-compaction-bytes",
		"actual-delayed-write-rate",
		"is-write-stopped",
		"background-errors",
		"num-snapshots",
		"num-live-versions",
	};
	enum ewb_status status = EWB_OK;
	char name[64];
	uint64_t value;
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names && status == EWB_OK; i++) {
		snprintf(name, sizeof name, "rocksdb.%s", names[i]);
		if (rocksdb_property_int(d->db, name, &value) == 0)
			status = number(c, names[i], value);
	}
	return status;
}

/* pool: some of it waits for RocksDB's mutex. */
static enum ewb_status
add_all(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct rdb *d = arg;
	enum ewb_status status = add_brief(d, c);

	(void)t;
	dur_gate_enter(&d->gate);
	if (status == EWB_OK && d->db)
		status = add_properties(d, c);
	dur_gate_leave(&d->gate);
	return status == EWB_OK ? dur_report_vbuckets(c, &d->commit) : status;
}

enum ewb_status
rdb_stats(struct rdb *d, struct ewb_cookie *c)
{
	if (ewb_cookie_request(c)->nkey == 0)
		return add_brief(d, c);
	return ewb_offload(c, add_all, d);
}

/* pool */
static enum ewb_status
make_checkpoint(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct rdb *d = arg;
	char path[251], *err = NULL, why[RDB_WHY];
	rocksdb_checkpoint_t *p;

	(void)t;
	dur_checkpoint_path(ewb_cookie_request(c), path);
	if (access(path, F_OK) == 0)
		return EWB_EXISTS;
	dur_gate_enter(&d->gate);
	if (!d->db) {
		dur_gate_leave(&d->gate);
		return EWB_TEMPORARY;
	}
	p = rocksdb_checkpoint_object_create(d->db, &err);
	if (p) {
		rocksdb_checkpoint_create(p, path, 0, &err);
		rocksdb_checkpoint_object_destroy(p);
	}
	dur_gate_leave(&d->gate);
	if (rdb_status(err, why, sizeof why) == EWB_OK) {
		int bad = dur_place_copied(path);

		if (bad == 0)
			return EWB_OK;
		snprintf(why, sizeof why, "%s", strerror(bad));
		/* without the mark it would be taken for the original */
		rocksdb_destroy_db(d->opt, path, &err);
		rocksdb_free(err);
	}
	ewb_host_notice(d->host, "checkpoint %s: %s", path, why);
	return EWB_NOT_STORED;
}

enum ewb_status
rdb_checkpoint(struct rdb *d, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = dur_checkpoint_check(c, r);

	if (status != EWB_OK)
		return status;
	ewb_cookie_set_deadline(c, 0); /* it takes as long as it takes */
	return ewb_offload_to(c, EWB_AUX, make_checkpoint, d);
}
