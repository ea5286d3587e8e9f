/* SPDX-License-Identifier: BSD-2-Clause */
/* A parent that blocks itself and runs children that block, as a filter would:
 *
 *      block ─▶ child get ─▶ block ─▶ child set ─▶ done
 *
 * Four waits, 0 to 3.  One parent on each front end. */
#ifndef T_COOKIE_PARENT_H
#define T_COOKIE_PARENT_H

#include "t/cookie_play.h"

#define PARENT_OP EWB_OP_VERBOSITY /* it has no other use here */
#define PARENT_DEADLINE (2500 * 1000)

struct parent {
	struct call *k;
	struct script *own;       /* of the parent's own blocks */
	struct script *get, *set; /* of its children */
	unsigned runs, destroys;
	enum ewb_status resumed[8];
	struct ewb_ticket tickets[4]; /* its own */
	unsigned ntickets;
	unsigned notified; /* blocks, by parent_notify() */
	char seen[64];     /* what the child's get answered */
};

/* Runs one on that front end. */
struct parent *parent_begin(unsigned front);
/* Blocks so far, its own and its children's. */
unsigned parent_blocks(const struct parent *p);
/* Whose block that wait is, and its ticket. */
struct script *parent_waits_for(struct parent *p, unsigned wait);
struct ewb_ticket parent_ticket(struct parent *p, unsigned wait);
/* Notifies the block that is next. */
void parent_notify(struct parent *p);

#endif
