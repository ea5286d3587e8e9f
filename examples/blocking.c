/* SPDX-License-Identifier: BSD-2-Clause */
/* A blocking engine.  Its callbacks run on background threads, several at once,
 * and may wait: here for a lock, in yours for a disk or another machine.  The
 * clients of this command wait with it, all others are served meanwhile. */
#include <ewb/engine.h>

#include <pthread.h>
#include <stdlib.h>

#include "shelf.h"

struct blocking {
	pthread_mutex_t lock;
	/* under lock */
	struct shelf *shelf;
};

static enum ewb_status
run(struct blocking *b, struct ewb_cookie *c, const struct ewb_request *r,
    shelf_fn fn)
{
	enum ewb_status status;

	pthread_mutex_lock(&b->lock);
	status = fn(b->shelf, c, r);
	pthread_mutex_unlock(&b->lock);
	return status;
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return run(self, c, r, shelf_get);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return run(self, c, r, shelf_store);
}

static enum ewb_status
remove_record(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return run(self, c, r, shelf_remove);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	return run(self, c, NULL, shelf_flush);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	return run(self, c, NULL, shelf_stats);
}

static enum ewb_status
open_engine(struct ewb_host *host, const struct ewb_setting *s, size_t n,
            void **self)
{
	struct blocking *b = calloc(1, sizeof *b);

	(void)s; /* no parameters: n is 0 */
	(void)n;
	if (b)
		b->shelf = shelf_new(host);
	if (b == NULL || b->shelf == NULL) {
		free(b);
		return EWB_NO_MEMORY;
	}
	pthread_mutex_init(&b->lock, NULL);
	*self = b;
	return EWB_OK;
}

static void
close_engine(void *self)
{
	struct blocking *b = self;

	shelf_free(b->shelf);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static enum ewb_status
vbucket(void *self, uint16_t vbucket, struct ewb_vbucket *v)
{
	return shelf_vbucket(((struct blocking *)self)->shelf, vbucket, v);
}

EWB_ENGINE(.name = "blocking", .help = "keeps records in memory, blocking",
           .model = EWB_BLOCKING, .can = SHELF_CAN, .open = open_engine,
           .close = close_engine, .get = get, .store = store,
           .remove = remove_record, .flush = flush, .stats = stats,
           .vbucket = vbucket)
