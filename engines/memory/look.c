/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a leaf is not needed any more. */
#include "vbucket.h"

/* Some items of a leaf, one after the other, from one on. */
struct few {
	struct mem_item *item[MEM_LOOK];
	unsigned n;
};

static void
pick(const struct mem_path *p, struct few *few)
{
	const struct mem_node *leaf = p->step[p->depth - 1].node;
	unsigned i, at = p->step[p->depth - 1].at;

	few->n = leaf->n < MEM_LOOK ? leaf->n : MEM_LOOK;
	for (i = 0; i < few->n; i++, at++) {
		few->item[i] = (struct mem_item *)
			mem_node_slots(leaf)[at % leaf->n];
		__builtin_prefetch(few->item[i]);
	}
}

/* Those that are to go are left, what has expired at the front. */
static void
sift(struct few *few, struct mem_look *look)
{
	unsigned i, n = 0, nexpired = 0;

	look->nseen = few->n;
	for (i = 0; i < few->n; i++) {
		struct mem_item *it = few->item[i];
		uint64_t use = mem_obj_use(&it->obj);
		bool expired = mem_item_expired(it, look->now);

		look->seen[i] = use;
		if (!expired && use > look->old)
			continue;
		few->item[n++] = it;
		if (expired) {
			few->item[n - 1] = few->item[nexpired];
			few->item[nexpired++] = it;
		}
	}
	few->n = n;
}

static void
count(struct mem_vbucket *vb, const struct mem_item *it, uint64_t use,
      const struct mem_look *look)
{
	bool unfetched = !(use & MEM_FETCHED);

	if (mem_item_expired(it, look->now)) {
		vb->count.expired++;
		vb->count.expired_unfetched += unfetched;
		return;
	}
	vb->count.evicted++;
	vb->count.unfetched += unfetched;
	vb->count.mortal += it->expiry != 0;
	vb->count.idle_at = look->now;
	/* clocks may be set back */
	vb->count.idle = mem_use_time(use) < look->now ?
	                         look->now - mem_use_time(use) :
	                         0;
}

/* Under lock.  The item is gone's afterwards. */
static bool
take_out(struct mem_vbucket *vb, struct mem_item *it, struct mem_look *look,
         struct mem_change *ch)
{
	uint64_t use = mem_obj_use(&it->obj);
	struct mem_path p;

	mem_tree_seek(&vb->tree, &p, mem_obj_key(&it->obj), it->obj.nkey);
	ch->seqno = vb->seqno + 1;
	if (mem_tree_remove(&vb->tree, &p, ch))
		return false;
	mem_vbucket_commit(vb, ch);
	vb->items--;
	count(vb, it, use, look);
	look->bytes -= (int64_t)mem_item_bytes(it);
	look->taken++;
	return true;
}

/* Under lock.  What a snapshot sees, an item or its leaf, would not be free. */
static void
evict(struct mem_vbucket *vb, const struct few *few, struct mem_look *look,
      const struct mem_node *leaf, struct mem_change *ch)
{
	bool pinned;
	unsigned i;

	mem_vbucket_begin(vb, ch);
	pinned = leaf->obj.born <= ch->frozen;
	for (i = 0; i < few->n && look->bytes > 0; i++) {
		if (pinned || few->item[i]->obj.born <= ch->frozen) {
			look->pinned++;
		} else if (!take_out(vb, few->item[i], look, ch)) {
			look->failed = true;
			return;
		}
	}
}

void
mem_vbucket_evict(struct mem_vbucket *vb, struct mem_look *look)
{
	struct mem_change ch = { .grown = 0 };
	struct mem_path p;
	struct few few;

	look->nseen = 0;
	mem_vbucket_lock(vb);
	mem_tree_stray(&vb->tree, &p, look->random);
	if (p.depth) {
		pick(&p, &few);
		sift(&few, look);
		evict(vb, &few, look, p.step[p.depth - 1].node, &ch);
	}
	mem_vbucket_unlock(vb);
	mem_vbucket_finish(vb, &ch);
}
