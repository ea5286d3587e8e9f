/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin "slow": the memory engine, answering in the background after a
 * while, as a disk or another machine would.  No thread waits meanwhile. */
#include <stdlib.h>

#include "../memory/memory.h"
#include "delay.h"

enum { GET, STORE, REMOVE, FLUSH, STATS, ERRANDS };

static const mem_command_fn commands[ERRANDS] = {
	[GET] = mem_get,     [STORE] = mem_store, [REMOVE] = mem_remove,
	[FLUSH] = mem_flush, [STATS] = mem_stats,
};

struct slow {
	/* set once, by open */
	struct mem *mem;
	struct errand { /* one kind of command, for the background */
		struct slow *slow;
		mem_command_fn run;
	} errand[ERRANDS];
	/* any thread */
	struct slow_delay delay;
};

static enum ewb_status
perform(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct errand *e = arg;
	enum ewb_status status;

	if (ewb_cancelled(ewb_task_ticket(t)))
		return EWB_TEMPORARY;
	status = e->run(e->slow->mem, c, ewb_cookie_request(c));
	if (status == EWB_WOULDBLOCK)
		ewb_task_sleep(t, MEM_RETRY_US);
	return status;
}

static enum ewb_status
perform_late(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct errand *e = arg;

	if (ewb_task_runs(t) > 0)
		return perform(t, c, arg);
	ewb_task_sleep(t, e->slow->delay.us);
	return EWB_WOULDBLOCK;
}

static enum ewb_status
answer(struct slow *s, struct ewb_cookie *c, struct errand *e)
{
	enum ewb_status status;

	if (slow_delay_due(&s->delay))
		return ewb_offload(c, perform_late, e);
	status = e->run(s->mem, c, ewb_cookie_request(c));
	if (status == EWB_WOULDBLOCK)
		return ewb_offload(c, perform, e);
	return status;
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *set, size_t n,
     void **self)
{
	struct slow *s = calloc(1, sizeof *s);
	enum ewb_status status = s ? EWB_INVALID : EWB_NO_MEMORY;
	unsigned i;

	if (s && slow_delay_init(&s->delay, host, set, n) == 0)
		status = mem_open(host, set, n, &s->mem);
	if (status != EWB_OK) {
		free(s);
		return status;
	}
	for (i = 0; i < ERRANDS; i++)
		s->errand[i] = (struct errand){ s, commands[i] };
	*self = s;
	return EWB_OK;
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
	struct slow *s = self;

	(void)r;
	return answer(s, c, &s->errand[GET]);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct slow *s = self;

	(void)r;
	return answer(s, c, &s->errand[STORE]);
}

static enum ewb_status
remove(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct slow *s = self;

	(void)r;
	return answer(s, c, &s->errand[REMOVE]);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	struct slow *s = self;

	return answer(s, c, &s->errand[FLUSH]);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	struct slow *s = self;

	return answer(s, c, &s->errand[STATS]);
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

EWB_ENGINE(.name = "slow", .help = "memory, answering late in the background",
           .model = EWB_NONBLOCKING, .can = MEM_CAN, .max_key = 250,
           .params = params, .open = open, .close = close, .get = get,
           .store = store, .remove = remove, .flush = flush, .stats = stats,
           .scan_open = scan_open, .scan_next = scan_next,
           .scan_close = scan_close, .vbucket = vbucket,
           .scan_seek = scan_seek)
