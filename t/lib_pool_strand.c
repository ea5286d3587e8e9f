/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <string.h>

#include "t/lib_pool.h"
#include "t/unit.h"

static void
step_both(struct task *t)
{
	(void)t;
	play_step_all();
	strcat(play.trail, ".");
}

START_TEST(jobs_of_a_strand_do_not_run_while_another_does)
{
	struct task x = play_on_strand('x', &play_in_a),
		    y = play_on_strand('y', &play_in_a);
	struct task z = play_on_strand('z', &play_in_b), other = play_task('o');

	x.within = y.within = step_both;
	play_submit(&x);
	play_submit(&y);
	play_submit(&z);
	play_submit(&other);
	play_step_all();
	ck_assert_str_eq(play.trail, "xo.y.z");
}
END_TEST

START_TEST(a_batch_keeps_a_strands_order_across_classes)
{
	struct task t[4] = { play_on_strand('1', &play_in_b),
		             play_on_strand('2', &play_in_a),
		             play_on_strand('3', &play_in_b),
		             play_on_strand('4', &play_in_a) };
	struct ewb_batch b = { 0 };

	for (int i = 0; i < 4; i++)
		ewb_batch_add(&b, &t[i].job);
	ewb_pool_submit(play.pool, &b);
	play_step_all();
	ck_assert_str_eq(play.trail, "1234");
}
END_TEST

START_TEST(one_that_waits_for_its_strand_counts_as_queued)
{
	struct task x = play_on_strand('x', &play_in_a),
		    y = play_on_strand('y', &play_in_b);

	play_submit(&x);
	play_submit(&y);
	ck_assert_uint_eq(ewb_pool_backlog(play.pool, A), 1);
	ck_assert_uint_eq(ewb_pool_backlog(play.pool, B), 1);
	ck_assert_int_eq(ewb_pool_step(play.pool, B), 0);
	play_step_all();
	ck_assert_uint_eq(ewb_pool_backlog(play.pool, B), 0);
}
END_TEST

START_TEST(a_parked_or_sleeping_job_gives_up_its_strand)
{
	struct task x = play_on_strand('x', &play_in_a),
		    y = play_on_strand('y', &play_in_b);

	x.plan[x.nplan++] = _i ? EWB_TASK_PARK : EWB_TASK_SLEEP;
	play_submit(&x);
	play_submit(&y);
	play_step_all();
	ck_assert_str_eq(play.trail, "xy");
	play_wake(&x);
	play_step_all();
	ck_assert_str_eq(play.trail, "xyx");
}
END_TEST

START_TEST(a_sleeper_takes_its_place_in_its_strand_when_it_is_due)
{
	struct task x = play_on_strand('x', &play_in_a),
		    y = play_on_strand('y', &play_in_b);
	struct task z = play_on_strand('z', &play_in_b);

	x.plan[x.nplan++] = EWB_TASK_SLEEP;
	play_submit(&x);
	play_step_all();
	play_submit(&y);
	ewb_clock_advance(&play.clock, 10);
	ck_assert_int_eq(ewb_pool_step(play.pool, A),
	                 0); /* due, but y has it */
	play_submit(&z);
	play_step_all();
	ck_assert_str_eq(play.trail, "xyxz");
}
END_TEST

START_TEST(one_that_waits_for_its_strand_can_be_cancelled)
{
	struct task t[4] = { play_on_strand('1', &play_in_a),
		             play_on_strand('2', &play_in_b),
		             play_on_strand('3', &play_in_a),
		             play_on_strand('4', &play_in_b) };

	for (int i = 0; i < 4; i++)
		play_submit(&t[i]);
	ck_assert_int_eq(play_cancel(&t[_i]), 1);
	play_step_all();
	ck_assert_uint_eq(strlen(play.trail), 3);
	ck_assert_ptr_null(strchr(play.trail, t[_i].name));
	ck_assert_uint_eq(t[_i].ends, 0);
}
END_TEST

START_TEST(waking_one_that_waits_for_its_strand_does_not_run_it_twice)
{
	struct task x = play_on_strand('x', &play_in_a),
		    y = play_on_strand('y', &play_in_a);

	play_submit(&x);
	play_submit(&y);
	play_wake(&y);
	play_step_all();
	ck_assert_str_eq(play.trail, "xy");
}
END_TEST

TCase *
lib_pool_strands(void)
{
	TCase *t = tcase_create("strands");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, play_begin_strand, play_end_strand);
	tcase_add_test(t, jobs_of_a_strand_do_not_run_while_another_does);
	tcase_add_test(t, a_batch_keeps_a_strands_order_across_classes);
	tcase_add_test(t, one_that_waits_for_its_strand_counts_as_queued);
	tcase_add_loop_test(t, a_parked_or_sleeping_job_gives_up_its_strand, 0,
	                    2);
	tcase_add_test(t,
	               a_sleeper_takes_its_place_in_its_strand_when_it_is_due);
	tcase_add_loop_test(t, one_that_waits_for_its_strand_can_be_cancelled,
	                    0, 4);
	tcase_add_test(
		t, waking_one_that_waits_for_its_strand_does_not_run_it_twice);
	return t;
}
