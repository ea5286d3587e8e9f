/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands made out of a get and a store: what comes between the two, what
 * fails, what ends them half-way. */
#include "config.h"

#include "t/cookie_play.h"

static struct script *s;

/* Each of its halves would block so often. */
static void
begin(unsigned block_for)
{
	play_begin();
	s = script_for("k");
	s->block_for = block_for;
}

static struct call *
start(enum ewb_op op, const char *value)
{
	struct ewb_frame f = play_frame(op, "k", value);

	f.delta = 1;
	return play_frame_call(0, &f, value);
}

/* Notifies all blocks, one after the other. */
static void
unblock(void)
{
	unsigned n = 0;

	for (play_settle(); n < s->ntickets; play_settle())
		script_notify_nth(s, n++, EWB_OK);
}

/* Somebody else's store between the get and the store. */

static unsigned others_left, nobody_won;

static enum ewb_status
lose_some(struct script *who, struct ewb_cookie *c)
{
	const struct ewb_request *r = ewb_cookie_request(c);
	const struct ewb_item *it = script_item("k");

	(void)who;
	if (r->value == NULL) /* the get */
		return it ? ewb_reply_item(c, it, NULL, NULL) : EWB_NOT_FOUND;
	if (others_left) {
		others_left--;
		if (r->expect == EWB_EXPECT_ABSENT || others_left % 2)
			return EWB_EXISTS;
		return EWB_NOT_FOUND;
	}
	nobody_won++;
	script_put("k", "done");
	return EWB_OK;
}

static struct call *
lose(const char *before, unsigned times, uint64_t cas)
{
	struct ewb_frame f = play_frame(EWB_OP_INCR, "k", NULL);

	others_left = times;
	nobody_won = 0;
	if (before)
		script_put("k", before);
	s = script_for("k");
	s->instead = lose_some;
	f.delta = 1;
	f.is = EWB_IS_CREATE;
	f.cas = cas ? script_item("k")->cas : 0;
	return play_frame_call(0, &f, NULL);
}

START_TEST(who_loses_against_a_plain_store_tries_again)
{
	struct call *k = lose(_i ? "1" : NULL, 7, 0);

	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(nobody_won, 1);
	ck_assert_uint_eq(s->runs, 16); /* a get and a store, 8 times */
}
END_TEST

START_TEST(who_loses_a_hundred_times_gives_up)
{
	struct call *k = lose("1", 1000, 0);

	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_ne(k->status, EWB_OK);
	ck_assert_uint_eq(others_left, 900);
	ck_assert_uint_eq(s->runs, 200);
}
END_TEST

START_TEST(who_has_a_cas_of_its_own_does_not_try_again)
{
	struct call *k = lose("1", 1000, 1);

	play_settle();
	ck_assert_uint_eq(others_left, 999);
	ck_assert_int_eq(k->status, EWB_EXISTS);
}
END_TEST

START_TEST(a_plain_store_in_the_middle_is_not_lost)
{
	struct call *k;

	begin(1);
	script_put("k", "a");
	k = start(EWB_OP_APPEND, "z");
	script_notify_nth(s, 0, EWB_OK); /* the get */
	play_settle();
	ck_assert_uint_eq(s->ntickets, 2);
	script_put("k", "b"); /* before the store */
	script_notify_nth(s, 1, EWB_OK);
	play_settle();
	ck_assert_uint_eq(s->ntickets, 3); /* the get, again */
	ck_assert_uint_eq(k->done, 0);
	script_notify_nth(s, 2, EWB_OK);
	play_settle();
	script_notify_nth(s, 3, EWB_OK);
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_str_eq(script_text("k"), "bz");
	play_end();
}
END_TEST

/* What fails. */

/* As memcached does it in text, and Couchbase in binary. */
START_TEST(a_value_that_would_grow_too_large_is_refused)
{
	struct ewb_limits limits = ewb_limits_default;
	struct ewb_frame f = play_frame(EWB_OP_APPEND, "k", "def");
	struct call *k;

	limits.max_item = 5;
	play_begin_with(&limits, &script_engine);
	s = script_for("k");
	script_put("k", "abc");
	k = play_frame_call(0, &f, "def");
	play_settle();
	ck_assert_int_eq(k->status, EWB_NOT_STORED);
	f.is = EWB_IS_BINARY;
	k = play_frame_call(0, &f, "def");
	play_settle();
	ck_assert_int_eq(k->status, EWB_TOO_BIG);
	k = start(EWB_OP_APPEND, "de");
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_str_eq(script_text("k"), "abcde");
	play_end();
}
END_TEST

START_TEST(the_engines_error_is_the_answer)
{
	struct call *k;

	begin(0);
	script_put("k", "1");
	s->status = EWB_NO_ACCESS;
	k = start(EWB_OP_INCR, NULL);
	play_settle();
	ck_assert_int_eq(k->status, EWB_NO_ACCESS);
	play_end();
}
END_TEST

START_TEST(what_the_engine_cannot_is_refused_by_name)
{
	struct ewb_engine e = script_engine;
	struct ewb_frame f =
		play_frame(_i ? EWB_OP_GAT : EWB_OP_TOUCH, "k", NULL);
	struct call *k;

	e.can = EWB_CAN_CAS;
	play_begin_with(&ewb_limits_default, &e);
	s = script_for("k");
	script_put("k", "1");
	f.exptime = 60;
	k = play_frame_call(0, &f, NULL);
	play_settle();
	ck_assert_int_eq(k->status, EWB_NOT_SUPPORTED);
	ck_assert_ptr_nonnull(k->context);
	ck_assert_str_eq(k->context, "this engine has no expiry");
	k = start(EWB_OP_TOUCH, NULL);
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	play_end();
}
END_TEST

START_TEST(a_cas_that_the_engine_does_not_have_is_refused_by_name)
{
	struct ewb_engine e = script_engine;
	struct ewb_frame f = play_frame(EWB_OP_APPEND, "k", "x");
	struct call *k;

	e.can &= ~EWB_CAN_CAS;
	play_begin_with(&ewb_limits_default, &e);
	script_put("k", "1");
	f.cas = script_item("k")->cas + _i;
	k = play_frame_call(0, &f, "x");
	play_settle();
	ck_assert_int_eq(k->status, EWB_NOT_SUPPORTED);
	ck_assert_str_eq(k->context, "this engine has no cas");
	ck_assert_str_eq(script_text("k"), "1");
	play_end();
}
END_TEST

START_TEST(a_lent_value_is_released_once)
{
	const enum ewb_op op[] = { EWB_OP_APPEND, EWB_OP_GAT, EWB_OP_TOUCH,
		                   EWB_OP_INCR };
	struct call *k;

	begin((unsigned)_i / 4);
	s->lend = true;
	script_put("k", "5");
	play.keep = true;
	k = start(op[_i % 4], "0");
	unblock();
	ck_assert_uint_eq(k->done, 1);
	/* what is lent to the client's answer is lent still */
	ck_assert_uint_eq(s->releases, op[_i % 4] != EWB_OP_GAT);
	play.keep = false;
	play_settle();
	ck_assert_uint_eq(s->releases, 1);
	ck_assert_str_eq(k->reply, op[_i % 4] == EWB_OP_GAT ? "5" : "");
	play_end();
}
END_TEST

/* The deadline, and the client's end, in each half. */
START_TEST(what_ends_it_in_the_get_stores_nothing)
{
	struct call *k;

	begin(1);
	script_put("k", "1");
	k = start(EWB_OP_INCR, NULL);
	if (_i)
		play_hang_up(k);
	else
		play_pass(2500 * 1000);
	ck_assert_uint_eq(k->done, !_i);
	ck_assert_uint_eq(s->cancels, 1);
	script_notify_nth(s, 0, EWB_OK);
	play_settle();
	ck_assert_str_eq(script_text("k"), "1");
	ck_assert_uint_eq(s->ntickets, 1);
	play_end();
}
END_TEST

START_TEST(what_ends_it_in_the_store_waits_for_the_store)
{
	struct call *k;

	begin(1);
	script_put("k", "1");
	k = start(EWB_OP_INCR, NULL);
	script_notify_nth(s, 0, EWB_OK);
	play_settle();
	if (_i)
		play_hang_up(k);
	else
		play_pass(2500 * 1000);
	ck_assert_uint_eq(k->done, !_i);
	ck_assert_uint_eq(PLAY_COUNT(outcome_unknown), !_i);
	ck_assert_uint_eq(s->cancels, 1);
	play_settle();
	ck_assert_int_eq(k->released, false);
	script_notify_nth(s, 1, EWB_TEMPORARY);
	play_settle();
	ck_assert_int_eq(k->released, true);
	play_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cookie: halves of a command");
	TCase *t = tcase_create("by themselves");
	TCase *u = play_case("in the default world");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_plain_store_in_the_middle_is_not_lost);
	tcase_add_test(t, a_value_that_would_grow_too_large_is_refused);
	tcase_add_test(t, the_engines_error_is_the_answer);
	tcase_add_loop_test(t, what_the_engine_cannot_is_refused_by_name, 0, 2);
	tcase_add_loop_test(
		t, a_cas_that_the_engine_does_not_have_is_refused_by_name, 0,
		2);
	tcase_add_loop_test(t, a_lent_value_is_released_once, 0, 8);
	tcase_add_loop_test(t, what_ends_it_in_the_get_stores_nothing, 0, 2);
	tcase_add_loop_test(t, what_ends_it_in_the_store_waits_for_the_store, 0,
	                    2);
	suite_add_tcase(suite, t);
	tcase_add_loop_test(u, who_loses_against_a_plain_store_tries_again, 0,
	                    2);
	tcase_add_test(u, who_loses_a_hundred_times_gives_up);
	tcase_add_test(u, who_has_a_cas_of_its_own_does_not_try_again);
	suite_add_tcase(suite, u);
	return unit_run(suite);
}
