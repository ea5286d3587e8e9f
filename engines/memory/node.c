/* SPDX-License-Identifier: BSD-2-Clause */
#include <endian.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "node.h"

#define STEP 4u /* capacities are multiples of it: so many heads at a time */
/* Of heads and slots together there are 16 numbers more than heads, so that a
 * search may look at 16 at a time. */
#define LEAST 8u

/* Where keys begin: an inner node's slot 0 is none. */
static unsigned
first(const struct mem_node *nd)
{
	return mem_node_inner(nd) ? 1 : 0;
}

static size_t
footprint(enum mem_kind kind, unsigned cap)
{
	size_t entry = sizeof(struct mem_obj *) + sizeof(int32_t);

	if (kind == MEM_INNER)
		entry += sizeof(struct mem_node *);
	return sizeof(struct mem_node) + cap * entry;
}

unsigned
mem_node_cap(unsigned n)
{
	return n < LEAST ? LEAST : (n + STEP - 1) / STEP * STEP;
}

struct mem_node *
mem_node_new(enum mem_kind kind, unsigned cap, uint64_t born)
{
	struct mem_node *nd = malloc(footprint(kind, cap));
	unsigned i;

	if (!nd)
		return NULL;
	atomic_init(&nd->obj.link, 0);
	nd->obj.born = born;
	nd->obj.kind = (uint8_t)kind;
	nd->obj.nkey = nd->obj.keyat = 0;
	nd->obj.tag = 0;
	atomic_init(&nd->obj.refs, 1);
	nd->n = 0;
	nd->cap = (uint16_t)cap;
	nd->skip = 0;
	for (i = 0; i < cap; i++)
		nd->head[i] = INT32_MAX;
	if (kind == MEM_INNER)
		nd->head[0] = INT32_MIN;
	return nd;
}

size_t
mem_node_bytes(const struct mem_node *nd)
{
	return mem_fit(footprint(nd->obj.kind, nd->cap));
}

/* Up to four bytes behind skip, so that numbers compare as keys do; keys that
 * differ only later, or in trailing zeros, have the same. */
static int32_t
head_of(const unsigned char *key, size_t nkey, size_t skip)
{
	uint32_t head = 0;
	size_t i;

	if (skip + 4 <= nkey) {
		memcpy(&head, key + skip, 4);
		head = be32toh(head);
	} else if (skip < nkey) {
		for (i = skip; i < nkey; i++)
			head = head << 8 | key[i];
		head <<= 8 * (skip + 4 - nkey);
	}
	return (int32_t)(head ^ 0x80000000u);
}

/* Four heads at a time; compilers know how, or do it one by one. */
typedef int32_t four __attribute__((vector_size(16)));

/* How many heads are less: of all, since those that are not in use never are.
 * Without a branch on the outcome, one in two of which would be guessed wrong,
 * and with all loads at once. */
static unsigned
count_less(const struct mem_node *nd, int32_t head)
{
	const four want = { head, head, head, head };
	four a = { 0 }, b = { 0 }, x, y;
	unsigned i;

	for (i = 0; i + STEP < nd->n; i += 2 * STEP) {
		memcpy(&x, nd->head + i, sizeof x);
		memcpy(&y, nd->head + i + STEP, sizeof y);
		a -= x < want;
		b -= y < want;
	}
	if (i < nd->n) {
		memcpy(&x, nd->head + i, sizeof x);
		a -= x < want;
	}
	a += b;
	return (unsigned)(a[0] + a[1] + a[2] + a[3]);
}

/* The first head that is not less. */
static unsigned
first_head(const struct mem_node *nd, int32_t head)
{
	unsigned lo = count_less(nd, head);

	return lo < first(nd) ? first(nd) : lo;
}

/* The first one behind lo that is greater. */
static unsigned
heads_end(const struct mem_node *nd, unsigned lo, int32_t head)
{
	while (lo < nd->n && nd->head[lo] == head)
		lo++;
	return lo;
}

/* The same with whole keys. */
static unsigned
bisect_keys(const struct mem_node *nd, unsigned lo, unsigned hi,
            const void *key, size_t nkey, bool *exact)
{
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		int order = mem_key_order(key, nkey, mem_node_slots(nd)[mid]);

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

	if (n == 0)
		return 0;
	if (n <= MEM_LEAD)
		return memcmp(key, nd->lead, n);
	return memcmp(key, mem_obj_key(mem_node_slots(nd)[near]), n);
}

unsigned
mem_node_search(const struct mem_node *nd, const void *key, size_t nkey,
                bool *exact)
{
	int32_t head = head_of(key, nkey, nd->skip);
	unsigned from = first(nd), n = nd->n, lo;
	int order;

	*exact = false;
	if (from >= n)
		return from;
	lo = first_head(nd, head);
	order = prefix_order(nd, lo < n ? lo : n - 1, key, nkey);
	if (order)
		return order < 0 ? from : n;
	return bisect_keys(nd, lo, heads_end(nd, lo, head), key, nkey, exact);
}

#ifdef __SSE2__
/* Which of 16 heads are that one: a bit for each. */
static unsigned
equal_heads(const int32_t *heads, __m128i want)
{
	const __m128i *p = (const __m128i *)(const void *)heads;
	__m128i a = _mm_cmpeq_epi32(_mm_loadu_si128(p), want);
	__m128i b = _mm_cmpeq_epi32(_mm_loadu_si128(p + 1), want);
	__m128i c = _mm_cmpeq_epi32(_mm_loadu_si128(p + 2), want);
	__m128i d = _mm_cmpeq_epi32(_mm_loadu_si128(p + 3), want);

	return (unsigned)_mm_movemask_epi8(_mm_packs_epi16(
		_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
}
#endif

/* The first that has that head, of those from i on; n if none has. */
static unsigned
next_equal(const struct mem_node *nd, unsigned i, int32_t head)
{
#ifdef __SSE2__
	const __m128i want = _mm_set1_epi32(head);

	/* what of the slots is taken for heads is behind all of them */
	for (; i < nd->n; i += 16) {
		unsigned found = equal_heads(nd->head + i, want);

		if (found)
			return i + (unsigned)__builtin_ctz(found);
	}
#else
	while (i < nd->n && nd->head[i] != head)
		i++;
#endif
	return i;
}

struct mem_obj *
mem_node_find(const struct mem_node *nd, const void *key, size_t nkey)
{
	int32_t head = head_of(key, nkey, nd->skip);
	struct mem_obj *o;
	unsigned i;

	/* with another beginning, the key is not that key */
	for (i = next_equal(nd, 0, head); i < nd->n;
	     i = next_equal(nd, i + 1, head)) {
		o = mem_node_slots(nd)[i];
		if (mem_obj_is(o, key, nkey))
			return o;
	}
	return NULL;
}

struct mem_obj **
mem_node_guess(const struct mem_node *nd, const void *key, size_t nkey)
{
	unsigned i = next_equal(nd, 0, head_of(key, nkey, nd->skip));

	return i < nd->n ? mem_node_slots(nd) + i : NULL;
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
	struct mem_obj **slot = mem_node_slots(nd);
	size_t lead = skip < MEM_LEAD ? skip : MEM_LEAD;
	unsigned i;

	nd->skip = (uint16_t)skip;
	if (lead)
		memcpy(nd->lead, mem_obj_key(slot[first(nd)]), lead);
	for (i = first(nd); i < nd->n; i++)
		nd->head[i] = head_of(mem_obj_key(slot[i]), slot[i]->nkey, skip);
}

/* What all keys begin with: the first and the last do. */
static size_t
common_prefix(const struct mem_node *nd)
{
	unsigned from = first(nd);

	if (nd->n < from + 2)
		return 0;
	return mem_key_common(mem_node_slots(nd)[from],
	                      mem_node_slots(nd)[nd->n - 1u]);
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
	struct mem_obj **s = mem_node_slots(nd);
	struct mem_node **k = mem_node_kids(nd);
	int32_t *h = nd->head;
	unsigned tail = nd->n - at;
	size_t common;

	if (nd->n <= first(nd))
		nd->skip = 0; /* no key to begin like */
	common = nd->skip;
	if (common)
		common = mem_key_common(slot, s[nd->n - 1u]);
	memmove(s + at + 1, s + at, tail * sizeof *s);
	memmove(h + at + 1, h + at, tail * sizeof *h);
	s[at] = slot;
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
	struct mem_obj **s = mem_node_slots(nd);
	struct mem_node **k = mem_node_kids(nd);
	int32_t *h = nd->head;
	unsigned key = at < first(nd) ? 1 : at;
	struct mem_obj *gone = NULL;

	if (mem_node_inner(nd))
		memmove(k + at, k + at + 1, (nd->n - at - 1) * sizeof *k);
	if (key < nd->n) {
		unsigned tail = nd->n - key - 1;

		gone = s[key];
		memmove(s + key, s + key + 1, tail * sizeof *s);
		memmove(h + key, h + key + 1, tail * sizeof *h);
		h[nd->n - 1] = INT32_MAX;
	}
	nd->n--;
	return gone;
}

void
mem_node_append(struct mem_node *nd, const struct mem_node *src, unsigned from,
                unsigned to)
{
	unsigned n = to - from;

	memcpy(mem_node_slots(nd) + nd->n, mem_node_slots(src) + from, n * sizeof *mem_node_slots(nd));
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
		memcpy(nd->lead, src->lead, sizeof nd->lead);
		memcpy(nd->head, src->head, src->n * sizeof(int32_t));
	} else {
		mem_node_tune(nd);
	}
}

unsigned
mem_node_expand(struct mem_node *nd, struct mem_obj **list)
{
	unsigned i, n = 0;

	for (i = 0; i < nd->n; i++) {
		if (mem_node_slots(nd)[i]) {
			mem_obj_push(list, mem_node_slots(nd)[i]);
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
