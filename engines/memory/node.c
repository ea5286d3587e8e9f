/* SPDX-License-Identifier: BSD-2-Clause */
#include <endian.h>
#include <stdlib.h>

#include "node.h"

#define STEP 8u /* capacities are multiples of it */

static uint32_t *
heads(const struct mem_node *nd)
{
	size_t columns = mem_node_inner(nd) ? 2 : 1;

	return (uint32_t *)(void *)(nd->slot + columns * nd->cap);
}

/* Where keys begin: an inner node's slot 0 is none. */
static unsigned
first(const struct mem_node *nd)
{
	return mem_node_inner(nd) ? 1 : 0;
}

static size_t
footprint(enum mem_kind kind, unsigned cap)
{
	size_t entry = sizeof(struct mem_obj *) + sizeof(uint32_t);

	if (kind == MEM_INNER)
		entry += sizeof(struct mem_node *);
	return sizeof(struct mem_node) + cap * entry;
}

unsigned
mem_node_cap(unsigned n)
{
	return n < STEP ? STEP : (n + STEP - 1) / STEP * STEP;
}

struct mem_node *
mem_node_new(enum mem_kind kind, unsigned cap, uint64_t born)
{
	struct mem_node *nd = malloc(footprint(kind, cap));

	if (!nd)
		return NULL;
	nd->obj.next = NULL;
	nd->obj.born = born;
	nd->obj.kind = (uint8_t)kind;
	nd->obj.nkey = nd->obj.keyat = 0;
	nd->obj.tag = 0;
	atomic_init(&nd->obj.refs, 1);
	nd->n = 0;
	nd->cap = (uint16_t)cap;
	nd->skip = 0;
	return nd;
}

size_t
mem_node_bytes(const struct mem_node *nd)
{
	return mem_fit(footprint(nd->obj.kind, nd->cap));
}

/* Up to four bytes behind skip, so that numbers compare as keys do; keys that
 * differ only later, or in trailing zeros, have the same. */
static uint32_t
head_of(const unsigned char *key, size_t nkey, size_t skip)
{
	uint32_t head = 0;
	size_t i;

	if (skip + 4 <= nkey) {
		memcpy(&head, key + skip, 4);
		return be32toh(head);
	}
	for (i = skip; i < nkey; i++)
		head = head << 8 | key[i];
	return skip < nkey ? head << 8 * (skip + 4 - nkey) : 0;
}

/* The first head in [lo, hi) that is not less.  Without a branch on the
 * outcome: one in two would be guessed wrong. */
static unsigned
bisect_heads(const uint32_t *h, unsigned lo, unsigned hi, uint32_t head)
{
	unsigned len = hi - lo;

	while (len > 0) {
		unsigned half = (len + 1) / 2;

		lo += half & -(unsigned)(h[lo + half - 1] < head);
		len -= half;
	}
	return lo;
}

/* The same with whole keys. */
static unsigned
bisect_keys(const struct mem_node *nd, unsigned lo, unsigned hi,
            const void *key, size_t nkey, bool *exact)
{
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		int order = mem_key_order(key, nkey, nd->slot[mid]);

		if (order == 0) {
			*exact = true;
			return mid;
		}
		if (order > 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* How the key compares to what all keys of the node begin with; 0: it begins
 * likewise, or ends before. */
static int
prefix_order(const struct mem_node *nd, unsigned near, const void *key,
             size_t nkey)
{
	size_t n = nkey < nd->skip ? nkey : nd->skip;

	return n ? memcmp(key, mem_obj_key(nd->slot[near]), n) : 0;
}

unsigned
mem_node_search(const struct mem_node *nd, const void *key, size_t nkey,
                bool *exact)
{
	const uint32_t *h = heads(nd);
	uint32_t head = head_of(key, nkey, nd->skip);
	unsigned from = first(nd), n = nd->n, lo, hi;
	int order;

	*exact = false;
	if (from >= n)
		return from;
	lo = bisect_heads(h, from, n, head);
	if (lo < n && h[lo] == head &&
	    mem_key_order(key, nkey, nd->slot[lo]) == 0) {
		*exact = true; /* as a rule */
		return lo;
	}
	order = prefix_order(nd, lo < n ? lo : n - 1, key, nkey);
	if (order)
		return order < 0 ? from : n;
	if (lo == n || h[lo] != head)
		return lo;
	hi = head == UINT32_MAX ? n : bisect_heads(h, lo + 1, n, head + 1);
	return bisect_keys(nd, lo, hi, key, nkey, exact);
}

unsigned
mem_node_route(const struct mem_node *nd, const void *key, size_t nkey)
{
	bool exact;
	unsigned at = mem_node_search(nd, key, nkey, &exact);

	return exact ? at : at - 1;
}

static void
set_heads(struct mem_node *nd, size_t skip)
{
	uint32_t *h = heads(nd);
	unsigned i;

	nd->skip = (uint16_t)skip;
	for (i = first(nd); i < nd->n; i++)
		h[i] = head_of(mem_obj_key(nd->slot[i]), nd->slot[i]->nkey,
		               skip);
}

/* What all keys begin with: the first and the last do. */
static size_t
common_prefix(const struct mem_node *nd)
{
	unsigned from = first(nd);

	if (nd->n < from + 2)
		return 0;
	return mem_key_common(nd->slot[from], nd->slot[nd->n - 1u]);
}

void
mem_node_tune(struct mem_node *nd)
{
	set_heads(nd, common_prefix(nd));
}

void
mem_node_insert(struct mem_node *nd, unsigned at, struct mem_obj *slot,
                struct mem_node *kid)
{
	struct mem_node **k = mem_node_kids(nd);
	uint32_t *h = heads(nd);
	unsigned tail = nd->n - at;
	size_t common;

	if (nd->n <= first(nd))
		nd->skip = 0; /* no key to begin like */
	common = nd->skip;
	if (common)
		common = mem_key_common(slot, nd->slot[nd->n - 1u]);
	memmove(nd->slot + at + 1, nd->slot + at, tail * sizeof *nd->slot);
	memmove(h + at + 1, h + at, tail * sizeof *h);
	nd->slot[at] = slot;
	h[at] = head_of(mem_obj_key(slot), slot->nkey, nd->skip);
	if (mem_node_inner(nd)) {
		memmove(k + at + 1, k + at, tail * sizeof *k);
		k[at] = kid;
	}
	nd->n++;
	if (nd->n == first(nd) + 2)
		mem_node_tune(nd); /* the first time that it has a prefix */
	else if (common < nd->skip)
		set_heads(nd, common);
}

struct mem_obj *
mem_node_remove(struct mem_node *nd, unsigned at)
{
	struct mem_node **k = mem_node_kids(nd);
	uint32_t *h = heads(nd);
	unsigned key = at < first(nd) ? 1 : at;
	struct mem_obj *gone = NULL;

	if (mem_node_inner(nd))
		memmove(k + at, k + at + 1, (nd->n - at - 1) * sizeof *k);
	if (key < nd->n) {
		unsigned tail = nd->n - key - 1;

		gone = nd->slot[key];
		memmove(nd->slot + key, nd->slot + key + 1,
		        tail * sizeof *nd->slot);
		memmove(h + key, h + key + 1, tail * sizeof *h);
	}
	nd->n--;
	return gone;
}

void
mem_node_append(struct mem_node *nd, const struct mem_node *src, unsigned from,
                unsigned to)
{
	unsigned n = to - from;

	memcpy(nd->slot + nd->n, src->slot + from, n * sizeof *nd->slot);
	if (mem_node_inner(nd))
		memcpy(mem_node_kids(nd) + nd->n, mem_node_kids(src) + from,
		       n * sizeof *mem_node_kids(nd));
	nd->n = (uint16_t)(nd->n + n);
}

void
mem_node_copy(struct mem_node *nd, const struct mem_node *src)
{
	mem_node_append(nd, src, 0, src->n);
	if (src->skip == common_prefix(nd)) {
		nd->skip = src->skip;
		memcpy(heads(nd), heads(src), src->n * sizeof(uint32_t));
	} else {
		mem_node_tune(nd);
	}
}

unsigned
mem_node_expand(struct mem_node *nd, struct mem_obj **list)
{
	unsigned i, n = 0;

	for (i = 0; i < nd->n; i++) {
		if (nd->slot[i]) {
			mem_obj_push(list, nd->slot[i]);
			n++;
		}
		if (mem_node_inner(nd)) {
			struct mem_node *kid = mem_node_kids(nd)[i];

			kid->obj.tag = MEM_DOOMED;
			mem_obj_push(list, &kid->obj);
			n++;
		}
	}
	return n;
}
