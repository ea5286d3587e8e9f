/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that run others: each of the four waits of a parent may end in each
 * way. */
#include "config.h"

#include "t/cookie_parent.h"

static struct parent *parent;

static struct call *
begin(void)
{
	parent = parent_begin(0);
	return parent->k;
}

START_TEST(parent_and_children_may_all_block)
{
	struct call *k = begin();

	for (unsigned wait = 0; wait < 4; wait++) {
		ck_assert_uint_eq(k->done, 0);
		ck_assert_uint_eq(k->cookie->wait, EWB_WAIT_NOTIFY);
		parent_notify(parent);
		play_settle();
	}
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(parent->runs, 5);
	ck_assert_uint_eq(parent->destroys, 1);
	ck_assert_uint_eq(parent->get->runs, 2);
	ck_assert_uint_eq(parent->set->runs, 2);
	ck_assert_uint_eq(parent->get->destroys + parent->set->destroys, 2);
	ck_assert_str_eq(parent->seen, "old");
	ck_assert_int_eq(memcmp(script_item("set")->value, "new", 3), 0);
	ck_assert_uint_eq(PLAY_COUNT(commands_blocked), 4);
}
END_TEST

START_TEST(a_parent_is_told_its_childs_status)
{
	struct call *k = begin();

	parent_notify(parent);
	play_letter(0);
	ck_assert_int_eq(ewb_notify(parent_ticket(parent, 1), EWB_NO_ACCESS),
	                 EWB_OK);
	play_settle();
	ck_assert_int_eq(parent->resumed[2], EWB_NO_ACCESS);
	ck_assert_int_eq(k->status, EWB_NO_ACCESS);
	ck_assert_uint_eq(parent->get->runs, 1);
}
END_TEST

START_TEST(a_child_that_answers_at_once_does_not_block_its_parent)
{
	struct call *k = begin();

	parent->get->block_for = parent->set->block_for = 0;
	parent_notify(parent);
	play_letter(0);
	ck_assert_uint_eq(parent->get->runs, 1);
	ck_assert_uint_eq(parent->ntickets, 2);
	ck_assert_int_eq(ewb_notify(parent_ticket(parent, 2), EWB_OK), EWB_OK);
	play_settle();
	ck_assert_uint_eq(parent->runs, 3);
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

static void
reach(unsigned wait)
{
	for (unsigned i = 0; i < wait; i++) {
		parent_notify(parent);
		play_settle();
	}
}

static const char *
end_at(struct call *k, enum ewb_cancel_reason why)
{
	ewb_now_on_front(play.d[0].thread);
	if (why == EWB_CANCEL_GONE)
		play_hang_up(k);
	else if (why == EWB_CANCEL_DEADLINE)
		play_pass(PARENT_DEADLINE);
	else if (why == EWB_CANCEL_STOP)
		play_stop();
	else
		ewb_dispatch_cancel_all(&play.d[0], why, play.instance);
	return NULL;
}

/* In each of the four waits, for each reason that ends the command. */
START_TEST(what_ends_a_parent_tells_the_engine_of_the_armed_block_once)
{
	static const enum ewb_cancel_reason why[] = { EWB_CANCEL_GONE,
		                                      EWB_CANCEL_DEADLINE,
		                                      EWB_CANCEL_ENGINE,
		                                      EWB_CANCEL_STOP };
	unsigned wait = (unsigned)_i / 4, ran;
	struct call *k = begin();
	struct script *s;

	reach(wait);
	s = parent_waits_for(parent, wait);
	ran = parent->get->runs + parent->set->runs;
	end_at(k, why[_i % 4]);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(s->why, why[_i % 4]);
	ck_assert_uint_eq(s->cancelled.word, parent_ticket(parent, wait).word);
	ck_assert_uint_eq(parent->own->cancels + parent->get->cancels +
	                          parent->set->cancels,
	                  1);
	ck_assert_uint_eq(k->done, why[_i % 4] != EWB_CANCEL_GONE);
	if (k->done)
		ck_assert_int_eq(k->status, EWB_TEMPORARY);
	play_settle();
	ck_assert_int_eq(k->released, false);
	parent_notify(parent);
	play_settle();
	ck_assert_int_eq(k->released, true);
	ck_assert_uint_eq(parent->runs, wait + 1);
	/* nor is the child run again, for nobody */
	ck_assert_uint_eq(parent->get->runs + parent->set->runs, ran);
	ck_assert_uint_eq(parent->destroys, 1);
	ck_assert_uint_eq(parent->get->destroys, parent->get->ntickets);
	ck_assert_uint_eq(parent->set->destroys, parent->set->ntickets);
}
END_TEST

START_TEST(a_childs_notify_that_came_in_time_wins_though_its_letter_waits)
{
	struct call *k = begin();

	reach(1);
	parent_notify(parent);
	play_pass(2 * PARENT_DEADLINE);
	if (_i)
		play_stop();
	ck_assert_uint_eq(k->done, 0);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 0);
	play_letter(0);
	ck_assert_uint_eq(parent->runs, 3); /* and blocks again */
	play_pass(0);
	ck_assert_uint_eq(k->done, 1);
	parent_notify(parent);
	play_settle();
}
END_TEST

START_TEST(a_childs_ticket_may_be_cancelled_by_the_client)
{
	struct call *k = begin();

	reach(1);
	ck_assert_int_eq(ewb_ticket_cancel(parent_ticket(parent, 1)), EWB_OK);
	play_letter(0);
	ck_assert_uint_eq(parent->get->cancels, 1);
	ck_assert_int_eq(parent->get->why, EWB_CANCEL_CLIENT);
	ewb_notify(parent_ticket(parent, 1), EWB_TEMPORARY);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
}
END_TEST

START_TEST(all_waits_of_parent_and_children_share_one_deadline)
{
	struct call *k = begin();

	for (unsigned wait = 0; wait < 3; wait++) {
		play_pass(800 * 1000);
		parent_notify(parent);
		play_settle();
	}
	play_pass(100 * 1000 - 1);
	ck_assert_uint_eq(k->done, 0);
	play_pass(1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 1);
	ck_assert_uint_eq(parent->set->cancels, 1);
	parent_notify(parent);
	play_settle();
}
END_TEST

START_TEST(a_parent_whose_child_is_lost_is_the_orphan)
{
	struct call *k = begin();

	reach(1);
	play_pass(PARENT_DEADLINE);
	play_pass(PARENT_DEADLINE);
	ck_assert_uint_eq(play_logged("verbosity of connection client-0: not "
	                              "notified for 5.0 s"),
	                  1);
	ck_assert_uint_eq(atomic_load(&play.core.orphans), 1);
	parent_notify(parent);
	play_settle();
	ck_assert_uint_eq(PLAY_COUNT(orphans_home), 1);
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

START_TEST(a_child_whose_first_run_forgets_the_ticket_fails_its_parent)
{
	struct call *k;

#ifdef EWB_STRICT
	return;
#endif
	k = begin();
	parent_notify(parent);
	parent->get->block_for = 0;
	parent->get->status = EWB_WOULDBLOCK;
	play_settle();
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	ck_assert_uint_eq(PLAY_COUNT(engine_mistakes), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: children");
	TCase *t = play_case("stepped");

	tcase_add_test(t, parent_and_children_may_all_block);
	tcase_add_test(t, a_parent_is_told_its_childs_status);
	tcase_add_test(t,
	               a_child_that_answers_at_once_does_not_block_its_parent);
	tcase_add_loop_test(
		t, what_ends_a_parent_tells_the_engine_of_the_armed_block_once,
		0, 16);
	tcase_add_loop_test(
		t,
		a_childs_notify_that_came_in_time_wins_though_its_letter_waits,
		0, 2);
	tcase_add_test(t, a_childs_ticket_may_be_cancelled_by_the_client);
	tcase_add_test(t, all_waits_of_parent_and_children_share_one_deadline);
	tcase_add_test(t, a_parent_whose_child_is_lost_is_the_orphan);
	tcase_add_test(
		t, a_child_whose_first_run_forgets_the_ticket_fails_its_parent);
	suite_add_tcase(s, t);
	return unit_run(s);
}
