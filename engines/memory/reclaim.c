/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "item.h"
#include "reclaim.h"
#include "state.h"

#define SLICE 512u /* objects freed in a step */
#define LEAVES 64u /* searched in a step */
#define PERIOD 10u /* seconds between searches for expired items */
#define PATIENCE 64u /* steps of a search that a store waits for */

/* An engine that evicts begins when less than this part of the limit is free,
 * and ends when it is twice as much. */
#define ROOM 64

/* Frees a slice of what was taken from a vbucket, without any lock. */
static void
free_some(struct mem *m, struct mem_spoils *s)
{
	int64_t n = 0;
	unsigned work = 0;

	for (; s->doomed && work < SLICE; work++) {
		struct mem_obj *o = mem_obj_pop(&s->doomed);

		if (mem_node_doomed(o))
			mem_node_expand((struct mem_node *)o, &s->doomed);
		n += (int64_t)mem_obj_drop(o);
	}
	for (; s->gone && work < SLICE; work++)
		n += (int64_t)mem_obj_drop(mem_obj_pop(&s->gone));
	atomic_fetch_sub(&m->totals.bytes, n);
}

/* False: there is nothing left over anywhere. */
static bool
drain(struct mem *m)
{
	struct mem_reclaim *rc = &m->reclaim;
	uint32_t i;

	if (rc->spoils.gone || rc->spoils.doomed) {
		free_some(m, &rc->spoils);
		return true;
	}
	if (atomic_load(&m->totals.dirty) == 0)
		return false;
	for (i = 0; i < m->nvbuckets; i++) {
		struct mem_vbucket *vb = &m->vbuckets[rc->drain_at];

		if (atomic_load(&vb->dirty) &&
		    mem_snapshot_drain(vb, &rc->spoils)) {
			free_some(m, &rc->spoils);
			return true;
		}
		rc->drain_at = (rc->drain_at + 1) % m->nvbuckets;
	}
	return atomic_load(&m->totals.dirty) > 0;
}

static bool
too_old(const struct mem *m)
{
	return atomic_load(&m->totals.snapshot_bytes) > m->limit / 8;
}

static bool
too_full(const struct mem *m)
{
	int64_t wanted = atomic_load(&m->reclaim.wanted);

	return wanted && atomic_load(&m->totals.bytes) + wanted > m->limit;
}

/* More bytes than an engine that evicts is to have; at most 0: it has not. */
static int64_t
excess(const struct mem *m, int64_t room)
{
	int64_t wanted = atomic_load(&m->reclaim.wanted);

	return atomic_load(&m->totals.bytes) + (wanted > room ? wanted : room) -
	       m->limit;
}

static bool
almost_full(const struct mem *m)
{
	return m->evicts && excess(m, m->limit / ROOM) > 0;
}

/* It is time to evict; and for how much. */
static bool
evicting(struct mem *m)
{
	struct mem_reclaim *rc = &m->reclaim;

	if (almost_full(m))
		rc->evicting = true;
	else if (excess(m, m->limit / ROOM * 2) <= 0)
		rc->evicting = false;
	return m->evicts && rc->evicting;
}

struct victim {
	struct mem_vbucket *vb;
	uint64_t age;
};

static void
prefer_older(struct victim *v, struct mem_vbucket *vb, uint64_t age)
{
	if (!v->vb || age < v->age)
		*v = (struct victim){ vb, age };
}

/* The oldest, first of those in vbuckets where something is kept for them;
 * the others only before a store is refused, or when nothing but what they see
 * could be evicted.  False: there was none. */
static bool
revoke_oldest(struct mem *m, bool pinned)
{
	struct victim any = { 0 }, keeper = { 0 };
	uint32_t i;

	if (atomic_load(&m->totals.live) == 0)
		return false;
	for (i = 0; i < m->nvbuckets; i++) {
		int64_t held;
		uint64_t age = mem_snapshot_oldest(&m->vbuckets[i], &held);

		if (age)
			prefer_older(&any, &m->vbuckets[i], age);
		if (age && held > 0)
			prefer_older(&keeper, &m->vbuckets[i], age);
	}
	if (!keeper.vb && (too_full(m) || pinned))
		keeper = any;
	if (keeper.vb)
		mem_snapshot_revoke(keeper.vb, keeper.age);
	return keeper.vb != NULL;
}

static void
sweep_begin(struct mem *m, uint32_t now)
{
	struct mem_reclaim *rc = &m->reclaim;

	rc->swept = now;
	rc->nsteps = 0;
	rc->sweep_at = 0;
	rc->in_vbucket = false;
	atomic_store(&rc->sweeping, true);
	/* after that: a store looks at soonest first */
	atomic_store(&m->totals.soonest, UINT32_MAX);
}

/* False: all vbuckets were searched. */
static bool
sweep_some(struct mem *m)
{
	struct mem_reclaim *rc = &m->reclaim;
	unsigned work = 0;

	while (rc->sweep_at < m->nvbuckets && work < LEAVES) {
		struct mem_vbucket *vb = &m->vbuckets[rc->sweep_at];

		if (!rc->in_vbucket)
			rc->in_vbucket = mem_vbucket_sweep_begin(vb, &rc->sweep,
			                                         rc->swept);
		if (rc->in_vbucket) {
			rc->in_vbucket = mem_vbucket_sweep(vb, &rc->sweep);
			work++;
		}
		rc->sweep_at += !rc->in_vbucket;
	}
	return rc->sweep_at < m->nvbuckets;
}

/* A search is begun at once, unless the last one helped little, though there
 * is to be room. */
static bool
urgent(struct mem *m)
{
	return m->evicts ? evicting(m) && !m->reclaim.in_vain : too_full(m);
}

/* False: nothing to do before the next period. */
static bool
sweep(struct mem *m)
{
	struct mem_reclaim *rc = &m->reclaim;
	uint32_t now = ewb_host_time(m->host);

	if (!atomic_load(&rc->sweeping)) {
		if (atomic_load(&m->totals.soonest) > now)
			return false;
		if (!urgent(m) && now - rc->swept < PERIOD)
			return false;
		sweep_begin(m, now);
	}
	rc->nsteps++;
	if (!sweep_some(m)) {
		atomic_store(&rc->sweeping, false);
		rc->in_vain = evicting(m);
	}
	return true;
}

/* What is to be revoked or waited for. */
static enum mem_after
revoke(struct mem *m, bool pinned)
{
	if (atomic_load(&m->totals.leaving) > 0)
		return MEM_WAIT;
	return revoke_oldest(m, pinned) ? MEM_MORE : MEM_IDLE;
}

static enum mem_after
evict(struct mem *m)
{
	enum mem_after after;

	switch (mem_evict_some(m, excess(m, m->limit / ROOM * 2))) {
	case MEM_EVICT_SOME:
		/* who was told so and has gone is not to mislead the next one */
		atomic_store(&m->reclaim.barren, false);
		return MEM_MORE;
	case MEM_EVICT_PINNED:
		/* the last one may have gone meanwhile: then look again */
		return revoke(m, true) == MEM_WAIT ? MEM_WAIT : MEM_MORE;
	case MEM_EVICT_NONE: break;
	}
	after = revoke(m, true);
	if (after == MEM_IDLE && too_full(m))
		atomic_store(&m->reclaim.barren, true);
	return after;
}

/* Room is wanted, and the search for what has expired is a long one. */
static bool
impatient(struct mem *m)
{
	return (m->evicts ? evicting(m) : too_full(m)) &&
	       m->reclaim.nsteps > PATIENCE;
}

enum mem_after
mem_reclaim_step(struct mem *m)
{
	int64_t wanted = atomic_load(&m->reclaim.wanted);
	enum mem_after after = MEM_IDLE;

	if (drain(m))
		return MEM_MORE;
	if (too_old(m) || (too_full(m) && !m->evicts))
		after = revoke(m, false);
	if (after != MEM_IDLE)
		return after;
	if (sweep(m) && !impatient(m))
		return MEM_MORE;
	if (evicting(m))
		after = evict(m);
	if (after != MEM_IDLE || atomic_load(&m->reclaim.sweeping))
		return after == MEM_IDLE ? MEM_MORE : after;
	/* who still wants some says so again, and pokes */
	atomic_compare_exchange_strong(&m->reclaim.wanted, &wanted, 0);
	return MEM_IDLE;
}

static void
run(struct ewb_task *t, void *arg)
{
	struct mem *m = arg;

	atomic_store(&m->reclaim.poked, false);
	switch (mem_reclaim_step(m)) {
	case MEM_MORE: ewb_task_again(t); break;
	case MEM_WAIT:
	case MEM_IDLE: ewb_task_sleep(t, PERIOD * UINT64_C(1000000)); break;
	}
}

int
mem_reclaim_open(struct mem *m)
{
	m->reclaim.swept = ewb_host_time(m->host);
	mem_evict_init(&m->reclaim.evict);
	/* not with the writers: a store that waits there waits for this */
	m->reclaim.task =
		ewb_task_new(m->host, EWB_READER, "memory-reclaim", run, m);
	if (!m->reclaim.task)
		return -1;
	ewb_task_wake(m->reclaim.task); /* begins the first period */
	return 0;
}

void
mem_reclaim_close(struct mem *m)
{
	struct mem_spoils *s = &m->reclaim.spoils;

	if (m->reclaim.task)
		ewb_task_free(m->reclaim.task);
	m->reclaim.task = NULL;
	while (s->gone || s->doomed || drain(m))
		free_some(m, s);
}

void
mem_reclaim_poke(struct mem *m)
{
	if (!atomic_load(&m->reclaim.poked) &&
	    !atomic_exchange(&m->reclaim.poked, true))
		ewb_task_wake(m->reclaim.task);
}

void
mem_reclaim_look(struct mem *m)
{
	if (too_old(m) || atomic_load(&m->totals.dirty) > 0 || almost_full(m))
		mem_reclaim_poke(m);
}

/* Nothing can be reclaimed.  Each of these goes down only after the memory has
 * come free, so when none is left the caller looks once more whether there is
 * room now. */
static bool
hopeless(struct mem *m)
{
	if (m->evicts)
		return atomic_exchange(&m->reclaim.barren, false);
	return atomic_load(&m->totals.soonest) > ewb_host_time(m->host) &&
	       !atomic_load(&m->reclaim.sweeping) &&
	       atomic_load(&m->totals.live) == 0 &&
	       atomic_load(&m->totals.dirty) == 0;
}

enum ewb_status
mem_reclaim_want(struct mem *m, size_t n)
{
	int64_t was = atomic_load(&m->reclaim.wanted);

	if (hopeless(m))
		return EWB_NO_MEMORY;
	while (was < (int64_t)n &&
	       !atomic_compare_exchange_weak(&m->reclaim.wanted, &was,
	                                     (int64_t)n))
		;
	mem_reclaim_poke(m);
	return EWB_WOULDBLOCK;
}
