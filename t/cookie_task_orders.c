/* SPDX-License-Identifier: BSD-2-Clause */
/* All orders of an offloaded task's life and what may end it, on one front end
 * and on two. */
#include "config.h"

#include "t/cookie_play.h"
#include "t/explore.h"

#define DEADLINE (2500 * 1000)

/* Parks once, then answers. */
static struct {
	unsigned n; /* front ends */
	struct script *s[PLAY_FRONTS];
	struct call *k[PLAY_FRONTS];
	bool ended[PLAY_FRONTS], told_before_begun[PLAY_FRONTS];
} race;

static void *
race_begin(void)
{
	static const char *const keys[] = { "k0", "k1" };

	play_begin();
	for (unsigned i = 0; i < race.n; i++) {
		race.ended[i] = race.told_before_begun[i] = false;
		race.s[i] = script_for(keys[i]);
		race.s[i]->offload = true;
		race.s[i]->plan[0] = SCRIPT_PARK;
		race.s[i]->nplan = 1;
		race.k[i] = play_set(i, keys[i], "v");
	}
	return &race;
}

static void
race_end(void *x)
{
	(void)x;
	play_end();
}

static void
submit_0(void *x)
{
	(void)x;
	play_turn(0);
}

static void
submit_1(void *x)
{
	(void)x;
	play_turn(1);
}

static void
step(void *x)
{
	(void)x;
	play_task();
}

static void
wake(void *x)
{
	(void)x;
	if (race.k[0]->cookie)
		ewb_task_wake(&race.k[0]->cookie->task);
}

static void
note_end(unsigned i)
{
	if (!race.ended[i])
		race.told_before_begun[i] = race.s[i]->task_runs == 0;
	race.ended[i] = true;
}

static void
hang_up(void *x)
{
	(void)x;
	note_end(0);
	play_hang_up(race.k[0]);
}

static void
deadline(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.n; i++)
		note_end(i);
	play_pass(DEADLINE);
}

static void
letter_0(void *x)
{
	(void)x;
	play_letter(0);
}

static void
letter_1(void *x)
{
	(void)x;
	play_letter(1);
}

static void
settle(void *x)
{
	(void)x;
	play_settle();
	for (unsigned i = 0; i < race.n; i++)
		if (race.k[i]->cookie)
			ewb_task_wake(&race.k[i]->cookie->task);
	play_settle();
}

static const char *
check_one(unsigned i)
{
	struct script *s = race.s[i];

	if (race.told_before_begun[i] && s->task_runs)
		return "it ran though it was cancelled before it had begun";
	if (!race.ended[i] && s->task_runs != 2)
		return "it did not run twice";
	if (s->task_runs > 3)
		return "it ran too often";
	if (!race.k[i]->released || race.k[i]->done > 1)
		return "it did not come home once";
	if (s->cancels > 1)
		return "the engine was told twice";
	return NULL;
}

static const char *
check(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.n; i++) {
		const char *wrong = check_one(i);

		if (wrong)
			return wrong;
	}
	return play_left();
}

static size_t
explore(const char *name, const struct ewb_event *events, size_t n)
{
	const struct ewb_scenario s = { .name = name,
		                        .sampled = true,
		                        .events = events,
		                        .nevents = n,
		                        .setup = race_begin,
		                        .settle = settle,
		                        .check = check,
		                        .teardown = race_end };

	return ewb_explore(&s);
}
#define EXPLORE(name, events) \
	explore(name, events, sizeof events / sizeof *events)

static const struct ewb_event one[] = {
	{ "submit", submit_0, NULL, false },
	{ "step", step, NULL, false },
	{ "wake", wake, NULL, true },
	{ "second step", step, NULL, true },
	{ "hang up", hang_up, NULL, true },
	{ "deadline", deadline, NULL, true },
	{ "letter", letter_0, NULL, false },
};

START_TEST(a_task_cancelled_in_any_order_ends_once)
{
	race.n = 1;
	ck_assert_uint_gt(EXPLORE("one front end", one), EWB_EXPLORED(5000));
}
END_TEST

static const struct ewb_event two[] = {
	{ "submit 0", submit_0, NULL, false },
	{ "submit 1", submit_1, NULL, false },
	{ "step", step, NULL, false },
	{ "second step", step, NULL, false },
	{ "hang up 0", hang_up, NULL, true },
	{ "deadline", deadline, NULL, true },
	{ "letter 0", letter_0, NULL, false },
	{ "letter 1", letter_1, NULL, false },
};

START_TEST(tasks_of_two_front_ends_cancelled_in_any_order_end_once)
{
	race.n = 2;
	ck_assert_uint_gt(EXPLORE("two front ends", two), EWB_EXPLORED(40000));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: orders of tasks");
	TCase *t = tcase_create("all orders");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_task_cancelled_in_any_order_ends_once);
	tcase_add_test(t,
	               tasks_of_two_front_ends_cancelled_in_any_order_end_once);
	suite_add_tcase(s, t);
	return unit_run(s);
}
