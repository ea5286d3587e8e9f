/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "item.h"
#include "state.h"

#define LEAST_LIMIT 65536u

static int
read_limit(struct ewb_host *host, const char *value, int64_t *limit)
{
	uint64_t n;

	if (ewb_parse_size(value, &n) || n > INT64_MAX) {
		ewb_host_error(host, "limit=%s: not a size (64M, 1G)", value);
		return -1;
	}
	if (n < LEAST_LIMIT) {
		ewb_host_error(host, "limit=%s: too small (64k at least)",
		               value);
		return -1;
	}
	*limit = (int64_t)n;
	return 0;
}

static int
read_full(struct ewb_host *host, const char *value, bool *evicts)
{
	*evicts = strcmp(value, "evict") == 0;
	if (*evicts || strcmp(value, "refuse") == 0)
		return 0;
	ewb_host_error(host, "full=%s: not refuse or evict", value);
	return -1;
}

static int
read_settings(struct ewb_host *host, const struct ewb_setting *s, size_t n,
              int64_t *limit, bool *evicts)
{
	size_t i;

	*limit = INT64_C(1) << 30;
	*evicts = false;
	for (i = 0; i < n; i++) {
		if (strcmp(s[i].name, "limit") == 0 &&
		    read_limit(host, s[i].value, limit))
			return -1;
		if (strcmp(s[i].name, "full") == 0 &&
		    read_full(host, s[i].value, evicts))
			return -1;
	}
	return 0;
}

static int
new_uuid(struct ewb_host *host, uint64_t *uuid)
{
	if (getrandom(uuid, sizeof *uuid, 0) != (ssize_t)sizeof *uuid) {
		ewb_host_error(host, "no random numbers from the system");
		return -1;
	}
	*uuid = (*uuid & INT64_MAX) | 1; /* it is not 0 */
	return 0;
}

static int
make_vbuckets(struct mem *m)
{
	void *p;
	uint32_t i;

	m->nvbuckets = ewb_host_vbuckets(m->host);
	/* each begins a cache line: their locks are taken by many threads */
	if (posix_memalign(&p, 64, m->nvbuckets * sizeof *m->vbuckets))
		return -1;
	m->vbuckets = p;
	for (i = 0; i < m->nvbuckets; i++)
		mem_vbucket_init(&m->vbuckets[i], (uint16_t)i, m->host,
		                 &m->totals);
	return 0;
}

enum ewb_status
mem_open(struct ewb_host *host, const struct ewb_setting *s, size_t n,
         struct mem **out)
{
	struct mem *m;
	uint64_t uuid;
	int64_t limit;
	bool evicts;

	if (read_settings(host, s, n, &limit, &evicts))
		return EWB_INVALID;
	if (new_uuid(host, &uuid))
		return EWB_TEMPORARY;
	m = calloc(1, sizeof *m);
	if (m) {
		m->host = host;
		m->limit = limit;
		m->evicts = evicts;
		m->uuid = uuid;
		atomic_store(&m->totals.soonest, UINT32_MAX);
	}
	if (!m || make_vbuckets(m) || mem_reclaim_open(m)) {
		ewb_host_error(host, "out of memory");
		if (m)
			mem_close(m);
		return EWB_NO_MEMORY;
	}
	*out = m;
	return EWB_OK;
}

void
mem_close(struct mem *m)
{
	uint32_t i;

	mem_reclaim_close(m);
	for (i = 0; m->vbuckets && i < m->nvbuckets; i++)
		mem_vbucket_fini(&m->vbuckets[i]);
	free(m->vbuckets);
	free(m);
}

static struct mem_vbucket *
vbucket_of(struct mem *m, const struct ewb_request *r)
{
	return &m->vbuckets[r->vbucket];
}

void
mem_prefetch(struct mem *m, struct ewb_request *r)
{
	mem_vbucket_prefetch(vbucket_of(m, r), r);
}

enum ewb_status
mem_get(struct mem *m, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct mem_vbucket *vb = vbucket_of(m, r);
	struct ewb_item reply = { .size = sizeof reply };
	struct mem_item *it;
	uint64_t use;

	it = mem_vbucket_get(vb, r, ewb_host_time(m->host), &use);
	if (!it)
		return EWB_NOT_FOUND;
	reply.flags = it->flags;
	reply.expiry = it->expiry;
	reply.datatype = it->obj.tag;
	reply.cas = mem_vbucket_cas(vb, it);
	reply.seqno = it->obj.born;
	reply.value = mem_item_value(it);
	reply.nvalue = it->nvalue;
	mem_item_tell_use(&reply, use);
	return ewb_reply_item(c, &reply, mem_item_release, it);
}

static void
tell(const struct mem *m, struct ewb_cookie *c, uint64_t cas)
{
	ewb_reply_cas(c, cas);
	ewb_reply_token(c, m->uuid, mem_cas_seqno(cas));
}

static bool
fits(const struct mem *m, size_t n)
{
	return atomic_load(&m->totals.bytes) + (int64_t)n <= m->limit;
}

/* There is no room for n more bytes, unless the store frees some itself. */
static enum ewb_status
admit(struct mem *m, const struct ewb_request *r, size_t n)
{
	enum ewb_status status;
	size_t frees;

	/* one that evicts would empty itself for a larger one */
	if ((int64_t)n > (m->evicts ? m->limit / 2 : m->limit))
		return EWB_TOO_BIG;
	status = mem_vbucket_look(vbucket_of(m, r), r, &frees);
	if (status != EWB_OK || n <= frees || fits(m, n - frees))
		return status;
	status = mem_reclaim_want(m, n);
	if (status == EWB_NO_MEMORY && fits(m, n - frees))
		return EWB_OK;
	if (status == EWB_NO_MEMORY)
		atomic_fetch_add(&m->reclaim.refused, 1);
	return status;
}

enum ewb_status
mem_store(struct mem *m, struct ewb_cookie *c, const struct ewb_request *r)
{
	size_t n = mem_item_cost(r->nkey, r->nvalue);
	enum ewb_status status;
	struct mem_item *it;
	uint64_t cas;
	void *taken;

	if (r->nkey == 0 || r->nkey > MEM_MAX_KEY)
		return EWB_INVALID;
	if (r->nvalue > UINT32_MAX)
		return EWB_TOO_BIG;
	if (!fits(m, n)) {
		status = admit(m, r, n);
		if (status != EWB_OK)
			return status;
	}
	taken = ewb_value_take(c); /* from here on the answer is final */
	it = mem_item_new(r, taken);
	if (!it) {
		if (taken)
			ewb_value_free(taken);
		return EWB_NO_MEMORY;
	}
	mem_obj_set_use(&it->obj, mem_use(ewb_host_time(m->host),
	                                  r->use == EWB_USE_FETCHED));
	status = mem_vbucket_store(vbucket_of(m, r), r, it, &cas);
	if (status == EWB_OK)
		tell(m, c, cas);
	else
		mem_item_release(it);
	mem_reclaim_look(m);
	return status;
}

enum ewb_status
mem_remove(struct mem *m, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status;
	uint64_t cas;

	status = mem_vbucket_remove(vbucket_of(m, r), r, &cas);
	if (status == EWB_OK)
		tell(m, c, cas);
	mem_reclaim_look(m);
	return status;
}

enum ewb_status
mem_vbucket_tell(struct mem *m, uint16_t vbucket, struct ewb_vbucket *v)
{
	struct mem_vbucket *vb;

	if (vbucket >= m->nvbuckets)
		return EWB_NOT_MY_VBUCKET;
	vb = &m->vbuckets[vbucket];
	v->uuid = m->uuid;
	mem_vbucket_lock(vb);
	v->seqno = vb->seqno;
	v->items = vb->items;
	mem_vbucket_unlock(vb);
	return EWB_OK;
}

enum ewb_status
mem_flush(struct mem *m, struct ewb_cookie *c, const struct ewb_request *r)
{
	uint32_t i;

	(void)c, (void)r;
	for (i = 0; i < m->nvbuckets; i++)
		mem_vbucket_flush(&m->vbuckets[i]);
	mem_reclaim_look(m);
	return EWB_OK;
}
