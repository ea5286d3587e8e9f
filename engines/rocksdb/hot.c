/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../durable/record.h"
#include "hot.h"

#define MEAN 256u /* bytes of a record, for the number of buckets */
#define PART 64u  /* no record takes more than this part of a shard */

struct rdb_hot_record {
	_Atomic unsigned holders;
	/* under the shard's lock */
	struct rdb_hot_record *_Atomic chain; /* of its bucket */
	struct rdb_hot_record *before, *next; /* of the clock: a ring */
	bool asked;                           /* since the hand was here */
	/* set once */
	uint32_t hash, flags, expiry;
	uint8_t datatype, nkey;
	uint64_t cas, seqno;
	size_t nvalue;
	unsigned char at[]; /* the key, then the value */
};

static struct rdb_hot_shard *
shard_of(const struct rdb_hot *h, uint32_t hash)
{
	return &h->shards[hash % RDB_HOT_SHARDS];
}

/* The links of a bucket are atomic for prefetch alone: the lock orders all else,
 * so relaxed is enough. */
static struct rdb_hot_record *
follow(struct rdb_hot_record *_Atomic const *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void
set_link(struct rdb_hot_record *_Atomic *at, struct rdb_hot_record *e)
{
	atomic_store_explicit(at, e, memory_order_relaxed);
}

static size_t
place_of(const struct rdb_hot *h, uint32_t hash)
{
	return hash / RDB_HOT_SHARDS % h->nbuckets;
}

static struct rdb_hot_record *_Atomic *
bucket_of(const struct rdb_hot *h, const struct rdb_hot_shard *s, uint32_t hash)
{
	return &s->buckets[place_of(h, hash)];
}

static unsigned
slot_of(uint32_t hash)
{
	return hash / RDB_HOT_SHARDS % RDB_HOT_SLOTS;
}

static size_t
size_of(const struct rdb_hot_record *e)
{
	return sizeof *e + e->nkey + e->nvalue;
}

static void
release(void *arg)
{
	struct rdb_hot_record *e = arg;

	/* the last one sees what the others have read */
	if (atomic_fetch_sub_explicit(&e->holders, 1, memory_order_acq_rel) ==
	    1)
		free(e);
}

enum ewb_status
rdb_hot_open(struct rdb_hot *h, uint64_t limit)
{
	size_t i;
	bool all = true;

	h->limit = (size_t)(limit / RDB_HOT_SHARDS);
	h->nbuckets = h->limit / MEAN + 1;
	h->shards = calloc(RDB_HOT_SHARDS, sizeof *h->shards);
	if (!h->shards)
		return EWB_NO_MEMORY;
	for (i = 0; i < RDB_HOT_SHARDS; i++) {
		struct rdb_hot_shard *s = &h->shards[i];

		pthread_mutex_init(&s->lock, NULL);
		s->buckets = calloc(h->nbuckets, sizeof *s->buckets);
		s->seen = calloc(h->nbuckets, sizeof *s->seen);
		all &= s->buckets && s->seen;
	}
	if (all)
		return EWB_OK;
	rdb_hot_close(h);
	return EWB_NO_MEMORY;
}

/* Under the lock: where the chain points to it, or to null. */
static struct rdb_hot_record *_Atomic *
find(struct rdb_hot *h, struct rdb_hot_shard *s, const struct ewb_request *r)
{
	struct rdb_hot_record *_Atomic *at = bucket_of(h, s, r->hash), *e;

	for (; (e = follow(at)) != NULL; at = &e->chain)
		if (e->hash == r->hash && e->nkey == r->nkey &&
		    memcmp(e->at, r->key, r->nkey) == 0)
			break;
	return at;
}

/* Under the lock. */
static void
drop(struct rdb_hot_shard *s, struct rdb_hot_record *_Atomic *at)
{
	struct rdb_hot_record *e = follow(at);

	set_link(at, follow(&e->chain));
	if (e->next == e) {
		s->hand = NULL;
	} else {
		e->before->next = e->next;
		e->next->before = e->before;
		if (s->hand == e)
			s->hand = e->next;
	}
	s->bytes -= size_of(e);
	release(e);
}

/* Under the lock, or nobody else knows it. */
static void
drop_record(struct rdb_hot *h, struct rdb_hot_shard *s,
            struct rdb_hot_record *e)
{
	struct rdb_hot_record *_Atomic *at = bucket_of(h, s, e->hash);

	while (follow(at) != e)
		at = &follow(at)->chain;
	drop(s, at);
}

/* Under the lock: what was not asked for since the hand came by goes. */
static void
make_room(struct rdb_hot *h, struct rdb_hot_shard *s, size_t n)
{
	while (s->hand && s->bytes + n > h->limit) {
		struct rdb_hot_record *e = s->hand;

		s->hand = e->next;
		if (!e->asked)
			drop_record(h, s, e);
		else
			e->asked = false;
	}
}

void
rdb_hot_prefetch(const struct rdb_hot *h, const struct ewb_request *r)
{
	/* it may be gone: then there is nothing to fetch, which does no harm */
	const char *e = (const char *)follow(
		bucket_of(h, shard_of(h, r->hash), r->hash));

	if (!e)
		return;
	__builtin_prefetch(e);
	__builtin_prefetch(e + 64);
	__builtin_prefetch(e + 128);
}

enum ewb_status
rdb_hot_get(struct rdb_hot *h, struct ewb_cookie *c,
            const struct ewb_request *r, uint32_t now, uint64_t *version)
{
	struct rdb_hot_shard *s = shard_of(h, r->hash);
	struct ewb_item i = { .size = sizeof i };
	struct rdb_hot_record *e;

	pthread_mutex_lock(&s->lock);
	e = follow(find(h, s, r));
	*version = s->slots[slot_of(r->hash)].version;
	if (e) {
		e->asked = true;
		/* the shard holds it: it cannot go meanwhile */
		atomic_fetch_add_explicit(&e->holders, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&s->lock);
	if (!e)
		return EWB_NOT_FOUND;
	if (dur_expired(e->expiry, now)) {
		release(e);
		return EWB_NOT_FOUND; /* RocksDB will say so, too */
	}
	i.flags = e->flags;
	i.expiry = e->expiry;
	i.datatype = e->datatype;
	i.cas = e->cas;
	i.seqno = e->seqno;
	i.value = e->at + e->nkey;
	i.nvalue = e->nvalue;
	return ewb_reply_item(c, &i, release, e);
}

static struct rdb_hot_record *
new_record(const struct ewb_request *r, const struct ewb_item *i)
{
	struct rdb_hot_record *e = malloc(sizeof *e + r->nkey + i->nvalue);

	if (!e)
		return NULL;
	atomic_init(&e->holders, 1); /* its shard */
	e->asked = false;
	e->hash = r->hash;
	e->flags = i->flags;
	e->expiry = i->expiry;
	e->datatype = (uint8_t)i->datatype;
	e->nkey = (uint8_t)r->nkey;
	e->cas = i->cas;
	e->seqno = i->seqno;
	e->nvalue = i->nvalue;
	memcpy(e->at, r->key, r->nkey);
	if (i->nvalue)
		memcpy(e->at + e->nkey, i->value, i->nvalue);
	return e;
}

/* Under the lock. */
static void
add(struct rdb_hot *h, struct rdb_hot_shard *s, struct rdb_hot_record *e)
{
	struct rdb_hot_record *_Atomic *at = bucket_of(h, s, e->hash);

	set_link(&e->chain, follow(at));
	set_link(at, e);
	if (s->hand) { /* behind the hand: it has a whole turn */
		e->next = s->hand;
		e->before = s->hand->before;
		e->before->next = e->next->before = e;
	} else {
		s->hand = e->next = e->before = e;
	}
	s->bytes += size_of(e);
}

/* Under the lock: it has not changed since, and is not here. */
static bool
fresh(struct rdb_hot *h, struct rdb_hot_shard *s, const struct ewb_request *r,
      uint64_t version)
{
	unsigned slot = slot_of(r->hash);

	return s->slots[slot].version == version && !s->slots[slot].writing &&
	       !follow(find(h, s, r));
}

/* Under the lock: there is room for n bytes, or it comes again. */
static bool
welcome(struct rdb_hot *h, struct rdb_hot_shard *s, uint32_t hash, size_t n)
{
	uint32_t *seen = &s->seen[place_of(h, hash)];

	if (s->bytes + n <= h->limit || *seen == hash)
		return true;
	*seen = hash;
	return false;
}

void
rdb_hot_keep(struct rdb_hot *h, const struct ewb_request *r,
             const struct ewb_item *i, uint64_t version)
{
	struct rdb_hot_shard *s = shard_of(h, r->hash);
	struct rdb_hot_record *e;
	size_t n = sizeof *e + r->nkey + i->nvalue;
	bool keep;

	if (n > h->limit / PART)
		return;
	pthread_mutex_lock(&s->lock);
	keep = fresh(h, s, r, version) && welcome(h, s, r->hash, n);
	pthread_mutex_unlock(&s->lock);
	if (!keep)
		return;
	e = new_record(r, i);
	if (!e)
		return; /* it is a cache */
	pthread_mutex_lock(&s->lock);
	keep = fresh(h, s, r, version); /* still */
	if (keep) {
		make_room(h, s, n);
		add(h, s, e);
	}
	pthread_mutex_unlock(&s->lock);
	if (!keep)
		free(e);
}

static void
begin_all(struct rdb_hot *h, struct rdb_hot_shard *s)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	for (i = 0; i < RDB_HOT_SLOTS; i++)
		s->slots[i].writing++;
	while (s->hand)
		drop_record(h, s, s->hand);
	pthread_mutex_unlock(&s->lock);
}

void
rdb_hot_begin(struct rdb_hot *h, const struct ewb_request *r)
{
	struct rdb_hot_record *_Atomic *at;
	struct rdb_hot_shard *s;
	size_t i;

	if (!r) {
		for (i = 0; i < RDB_HOT_SHARDS; i++)
			begin_all(h, &h->shards[i]);
		return;
	}
	s = shard_of(h, r->hash);
	pthread_mutex_lock(&s->lock);
	s->slots[slot_of(r->hash)].writing++;
	at = find(h, s, r);
	if (follow(at))
		drop(s, at);
	pthread_mutex_unlock(&s->lock);
}

/* Slots from first on, so many. */
static void
end_slots(struct rdb_hot_shard *s, unsigned first, unsigned n)
{
	unsigned i;

	pthread_mutex_lock(&s->lock);
	for (i = first; i < first + n; i++) {
		s->slots[i].writing--;
		s->slots[i].version++;
	}
	pthread_mutex_unlock(&s->lock);
}

void
rdb_hot_end(struct rdb_hot *h, const struct ewb_request *r)
{
	size_t i;

	if (r) {
		end_slots(shard_of(h, r->hash), slot_of(r->hash), 1);
		return;
	}
	for (i = 0; i < RDB_HOT_SHARDS; i++)
		end_slots(&h->shards[i], 0, RDB_HOT_SLOTS);
}

uint64_t
rdb_hot_bytes(struct rdb_hot *h)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < RDB_HOT_SHARDS; i++) {
		pthread_mutex_lock(&h->shards[i].lock);
		sum += h->shards[i].bytes;
		pthread_mutex_unlock(&h->shards[i].lock);
	}
	return sum;
}

void
rdb_hot_close(struct rdb_hot *h)
{
	size_t i;

	for (i = 0; h->shards && i < RDB_HOT_SHARDS; i++) {
		struct rdb_hot_shard *s = &h->shards[i];

		while (s->hand)
			drop_record(h, s, s->hand);
		free(s->buckets);
		free(s->seen);
		pthread_mutex_destroy(&s->lock);
	}
	free(h->shards);
	h->shards = NULL;
}
