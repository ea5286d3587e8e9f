/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that answers at once when it can, and offloads when it would have
 * to wait.  Its callbacks run on the front end, which serves thousands of other
 * connections and must never wait, not even for a lock: so they only try it.
 * Who gets it answers; else the same work is done in the background, where
 * waiting holds up nobody else. */
#include <ewb/engine.h>

#include <pthread.h>
#include <stdlib.h>

#include "shelf.h"

enum { GET, STORE, REMOVE, FLUSH, STATS, COMMANDS };

static const shelf_fn work[COMMANDS] = {
	[GET] = shelf_get,     [STORE] = shelf_store, [REMOVE] = shelf_remove,
	[FLUSH] = shelf_flush, [STATS] = shelf_stats,
};

struct offload {
	/* set once, by open: what the background is told, for each command */
	struct errand {
		struct offload *engine;
		shelf_fn fn;
	} errand[COMMANDS];
	pthread_mutex_t lock;
	/* under lock */
	struct shelf *shelf;
};

/* pool: its status is the command's; the callback is not run again. */
static enum ewb_status
in_background(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct errand *e = arg;
	enum ewb_status status;

	/* Nobody waits any more: nothing is done, and that is what it says. */
	if (ewb_cancelled(ewb_task_ticket(t)))
		return EWB_TEMPORARY;
	pthread_mutex_lock(&e->engine->lock);
	status = e->fn(e->engine->shelf, c, ewb_cookie_request(c));
	pthread_mutex_unlock(&e->engine->lock);
	return status;
}

/* front */
static enum ewb_status
answer(struct offload *o, struct ewb_cookie *c, int command)
{
	struct errand *e = &o->errand[command];
	enum ewb_status status;

	/* The last thing that is done here: the background may have the cookie
	 * before ewb_offload() has returned. */
	if (pthread_mutex_trylock(&o->lock) != 0)
		return ewb_offload(c, in_background, e);
	status = e->fn(o->shelf, c, ewb_cookie_request(c));
	pthread_mutex_unlock(&o->lock);
	return status;
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return answer(self, c, GET);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return answer(self, c, STORE);
}

static enum ewb_status
remove_record(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return answer(self, c, REMOVE);
}

/* Long work: it is never done on the front end. */
static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	struct offload *o = self;

	return ewb_offload_to(c, EWB_WRITER, in_background, &o->errand[FLUSH]);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	return answer(self, c, STATS);
}

static enum ewb_status
open_engine(struct ewb_host *host, const struct ewb_setting *s, size_t n,
            void **self)
{
	struct offload *o = calloc(1, sizeof *o);

	(void)s; /* no parameters: n is 0 */
	(void)n;
	if (o)
		o->shelf = shelf_new(host);
	if (o == NULL || o->shelf == NULL) {
		free(o);
		return EWB_NO_MEMORY;
	}
	for (int i = 0; i < COMMANDS; i++)
		o->errand[i] = (struct errand){ o, work[i] };
	pthread_mutex_init(&o->lock, NULL);
	*self = o;
	return EWB_OK;
}

static void
close_engine(void *self)
{
	struct offload *o = self;

	shelf_free(o->shelf);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

static enum ewb_status
vbucket(void *self, uint16_t vbucket, struct ewb_vbucket *v)
{
	return shelf_vbucket(((struct offload *)self)->shelf, vbucket, v);
}

EWB_ENGINE(.name = "offload", .help = "keeps records in memory, offloading",
           .model = EWB_NONBLOCKING, .can = SHELF_CAN, .open = open_engine,
           .close = close_engine, .get = get, .store = store,
           .remove = remove_record, .flush = flush, .stats = stats,
           .vbucket = vbucket)
