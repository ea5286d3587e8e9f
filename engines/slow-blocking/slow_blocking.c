/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin "slow-blocking": the memory engine as one that sleeps would
 * write it.  Its callbacks run in the background, and simply wait. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "../memory/memory.h"
#include "../slow/delay.h"

struct slow {
	/* set once, by open */
	struct mem *mem;
	/* any thread */
	struct slow_delay delay;
};

static void
wait_us(uint64_t us)
{
	struct timespec left = { .tv_sec = (time_t)(us / 1000000),
		                 .tv_nsec = (long)(us % 1000000) * 1000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static enum ewb_status
answer(struct slow *s, struct ewb_cookie *c, const struct ewb_request *r,
       mem_command_fn run)
{
	enum ewb_status status;

	if (slow_delay_due(&s->delay) && s->delay.us)
		wait_us(s->delay.us);
	while ((status = run(s->mem, c, r)) == EWB_WOULDBLOCK)
		wait_us(MEM_RETRY_US);
	return status;
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *set, size_t n,
     void **self)
{
	struct slow *s = calloc(1, sizeof *s);
	enum ewb_status status = s ? EWB_INVALID : EWB_NO_MEMORY;

	if (s && slow_delay_init(&s->delay, host, set, n) == 0)
		status = mem_open(host, set, n, &s->mem);
	if (status == EWB_OK)
		*self = s;
	else
		free(s);
	return status;
}

static void
close(void *self)
{
	struct slow *s = self;

	mem_close(s->mem);
	free(s);
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return answer(self, c, r, mem_get);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return answer(self, c, r, mem_store);
}

static enum ewb_status
remove(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return answer(self, c, r, mem_remove);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	return answer(self, c, NULL, mem_flush);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	return answer(self, c, NULL, mem_stats);
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	return mem_scan_open(((struct slow *)self)->mem, range, cursor, count);
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	return mem_scan_next(((struct slow *)self)->mem, cursor, sink);
}

static enum ewb_status
scan_seek(void *self, void *cursor, const struct ewb_range *range)
{
	return mem_scan_seek(((struct slow *)self)->mem, cursor, range);
}

static void
scan_close(void *self, void *cursor)
{
	mem_scan_close(((struct slow *)self)->mem, cursor);
}

static enum ewb_status
vbucket(void *self, uint16_t vbucket, struct ewb_vbucket *v)
{
	return mem_vbucket_tell(((struct slow *)self)->mem, vbucket, v);
}

static const struct ewb_param params[] = { SLOW_PARAMS, MEM_PARAMS, { 0 } };

EWB_ENGINE(.name = "slow-blocking",
           .help = "memory, sleeping before it answers", .model = EWB_BLOCKING,
           .can = MEM_CAN, .max_key = 250, .params = params, .open = open,
           .close = close, .get = get, .store = store, .remove = remove,
           .flush = flush, .stats = stats, .scan_open = scan_open,
           .scan_next = scan_next, .scan_close = scan_close,
           .vbucket = vbucket, .scan_seek = scan_seek)
