/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "vbucket.h"

void
mem_vbucket_init(struct mem_vbucket *vb, uint16_t id, struct mem_totals *totals)
{
	*vb = (struct mem_vbucket){ 0 };
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

static void
begin(struct mem_vbucket *vb, struct mem_change *ch)
{
	*ch = (struct mem_change){
		.seqno = vb->seqno + 1,
		.frozen = vb->newest ? vb->newest->seqno : 0,
	};
}

static void
commit(struct mem_vbucket *vb, struct mem_change *ch)
{
	vb->seqno = ch->seqno;
	mem_snapshot_bury(vb, ch);
}

/* Not under lock. */
static void
finish(struct mem_vbucket *vb, struct mem_change *ch)
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

struct mem_item *
mem_vbucket_get(struct mem_vbucket *vb, const void *key, size_t nkey,
                uint32_t now)
{
	struct mem_item *it;

	mem_vbucket_lock(vb);
	vb->count.gets++;
	it = mem_tree_find(&vb->tree, key, nkey);
	if (it && mem_item_expired(it, now))
		it = NULL;
	if (it) {
		vb->count.hits++;
		mem_item_hold(it);
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
                 uint32_t now, size_t *frees)
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
	status = check(vb, r, it && !mem_item_expired(it, now) ? it : NULL);
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

/* Under lock. */
static enum ewb_status
store(struct mem_vbucket *vb, const struct ewb_request *r, uint32_t now,
      struct mem_item *it, struct mem_change *ch)
{
	enum ewb_status status;
	struct mem_path p;
	bool exact, expired;

	exact = mem_tree_seek(&vb->tree, &p, r->key, r->nkey);
	expired = exact && mem_item_expired(item_at(&p), now);
	status = check(vb, r, exact && !expired ? item_at(&p) : NULL);
	if (status != EWB_OK)
		return status;
	begin(vb, ch);
	if (mem_tree_put(&vb->tree, &p, exact, ch, it))
		return EWB_NO_MEMORY;
	commit(vb, ch);
	vb->items += !exact;
	vb->count.expired += expired;
	vb->count.stores++;
	note_expiry(vb, it->expiry);
	return EWB_OK;
}

enum ewb_status
mem_vbucket_store(struct mem_vbucket *vb, const struct ewb_request *r,
                  uint32_t now, struct mem_item *it, uint64_t *cas)
{
	struct mem_change ch = { .grown = 0 };
	enum ewb_status status;
	size_t n = mem_item_bytes(it);

	mem_vbucket_lock(vb);
	status = store(vb, r, now, it, &ch);
	if (status == EWB_OK)
		*cas = mem_vbucket_cas(vb, it);
	mem_vbucket_unlock(vb);
	if (status == EWB_OK) {
		ch.grown += n;
		finish(vb, &ch);
	}
	return status;
}

/* Under lock. */
static enum ewb_status
take_out(struct mem_vbucket *vb, struct mem_path *p, struct mem_change *ch)
{
	begin(vb, ch);
	if (mem_tree_remove(&vb->tree, p, ch))
		return EWB_NO_MEMORY;
	commit(vb, ch);
	vb->items--;
	return EWB_OK;
}

/* Under lock. */
static enum ewb_status
find_and_remove(struct mem_vbucket *vb, const struct ewb_request *r,
                uint32_t now, struct mem_change *ch)
{
	enum ewb_status status;
	struct mem_path p;

	if (!mem_tree_seek(&vb->tree, &p, r->key, r->nkey) ||
	    mem_item_expired(item_at(&p), now))
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
                   uint32_t now, uint64_t *cas)
{
	struct mem_change ch = { .grown = 0 };
	enum ewb_status status;

	mem_vbucket_lock(vb);
	status = find_and_remove(vb, r, now, &ch);
	*cas = vb->seqno << 10 | vb->id;
	mem_vbucket_unlock(vb);
	if (status == EWB_OK)
		finish(vb, &ch);
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

	mem_tree_seek(&vb->tree, &p, sw->key, sw->nkey);
	if (!mem_path_item(&p)) {
		sweep_end(vb, sw);
		return false;
	}
	if (find_expired(&p, sw)) {
		go_on_at(sw, item_at(&p));
		if (take_out(vb, &p, ch) == EWB_OK) {
			vb->count.expired++;
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
	finish(vb, &ch);
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
