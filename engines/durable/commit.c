/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "batch.h"

#define BATCH_JOBS 4096u
#define BATCH_BYTES (8u << 20) /* of values; one more may come in */
#define STALL_US 2000u
#define HEAL_US 1000000u /* between two tries */

int
dur_sync_parse(const char *text, enum dur_sync *mode, uint64_t *interval_us)
{
	*interval_us = 0;
	if (strcmp(text, "commit") == 0)
		*mode = DUR_SYNC_COMMIT;
	else if (strcmp(text, "none") == 0)
		*mode = DUR_SYNC_NONE;
	else if (strncmp(text, "interval:", 9) == 0 &&
	         ewb_parse_time(text + 9, interval_us) == 0 && *interval_us)
		*mode = DUR_SYNC_INTERVAL;
	else
		return -1;
	return 0;
}

/* The operator is told when it begins and when it is over. */
static void
tell(struct dur_commit *c, enum ewb_status status)
{
	const char *why = status == EWB_OK ? NULL : c->store->why(c->db);

	/* one mutation's own, which its client is told */
	if (status == EWB_NO_MEMORY || status == EWB_TOO_BIG)
		return;
	if (why && !c->failing)
		ewb_host_notice(c->host, "writes fail: %s", why);
	else if (!why && c->failing)
		ewb_host_notice(c->host, "writes work again");
	c->failing = why != NULL;
}

/* The library works, and a batch begins; or why not. */
static enum ewb_status
begin(struct dur_commit *c)
{
	enum ewb_status status = c->store->begin(c->db);

	if (status == EWB_OK)
		atomic_store(&c->ill, false);
	return status;
}

static enum ewb_status
commit_state(struct dur_commit *c, bool clean, bool sync)
{
	enum ewb_status status = begin(c);

	if (status != EWB_OK)
		return status;
	memset(c->delta, 0, c->state.nvbuckets * sizeof *c->delta);
	status = dur_batch_state(c, clean);
	if (status != EWB_OK) {
		c->store->abandon(c->db);
		return status;
	}
	status = c->store->commit(c->db, sync);
	c->unstated &= status != EWB_OK;
	return status;
}

/* Before anybody is answered. */
static void
tell_of(struct dur_commit *c, const struct dur_batch *b,
        void (*fn)(void *db, const struct ewb_request *r))
{
	const struct dur_job *j;

	for (j = b->jobs; j && fn; j = j->next)
		if (j->status == EWB_OK && j->verb != DUR_SWEEP)
			fn(c->db, j->verb == DUR_FLUSH
			                  ? NULL
			                  : ewb_cookie_request(j->cookie));
}

/* Writes it. */
static enum ewb_status
finish(struct dur_commit *c, struct dur_batch *b)
{
	bool sync = c->mode == DUR_SYNC_COMMIT || c->owes;
	uint64_t began;
	enum ewb_status status;

	if (!b->wrote) {
		c->store->abandon(c->db);
		return EWB_OK;
	}
	began = ewb_host_clock(c->host);
	tell_of(c, b, c->store->writing);
	status = c->store->commit(c->db, sync);
	tell_of(c, b, c->store->written);
	if (status != EWB_OK)
		return status;
	if (c->mode == DUR_SYNC_COMMIT)
		b->synced = ewb_host_clock(c->host) - began;
	dur_batch_count(c, b);
	c->owes = false;
	if (sync)
		atomic_fetch_add(&c->syncs, 1);
	else
		atomic_store(&c->dirty, true);
	atomic_fetch_add(&c->batches, 1);
	atomic_fetch_add(&c->mutations, b->n);
	if (b->n > atomic_load(&c->largest))
		atomic_store(&c->largest, b->n);
	return EWB_OK;
}

/* Those that a stall or a limit of the batch leaves for later: again in front. */
static void
give_back(struct dur_commit *c, struct dur_batch *b)
{
	dur_queue_give_back(&c->queue, b->jobs);
	b->jobs = NULL;
}

/* Of one vbucket they come in the order of their seqnos. */
static void
answer_mutation(struct dur_commit *c, const struct dur_job *j)
{
	uint16_t vbucket = ewb_cookie_request(j->cookie)->vbucket;
	struct dur_vbucket *vb = &c->state.vbuckets[vbucket];
	uint64_t seqno = dur_cas_seqno(j->cas);

	atomic_store(&vb->answered, seqno);
	ewb_reply_cas(j->cookie, j->cas);
	ewb_reply_token(j->cookie, vb->uuid, seqno);
}

/* The cookie goes back: j is not to be touched after. */
static void
answer_one(struct dur_commit *c, struct dur_job *j, enum ewb_status status)
{
	if (j->verb == DUR_SWEEP) {
		struct dur_sweep *s = (struct dur_sweep *)j;

		s->done(s, status);
		return;
	}
	if (status == EWB_OK && j->cas)
		answer_mutation(c, j);
	ewb_notify(j->ticket, status);
}

static void
answer(struct dur_commit *c, struct dur_batch *b, enum ewb_status status)
{
	struct dur_job *j;

	if (status != EWB_OK)
		atomic_fetch_add(&c->failed, b->n);
	while ((j = b->jobs) != NULL) {
		b->jobs = j->next;
		answer_one(c, j, status == EWB_OK ? j->status : status);
	}
}

/* What nobody waits for any more is not begun. */
static void
drop_cancelled(struct dur_batch *b)
{
	struct dur_job **at = &b->jobs, *j;

	while ((j = *at) != NULL) {
		if (j->verb == DUR_SWEEP || !ewb_cancelled(j->ticket)) {
			at = &j->next;
			continue;
		}
		*at = j->next;
		b->n--;
		ewb_notify(j->ticket, EWB_TEMPORARY);
	}
}

/* A flush is a batch of its own; so is each when one of them may be at fault. */
static void
cut(struct dur_commit *c, struct dur_batch *b)
{
	size_t most = c->alone ? 1 : BATCH_JOBS, n = 0, bytes = 0;
	struct dur_job **at = &b->jobs, *j;
	struct dur_batch rest = { 0 };

	for (; (j = *at) != NULL; at = &j->next, n++) {
		if (n && (n == most || bytes > BATCH_BYTES ||
		          j->verb == DUR_FLUSH || b->jobs->verb == DUR_FLUSH))
			break;
		if (j->verb == DUR_STORE)
			bytes += ewb_cookie_request(j->cookie)->nvalue;
	}
	rest.jobs = *at;
	*at = NULL;
	b->n = n;
	if (c->alone)
		c->alone--;
	if (rest.jobs)
		give_back(c, &rest);
}

/* The status for all of them.  EWB_WOULDBLOCK: they were given back; EWB_BUSY:
 * they are to be. */
static enum ewb_status
write_batch(struct dur_commit *c, struct dur_batch *b)
{
	enum ewb_status status = begin(c);

	if (status != EWB_OK)
		return status;
	status = dur_batch_fill(c, b);
	if (status == EWB_OK)
		status = finish(c, b);
	else
		c->store->abandon(c->db);
	if ((status == EWB_NO_MEMORY || status == EWB_TOO_BIG) && b->n > 1) {
		c->alone = b->n;
		give_back(c, b);
		return EWB_WOULDBLOCK;
	}
	return status;
}

/* It is too early for a batch; it may have been woken by one more. */
static bool
sleeps(struct dur_commit *c, struct ewb_task *t, uint64_t now)
{
	uint64_t us = 0;

	if (now < c->later)
		us = c->later - now;
	else if (!c->alone)
		us = dur_crowd_wait(&c->crowd, dur_queue_length(&c->queue),
		                    now);
	if (us)
		ewb_task_sleep(t, us);
	return us != 0;
}

/* Nobody waits. */
static void
rest(struct dur_commit *c, struct ewb_task *t, uint64_t now)
{
	c->alone = 0;
	if (atomic_load(&c->ill)) {
		if (begin(c) != EWB_OK) {
			ewb_task_sleep(t, HEAL_US);
			return;
		}
		c->store->abandon(c->db);
	}
	if (!c->unstated)
		return;
	if (now - c->stated < DUR_STATE_US) {
		ewb_task_sleep(t, DUR_STATE_US - (now - c->stated));
		return;
	}
	/* it is no more than a number: not worth a sync */
	tell(c, commit_state(c, false, false));
	if (c->unstated)
		ewb_task_sleep(t, DUR_STATE_US);
}

static void
write_some(struct dur_commit *c, struct ewb_task *t, struct dur_batch *b)
{
	enum ewb_status status;

	cut(c, b);
	status = write_batch(c, b);
	if (status == EWB_BUSY) {
		give_back(c, b);
		atomic_fetch_add(&c->stalls, 1);
		c->later = b->clock + STALL_US;
		ewb_task_sleep(t, STALL_US);
		return;
	}
	ewb_task_again(t);
	if (status == EWB_WOULDBLOCK)
		return;
	if (status != EWB_OK || b->wrote)
		tell(c, status);
	if (b->synced)
		dur_crowd_answered(&c->crowd, b->n, dur_queue_length(&c->queue),
		                   b->synced, ewb_host_clock(c->host));
	answer(c, b, status);
}

static void
work(struct ewb_task *t, void *arg)
{
	struct dur_commit *c = arg;
	struct dur_batch b = { .now = ewb_host_time(c->host),
		               .clock = ewb_host_clock(c->host) };
	size_t took;

	if (sleeps(c, t, b.clock))
		return;
	b.jobs = dur_queue_take(&c->queue, c->alone ? 1 : BATCH_JOBS, &took);
	b.n = took;
	drop_cancelled(&b);
	if (b.jobs)
		write_some(c, t, &b);
	else if (took) /* others may wait behind those */
		ewb_task_again(t);
	else
		rest(c, t, b.clock);
}

static void
sync_now_and_then(struct ewb_task *t, void *arg)
{
	struct dur_commit *c = arg;
	char why[200];

	if (atomic_exchange(&c->dirty, false)) {
		bool good = c->store->sync(c->db, why, sizeof why) == EWB_OK;

		if (good) {
			atomic_fetch_add(&c->syncs, 1);
		} else {
			atomic_store(&c->dirty, true);
			dur_commit_heal(c);
			if (!c->unsynced)
				ewb_host_notice(c->host, "sync failed: %s",
				                why);
		}
		c->unsynced = !good;
	}
	ewb_task_sleep(t, c->interval_us);
}

static void
free_tasks(struct dur_commit *c)
{
	if (c->syncer)
		ewb_task_free(c->syncer);
	if (c->writer)
		ewb_task_free(c->writer);
	c->syncer = c->writer = NULL;
}

static void
free_all(struct dur_commit *c)
{
	free_tasks(c);
	free(c->delta);
	c->delta = NULL;
	dur_state_close(&c->state);
	dur_queue_fini(&c->queue);
}

static enum ewb_status
make_tasks(struct dur_commit *c)
{
	c->delta = calloc(c->state.nvbuckets, sizeof *c->delta);
	c->writer = ewb_task_new(c->host, EWB_WRITER, "commit", work, c);
	if (c->mode == DUR_SYNC_INTERVAL)
		/* short, and somebody relies on it: not behind what may wait */
		c->syncer = ewb_task_new(c->host, EWB_READER, "sync",
		                         sync_now_and_then, c);
	if (c->delta && c->writer &&
	    (c->syncer || c->mode != DUR_SYNC_INTERVAL))
		return EWB_OK;
	ewb_host_error(c->host, "out of memory");
	return EWB_NO_MEMORY;
}

enum ewb_status
dur_commit_open(struct dur_commit *c, struct ewb_host *host,
                const struct dur_store *store, void *db,
                const struct dur_place *place, const void *at, size_t n)
{
	struct dur_origin from;
	enum ewb_status status;

	c->host = host;
	c->store = store;
	c->db = db;
	from = (struct dur_origin){ .where = place->path,
		                    .copy = place->copy,
		                    .cut = place->cut };
	status = dur_state_open(&c->state, host, &from,
	                        c->mode != DUR_SYNC_COMMIT, at, n);
	if (status != EWB_OK)
		return status;
	dur_queue_init(&c->queue);
	status = make_tasks(c);
	if (status == EWB_OK) {
		status = commit_state(c, false, true);
		if (status != EWB_OK)
			ewb_host_error(host, "path=%s: %s", place->path,
			               store->why(db));
	}
	if (status != EWB_OK) {
		free_all(c);
		return status;
	}
	if (c->state.lost)
		ewb_host_notice(host,
		                "path=%s: it was not closed well: "
		                "mutations may be lost; its vbuckets "
		                "begin new histories",
		                place->path);
	if (c->syncer)
		ewb_task_wake(c->syncer);
	return EWB_OK;
}

void
dur_commit_close(struct dur_commit *c)
{
	free_tasks(c); /* a sweep's job may be there */
	if (commit_state(c, true, true) != EWB_OK)
		ewb_host_notice(c->host, "not closed cleanly: %s",
		                c->store->why(c->db));
	free_all(c);
}

enum ewb_status
dur_commit_begin(struct dur_commit *c, struct ewb_cookie *k, enum dur_verb verb)
{
	struct dur_job *j;
	enum ewb_status status;

	/* The answer is in the reply; another status has ended the command. */
	if (ewb_cookie_resumed(k) != EWB_NEW)
		return EWB_OK;
	status = dur_job_new(k, verb, &j);
	if (status != EWB_OK)
		return status;
	dur_commit_push(c, j);
	return EWB_WOULDBLOCK;
}

void
dur_commit_push(struct dur_commit *c, struct dur_job *j)
{
	dur_queue_push(&c->queue, j);
	if (dur_crowd_wakes(&c->crowd, &c->queue))
		ewb_task_wake(c->writer);
}

void
dur_commit_heal(struct dur_commit *c)
{
	if (!atomic_exchange(&c->ill, true))
		ewb_task_wake(c->writer);
}

void
dur_commit_sweep(struct dur_commit *c, struct dur_sweep *s)
{
	s->job = (struct dur_job){ .verb = DUR_SWEEP };
	dur_commit_push(c, &s->job);
}

bool
dur_commit_cancel(struct dur_commit *c, struct dur_job *j)
{
	if (!dur_queue_remove(&c->queue, j))
		return false;
	ewb_notify(j->ticket, EWB_TEMPORARY);
	return true;
}
