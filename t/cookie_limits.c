/* SPDX-License-Identifier: BSD-2-Clause */
/* The limit of cookies in flight; and that a blocked command allocates
 * nothing. */
#include "config.h"

#include "t/alloc.h"
#include "t/cookie_play.h"

#define DEADLINE (2500 * 1000)

static struct ewb_limits two;

static void
begin(void)
{
	two = ewb_limits_default;
	two.max_cookies = 2;
	play_begin_with(&two, &script_engine);
	script_for("*")->block_for = 1;
}

START_TEST(a_command_over_the_limit_gets_no_ticket)
{
	struct script *s = script_for("*");
	struct call *k;

	play_get(0, "a");
	play_get(1, "b");
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 2);
	k = play_get(0, "c");
	ck_assert_uint_eq(s->ntickets, 2);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_BUSY); /* as the engine said */
	ck_assert_uint_eq(PLAY_COUNT(commands_refused), 1);
	ck_assert_uint_eq(PLAY_COUNT(engine_mistakes), 0);
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 2);
	script_notify_nth(s, 0, EWB_OK);
	play_settle();
	k = play_get(0, "c"); /* there is room again */
	ck_assert_uint_eq(k->done, 0);
	script_notify_nth(s, 1, EWB_OK);
	script_notify_nth(s, 2, EWB_OK);
	play_settle();
	ck_assert_uint_eq(PLAY_COUNT(commands_blocked), 3);
}
END_TEST

START_TEST(an_offload_over_the_limit_is_busy)
{
	struct script *s = script_for("*");
	struct call *k;

	s->block_for = 0;
	s->offload = true;
	for (unsigned i = 0; i < 2; i++)
		play_get(0, "a");
	k = play_get(0, "a");
	ck_assert_int_eq(k->status, EWB_BUSY);
	ck_assert_uint_eq(PLAY_COUNT(commands_refused), 1);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 2);
}
END_TEST

static enum ewb_status
ignore_the_refusal(struct script *s, struct ewb_cookie *c)
{
	s->ticket = ewb_cookie_block(c, s);
	return EWB_WOULDBLOCK;
}

START_TEST(who_ignores_the_refusal_is_answered_and_named)
{
	struct script *s = script_for("a"), *n = script_for("n");
	struct call *k;

#ifdef EWB_STRICT
	return;
#endif
	s->block_for = 1;
	play_get(0, "a");
	play_get(0, "a");
	n->instead = ignore_the_refusal;
	k = play_get(0, "n");
	ck_assert_uint_eq(n->ticket.word, 0);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_BUSY);
	ck_assert_uint_eq(PLAY_COUNT(engine_mistakes), 1);
	ck_assert_uint_eq(
		play_logged("get: said would block with a refused ticket"), 1);
	ck_assert_int_eq(ewb_notify(n->ticket, EWB_OK), EWB_STALE);
	ck_assert_uint_eq(play_stale(EWB_OP_GET), 1);
	script_notify_nth(s, 0, EWB_OK);
	script_notify_nth(s, 1, EWB_OK);
	play_settle();
}
END_TEST

/* Waiting for a key over all connections. */

static struct script *taken;

/* One of at most two is blocked, and has the key. */
static void
begin_with_the_key_taken(bool cas)
{
	struct ewb_engine e = script_engine;

	if (!cas)
		e.can &= ~EWB_CAN_CAS;
	play_end();
	two = ewb_limits_default;
	two.max_cookies = 2;
	play_begin_with(&two, &e);
	script_put("k", "1");
	taken = script_for("k");
	taken->block_for = 1;
	play_call(0, EWB_OP_INCR, "k", NULL);
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 1);
}

static void
notify_all(void)
{
	unsigned n = 0;

	for (play_settle(); n < taken->ntickets; play_settle())
		script_notify_nth(taken, n++, EWB_OK);
}

START_TEST(who_waits_for_its_key_counts_as_blocked)
{
	const enum ewb_op op = _i ? EWB_OP_SET : EWB_OP_INCR;
	struct call *b, *c;

	begin_with_the_key_taken(!_i);
	b = play_call(1, op, "k", "5");
	ck_assert_uint_eq(b->cookie->key_state, EWB_KEY_WAITING);
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 2);
	ck_assert_uint_eq(atomic_load(&play.instance->cookies), 2);
	c = play_call(0, op, "k", "5");
	ck_assert_uint_eq(c->done, 1);
	ck_assert_int_eq(c->status, EWB_BUSY);
	ck_assert_uint_eq(PLAY_COUNT(commands_refused), 1);
	ck_assert_uint_eq(PLAY_COUNT(engine_mistakes), 0);
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 2);
	notify_all();
	ck_assert_int_eq(b->status, EWB_OK);
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 0);
}
END_TEST

enum { TURN, GONE, LATE, STOPPED, WAYS_HOME };

START_TEST(a_waiter_counts_until_it_is_home)
{
	struct call *b;

	begin_with_the_key_taken(true);
	play_pass(DEADLINE / 2);
	b = play_call(1, EWB_OP_INCR, "k", NULL);
	switch (_i) {
	case TURN:
		/* its get is home, then its store */
		for (unsigned i = 0; i < 2; i++) {
			script_notify_nth(taken, i, EWB_OK);
			ck_assert_int_eq(play_letter(0), 1);
		}
		ck_assert_uint_eq(b->cookie->key_state, EWB_KEY_GRANTED);
		ck_assert_uint_eq(atomic_load(&play.core.cookies), 1);
		taken->block_for = 0;
		ck_assert_int_eq(play_letter(1), 1);
		break;
	case GONE: play_hang_up(b); break;
	case LATE:
		play_pass(DEADLINE / 2);
		play_pass(DEADLINE / 2);
		break;
	case STOPPED: play_stop(); break;
	}
	ck_assert_uint_eq(atomic_load(&play.core.cookies), _i != TURN);
	notify_all();
	ck_assert_int_eq(b->released, true);
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 0);
	ck_assert_uint_eq(atomic_load(&play.instance->cookies), 0);
}
END_TEST

/* Until they are notified. */
START_TEST(cancelled_and_orphaned_cookies_count_as_in_flight)
{
	struct script *s = script_for("*");
	struct call *k;

	play_hang_up(play_get(0, "a"));
	play_get(0, "b");
	play_pass(DEADLINE);
	play_pass(DEADLINE);
	play_settle();
	ck_assert_uint_eq(atomic_load(&play.core.orphans), 2);
	k = play_get(0, "c");
	ck_assert_int_eq(k->status, EWB_BUSY);
	script_notify_nth(s, 0, EWB_OK);
	script_notify_nth(s, 1, EWB_OK);
	play_settle();
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 0);
}
END_TEST

START_TEST(the_bytes_that_blocked_commands_hold_are_counted)
{
	struct script *s = script_for("*");

	play_set(0, "a", "12345");
	ck_assert_uint_eq(atomic_load(&play.core.pinned), 24 + 5);
	play_get(0, "b");
	ck_assert_uint_eq(atomic_load(&play.core.pinned), 24 + 5 + 24);
	script_notify_nth(s, 0, EWB_OK);
	play_settle();
	ck_assert_uint_eq(atomic_load(&play.core.pinned), 24);
	script_notify_nth(s, 1, EWB_OK);
	play_settle();
	ck_assert_uint_eq(atomic_load(&play.core.pinned), 0);
}
END_TEST

START_TEST(a_command_over_the_limit_of_bytes_is_busy)
{
	struct script *s;
	struct call *k;

	play_end();
	two = ewb_limits_default;
	two.max_pinned = 2 * (24 + 5);
	play_begin_with(&two, &script_engine);
	s = script_for("*");
	s->block_for = 1;
	play_set(0, "a", "12345");
	/* the last one may be over the limit */
	play_set(1, "b", "1234567890");
	k = play_set(0, "c", "1");
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_BUSY);
	k = play_get(1, "c");
	ck_assert_int_eq(k->status, EWB_BUSY);
	ck_assert_uint_eq(PLAY_COUNT(commands_refused), 2);
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 2);
	ck_assert_uint_eq(atomic_load(&play.core.pinned), 2 * 24 + 15);
	/* what does not block is served, and there is room again */
	s->block_for = 0;
	ck_assert_int_eq(play_set(0, "d", "1")->status, EWB_OK);
	s->block_for = 1;
	script_notify_nth(s, 0, EWB_OK);
	play_settle();
	k = play_set(0, "c", "1");
	ck_assert_uint_eq(k->done, 0);
	script_notify_nth(s, 1, EWB_OK);
	script_notify_nth(s, 2, EWB_OK);
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
}
END_TEST

/* Nothing is allocated for a blocked command. */

#define MANY 1000

static void
block_many(enum ewb_op op)
{
	struct script *s = script_for("*");
	unsigned n;

	play.ncalls = 0;
	s->ntickets = 0;
	for (unsigned i = 0; i < MANY; i++)
		play_call(i % 2, op, "k", op == EWB_OP_INCR ? NULL : "1");
	play_settle();
	for (n = 0; n < s->ntickets; play_settle())
		for (unsigned have = s->ntickets; n < have; n++)
			script_notify_nth(s, n, EWB_OK);
	for (unsigned i = 0; i < MANY; i++)
		SCRIPT_MUST(play_calls[i].released);
}

/* Own tickets; offloaded; asleep in between; a counter; a blocking engine. */
static const struct way {
	enum ewb_op op;
	unsigned block_for;
	bool offload;
	enum script_step step;
	enum ewb_model model;
} ways[] = {
	{ EWB_OP_DELETE, 1, false, SCRIPT_ANSWER, EWB_NONBLOCKING },
	{ EWB_OP_DELETE, 0, true, SCRIPT_ANSWER, EWB_NONBLOCKING },
	{ EWB_OP_DELETE, 0, true, SCRIPT_AGAIN, EWB_NONBLOCKING },
	{ EWB_OP_INCR, 1, false, SCRIPT_ANSWER, EWB_NONBLOCKING },
	{ EWB_OP_INCR, 0, true, SCRIPT_ANSWER, EWB_NONBLOCKING },
	{ EWB_OP_DELETE, 0, false, SCRIPT_ANSWER, EWB_BLOCKING },
	{ EWB_OP_DELETE, 0, false, SCRIPT_ANSWER, EWB_BLOCKING_SERIAL },
};
#define NWAYS (int)(sizeof ways / sizeof *ways)

START_TEST(a_thousand_blocked_commands_allocate_nothing)
{
	const struct way *w = &ways[_i];
	struct ewb_engine e = script_engine;
	struct script *s;
	uint64_t before;

	e.model = w->model;
	play_begin_with(&ewb_limits_default, &e);
	s = script_for("*");
	s->block_for = w->block_for;
	s->offload = w->offload;
	s->plan[0] = w->step;
	s->nplan = 1;
	block_many(w->op); /* warms up */
	block_many(w->op);
	before = ewb_alloc_count();
	block_many(w->op);
	ck_assert_uint_eq(ewb_alloc_count(), before);
	if (ewb_alloc_counts())
		ck_assert_uint_gt(before, 0);
	play_end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: limits");
	TCase *t = tcase_create("two in flight");
	TCase *alloc = tcase_create("allocations");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, play_end);
	tcase_add_test(t, a_command_over_the_limit_gets_no_ticket);
	tcase_add_test(t, an_offload_over_the_limit_is_busy);
	tcase_add_test(t, who_ignores_the_refusal_is_answered_and_named);
	tcase_add_loop_test(t, who_waits_for_its_key_counts_as_blocked, 0, 2);
	tcase_add_loop_test(t, a_waiter_counts_until_it_is_home, 0, WAYS_HOME);
	tcase_add_test(t, cancelled_and_orphaned_cookies_count_as_in_flight);
	tcase_add_test(t, the_bytes_that_blocked_commands_hold_are_counted);
	tcase_add_test(t, a_command_over_the_limit_of_bytes_is_busy);
	suite_add_tcase(s, t);
	tcase_set_timeout(alloc, UNIT_SECONDS);
	tcase_add_loop_test(alloc, a_thousand_blocked_commands_allocate_nothing,
	                    0, NWAYS);
	suite_add_tcase(s, alloc);
	return unit_run(s);
}
