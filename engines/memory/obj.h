/* SPDX-License-Identifier: BSD-2-Clause */
/* What the index is made of: items, separators, leaves and inner nodes.
 *
 * Each is born with a mutation of its vbucket, and is either reachable from
 * the vbucket's tree, or dead: on one list, until no snapshot sees it any more.
 * In the place of the list's link an item in the tree has its use.  Everything
 * else in it is frozen once a snapshot has been taken after its birth, and is
 * then read without a lock. */
#ifndef MEM_OBJ_H
#define MEM_OBJ_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum mem_kind {
	MEM_ITEM,
	MEM_ITEM_TAKEN, /* its value lies in a buffer taken from the request */
	MEM_SEP,        /* parts two neighbours in an inner node */
	MEM_LEAF,
	MEM_INNER
};

#define MEM_DOOMED 1 /* tag of a node: all that is below it is dead too */

struct mem_obj {
	/* changed under the vbucket's lock, or by whose list it is on; scans
	 * look at an item's without: an odd number is a use, another one the
	 * next of the list */
	_Atomic uint64_t link;
	/* set once */
	uint64_t born; /* seqno of the mutation; an item's own seqno */
	uint8_t kind;
	uint8_t nkey, keyat; /* the key of an item or separator */
	/* an item's datatype, set once; a node's MEM_DOOMED, under lock */
	uint8_t tag;
	/* any thread; items only */
	_Atomic uint32_t refs; /* the tree's (or list's), and each lending */
};

/* An item's use: when it was stored or asked for last, in Unix seconds, and
 * whether it was asked for since it was stored.  The smaller, the longer ago. */
#define MEM_USED 1u
#define MEM_FETCHED 2u

static inline uint64_t
mem_use(uint32_t when, bool fetched)
{
	return (uint64_t)when << 32 | (fetched ? MEM_FETCHED : 0) | MEM_USED;
}

static inline uint32_t
mem_use_time(uint64_t use)
{
	return (uint32_t)(use >> 32);
}

static inline void
mem_obj_set_use(struct mem_obj *o, uint64_t use)
{
	/* relaxed: nothing else is told by it */
	atomic_store_explicit(&o->link, use, memory_order_relaxed);
}

/* 0: it is not in the tree any more. */
static inline uint64_t
mem_obj_use(const struct mem_obj *o)
{
	uint64_t link = atomic_load_explicit(&o->link, memory_order_relaxed);

	return link & MEM_USED ? link : 0;
}

/* Of a list that is the caller's. */
static inline struct mem_obj *
mem_obj_next(const struct mem_obj *o)
{
	return (struct mem_obj *)(uintptr_t)atomic_load_explicit(
		&o->link, memory_order_relaxed);
}

static inline const unsigned char *
mem_obj_key(const struct mem_obj *o)
{
	return (const unsigned char *)o + o->keyat;
}

/* As memcmp(), then by length. */
static inline int
mem_key_order(const void *key, size_t nkey, const struct mem_obj *o)
{
	size_t n = nkey < o->nkey ? nkey : o->nkey;
	int order = n ? memcmp(key, mem_obj_key(o), n) : 0;

	return order ? order : (nkey > o->nkey) - (nkey < o->nkey);
}

static inline int
mem_obj_is(const struct mem_obj *o, const void *key, size_t nkey)
{
	return o->nkey == nkey && memcmp(mem_obj_key(o), key, nkey) == 0;
}

/* How many bytes two keys begin with in common. */
size_t mem_key_common(const struct mem_obj *a, const struct mem_obj *b);

static inline void
mem_obj_push(struct mem_obj **list, struct mem_obj *o)
{
	/* relaxed: the list has an owner, or a lock */
	atomic_store_explicit(&o->link, (uintptr_t)*list, memory_order_relaxed);
	*list = o;
}

static inline struct mem_obj *
mem_obj_pop(struct mem_obj **list)
{
	struct mem_obj *o = *list;

	*list = mem_obj_next(o);
	return o;
}

/* What n bytes cost on the heap, about. */
static inline size_t
mem_fit(size_t n)
{
	return n < 24 ? 32 : (n + 8 + 15) & ~(size_t)15;
}

/* Bytes that the object costs. */
size_t mem_obj_bytes(const struct mem_obj *o);
/* Ends one reference and says how many bytes the tree is rid of; an item that
 * is lent lives on. */
size_t mem_obj_drop(struct mem_obj *o);
/* All of a list; the sum. */
size_t mem_obj_drop_all(struct mem_obj *list);

/* A separator that begins with n bytes of key; null: no memory. */
struct mem_obj *mem_sep_new(const void *key, size_t n, uint64_t born);

#endif
