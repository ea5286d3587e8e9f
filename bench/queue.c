/* SPDX-License-Identifier: BSD-2-Clause */
/* What a task costs the pool when so many others are queued, or asleep: one
 * line for each number of them, in nanoseconds.
 *
 *     queue [MOST]
 *
 * The pool is stepped by hand, so that nothing but its own work is measured. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/net.h"
#include "lib/pool.h"

#define TIMES 100000
#define HOUR_US 3600000000u

static enum ewb_after
run_once(struct ewb_job *j)
{
	(void)j;
	return EWB_TASK_DONE;
}

static enum ewb_after
sleep_long(struct ewb_job *j)
{
	/* No two at the same time, in no order. */
	j->sleep_us = HOUR_US + (uintptr_t)j % 999983 * 1000;
	return EWB_TASK_SLEEP;
}

static const struct ewb_job_type quick = { .name = "quick", .run = run_once };
static const struct ewb_job_type sleeper = { .name = "sleeper",
	                                     .run = sleep_long };

static struct ewb_pool *
new_pool(struct ewb_clock *clock)
{
	struct ewb_class_options o[EWB_POOL_CLASSES] = { { .name = "a" },
		                                         { .name = "b" },
		                                         { .name = "c" } };
	struct ewb_pool *p;
	int err;

	p = ewb_pool_new(o, clock, &err);
	if (p == NULL)
		net_fail("queue: no pool");
	return p;
}

static struct ewb_job *
new_jobs(size_t n, const struct ewb_job_type *type)
{
	struct ewb_job *j = calloc(n, sizeof *j);
	size_t i;

	if (j == NULL)
		net_die("queue");
	for (i = 0; i < n; i++)
		j[i].type = type;
	return j;
}

/* One goes in at the end, and the first one runs. */
static double
with_queued(size_t n)
{
	struct ewb_clock clock = { 0 };
	struct ewb_pool *p = new_pool(&clock);
	struct ewb_job *jobs = new_jobs(n + 1, &quick);
	uint64_t began;
	size_t i;

	for (i = 0; i < n; i++)
		ewb_pool_submit1(p, &jobs[i]);
	began = net_now();
	for (i = n; i < n + TIMES; i++) {
		ewb_pool_submit1(p, &jobs[i % (n + 1)]);
		ewb_pool_step(p, 0);
	}
	began = net_now() - began;
	while (ewb_pool_step(p, 0))
		;
	ewb_pool_free(p);
	free(jobs);
	return (double)began / TIMES;
}

/* One wakes up, runs and goes to sleep again. */
static double
with_asleep(size_t n)
{
	struct ewb_clock clock = { 0 };
	struct ewb_pool *p = new_pool(&clock);
	struct ewb_job *jobs = new_jobs(n, &sleeper);
	uint64_t began, seed = 88172645463325252ull;
	size_t i;

	for (i = 0; i < n; i++)
		ewb_pool_submit1(p, &jobs[i]);
	while (ewb_pool_step(p, 0))
		;
	began = net_now();
	for (i = 0; i < TIMES; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		ewb_pool_wake(p, &jobs[(seed >> 33) % n]);
		ewb_pool_step(p, 0);
	}
	began = net_now() - began;
	for (i = 0; i < n; i++)
		ewb_pool_cancel(p, &jobs[i]);
	ewb_pool_free(p);
	free(jobs);
	return (double)began / TIMES;
}

int
main(int argc, char **argv)
{
	size_t n, most = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	for (n = 1; n <= most; n *= 10)
		printf("tasks=%zu queued_ns=%.1f asleep_ns=%.1f\n", n,
		       with_queued(n), with_asleep(n));
	return 0;
}
