/* SPDX-License-Identifier: BSD-2-Clause */
/* Who waits for whom.  The keyed commands that later ones on their key wait for
 * stand in chains, newest first: those that are not done, and mutations that were
 * answered by their deadline and are away. */
#include "config.h"

#include "frontend/front.h"

void
ewb_turn_enchain(struct ewb_conn *n, struct ewb_cookie *c)
{
	struct ewb_cookie **head = ewb_conn_chain(n, c);

	if (!c->command->keyed)
		return;
	c->older = *head;
	*head = c;
	c->front_bits |= EWB_FRONT_CHAINED;
}

void
ewb_turn_unchain(struct ewb_conn *n, struct ewb_cookie *c)
{
	struct ewb_cookie **p = ewb_conn_chain(n, c);

	if (!(c->front_bits & EWB_FRONT_CHAINED))
		return;
	while (*p != c)
		p = &(*p)->older;
	*p = c->older;
	c->front_bits &= ~EWB_FRONT_CHAINED;
}

static int
behind_its_key(const struct ewb_cookie *c)
{
	for (const struct ewb_cookie *p = c->older; p; p = p->older)
		if (p->request.hash == c->request.hash)
			return 1;
	return 0;
}

/* Then it may wait for ever: nobody knows whether that mutation will be done. */
int
ewb_turn_behind_an_orphan(const struct ewb_cookie *c)
{
	if (!c->command->keyed)
		return 0;
	for (const struct ewb_cookie *p = c->older; p; p = p->older)
		if (p->request.hash == c->request.hash && p->orphan)
			return 1;
	return 0;
}

static int
behind_a_barrier(const struct ewb_conn *n, const struct ewb_cookie *c)
{
	if (n->nbarriers == 0)
		return 0; /* it is none itself, for it is counted */
	for (const struct ewb_cookie *p = c->prev; p; p = p->prev)
		if (!p->done &&
		    (p->front_bits | c->front_bits) & EWB_FRONT_BARRIER)
			return 1;
	return 0;
}

/* Quiet ones say by its answer that all is well. */
static int
behind_the_quiet(const struct ewb_cookie *c)
{
	for (const struct ewb_cookie *p = c->prev; p; p = p->prev)
		if (!p->done && (p->frame.is & EWB_IS_QUIET))
			return 1;
	return 0;
}

/* c stands in its chain, and is counted. */
int
ewb_turn_must_wait(const struct ewb_conn *n, const struct ewb_cookie *c)
{
	if (!c->command->keyed &&
	    !(c->front_bits & (EWB_FRONT_BARRIER | EWB_FRONT_FREE)))
		return 0; /* it has its place among the replies, no more */
	return (c->command->keyed && behind_its_key(c)) ||
	       behind_a_barrier(n, c) ||
	       (c->op == EWB_OP_NOOP && behind_the_quiet(c));
}
