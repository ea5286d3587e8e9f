/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "t/explore.h"

/* A path down the tree of orders. */
struct path {
	const struct ewb_scenario *s;
	uint32_t among;                  /* the events of this round */
	size_t n;                        /* how many they are */
	size_t depth;                    /* how far this run came */
	size_t runs;
	size_t chosen[EWB_EXPLORE_MAX];  /* event at each depth */
	uint32_t other[EWB_EXPLORE_MAX]; /* what else could be chosen there */
};

static char order[EWB_EXPLORE_MAX * 40];

const char *
ewb_explore_order(void)
{
	return order;
}

static void
note(const char *name)
{
	size_t len = strlen(order);

	snprintf(order + len, sizeof(order) - len, "%s%s", len ? ", " : "",
	         name);
}

/* Of what else could be chosen: with a thread sanitizer half, with another one
 * three quarters. */
static uint32_t
sample(const struct path *p, size_t d, uint32_t set)
{
#ifdef UNIT_SANITIZED
	uint64_t h = ((p->runs + 1) * 31 + d) * 0x9e3779b97f4a7c15u;
	uint32_t some = (uint32_t)(h >> 9);

#ifndef UNIT_TSAN
	some |= (uint32_t)(h >> 32);
#endif
	if (p->s->sampled)
		return set & some;
#endif
	(void)p;
	(void)d;
	return set;
}

static uint32_t
candidates(const struct path *p, uint32_t done, void *ctx)
{
	uint32_t set = 0;

	for (size_t i = 0; i < p->s->nevents; i++) {
		const struct ewb_event *e = &p->s->events[i];
		uint32_t bit = (uint32_t)1 << i;

		if ((p->among & bit) && !(done & bit) &&
		    (!e->enabled || e->enabled(ctx)))
			set |= bit;
	}
	return set;
}

/* The first known steps of the path again, then the first choice wherever
 * there is one.  True: all events have happened. */
static bool
walk(struct path *p, size_t known, void *ctx)
{
	uint32_t done = 0;
	size_t d;

	order[0] = '\0';
	for (d = 0; d < p->n; d++) {
		if (d >= known) {
			uint32_t set = candidates(p, done, ctx);

			if (!set)
				break;
			p->chosen[d] = (size_t)__builtin_ctz(set);
			p->other[d] = sample(p, d, set & (set - 1));
		}
		done |= (uint32_t)1 << p->chosen[d];
		note(p->s->events[p->chosen[d]].name);
		p->s->events[p->chosen[d]].run(ctx);
	}
	p->depth = d;
	return d == p->n;
}

/* Turns to the next path; how much of it is known already, 0: no more. */
static size_t
turn(struct path *p)
{
	size_t d = p->depth;

	while (d > 0) {
		uint32_t set = p->other[--d];

		if (!set)
			continue;
		p->chosen[d] = (size_t)__builtin_ctz(set);
		p->other[d] = set & (set - 1);
		return d + 1;
	}
	return 0;
}

static size_t
explore_among(const struct ewb_scenario *s, uint32_t among, const char **wrong)
{
	struct path p = { .s = s, .among = among };
	size_t known = 0, orders = 0;

	p.n = (size_t)__builtin_popcount(among);
	do {
		void *ctx = s->setup();
		bool complete = walk(&p, known, ctx);

		p.runs++;
		if (s->settle)
			s->settle(ctx);
		if (complete) {
			orders++;
			*wrong = s->check(ctx);
		}
		/* What went wrong may not be fit to be taken down. */
		if (*wrong)
			break;
		s->teardown(ctx);
		known = turn(&p);
	} while (known);
	return orders;
}

size_t
ewb_explore_find(const struct ewb_scenario *s, const char **wrong)
{
	uint32_t optional = 0, all = ((uint32_t)1 << s->nevents) - 1, with;
	size_t orders = 0;

	ck_assert_uint_le(s->nevents, EWB_EXPLORE_MAX);
	for (size_t i = 0; i < s->nevents; i++) {
		if (s->events[i].optional)
			optional |= (uint32_t)1 << i;
	}
	*wrong = NULL;
	/* Every subset of the optional ones, from all of them to none. */
	for (with = optional;; with = (with - 1) & optional) {
		orders += explore_among(s, (all & ~optional) | with, wrong);
		if (*wrong || !with)
			return orders;
	}
}

size_t
ewb_explore(const struct ewb_scenario *s)
{
	const char *wrong;
	size_t orders = ewb_explore_find(s, &wrong);

	if (wrong) {
		fprintf(stderr, "%s: in the order %s: %s\n", s->name, order,
		        wrong);
		ck_abort_msg("%s: in the order %s: %s", s->name, order, wrong);
	}
	return orders;
}
