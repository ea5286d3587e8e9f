/* SPDX-License-Identifier: BSD-2-Clause */
/* What goes when there is no room: what was not used for longest, about.
 *
 * It looks at a few items of one leaf, in one vbucket after the other, each time
 * a leaf drawn by chance; and takes out those that are as old as the oldest
 * eighth of all that it has lately looked at.
 *
 * By chance, and no clock's hand: keys that are neighbours are of one age, as a
 * rule, and a hand would find but old ones, or but young ones, for long.  And a
 * leaf's at once, rather than the oldest of a few from everywhere: who has come
 * to a leaf, which is most of the work, finds more than one there. */
#ifndef MEM_EVICT_H
#define MEM_EVICT_H

#include <stdbool.h>
#include <stdint.h>

struct mem;

#define MEM_EVICT_OLDEST 32u /* an eighth of this many: */
#define MEM_EVICT_ROUND (8 * MEM_EVICT_OLDEST)

/* The task's alone. */
struct mem_evict {
	uint64_t random;
	uint32_t at;    /* vbucket */
	uint64_t old;   /* the use of what goes, or an older one; 0: not known */
	/* of this round */
	unsigned looked, taken, pinned;
	unsigned nempty; /* vbuckets, one after the other */
	unsigned noldest;
	uint64_t oldest[MEM_EVICT_OLDEST]; /* uses, in order */
};

enum mem_evicted {
	MEM_EVICT_SOME,   /* there is more to do */
	MEM_EVICT_PINNED, /* what is old is kept for snapshots */
	MEM_EVICT_NONE    /* nothing is there, or there is no memory to do it */
};

void mem_evict_init(struct mem_evict *e);
/* The task: a slice, until so many bytes are free. */
enum mem_evicted mem_evict_some(struct mem *m, int64_t bytes);

/* any: seconds since one of the oldest was used, about. */
uint32_t mem_evict_age(struct mem *m, uint32_t now);

#endif
