/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "reads.h"

#define AT_ONCE 32u      /* keys in one MultiGet */
#define IN_A_ROW 16u     /* before others have the thread */
#define LEND_FROM 16384u /* smaller values are copied */

static void
release(void *arg)
{
	rocksdb_pinnableslice_destroy(arg);
}

/* Takes the slice. */
static enum ewb_status
reply_item(struct rdb *d, struct ewb_cookie *c, const struct ewb_item *i,
           rocksdb_pinnableslice_t *slice, uint64_t version)
{
	enum ewb_status status;

	rdb_hot_keep(&d->hot, ewb_cookie_request(c), i, version);
	if (i->nvalue >= LEND_FROM)
		return ewb_reply_item(c, i, release, slice);
	status = ewb_reply_item(c, i, NULL, NULL);
	release(slice);
	return status;
}

/* Takes the slice. */
static enum ewb_status
reply(struct rdb *d, struct ewb_cookie *c, rocksdb_pinnableslice_t *slice,
      uint64_t version)
{
	struct ewb_item i;
	size_t n;
	const char *at = rocksdb_pinnableslice_value(slice, &n);
	enum ewb_status status;

	if (!dur_value_read(&i, at, n))
		status = EWB_INTERNAL;
	else if (dur_expired(i.expiry, ewb_host_time(d->host)))
		status = EWB_NOT_FOUND;
	else
		return reply_item(d, c, &i, slice, version);
	release(slice);
	return status;
}

static enum ewb_status
queue(struct rdb *d, struct ewb_cookie *c, enum dur_verb verb, uint64_t version)
{
	struct dur_job *j;
	enum ewb_status status = dur_job_new(c, verb, &j);
	int reader;

	if (status != EWB_OK)
		return status;
	j->note = version;
	dur_queue_push(&d->reads, j);
	reader = dur_rest_claim(&d->resting);
	if (reader >= 0)
		ewb_task_wake(d->readers[reader].task);
	return EWB_WOULDBLOCK;
}

enum ewb_status
rdb_get(struct rdb *d, struct ewb_cookie *c, const struct ewb_request *r)
{
	uint64_t version;
	enum ewb_status status;

	if (ewb_cookie_resumed(c) != EWB_NEW)
		return EWB_OK; /* the reply is there */
	status = rdb_hot_get(&d->hot, c, r, ewb_host_time(d->host), &version);
	return status == EWB_NOT_FOUND ? queue(d, c, DUR_GET, version) : status;
}

enum ewb_status
rdb_change(struct rdb *d, struct ewb_cookie *c, const struct ewb_request *r,
           enum dur_verb verb)
{
	if (ewb_cookie_resumed(c) == EWB_NEW &&
	    (verb == DUR_REMOVE || r->expect != EWB_EXPECT_ANY))
		return queue(d, c, verb, 0);
	return dur_commit_begin(&d->commit, c, verb);
}

/* Background. */

/* Some of those that wait: each reader its part. */
struct gathered {
	struct dur_job *jobs[AT_ONCE];
	struct dur_key keys[AT_ONCE];
	const char *at[AT_ONCE];
	size_t sizes[AT_ONCE];
	rocksdb_pinnableslice_t *values[AT_ONCE];
	char *errors[AT_ONCE];
	size_t n;
};

static void
gather(struct rdb *d, struct gathered *g)
{
	size_t part = dur_queue_length(&d->reads) / d->options.readers + 1;
	struct dur_job *j = dur_queue_take(
		&d->reads, part < AT_ONCE ? part : AT_ONCE, &g->n);
	size_t i;

	for (i = 0; i < g->n; i++, j = j->next) {
		const struct ewb_request *r = ewb_cookie_request(j->cookie);

		g->jobs[i] = j;
		dur_key_make(&g->keys[i], r->vbucket, r->key, r->nkey);
		g->at[i] = (const char *)g->keys[i].at;
		g->sizes[i] = g->keys[i].n;
	}
}

static void
get_all(struct rdb *d, struct gathered *g)
{
	if (g->n > 1) {
		rocksdb_batched_multi_get_cf(d->db, d->any, d->family, g->n,
		                             g->at, g->sizes, g->values,
		                             g->errors, false);
		return;
	}
	/* one by itself reads less from the disk than a MultiGet of one */
	g->errors[0] = NULL;
	g->values[0] = rocksdb_get_pinned(d->db, d->any, g->at[0], g->sizes[0],
	                                  &g->errors[0]);
}

/* Inside the gate. */
static void
ask_db(struct rdb *d, struct gathered *g)
{
	rocksdb_perfcontext_t *work;

	rocksdb_set_perf_level(rocksdb_enable_count); /* of this thread */
	work = rocksdb_perfcontext_create();
	rocksdb_perfcontext_reset(work);
	get_all(d, g);
	/* relaxed: statistics */
	atomic_fetch_add_explicit(
		&d->count.blocks_read,
		rocksdb_perfcontext_metric(work, rocksdb_block_read_count),
		memory_order_relaxed);
	rocksdb_perfcontext_destroy(work);
	atomic_fetch_add_explicit(&d->count.gets_behind, g->n,
	                          memory_order_relaxed);
	atomic_fetch_add_explicit(&d->count.read_calls, 1,
	                          memory_order_relaxed);
}

/* False: the database could not be opened anew; there is nothing to ask. */
static bool
fetch(struct rdb *d, struct gathered *g)
{
	bool open;

	dur_gate_enter(&d->gate);
	open = d->db != NULL;
	if (open)
		ask_db(d, g);
	dur_gate_leave(&d->gate);
	return open;
}

/* The cookie goes back, or to the writer. */
static void
finish(struct rdb *d, struct dur_job *j, rocksdb_pinnableslice_t *value,
       char *err)
{
	enum ewb_status status = EWB_NOT_FOUND;

	if (j->verb != DUR_GET) {
		if (value)
			release(value);
		rocksdb_free(err); /* the writer will meet it, too */
		dur_commit_push(&d->commit, j);
		return;
	}
	if (err)
		status = rdb_read_failed(d, err);
	else if (value)
		status = reply(d, j->cookie, value, j->note);
	ewb_notify(j->ticket, status);
}

/* The database could not be opened anew, so far. */
static void
finish_shut(struct rdb *d, struct dur_job *j)
{
	dur_commit_heal(&d->commit);
	if (j->verb != DUR_GET)
		dur_commit_push(&d->commit, j);
	else
		ewb_notify(j->ticket, EWB_TEMPORARY);
}

static void
read_gathered(struct rdb *d, struct gathered *g)
{
	bool open = fetch(d, g);
	size_t i;

	for (i = 0; i < g->n; i++) {
		if (open)
			finish(d, g->jobs[i], g->values[i], g->errors[i]);
		else
			finish_shut(d, g->jobs[i]);
	}
}

static void
read_some(struct ewb_task *t, void *arg)
{
	struct rdb_reader *r = arg;
	struct rdb *d = r->db;
	struct gathered g;
	unsigned i;

	for (i = 0; i < IN_A_ROW; i++) {
		gather(d, &g);
		if (g.n == 0)
			break;
		read_gathered(d, &g);
	}
	dur_rest_begin(&d->resting, r->number);
	if (dur_queue_length(&d->reads)) {
		dur_rest_end(&d->resting, r->number);
		ewb_task_again(t);
	}
}

enum ewb_status
rdb_reads_open(struct rdb *d)
{
	unsigned i;

	dur_queue_init(&d->reads);
	for (i = 0; i < d->options.readers; i++) {
		struct rdb_reader *r = &d->readers[i];

		*r = (struct rdb_reader){ d, i, NULL };
		r->task = ewb_task_new(d->host, EWB_READER, "read", read_some, r);
		if (!r->task) {
			ewb_host_error(d->host, "out of memory");
			rdb_reads_close(d);
			return EWB_NO_MEMORY;
		}
		dur_rest_begin(&d->resting, i);
	}
	return EWB_OK;
}

void
rdb_reads_close(struct rdb *d)
{
	uint64_t i;

	for (i = 0; i < d->options.readers && d->readers[i].task; i++)
		ewb_task_free(d->readers[i].task);
	dur_queue_fini(&d->reads);
}
