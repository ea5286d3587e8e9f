/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands made of a get and a store: one at a time per key, over all front
 * ends; and against plain stores where the engine has no cas. */
#include "config.h"

#include "t/cookie_play.h"
#include "t/explore.h"

#define DEADLINE (2500 * 1000)

static struct script *s;
static unsigned notified;

static void
begin_with(bool cas, const char *before)
{
	struct ewb_engine e = script_engine;

	if (!cas)
		e.can &= ~EWB_CAN_CAS;
	play_begin_with(&ewb_limits_default, &e);
	s = script_for("k");
	s->block_for = 1;
	notified = 0;
	script_put("k", before);
}

static struct call *
incr(unsigned front)
{
	struct ewb_frame f = play_frame(EWB_OP_INCR, "k", NULL);

	f.delta = 1;
	return play_frame_call(front, &f, NULL);
}

static void
notify_next(void)
{
	script_notify_nth(s, notified++, EWB_OK);
}

/* Notifies whatever blocks. */
static void
unblock(void)
{
	for (play_settle(); notified < s->ntickets; play_settle())
		notify_next();
}

static unsigned
stored(void)
{
	return (unsigned)strtoul(script_text("k"), NULL, 10);
}

START_TEST(the_second_waits_for_the_first_on_whatever_front_end)
{
	struct call *a, *b;

	begin_with(_i / 2, "1");
	a = incr(0);
	b = incr(_i % 2);
	play_settle();
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_uint_eq(b->cookie->wait, EWB_WAIT_NOTIFY);
	/* it is blocked too, though not by the engine */
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 2);
	ck_assert_uint_eq(PLAY_COUNT(commands_blocked), 1);
	notify_next();
	play_settle();
	notify_next();
	play_settle();
	ck_assert_uint_eq(a->done, 1);
	ck_assert_uint_eq(b->done, 0);
	unblock();
	ck_assert_uint_eq(b->done, 1);
	ck_assert_uint_eq(b->number, 3);
	ck_assert_str_eq(script_text("k"), "3");
	play_end();
}
END_TEST

START_TEST(a_waiter_holds_no_thread_and_no_ticket)
{
	begin_with(true, "1");
	incr(0);
	for (unsigned i = 0; i < 50; i++)
		incr(i % 2);
	play_settle();
	ck_assert_int_eq(ewb_pool_quiet(play.core.pool), 1);
	ck_assert_uint_eq(s->ntickets, 1);
	unblock();
	ck_assert_uint_eq(stored(), 52);
	for (unsigned i = 0; i < play.ncalls; i++)
		ck_assert_uint_eq(play_calls[i].number, i + 2); /* in order */
	play_end();
}
END_TEST

START_TEST(without_cas_a_plain_mutation_takes_its_turn_too)
{
	const enum ewb_op op[] = { EWB_OP_SET, EWB_OP_ADD, EWB_OP_REPLACE,
		                   EWB_OP_DELETE };
	struct call *k;

	begin_with(false, "1");
	incr(0);
	k = play_call(1, op[_i], "k", "50");
	play_settle();
	ck_assert_uint_eq(s->runs, 1);
	unblock();
	ck_assert_uint_eq(k->done, 1);
	if (op[_i] == EWB_OP_DELETE)
		ck_assert_ptr_null(script_item("k"));
	else
		ck_assert_str_eq(script_text("k"),
		                 op[_i] == EWB_OP_ADD ? "2" : "50");
	play_end();
}
END_TEST

START_TEST(with_cas_a_plain_store_does_not_wait)
{
	struct call *k;

	begin_with(true, "1");
	incr(0);
	s->block_for = 0;
	k = play_set(1, "k", "50");
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	unblock();
	ck_assert_str_eq(script_text("k"), "51");
	play_end();
}
END_TEST

START_TEST(a_get_never_waits_for_a_key)
{
	struct call *k;

	begin_with(_i, "1");
	incr(0);
	s->block_for = 0;
	k = play_get(1, "k");
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	unblock();
	play_end();
}
END_TEST

START_TEST(a_waiter_past_its_deadline_is_answered_and_does_nothing)
{
	struct call *a, *b;

	begin_with(_i, "1");
	a = incr(0);
	play_pass(DEADLINE / 2);
	b = incr(1);
	play_pass(DEADLINE / 2);
	ck_assert_uint_eq(a->done, 1);
	ck_assert_uint_eq(b->done, 0);
	play_pass(DEADLINE / 2);
	ck_assert_uint_eq(b->done, 1);
	ck_assert_int_eq(b->status, EWB_TEMPORARY);
	ck_assert_int_eq(b->done_away, false); /* it is out of the queue */
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 2);
	ck_assert_uint_eq(PLAY_COUNT(outcome_unknown), 1);
	play_settle();
	ck_assert_int_eq(b->released, true);
	unblock();
	ck_assert_str_eq(script_text("k"), "1");
	play_end();
}
END_TEST

START_TEST(a_waiter_whose_client_goes_leaves_the_queue_at_once)
{
	struct call *b, *c;

	begin_with(_i, "1");
	incr(0);
	b = incr(1);
	c = incr(1);
	play_hang_up(b);
	ck_assert_int_eq(b->released, true);
	unblock();
	ck_assert_uint_eq(c->number, 3);
	ck_assert_str_eq(script_text("k"), "3");
	play_end();
}
END_TEST

/* Whoever looks for it from one end of the queue does not find it. */
START_TEST(who_leaves_the_queue_touches_its_neighbours_alone)
{
	struct call *k[6];
	struct ewb_cookie *second, *last;

	begin_with(_i, "1");
	for (unsigned i = 0; i < 6; i++)
		k[i] = incr(i % 2);
	second = k[2]->cookie;
	last = k[5]->cookie;
	k[1]->cookie->keylock_next = NULL;
	last->keylock_prev = NULL;
	play_hang_up(k[3]);
	ck_assert_int_eq(k[3]->released, true);
	k[1]->cookie->keylock_next = second;
	last->keylock_prev = k[4]->cookie;
	unblock();
	ck_assert_uint_eq(k[5]->number, 6);
	ck_assert_str_eq(script_text("k"), "6");
	play_end();
}
END_TEST

/* The first, one in the middle, the last; and all of them. */
START_TEST(who_leaves_the_queue_leaves_the_others_in_order)
{
	struct call *k[5];
	unsigned left = 0, n = 2;

	begin_with(true, "1");
	for (unsigned i = 0; i < 5; i++)
		k[i] = incr(i % 2);
	for (unsigned i = 1; i < 5; i++) {
		if (!(_i & 1 << (i - 1)))
			continue;
		play_hang_up(k[i]);
		left++;
	}
	incr(0);
	unblock();
	for (unsigned i = 0; i < 5; i++)
		if (i == 0 || !(_i & 1 << (i - 1)))
			ck_assert_uint_eq(k[i]->number, n++);
	ck_assert_uint_eq(play_calls[5].number, n);
	ck_assert_uint_eq(stored(), 7 - left);
	play_end();
}
END_TEST

START_TEST(a_waiter_is_answered_by_a_stop)
{
	struct call *a, *b;

	begin_with(_i, "1");
	a = incr(0);
	b = incr(1);
	play_stop();
	ck_assert_uint_eq(a->done, 1);
	ck_assert_uint_eq(b->done, 1);
	ck_assert_int_eq(b->status, EWB_TEMPORARY);
	unblock();
	ck_assert_uint_eq(s->runs, 1);
	play_end();
}
END_TEST

START_TEST(who_is_granted_after_its_client_has_gone_passes_it_on)
{
	struct call *a, *b, *c;

	begin_with(true, "1");
	a = incr(0);
	b = incr(1);
	c = incr(0);
	play_hang_up(a);
	notify_next();
	play_letter(0); /* a is home, and b's turn is in the inbox of 1 */
	ck_assert_uint_eq(b->cookie->key_state, EWB_KEY_GRANTED);
	play_hang_up(b);
	ck_assert_int_eq(b->released, false);
	play_settle();
	ck_assert_int_eq(b->released, true);
	unblock();
	ck_assert_uint_eq(c->number, 2);
	play_end();
}
END_TEST

START_TEST(who_is_granted_as_its_deadline_passes_goes_on)
{
	struct call *b;

	begin_with(true, "1");
	incr(0);
	play_pass(DEADLINE - 1);
	b = incr(1);
	notify_next();
	play_letter(0);
	notify_next();
	play_letter(0);
	ck_assert_uint_eq(b->cookie->key_state, EWB_KEY_GRANTED);
	play_pass(DEADLINE);
	ck_assert_uint_eq(b->done, 0);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 0);
	play_letter(1);
	play_pass(
		0); /* nothing of its time is left, so it begins and is late */
	ck_assert_uint_eq(b->done, 1);
	ck_assert_int_eq(b->status, EWB_TEMPORARY);
	unblock();
	play_end();
}
END_TEST

/* All orders: one blocked, a second and a third that wait, of two front ends. */

static struct {
	struct call *k[3];
	bool hung[3];
	bool cas;
} race;

static void *
race_begin(void)
{
	begin_with(race.cas, "0");
	for (unsigned i = 0; i < 3; i++) {
		race.k[i] = incr(i % 2);
		race.hung[i] = false;
	}
	return &race;
}

static bool
is_blocked(void *x)
{
	(void)x;
	return notified < s->ntickets;
}

static void
race_notify(void *x)
{
	(void)x;
	notify_next();
}

static bool
letter_0_waits(void *x)
{
	(void)x;
	return ewb_inbox_waiting(&play.d[0].inbox);
}

static bool
letter_1_waits(void *x)
{
	(void)x;
	return ewb_inbox_waiting(&play.d[1].inbox);
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
hang_up_first(void *x)
{
	(void)x;
	race.hung[0] = true;
	play_hang_up(race.k[0]);
}

static void
hang_up_second(void *x)
{
	(void)x;
	race.hung[1] = true;
	play_hang_up(race.k[1]);
}

static void
race_deadline(void *x)
{
	(void)x;
	play_pass(DEADLINE);
}

static void
race_settle(void *x)
{
	(void)x;
	unblock();
}

static const char *
race_check(void *x)
{
	unsigned sure = 0, maybe = 0;

	(void)x;
	for (unsigned i = 0; i < 3; i++) {
		struct call *k = race.k[i];

		if (!k->released)
			return "one did not come home";
		if (k->done > 1 || (k->done == 0 && !race.hung[i]))
			return "one was not answered once";
		if (k->done && k->status == EWB_OK)
			sure++;
		else
			maybe++;
	}
	if (stored() < sure || stored() > sure + maybe)
		return "an increment was lost, or made twice";
	return play_left();
}

static void
race_end(void *x)
{
	(void)x;
	play_end();
}

static const struct ewb_event events[] = {
	{ "notify", race_notify, is_blocked, true },
	{ "notify again", race_notify, is_blocked, true },
	{ "letter 0", letter_0, letter_0_waits, true },
	{ "letter 0 again", letter_0, letter_0_waits, true },
	{ "letter 1", letter_1, letter_1_waits, true },
	{ "hang up first", hang_up_first, NULL, true },
	{ "hang up second", hang_up_second, NULL, true },
	{ "deadline", race_deadline, NULL, true },
};

START_TEST(in_any_order_no_turn_and_no_increment_is_lost)
{
	const struct ewb_scenario scenario = { .name = "turns on a key",
		                               .events = events,
		                               .nevents = 8,
		                               .setup = race_begin,
		                               .settle = race_settle,
		                               .check = race_check,
		                               .teardown = race_end };

	race.cas = _i;
	ck_assert_uint_gt(ewb_explore(&scenario), 1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cookie: one at a time per key");
	TCase *t = tcase_create("stepped");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(
		t, the_second_waits_for_the_first_on_whatever_front_end, 0, 4);
	tcase_add_test(t, a_waiter_holds_no_thread_and_no_ticket);
	tcase_add_loop_test(t, without_cas_a_plain_mutation_takes_its_turn_too,
	                    0, 4);
	tcase_add_test(t, with_cas_a_plain_store_does_not_wait);
	tcase_add_loop_test(t, a_get_never_waits_for_a_key, 0, 2);
	tcase_add_loop_test(
		t, a_waiter_past_its_deadline_is_answered_and_does_nothing, 0,
		2);
	tcase_add_loop_test(
		t, a_waiter_whose_client_goes_leaves_the_queue_at_once, 0, 2);
	tcase_add_loop_test(
		t, who_leaves_the_queue_touches_its_neighbours_alone, 0, 2);
	tcase_add_loop_test(t, who_leaves_the_queue_leaves_the_others_in_order,
	                    0, 16);
	tcase_add_loop_test(t, a_waiter_is_answered_by_a_stop, 0, 2);
	tcase_add_test(t,
	               who_is_granted_after_its_client_has_gone_passes_it_on);
	tcase_add_test(t, who_is_granted_as_its_deadline_passes_goes_on);
	tcase_add_loop_test(t, in_any_order_no_turn_and_no_increment_is_lost, 0,
	                    2);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
