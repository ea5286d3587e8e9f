/* SPDX-License-Identifier: BSD-2-Clause */
/* All orders of an offloaded task's life and what may end it. */
#include "config.h"

#include "t/cookie_play.h"
#include "t/explore.h"

#define DEADLINE (2500 * 1000)

static struct {
	struct script *s;
	struct call *k;
	bool begun, ended, told_before_begun;
} race;

static void *
begin_task(void)
{
	play_begin();
	memset(&race, 0, sizeof race);
	race.s = script_for("k");
	race.s->offload = true;
	race.s->plan[0] = SCRIPT_PARK;
	race.s->nplan = 1;
	race.k = play_set(0, "k", "v");
	return &race;
}

static void
task_submit(void *x)
{
	(void)x;
	play_turn(0);
}

static void
task_step(void *x)
{
	(void)x;
	play_task();
}

static void
task_wake(void *x)
{
	(void)x;
	if (race.k->cookie)
		ewb_task_wake(&race.k->cookie->task);
}

static void
note_end(void)
{
	if (!race.ended)
		race.told_before_begun = race.s->task_runs == 0;
	race.ended = true;
}

static void
task_hang_up(void *x)
{
	(void)x;
	note_end();
	play_hang_up(race.k);
}

static void
task_deadline(void *x)
{
	(void)x;
	note_end();
	play_pass(DEADLINE);
}

static void
task_letter(void *x)
{
	(void)x;
	play_letter(0);
}

static void
task_settle(void *x)
{
	(void)x;
	play_settle();
	if (race.k->cookie)
		ewb_task_wake(&race.k->cookie->task);
	play_settle();
}

static const char *
task_check(void *x)
{
	(void)x;
	if (race.told_before_begun && race.s->task_runs)
		return "it ran though it was cancelled before it had begun";
	if (!race.ended && race.s->task_runs != 2)
		return "it did not run twice";
	if (race.s->task_runs > 3)
		return "it ran too often";
	if (!race.k->released || race.k->done > 1)
		return "it did not come home once";
	if (race.s->cancels > 1)
		return "the engine was told twice";
	return play_left();
}

static void
task_end(void *x)
{
	(void)x;
	play_end();
}

static const struct ewb_event life[] = {
	{ "submit", task_submit, NULL, false },
	{ "step", task_step, NULL, false },
	{ "wake", task_wake, NULL, true },
	{ "second step", task_step, NULL, true },
	{ "hang up", task_hang_up, NULL, true },
	{ "deadline", task_deadline, NULL, true },
	{ "letter", task_letter, NULL, false },
};

START_TEST(a_task_cancelled_in_any_order_ends_once)
{
	const struct ewb_scenario s = { .name = "task",
		                        .events = life,
		                        .nevents = 7,
		                        .setup = begin_task,
		                        .settle = task_settle,
		                        .check = task_check,
		                        .teardown = task_end };

	ck_assert_uint_gt(ewb_explore(&s), 5000);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: orders of tasks");
	TCase *t = tcase_create("all orders");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_task_cancelled_in_any_order_ends_once);
	suite_add_tcase(s, t);
	return unit_run(s);
}
