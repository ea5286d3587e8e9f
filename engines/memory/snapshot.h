/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of a vbucket at one moment, and what is kept for it alone.
 *
 *                 ┌──close, or revoke while no scan is inside──┐
 *      open ──▶ LIVE ──revoke──▶ LIVE, revoked ──leave──▶ DRAINING ──▶ DRAINED
 *
 * Opening copies the root, no more.  An object that leaves the tree goes onto
 * the dead list of the newest live snapshot that sees it.  A draining one's
 * list is worked off in slices: what the next older live snapshot sees moves
 * there, the rest is freed.
 *
 * The struct is the cursor's until it has closed it and drained: whichever is
 * later frees it. */
#ifndef MEM_SNAPSHOT_H
#define MEM_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tree.h"

struct mem_vbucket;

enum mem_snapshot_state { MEM_LIVE, MEM_DRAINING, MEM_DRAINED };

struct mem_snapshot {
	/* set once, by open */
	struct mem_vbucket *vb;
	struct mem_tree tree;
	uint64_t seqno; /* of the last mutation it sees */
	uint64_t age;   /* the smaller the older, over all vbuckets */
	/* any thread */
	_Atomic bool revoked;
	/* under the vbucket's lock */
	enum mem_snapshot_state state;
	bool busy;                  /* a thread reads the tree */
	bool closed;                /* the cursor is gone */
	struct mem_snapshot *older; /* live ones; or the next draining one */
	struct mem_snapshot *newer;
	struct mem_obj *dead;   /* it sees them; the tree has them no more */
	struct mem_obj *doomed; /* tops of what a flush took out, unsorted */
	int64_t held;           /* bytes of dead */
};

/* Busy at first.  *items: how many the vbucket has.  Null: no memory. */
struct mem_snapshot *mem_snapshot_open(struct mem_vbucket *vb, uint64_t *items);
/* Before reading the tree.  False: it was revoked. */
bool mem_snapshot_enter(struct mem_snapshot *s);
/* After.  False: it was revoked meanwhile. */
bool mem_snapshot_leave(struct mem_snapshot *s);
/* Not while busy. */
void mem_snapshot_close(struct mem_snapshot *s);

/* The vbucket's oldest live one that is not revoked: its age, 0 for none.
 * *held: bytes kept for the vbucket's live ones together. */
uint64_t mem_snapshot_oldest(struct mem_vbucket *vb, int64_t *held);
/* Revokes it, if it is still there. */
void mem_snapshot_revoke(struct mem_vbucket *vb, uint64_t age);

/* under lock: the change's dead go to the newest one, which sees them. */
void mem_snapshot_bury(struct mem_vbucket *vb, struct mem_change *ch);

/* What a slice of reclaiming got out of the vbucket. */
struct mem_spoils {
	struct mem_obj *gone;   /* to be freed */
	struct mem_obj *doomed; /* likewise, with all that is below them */
};

/* One slice.  False: nothing is left to do here, for now. */
bool mem_snapshot_drain(struct mem_vbucket *vb, struct mem_spoils *out);

#endif
