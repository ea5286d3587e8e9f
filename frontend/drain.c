/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>

#include "frontend/drain.h"
#include "frontend/front.h"

/* Of a connection, at most; the answers after those are not followed. */
#define FOLLOWED_MAX 256

static struct ewb_drain *
take(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_drain *d = f->drains;

	if (d)
		f->drains = d->next;
	else
		d = malloc(sizeof *d);
	return d;
}

static void
pop(struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;
	struct ewb_drain *d = n->drains;

	n->drains = d->next;
	if (n->drains == NULL)
		n->last_drain = NULL;
	n->ndrains--;
	d->next = f->drains;
	f->drains = d;
}

static void
append(struct ewb_conn *n, const struct ewb_drain *new) EWB_ON_FRONT
{
	struct ewb_drain *d = n->ndrains < FOLLOWED_MAX ? take(n->front) : NULL;

	if (d == NULL)
		return;
	*d = *new;
	if (n->last_drain)
		n->last_drain->next = d;
	else
		n->drains = d;
	n->last_drain = d;
	n->ndrains++;
}

void
ewb_drain_begin(struct ewb_conn *n, const struct ewb_cookie *c)
{
	struct ewb_drain *last = n->last_drain;
	struct ewb_drain new = {
		.op = c->op,
		.n = c->nblocks ? 1 : EWB_SAMPLE,
		.ready_ns = c->nblocks ? c->ended_at * 1000 : c->ran_at,
		.until = n->out.sent + n->out.bytes,
	};

	if (n->out.bytes == 0 || c->undone)
		return;
	if (last && last->op == new.op && last->ready_ns == new.ready_ns) {
		last->n += new.n;
		last->until = new.until;
		return;
	}
	append(n, &new);
}

void
ewb_drain_look(struct ewb_conn *n)
{
	struct ewb_front *f = n->front;
	struct ewb_drain *d = n->drains;
	uint64_t now;

	if (d == NULL || d->until > n->out.sent)
		return;
	now = ewb_clock_ns(&f->server->core.clock);
	for (; (d = n->drains) != NULL && d->until <= n->out.sent; pop(n))
		ewb_latency_add(&f->d.latency, d->op, EWB_PHASE_DRAIN,
		                now > d->ready_ns ? now - d->ready_ns : 0, d->n);
}

void
ewb_drain_drop(struct ewb_conn *n)
{
	while (n->drains)
		pop(n);
}

void
ewb_drain_fini(struct ewb_front *f)
{
	struct ewb_drain *d;

	while ((d = f->drains) != NULL) {
		f->drains = d->next;
		free(d);
	}
}
