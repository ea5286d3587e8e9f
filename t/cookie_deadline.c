/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlines, and cookies that nobody notifies. */
#include "config.h"

#include "t/cookie_play.h"

#define MS 1000
#define DEADLINE (2500 * MS)

static struct call *
blocked(enum ewb_op op)
{
	script_for("k")->block_for = 1;
	script_put("k", "value");
	return play_call(0, op, "k", "v");
}

START_TEST(a_get_past_its_deadline_is_answered_and_cancelled_once)
{
	struct call *k = blocked(EWB_OP_GET);
	struct script *s = script_for("k");

	play_pass(DEADLINE - 1);
	ck_assert_uint_eq(k->done, 0);
	play_pass(1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->done_away, true);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(s->why, EWB_CANCEL_DEADLINE);
	ck_assert_int_eq(ewb_cancelled(s->ticket), 1);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 1);
	ck_assert_uint_eq(PLAY_COUNT(cancelled_deadline), 1);
	ck_assert_uint_eq(PLAY_COUNT(outcome_unknown), 0);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

START_TEST(a_mutation_past_its_deadline_has_an_unknown_outcome)
{
	struct call *k = blocked(EWB_OP_SET);

	play_pass(DEADLINE);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	ck_assert_uint_eq(PLAY_COUNT(outcome_unknown), 1);
	script_notify(script_for("k"), EWB_OK);
	play_settle();
}
END_TEST

START_TEST(a_notify_that_came_in_time_wins_though_its_letter_waits)
{
	struct call *k = blocked(EWB_OP_GET);

	play_pass(DEADLINE - 1);
	script_notify(script_for("k"), EWB_OK);
	play_pass(DEADLINE);
	ck_assert_uint_eq(k->done, 0);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 0);
}
END_TEST

START_TEST(the_deadline_does_not_run_before_the_command_begins)
{
	struct ewb_cookie *c;

	ewb_now_on_front(play.d[0].thread);
	script_for("k")->block_for = 1;
	c = ewb_cookie_take(&play.d[0], EWB_OP_GET, &play.session[0]);
	play_calls[0] = (struct call){ .cookie = c };
	play.ncalls = 1;
	c->request.key = "k";
	c->request.nkey = 1;
	c->wait = EWB_WAIT_TURN;
	play_pass(100 * DEADLINE);
	ewb_cookie_start(c);
	play_pass(DEADLINE - 1);
	ck_assert_uint_eq(play_calls[0].done, 0);
	play_pass(1);
	ck_assert_uint_eq(play_calls[0].done, 1);
	script_notify(script_for("k"), EWB_OK);
	play_settle();
}
END_TEST

START_TEST(several_blocks_share_one_deadline)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 3;
	k = play_get(0, "k");
	play_pass(1000 * MS);
	script_notify(s, EWB_OK);
	play_pass(0); /* its letter: when it arrives counts */
	play_letter(0);
	play_pass(1000 * MS);
	script_notify(s, EWB_OK);
	play_letter(0);
	ck_assert_uint_eq(s->ntickets, 3);
	play_pass(499 * MS);
	ck_assert_uint_eq(k->done, 0);
	play_pass(1 * MS);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	ck_assert_uint_eq(s->cancels, 1);
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

START_TEST(time_that_is_used_up_leaves_none_for_the_next_block)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 2;
	k = play_get(0, "k");
	script_notify(s, EWB_OK);
	play_pass(2 * DEADLINE); /* its letter lay there for that long */
	play_letter(0);
	ck_assert_uint_eq(s->ntickets, 2);
	play_pass(0);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

START_TEST(the_wait_in_the_pools_queue_counts)
{
	struct script *s = script_for("k");
	struct call *k;

	s->offload = true;
	k = play_get(0, "k");
	play_turn(0);
	play_pass(DEADLINE);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 0);
}
END_TEST

START_TEST(a_commands_own_deadline_replaces_the_default)
{
	struct script *s = script_for("k");
	struct call *k;

	s->deadline_ms = _i ? 10000 : 10;
	s->block_for = 1;
	k = play_get(0, "k");
	play_pass((uint64_t)s->deadline_ms * MS - 1);
	ck_assert_uint_eq(k->done, 0);
	play_pass(1);
	ck_assert_uint_eq(k->done, 1);
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

/* An increment's get says how long it may take. */
START_TEST(the_deadline_of_a_half_is_that_of_the_whole)
{
	struct script *s = script_for("k");
	struct call *k;

	s->deadline_ms = _i ? 10000 : 10;
	s->block_for = 1;
	k = play_call(0, EWB_OP_INCR, "k", NULL);
	play_pass((uint64_t)s->deadline_ms * MS - 1);
	ck_assert_uint_eq(k->done, 0);
	play_pass(1);
	ck_assert_uint_eq(k->done, 1);
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

/* As the header has it: after its get's notify it is too late to say. */
START_TEST(a_half_that_was_notified_does_not_change_the_deadline)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 2;
	k = play_call(0, EWB_OP_INCR, "k", NULL);
	s->deadline_ms = 10000;
	script_notify(s, EWB_OK);
	play_letter(0);
	ck_assert_uint_eq(s->ntickets, 2);
	play_pass(DEADLINE);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

static enum ewb_status
block_for_ever(struct script *s, struct ewb_cookie *c)
{
	if (s->runs > 1)
		return EWB_OK;
	ewb_cookie_set_deadline(c, 0);
	s->ticket = ewb_cookie_block(c, s);
	return EWB_WOULDBLOCK;
}

START_TEST(a_command_without_a_deadline_waits_for_ever)
{
	struct script *s = script_for("k");
	struct call *k;

	ewb_now_on_front(play.d[0].thread);
	s->instead = block_for_ever;
	k = play_get(0, "k");
	ck_assert_uint_eq(ewb_dispatch_next(&play.d[0]), UINT64_MAX);
	play_pass(1000ull * DEADLINE);
	ck_assert_uint_eq(k->done, 0);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
}
END_TEST

START_TEST(the_earliest_deadline_is_known)
{
	struct script *s = script_for("k");

	ewb_now_on_front(play.d[0].thread);
	s->block_for = 1;
	play_get(0, "k");
	play_pass(1000 * MS);
	play_get(0, "k");
	ck_assert_uint_eq(ewb_dispatch_next(&play.d[0]), 1500 * MS);
	script_notify_nth(s, 0, EWB_OK);
	play_settle();
	ck_assert_uint_eq(ewb_dispatch_next(&play.d[0]), 2500 * MS);
	ewb_clock_advance(&play.core.clock, 2 * DEADLINE);
	ck_assert_uint_eq(ewb_dispatch_next(&play.d[0]), 0);
	script_notify_nth(s, 1, EWB_OK);
	play_settle();
	ck_assert_uint_eq(ewb_dispatch_next(&play.d[0]), UINT64_MAX);
}
END_TEST

/* Orphans. */

START_TEST(a_cookie_that_nobody_notifies_is_named_in_the_log)
{
	struct call *k = blocked(EWB_OP_SET);

	play_pass(DEADLINE);
	play_settle();
	ck_assert_uint_eq(play_logged("orphan"), 0);
	play_pass(DEADLINE);
	ck_assert_uint_eq(play_logged("engine script: set of connection "
	                              "client-0: not notified for 5.0 s; kept "
	                              "as an orphan"),
	                  1);
	ck_assert_uint_eq(PLAY_COUNT(orphaned), 1);
	ck_assert_uint_eq(atomic_load(&play.core.orphans), 1);
	ck_assert_uint_eq(k->cookie->orphan, 1);
	play_pass(100 * DEADLINE); /* said once */
	ck_assert_uint_eq(play.nlines, 1);
	script_notify(script_for("k"), EWB_OK);
	play_settle();
	ck_assert_uint_eq(PLAY_COUNT(orphans_home), 1);
	ck_assert_uint_eq(atomic_load(&play.core.orphans), 0);
	ck_assert_uint_eq(play_logged("engine script: set: notified after "
	                              "255.0 s, when it was an orphan"),
	                  1);
	ck_assert_int_eq(k->released, 1);
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

START_TEST(an_orphan_whose_client_has_gone_is_named_too)
{
	struct call *k = blocked(EWB_OP_GET);

	play_pass(100 * MS);
	play_hang_up(k);
	play_pass(DEADLINE);
	ck_assert_uint_eq(play_logged("engine script: get of connection "
	                              "(gone): not notified for 2.6 s"),
	                  1);
	ck_assert_uint_eq(k->done, 0);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 0);
	script_notify(script_for("k"), EWB_OK);
	play_settle();
	ck_assert_uint_eq(PLAY_COUNT(orphans_home), 1);
}
END_TEST

START_TEST(the_slot_of_an_orphan_is_not_used_before_it_is_home)
{
	struct ewb_cookie *slot = blocked(EWB_OP_GET)->cookie;
	const struct ewb_request *r = &slot->request;

	play_pass(DEADLINE);
	play_settle();
	play_pass(DEADLINE);
	for (unsigned i = 0; i < 300; i++) {
		ck_assert_ptr_ne(play_get(0, "other")->cookie, slot);
		if (i % 10 == 0)
			play_settle();
	}
	/* its engine may look at it, and fill it, as long as it likes */
	ck_assert_int_eq(memcmp(r->key, "k", 1), 0);
	script_fill(script_for("k"), "late");
	script_notify(script_for("k"), EWB_OK);
	play_settle();
}
END_TEST

START_TEST(an_orphan_is_called_so_after_a_second_at_least)
{
	struct script *s = script_for("k");
	struct call *k;

	play.core.limits.deadline_ms = 5;
	s->block_for = 1;
	k = play_get(0, "k");
	play_pass(5 * MS);
	ck_assert_uint_eq(k->done, 1);
	play_pass(999 * MS);
	ck_assert_uint_eq(PLAY_COUNT(orphaned), 0);
	play_pass(1 * MS);
	ck_assert_uint_eq(PLAY_COUNT(orphaned), 1);
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

START_TEST(a_stop_answers_all_and_leaves_orphans_counted)
{
	struct call *k = blocked(EWB_OP_GET), *l = play_get(1, "k");
	struct script *s = script_for("k");

	play_pass(DEADLINE / 2);
	play_stop();
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	ck_assert_int_eq(l->status, EWB_TEMPORARY);
	ck_assert_uint_eq(k->done + l->done, 2);
	ck_assert_uint_eq(s->cancels, 2);
	ck_assert_int_eq(s->why, EWB_CANCEL_STOP);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 0);
	ck_assert_uint_eq(PLAY_COUNT(cancelled_stop), 2);
	script_notify_nth(s, 0, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->released + l->released, 1);
	play_pass(DEADLINE);
	ck_assert_uint_eq(atomic_load(&play.core.orphans), 1);
	play_hang_up(l); /* its connection is cut */
	ck_assert_uint_eq(play.d[1].naway, 1);
	ck_assert_uint_eq(atomic_load(&play.core.cookies), 1);
	script_notify_nth(s, 1, EWB_OK);
	play_settle();
	ck_assert_uint_eq(PLAY_COUNT(orphans_home), 1);
}
END_TEST

START_TEST(what_blocks_after_the_stop_is_cancelled_at_once)
{
	struct script *s = script_for("k");
	struct call *k;

	play_stop();
	s->block_for = 1;
	s->cancel_notifies = true;
	k = play_get(0, "k");
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(s->why, EWB_CANCEL_STOP);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	ck_assert_uint_eq(s->runs, 1);
}
END_TEST

/* Its letter was there when all others were cancelled. */
START_TEST(what_blocks_again_after_the_stop_is_answered_at_once)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 2;
	k = play_call(0, _i ? EWB_OP_APPEND : EWB_OP_GET, "k", "v");
	script_notify(s, EWB_OK);
	play_stop();
	ck_assert_uint_eq(k->done, 0);
	play_letter(0);
	ck_assert_uint_eq(s->ntickets, 2);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->released, true);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: deadlines and orphans");
	TCase *t = play_case("stepped");

	tcase_add_test(t,
	               a_get_past_its_deadline_is_answered_and_cancelled_once);
	tcase_add_test(t, a_mutation_past_its_deadline_has_an_unknown_outcome);
	tcase_add_test(t,
	               a_notify_that_came_in_time_wins_though_its_letter_waits);
	tcase_add_test(t, the_deadline_does_not_run_before_the_command_begins);
	tcase_add_test(t, several_blocks_share_one_deadline);
	tcase_add_test(t, time_that_is_used_up_leaves_none_for_the_next_block);
	tcase_add_test(t, the_wait_in_the_pools_queue_counts);
	tcase_add_loop_test(t, a_commands_own_deadline_replaces_the_default, 0,
	                    2);
	tcase_add_loop_test(t, the_deadline_of_a_half_is_that_of_the_whole, 0,
	                    2);
	tcase_add_test(t,
	               a_half_that_was_notified_does_not_change_the_deadline);
	tcase_add_test(t, a_command_without_a_deadline_waits_for_ever);
	tcase_add_test(t, the_earliest_deadline_is_known);
	tcase_add_test(t, a_cookie_that_nobody_notifies_is_named_in_the_log);
	tcase_add_test(t, an_orphan_whose_client_has_gone_is_named_too);
	tcase_add_test(t, the_slot_of_an_orphan_is_not_used_before_it_is_home);
	tcase_add_test(t, an_orphan_is_called_so_after_a_second_at_least);
	tcase_add_test(t, a_stop_answers_all_and_leaves_orphans_counted);
	tcase_add_test(t, what_blocks_after_the_stop_is_cancelled_at_once);
	tcase_add_loop_test(
		t, what_blocks_again_after_the_stop_is_answered_at_once, 0, 2);
	suite_add_tcase(s, t);
	return unit_run(s);
}
