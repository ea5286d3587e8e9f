/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "snapshot.h"
#include "vbucket.h"

#define SLICE 128u /* objects looked at under one hold of the lock */

struct mem_snapshot *
mem_snapshot_open(struct mem_vbucket *vb, uint64_t *items)
{
	struct mem_snapshot *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->vb = vb;
	s->state = MEM_LIVE;
	s->busy = true;
	mem_vbucket_lock(vb);
	s->tree = vb->tree;
	s->seqno = vb->seqno;
	s->age = atomic_fetch_add(&vb->totals->ages, 1) + 1;
	s->older = vb->newest;
	if (s->older)
		s->older->newer = s;
	vb->newest = s;
	*items = vb->items;
	atomic_fetch_add(&vb->totals->live, 1);
	mem_vbucket_unlock(vb);
	return s;
}

static void
unlink_live(struct mem_snapshot *s)
{
	if (s->older)
		s->older->newer = s->newer;
	if (s->newer)
		s->newer->older = s->older;
	else
		s->vb->newest = s->older;
	s->newer = NULL;
}

/* Under lock.  True: nothing was kept for it. */
static bool
begin_draining(struct mem_snapshot *s)
{
	struct mem_vbucket *vb = s->vb;

	unlink_live(s);
	s->state = s->dead || s->doomed ? MEM_DRAINING : MEM_DRAINED;
	if (s->state == MEM_DRAINING) {
		s->older = vb->draining;
		vb->draining = s;
		mem_vbucket_mark(vb);
	}
	/* last: who waits for memory looks at live first, then at dirty */
	atomic_fetch_sub(&vb->totals->live, 1);
	return s->state == MEM_DRAINED;
}

bool
mem_snapshot_enter(struct mem_snapshot *s)
{
	bool live;

	mem_vbucket_lock(s->vb);
	live = s->state == MEM_LIVE;
	s->busy = live;
	mem_vbucket_unlock(s->vb);
	return live;
}

bool
mem_snapshot_leave(struct mem_snapshot *s)
{
	bool revoked;

	mem_vbucket_lock(s->vb);
	s->busy = false;
	revoked = atomic_load(&s->revoked);
	if (revoked) {
		begin_draining(s);
		atomic_fetch_sub(&s->vb->totals->leaving, 1);
	}
	mem_vbucket_unlock(s->vb);
	return !revoked;
}

void
mem_snapshot_close(struct mem_snapshot *s)
{
	bool drained;

	mem_vbucket_lock(s->vb);
	s->closed = true;
	if (s->state == MEM_LIVE)
		drained = begin_draining(s);
	else
		drained = s->state == MEM_DRAINED;
	mem_vbucket_unlock(s->vb);
	if (drained)
		free(s);
}

uint64_t
mem_snapshot_oldest(struct mem_vbucket *vb, int64_t *held)
{
	struct mem_snapshot *s;
	uint64_t age = 0;

	*held = 0;
	mem_vbucket_lock(vb);
	for (s = vb->newest; s; s = s->older) {
		*held += s->held;
		if (!atomic_load(&s->revoked))
			age = s->age;
	}
	mem_vbucket_unlock(vb);
	return age;
}

void
mem_snapshot_revoke(struct mem_vbucket *vb, uint64_t age)
{
	struct mem_snapshot *s;

	mem_vbucket_lock(vb);
	for (s = vb->newest; s && s->age != age;)
		s = s->older;
	if (s && !atomic_load(&s->revoked)) {
		atomic_store(&s->revoked, true);
		atomic_fetch_add(&vb->totals->revoked, 1);
		if (s->busy)
			atomic_fetch_add(&vb->totals->leaving, 1);
		else
			begin_draining(s);
	}
	mem_vbucket_unlock(vb);
}

/* Under lock: s keeps o, or, of what it doesn't see, lets it go. */
static void
keep(struct mem_snapshot *s, struct mem_obj *o)
{
	int64_t n = (int64_t)mem_obj_bytes(o);

	mem_obj_push(&s->dead, o);
	s->held += n;
	atomic_fetch_add(&s->vb->totals->snapshot_bytes, n);
}

static void
let_go(struct mem_snapshot *s, int64_t n)
{
	s->held -= n;
	atomic_fetch_sub(&s->vb->totals->snapshot_bytes, n);
}

void
mem_snapshot_bury(struct mem_vbucket *vb, struct mem_change *ch)
{
	while (ch->dead)
		keep(vb->newest, mem_obj_pop(&ch->dead));
}

/* A flush's leavings, while the newest snapshot from before it lives: what
 * that one sees is kept for it. */
static void
sort_doomed(struct mem_snapshot *s, struct mem_spoils *out)
{
	unsigned work = 0;

	while (s->doomed && work++ < SLICE) {
		struct mem_obj *o = mem_obj_pop(&s->doomed);

		if (mem_node_doomed(o))
			work += mem_node_expand((struct mem_node *)o,
			                        &s->doomed);
		if (o->born <= s->seqno)
			keep(s, o);
		else
			mem_obj_push(&out->gone, o);
	}
}

/* The live snapshot just older than the draining one. */
static struct mem_snapshot *
heir(const struct mem_snapshot *s)
{
	struct mem_snapshot *live = s->vb->newest;

	while (live && live->age > s->age)
		live = live->older;
	return live;
}

static void
bequeath(struct mem_snapshot *s, struct mem_snapshot *to,
         struct mem_spoils *out)
{
	unsigned work;

	for (work = 0; s->doomed && work < SLICE; work++)
		mem_obj_push(&to->doomed, mem_obj_pop(&s->doomed));
	for (; s->dead && work < SLICE; work++) {
		struct mem_obj *o = mem_obj_pop(&s->dead);

		let_go(s, (int64_t)mem_obj_bytes(o));
		if (o->born <= to->seqno)
			keep(to, o);
		else
			mem_obj_push(&out->gone, o);
	}
}

/* Nobody older: the lists go whole. */
static void
give_up(struct mem_snapshot *s, struct mem_spoils *out)
{
	out->gone = s->dead;
	out->doomed = s->doomed;
	s->dead = s->doomed = NULL;
	let_go(s, s->held);
}

static void
drain_one(struct mem_vbucket *vb, struct mem_spoils *out)
{
	struct mem_snapshot *s = vb->draining, *to = heir(s);

	if (to)
		bequeath(s, to, out);
	else
		give_up(s, out);
	if (s->dead || s->doomed)
		return;
	vb->draining = s->older;
	s->state = MEM_DRAINED;
	if (s->closed)
		free(s);
}

bool
mem_snapshot_drain(struct mem_vbucket *vb, struct mem_spoils *out)
{
	struct mem_snapshot *s;
	bool more = true;

	*out = (struct mem_spoils){ 0 };
	mem_vbucket_lock(vb);
	for (s = vb->newest; s && !s->doomed;)
		s = s->older;
	if (vb->draining) {
		drain_one(vb, out);
	} else if (vb->doomed) {
		out->doomed = vb->doomed;
		vb->doomed = NULL;
	} else if (s) {
		sort_doomed(s, out);
	} else {
		more = false;
		if (atomic_exchange(&vb->dirty, false))
			atomic_fetch_sub(&vb->totals->dirty, 1);
	}
	mem_vbucket_unlock(vb);
	return more;
}
