/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin "rocksdb": keeps records in a RocksDB database. */
#include <stdlib.h>

#include "../durable/report.h"
#include "db.h"
#include "reads.h"
#include "report.h"
#include "scan.h"

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct rdb *d = calloc(1, sizeof *d);
	enum ewb_status status;

	if (!d) {
		ewb_host_error(host, "out of memory");
		return EWB_NO_MEMORY;
	}
	status = rdb_open(d, host, s, n);
	if (status == EWB_OK) {
		status = rdb_reads_open(d);
		if (status == EWB_OK) {
			*self = d;
			return EWB_OK;
		}
		rdb_close(d);
	}
	free(d);
	return status;
}

static void
close(void *self)
{
	struct rdb *d = self;

	rdb_reads_close(d);
	rdb_close(d);
	free(d);
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return rdb_get(self, c, r);
}

static void
prefetch(void *self, struct ewb_request *r)
{
	const struct rdb *d = self;

	rdb_hot_prefetch(&d->hot, r);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return rdb_change(self, c, r, DUR_STORE);
}

static enum ewb_status
remove(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return rdb_change(self, c, r, DUR_REMOVE);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	struct rdb *d = self;

	return dur_commit_begin(&d->commit, c, DUR_FLUSH);
}

static void
cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why, void *arg)
{
	struct rdb *d = self;
	struct dur_job *j = arg;

	(void)why;
	if (!j) /* offloaded: libewb's */
		return;
	if (dur_queue_remove(&d->reads, j))
		ewb_notify(t, EWB_TEMPORARY);
	else
		dur_commit_cancel(&d->commit, j);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	return rdb_stats(self, c);
}

static enum ewb_status
checkpoint(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return rdb_checkpoint(self, c, r);
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	return rdb_scan_open(self, range, cursor, count);
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	return rdb_scan_next(self, cursor, sink);
}

static enum ewb_status
scan_seek(void *self, void *cursor, const struct ewb_range *range)
{
	return rdb_scan_seek(self, cursor, range);
}

static void
scan_close(void *self, void *cursor)
{
	rdb_scan_close(self, cursor);
}

static enum ewb_status
vbucket(void *self, uint16_t vbucket, struct ewb_vbucket *v)
{
	return dur_state_tell(&((struct rdb *)self)->commit.state, vbucket, v);
}

static const struct ewb_param params[] = {
	{ "path", "", "directory of the data; required, made if need be" },
	{ "sync", "commit",
	  "commit: an answer means that it is on disk; interval:MS; none" },
	{ "cache", "128M", "memory for blocks of data, indexes and filters" },
	{ "hot", "128M",
	  "memory for records that are asked for often; 0: none" },
	{ "memtable", "64M", "memory for what was written last" },
	{ "compression", "lz4", "lz4, zstd, snappy or none" },
	{ "direct", "no", "yes: past the system's page cache" },
	{ "readers", "16",
	  "reads from the disk at once, if --pool has threads" },
	{ "background", "2", "flushes and compactions at once" },
	{ "recovery", "auto",
	  "point-in-time: open a damaged log up to where it is damaged; "
	  "strict: "
	  "do not; auto: strict with sync=commit" },
	{ 0 }
};

static const struct ewb_own own[] = { DUR_CHECKPOINT(checkpoint), { 0 } };

EWB_ENGINE(.name = "rocksdb", .help = "keeps records on disk, in RocksDB",
           .model = EWB_NONBLOCKING,
           .can = EWB_CAN_CAS | EWB_CAN_EXPIRE | EWB_CAN_FLAGS |
                  EWB_CAN_SNAPSHOT | EWB_CAN_DATATYPE | EWB_CAN_DESCEND,
           .max_key = DUR_MAX_KEY, .params = params, .open = open,
           .close = close, .get = get, .prefetch = prefetch, .store = store,
           .remove = remove, .flush = flush, .cancel = cancel, .stats = stats,
           .scan_open = scan_open, .scan_next = scan_next,
           .scan_close = scan_close, .own = own, .vbucket = vbucket,
           .scan_seek = scan_seek)
