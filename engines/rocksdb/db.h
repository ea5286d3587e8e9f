/* SPDX-License-Identifier: BSD-2-Clause */
/* The database: RocksDB's, its options, and what its errors mean here.
 *
 *      open ──▶ working ──a write failed──▶ sick ──the disk is good again──┐
 *                  ▲                                                        │
 *                  └──────────── closed and opened anew, gate shut ◀────────┘
 *
 * After some failed writes RocksDB refuses all others until it is opened anew.
 * Reads go on while it is sick. */
#ifndef ROCKSDB_DB_H
#define ROCKSDB_DB_H

#include <ewb/engine.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "../durable/commit.h"
#include "../durable/cursors.h"
#include "../durable/gate.h"
#include "../durable/place.h"
#include "../durable/queue.h"
#include "../durable/rest.h"
#include "hot.h"

#define RDB_WHY 240
#define RDB_MAX_READERS DUR_REST_MOST

struct rdb_options {
	uint64_t cache, memtable, hot;
	uint64_t readers, background;
	int compression;
	bool direct, point_in_time;
};

struct rdb_counters {
	_Atomic uint64_t gets_behind, read_calls, blocks_read, reopened,
		scans_ended, expired, read_errors;
};

struct rdb;

struct rdb_reader {
	/* set once */
	struct rdb *db;
	unsigned number;
	struct ewb_task *task;
};

struct rdb {
	/* set once, by open */
	struct ewb_host *host;
	struct dur_place place;
	struct rdb_options options;
	rocksdb_options_t *opt;
	rocksdb_cache_t *cache;
	rocksdb_env_t *env;
	rocksdb_compactionfilterfactory_t *expiry;
	rocksdb_readoptions_t *cached; /* the block cache only */
	rocksdb_readoptions_t *any;    /* and the disk */
	rocksdb_writeoptions_t *synced, *unsynced; /* which do not wait */
	rocksdb_writeoptions_t *patient; /* synced, however long it takes */
	struct rdb_reader readers[RDB_MAX_READERS];
	/* see there */
	struct dur_gate gate;
	struct dur_cursors cursors;
	struct dur_commit commit;
	struct dur_queue reads;
	struct dur_rest resting; /* of the readers */
	struct rdb_hot hot;
	/* any thread inside the gate; changed while it is shut; null: sick, and
	 * it could not be opened */
	rocksdb_t *db;
	rocksdb_column_family_handle_t *family; /* the only one */
	/* the writer's */
	rocksdb_writebatch_wi_t *batch;
	rocksdb_writebatch_t *clearing; /* instead, to remove everything */
	char *looked;                   /* of the last look */
	char why[RDB_WHY];
	/* any thread */
	_Atomic bool sick; /* cleared by the writer */
	/* neither being opened nor closed, when it may wait; changed while the
	 * writer may still be at its rest */
	_Atomic bool serving;
	struct rdb_counters count;
};

extern const struct dur_store rdb_store;

/* pool or start.  When it fails it has said why. */
enum ewb_status rdb_open(struct rdb *d, struct ewb_host *host,
                         const struct ewb_setting *s, size_t n);
void rdb_close(struct rdb *d);
/* The writer, or at start: closes it, if it is open, and opens it anew. */
enum ewb_status rdb_reopen(struct rdb *d);

/* any: the status that one of RocksDB's errors is, and its text, one line, in
 * why.  Frees err; null: EWB_OK. */
enum ewb_status rdb_status(char *err, char *why, size_t n);
/* any: likewise for a read: the operator is told. */
enum ewb_status rdb_read_failed(struct rdb *d, char *err);

#endif
