/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "t/lib_pool.h"

struct play play;

enum ewb_after
play_run(struct ewb_job *j)
{
	struct task *t = (struct task *)j;
	size_t len = strlen(play.trail);
	unsigned n = t->runs++;

	play.trail[len] = t->name;
	t->seen = play.noted;
	if (n == 0 && t->within)
		t->within(t);
	return n < t->nplan ? t->plan[n] : EWB_TASK_DONE;
}

void
play_finished(struct ewb_job *j)
{
	((struct task *)j)->ends++;
}

const struct ewb_job_type play_in_a = { "in a", A, play_run, play_finished };
const struct ewb_job_type play_in_b = { "in b", B, play_run, play_finished };

struct task
play_task(char name)
{
	return (struct task){ .job = { .type = &play_in_a, .sleep_us = 10 },
		              .name = name };
}

struct task
play_task_that(char name, enum ewb_after after)
{
	struct task t = play_task(name);

	t.plan[t.nplan++] = after;
	return t;
}

void
play_begin(void)
{
	const struct ewb_class_options o[EWB_POOL_CLASSES] = {
		{ .name = "a" }, { .name = "b" }, { .name = "c" }
	};
	int err;

	ewb_clock_set(&play.clock, 1000);
	memset(play.trail, 0, sizeof(play.trail));
	play.noted = 0;
	play.pool = ewb_pool_new(o, &play.clock, &err);
	ck_assert_ptr_nonnull(play.pool);
}

void
play_end(void)
{
	ewb_pool_free(play.pool);
}

void
play_submit(struct task *t)
{
	ewb_pool_submit1(play.pool, &t->job);
}

int
play_cancel(struct task *t)
{
	return ewb_pool_cancel(play.pool, &t->job);
}

void
play_wake(struct task *t)
{
	play.noted++;
	ewb_pool_wake(play.pool, &t->job);
}

void
play_step_all(void)
{
	while (ewb_pool_step(play.pool, A) || ewb_pool_step(play.pool, B))
		;
}

struct ewb_class_stats
play_stats(unsigned where)
{
	struct ewb_class_stats s;

	ewb_pool_stats(play.pool, where, &s);
	return s;
}

void
play_begin_strand(void)
{
	play_begin();
	ewb_strand_init(&play.strand);
}

void
play_end_strand(void)
{
	ewb_strand_fini(&play.strand);
	play_end();
}

struct task
play_on_strand(char name, const struct ewb_job_type *type)
{
	struct task t = play_task(name);

	t.job.type = type;
	t.job.strand = &play.strand;
	return t;
}
