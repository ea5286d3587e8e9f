/* SPDX-License-Identifier: BSD-2-Clause */
/* Cancel, for each of its five reasons: what the engine is told, on which
 * thread, and what becomes of an offloaded task. */
#include "config.h"

#include "t/cookie_play.h"

#define DEADLINE (2500 * 1000)

static void *
ask_for_cancel(void *ticket)
{
	struct ewb_ticket *t = ticket;

	return ewb_ticket_cancel(*t) == EWB_OK ? ticket : NULL;
}

static void
ask_from_a_thread(struct ewb_ticket t)
{
	pthread_t helper;
	void *accepted;

	ck_assert_int_eq(pthread_create(&helper, NULL, ask_for_cancel, &t), 0);
	ck_assert_int_eq(pthread_join(helper, &accepted), 0);
	ck_assert_ptr_nonnull(accepted);
}

static void
cancel_for_engine(struct ewb_instance *only)
{
	ewb_now_on_front(play.d[0].thread);
	ewb_dispatch_cancel_all(&play.d[0], EWB_CANCEL_ENGINE, only);
}

/* Cancels the command for that reason, whoever has its ticket. */
static void
cancel(struct call *k, struct ewb_ticket t, enum ewb_cancel_reason why)
{
	switch (why) {
	case EWB_CANCEL_GONE: play_hang_up(k); break;
	case EWB_CANCEL_CLIENT:
		ask_from_a_thread(t);
		play_letter(0);
		break;
	case EWB_CANCEL_DEADLINE: play_pass(DEADLINE); break;
	case EWB_CANCEL_ENGINE: cancel_for_engine(play.instance); break;
	case EWB_CANCEL_STOP: play_stop(); break;
	}
}

static uint64_t
count_of(enum ewb_cancel_reason why)
{
	const enum ewb_counter at[] = { 0,
		                        EWB_COUNT_cancelled_gone,
		                        EWB_COUNT_cancelled_client,
		                        EWB_COUNT_cancelled_deadline,
		                        EWB_COUNT_cancelled_engine,
		                        EWB_COUNT_cancelled_stop };

	return play_count(at[why]);
}

#define FOR_EACH_REASON(t, test) \
	tcase_add_loop_test(t, test, EWB_CANCEL_GONE, EWB_CANCEL_STOP + 1)

/* All that may end it, one after the other. */
static void
cancel_for_all_others(struct call *k, struct ewb_ticket t,
                      enum ewb_cancel_reason but)
{
	for (int why = EWB_CANCEL_STOP; why > 0; why--) {
		if (why == (int)but || (why == EWB_CANCEL_CLIENT))
			continue;
		if (k->cookie && k->cookie->session)
			cancel(k, t, (enum ewb_cancel_reason)why);
	}
}

START_TEST(the_engine_is_told_once_of_each_armed_block)
{
	enum ewb_cancel_reason why = (enum ewb_cancel_reason)_i;
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	k = play_get(0, "k");
	ck_assert_int_eq(ewb_cancelled(s->ticket), 0);
	cancel(k, s->ticket, why);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(s->why, why);
	ck_assert_ptr_eq(s->cancelled.slot, s->ticket.slot);
	ck_assert_uint_eq(s->cancelled.word, s->ticket.word);
	ck_assert_int_ne(pthread_equal(s->cancelled_on, pthread_self()), 0);
	ck_assert_int_ne(ewb_cancelled(s->ticket), 0);
	ck_assert_uint_eq(count_of(why), 1);
	cancel_for_all_others(k, s->ticket, why);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(script_notify(s, EWB_TEMPORARY), EWB_OK);
	play_settle();
	ck_assert_int_eq(k->released, true);
	ck_assert_uint_eq(k->done, why != EWB_CANCEL_GONE);
	ck_assert_uint_eq(count_of(why), 1);
}
END_TEST

START_TEST(the_engine_is_not_told_of_a_block_that_is_notified)
{
	enum ewb_cancel_reason why = (enum ewb_cancel_reason)_i;
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	k = play_get(0, "k");
	script_notify(s, EWB_OK);
	if (why == EWB_CANCEL_CLIENT)
		ck_assert_int_eq(ewb_ticket_cancel(s->ticket), EWB_STALE);
	else
		cancel(k, s->ticket, why);
	play_settle();
	ck_assert_uint_eq(s->cancels, 0);
	ck_assert_uint_eq(count_of(why), 0);
	ck_assert_int_eq(k->released, true);
	ck_assert_uint_eq(k->done, why != EWB_CANCEL_GONE);
	if (k->done)
		ck_assert_int_eq(k->status, EWB_NOT_FOUND); /* its own */
}
END_TEST

START_TEST(a_cancel_may_notify_at_once)
{
	enum ewb_cancel_reason why = (enum ewb_cancel_reason)_i;
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	s->cancel_notifies = true;
	k = play_get(0, "k");
	cancel(k, s->ticket, why);
	ck_assert_uint_eq(s->cancels, 1);
	play_settle();
	ck_assert_int_eq(k->released, true);
	ck_assert_uint_eq(k->done, why != EWB_CANCEL_GONE);
	if (k->done)
		ck_assert_int_eq(k->status, EWB_TEMPORARY);
	ck_assert_uint_eq(s->runs, 1);
}
END_TEST

START_TEST(an_engine_without_a_cancel_sees_the_flag)
{
	enum ewb_cancel_reason why = (enum ewb_cancel_reason)_i;
	struct script *s = script_for("k");
	struct call *k;

	play.instance->engine.cancel = NULL;
	s->block_for = 1;
	k = play_get(0, "k");
	cancel(k, s->ticket, why);
	ck_assert_int_ne(ewb_cancelled(s->ticket), 0);
	ck_assert_uint_eq(count_of(why), 1);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_int_eq(k->released, true);
}
END_TEST

START_TEST(a_clients_cancel_does_not_answer_for_the_engine)
{
	struct script *s = script_for("k");
	struct call *k;

	script_put("k", "value");
	s->block_for = 1;
	k = play_get(0, "k");
	cancel(k, s->ticket, EWB_CANCEL_CLIENT);
	ck_assert_uint_eq(k->done, 0);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_str_eq(k->reply, "value");
}
END_TEST

START_TEST(a_cancel_asked_for_an_earlier_block_does_not_hit_the_next)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 2;
	k = play_get(0, "k");
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	/* asked before, posted after: as if the asker had been held up */
	atomic_fetch_or(&k->cookie->word, EWB_WORD_ASKED);
	k->cookie->asked_word = s->ticket.word;
	ewb_inbox_post(&play.d[0].inbox, &k->cookie->ask);
	play_letter(0);
	ck_assert_uint_eq(s->ntickets, 2);
	play_letter(0);
	ck_assert_uint_eq(s->cancels, 0);
	ck_assert_int_eq(ewb_cancelled(s->ticket), 0);
	ck_assert_int_eq(ewb_ticket_cancel(s->ticket), EWB_OK);
	play_letter(0);
	ck_assert_uint_eq(s->cancels, 1);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

START_TEST(a_cancel_that_is_asked_for_before_an_earlier_ones_letter_is_done)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 2;
	k = play_get(0, "k");
	ck_assert_int_eq(ewb_ticket_cancel(s->ticket), EWB_OK);
	/* the letter of the first is taken back, as if it came late */
	ck_assert_ptr_eq(atomic_exchange(&play.d[0].inbox.newest, NULL),
	                 &k->cookie->ask);
	script_notify(s, EWB_OK);
	play_letter(0);
	ck_assert_uint_eq(s->ntickets, 2);
	ck_assert_int_eq(ewb_ticket_cancel(s->ticket), EWB_OK);
	ewb_inbox_post(&play.d[0].inbox, &k->cookie->ask);
	play_letter(0);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_uint_eq(s->cancelled.word, s->ticket.word);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

/* Whoever asks has set its mark, and posts its letter late. */
START_TEST(a_slot_is_not_used_before_the_letter_of_who_asked_is_here)
{
	struct script *s = script_for("k");
	struct ewb_cookie *slot;
	struct call *k;

	s->block_for = 1;
	k = play_get(0, "k");
	slot = k->cookie;
	atomic_fetch_or(&slot->word, EWB_WORD_ASKED);
	slot->asked_word = s->ticket.word;
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->released, true);
	ck_assert_uint_eq(play.d[0].nused, 1);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_ptr_ne(play_get(0, "other")->cookie, slot);
	play_settle();
	ewb_inbox_post(&play.d[0].inbox, &slot->ask);
	play_settle();
	ck_assert_uint_eq(play.d[0].nused, 0);
	ck_assert_ptr_eq(play_get(0, "other")->cookie, slot);
	ck_assert_uint_eq(s->cancels, 0);
	play_settle();
}
END_TEST

START_TEST(the_close_of_one_engine_leaves_those_of_others)
{
	struct ewb_instance other = { .below = NULL };
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	k = play_get(0, "k");
	cancel_for_engine(&other);
	ck_assert_uint_eq(s->cancels, 0);
	ck_assert_uint_eq(k->done, 0);
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

/* Tasks. */

/* Handed over with the turn's tasks, or not yet. */
START_TEST(a_task_that_has_not_begun_never_runs)
{
	enum ewb_cancel_reason why = (enum ewb_cancel_reason)(_i / 2 + 1);
	struct script *s = script_for("k");
	struct call *k;
	struct ewb_ticket t;

	ewb_now_on_front(play.d[0].thread);
	s->offload = true;
	k = play_get(0, "k");
	t = ewb_cookie_ticket(k->cookie);
	if (_i % 2)
		play_turn(0);
	cancel(k, t, why);
	ck_assert_uint_eq(s->cancels, 1);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 0);
	ck_assert_uint_eq(count_of(why), 1);
	ck_assert_int_eq(k->released, true);
	ck_assert_uint_eq(k->done, why != EWB_CANCEL_GONE);
	if (k->done)
		ck_assert_int_eq(k->status, EWB_TEMPORARY);
}
END_TEST

/* The first, the one between, the last of the turn's tasks. */
START_TEST(the_others_of_the_turn_are_handed_over)
{
	struct script *s = script_for("*");
	struct call *k[4];

	s->offload = true;
	for (unsigned i = 0; i < 3; i++)
		k[i] = play_get(0, "k");
	play_hang_up(k[_i]);
	k[3] = play_get(0, "k");
	ck_assert_uint_eq(play.d[0].batch.n, 3);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 3);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(k[i]->done, i != (unsigned)_i);
}
END_TEST

static const enum ewb_cancel_reason reasons[] = {
	EWB_CANCEL_GONE, EWB_CANCEL_CLIENT, EWB_CANCEL_DEADLINE,
	EWB_CANCEL_ENGINE, EWB_CANCEL_STOP
};
static const enum script_step ways_to_wait[] = { SCRIPT_AGAIN, SCRIPT_PARK,
	                                         SCRIPT_SLEEP, SCRIPT_NOTHING };

static unsigned saw_cancel;

static void
look_whether_cancelled(struct script *s, struct ewb_cookie *c)
{
	(void)s;
	saw_cancel += ewb_cancelled(ewb_cookie_ticket(c)) != 0;
}

START_TEST(a_task_that_has_begun_runs_again_and_sees_the_flag)
{
	struct script *s = script_for("k");
	struct call *k;

	ewb_now_on_front(play.d[0].thread);
	saw_cancel = 0;
	s->offload = true;
	s->plan[s->nplan++] = ways_to_wait[_i % 4];
	s->sleep_us = 3600 * 1000000ull;
	s->within = look_whether_cancelled;
	k = play_get(0, "k");
	play_turn(0);
	play_task();
	ck_assert_uint_eq(s->task_runs, 1);
	cancel(k, ewb_cookie_ticket(k->cookie), reasons[_i / 4]);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 2);
	ck_assert_uint_eq(saw_cancel, 1);
	ck_assert_int_eq(k->released, true);
	ck_assert_uint_eq(s->cancels, 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: cancel");
	TCase *t = play_case("stepped");

	FOR_EACH_REASON(t, the_engine_is_told_once_of_each_armed_block);
	FOR_EACH_REASON(t, the_engine_is_not_told_of_a_block_that_is_notified);
	FOR_EACH_REASON(t, a_cancel_may_notify_at_once);
	FOR_EACH_REASON(t, an_engine_without_a_cancel_sees_the_flag);
	tcase_add_test(t, a_clients_cancel_does_not_answer_for_the_engine);
	tcase_add_test(
		t, a_cancel_asked_for_an_earlier_block_does_not_hit_the_next);
	tcase_add_test(
		t,
		a_cancel_that_is_asked_for_before_an_earlier_ones_letter_is_done);
	tcase_add_test(
		t, a_slot_is_not_used_before_the_letter_of_who_asked_is_here);
	tcase_add_test(t, the_close_of_one_engine_leaves_those_of_others);
	tcase_add_loop_test(t, a_task_that_has_not_begun_never_runs, 0, 10);
	tcase_add_loop_test(t, the_others_of_the_turn_are_handed_over, 0, 3);
	tcase_add_loop_test(
		t, a_task_that_has_begun_runs_again_and_sees_the_flag, 0, 20);
	suite_add_tcase(s, t);
	return unit_run(s);
}
