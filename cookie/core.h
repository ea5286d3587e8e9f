/* SPDX-License-Identifier: BSD-2-Clause */
/* The server without its sockets: the pool, the clock, the limits, the
 * commands, and the engine instances.  One process may hold several. */
#ifndef COOKIE_CORE_H
#define COOKIE_CORE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <ewb/engine.h>

#include "cookie/await.h"
#include "cookie/budget.h"
#include "cookie/keylock.h"
#include "lib/chunks.h"
#include "lib/clock.h"
#include "lib/hot.h"
#include "lib/log.h"
#include "lib/pool.h"
#include "protocol/collections.h"
#include "protocol/frame.h"
#include "protocol/own.h"

#define EWB_CORE_MAGIC 0x65776243u

struct ewb_cookie;

enum ewb_counter {
#define EWB_COUNTER(name, help) EWB_COUNT_##name,
#include "cookie/counters.def"
#undef EWB_COUNTER
	EWB_NCOUNTERS
};

/* Written by one thread, read by all. */
struct ewb_counters {
	_Atomic uint64_t at[EWB_NCOUNTERS];
};

/* Relaxed: a statistic orders nothing, and it has one writer. */
static inline void
ewb_count_n(struct ewb_counters *s, enum ewb_counter i, uint64_t n)
{
	atomic_store_explicit(
		&s->at[i],
		atomic_load_explicit(&s->at[i], memory_order_relaxed) + n,
		memory_order_relaxed);
}
#define EWB_COUNT(s, name) ewb_count_n((s), EWB_COUNT_##name, 1)
#define EWB_COUNT_N(s, name, n) ewb_count_n((s), EWB_COUNT_##name, (n))

/* A barrier waits for all, and holds all. */
enum ewb_barrier {
	EWB_NO_BARRIER,
	EWB_BARRIER,
	EWB_BARRIER_IN_ORDER /* but where its client has asked for no order */
};

/* A command: how it runs, and how it stands to the others of its connection. */
struct ewb_command {
	/* front; as an engine's callback, see ewb/engine.h */
	enum ewb_status (*run)(struct ewb_cookie *c);
	void *arg;          /* whoever added the command */
	uint8_t keyed;      /* waits for earlier ones on its key */
	uint8_t barrier;    /* enum ewb_barrier */
	uint8_t stops;      /* no input is looked at before it is done */
	uint8_t mutates;
	uint8_t streams;    /* the reply may come in pieces */
	uint8_t terminal_error; /* ... and an error frame may end them */
	uint8_t cursors;    /* its tasks use an engine's cursor */
	uint8_t reviews;    /* run looks at a reply that a task has finished */
};

struct ewb_limits {
	uint64_t max_cookies;
	uint64_t max_pinned;    /* bytes of requests that they hold */
	uint32_t deadline_ms;
	size_t high, low;       /* of a stream, bytes of capacity */
	size_t buffer_memory;   /* growth of all streams */
	size_t max_streams;     /* each owns EWB_CHUNK_MIN outside of that */
	size_t max_item;
};

extern const struct ewb_limits ewb_limits_default;

/* A group of statistics: `stats NAME`, and what of it belongs into `stats`. */
struct ewb_stat_group {
	const char *name;
	/* front: adds with ewb_reply_stat().  all: the group was asked for.  May be
	 * null where there is run. */
	void (*add)(struct ewb_cookie *c, void *arg, int all);
	/* front: what it counts begins anew; null: nothing does */
	void (*reset)(void *arg);
	void *arg;
	/* front: instead of add, where it has to wait; as a command's.  Its tasks
	 * may use cursors. */
	enum ewb_status (*run)(struct ewb_cookie *c, void *arg);
};
#define EWB_STAT_GROUPS 8

/* What was asked for in a collection; any thread.  Two are a cache line. */
struct ewb_collection_use {
	_Atomic uint64_t gets, stores, deletes, scans;
};
/* Each front end counts in a row of its own, unless there are more of them: no
 * line is written by two. */
#define EWB_USE_ROWS 16u

struct ewb_core {
	uint32_t magic;
	/* set once, before the first command */
	struct ewb_limits limits;
	struct ewb_pool *pool;
	unsigned vbuckets;
	/* null: there is the default one alone, and keys are stored as they are */
	const struct ewb_collections *collections;
	struct ewb_collection_use *uses; /* EWB_USE_ROWS of ewb_core_nuses() */
	_Atomic unsigned next_row;
	struct ewb_log log;
	struct ewb_command commands[EWB_NOPS];
	struct ewb_command inner[EWB_NOPS]; /* as a filter runs it, below itself */
	struct ewb_own_rules own_rules;     /* of the engines' own commands */
	struct ewb_own_slot *own;           /* as many; see own.h */
	struct ewb_job_type types[EWB_NOPS][EWB_POOL_CLASSES];
	struct ewb_stat_group groups[EWB_STAT_GROUPS];
	unsigned ngroups;
	/* any: the engine is to be closed: whoever keeps cursors closes them,
	 * soon.  null: nobody does */
	void (*end_cursors)(void *arg);
	void *end_cursors_arg;
	/* any thread; beside it nothing that changes often, for each mutation
	 * looks at it */
	struct ewb_awaits awaits;
	struct ewb_clock clock;
	struct ewb_chunks chunks;
	struct ewb_budget budget;
	struct ewb_keylocks keylocks;
	_Atomic uint64_t cookies;      /* in flight: blocked, cancelled, orphaned */
	_Atomic uint64_t pinned;       /* bytes of requests that they hold */
	_Atomic uint64_t orphans;
	_Atomic size_t streams;
	_Atomic uint64_t next_session; /* ids */
};

/* 0 or -errno.  The pool is made here: classes reader, writer, aux with the
 * threads of o; vbuckets 1 to 1024. */
int ewb_core_init(struct ewb_core *s, const struct ewb_limits *limits,
                  const struct ewb_class_options o[EWB_POOL_CLASSES],
                  unsigned vbuckets);
/* The hash of a key that the engine has: of that which its client says. */
uint32_t ewb_core_hash(const struct ewb_core *s, const void *key, size_t nkey);
/* Before the first command, with collections: makes what counts in them; it is the
 * caller's to free.  -1: no memory. */
int ewb_core_count_uses(struct ewb_core *s);
/* In a row, what fills its last line included. */
static inline size_t
ewb_core_nuses(const struct ewb_core *s)
{
	return (s->collections->n + 1) & ~(size_t)1;
}
/* Of a collection, where front end row counts. */
static inline struct ewb_collection_use *
ewb_core_use(const struct ewb_core *s, unsigned row,
             const struct ewb_collection *in)
{
	return s->uses + row * ewb_core_nuses(s) + (in - s->collections->at);
}
/* Before the first command. */
void ewb_core_add_stats(struct ewb_core *s, struct ewb_stat_group g);
/* Stops the pool.  No cookie, task or stream is left. */
void ewb_core_fini(struct ewb_core *s);

#endif
