/* SPDX-License-Identifier: BSD-2-Clause */
/* Looks through the records, some at a time, for those that have expired, and
 * has them removed.  While nothing expires it rests. */
#ifndef LMDB_EXPIRY_H
#define LMDB_EXPIRY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "../durable/commit.h"
#include "../durable/record.h"

struct ldb;

struct ldb_expiry {
	/* set once, by open */
	struct ldb *d;
	/* under lock */
	pthread_mutex_t lock;
	struct ewb_task *task; /* null: closed */
	/* the task's; sweep: but not while it is under way */
	struct dur_key at; /* where it goes on */
	bool seen;         /* something that expires, since then */
	struct dur_sweep sweep;
	/* any thread */
	_Atomic bool under_way, failed; /* the sweep */
	_Atomic bool stored;  /* something that expires, since the last pass */
	_Atomic bool resting; /* until something is */
};

/* pool or start.  When it fails it has said why. */
enum ewb_status ldb_expiry_open(struct ldb_expiry *e, struct ldb *d);
/* Start or stop: no more sweeps begin; then, when the commit is closed: */
void ldb_expiry_stop(struct ldb_expiry *e);
void ldb_expiry_close(struct ldb_expiry *e);
/* The writer: something that expires was committed. */
void ldb_expiry_note(struct ldb_expiry *e);

#endif
