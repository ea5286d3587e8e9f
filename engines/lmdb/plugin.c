/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin "lmdb", the small one: keeps records in an LMDB database. */
#include <stdlib.h>

#include "../durable/report.h"
#include "db.h"
#include "reads.h"
#include "report.h"
#include "scan.h"

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct ldb *d = calloc(1, sizeof *d);
	enum ewb_status status;

	if (!d) {
		ewb_host_error(host, "out of memory");
		return EWB_NO_MEMORY;
	}
	status = ldb_open(d, host, s, n);
	if (status == EWB_OK)
		*self = d;
	else
		free(d);
	return status;
}

static void
close(void *self)
{
	ldb_close(self);
	free(self);
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return ldb_get(self, c, r);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct ldb *d = self;

	(void)r;
	return dur_commit_begin(&d->commit, c, DUR_STORE);
}

static enum ewb_status
remove(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct ldb *d = self;

	(void)r;
	return dur_commit_begin(&d->commit, c, DUR_REMOVE);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	struct ldb *d = self;

	return dur_commit_begin(&d->commit, c, DUR_FLUSH);
}

static void
cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why, void *arg)
{
	struct ldb *d = self;

	(void)t;
	(void)why;
	if (arg) /* else it was offloaded, and is libewb's */
		dur_commit_cancel(&d->commit, arg);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	return ldb_stats(self, c);
}

static enum ewb_status
checkpoint(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return ldb_checkpoint(self, c, r);
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	return ldb_scan_open(self, range, cursor, count);
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	return ldb_scan_next(self, cursor, sink);
}

static enum ewb_status
scan_seek(void *self, void *cursor, const struct ewb_range *range)
{
	return ldb_scan_seek(self, cursor, range);
}

static void
scan_close(void *self, void *cursor)
{
	ldb_scan_close(self, cursor);
}

static enum ewb_status
vbucket(void *self, uint16_t vbucket, struct ewb_vbucket *v)
{
	return dur_state_tell(&((struct ldb *)self)->commit.state, vbucket, v);
}

static const struct ewb_param params[] = {
	{ "path", "", "directory of the data; required, made if need be" },
	{ "sync", "commit",
	  "commit: an answer means that it is on disk; none: a crash of the "
	  "machine can leave a damaged database" },
	{ "map", "auto",
	  "address space, to which the data may grow; auto: 1T, or what the "
	  "system grants" },
	{ "scan-age", "60s",
	  "a scan is ended after it: while one is open the file grows; 0: "
	  "never" },
	{ "memory", "auto",
	  "data up to this size are kept in memory, and answered at once; "
	  "auto: "
	  "half of what there is" },
	{ 0 }
};

static const struct ewb_own own[] = { DUR_CHECKPOINT(checkpoint), { 0 } };

EWB_ENGINE(.name = "lmdb", .help = "keeps records on disk, in LMDB",
           .model = EWB_NONBLOCKING,
           .can = EWB_CAN_CAS | EWB_CAN_EXPIRE | EWB_CAN_FLAGS |
                  EWB_CAN_SNAPSHOT | EWB_CAN_DATATYPE | EWB_CAN_DESCEND,
           .max_key = DUR_MAX_KEY, .params = params, .open = open,
           .close = close, .get = get, .store = store, .remove = remove,
           .flush = flush, .cancel = cancel, .stats = stats,
           .scan_open = scan_open, .scan_next = scan_next,
           .scan_close = scan_close, .own = own, .vbucket = vbucket,
           .scan_seek = scan_seek)
