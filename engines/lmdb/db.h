/* SPDX-License-Identifier: BSD-2-Clause */
/* The database: LMDB's environment, and what its errors mean here.
 *
 *      open ──▶ working ──a meta page failed──▶ LMDB refuses all
 *                  ▲                                 │ the next who asks, and
 *                  └── opened anew, gate shut ◀──────┘ may wait, heals it
 *
 * Who uses the environment is inside the gate; the writer from begin to the end
 * of its batch.  So whoever finds that LMDB refuses may open it anew. */
#ifndef LMDB_DB_H
#define LMDB_DB_H

#include <ewb/engine.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../durable/commit.h"
#include "../durable/cursors.h"
#include "../durable/gate.h"
#include "../durable/place.h"
#include "expiry.h"
#include "resident.h"
#include "txns.h"

#define LDB_WHY 240

struct ldb_options {
	uint64_t map;    /* 0: as much as the system grants */
	uint64_t memory; /* data up to this size are held in it */
	uint64_t scan_age_us;
	const char *scan_age; /* as it was given; in ages */
	char ages[32];
};

struct ldb_counters {
	_Atomic uint64_t gets_at_once, gets_behind, full, reopened, scans_ended,
		expired, read_errors;
};

struct ldb {
	/* set once, by open */
	struct ewb_host *host;
	struct dur_place place;
	struct ldb_options options;
	struct ewb_task *ager;
	/* see there */
	struct dur_gate gate;
	struct dur_cursors cursors;
	struct dur_commit commit;
	struct ldb_resident resident;
	struct ldb_expiry expiry;
	/* any thread inside the gate; changed while it is shut; env null: it
	 * could not be opened anew */
	MDB_env *env;
	MDB_dbi records; /* the only one, the state among them */
	struct ldb_txns txns;
	uint64_t map; /* bytes */
	size_t most;  /* pages of records; what is left is for changing them */
	size_t page;  /* bytes */
	unsigned times;          /* that it was opened */
	pthread_mutex_t healing; /* who may shut the gate */
	/* the writer's, inside the gate */
	MDB_txn *batch;
	bool expires; /* something in the batch does */
	bool full_told;
	char why[LDB_WHY];
	/* any thread */
	struct ldb_counters count;
};

extern const struct dur_store ldb_store;

/* pool or start.  When it fails it has said why. */
enum ewb_status ldb_open(struct ldb *d, struct ewb_host *host,
                         const struct ewb_setting *s, size_t n);
void ldb_close(struct ldb *d);

/* pool, inside the gate: how often it was opened, for ldb_heal(). */
static inline unsigned
ldb_times(const struct ldb *d)
{
	return d->times;
}
/* pool, outside of the gate: LMDB has refused when ldb_times() was this: opens
 * it anew, unless another one just has.  EWB_OK: try again. */
enum ewb_status ldb_heal(struct ldb *d, unsigned times);

/* any: the status that one of LMDB's errors is. */
enum ewb_status ldb_status(int err);
/* any: likewise for a read that failed: the operator is told. */
enum ewb_status ldb_read_failed(struct ldb *d, int err);
/* any, inside the gate: bytes of the file that are, or have been, in use. */
uint64_t ldb_used(const struct ldb *d);

#endif
