/* SPDX-License-Identifier: BSD-2-Clause */
/* The records that are asked for often, before RocksDB: which needs some
 * microseconds to find what it has in memory.
 *
 *      get ── here? ──▶ answered
 *               └─ no: version ──▶ RocksDB ──▶ kept, if the version is the same
 *      a write begins ──▶ gone from here, and nothing is kept
 *      it has ended ──▶ version + 1; then the writer is answered
 *
 * What was read before a write or beside it is not kept: so nobody sees what was
 * there before once somebody has seen what is there now.
 *
 * Once all is full, what is read for the first time is not kept, but remembered
 * by its hash: a walk through all records pushes nothing out. */
#ifndef ROCKSDB_HOT_H
#define ROCKSDB_HOT_H

#include <ewb/engine.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RDB_HOT_SHARDS 64u
#define RDB_HOT_SLOTS 64u /* of a shard: what is written concerns one of them */

struct rdb_hot_record;

struct rdb_hot_shard {
	/* set once; what they point to is changed under lock, and a prefetch
	 * guesses at it without */
	struct rdb_hot_record *_Atomic *buckets;
	pthread_mutex_t lock;
	/* under lock */
	uint32_t *seen; /* hashes, each at the place of its bucket */
	struct {
		uint64_t version;
		unsigned writing; /* begun, and not ended: nothing is kept */
	} slots[RDB_HOT_SLOTS];
	struct rdb_hot_record *hand; /* of a clock, over all of them */
	size_t bytes;
	char apart[64];
};

struct rdb_hot {
	/* set once */
	size_t limit; /* bytes, of one shard */
	size_t nbuckets;
	struct rdb_hot_shard *shards;
};

/* limit: bytes in all.  EWB_OK or EWB_NO_MEMORY. */
enum ewb_status rdb_hot_open(struct rdb_hot *h, uint64_t limit);
void rdb_hot_close(struct rdb_hot *h);

/* any: has what rdb_hot_get() will look at fetched into the caches. */
void rdb_hot_prefetch(const struct rdb_hot *h, const struct ewb_request *r);
/* any: answers, if it is here.  EWB_NOT_FOUND: it is not, and *version is for
 * rdb_hot_keep(). */
enum ewb_status rdb_hot_get(struct rdb_hot *h, struct ewb_cookie *c,
                            const struct ewb_request *r, uint32_t now,
                            uint64_t *version);
/* any: what RocksDB had, asked after version was given; before it is answered. */
void rdb_hot_keep(struct rdb_hot *h, const struct ewb_request *r,
                  const struct ewb_item *i, uint64_t version);
/* any: this one is being written, from begin to end; null: all are.  It is not
 * here then. */
void rdb_hot_begin(struct rdb_hot *h, const struct ewb_request *r);
void rdb_hot_end(struct rdb_hot *h, const struct ewb_request *r);
/* any: bytes in use. */
uint64_t rdb_hot_bytes(struct rdb_hot *h);

#endif
