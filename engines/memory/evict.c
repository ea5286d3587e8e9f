/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "evict.h"
#include "state.h"

#define VISITS 16u /* leaves in a step */

static uint64_t
draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

void
mem_evict_init(struct mem_evict *e)
{
	*e = (struct mem_evict){ .random = 0x9e3779b97f4a7c15u };
}

/* Is it one of the oldest? */
static void
note(struct mem_evict *e, uint64_t use)
{
	unsigned i = e->noldest;

	if (i == MEM_EVICT_OLDEST && use >= e->oldest[i - 1])
		return;
	if (i < MEM_EVICT_OLDEST)
		e->noldest++;
	else
		i--;
	for (; i > 0 && e->oldest[i - 1] > use; i--)
		e->oldest[i] = e->oldest[i - 1];
	e->oldest[i] = use;
}

static enum mem_evicted
visit(struct mem *m, int64_t bytes)
{
	struct mem_evict *e = &m->reclaim.evict;
	struct mem_look look = { .random = draw(&e->random),
		                 .now = ewb_host_time(m->host),
		                 .old = e->old,
		                 .bytes = bytes };
	unsigned i;

	mem_vbucket_evict(&m->vbuckets[e->at], &look);
	e->at = (e->at + 1) % m->nvbuckets;
	e->nempty = look.nseen ? 0 : e->nempty + 1;
	e->looked += look.nseen;
	e->taken += look.taken;
	e->pinned += look.pinned;
	for (i = 0; i < look.nseen; i++)
		note(e, look.seen[i]);
	return look.failed || e->nempty >= m->nvbuckets ? MEM_EVICT_NONE :
	                                                  MEM_EVICT_SOME;
}

/* What is old now, from what was seen. */
static enum mem_evicted
next_round(struct mem_evict *e)
{
	bool pinned = e->old && e->pinned && !e->taken;

	e->old = e->oldest[e->noldest - 1];
	e->looked = e->taken = e->pinned = e->noldest = 0;
	return pinned ? MEM_EVICT_PINNED : MEM_EVICT_SOME;
}

enum mem_evicted
mem_evict_some(struct mem *m, int64_t bytes)
{
	int64_t goal = atomic_load(&m->totals.bytes) - bytes;
	struct mem_evict *e = &m->reclaim.evict;
	enum mem_evicted how = MEM_EVICT_SOME;
	unsigned i;

	for (i = 0; i < VISITS && how == MEM_EVICT_SOME; i++) {
		bytes = atomic_load(&m->totals.bytes) - goal;
		if (bytes <= 0)
			break;
		how = visit(m, bytes);
		if (e->looked >= MEM_EVICT_ROUND && how == MEM_EVICT_SOME)
			how = next_round(e);
	}
	if (how == MEM_EVICT_NONE)
		e->nempty = 0;
	return how;
}

uint32_t
mem_evict_age(struct mem *m, uint32_t now)
{
	struct mem_look look = { .now = now };
	uint64_t random = now | 1, oldest = mem_use(now, true);
	unsigned i, k;

	for (i = 0; i < VISITS; i++) {
		look.random = draw(&random);
		mem_vbucket_evict(&m->vbuckets[look.random % m->nvbuckets],
		                  &look);
		for (k = 0; k < look.nseen; k++)
			if (look.seen[k] < oldest)
				oldest = look.seen[k];
	}
	return now - mem_use_time(oldest);
}
