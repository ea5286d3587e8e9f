/* SPDX-License-Identifier: BSD-2-Clause */
/* All orders of a client's own cancel, of two blocks of one command, and of two
 * commands in one slot. */
#include "config.h"

#include "t/cookie_play.h"
#include "t/explore.h"

#define DEADLINE_US (2500 * 1000)

static struct {
	enum ewb_op op;
	unsigned block_for;
	struct script *s;
	struct call *k, *next; /* next: later in the same slot */
	unsigned asked, stale;
	unsigned accepted[2]; /* notifies, of each block */
	bool hung;
} race;

static void *
race_begin(void)
{
	play_begin();
	script_put("k", "value");
	race.s = script_for("k");
	race.s->block_for = race.block_for;
	race.k = play_call(0, race.op, "k", "v");
	race.next = NULL;
	race.asked = race.stale = race.accepted[0] = race.accepted[1] = 0;
	race.hung = false;
	return &race;
}

static void
race_end(void *x)
{
	(void)x;
	play_end();
}

static void
letter(void *x)
{
	(void)x;
	play_letter(0);
	play_turn(0);
}

static void
hang_up(void *x)
{
	(void)x;
	race.hung = true;
	play_hang_up(race.k);
}

static void
deadline(void *x)
{
	(void)x;
	play_pass(DEADLINE_US);
}

static void
notify_first(void *x)
{
	(void)x;
	race.accepted[0] += script_notify_nth(race.s, 0, EWB_OK) == EWB_OK;
}

static void
notify_second(void *x)
{
	(void)x;
	race.accepted[1] += script_notify_nth(race.s, 1, EWB_OK) == EWB_OK;
}

static bool
blocked_twice(void *x)
{
	(void)x;
	return race.s->ntickets > 1;
}

static void
settle(void *x)
{
	if (race.accepted[0] == 0)
		notify_first(x);
	play_settle();
	if (blocked_twice(x) && race.accepted[1] == 0)
		notify_second(x);
	play_settle();
}

static const char *
check_answer(void)
{
	if (race.k->done > 1 || (race.k->done == 0 && !race.hung))
		return "it was not answered once";
	if (!race.k->released)
		return "it was not released";
	return play_left();
}

static size_t
explore(const char *name, const struct ewb_event *events, size_t n,
        const char *(*check)(void *x))
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
#define EXPLORE(name, events, check) \
	explore(name, events, sizeof events / sizeof *events, check)

static const enum ewb_op ops[] = { EWB_OP_GET, EWB_OP_SET };

/* The client's own cancel: it is asked for, and done when its letter is here;
 * the command is answered by its notify. */

static void
ask(void *x)
{
	(void)x;
	race.asked += ewb_ticket_cancel(race.s->ticket) == EWB_OK;
}

static const char *
check_asked(void *x)
{
	(void)x;
	if (race.s->cancels > 1 ||
	    race.s->cancels !=
	            PLAY_COUNT(cancelled_client) + PLAY_COUNT(cancelled_gone))
		return "the engine was not told once";
	if (PLAY_COUNT(cancelled_client) > race.asked)
		return "nobody asked for this cancel";
	return check_answer();
}

static const struct ewb_event asking[] = {
	{ "ask", ask, NULL, false },
	{ "ask again", ask, NULL, true },
	{ "notify", notify_first, NULL, false },
	{ "hang up", hang_up, NULL, true },
	{ "letter", letter, NULL, false },
	{ "second letter", letter, NULL, false },
	{ "third letter", letter, NULL, false },
};

START_TEST(a_clients_cancel_in_any_order_is_told_once)
{
	race.op = ops[_i];
	race.block_for = 1;
	ck_assert_uint_gt(EXPLORE("client's cancel", asking, check_asked),
	                  EWB_EXPLORED(5000));
}
END_TEST

/* A command that blocks twice, and whose first ticket comes late. */

static const char *
check_twice(void *x)
{
	struct script *s = race.s;

	(void)x;
	if (race.accepted[0] != 1 || race.accepted[1] != s->ntickets - 1)
		return "not exactly one notify of each block was accepted";
	if (s->cancels > s->ntickets)
		return "the engine was told twice of one block";
	if (race.k->done && race.k->status == EWB_OK && s->runs != 3)
		return "it was not run three times";
	if (s->destroys != 1)
		return "the state was not destroyed once";
	return check_answer();
}

static const struct ewb_event twice[] = {
	{ "first", notify_first, NULL, false },
	{ "first again", notify_first, NULL, true },
	{ "second", notify_second, blocked_twice, true },
	{ "deadline", deadline, NULL, true },
	{ "hang up", hang_up, NULL, true },
	{ "letter", letter, NULL, false },
	{ "second letter", letter, NULL, true },
};

START_TEST(two_blocks_of_a_command_in_any_order_are_kept_apart)
{
	race.op = ops[_i];
	race.block_for = 2;
	ck_assert_uint_gt(EXPLORE("blocks twice", twice, check_twice),
	                  EWB_EXPLORED(1000));
}
END_TEST

/* The slot serves again; the ticket of the command before is notified at any
 * time of the next one's. */

static void
next_command(void *x)
{
	(void)x;
	race.next = play_call(0, race.op, "k", "v");
}

static bool
slot_is_free(void *x)
{
	(void)x;
	return race.k->released;
}

static void
stale_first(void *x)
{
	(void)x;
	race.stale += script_notify_nth(race.s, 0, EWB_INTERNAL) == EWB_STALE;
}

static const char *
check_slots(void *x)
{
	(void)x;
	if (race.stale != 1 || play_stale(race.op) != 1)
		return "the old ticket was not stale";
	if (race.accepted[0] != 1 || race.accepted[1] != 1)
		return "a notify was not accepted";
	if (race.next->done != 1 || race.next->status != EWB_OK)
		return "the next command was harmed";
	return check_answer();
}

static const struct ewb_event slots[] = {
	{ "notify", notify_first, NULL, false },
	{ "letter", letter, NULL, false },
	{ "next command", next_command, slot_is_free, false },
	{ "stale notify", stale_first, slot_is_free, false },
	{ "next notify", notify_second, blocked_twice, false },
	{ "second letter", letter, NULL, false },
	{ "hang up", hang_up, NULL, true },
};

START_TEST(an_old_ticket_at_any_time_does_not_harm_the_slots_next_command)
{
	race.op = ops[_i];
	race.block_for = 1;
	ck_assert_uint_gt(EXPLORE("slot used again", slots, check_slots),
	                  EWB_EXPLORED(10));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: orders of cancel and of tickets");
	TCase *t = tcase_create("all orders, of a get and of a set");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, a_clients_cancel_in_any_order_is_told_once, 0,
	                    2);
	tcase_add_loop_test(
		t, two_blocks_of_a_command_in_any_order_are_kept_apart, 0, 2);
	tcase_add_loop_test(
		t,
		an_old_ticket_at_any_time_does_not_harm_the_slots_next_command,
		0, 2);
	suite_add_tcase(s, t);
	return unit_run(s);
}
