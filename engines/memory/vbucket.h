/* SPDX-License-Identifier: BSD-2-Clause */
/* One partition: a tree, its lock, and the snapshots of it.
 *
 * Nobody frees under the lock, or allocates or walks more than one leaf's
 * worth: what goes is handed out, to be freed afterwards. */
#ifndef MEM_VBUCKET_H
#define MEM_VBUCKET_H

#include <ewb/engine.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "snapshot.h"
#include "tree.h"

/* Over all vbuckets.  Signed, for the sums are right only when nobody is in
 * the middle of something. */
struct mem_totals {
	/* any thread */
	_Atomic int64_t bytes;          /* of all objects */
	_Atomic int64_t snapshot_bytes; /* of those in snapshots' dead lists */
	_Atomic int64_t live;           /* snapshots */
	_Atomic int64_t leaving;  /* live, revoked, their scan is inside */
	_Atomic int64_t dirty;    /* vbuckets with something to reclaim */
	_Atomic uint64_t revoked; /* snapshots, ever */
	_Atomic uint64_t ages;    /* snapshots opened, ever */
	_Atomic uint32_t soonest; /* nothing expires before */
};

struct mem_counters {
	uint64_t gets, hits, stores, removes, flushes, expired;
	/* evicted; of these, never fetched, with an expiry */
	uint64_t evicted, unfetched, mortal;
	uint64_t expired_unfetched;
	uint32_t idle_at, idle; /* when the last one was, and for how long it was
	                         * not used, s */
};

struct mem_vbucket {
	/* set once */
	const struct ewb_host *host;
	struct mem_totals *totals;
	uint16_t id;
	/* any thread */
	_Atomic bool dirty; /* changed under lock */
	/* under lock */
	pthread_mutex_t lock;
	struct mem_tree tree;
	uint64_t seqno; /* of the last mutation */
	uint64_t items;
	uint32_t soonest;              /* no item here expires before */
	struct mem_snapshot *newest;   /* the live ones */
	struct mem_snapshot *draining; /* by when it began, any order */
	struct mem_obj *doomed;        /* flushed, seen by no snapshot */
	struct mem_counters count;
};

void mem_vbucket_init(struct mem_vbucket *vb, uint16_t id,
                      const struct ewb_host *host, struct mem_totals *totals);
/* Frees everything; no snapshot may be left. */
void mem_vbucket_fini(struct mem_vbucket *vb);

void mem_vbucket_lock(struct mem_vbucket *vb);
void mem_vbucket_unlock(struct mem_vbucket *vb);

/* A cas is unique in a server: no two mutations share vbucket and seqno. */
static inline uint64_t
mem_vbucket_cas(const struct mem_vbucket *vb, const struct mem_item *it)
{
	return it->obj.born << 10 | vb->id;
}

static inline uint64_t
mem_cas_seqno(uint64_t cas)
{
	return cas >> 10;
}

/* Null: not there, or expired.  Else it is held for the caller, who calls
 * mem_item_release(); *use is what it was before. */
struct mem_item *mem_vbucket_get(struct mem_vbucket *vb,
                                 const struct ewb_request *r, uint32_t now,
                                 uint64_t *use);
/* Looks where r's item is, without touching it, and has it fetched.  The next
 * get of r need not look again, if nothing was changed meanwhile. */
void mem_vbucket_prefetch(struct mem_vbucket *vb, struct ewb_request *r);
/* Whether r's expectation holds, and how many bytes a store would free at
 * once. */
enum ewb_status mem_vbucket_look(struct mem_vbucket *vb,
                                 const struct ewb_request *r, size_t *frees);
/* With EWB_OK the item is the vbucket's, else still the caller's. */
enum ewb_status mem_vbucket_store(struct mem_vbucket *vb,
                                  const struct ewb_request *r,
                                  struct mem_item *it, uint64_t *cas);
enum ewb_status mem_vbucket_remove(struct mem_vbucket *vb,
                                   const struct ewb_request *r, uint64_t *cas);
void mem_vbucket_flush(struct mem_vbucket *vb);

/* Where a search for expired items is. */
struct mem_sweep {
	uint32_t now;
	uint32_t soonest; /* of those passed */
	size_t nkey;      /* where to go on */
	unsigned char key[MEM_MAX_KEY];
};

/* Begins at the front; false: nothing can have expired. */
bool mem_vbucket_sweep_begin(struct mem_vbucket *vb, struct mem_sweep *sw,
                             uint32_t now);
/* One leaf's worth.  False: that was the last. */
bool mem_vbucket_sweep(struct mem_vbucket *vb, struct mem_sweep *sw);

/* What is looked at, and found, in a leaf. */
#define MEM_LOOK 16u

struct mem_look {
	uint64_t random; /* says which leaf, and where to begin */
	uint32_t now;
	uint64_t old;  /* a use: items of that one, and older ones, are taken out */
	int64_t bytes; /* ... until so much is free; what has expired first */
	/* comes back */
	unsigned nseen, taken;
	unsigned pinned; /* would be taken, but a snapshot sees them */
	bool failed;     /* no memory */
	uint64_t seen[MEM_LOOK]; /* uses */
};

/* One leaf's worth; none in an empty vbucket. */
void mem_vbucket_evict(struct mem_vbucket *vb, struct mem_look *look);

/* A mutation.  under lock: begin, and commit once the tree is changed. */
void mem_vbucket_begin(struct mem_vbucket *vb, struct mem_change *ch);
void mem_vbucket_commit(struct mem_vbucket *vb, struct mem_change *ch);
/* Not under lock: frees what is gone. */
void mem_vbucket_finish(struct mem_vbucket *vb, struct mem_change *ch);

/* under lock: there is something for the reclaimer. */
void mem_vbucket_mark(struct mem_vbucket *vb);

#endif
