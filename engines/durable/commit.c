/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commit.h"

#define BATCH_JOBS 4096u
#define BATCH_BYTES (8u << 20) /* of values; one more may come in */
#define STALL_US 2000u
#define SAMPLE 64u /* of plain sets of which it is not known whether they add */
#define HEAL_US 1000000u /* between two tries */
#define STATE_US 1000000u /* the number of records is written so often */

/* One batch, while it is made. */
struct batch {
	struct dur_job *jobs;
	size_t n;
	uint32_t now;   /* Unix seconds */
	uint64_t clock;  /* of the host */
	uint64_t synced; /* microseconds that this took; 0: it was not */
	bool wrote;      /* there is something in it */
	bool stated;     /* the state, too */
};

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

/* Into the batch; what is promised has to be on disk before it is used. */
static enum ewb_status
put_state(struct dur_commit *c, bool clean)
{
	enum ewb_status status = EWB_NO_MEMORY;
	size_t n;
	unsigned char *at = dur_state_write(&c->state, clean, c->delta, &n);

	if (at)
		status = c->store->put_state(c->db, at, n);
	free(at);
	c->stated = ewb_host_clock(c->host);
	return status;
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
	status = put_state(c, clean);
	if (status != EWB_OK) {
		c->store->abandon(c->db);
		return status;
	}
	status = c->store->commit(c->db, sync);
	c->unstated &= status != EWB_OK;
	return status;
}

/* The expectation, against what is there. */
static enum ewb_status
check(const struct ewb_request *r, enum dur_verb verb, bool there, uint64_t cas)
{
	if (verb == DUR_REMOVE && !there)
		return EWB_NOT_FOUND;
	if (verb == DUR_REMOVE)
		return r->cas && r->cas != cas ? EWB_EXISTS : EWB_OK;
	switch (r->expect) {
	case EWB_EXPECT_ABSENT: return there ? EWB_EXISTS : EWB_OK;
	case EWB_EXPECT_PRESENT: return there ? EWB_OK : EWB_NOT_FOUND;
	case EWB_EXPECT_CAS:
		if (!there)
			return EWB_NOT_FOUND;
		return r->cas == cas ? EWB_OK : EWB_EXISTS;
	case EWB_EXPECT_ANY: break;
	}
	return EWB_OK;
}

static enum ewb_status
write_one(struct dur_commit *c, struct batch *b, struct dur_job *j,
          const struct ewb_request *r, const struct dur_key *k)
{
	struct ewb_item i = { .size = sizeof i };

	i.seqno = dur_state_next(&c->state, r->vbucket, &c->owes);
	i.cas = j->cas = dur_cas(i.seqno, r->vbucket);
	b->wrote = true;
	if (j->verb == DUR_REMOVE)
		return c->store->drop(c->db, k);
	i.flags = r->flags;
	i.expiry = r->expiry;
	i.datatype = r->datatype;
	i.value = r->value;
	i.nvalue = r->nvalue;
	return c->store->put(c->db, k, &i);
}

/* How many records this put adds.  Where only the disk knows, some are asked for
 * and count for the others. */
static int64_t
adds(struct dur_commit *c, const struct dur_key *k, enum ewb_status found)
{
	struct ewb_item old;

	if (found != EWB_WOULDBLOCK)
		return found == EWB_NOT_FOUND;
	if (++c->unknown % SAMPLE)
		return 0;
	found = c->store->look(c->db, k, false, &old);
	return found == EWB_NOT_FOUND ? SAMPLE : 0;
}

/* EWB_OK: j has its status.  Else the batch is to be given up. */
static enum ewb_status
apply(struct dur_commit *c, struct batch *b, struct dur_job *j)
{
	const struct ewb_request *r = ewb_cookie_request(j->cookie);
	bool blind = j->verb == DUR_STORE && r->expect == EWB_EXPECT_ANY;
	struct ewb_item old = { .size = sizeof old };
	struct dur_key k;
	enum ewb_status found, status;
	int64_t more = -1; /* records */

	dur_key_make(&k, r->vbucket, r->key, r->nkey);
	found = c->store->look(c->db, &k, blind, &old);
	if (found != EWB_OK && found != EWB_NOT_FOUND && !blind) {
		j->status = found;
		return EWB_OK;
	}
	j->status = check(r, j->verb,
	                  found == EWB_OK && !dur_expired(old.expiry, b->now),
	                  old.cas);
	if (j->status != EWB_OK)
		return EWB_OK;
	if (j->verb == DUR_STORE)
		more = adds(c, &k, found);
	status = write_one(c, b, j, r, &k);
	if (status == EWB_NOT_STORED) {
		j->status = EWB_NO_MEMORY;
		return EWB_OK;
	}
	if (status == EWB_OK)
		c->delta[r->vbucket] += more;
	return status;
}

/* Those that have not been stored anew since. */
static enum ewb_status
sweep(struct dur_commit *c, struct batch *b, struct dur_job *j)
{
	struct dur_sweep *s = (struct dur_sweep *)j;
	struct ewb_item old = { .size = sizeof old };
	enum ewb_status status = EWB_OK;
	size_t i;

	s->dropped = 0;
	for (i = 0; i < s->n && status == EWB_OK; i++) {
		const struct dur_key *k = &s->keys[i];

		if (dur_get16(k->at) >= c->state.nvbuckets || /* damaged */
		    c->store->look(c->db, k, false, &old) != EWB_OK ||
		    !dur_expired(old.expiry, b->now))
			continue;
		b->wrote = true;
		status = c->store->drop(c->db, k);
		c->delta[dur_get16(k->at)]--;
		s->dropped++;
	}
	return status;
}

static enum ewb_status
clear(struct dur_commit *c, struct batch *b, struct dur_job *j)
{
	uint32_t i;

	for (i = 0; i < c->state.nvbuckets; i++)
		c->delta[i] = -dur_state_forget(&c->state, (uint16_t)i);
	b->wrote = true;
	j->status = EWB_OK;
	return c->store->clear(c->db);
}

static enum ewb_status
fill(struct dur_commit *c, struct batch *b)
{
	enum ewb_status status = EWB_OK;
	struct dur_job *j;

	memset(c->delta, 0, c->state.nvbuckets * sizeof *c->delta);
	for (j = b->jobs; j && status == EWB_OK; j = j->next)
		switch (j->verb) {
		case DUR_FLUSH: status = clear(c, b, j); break;
		case DUR_SWEEP: status = sweep(c, b, j); break;
		default: status = apply(c, b, j);
		}
	b->stated = b->wrote && (c->owes || b->clock - c->stated >= STATE_US);
	if (status == EWB_OK && b->stated)
		status = put_state(c, false);
	return status;
}

static void
count_records(struct dur_commit *c, const struct batch *b)
{
	uint32_t i;

	c->unstated &= !b->stated;
	for (i = 0; i < c->state.nvbuckets; i++) {
		if (!c->delta[i])
			continue;
		atomic_fetch_add(&c->state.vbuckets[i].records, c->delta[i]);
		c->unstated |= !b->stated;
	}
}

/* Before anybody is answered. */
static void
tell_of(struct dur_commit *c, const struct batch *b,
        void (*fn)(void *db, const struct ewb_request *r))
{
	const struct dur_job *j;

	for (j = b->jobs; j && fn; j = j->next)
		if (j->status == EWB_OK && j->verb != DUR_SWEEP)
			fn(c->db, j->verb == DUR_FLUSH ?
			                  NULL :
			                  ewb_cookie_request(j->cookie));
}

/* Writes it. */
static enum ewb_status
finish(struct dur_commit *c, struct batch *b)
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
	count_records(c, b);
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
give_back(struct dur_commit *c, struct batch *b)
{
	dur_queue_give_back(&c->queue, b->jobs);
	b->jobs = NULL;
}

/* The cookie goes back: j is not to be touched after. */
static void
answer_one(struct dur_job *j, enum ewb_status status)
{
	if (j->verb == DUR_SWEEP) {
		struct dur_sweep *s = (struct dur_sweep *)j;

		s->done(s, status);
		return;
	}
	if (status == EWB_OK && j->cas)
		ewb_reply_cas(j->cookie, j->cas);
	ewb_notify(j->ticket, status);
}

static void
answer(struct dur_commit *c, struct batch *b, enum ewb_status status)
{
	struct dur_job *j;

	if (status != EWB_OK)
		atomic_fetch_add(&c->failed, b->n);
	while ((j = b->jobs) != NULL) {
		b->jobs = j->next;
		answer_one(j, status == EWB_OK ? j->status : status);
	}
}

/* What nobody waits for any more is not begun. */
static void
drop_cancelled(struct batch *b)
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
cut(struct dur_commit *c, struct batch *b)
{
	size_t most = c->alone ? 1 : BATCH_JOBS, n = 0, bytes = 0;
	struct dur_job **at = &b->jobs, *j;
	struct batch rest = { 0 };

	for (; (j = *at) != NULL; at = &j->next, n++) {
		if (n && (n == most || bytes > BATCH_BYTES ||
		          j->verb == DUR_FLUSH ||
		          b->jobs->verb == DUR_FLUSH))
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
write_batch(struct dur_commit *c, struct batch *b)
{
	enum ewb_status status = begin(c);

	if (status != EWB_OK)
		return status;
	status = fill(c, b);
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
	if (now - c->stated < STATE_US) {
		ewb_task_sleep(t, STATE_US - (now - c->stated));
		return;
	}
	/* it is no more than a number: not worth a sync */
	tell(c, commit_state(c, false, false));
	if (c->unstated)
		ewb_task_sleep(t, STATE_US);
}

static void
write_some(struct dur_commit *c, struct ewb_task *t, struct batch *b)
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
		dur_crowd_answered(&c->crowd, b->n,
		                   dur_queue_length(&c->queue), b->synced,
		                   ewb_host_clock(c->host));
	answer(c, b, status);
}

static void
work(struct ewb_task *t, void *arg)
{
	struct dur_commit *c = arg;
	struct batch b = { .now = ewb_host_time(c->host),
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
				ewb_host_notice(c->host, "sync failed: %s", why);
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
		ewb_host_notice(host, "path=%s: it was not closed well: "
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

void
dur_commit_look(const struct dur_commit *c, struct dur_commit_stats *s)
{
	s->batches = atomic_load(&c->batches);
	s->mutations = atomic_load(&c->mutations);
	s->syncs = atomic_load(&c->syncs);
	s->stalls = atomic_load(&c->stalls);
	s->failed = atomic_load(&c->failed);
	s->largest = atomic_load(&c->largest);
}
