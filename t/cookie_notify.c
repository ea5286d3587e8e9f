/* SPDX-License-Identifier: BSD-2-Clause */
/* When a notify may come, and what it does then. */
#include "config.h"

#include <stdlib.h>

#include "t/cookie_play.h"

static struct call *
blocked_get(struct script *s)
{
	s->block_for = 1;
	script_put("k", "value");
	return play_get(0, "k");
}

START_TEST(a_notify_runs_the_command_again_once)
{
	struct script *s = script_for("k");
	struct call *k = blocked_get(s);

	ck_assert_uint_eq(s->runs, 1);
	ck_assert_uint_eq(k->done, 0);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	ck_assert_uint_eq(s->runs, 1); /* never inline */
	ck_assert_int_eq(play_letter(0), 1);
	ck_assert_uint_eq(s->runs, 2);
	ck_assert_int_eq(s->resumed[0], EWB_NEW);
	ck_assert_int_eq(s->resumed[1], EWB_OK);
	play_settle();
	ck_assert_uint_eq(s->runs, 2);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_str_eq(k->reply, "value");
	ck_assert_uint_eq(PLAY_COUNT(commands_blocked), 1);
	ck_assert_uint_eq(PLAY_COUNT(commands_resumed), 1);
}
END_TEST

/* Inside the callback, and by a helper that has ended before its return. */
START_TEST(a_notify_before_the_return_runs_the_command_again_once)
{
	struct script *s = script_for("k");
	struct call *k;

	s->early = _i ? SCRIPT_HELPER : SCRIPT_INSIDE;
	k = blocked_get(s);
	ck_assert_int_eq(s->early_says[0], EWB_OK);
	ck_assert_uint_eq(s->runs, 1); /* never inline */
	ck_assert_uint_eq(k->done, 0);
	ck_assert_int_eq(play_letter(0), 1);
	ck_assert_uint_eq(s->runs, 2);
	play_settle();
	ck_assert_uint_eq(s->runs, 2);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_str_eq(k->reply, "value");
}
END_TEST

START_TEST(a_second_notify_is_stale_and_counted)
{
	struct script *s = script_for("k");
	struct call *k = blocked_get(s);

	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	ck_assert_int_eq(script_notify(s, EWB_NOT_FOUND), EWB_STALE);
	ck_assert_uint_eq(play_stale(EWB_OP_GET), 1);
	ck_assert_uint_eq(play_stale(EWB_OP_SET), 0);
	play_settle();
	ck_assert_uint_eq(s->runs, 2);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(PLAY_COUNT(commands_resumed), 1);
}
END_TEST

START_TEST(a_second_notify_before_the_return_is_stale)
{
	struct script *s = script_for("k");
	struct call *k;

	s->early = _i ? SCRIPT_HELPER : SCRIPT_INSIDE;
	s->times = 2;
	k = blocked_get(s);
	ck_assert_int_eq(s->early_says[0], EWB_OK);
	ck_assert_int_eq(s->early_says[1], EWB_STALE);
	play_settle();
	ck_assert_uint_eq(s->runs, 2);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_uint_eq(play_stale(EWB_OP_GET), 1);
}
END_TEST

START_TEST(a_ticket_of_an_earlier_block_is_stale)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 2;
	k = play_get(0, "k");
	script_notify(s, EWB_OK);
	play_letter(0);
	ck_assert_uint_eq(s->ntickets, 2);
	ck_assert_int_eq(script_notify_nth(s, 0, EWB_OK), EWB_STALE);
	ck_assert_int_eq(ewb_cancelled(s->tickets[0]), 1);
	ck_assert_int_eq(ewb_cancelled(s->tickets[1]), 0);
	play_settle();
	ck_assert_uint_eq(k->done, 0);
	ck_assert_uint_eq(s->runs, 2);
	ck_assert_uint_eq(play_stale(EWB_OP_GET), 1);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

START_TEST(a_ticket_of_an_earlier_command_in_the_slot_is_stale)
{
	struct script *s = script_for("k"), *later = script_for("later");
	struct call *k = blocked_get(s);
	struct ewb_cookie *slot = k->cookie;

	script_notify(s, EWB_OK);
	play_settle();
	later->block_for = 1;
	k = play_set(0, "later", "x");
	ck_assert_ptr_eq(k->cookie, slot);
	ck_assert_int_eq(script_notify(s, EWB_INTERNAL), EWB_STALE);
	/* by what the slot serves now: the ticket knows no more */
	ck_assert_uint_eq(play_stale(EWB_OP_SET), 1);
	play_settle();
	ck_assert_uint_eq(later->runs, 1);
	ck_assert_uint_eq(k->done, 0);
	script_notify(later, EWB_OK);
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
}
END_TEST

START_TEST(a_notify_after_the_client_has_gone_brings_the_cookie_home)
{
	struct script *s = script_for("k");
	struct call *k = blocked_get(s);

	play_hang_up(k);
	ck_assert_uint_eq(k->released,
	                  0); /* its memory is the engine's still */
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	play_settle();
	ck_assert_uint_eq(s->runs, 1); /* nobody wants the answer */
	ck_assert_uint_eq(k->done, 0);
	ck_assert_uint_eq(k->home, 1);
	ck_assert_int_eq(k->released, 1);
	ck_assert_uint_eq(s->destroys, 1);
}
END_TEST

START_TEST(a_notify_after_the_deadline_brings_the_cookie_home)
{
	struct script *s = script_for("k");
	struct call *k = blocked_get(s);

	play_pass(2500 * 1000);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	play_settle();
	ck_assert_int_eq(k->emitted, 1);
	ck_assert_int_eq(k->released, 0);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_uint_eq(k->home, 1);
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_int_eq(k->released, 1);
}
END_TEST

START_TEST(a_notify_after_the_server_has_gone_touches_nothing)
{
	struct script *s = script_for("k");
	struct ewb_ticket t;
	struct call *k = blocked_get(s);
	uint64_t before;

	t = s->ticket;
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	play_end();
	memset(&play.core, 0xa5, sizeof play.core);
	memset(&play.d, 0xa5, sizeof play.d);
	before = atomic_load(&ewb_blame_of("script")->stale[EWB_OP_GET]);
	ck_assert_int_eq(ewb_notify(t, EWB_OK), EWB_STALE);
	ck_assert_int_eq(ewb_cancelled(t), 1);
	ck_assert_int_eq(ewb_ticket_cancel(t), EWB_STALE);
	ck_assert_uint_eq(
		atomic_load(&ewb_blame_of("script")->stale[EWB_OP_GET]),
		before + 1);
	play_begin();
	ck_assert_int_eq(ewb_notify(t, EWB_OK), EWB_STALE);
}
END_TEST

START_TEST(no_ticket_at_all_is_stale)
{
	const struct ewb_ticket none = { NULL, 0 };

	ck_assert_int_eq(ewb_notify(none, EWB_OK), EWB_STALE);
	ck_assert_int_eq(ewb_cancelled(none), 1);
	ck_assert_int_eq(ewb_ticket_cancel(none), EWB_STALE);
}
END_TEST

START_TEST(a_notify_with_an_error_ends_the_command_without_a_rerun)
{
	struct script *s = script_for("k");
	struct call *k = blocked_get(s);

	script_notify(s, EWB_NOT_FOUND);
	play_settle();
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_NOT_FOUND);
	ck_assert_uint_eq(s->destroys, 1);
}
END_TEST

START_TEST(what_the_background_filled_is_the_answer)
{
	struct script *s = script_for("k");
	struct call *k = blocked_get(s);

	script_fill(s, "from the ");
	script_fill(s, "background");
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_str_eq(k->reply, "from the background");
}
END_TEST

START_TEST(a_command_may_block_five_times)
{
	struct script *s = script_for("k");
	struct call *k;

	script_put("k", "value");
	s->block_for = 5;
	k = play_get(0, "k");
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(s->runs, i + 1);
		ck_assert_uint_eq(s->destroys, 0);
		ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
		play_settle();
	}
	ck_assert_uint_eq(s->runs, 6);
	for (unsigned i = 1; i < 6; i++)
		ck_assert_int_eq(s->resumed[i], EWB_OK);
	ck_assert_uint_eq(s->destroys, 1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_str_eq(k->reply, "value");
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(script_notify_nth(s, i, EWB_OK), EWB_STALE);
	ck_assert_uint_eq(play_stale(EWB_OP_GET), 5);
}
END_TEST

/* State. */

static unsigned destroyed[2];

static void
destroy_one(void *p)
{
	++*(unsigned *)p;
}

static enum ewb_status
replace_state(struct script *s, struct ewb_cookie *c)
{
	ewb_cookie_set_state(c, &destroyed[0], destroy_one);
	ck_assert_ptr_eq(ewb_cookie_state(c), &destroyed[0]);
	ewb_cookie_set_state(c, &destroyed[0],
	                     destroy_one); /* the same: kept */
	ck_assert_uint_eq(destroyed[0], 0);
	ewb_cookie_set_state(c, &destroyed[1], destroy_one);
	ck_assert_uint_eq(destroyed[0], 1);
	return s->status;
}

START_TEST(a_state_is_destroyed_once_when_replaced_and_at_the_end)
{
	struct script *s = script_for("k");

	memset(destroyed, 0, sizeof destroyed);
	s->instead = replace_state;
	play_get(0, "k");
	ck_assert_uint_eq(destroyed[0], 1);
	ck_assert_uint_eq(destroyed[1], 1);
	play_settle();
	ck_assert_uint_eq(destroyed[0] + destroyed[1], 2);
}
END_TEST

static enum ewb_status
look_at_request(struct script *s, struct ewb_cookie *c)
{
	static const struct ewb_request *first;
	const struct ewb_request *r = ewb_cookie_request(c);

	if (s->runs == 1) {
		first = r;
		s->ticket = ewb_cookie_block(c, s);
		return EWB_WOULDBLOCK;
	}
	ck_assert_ptr_eq(r, first);
	ck_assert_uint_eq(r->nkey, 1);
	ck_assert_int_eq(memcmp(r->key, "k", 1), 0);
	ck_assert_uint_eq(r->hash, ewb_key_hash("k", 1));
	ck_assert_uint_eq(r->vbucket, ewb_key_vbucket(r->hash, 64));
	return EWB_OK;
}

START_TEST(the_request_is_the_same_in_each_run)
{
	struct script *s = script_for("k");

	s->instead = look_at_request;
	play_get(0, "k");
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(s->runs, 2);
}
END_TEST

START_TEST(a_blocked_cookie_is_never_reused_before_its_notify)
{
	struct script *s = script_for("k");
	struct ewb_cookie *slot = blocked_get(s)->cookie;

	play_hang_up(&play_calls[0]);
	for (unsigned i = 0; i < 200; i++) {
		struct call *k = play_get(0, "other");

		ck_assert_ptr_ne(k->cookie, slot);
		play_settle();
	}
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_ptr_eq(play_get(0, "other")->cookie, slot);
	play_settle();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: notify");
	TCase *t = play_case("stepped");

	tcase_add_test(t, a_notify_runs_the_command_again_once);
	tcase_add_loop_test(
		t, a_notify_before_the_return_runs_the_command_again_once, 0,
		2);
	tcase_add_test(t, a_second_notify_is_stale_and_counted);
	tcase_add_loop_test(t, a_second_notify_before_the_return_is_stale, 0,
	                    2);
	tcase_add_test(t, a_ticket_of_an_earlier_block_is_stale);
	tcase_add_test(t, a_ticket_of_an_earlier_command_in_the_slot_is_stale);
	tcase_add_test(
		t, a_notify_after_the_client_has_gone_brings_the_cookie_home);
	tcase_add_test(t, a_notify_after_the_deadline_brings_the_cookie_home);
	tcase_add_test(t, a_notify_after_the_server_has_gone_touches_nothing);
	tcase_add_test(t, no_ticket_at_all_is_stale);
	tcase_add_test(t,
	               a_notify_with_an_error_ends_the_command_without_a_rerun);
	tcase_add_test(t, what_the_background_filled_is_the_answer);
	tcase_add_test(t, a_command_may_block_five_times);
	tcase_add_test(t,
	               a_state_is_destroyed_once_when_replaced_and_at_the_end);
	tcase_add_test(t, the_request_is_the_same_in_each_run);
	tcase_add_test(t, a_blocked_cookie_is_never_reused_before_its_notify);
	suite_add_tcase(s, t);
	return unit_run(s);
}
