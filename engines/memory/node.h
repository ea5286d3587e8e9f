/* SPDX-License-Identifier: BSD-2-Clause */
/* One node of the index: keys in order, in a leaf the items themselves, in an
 * inner node separators and children.
 *
 * Child i of an inner node holds the keys from slot i up to, without, slot
 * i + 1; its slot 0 is null and stands for "from the beginning".
 *
 * head[i] is the four bytes of key i behind those that all keys of the node
 * have in common (skip of them, the first of which are in lead), so that a
 * search touches the node and, as a rule, one key of a leaf.  They are signed,
 * which is what processors compare several of at once, and so begin with the
 * first bit turned over.  Heads that are not in use are INT32_MAX; an inner
 * node's head[0] is INT32_MIN. */
#ifndef MEM_NODE_H
#define MEM_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "obj.h"

#define MEM_FANOUT 64u /* the most entries in a node */
#define MEM_LEAD 16

struct mem_node {
	struct mem_obj obj;
	uint16_t n, cap;
	uint16_t skip;
	unsigned char lead[MEM_LEAD];
	int32_t head[]; /* cap; then cap slots; then an inner node's cap
	                    children */
};

static inline bool
mem_node_inner(const struct mem_node *nd)
{
	return nd->obj.kind == MEM_INNER;
}

static inline bool
mem_node_doomed(const struct mem_obj *o)
{
	return o->kind >= MEM_LEAF && o->tag == MEM_DOOMED;
}

static inline struct mem_obj **
mem_node_slots(const struct mem_node *nd)
{
	return (struct mem_obj **)(void *)(nd->head + nd->cap);
}

static inline struct mem_node **
mem_node_kids(const struct mem_node *nd)
{
	return (struct mem_node **)(void *)(mem_node_slots(nd) + nd->cap);
}

/* Enough entries for n, with some to spare now and then. */
unsigned mem_node_cap(unsigned n);
/* Empty; null: no memory. */
struct mem_node *mem_node_new(enum mem_kind kind, unsigned cap, uint64_t born);
size_t mem_node_bytes(const struct mem_node *nd);

/* The first entry whose key is not less than key, n if there is none; an
 * inner node's slot 0 is passed over. */
unsigned mem_node_search(const struct mem_node *nd, const void *key,
                         size_t nkey, bool *exact);
/* Which child of an inner node has the key. */
unsigned mem_node_route(const struct mem_node *nd, const void *key,
                        size_t nkey);

/* Of a leaf: the entry with that key, null if there is none. */
struct mem_obj *mem_node_find(const struct mem_node *nd, const void *key,
                              size_t nkey);

/* Of a leaf: where that is, or one that looks like it; none is touched. */
struct mem_obj **mem_node_guess(const struct mem_node *nd, const void *key,
                                size_t nkey);

/* There must be room; in an inner node at is at least 1. */
void mem_node_insert(struct mem_node *nd, unsigned at, struct mem_obj *slot,
                     struct mem_node *kid);
/* Takes entry at out and gives its key back: in an inner node the separator
 * that is not needed any more, null if that was the last child. */
struct mem_obj *mem_node_remove(struct mem_node *nd, unsigned at);
/* Appends the entries from (inclusive) to (exclusive) of src. */
void mem_node_append(struct mem_node *nd, const struct mem_node *src,
                     unsigned from, unsigned to);
/* All of src into an empty one of the same kind, which then is ready. */
void mem_node_copy(struct mem_node *nd, const struct mem_node *src);
/* Computes skip and heads anew: after appending. */
void mem_node_tune(struct mem_node *nd);
/* All that is in a doomed node goes to the list, children being doomed in
 * turn; says how many that were. */
unsigned mem_node_expand(struct mem_node *nd, struct mem_obj **list);

#endif
