/* SPDX-License-Identifier: BSD-2-Clause */
/* stats latency: the front ends' histograms, and those of the pool's tasks. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/gather.h"
#include "frontend/stats.h"

struct sum {
	struct ewb_hist of[EWB_NOPS][EWB_NPHASES];
	struct ewb_hist queue[EWB_NOPS], run[EWB_NOPS]; /* of tasks, us */
};

static void
add_front(struct ewb_gather *g, struct ewb_front *f)
{
	const struct ewb_latency *l = &f->d.latency;
	struct sum *s;

	if (g->sum == NULL)
		g->sum = calloc(1, sizeof *s);
	s = g->sum;
	for (unsigned op = 0; s && op < EWB_NOPS; op++)
		for (unsigned p = 0; l->of[op] && p < EWB_NPHASES; p++)
			ewb_hist_merge(&s->of[op][p], &l->of[op][p]);
}

/* A command's tasks have its name. */
static void
add_type(void *arg, const char *name, const struct ewb_hist *wait_us,
         const struct ewb_hist *run_us)
{
	struct sum *s = arg;
	unsigned op = 0;

	while (op < EWB_NOPS && strcmp(name, ewb_op_name((enum ewb_op)op)))
		op++;
	if (op == EWB_NOPS)
		return;
	ewb_hist_merge(&s->queue[op], wait_us);
	ewb_hist_merge(&s->run[op], run_us);
}

static void
say(struct ewb_cookie *c, const char *op, const char *phase,
    const struct ewb_hist *h,
    void (*add)(struct ewb_cookie *c, const char *prefix,
                const struct ewb_hist *h))
{
	char prefix[64];

	if (h->count == 0)
		return;
	snprintf(prefix, sizeof prefix, "latency_%s_%s", op, phase);
	add(c, prefix, h);
}

static void
say_op(struct ewb_cookie *c, const char *op, const struct ewb_hist *of,
       const struct ewb_hist *queue, const struct ewb_hist *run)
{
	struct ewb_hist background = of[EWB_PHASE_AWAY];

	ewb_hist_merge(&background, run);
	say(c, op, "parse", &of[EWB_PHASE_PARSE], ewb_stats_hist_ns);
	say(c, op, "run", &of[EWB_PHASE_RUN], ewb_stats_hist_ns);
	say(c, op, "queue", queue, ewb_stats_hist_us);
	say(c, op, "background", &background, ewb_stats_hist_us);
	say(c, op, "notify", &of[EWB_PHASE_NOTIFY], ewb_stats_hist_us);
	say(c, op, "drain", &of[EWB_PHASE_DRAIN], ewb_stats_hist_ns);
}

enum ewb_status
ewb_stats_latency(struct ewb_cookie *c)
{
	struct ewb_gather *g;
	struct sum *s;

	if (ewb_cookie_resumed(c) == EWB_NEW)
		return ewb_gather_begin(c, add_front);
	g = c->state;
	s = g->sum;
	if (s == NULL)
		return EWB_NO_MEMORY;
	ewb_pool_types(c->dispatch->core->pool, add_type, s);
	for (unsigned op = 0; op < EWB_NOPS; op++)
		say_op(c, ewb_op_name((enum ewb_op)op), s->of[op], &s->queue[op],
		       &s->run[op]);
	return EWB_OK;
}
