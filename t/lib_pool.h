/* SPDX-License-Identifier: BSD-2-Clause */
/* A pool stepped by hand, and jobs that do as they are told.  A run() that
 * steps the pool, wakes or cancels is a second thread that does so in the
 * middle of it. */
#ifndef T_LIB_POOL_H
#define T_LIB_POOL_H

#include <check.h>

#include "lib/clock.h"
#include "lib/pool.h"

#define A 0 /* classes */
#define B 1

struct task {
	struct ewb_job job; /* first */
	char name;
	enum ewb_after plan[8]; /* for each run; DONE after the last */
	unsigned nplan;
	void (*within)(struct task *t); /* at the first run */
	unsigned runs, ends;
	unsigned seen; /* of noted, by the last run */
};

/* What a test plays with; play_begin() makes it anew. */
extern struct play {
	struct ewb_clock clock;
	struct ewb_pool *pool;
	struct ewb_strand strand;
	char trail[64]; /* the names of those that ran */
	unsigned noted; /* times that play_wake() was called */
} play;
extern const struct ewb_job_type play_in_a, play_in_b;

enum ewb_after play_run(struct ewb_job *j);
void play_finished(struct ewb_job *j);

/* In class A. */
struct task play_task(char name);
/* One whose first run returns this. */
struct task play_task_that(char name, enum ewb_after after);
/* One of play.strand. */
struct task play_on_strand(char name, const struct ewb_job_type *type);

void play_begin(void);
void play_end(void);
void play_begin_strand(void);
void play_end_strand(void);
void play_submit(struct task *t);
int play_cancel(struct task *t);
void play_wake(struct task *t);
void play_step_all(void);
struct ewb_class_stats play_stats(unsigned where);

TCase *lib_pool_strands(void);
TCase *lib_pool_orders(void);

#endif
