/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/admit.h"
#include "protocol/status.h"

/* It stays what it is, for who counts; but all that it does is to fail. */
static void
refuse(struct ewb_cookie *c, uint32_t status, const char *why) EWB_ON_FRONT
{
	c->frame.status = status;
	c->frame.reason = why;
	c->command = &c->dispatch->core->commands[EWB_OP_ERROR];
}

/* Does it ask for data, or for what a scan has of them? */
static int
asks_for_data(const struct ewb_cookie *c)
{
	return c->command->keyed || c->op == EWB_OP_FLUSH ||
	       (c->op >= EWB_OP_SCAN_CREATE && c->op <= EWB_OP_METADUMP);
}

static void
count(struct ewb_cookie *c, const struct ewb_collection *in) EWB_ON_FRONT
{
	struct ewb_collection_use *u =
		ewb_core_use(c->dispatch->core, c->dispatch->row, in);
	_Atomic uint64_t *which = &u->stores;

	if (!c->command->mutates || c->op == EWB_OP_GAT || c->op == EWB_OP_META_GAT)
		which = &u->gets;
	else if (c->op == EWB_OP_DELETE || c->op == EWB_OP_META_DELETE)
		which = &u->deletes;
	/* relaxed: a statistic */
	atomic_fetch_add_explicit(which, 1, memory_order_relaxed);
}

/* Its key becomes what the engine has in its place.  -1: it is refused. */
static int
store_as(struct ewb_cookie *c, const struct ewb_collection *in) EWB_ON_FRONT
{
	struct ewb_request *r = &c->request;
	uint8_t prefix[EWB_STORED_PREFIX];
	size_t n = ewb_stored_prefix(prefix, in, r->key, r->nkey);

	if (r->nkey > ewb_stored_max(in, r->key, r->nkey)) {
		refuse(c, EWB_WIRE_INVALID, "a key longer than its collection "
		                            "has room for");
		return -1;
	}
	if (n == 0)
		return 0;
	c->stored = malloc(n + r->nkey);
	if (c->stored == NULL) {
		refuse(c, EWB_WIRE_NO_MEMORY, NULL);
		return -1;
	}
	memcpy(c->stored, prefix, n);
	memcpy(c->stored + n, r->key, r->nkey);
	r->key = c->stored;
	r->nkey += n;
	return 0;
}

/* What stands before its key says the collection.  Null: it is refused. */
static const struct ewb_collection *
take_prefix(struct ewb_cookie *c, const struct ewb_collections *all) EWB_ON_FRONT
{
	struct ewb_request *r = &c->request;
	const struct ewb_collection *in;
	uint32_t id = 0;
	size_t n = ewb_leb128_take(r->key, r->nkey, &id);

	if (n == 0 || n == r->nkey) {
		refuse(c, EWB_WIRE_INVALID,
		       n ? "no key" : "no number of a collection before the key");
		return NULL;
	}
	in = ewb_collections_by_id(all, id);
	if (in == NULL) {
		refuse(c, EWB_WIRE_UNKNOWN_COLLECTION, "unknown collection");
		return NULL;
	}
	r->key = (const uint8_t *)r->key + n;
	r->nkey -= n;
	r->hash = ewb_key_hash(r->key, r->nkey);
	r->vbucket = ewb_key_vbucket(r->hash, c->dispatch->core->vbuckets);
	if (r->nkey <= EWB_KEY_MAX)
		return in;
	refuse(c, EWB_WIRE_INVALID, "a key longer than 250 bytes");
	return NULL;
}

static int
find_key(struct ewb_cookie *c, uint32_t checks) EWB_ON_FRONT
{
	const struct ewb_collections *all = c->dispatch->core->collections;
	const struct ewb_collection *in = &ewb_collections_none.at[0];

	if (all)
		in = &all->at[0];
	if (checks & EWB_CHECK_PREFIX && c->frame.is & EWB_IS_BINARY)
		in = take_prefix(c, all ? all : &ewb_collections_none);
	if (in == NULL)
		return -1;
	if (all == NULL)
		return 0;
	count(c, in);
	return store_as(c, in);
}

void
ewb_admit(struct ewb_cookie *c)
{
	uint32_t checks = c->session->checks;

	if (checks & EWB_CHECK_NO_BUCKET && asks_for_data(c)) {
		refuse(c, EWB_WIRE_NO_BUCKET, "no bucket is selected");
		return;
	}
	if (!c->command->keyed || c->request.nkey == 0)
		return;
	if (checks & (EWB_CHECK_PREFIX | EWB_CHECK_STORED) && find_key(c, checks))
		return;
	if (checks & EWB_CHECK_VBUCKET && c->frame.is & EWB_IS_BINARY &&
	    c->frame.vbucket != c->request.vbucket)
		refuse(c, EWB_WIRE_NOT_MY_VBUCKET, "the key is not of that vbucket");
}

void
ewb_admit_features(struct ewb_session *s)
{
	s->checks &= EWB_CHECK_NO_BUCKET;
	if (s->dispatch->core->collections)
		s->checks |= EWB_CHECK_STORED;
	if (EWB_HAS_FEATURE(s->features, COLLECTIONS))
		s->checks |= EWB_CHECK_PREFIX;
	if (ewb_knows_vbuckets(s->features))
		s->checks |= EWB_CHECK_VBUCKET;
}
