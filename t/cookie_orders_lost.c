/* SPDX-License-Identifier: BSD-2-Clause */
/* All orders of what can happen to a notify that comes too late, too early or
 * in a later block, with everything that may end the command; on one front end
 * and on two. */
#include "config.h"

#include "t/cookie_play.h"
#include "t/explore.h"

#define DEADLINE_US (2500 * 1000)

static struct {
	unsigned fronts;
	enum ewb_op op;
	enum script_early early;
	unsigned block_for;
	struct script *s[PLAY_FRONTS];
	struct call *k[PLAY_FRONTS];
	unsigned steps[PLAY_FRONTS];
	unsigned accepted[PLAY_FRONTS], stale[PLAY_FRONTS];
	bool hung[PLAY_FRONTS];
	/* what must come of it */
	unsigned told[PLAY_FRONTS]; /* cancels */
	bool over[PLAY_FRONTS], orphan[PLAY_FRONTS];
} race;

static void *
race_begin(void)
{
	static const char *const keys[] = { "k0", "k1" };

	play_begin();
	memset(race.steps, 0, sizeof race.steps);
	memset(race.accepted, 0, sizeof race.accepted);
	memset(race.stale, 0, sizeof race.stale);
	memset(race.hung, 0, sizeof race.hung);
	memset(race.told, 0, sizeof race.told);
	memset(race.over, 0, sizeof race.over);
	memset(race.orphan, 0, sizeof race.orphan);
	for (unsigned i = 0; i < race.fronts; i++) {
		script_put(keys[i], "value");
		race.s[i] = script_for(keys[i]);
		race.s[i]->block_for = race.block_for;
		race.s[i]->early = race.early;
		race.k[i] = play_call(i, race.op, keys[i], "v");
		race.accepted[i] = race.early != SCRIPT_LATE;
	}
	return &race;
}

static void
race_end(void *x)
{
	(void)x;
	play_end();
}

static bool
armed(unsigned i)
{
	return race.k[i]->cookie && ewb_cookie_armed(race.k[i]->cookie);
}

/* Front end i ends its command: the engine is told once, if it is armed. */
static void
note_end(unsigned i)
{
	if (armed(i) && !race.over[i])
		race.told[i]++;
	race.over[i] |= armed(i);
}

static void
notify(unsigned i)
{
	if (script_notify(race.s[i], EWB_OK) == EWB_OK)
		race.accepted[i]++;
	else
		race.stale[i]++;
}

static void
notify_0(void *x)
{
	(void)x;
	notify(0);
}

static void
notify_1(void *x)
{
	(void)x;
	notify(1);
}

/* The ticket of the first block, whatever it is worth now. */
static void
notify_first(void *x)
{
	(void)x;
	if (script_notify_nth(race.s[0], 0, EWB_OK) == EWB_OK)
		race.accepted[0]++;
	else
		race.stale[0]++;
}

static void
letter_0(void *x)
{
	(void)x;
	play_letter(0);
	play_turn(0);
}

static void
letter_1(void *x)
{
	(void)x;
	play_letter(1);
	play_turn(1);
}

/* One who is over and not notified for that long is an orphan. */
static void
time_passes(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.fronts; i++) {
		if (race.over[i] && armed(i))
			race.orphan[i] = true;
		note_end(i);
	}
	play_pass(DEADLINE_US);
}

static void
hang_up(void *x)
{
	unsigned last = race.fronts - 1;

	(void)x;
	race.hung[last] = true;
	note_end(last);
	play_hang_up(race.k[last]);
}

static void
engine_closes(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.fronts; i++) {
		ewb_now_on_front(play.d[i].thread);
		note_end(i);
		ewb_dispatch_cancel_all(&play.d[i], EWB_CANCEL_ENGINE,
		                        play.instance);
	}
}

/* With no time for those that are left: they are named at once. */
static void
stop(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.fronts; i++)
		note_end(i);
	play_stop();
	for (unsigned i = 0; i < race.fronts; i++) {
		ewb_now_on_front(play.d[i].thread);
		race.orphan[i] |= armed(i);
		ewb_dispatch_orphan_all(&play.d[i]);
	}
}

static void
settle(void *x)
{
	(void)x;
	play_settle();
	for (unsigned i = 0; i < race.fronts; i++)
		while (armed(i)) {
			notify(i);
			play_settle();
		}
}

static const char *
check_one(unsigned i)
{
	struct script *s = race.s[i];
	struct call *k = race.k[i];

	if (race.accepted[i] != s->ntickets)
		return "not exactly one notify of each block was accepted";
	if (k->done > 1 || (k->done == 0 && !race.hung[i]))
		return "it was not answered once";
	if (!k->released)
		return "it was not released";
	if (s->cancels != race.told[i])
		return "the engine was not told once if armed, else never";
	if (s->destroys != 1)
		return "the state was not destroyed once";
	if (k->done && k->status != (race.over[i] ? EWB_TEMPORARY : EWB_OK) &&
	    !race.hung[i])
		return "the answer is not that of who was first";
	if (s->runs != s->ntickets + (!race.over[i] && !race.hung[i]) &&
	    !(race.hung[i] && k->done))
		return "it was not run once for each notify";
	return NULL;
}

static const char *
check(void *x)
{
	unsigned orphans = 0, stale = 0;

	(void)x;
	for (unsigned i = 0; i < race.fronts; i++) {
		const char *wrong = check_one(i);

		if (wrong)
			return wrong;
		orphans += race.orphan[i];
		stale += race.stale[i];
	}
	if (PLAY_COUNT(orphaned) != orphans ||
	    play_logged("kept as an orphan") != orphans)
		return "who is not notified was not named, or another was";
	if (PLAY_COUNT(orphans_home) != orphans)
		return "an orphan did not come home";
	if (play_stale(race.op) != stale)
		return "a stale notify was not counted";
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

/* A get on one front end, sets on two. */
static const enum ewb_op ops[] = { EWB_OP_GET, EWB_OP_SET };

/* Too late: the deadline, time for it to be an orphan, and all other ends. */

static const struct ewb_event lost_one[] = {
	{ "deadline", time_passes, NULL, true },
	{ "time", time_passes, NULL, true },
	{ "engine closes", engine_closes, NULL, true },
	{ "hang up", hang_up, NULL, true },
	{ "stop", stop, NULL, true },
	{ "notify", notify_0, NULL, true },
	{ "letter", letter_0, NULL, false },
};

static const struct ewb_event lost_two[] = {
	{ "deadline", time_passes, NULL, true },
	{ "time", time_passes, NULL, true },
	{ "hang up", hang_up, NULL, true },
	{ "stop", stop, NULL, true },
	{ "notify 0", notify_0, NULL, false },
	{ "notify 1", notify_1, NULL, true },
	{ "letter 0", letter_0, NULL, false },
};

START_TEST(a_lost_notify_in_any_order_is_named_and_comes_home)
{
	race.op = ops[_i];
	race.early = SCRIPT_LATE;
	race.block_for = 1;
	race.fronts = (unsigned)_i + 1;
	if (race.fronts == 1)
		ck_assert_uint_gt(EXPLORE("lost", lost_one),
		                  EWB_EXPLORED(5000));
	else
		ck_assert_uint_gt(EXPLORE("lost, of two", lost_two),
		                  EWB_EXPLORED(5000));
}
END_TEST

/* Too early: before the callback has returned. */

static const struct ewb_event early[] = {
	{ "deadline", time_passes, NULL, true },
	{ "engine closes", engine_closes, NULL, true },
	{ "hang up", hang_up, NULL, true },
	{ "stop", stop, NULL, true },
	{ "notify again", notify_0, NULL, true },
	{ "letter 0", letter_0, NULL, false },
	{ "letter 1", letter_1, NULL, false },
};

START_TEST(an_early_notify_in_any_order_is_the_answer)
{
	race.op = ops[_i];
	race.early = SCRIPT_INSIDE;
	race.block_for = 1;
	race.fronts = (unsigned)_i + 1;
	/* with one, what is to be its second letter brings nothing */
	ck_assert_uint_gt(EXPLORE("early", early), EWB_EXPLORED(5000));
}
END_TEST

/* Block after block: step by step, a notify and its letter in turn. */

static void
step(unsigned i)
{
	race.steps[i]++;
	if (armed(i))
		notify(i);
	else
		play_letter(i);
	play_turn(i);
}

static void
step_0(void *x)
{
	(void)x;
	step(0);
}

static void
step_1(void *x)
{
	(void)x;
	step(1);
}

/* The first of them before the second, and so on: all look alike. */
#define AFTER(n, i)                          \
	static bool after_##n##_##i(void *x) \
	{                                    \
		(void)x;                     \
		return race.steps[i] == (n); \
	}
AFTER(0, 0)
AFTER(1, 0)
AFTER(2, 0)
AFTER(3, 0)
AFTER(4, 0)
AFTER(5, 0)
AFTER(6, 0)
AFTER(7, 0)
AFTER(8, 0)
AFTER(9, 0)
AFTER(0, 1)
AFTER(1, 1)
AFTER(2, 1)
AFTER(3, 1)

static const struct ewb_event five[] = {
	{ "notify 1", step_0, after_0_0, false },
	{ "letter 1", step_0, after_1_0, false },
	{ "notify 2", step_0, after_2_0, false },
	{ "letter 2", step_0, after_3_0, false },
	{ "notify 3", step_0, after_4_0, false },
	{ "letter 3", step_0, after_5_0, false },
	{ "notify 4", step_0, after_6_0, false },
	{ "letter 4", step_0, after_7_0, false },
	{ "notify 5", step_0, after_8_0, false },
	{ "letter 5", step_0, after_9_0, false },
	{ "first ticket", notify_first, NULL, true },
	{ "hang up", hang_up, NULL, true },
	{ "deadline", time_passes, NULL, true },
};

static const struct ewb_event two_of_two[] = {
	{ "notify 0", step_0, after_0_0, false },
	{ "letter 0", step_0, after_1_0, false },
	{ "second notify 0", step_0, after_2_0, false },
	{ "second letter 0", step_0, after_3_0, false },
	{ "notify 1", step_1, after_0_1, false },
	{ "letter 1", step_1, after_1_1, false },
	{ "second notify 1", step_1, after_2_1, false },
	{ "second letter 1", step_1, after_3_1, false },
	{ "hang up", hang_up, NULL, true },
	{ "deadline", time_passes, NULL, true },
};

START_TEST(five_blocks_in_any_order_are_five_runs)
{
	race.op = ops[_i];
	race.early = SCRIPT_LATE;
	race.fronts = (unsigned)_i + 1;
	race.block_for = race.fronts == 1 ? 5 : 2;
	if (race.fronts == 1)
		ck_assert_uint_gt(EXPLORE("five blocks", five),
		                  EWB_EXPLORED(1500));
	else
		ck_assert_uint_gt(EXPLORE("two of two", two_of_two),
		                  EWB_EXPLORED(5000));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: orders of late and early notifies");
	TCase *t = tcase_create("all orders");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(
		t, a_lost_notify_in_any_order_is_named_and_comes_home, 0, 2);
	tcase_add_loop_test(t, an_early_notify_in_any_order_is_the_answer, 0,
	                    2);
	tcase_add_loop_test(t, five_blocks_in_any_order_are_five_runs, 0, 2);
	suite_add_tcase(s, t);
	return unit_run(s);
}
