/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine can do wrong is answered, counted and named; it never ends
 * the server.  (With --enable-strict it does, and there is nothing to test.) */
#include "config.h"

#include "t/cookie_reader.h"

#define DEADLINE (2500 * 1000)

static struct script *script_that(enum ewb_status (*does)(struct script *s,
                                                          struct ewb_cookie *c))
{
	struct script *s = script_for("k");

	s->instead = does;
	return s;
}

static void
expect_mistake(const char *what)
{
	ck_assert_uint_eq(PLAY_COUNT(engine_mistakes), 1);
	ck_assert_msg(play_logged(what) == 1, "not in the log: %s; but: %s",
	              what, play.lines[0]);
}

static enum ewb_status
forget_the_ticket(struct script *s, struct ewb_cookie *c)
{
	(void)s;
	(void)c;
	return EWB_WOULDBLOCK;
}

START_TEST(would_block_without_a_ticket)
{
	struct call *k;
	struct ewb_cookie *slot;

	script_that(forget_the_ticket);
	k = play_get(0, "k");
	slot = k->cookie;
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	expect_mistake("engine script: get: said would block without a ticket");
	play_settle();
	/* some thread may write into it: never again */
	for (unsigned i = 0; i < 200; i++)
		ck_assert_ptr_ne(play_get(0, "other")->cookie, slot);
	play_settle();
}
END_TEST

static enum ewb_status
answer_too_early(struct script *s, struct ewb_cookie *c)
{
	s->ticket = ewb_cookie_block(c, s);
	return EWB_NOT_FOUND;
}

START_TEST(a_status_though_the_ticket_is_out)
{
	struct script *s = script_that(answer_too_early);
	struct call *k = play_get(0, "k");

	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->done_away, true);
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	expect_mistake("answered though its ticket is out");
	play_settle();
	ck_assert_int_eq(k->released, false);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_int_eq(k->released, true);
}
END_TEST

static const enum ewb_status strange[] = { EWB_NEW,
	                                   EWB_STALE,
	                                   EWB_FILLING,
	                                   EWB_END,
	                                   (enum ewb_status)0x7fffffff,
	                                   (enum ewb_status) - 1 };

/* As the callback's status, as a task's, and as a notify's. */
START_TEST(a_status_that_is_none_of_the_protocols)
{
	struct script *s = script_for("k");
	struct call *k;

	s->status = strange[_i / 3];
	s->offload = _i % 3 == 1;
	s->block_for = _i % 3 == 2;
	k = play_get(0, "k");
	if (s->ntickets)
		script_notify(s, strange[_i / 3]);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	expect_mistake("a status that is none of the protocol's");
}
END_TEST

static enum ewb_status
block_twice(struct script *s, struct ewb_cookie *c)
{
	if (s->runs > 1)
		return EWB_OK;
	s->ticket = ewb_cookie_block(c, s);
	ck_assert_uint_eq(ewb_cookie_block(c, s).word, 0);
	return EWB_WOULDBLOCK;
}

START_TEST(a_second_block_in_one_run)
{
	struct script *s = script_that(block_twice);
	struct call *k = play_get(0, "k");

	expect_mistake("ewb_cookie_block() outside of its callback, or twice");
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(s->runs, 2);
}
END_TEST

static enum ewb_status
offload_twice(struct script *s, struct ewb_cookie *c)
{
	s->ticket = ewb_cookie_block(c, s);
	ck_assert_int_eq(ewb_offload(c, NULL, NULL), EWB_INTERNAL);
	return EWB_WOULDBLOCK;
}

START_TEST(an_offload_after_a_block)
{
	struct script *s = script_that(offload_twice);
	struct call *k = play_get(0, "k");

	expect_mistake("ewb_offload() outside of its callback, or twice");
	script_notify(s, EWB_NOT_FOUND);
	play_settle();
	ck_assert_int_eq(k->status, EWB_NOT_FOUND);
}
END_TEST

static enum ewb_status
offload_nowhere(struct script *s, struct ewb_cookie *c)
{
	(void)s;
	return ewb_offload_to(c, (enum ewb_class)77, NULL, NULL);
}

START_TEST(an_offload_to_an_unknown_class)
{
	struct call *k;

	script_that(offload_nowhere);
	k = play_get(0, "k");
	expect_mistake("ewb_offload_to() an unknown class");
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	play_settle();
}
END_TEST

/* Notified at once, its letter is on its way: the block is not over yet. */
static enum ewb_status
notify_and_go_on(struct script *s, struct ewb_cookie *c)
{
	if (s->runs > 1)
		return EWB_NOT_FOUND;
	s->ticket = ewb_cookie_block(c, s);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	if (s->block_for == 0)
		ck_assert_uint_eq(ewb_cookie_block(c, s).word, 0);
	else if (s->block_for == 1)
		ck_assert_int_eq(ewb_offload(c, NULL, NULL), EWB_INTERNAL);
	else
		ck_assert_int_eq(ewb_stream_open(c, NULL, NULL), EWB_INTERNAL);
	return EWB_WOULDBLOCK;
}

START_TEST(a_second_block_after_the_notify_of_the_first)
{
	static const char *const what[] = {
		"ewb_cookie_block() outside of its callback, or twice",
		"ewb_offload() outside of its callback, or twice",
		"ewb_stream_open() after the block",
	};
	struct script *s = script_that(notify_and_go_on);
	struct call *k;

	s->block_for = (unsigned)_i;
	k = play_get(0, "k");
	expect_mistake(what[_i]);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_NOT_FOUND);
	ck_assert_uint_eq(s->runs, 2);
}
END_TEST

/* What is for the front end, on another thread. */

static const char *
elsewhere(struct ewb_cookie *c, int which)
{
	switch (which) {
	case 0:
		ck_assert_uint_eq(ewb_cookie_block(c, NULL).word, 0);
		return "ewb_cookie_block() on a thread of its own";
	case 1:
		ck_assert_int_eq(ewb_offload(c, NULL, NULL), EWB_INTERNAL);
		return "ewb_offload() on a thread of its own";
	case 2:
		ck_assert_int_eq(ewb_stream_open(c, NULL, NULL), EWB_INTERNAL);
		return "ewb_stream_open() outside of its callback";
	default:
		ewb_stream_commit(c, 1);
		return "ewb_stream_commit() of more than was reserved";
	}
}

static struct {
	int which;
	struct ewb_cookie *cookie;
	const char *what;
} stray;

static void *
go_astray(void *arg)
{
	(void)arg;
	stray.what = elsewhere(stray.cookie, stray.which);
	return NULL;
}

static enum ewb_status
block_and_stray(struct script *s, struct ewb_cookie *c)
{
	pthread_t helper;

	if (s->runs > 1)
		return EWB_NOT_FOUND;
	s->ticket = ewb_cookie_block(c, s);
	stray.cookie = c;
	ck_assert_int_eq(pthread_create(&helper, NULL, go_astray, NULL), 0);
	ck_assert_int_eq(pthread_join(helper, NULL), 0);
	return EWB_WOULDBLOCK;
}

START_TEST(what_is_for_the_front_end_on_another_thread)
{
	struct script *s = script_that(block_and_stray);
	struct call *k;

	stray.which = _i % 4;
	k = play_get(0, "k");
	if (_i < 4)
		script_notify(s, EWB_OK);
	else
		play_pass(DEADLINE); /* nobody notifies: named all the same */
	play_settle();
	expect_mistake(stray.what);
	ck_assert_int_eq(k->status, _i < 4 ? EWB_NOT_FOUND : EWB_TEMPORARY);
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

/* Streams. */

static int misuse;

static void
commit_what_is_not_there(struct script *s, struct ewb_cookie *c)
{
	(void)s;
	switch (misuse) {
	case 0: /* nothing was reserved, for there is no such room */
		ck_assert_ptr_null(ewb_stream_reserve(c, (size_t)1 << 40));
		ewb_stream_commit(c, 0);
		break;
	case 1: /* what it was in has left */
		ck_assert_ptr_nonnull(ewb_stream_reserve(c, 8));
		ewb_stream_commit(c, 8);
		ewb_stream_flush(c);
		ewb_stream_commit(c, 0);
		break;
	case 2: /* likewise, with more */
		ck_assert_ptr_nonnull(ewb_stream_reserve(c, 8));
		ewb_stream_commit(c, 8);
		ck_assert_ptr_nonnull(ewb_stream_reserve(c, 8));
		ewb_stream_flush(c);
		ewb_stream_commit(c, 8);
		break;
	default: /* it was given up */
		ck_assert_ptr_nonnull(ewb_stream_reserve(c, 8));
		ewb_stream_flush(c);
		ewb_stream_commit(c, 8);
	}
}

START_TEST(a_commit_of_what_is_not_reserved_any_more)
{
	struct script *s = script_for("k");
	struct reader r;

	misuse = _i;
	s->record_size = 1000;
	s->within = commit_what_is_not_there;
	reader_begin(&r, 0, s);
	play_turn(0);
	while (play_task() || play_letter(0))
		;
	expect_mistake("ewb_stream_commit() of more than was reserved");
	ck_assert_uint_eq(r.k->done, 1);
	ck_assert_int_eq(r.k->status, EWB_OK);
	reader_end(&r);
	play.keep = false;
	play_settle();
}
END_TEST

/* A notify while the reply is being filled. */

static struct script *filling;
static enum ewb_status told;

static void
notify_within(void *arg)
{
	(void)arg;
	told = script_notify(filling, EWB_OK);
}

/* Its first value is given back while the second is put in its place; whoever
 * notifies just then does so in the middle. */
static void
fill_and_be_notified(struct script *s)
{
	const struct ewb_item lent = { .size = sizeof lent,
		                       .value = "lent",
		                       .nvalue = 4 };

	filling = s;
	ck_assert_int_eq(ewb_reply_item(s->cookie, &lent, notify_within, NULL),
	                 EWB_OK);
	ck_assert_int_eq(ewb_reply_item(s->cookie, &lent, NULL, NULL), EWB_OK);
}

START_TEST(a_notify_while_the_reply_is_being_filled_is_refused)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	s->filled = true;
	k = play_get(0, "k");
	fill_and_be_notified(s);
	ck_assert_int_eq(told, EWB_FILLING);
	ck_assert_uint_eq(play_filling(EWB_OP_GET), 1);
	ck_assert_uint_eq(play_stale(EWB_OP_GET), 0);
	play_settle();
	ck_assert_uint_eq(k->done, 0);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK); /* after it */
	s->filled = true;
	play_settle();
	ck_assert_str_eq(k->reply, "lent");
}
END_TEST

START_TEST(a_command_whose_only_notify_was_refused_is_answered_and_named)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	k = play_get(0, "k");
	fill_and_be_notified(s);
	play_pass(DEADLINE);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	play_pass(DEADLINE);
	ck_assert_uint_eq(play_logged("get of connection client-0: not "
	                              "notified for 5.0 s; kept as an orphan "
	                              "(it was notified while its reply was "
	                              "being filled)"),
	                  1);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	play_settle();
}
END_TEST

static void
notify_my_own_ticket(struct script *s, struct ewb_cookie *c)
{
	(void)s;
	told = ewb_notify(ewb_cookie_ticket(c), EWB_OK);
}

START_TEST(an_offloads_ticket_notified_by_somebody_else_is_refused)
{
	struct script *s = script_for("k");
	struct call *k;

	ewb_now_on_front(play.d[0].thread);
	script_put("k", "value");
	s->offload = true;
	if (_i)
		s->within = notify_my_own_ticket;
	k = play_get(0, "k");
	if (!_i)
		told = ewb_notify(ewb_cookie_ticket(k->cookie), EWB_OK);
	play_settle();
	ck_assert_int_eq(told, EWB_FILLING);
	ck_assert_uint_eq(play_filling(EWB_OP_GET), 1);
	ck_assert_uint_eq(s->task_runs, 1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_str_eq(k->reply, "value");
}
END_TEST

/* Blocking engines. */

START_TEST(a_blocking_engine_that_says_would_block)
{
	struct ewb_engine e = script_engine;
	struct call *k;

	e.model = _i ? EWB_BLOCKING_SERIAL : EWB_BLOCKING;
	play_end();
	play_begin_with(&ewb_limits_default, &e);
	script_for("k")->status = EWB_WOULDBLOCK;
	k = play_get(0, "k");
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	expect_mistake("a blocking engine said would block");
}
END_TEST

START_TEST(a_flood_of_mistakes_is_one_line_a_second_and_counted)
{
	script_for("k")->status = EWB_END;
	for (unsigned i = 0; i < 100; i++) {
		play_get(0, "k");
		play_settle();
	}
	ck_assert_uint_eq(PLAY_COUNT(engine_mistakes), 100);
	ck_assert_uint_eq(play.nlines, 1);
	play_pass(999 * 1000);
	play_get(0, "k");
	ck_assert_uint_eq(play.nlines, 1);
	play_pass(1000);
	play_get(0, "k");
	ck_assert_uint_eq(play.nlines, 2);
	play_settle();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: an engine's mistakes");
	TCase *t = play_case("stepped");

#ifdef EWB_STRICT
	return 77;
#endif
	tcase_add_test(t, would_block_without_a_ticket);
	tcase_add_test(t, a_status_though_the_ticket_is_out);
	tcase_add_loop_test(t, a_status_that_is_none_of_the_protocols, 0, 18);
	tcase_add_test(t, a_second_block_in_one_run);
	tcase_add_test(t, an_offload_after_a_block);
	tcase_add_test(t, an_offload_to_an_unknown_class);
	tcase_add_loop_test(t, a_second_block_after_the_notify_of_the_first, 0,
	                    3);
	tcase_add_loop_test(t, what_is_for_the_front_end_on_another_thread, 0,
	                    8);
	tcase_add_loop_test(t, a_commit_of_what_is_not_reserved_any_more, 0, 4);
	tcase_add_test(t, a_notify_while_the_reply_is_being_filled_is_refused);
	tcase_add_test(
		t,
		a_command_whose_only_notify_was_refused_is_answered_and_named);
	tcase_add_loop_test(
		t, an_offloads_ticket_notified_by_somebody_else_is_refused, 0,
		2);
	tcase_add_loop_test(t, a_blocking_engine_that_says_would_block, 0, 2);
	tcase_add_test(t, a_flood_of_mistakes_is_one_line_a_second_and_counted);
	suite_add_tcase(s, t);
	return unit_run(s);
}
