/* SPDX-License-Identifier: BSD-2-Clause */
/* All orders of what can happen to a blocked command: notifies, the deadline,
 * the client's cancel, its end, the letters; on one front end and on two. */
#include "config.h"

#include "t/cookie_play.h"
#include "t/explore.h"

#define DEADLINE_US (2500 * 1000)

/* The same race on each front end, by commands on keys of their own. */
static struct {
	unsigned fronts;
	enum ewb_op op;
	struct script *s[PLAY_FRONTS];
	struct call *k[PLAY_FRONTS];
	unsigned notifies[PLAY_FRONTS], accepted[PLAY_FRONTS];
	unsigned cancels[PLAY_FRONTS]; /* that the engine must be told of */
	bool hung[PLAY_FRONTS];
} race;

static void *
race_begin(void)
{
	static const char *const keys[] = { "k0", "k1" };

	play_begin();
	memset(race.notifies, 0, sizeof race.notifies);
	memset(race.accepted, 0, sizeof race.accepted);
	memset(race.cancels, 0, sizeof race.cancels);
	memset(race.hung, 0, sizeof race.hung);
	for (unsigned i = 0; i < race.fronts; i++) {
		script_put(keys[i], "value");
		race.s[i] = script_for(keys[i]);
		race.s[i]->block_for = 1;
		race.k[i] = play_call(i, race.op, keys[i], "v");
	}
	return &race;
}

static void
race_end(void *ctx)
{
	(void)ctx;
	play_end();
}

/* Somebody ends what front end i waits for: is its engine to be told? */
static void
expect_cancel(unsigned i)
{
	if (race.accepted[i] == 0 && race.cancels[i] == 0)
		race.cancels[i] = 1;
}

static void
notify(unsigned i)
{
	race.notifies[i]++;
	race.accepted[i] += script_notify(race.s[i], EWB_OK) == EWB_OK;
}

static void
hang_up(unsigned i)
{
	race.hung[i] = true;
	if (race.k[i]->cookie)
		expect_cancel(i);
	play_hang_up(race.k[i]);
}

static void
letter(unsigned i)
{
	play_letter(i);
	play_turn(i);
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
static void
hang_up_0(void *x)
{
	(void)x;
	hang_up(0);
}
static void
hang_up_1(void *x)
{
	(void)x;
	hang_up(1);
}
static void
letter_0(void *x)
{
	(void)x;
	letter(0);
}
static void
letter_1(void *x)
{
	(void)x;
	letter(1);
}

static void
deadline(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.fronts; i++)
		if (race.k[i]->cookie && !race.hung[i])
			expect_cancel(i);
	play_pass(DEADLINE_US);
}

static void
stop(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.fronts; i++)
		if (race.k[i]->cookie && !race.hung[i])
			expect_cancel(i);
	play_stop();
}

static void
settle(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.fronts; i++)
		if (race.accepted[i] == 0)
			notify(i);
	play_settle();
}

static const char *
check_one(unsigned i)
{
	struct script *s = race.s[i];
	struct call *k = race.k[i];

	if (race.accepted[i] != 1)
		return "not exactly one notify was accepted";
	if (k->done > 1)
		return "it was answered twice";
	if (k->done == 0 && !race.hung[i])
		return "it was not answered";
	if (!k->released)
		return "it was not released";
	if (s->cancels != race.cancels[i])
		return "the engine's cancel was not called once if armed";
	if (s->destroys != 1)
		return "the state was not destroyed once";
	if (k->done && k->status == EWB_OK && s->runs != 2)
		return "it was not run again once";
	if (k->done && k->status != EWB_OK && s->runs != 1)
		return "it was run again though it was answered";
	if (k->done && k->status != EWB_OK && k->status != EWB_TEMPORARY)
		return "the answer is neither its own nor the deadline's";
	return NULL;
}

static const char *
check(void *x)
{
	unsigned late = 0, stale = 0;
	const char *wrong;

	(void)x;
	for (unsigned i = 0; i < race.fronts; i++) {
		wrong = check_one(i);
		if (wrong)
			return wrong;
		late += race.k[i]->status == EWB_TEMPORARY;
		stale += race.notifies[i] - 1;
	}
	if (play_stale(race.op) != stale)
		return "a stale notify was not counted";
	if (PLAY_COUNT(deadlines_passed) != late &&
	    PLAY_COUNT(cancelled_stop) == 0)
		return "the deadlines are miscounted";
	if (PLAY_COUNT(outcome_unknown) !=
	    (race.op == EWB_OP_SET ? PLAY_COUNT(deadlines_passed) : 0))
		return "unknown outcomes are miscounted";
	return play_left();
}

static size_t
explore(const char *name, unsigned fronts, enum ewb_op op,
        const struct ewb_event *events, size_t n)
{
	const struct ewb_scenario s = { .name = name,
		                        .events = events,
		                        .nevents = n,
		                        .setup = race_begin,
		                        .settle = settle,
		                        .check = check,
		                        .teardown = race_end };

	race.fronts = fronts;
	race.op = op;
	return ewb_explore(&s);
}

static const enum ewb_op ops[] = { EWB_OP_GET, EWB_OP_SET };
#define EXPLORE(name, fronts, events) \
	explore(name, fronts, ops[_i], events, sizeof events / sizeof *events)

static const struct ewb_event one[] = {
	{ "notify", notify_0, NULL, false },
	{ "notify again", notify_0, NULL, true },
	{ "deadline", deadline, NULL, true },
	{ "hang up", hang_up_0, NULL, true },
	{ "letter", letter_0, NULL, false },
	{ "second letter", letter_0, NULL, false },
};

START_TEST(notify_deadline_and_end_in_any_order_answer_once)
{
	ck_assert_uint_gt(EXPLORE("one front end", 1, one), 1000);
}
END_TEST

static const struct ewb_event two[] = {
	{ "notify 0", notify_0, NULL, false },
	{ "notify 1", notify_1, NULL, false },
	{ "notify 0 again", notify_0, NULL, true },
	{ "deadline", deadline, NULL, true },
	{ "hang up 1", hang_up_1, NULL, true },
	{ "letter 0", letter_0, NULL, false },
	{ "letter 1", letter_1, NULL, false },
};

START_TEST(two_front_ends_in_any_order_answer_once_each)
{
	ck_assert_uint_gt(EXPLORE("two front ends", 2, two), 5000);
}
END_TEST

static const struct ewb_event stopping[] = {
	{ "notify 0", notify_0, NULL, false },
	{ "stop", stop, NULL, false },
	{ "deadline", deadline, NULL, true },
	{ "hang up", hang_up_0, NULL, true },
	{ "letter 0", letter_0, NULL, false },
	{ "letter 1", letter_1, NULL, false },
};

START_TEST(a_stop_in_any_order_answers_once_each)
{
	ck_assert_uint_gt(EXPLORE("stop", 2, stopping), 500);
}
END_TEST

/* Clients of both cancel; each engine is told of its own. */

static void
ask_0(void *x)
{
	(void)x;
	(void)ewb_ticket_cancel(race.s[0]->ticket);
}

static void
ask_1(void *x)
{
	(void)x;
	(void)ewb_ticket_cancel(race.s[1]->ticket);
}

static const char *
check_asked(void *x)
{
	unsigned cancels = 0;

	for (unsigned i = 0; i < race.fronts; i++) {
		if (race.s[i]->cancels > 1)
			return "an engine was told twice";
		cancels += race.s[i]->cancels;
		race.cancels[i] = race.s[i]->cancels;
	}
	if (cancels !=
	    PLAY_COUNT(cancelled_client) + PLAY_COUNT(cancelled_gone))
		return "an engine was not told";
	return check(x);
}

static const struct ewb_event asking[] = {
	{ "notify 0", notify_0, NULL, false },
	{ "notify 1", notify_1, NULL, false },
	{ "ask 0", ask_0, NULL, false },
	{ "ask 1", ask_1, NULL, true },
	{ "hang up 1", hang_up_1, NULL, true },
	{ "letter 0", letter_0, NULL, false },
	{ "letter 1", letter_1, NULL, false },
};

START_TEST(clients_of_two_front_ends_cancel_in_any_order)
{
	const struct ewb_scenario s = { .name = "clients cancel",
		                        .events = asking,
		                        .nevents = 7,
		                        .setup = race_begin,
		                        .settle = settle,
		                        .check = check_asked,
		                        .teardown = race_end };

	race.fronts = 2;
	race.op = ops[_i];
	ck_assert_uint_gt(ewb_explore(&s), 5000);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: orders of notify");
	TCase *t = tcase_create("all orders, of a get and of a set");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, notify_deadline_and_end_in_any_order_answer_once,
	                    0, 2);
	tcase_add_loop_test(t, two_front_ends_in_any_order_answer_once_each, 0,
	                    2);
	tcase_add_loop_test(t, a_stop_in_any_order_answers_once_each, 0, 2);
	tcase_add_loop_test(t, clients_of_two_front_ends_cancel_in_any_order, 0,
	                    2);
	suite_add_tcase(s, t);
	return unit_run(s);
}
