/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin "memory": everything is answered at once, but a store that finds
 * no room waits in the background until some was made. */
#include "memory.h"

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct mem *m;
	enum ewb_status status = mem_open(host, s, n, &m);

	if (status == EWB_OK)
		*self = m;
	return status;
}

static void
close(void *self)
{
	mem_close(self);
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return mem_get(self, c, r);
}

static void
prefetch(void *self, struct ewb_request *r)
{
	mem_prefetch(self, r);
}

static enum ewb_status
store_again(struct ewb_task *t, struct ewb_cookie *c, void *self)
{
	enum ewb_status status;

	if (ewb_cancelled(ewb_task_ticket(t)))
		return EWB_TEMPORARY;
	status = mem_store(self, c, ewb_cookie_request(c));
	if (status == EWB_WOULDBLOCK)
		ewb_task_sleep(t, MEM_RETRY_US);
	return status;
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = mem_store(self, c, r);

	if (status == EWB_WOULDBLOCK)
		return ewb_offload(c, store_again, self);
	return status;
}

static enum ewb_status
remove(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return mem_remove(self, c, r);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	return mem_flush(self, c, NULL);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	return mem_stats(self, c, NULL);
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	return mem_scan_open(self, range, cursor, count);
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	return mem_scan_next(self, cursor, sink);
}

static enum ewb_status
scan_seek(void *self, void *cursor, const struct ewb_range *range)
{
	return mem_scan_seek(self, cursor, range);
}

static void
scan_close(void *self, void *cursor)
{
	mem_scan_close(self, cursor);
}

static enum ewb_status
vbucket(void *self, uint16_t vbucket, struct ewb_vbucket *v)
{
	return mem_vbucket_tell(self, vbucket, v);
}

static const struct ewb_param params[] = { MEM_PARAMS, { 0 } };

EWB_ENGINE(.name = "memory", .help = "keeps everything in memory, in order",
           .model = EWB_NONBLOCKING, .can = MEM_CAN, .max_key = 250,
           .params = params, .open = open, .close = close, .get = get,
           .store = store, .remove = remove, .flush = flush, .stats = stats,
           .scan_open = scan_open, .scan_next = scan_next,
           .scan_close = scan_close, .prefetch = prefetch, .vbucket = vbucket,
           .scan_seek = scan_seek)
