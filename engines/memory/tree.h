/* SPDX-License-Identifier: BSD-2-Clause */
/* A B+tree of items in key order, of which snapshots can be had for nothing:
 * a copy of struct mem_tree is one, as long as those who change the tree
 * afterwards say in mem_change what is frozen.
 *
 *      born > frozen    nobody else sees the node: it is changed in place
 *      born <= frozen   a copy takes its place, and its parents' likewise
 *
 * Whoever changes a tree holds the vbucket's lock.  What is frozen is read
 * without it. */
#ifndef MEM_TREE_H
#define MEM_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "item.h"
#include "node.h"
#include "obj.h"

#define MEM_DEPTH 12u /* a deeper tree would not fit in any memory */

struct mem_tree {
	struct mem_node *root; /* null: empty */
	unsigned depth;
};

/* One mutation.  The first two are given, the others come back. */
struct mem_change {
	uint64_t seqno;  /* what is made now is born with it */
	uint64_t frozen; /* a snapshot sees what was born up to here; or 0 */
	struct mem_obj *dead; /* out of the tree, but seen by a snapshot */
	struct mem_obj *gone; /* out of the tree, and seen by nobody */
	size_t grown;         /* bytes of what was made */
};

/* The way to an entry. */
struct mem_path {
	unsigned depth;
	struct {
		struct mem_node *node;
		unsigned at;
	} step[MEM_DEPTH];
};

/* The way to the key, or to where it would be (then false). */
bool mem_tree_seek(const struct mem_tree *t, struct mem_path *p,
                   const void *key, size_t nkey);
/* The item with that key; null: there is none. */
struct mem_item *mem_tree_find(const struct mem_tree *t, const void *key,
                               size_t nkey);
/* Where that is, or another: it was not touched. */
struct mem_obj **mem_tree_guess(const struct mem_tree *t, const void *key,
                               size_t nkey);
/* The way to some entry, or to none in an empty tree. */
void mem_tree_stray(const struct mem_tree *t, struct mem_path *p,
                    uint64_t random);
/* From the end of a leaf to the beginning of the next; false: it was the last. */
bool mem_path_next_leaf(struct mem_path *p);
/* The item there, or the one after it; null: the end.  The path is moved to
 * it. */
static inline struct mem_item *
mem_path_item(struct mem_path *p)
{
	unsigned leaf = p->depth - 1;

	if (p->depth == 0)
		return NULL;
	if (p->step[leaf].at >= p->step[leaf].node->n && !mem_path_next_leaf(p))
		return NULL;
	return (struct mem_item *)mem_node_slots(
		p->step[leaf].node)[p->step[leaf].at];
}
/* From the beginning of a leaf to the end of the one before; false: it was the
 * first. */
bool mem_path_previous_leaf(struct mem_path *p);
/* Behind the last item. */
void mem_tree_end(const struct mem_tree *t, struct mem_path *p);
/* The item before the place; null: there is none.  The path may be moved, to the
 * same place. */
static inline struct mem_item *
mem_path_before(struct mem_path *p)
{
	unsigned leaf = p->depth - 1;

	if (p->depth == 0)
		return NULL;
	if (p->step[leaf].at == 0 && !mem_path_previous_leaf(p))
		return NULL;
	return (struct mem_item *)mem_node_slots(
		p->step[leaf].node)[p->step[leaf].at - 1];
}
/* One back, after mem_path_before() said that there is one. */
static inline void
mem_path_step_back(struct mem_path *p)
{
	p->step[p->depth - 1].at--;
}
/* One further; mem_path_item() says to what. */
static inline void
mem_path_step(struct mem_path *p)
{
	p->step[p->depth - 1].at++;
}

/* Puts the item where seek has led, in place of the one that is there if it
 * was exact.  The item is the tree's then.  -1: no memory, nothing changed.
 * The path is of no use any more. */
int mem_tree_put(struct mem_tree *t, struct mem_path *p, bool exact,
                 struct mem_change *ch, struct mem_item *it);
/* Puts the item where another one is, in a leaf that no snapshot sees. */
void mem_tree_replace(struct mem_obj **slot, struct mem_change *ch,
                      struct mem_item *it);
/* Takes out what seek has found.  Likewise. */
int mem_tree_remove(struct mem_tree *t, struct mem_path *p,
                    struct mem_change *ch);

/* For what left the tree: on ch->dead or ch->gone, by its birth. */
void mem_change_retire(struct mem_change *ch, struct mem_obj *o);

#endif
