/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/class.h"
#include "lib/queue.h"
#include "t/alloc.h"
#include "t/lib_pool.h"
#include "t/unit.h"

START_TEST(a_job_runs_when_the_pool_is_stepped_and_ends_once)
{
	struct task t = play_task('t');

	play_submit(&t);
	ck_assert_uint_eq(t.runs, 0);
	ck_assert_int_eq(ewb_pool_step(play.pool, B), 0);
	ck_assert_int_eq(ewb_pool_step(play.pool, A), 1);
	ck_assert_uint_eq(t.runs, 1);
	ck_assert_uint_eq(t.ends, 1);
	ck_assert_int_eq(ewb_pool_step(play.pool, A), 0);
}
END_TEST

START_TEST(a_batch_runs_in_its_order_and_is_emptied)
{
	struct task t[3] = { play_task('x'), play_task('y'), play_task('z') };
	struct ewb_batch b = { 0 };

	t[1].job.type = &play_in_b;
	for (int i = 0; i < 3; i++)
		ewb_batch_add(&b, &t[i].job);
	ck_assert_uint_eq(b.n, 3);
	ewb_pool_submit(play.pool, &b);
	ck_assert_uint_eq(b.n, 0);
	ck_assert_ptr_null(b.first);
	play_step_all();
	ck_assert_str_eq(play.trail, "xzy"); /* all of a before b */
}
END_TEST

START_TEST(a_job_that_goes_again_waits_behind_the_others)
{
	struct task x = play_task_that('x', EWB_TASK_AGAIN), y = play_task('y');

	play_submit(&x);
	play_submit(&y);
	play_step_all();
	ck_assert_str_eq(play.trail, "xyx");
	ck_assert_uint_eq(x.ends, 1);
}
END_TEST

START_TEST(a_parked_job_runs_only_when_woken)
{
	struct task t = play_task_that('t', EWB_TASK_PARK);

	play_submit(&t);
	play_step_all();
	ck_assert_uint_eq(play_stats(A).parked, 1);
	ck_assert_int_eq(ewb_pool_quiet(play.pool), 1);
	play_wake(&t);
	ck_assert_uint_eq(play_stats(A).parked, 0);
	ck_assert_int_eq(ewb_pool_quiet(play.pool), 0);
	play_step_all();
	ck_assert_uint_eq(t.runs, 2);
	ck_assert_uint_eq(t.ends, 1);
}
END_TEST

START_TEST(a_sleeper_runs_at_its_time_and_not_before)
{
	struct task t = play_task_that('t', EWB_TASK_SLEEP);

	play_submit(&t);
	play_step_all();
	ck_assert_uint_eq(play_stats(A).sleeping, 1);
	ck_assert_int_eq(ewb_pool_quiet(play.pool), 0);
	ewb_clock_advance(&play.clock, 9);
	play_step_all();
	ck_assert_uint_eq(t.runs, 1);
	ewb_clock_advance(&play.clock, 1);
	play_step_all();
	ck_assert_uint_eq(t.runs, 2);
	ck_assert_uint_eq(t.ends, 1);
	ck_assert_int_eq(ewb_pool_quiet(play.pool), 1);
}
END_TEST

START_TEST(sleepers_run_in_order_of_their_time)
{
	struct task x = play_task_that('x', EWB_TASK_SLEEP);
	struct task y = play_task_that('y', EWB_TASK_SLEEP);

	x.job.sleep_us = 20;
	play_submit(&x);
	play_submit(&y);
	play_step_all();
	ewb_clock_advance(&play.clock, 100);
	play_step_all();
	ck_assert_str_eq(play.trail, "xyyx");
}
END_TEST

START_TEST(a_sleep_without_end_does_not_wrap_around)
{
	struct task t = play_task_that('t', EWB_TASK_SLEEP);

	t.job.sleep_us = UINT64_MAX;
	play_submit(&t);
	play_step_all();
	ck_assert_uint_eq(t.runs, 1);
	ck_assert_int_eq(play_cancel(&t), 1);
}
END_TEST

START_TEST(a_woken_sleeper_runs_once)
{
	struct task t = play_task_that('t', EWB_TASK_SLEEP);

	play_submit(&t);
	play_step_all();
	play_wake(&t);
	play_step_all();
	ck_assert_uint_eq(t.runs, 2);
	ewb_clock_advance(&play.clock, 100);
	play_step_all();
	ck_assert_uint_eq(t.runs, 2);
	ck_assert_uint_eq(t.ends, 1);
}
END_TEST

START_TEST(waking_an_idle_job_does_nothing)
{
	struct ewb_job j = { 0 }; /* not even a type */

	ewb_pool_wake(play.pool, &j);
	play_step_all();
	ck_assert_uint_eq(play_stats(A).ran, 0);
}
END_TEST

START_TEST(waking_a_queued_job_does_not_run_it_twice)
{
	struct task t = play_task('t');

	play_submit(&t);
	play_wake(&t);
	play_step_all();
	ck_assert_uint_eq(t.runs, 1);
}
END_TEST

static void
wake_twice(struct task *t)
{
	play_wake(t);
	play_wake(t);
}

/* Woken in its first run, in each of the three ways to go on. */
START_TEST(a_job_woken_while_it_runs_runs_again_once)
{
	const enum ewb_after how[] = { EWB_TASK_AGAIN, EWB_TASK_PARK,
		                       EWB_TASK_SLEEP };
	struct task t = play_task_that('t', how[_i]);

	t.within = wake_twice;
	t.plan[t.nplan++] = EWB_TASK_PARK;
	play_submit(&t);
	play_step_all();
	ck_assert_uint_eq(t.runs, 2);
	ck_assert_uint_eq(t.seen, 2);
	ck_assert_uint_eq(play_stats(A).parked, 1);
	ck_assert_int_eq(play_cancel(&t), 1);
}
END_TEST

START_TEST(a_job_woken_while_it_runs_ends_if_it_is_done)
{
	struct task t = play_task('t');

	t.within = wake_twice;
	play_submit(&t);
	play_step_all();
	ck_assert_uint_eq(t.runs, 1);
	ck_assert_uint_eq(t.ends, 1);
}
END_TEST

static void
wake_and_step(struct task *t)
{
	play_wake(t);
	ck_assert_int_eq(ewb_pool_step(play.pool, A), 0);
}

START_TEST(a_job_woken_while_it_runs_does_not_run_on_a_second_thread)
{
	struct task t = play_task_that('t', EWB_TASK_PARK);

	t.within = wake_and_step;
	play_submit(&t);
	ewb_pool_step(play.pool, A);
	ck_assert_uint_eq(t.runs, 1);
	play_step_all();
	ck_assert_uint_eq(t.runs, 2);
}
END_TEST

START_TEST(a_cancelled_job_neither_runs_nor_ends)
{
	struct task t[3] = { play_task('x'), play_task('y'), play_task('z') };

	/* The first, the one between and the last of the queue. */
	for (int i = 0; i < 3; i++)
		play_submit(&t[i]);
	ck_assert_int_eq(play_cancel(&t[_i]), 1);
	ck_assert_int_eq(play_cancel(&t[_i]), 0); /* it is not there any more */
	play_step_all();
	ck_assert_str_eq(play.trail, _i == 0 ? "yz" : _i == 1 ? "xz" : "xy");
	ck_assert_uint_eq(t[_i].ends, 0);
	ck_assert_uint_eq(play_stats(A).cancelled, 1);
	play_submit(&t[_i]); /* it is its owner's, for any use */
	play_step_all();
	ck_assert_uint_eq(t[_i].ends, 1);
}
END_TEST

START_TEST(a_parked_or_sleeping_job_can_be_cancelled)
{
	struct task t =
		play_task_that('t', _i ? EWB_TASK_PARK : EWB_TASK_SLEEP);

	play_submit(&t);
	play_step_all();
	ck_assert_int_eq(play_cancel(&t), 1);
	play_wake(&t);
	ewb_clock_advance(&play.clock, 100);
	play_step_all();
	ck_assert_uint_eq(t.runs, 1);
	ck_assert_uint_eq(t.ends, 0);
	ck_assert_uint_eq(play_stats(A).parked + play_stats(A).sleeping, 0);
}
END_TEST

static int cancelled;

static void
cancel_itself(struct task *t)
{
	cancelled = play_cancel(t);
	ck_assert_int_eq(cancelled, 0);
	play_wake(t);
	cancelled = play_cancel(t);
}

START_TEST(a_running_job_cannot_be_cancelled)
{
	struct task t = play_task('t');

	t.within = cancel_itself;
	play_submit(&t);
	play_step_all();
	ck_assert_int_eq(cancelled, 0);
	ck_assert_uint_eq(t.ends, 1);
}
END_TEST

static enum ewb_after
run_and_end(struct ewb_job *j)
{
	(void)j;
	return EWB_TASK_DONE;
}

static void
free_it(struct ewb_job *j)
{
	free(j);
}

START_TEST(a_finished_job_may_be_freed)
{
	static const struct ewb_job_type type = { "freed", A, run_and_end,
		                                  free_it };
	struct ewb_strand s;
	struct ewb_job *j = calloc(1, sizeof(*j));

	ck_assert_ptr_nonnull(j);
	ewb_strand_init(&s);
	j->type = &type;
	j->strand = &s;
	ewb_pool_submit1(play.pool, j);
	play_step_all();
	ck_assert_int_eq(ewb_pool_quiet(play.pool), 1);
	ewb_strand_fini(&s);
}
END_TEST

static void
submit_again(struct ewb_job *j)
{
	play_finished(j);
	if (((struct task *)j)->ends < 3)
		ewb_pool_submit1(play.pool, j);
}

START_TEST(a_finished_job_may_be_submitted_again)
{
	static const struct ewb_job_type type = { "again", A, play_run,
		                                  submit_again };
	struct task t = play_task('t');

	t.job.type = &type;
	play_submit(&t);
	play_step_all();
	ck_assert_uint_eq(t.runs, 3);
}
END_TEST

static int quiet_within;

static void
look_whether_quiet(struct ewb_job *j)
{
	(void)j;
	quiet_within = ewb_pool_quiet(play.pool);
}

START_TEST(the_pool_is_not_quiet_before_the_last_has_finished)
{
	static const struct ewb_job_type type = { "look", A, play_run,
		                                  look_whether_quiet };
	struct task t = play_task('t');

	t.job.type = &type;
	quiet_within = 1;
	play_submit(&t);
	play_step_all();
	ck_assert_int_eq(quiet_within, 0);
	ck_assert_int_eq(ewb_pool_quiet(play.pool), 1);
}
END_TEST

/* What is counted. */

START_TEST(the_statistics_say_what_has_happened)
{
	struct task x = play_task('x'), y = play_task_that('y', EWB_TASK_AGAIN);
	struct ewb_class_stats s;

	play_submit(&x);
	play_submit(&y);
	ewb_clock_advance(&play.clock, 5);
	ck_assert_uint_eq(play_stats(A).queued, 2);
	play_step_all();
	s = play_stats(A);
	ck_assert_str_eq(s.name, "a");
	ck_assert_uint_eq(s.submitted, 2);
	ck_assert_uint_eq(s.ran, 3);
	ck_assert_uint_eq(s.queued + s.running + s.wakes, 0);
	ck_assert_uint_eq(s.wait_us.count, 3);
	ck_assert_uint_eq(s.wait_us.sum, 10);
	ck_assert_uint_eq(s.wait_us.max, 5);
	ck_assert_uint_eq(s.run_us.count, 3);
}
END_TEST

static void
take_5_us(struct task *t)
{
	(void)t;
	ewb_clock_advance(&play.clock, 5);
}

static unsigned ntypes;
static uint64_t count_of_same, sum_of_same;

static void
see_type(void *arg, const char *name, const struct ewb_hist *wait_us,
         const struct ewb_hist *run_us)
{
	ck_assert_ptr_eq(arg, &ntypes);
	ck_assert_uint_eq(wait_us->count, run_us->count);
	ntypes++;
	if (strcmp(name, "same") == 0) {
		count_of_same = run_us->count;
		sum_of_same = run_us->sum;
	}
}

START_TEST(a_reset_makes_counts_and_histograms_anew_but_not_what_is_there)
{
	struct task done = play_task('x'), parks = play_task_that('y', EWB_TASK_PARK);
	struct task later = play_task('z');
	struct ewb_class_stats s;

	done.within = later.within = take_5_us;
	play_submit(&done);
	play_submit(&parks);
	play_step_all();
	ewb_pool_reset(play.pool);
	s = play_stats(A);
	ck_assert_uint_eq(s.submitted + s.ran + s.cancelled + s.wakes, 0);
	ck_assert_uint_eq(s.run_us.count + s.run_us.max + s.wait_us.count, 0);
	ck_assert_uint_eq(s.parked, 1);
	ck_assert_str_eq(ewb_job_state_name(&parks.job), "parked");
	ck_assert_ptr_null(ewb_job_state_name(&done.job));
	play_submit(&later);
	play_step_all();
	s = play_stats(A);
	ck_assert_uint_eq(s.ran, 1);
	ck_assert_uint_eq(s.run_us.sum, 5);
	ck_assert_int_eq(play_cancel(&parks), 1);
}
END_TEST

START_TEST(task_types_are_told_apart_by_name)
{
	struct ewb_job_type same[2] = { { "same", A, play_run, play_finished },
		                        { "same", B, play_run,
		                          play_finished } };
	struct task t[3] = { play_task('x'), play_task('y'), play_task('z') };

	for (int i = 0; i < 3; i++) {
		t[i].within = take_5_us;
		if (i)
			t[i].job.type = &same[i - 1];
		play_submit(&t[i]);
	}
	play_step_all();
	same[0].name = "other"; /* another plugin at the same place */
	play_submit(&t[1]);
	play_step_all();
	ntypes = 0;
	ewb_pool_types(play.pool, see_type, &ntypes);
	ck_assert_uint_eq(ntypes, 3);
	ck_assert_uint_eq(count_of_same, 2);
	ck_assert_uint_eq(sum_of_same, 10);
}
END_TEST

static void
every_way_once(struct task *t)
{
	t->runs = 0;
	play_submit(t);
	play_step_all();
	play_wake(t);
	play_step_all();
	ewb_clock_advance(&play.clock, 100);
	play_step_all();
	memset(play.trail, 0, sizeof(play.trail));
}

START_TEST(steady_state_allocates_nothing)
{
	struct task t = play_task('t');
	uint64_t before;

	t.plan[t.nplan++] = EWB_TASK_PARK;
	t.plan[t.nplan++] = EWB_TASK_AGAIN;
	t.plan[t.nplan++] = EWB_TASK_SLEEP;
	every_way_once(&t);
	before = ewb_alloc_count();
	for (int i = 0; i < 100; i++)
		every_way_once(&t);
	ck_assert_uint_eq(ewb_alloc_count(), before);
	ck_assert_uint_eq(t.ends, 101);
}
END_TEST

START_TEST(a_thread_is_called_when_none_is_on_its_way)
{
	const struct ewb_class_options o = { .name = "a" };
	struct ewb_class c;
	struct task t[2] = { play_task('x'), play_task('y') };

	ewb_class_init(&c, &o, &play.clock, &c);
	c.resting = 3; /* so it believes */
	for (int i = 0; i < 2; i++) {
		ewb_class_push(&c, &t[i].job);
		ewb_class_call(&c);
		ck_assert_uint_eq(c.wakes, 1);
	}
	c.coming = false; /* it has come, and takes one */
	ewb_queue_drop(&c.queue, &t[0].job);
	ewb_class_call(&c);
	ck_assert_uint_eq(c.wakes, 2);
	ck_assert_uint_eq(c.resting, 1);
	ewb_queue_drop(&c.queue, &t[1].job);
	ewb_class_fini(&c);
}
END_TEST

static TCase *
stepped(void)
{
	TCase *t = tcase_create("stepped");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, play_begin, play_end);
	tcase_add_test(t, a_job_runs_when_the_pool_is_stepped_and_ends_once);
	tcase_add_test(t, a_batch_runs_in_its_order_and_is_emptied);
	tcase_add_test(t, a_job_that_goes_again_waits_behind_the_others);
	tcase_add_test(t, a_parked_job_runs_only_when_woken);
	tcase_add_test(t, a_sleeper_runs_at_its_time_and_not_before);
	tcase_add_test(t, sleepers_run_in_order_of_their_time);
	tcase_add_test(t, a_sleep_without_end_does_not_wrap_around);
	tcase_add_test(t, a_woken_sleeper_runs_once);
	tcase_add_test(t, waking_an_idle_job_does_nothing);
	tcase_add_test(t, waking_a_queued_job_does_not_run_it_twice);
	tcase_add_loop_test(t, a_job_woken_while_it_runs_runs_again_once, 0, 3);
	tcase_add_test(t, a_job_woken_while_it_runs_ends_if_it_is_done);
	tcase_add_test(
		t, a_job_woken_while_it_runs_does_not_run_on_a_second_thread);
	tcase_add_loop_test(t, a_cancelled_job_neither_runs_nor_ends, 0, 3);
	tcase_add_loop_test(t, a_parked_or_sleeping_job_can_be_cancelled, 0, 2);
	tcase_add_test(t, a_running_job_cannot_be_cancelled);
	tcase_add_test(t, a_finished_job_may_be_freed);
	tcase_add_test(t, a_finished_job_may_be_submitted_again);
	tcase_add_test(t, the_pool_is_not_quiet_before_the_last_has_finished);
	tcase_add_test(t, the_statistics_say_what_has_happened);
	tcase_add_test(
		t,
		a_reset_makes_counts_and_histograms_anew_but_not_what_is_there);
	tcase_add_test(t, task_types_are_told_apart_by_name);
	tcase_add_test(t, a_thread_is_called_when_none_is_on_its_way);
	tcase_add_test(t, steady_state_allocates_nothing);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("lib/pool");

	suite_add_tcase(s, stepped());
	suite_add_tcase(s, lib_pool_strands());
	suite_add_tcase(s, lib_pool_orders());
	return unit_run(s);
}
