/* SPDX-License-Identifier: BSD-2-Clause */
/* All orders of what can happen to one job at once. */
#include "config.h"

#include <check.h>

#include "t/explore.h"
#include "t/lib_pool.h"
#include "t/unit.h"

static struct task racer, rival;
static int taken_out; /* what cancel said */
static unsigned runs_then;

static void
race_step(void *ctx)
{
	(void)ctx;
	ewb_pool_step(play.pool, A);
}

static void
race_wake(void *ctx)
{
	(void)ctx;
	play_wake(&racer);
}

static void
race_cancel(void *ctx)
{
	(void)ctx;
	taken_out = play_cancel(&racer);
	runs_then = racer.runs;
}

static void
race_time(void *ctx)
{
	(void)ctx;
	ewb_clock_advance(&play.clock, 10);
}

static void
race_rival(void *ctx)
{
	(void)ctx;
	play_submit(&rival);
}

static void
race_settle(void *ctx)
{
	(void)ctx;
	play_step_all();
	ewb_clock_advance(&play.clock, 1000);
	play_step_all();
}

static void
race_begin(struct task t)
{
	play_begin_strand();
	racer = t;
	rival = play_on_strand('r', &play_in_b);
	taken_out = 0;
	play_submit(&racer);
}

static void
race_end(void *ctx)
{
	(void)ctx;
	play_cancel(&racer);
	play_end_strand();
}

static void *
parks_for_ever(void)
{
	struct task t = play_task('t');

	for (t.nplan = 0; t.nplan < 8; t.nplan++)
		t.plan[t.nplan] = EWB_TASK_PARK;
	race_begin(t);
	return &racer;
}

static void
wake_twice(struct task *t)
{
	play_wake(t);
	play_wake(t);
}

/* It parks again and again, and is woken in the middle of the first run. */
static void *
parks_and_is_woken_within(void)
{
	parks_for_ever();
	racer.within = wake_twice;
	return &racer;
}

static const char *
has_seen_all(void *ctx)
{
	(void)ctx;
	if (racer.seen != play.noted)
		return "a wake was lost";
	if (racer.runs > play.noted + 1)
		return "it ran without a reason";
	return play_stats(A).parked == 1 ? NULL : "it is not parked";
}

static const struct ewb_event wakes_and_steps[] = {
	{ "wake", race_wake, NULL, false },
	{ "step", race_step, NULL, false },
	{ "wake again", race_wake, NULL, false },
	{ "step again", race_step, NULL, true },
	{ "wake a third time", race_wake, NULL, true },
};

START_TEST(no_order_of_park_and_wake_loses_a_wake)
{
	const struct ewb_scenario s = {
		.name = "park and wake",
		.events = wakes_and_steps,
		.nevents = 5,
		.setup = _i ? parks_and_is_woken_within : parks_for_ever,
		.settle = race_settle,
		.check = has_seen_all,
		.teardown = race_end,
	};

	ck_assert_uint_eq(ewb_explore(&s), 120 + 24 + 24 + 6);
}
END_TEST

static void *
sleeps_then_ends(void)
{
	race_begin(play_task_that('t', EWB_TASK_SLEEP));
	return &racer;
}

static void *
parks_then_ends(void)
{
	race_begin(play_task_that('t', EWB_TASK_PARK));
	return &racer;
}

static void *
on_a_strand_sleeps_then_ends(void)
{
	struct task t = play_on_strand('t', &play_in_a);

	t.plan[t.nplan++] = EWB_TASK_SLEEP;
	race_begin(t);
	return &racer;
}

static const char *
ended_or_was_cancelled(void *ctx)
{
	const struct task *t = ctx;

	if (taken_out && (t->ends || t->runs != runs_then))
		return "it was taken out, and ran";
	if (taken_out)
		return NULL;
	if (t->plan[0] == EWB_TASK_PARK && t->runs == 1)
		return play_stats(A).parked == 1 ? NULL : "parked, it is lost";
	if (t->ends != 1 || t->runs != 2)
		return "it did not run twice and end";
	return NULL;
}

START_TEST(no_order_of_wake_cancel_and_time_runs_too_often_or_too_seldom)
{
	const struct ewb_event e[] = { { "step", race_step, NULL, false },
		                       { "wake", race_wake, NULL, false },
		                       { "cancel", race_cancel, NULL, true },
		                       { "time", race_time, NULL, true },
		                       { "step again", race_step, NULL,
		                         false } };
	void *(*const setups[])(void) = { sleeps_then_ends, parks_then_ends,
		                          on_a_strand_sleeps_then_ends };
	const struct ewb_scenario s = {
		.name = "wake, cancel and time",
		.events = e,
		.nevents = 5,
		.setup = setups[_i],
		.settle = race_settle,
		.check = ended_or_was_cancelled,
		.teardown = race_end,
	};

	ck_assert_uint_eq(ewb_explore(&s), 120 + 24 + 24 + 6);
}
END_TEST

static const char *
both_had_their_turn(void *ctx)
{
	if (rival.ends != 1)
		return "the rival waits for ever";
	return ended_or_was_cancelled(ctx);
}

START_TEST(no_order_of_cancel_and_wake_keeps_a_strand_from_the_next)
{
	const struct ewb_event e[] = { { "rival", race_rival, NULL, false },
		                       { "step", race_step, NULL, false },
		                       { "wake", race_wake, NULL, true },
		                       { "cancel", race_cancel, NULL, true },
		                       { "time", race_time, NULL, true } };
	const struct ewb_scenario s = {
		.name = "strand and cancel",
		.events = e,
		.nevents = 5,
		.setup = on_a_strand_sleeps_then_ends,
		.settle = race_settle,
		.check = both_had_their_turn,
		.teardown = race_end,
	};

	ck_assert_uint_eq(ewb_explore(&s), 120 + 3 * 24 + 3 * 6 + 2);
}
END_TEST

TCase *
lib_pool_orders(void)
{
	TCase *t = tcase_create("all orders");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, no_order_of_park_and_wake_loses_a_wake, 0, 2);
	tcase_add_loop_test(
		t,
		no_order_of_wake_cancel_and_time_runs_too_often_or_too_seldom,
		0, 3);
	tcase_add_test(
		t, no_order_of_cancel_and_wake_keeps_a_strand_from_the_next);
	return t;
}
