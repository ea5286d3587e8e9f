/* SPDX-License-Identifier: BSD-2-Clause */
/* Group commit: one task takes every mutation that waits, makes one batch of
 * them, writes and syncs that once, and only then answers them all.
 *
 *      queue ──▶ check expectations, put ──▶ commit, sync ──▶ notify each
 *        ▲            (in order, seeing those before)   │
 *        └──────────── stalled: given back, later ◀─────┘
 *
 * Each mutation sees the ones before it in its batch, so that a compare and its
 * write are one step.  When a batch fails as a whole, none of it is
 * acknowledged; when it may be one mutation's fault, each is tried alone. */
#ifndef DURABLE_COMMIT_H
#define DURABLE_COMMIT_H

#include <ewb/engine.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "crowd.h"
#include "place.h"
#include "queue.h"
#include "record.h"
#include "state.h"

#define DUR_SWEEP_KEYS 64u

/* What a library does for it.  Called by one thread at a time. */
struct dur_store {
	/* A batch begins.  EWB_BUSY: not yet; else: nothing can be written now. */
	enum ewb_status (*begin)(void *db);
	/* The record as it is now, this batch's changes included; its value
	 * stays until the next call.  EWB_OK, EWB_NOT_FOUND, or an error.
	 * cheap: EWB_WOULDBLOCK when the disk would have to be asked. */
	enum ewb_status (*look)(void *db, const struct dur_key *k, bool cheap,
	                        struct ewb_item *i);
	/* Into the batch.  EWB_NOT_STORED: there is no room for this one, and
	 * the batch is as it was.  Another error: all of it is to be given up. */
	enum ewb_status (*put)(void *db, const struct dur_key *k,
	                       const struct ewb_item *i);
	enum ewb_status (*drop)(void *db, const struct dur_key *k);
	enum ewb_status (*put_state)(void *db, const void *at, size_t n);
	/* All records.  Nothing is in the batch but this, and the state. */
	enum ewb_status (*clear)(void *db);
	/* The batch, to the disk if sync.  EWB_BUSY: nothing was written, the
	 * library wants to catch up first.  EWB_NO_MEMORY, EWB_TOO_BIG:
	 * nothing was written.  Else: nobody knows.  The batch is gone. */
	enum ewb_status (*commit)(void *db, bool sync);
	void (*abandon)(void *db);
	/* Both, or none.  This mutation is about to be committed; and it was, or
	 * was not, and is not yet answered.  r null: everything is removed. */
	void (*writing)(void *db, const struct ewb_request *r);
	void (*written)(void *db, const struct ewb_request *r);
	/* Why the last of these failed, one line. */
	const char *(*why)(void *db);
	/* Syncs what was committed without; beside the others, on another
	 * thread.  Null: DUR_SYNC_INTERVAL is not possible.  When it fails, why
	 * has one line. */
	enum ewb_status (*sync)(void *db, char *why, size_t n);
};

enum dur_sync { DUR_SYNC_COMMIT, DUR_SYNC_INTERVAL, DUR_SYNC_NONE };

/* Records that have expired, to be removed: a job that is no client's. */
struct dur_sweep {
	struct dur_job job; /* dur_commit_sweep()'s */
	/* the caller's, before and after */
	size_t n;
	struct dur_key keys[DUR_SWEEP_KEYS];
	/* pool: it is over; dropped is right when the status is EWB_OK.  Not
	 * called any more when the commit is closed before. */
	void (*done)(struct dur_sweep *s, enum ewb_status status);
	void *arg; /* done()'s */
	size_t dropped;
};

struct dur_commit {
	/* set once, by open */
	struct ewb_host *host;
	const struct dur_store *store;
	void *db;
	enum dur_sync mode;
	uint64_t interval_us;
	struct ewb_task *writer, *syncer; /* syncer: DUR_SYNC_INTERVAL */
	/* see there */
	struct dur_queue queue;
	struct dur_state state;
	struct dur_crowd crowd;
	/* syncer's task only */
	bool unsynced; /* the operator has been told */
	/* writer's task only */
	size_t alone;   /* so many are tried one by one */
	bool owes;      /* the state has to be written, and synced */
	bool failing;   /* the operator has been told */
	uint64_t later; /* stalled: not before this time of the host's clock */
	unsigned unknown; /* plain sets of which only the disk knows */
	int64_t *delta;   /* of records, by vbucket, in this batch */
	bool unstated;    /* the number of records has changed since */
	uint64_t stated;  /* when the state was last written, of the clock */
	/* any thread */
	_Atomic bool dirty; /* something was not synced */
	_Atomic bool ill;   /* begin() has to be called, whoever waits */
	_Atomic uint64_t batches, mutations, syncs, stalls, failed, largest;
};

/* pool or start.  "commit", "interval:MS", "none"; -1: it is another word. */
int dur_sync_parse(const char *text, enum dur_sync *mode,
                   uint64_t *interval_us);

/* pool or start.  at: the state record of the database, or null.  The state is
 * written, and synced, before it returns.  When it fails it has said why. */
enum ewb_status dur_commit_open(struct dur_commit *c, struct ewb_host *host,
                                const struct dur_store *store, void *db,
                                const struct dur_place *place, const void *at,
                                size_t n);
/* pool or start.  No client waits any more.  Leaves the state as of a clean
 * end. */
void dur_commit_close(struct dur_commit *c);

/* front, in a callback: queues this mutation.  The result is the callback's;
 * run again it finds the answer in the reply. */
enum ewb_status dur_commit_begin(struct dur_commit *c, struct ewb_cookie *k,
                                 enum dur_verb verb);
/* any: likewise, a job that is a task's. */
void dur_commit_push(struct dur_commit *c, struct dur_job *j);
/* any: s is not the caller's until done() is called. */
void dur_commit_sweep(struct dur_commit *c, struct dur_sweep *s);
/* any: the library has to be made to work again, also if nobody writes. */
void dur_commit_heal(struct dur_commit *c);
/* front: the cancel callback, when the job is in this queue. */
bool dur_commit_cancel(struct dur_commit *c, struct dur_job *j);

#endif
