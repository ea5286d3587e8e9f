/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "vbucket.h"

void
mem_vbucket_init(struct mem_vbucket *vb, uint16_t id,
                 const struct ewb_host *host, struct mem_totals *totals)
{
	*vb = (struct mem_vbucket){ 0 };
	vb->host = host;
	vb->totals = totals;
	vb->id = id;
	vb->soonest = UINT32_MAX;
	if (pthread_mutex_init(&vb->lock, NULL))
		abort();
}

void
mem_vbucket_lock(struct mem_vbucket *vb)
{
	if (pthread_mutex_lock(&vb->lock))
		abort();
}

void
mem_vbucket_unlock(struct mem_vbucket *vb)
{
	if (pthread_mutex_unlock(&vb->lock))
		abort();
}

void
mem_vbucket_mark(struct mem_vbucket *vb)
{
	if (!atomic_exchange(&vb->dirty, true))
		atomic_fetch_add(&vb->totals->dirty, 1);
}

void
mem_vbucket_begin(struct mem_vbucket *vb, struct mem_change *ch)
{
	*ch = (struct mem_change){
		.seqno = vb->seqno + 1,
		.frozen = vb->newest ? vb->newest->seqno : 0,
	};
}

void
mem_vbucket_commit(struct mem_vbucket *vb, struct mem_change *ch)
{
	vb->seqno = ch->seqno;
	mem_snapshot_bury(vb, ch);
}

void
mem_vbucket_finish(struct mem_vbucket *vb, struct mem_change *ch)
{
	int64_t n = (int64_t)ch->grown - (int64_t)mem_obj_drop_all(ch->gone);

	if (n)
		atomic_fetch_add(&vb->totals->bytes, n);
}

static struct mem_item *
item_at(const struct mem_path *p)
{
	unsigned leaf = p->depth - 1;

	return (struct mem_item *)mem_node_slots(p->step[leaf].node)[p->step[leaf].at];
}

/* Few items expire, so the time is looked up for those alone. */
static bool
is_expired(const struct mem_vbucket *vb, const struct mem_item *it)
{
	return it->expiry != 0 &&
	       mem_item_expired(it, ewb_host_time(vb->host));
}

#define LINE 64 /* of the caches, bytes; a guess does no harm */

void
mem_vbucket_prefetch(struct mem_vbucket *vb, struct ewb_request *r)
{
	struct mem_obj **slot, *o = NULL;

	mem_vbucket_lock(vb);
	slot = mem_tree_guess(&vb->tree, r->key, r->nkey);
	if (slot)
		o = *slot;
	r->hint[1] = vb->seqno;
	mem_vbucket_unlock(vb);
	r->hint[0] = (uintptr_t)slot;
	if (o) {
		__builtin_prefetch(o, 1); /* its references will be counted */
		__builtin_prefetch((char *)o + LINE);
	}
}

/* Under lock.  Where prefetch has found the item, if it is that: no mutation
 * was since then, so the tree is as it was. */
static struct mem_obj **
foreseen(const struct mem_vbucket *vb, const struct ewb_request *r)
{
	struct mem_obj **slot = (struct mem_obj **)(uintptr_t)r->hint[0];

	if (slot && r->hint[1] == vb->seqno &&
	    mem_obj_is(*slot, r->key, r->nkey))
		return slot;
	return NULL;
}

static struct mem_item *
find(const struct mem_vbucket *vb, const struct ewb_request *r)
{
	struct mem_obj **slot = foreseen(vb, r);

	if (slot)
		return (struct mem_item *)*slot;
	return mem_tree_find(&vb->tree, r->key, r->nkey);
}

struct mem_item *
mem_vbucket_get(struct mem_vbucket *vb, const struct ewb_request *r,
                uint32_t now, uint64_t *use)
{
	struct mem_item *it;

	mem_vbucket_lock(vb);
	vb->count.gets++;
	it = find(vb, r);
	if (it && mem_item_expired(it, now))
		it = NULL;
	if (it) {
		vb->count.hits++;
		mem_item_hold(it);
		*use = mem_obj_use(&it->obj);
		if (r->use != EWB_USE_UNSEEN)
			mem_obj_set_use(&it->obj, mem_use(now, true));
	}
	mem_vbucket_unlock(vb);
	return it;
}

/* it: null, or what is there and has not expired. */
static enum ewb_status
check(const struct mem_vbucket *vb, const struct ewb_request *r,
      const struct mem_item *it)
{
	switch (r->expect) {
	case EWB_EXPECT_ABSENT: return it ? EWB_EXISTS : EWB_OK;
	case EWB_EXPECT_PRESENT: return it ? EWB_OK : EWB_NOT_FOUND;
	case EWB_EXPECT_CAS:
		if (!it)
			return EWB_NOT_FOUND;
		return mem_vbucket_cas(vb, it) == r->cas ? EWB_OK : EWB_EXISTS;
	case EWB_EXPECT_ANY: break;
	}
	return EWB_OK;
}

enum ewb_status
mem_vbucket_look(struct mem_vbucket *vb, const struct ewb_request *r,
                 size_t *frees)
{
	struct mem_item *it = NULL;
	enum ewb_status status;
	struct mem_path p;

	*frees = 0;
	mem_vbucket_lock(vb);
	if (mem_tree_seek(&vb->tree, &p, r->key, r->nkey))
		it = item_at(&p);
	if (it && (!vb->newest || it->obj.born > vb->newest->seqno))
		*frees = mem_item_bytes(it);
	status = check(vb, r, it && !is_expired(vb, it) ? it : NULL);
	mem_vbucket_unlock(vb);
	return status;
}

static void
lower(_Atomic uint32_t *soonest, uint32_t expiry)
{
	uint32_t was = atomic_load(soonest);

	while (expiry < was &&
	       !atomic_compare_exchange_weak(soonest, &was, expiry))
		;
}

static void
note_expiry(struct mem_vbucket *vb, uint32_t expiry)
{
	if (expiry == 0)
		return;
	if (expiry < vb->soonest)
		vb->soonest = expiry;
	lower(&vb->totals->soonest, expiry);
}

/* Where the item goes. */
struct place {
	struct mem_obj **slot; /* it replaces what is there, and no more; or */
	struct mem_path path;
	bool exact;
};

/* What is there now, or null.  With a snapshot the leaf may be frozen: that
 * takes the path to it. */
static struct mem_item *
seek(const struct mem_vbucket *vb, const struct ewb_request *r, struct place *p)
{
	p->slot = vb->newest ? NULL : foreseen(vb, r);
	p->exact = p->slot ||
	           mem_tree_seek(&vb->tree, &p->path, r->key, r->nkey);
	if (p->slot)
		return (struct mem_item *)*p->slot;
	return p->exact ? item_at(&p->path) : NULL;
}

static int
put(struct mem_vbucket *vb, struct place *p, struct mem_change *ch,
    struct mem_item *it)
{
	if (!p->slot)
		return mem_tree_put(&vb->tree, &p->path, p->exact, ch, it);
	mem_tree_replace(p->slot, ch, it);
	return 0;
}

/* Who adds what is there has asked for it, though not fetched it. */
static void
note_use(struct mem_item *old, const struct mem_item *it)
{
	bool fetched = (mem_obj_use(&old->obj) & MEM_FETCHED) != 0;

	mem_obj_set_use(&old->obj,
	                mem_use(mem_use_time(mem_obj_use(&it->obj)), fetched));
}

/* Under lock. */
static enum ewb_status
store(struct mem_vbucket *vb, const struct ewb_request *r, struct mem_item *it,
      struct mem_change *ch)
{
	struct mem_item *old;
	enum ewb_status status;
	struct place p;
	bool expired, unfetched;

	old = seek(vb, r, &p);
	expired = old && is_expired(vb, old);
	unfetched = expired && !(mem_obj_use(&old->obj) & MEM_FETCHED);
	status = check(vb, r, expired ? NULL : old);
	if (status == EWB_EXISTS && r->expect == EWB_EXPECT_ABSENT)
		note_use(old, it);
	if (status != EWB_OK)
		return status;
	mem_vbucket_begin(vb, ch);
	if (put(vb, &p, ch, it))
		return EWB_NO_MEMORY;
	mem_vbucket_commit(vb, ch);
	vb->items += !p.exact;
	vb->count.expired += expired;
	vb->count.expired_unfetched += unfetched;
	vb->count.stores++;
	note_expiry(vb, it->expiry);
	return EWB_OK;
}

enum ewb_status
mem_vbucket_store(struct mem_vbucket *vb, const struct ewb_request *r,
                  struct mem_item *it, uint64_t *cas)
{
	struct mem_change ch = { .grown = 0 };
	enum ewb_status status;
	size_t n = mem_item_bytes(it);

	mem_vbucket_lock(vb);
	status = store(vb, r, it, &ch);
	if (status == EWB_OK)
		*cas = mem_vbucket_cas(vb, it);
	mem_vbucket_unlock(vb);
	if (status == EWB_OK) {
		ch.grown += n;
		mem_vbucket_finish(vb, &ch);
	}
	return status;
}

/* Under lock. */
static enum ewb_status
take_out(struct mem_vbucket *vb, struct mem_path *p, struct mem_change *ch)
{
	mem_vbucket_begin(vb, ch);
	if (mem_tree_remove(&vb->tree, p, ch))
		return EWB_NO_MEMORY;
	mem_vbucket_commit(vb, ch);
	vb->items--;
	return EWB_OK;
}

/* Under lock. */
static enum ewb_status
find_and_remove(struct mem_vbucket *vb, const struct ewb_request *r,
                struct mem_change *ch)
{
	enum ewb_status status;
	struct mem_path p;

	if (!mem_tree_seek(&vb->tree, &p, r->key, r->nkey) ||
	    is_expired(vb, item_at(&p)))
		return EWB_NOT_FOUND;
	if (r->cas && r->cas != mem_vbucket_cas(vb, item_at(&p)))
		return EWB_EXISTS;
	status = take_out(vb, &p, ch);
	if (status == EWB_OK)
		vb->count.removes++;
	return status;
}

enum ewb_status
mem_vbucket_remove(struct mem_vbucket *vb, const struct ewb_request *r,
                   uint64_t *cas)
{
	struct mem_change ch = { .grown = 0 };
	enum ewb_status status;

	mem_vbucket_lock(vb);
	status = find_and_remove(vb, r, &ch);
	*cas = vb->seqno << 10 | vb->id;
	mem_vbucket_unlock(vb);
	if (status == EWB_OK)
		mem_vbucket_finish(vb, &ch);
	return status;
}

void
mem_vbucket_flush(struct mem_vbucket *vb)
{
	struct mem_obj *root;

	mem_vbucket_lock(vb);
	root = vb->tree.root ? &vb->tree.root->obj : NULL;
	vb->tree = (struct mem_tree){ 0 };
	vb->items = 0;
	vb->soonest = UINT32_MAX;
	vb->count.flushes++;
	vb->seqno++;
	if (root) {
		root->tag = MEM_DOOMED;
		mem_obj_push(vb->newest ? &vb->newest->doomed : &vb->doomed,
		             root);
		mem_vbucket_mark(vb);
	}
	mem_vbucket_unlock(vb);
}

bool
mem_vbucket_sweep_begin(struct mem_vbucket *vb, struct mem_sweep *sw,
                        uint32_t now)
{
	uint32_t soonest;

	sw->now = now;
	sw->soonest = UINT32_MAX;
	sw->nkey = 0;
	mem_vbucket_lock(vb);
	soonest = vb->soonest;
	if (soonest <= now)
		vb->soonest = UINT32_MAX; /* stores lower it meanwhile */
	else
		lower(&vb->totals->soonest, soonest);
	mem_vbucket_unlock(vb);
	return soonest <= now;
}

static void
sweep_end(struct mem_vbucket *vb, const struct mem_sweep *sw)
{
	if (sw->soonest < vb->soonest)
		vb->soonest = sw->soonest;
	lower(&vb->totals->soonest, vb->soonest);
}

/* The next expired item of the leaf that the path leads to; false: none, and
 * the path is at the leaf's end. */
static bool
find_expired(struct mem_path *p, struct mem_sweep *sw)
{
	unsigned leaf = p->depth - 1;
	const struct mem_node *nd = p->step[leaf].node;

	for (; p->step[leaf].at < nd->n; p->step[leaf].at++) {
		const struct mem_item *it = item_at(p);

		if (mem_item_expired(it, sw->now))
			return true;
		if (it->expiry && it->expiry < sw->soonest)
			sw->soonest = it->expiry;
	}
	return false;
}

static void
go_on_at(struct mem_sweep *sw, const struct mem_item *it)
{
	sw->nkey = it->obj.nkey;
	memcpy(sw->key, mem_obj_key(&it->obj), it->obj.nkey);
}

/* Under lock: one leaf at most, and one item of it taken out at most. */
static bool
sweep(struct mem_vbucket *vb, struct mem_sweep *sw, struct mem_change *ch)
{
	struct mem_item *it;
	struct mem_path p;
	uint64_t use;

	mem_tree_seek(&vb->tree, &p, sw->key, sw->nkey);
	if (!mem_path_item(&p)) {
		sweep_end(vb, sw);
		return false;
	}
	if (find_expired(&p, sw)) {
		use = mem_obj_use(&item_at(&p)->obj);
		go_on_at(sw, item_at(&p));
		if (take_out(vb, &p, ch) == EWB_OK) {
			vb->count.expired++;
			vb->count.expired_unfetched += !(use & MEM_FETCHED);
			return true;
		}
		sw->soonest = sw->now + 1; /* the next sweep tries again */
		p.step[p.depth - 1].at++;
	}
	it = mem_path_item(&p);
	if (!it) {
		sweep_end(vb, sw);
		return false;
	}
	go_on_at(sw, it);
	return true;
}

bool
mem_vbucket_sweep(struct mem_vbucket *vb, struct mem_sweep *sw)
{
	struct mem_change ch = { .grown = 0 };
	bool more;

	mem_vbucket_lock(vb);
	more = sweep(vb, sw, &ch);
	mem_vbucket_unlock(vb);
	mem_vbucket_finish(vb, &ch);
	return more;
}

void
mem_vbucket_fini(struct mem_vbucket *vb)
{
	struct mem_obj *list = vb->doomed;
	int64_t n = 0;

	if (vb->tree.root) {
		vb->tree.root->obj.tag = MEM_DOOMED;
		mem_obj_push(&list, &vb->tree.root->obj);
	}
	while (list) {
		struct mem_obj *o = mem_obj_pop(&list);

		if (mem_node_doomed(o))
			mem_node_expand((struct mem_node *)o, &list);
		n += (int64_t)mem_obj_drop(o);
	}
	atomic_fetch_sub(&vb->totals->bytes, n);
	pthread_mutex_destroy(&vb->lock);
}
