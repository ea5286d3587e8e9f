/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "state.h"

struct stat {
	const char *name;
	int64_t value;
};

static uint64_t
sum(struct mem *m, struct mem_counters *all)
{
	uint64_t items = 0;
	uint32_t i;

	*all = (struct mem_counters){ .idle = 0 };
	for (i = 0; i < m->nvbuckets; i++) {
		struct mem_vbucket *vb = &m->vbuckets[i];
		struct mem_counters one;

		mem_vbucket_lock(vb);
		one = vb->count;
		items += vb->items;
		mem_vbucket_unlock(vb);
		all->gets += one.gets;
		all->hits += one.hits;
		all->stores += one.stores;
		all->removes += one.removes;
		all->expired += one.expired;
		all->expired_unfetched += one.expired_unfetched;
		all->evicted += one.evicted;
		all->unfetched += one.unfetched;
		all->mortal += one.mortal;
		if (one.idle_at >= all->idle_at) {
			all->idle_at = one.idle_at;
			all->idle = one.idle;
		}
	}
	return items;
}

static enum ewb_status
tell(struct ewb_cookie *c, const struct stat *s, size_t n)
{
	enum ewb_status status = EWB_OK;
	size_t i;

	for (i = 0; i < n && status == EWB_OK; i++)
		status = ewb_reply_stat(c, s[i].name, "%" PRId64, s[i].value);
	return status;
}

/* As memcached says it of a slab class: there is one, for all sizes.  What it
 * has of its own lists is left out. */
static enum ewb_status
tell_items(struct mem *m, struct ewb_cookie *c)
{
	struct mem_counters all;
	int64_t items = (int64_t)sum(m, &all);
	uint32_t now = ewb_host_time(m->host);
	struct stat stats[] = {
		{ "items:1:number", items },
		{ "items:1:age", mem_evict_age(m, now) },
		{ "items:1:mem_requested", atomic_load(&m->totals.bytes) },
		{ "items:1:evicted", (int64_t)all.evicted },
		{ "items:1:evicted_nonzero", (int64_t)all.mortal },
		{ "items:1:evicted_time", all.idle },
		{ "items:1:outofmemory",
		  (int64_t)atomic_load(&m->reclaim.refused) },
		{ "items:1:reclaimed", (int64_t)all.expired },
		{ "items:1:expired_unfetched",
		  (int64_t)all.expired_unfetched },
		{ "items:1:evicted_unfetched", (int64_t)all.unfetched },
	};

	return items ? tell(c, stats, sizeof stats / sizeof *stats) : EWB_OK;
}

static enum ewb_status
tell_all(struct mem *m, struct ewb_cookie *c)
{
	struct mem_totals *t = &m->totals;
	struct mem_counters all;
	uint64_t items = sum(m, &all);
	struct stat stats[] = {
		{ "curr_items", (int64_t)items },
		{ "total_items", (int64_t)all.stores },
		{ "bytes", atomic_load(&t->bytes) },
		{ "limit", m->limit },
		{ "limit_maxbytes", m->limit },
		{ "evicts", m->evicts },
		{ "evictions", (int64_t)all.evicted },
		{ "evicted_unfetched", (int64_t)all.unfetched },
		{ "snapshot_bytes", atomic_load(&t->snapshot_bytes) },
		{ "snapshots", atomic_load(&t->live) },
		{ "snapshots_revoked", (int64_t)atomic_load(&t->revoked) },
		{ "expired", (int64_t)all.expired },
		{ "reclaimed", (int64_t)all.expired },
		{ "expired_unfetched", (int64_t)all.expired_unfetched },
		{ "gets", (int64_t)all.gets },
		{ "hits", (int64_t)all.hits },
		{ "stores", (int64_t)all.stores },
		{ "removes", (int64_t)all.removes },
	};

	return tell(c, stats, sizeof stats / sizeof *stats);
}

enum ewb_status
mem_stats(struct mem *m, struct ewb_cookie *c, const struct ewb_request *r)
{
	r = ewb_cookie_request(c);
	if (r->nkey == 5 && memcmp(r->key, "items", 5) == 0)
		return tell_items(m, c);
	return tell_all(m, c);
}
