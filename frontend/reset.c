/* SPDX-License-Identifier: BSD-2-Clause */
/* stats reset.  A counter is its writer's alone: what it was is subtracted from
 * then on.  The histograms are made anew by those who write them. */
#include "config.h"

#include "frontend/gather.h"
#include "frontend/stats.h"
#include "lib/check.h"

static void
reset_front(struct ewb_gather *g, struct ewb_front *f)
{
	(void)g;
	ewb_now_on_front(f->d.thread);
	ewb_latency_reset(&f->d.latency);
}

static void
reset_server(struct ewb_server *s)
{
	struct ewb_core *k = &s->core;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	for (unsigned i = 0; i < EWB_NCOUNTERS; i++)
		s->base.at[i] = ewb_server_sum(s, (enum ewb_counter)i);
	ewb_blame_sum(&s->base.stale, &s->base.filling);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	for (unsigned i = 0; i < k->ngroups; i++)
		if (k->groups[i].reset)
			k->groups[i].reset(k->groups[i].arg);
}

enum ewb_status
ewb_stats_reset(struct ewb_cookie *c)
{
	if (ewb_cookie_resumed(c) != EWB_NEW) {
		c->reply.stats = 0; /* a word is the answer, no list */
		return EWB_OK;
	}
	reset_server(ewb_stats_server(c));
	return ewb_gather_begin(c, reset_front);
}
