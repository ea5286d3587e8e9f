/* SPDX-License-Identifier: BSD-2-Clause */
/* flush_all with a delay. */
#include "config.h"

#include <string.h>

#include "frontend/reload.h"
#include "protocol/binary.h"
#include "t/explore.h"
#include "t/front_play.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define BIN_FLUSHQ 0x18
#define BIN_RELOAD 0xde

static struct play p;
static struct client *c, *d;
static struct frames f;

static void
open_play(unsigned nfronts)
{
	play_open(&p, nfronts, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, nfronts - 1);
	tiny_put("k", "V", 1);
}

/* Both in one go: a command and its answer. */
static void
talk(struct client *to, const char *text, const char *answer)
{
	say(to, text);
	play_run(&p);
	hear(to, answer);
}

static bool
is_there(void)
{
	char got[64] = "";

	say(c, "get k\r\n");
	play_run(&p);
	hear_some(c, got, sizeof got - 1);
	if (strcmp(got, "END\r\n") == 0)
		return false;
	ck_assert_str_eq(got, "VALUE k 0 1\r\nV\r\nEND\r\n");
	return true;
}

/* A second is over. */
static void
tick(void)
{
	play_pass(&p, 1000);
	play_run(&p);
}

START_TEST(what_is_stored_until_then_goes_and_what_comes_after_stays)
{
	open_play(1);
	talk(c, "flush_all 2\r\n", "OK\r\n");
	ck_assert(is_there());
	tick();
	talk(c, "set k 0 0 1\r\nV\r\n", "STORED\r\n");
	ck_assert(is_there());
	tick();
	ck_assert(!is_there());
	talk(c, "set k 0 0 1\r\nV\r\n", "STORED\r\n");
	for (unsigned i = 0; i < 5; i++)
		tick();
	ck_assert(is_there());
	play_close(&p);
}
END_TEST

/* The last one counts; with those that are at once. */
static const struct {
	const char *first, *then;
	unsigned gone_after; /* seconds; 0: it stays */
} pairs[] = {
	{ "flush_all 2\r\n", "flush_all 4\r\n", 4 },
	{ "flush_all 4\r\n", "flush_all 2\r\n", 2 },
	{ "flush_all 2\r\n", "flush_all 2147483647\r\n", 0 },
	{ "flush_all 2\r\n", "flush_all\r\n", 0 },
	{ "flush_all 2\r\n", "flush_all 0\r\n", 0 },
	{ "flush_all 2\r\n", "flush_all -1\r\n", 0 },
	{ "flush_all 2\r\n", "flush_all 999999999\r\n", 0 }, /* it has passed */
};
#define NPAIRS ((int)(sizeof pairs / sizeof *pairs))

START_TEST(the_last_one_asked_for_takes_the_place_of_the_one_before)
{
	bool at_once = pairs[_i].gone_after == 0 &&
	               strstr(pairs[_i].then, "2147483647") == NULL;

	open_play(2);
	talk(c, pairs[_i].first, "OK\r\n");
	talk(d, pairs[_i].then, "OK\r\n");
	ck_assert_int_eq(is_there(), !at_once);
	tiny_put("k", "V", 1);
	for (unsigned s = 1; s < 6; s++) {
		tick();
		ck_assert_int_eq(is_there(), pairs[_i].gone_after == 0 ||
		                                     s < pairs[_i].gone_after);
	}
	play_close(&p);
}
END_TEST

START_TEST(a_date_is_one_too)
{
	char text[40];

	open_play(1);
	snprintf(text, sizeof text, "flush_all %u\r\n",
	         ewb_clock_wall(&p.core->clock) + 2);
	talk(c, text, "OK\r\n");
	tick();
	ck_assert(is_there());
	tick();
	ck_assert(!is_there());
	play_close(&p);
}
END_TEST

START_TEST(with_noreply_it_is_not_answered)
{
	open_play(1);
	talk(c, "flush_all 1 noreply\r\nmn\r\n", "MN\r\n");
	ck_assert(is_there());
	tick();
	ck_assert(!is_there());
	play_close(&p);
}
END_TEST

static void
ask_binary(uint8_t opcode, uint32_t delay)
{
	uint8_t extras[4];

	ewb_put32(extras, delay);
	f.n = 0;
	frames_ask(&f, &(struct frame){
		.opcode = opcode, .extras = extras, .nextras = 4 });
	frames_ask(&f, &(struct frame){ .opcode = BIN_NOOP });
	frames_say(d, &f);
	play_run(&p);
	f.n = 0;
	if (opcode == BIN_FLUSH)
		frames_answer(&f, &(struct frame){ .opcode = opcode });
	frames_answer(&f, &(struct frame){ .opcode = BIN_NOOP });
	frames_hear(d, &f);
}

START_TEST(a_binary_one_has_its_delay_in_the_extras)
{
	open_play(2);
	ask_binary(_i ? BIN_FLUSHQ : BIN_FLUSH, 2);
	tick();
	ck_assert(is_there());
	tick();
	ck_assert(!is_there());
	tiny_put("k", "V", 1);
	ask_binary(BIN_FLUSH, 0);
	ck_assert(!is_there());
	play_close(&p);
}
END_TEST

/* In text it would be negative. */
START_TEST(a_huge_binary_delay_is_late_and_not_now)
{
	open_play(1);
	ask_binary(BIN_FLUSH, 1);
	ask_binary(BIN_FLUSH, UINT32_MAX - (unsigned)_i);
	for (unsigned i = 0; i < 3; i++)
		tick();
	ck_assert(is_there());
	play_close(&p);
}
END_TEST

START_TEST(an_engine_that_blocks_holds_nobody_up)
{
	open_play(2);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tiny.how = TINY_HOLD;
	tick();
	ck_assert_ptr_nonnull(tiny_held("", 0));
	tiny.how = TINY_AT_ONCE;
	talk(c, "get k\r\n", "VALUE k 0 1\r\nV\r\nEND\r\n");
	/* nor has it a deadline, or is begun twice */
	for (unsigned i = 0; i < 10; i++)
		tick();
	ck_assert_uint_eq(tiny.cancels, 0);
	ck_assert_uint_eq(tiny_blocked(), 1);
	ck_assert(is_there());
	tiny_let("", EWB_OK);
	play_run(&p);
	ck_assert(!is_there());
	ck_assert_uint_eq(p.front[0]->d.nused, 0);
	play_close(&p);
}
END_TEST

START_TEST(the_next_one_waits_until_it_is_over)
{
	open_play(1);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tiny.how = TINY_HOLD;
	tick();
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tick();
	tick();
	ck_assert_uint_eq(tiny_blocked(), 1);
	tiny_let("", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 0);
	tick();
	ck_assert_uint_eq(tiny_blocked(), 1);
	tiny_let("", EWB_OK);
	play_run(&p);
	play_close(&p);
}
END_TEST

START_TEST(one_that_fails_for_now_is_tried_again)
{
	static const enum ewb_status passing[] = { EWB_TEMPORARY, EWB_BUSY,
		                                   EWB_NO_MEMORY };

	open_play(1);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tiny.how = TINY_HOLD;
	tick();
	tiny_let("", passing[_i]);
	play_run(&p);
	ck_assert_uint_eq(tiny.runs, 1);
	tiny.how = TINY_AT_ONCE;
	ck_assert(is_there());
	tick();
	ck_assert(!is_there());
	ck_assert_str_eq(p.log, "");
	play_close(&p);
}
END_TEST

START_TEST(one_that_fails_is_not_tried_again_when_another_was_asked_for)
{
	open_play(1);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tiny.how = TINY_HOLD;
	tick();
	tiny.how = TINY_AT_ONCE;
	if (_i)
		talk(c, "flush_all 2147483647\r\n", "OK\r\n");
	else
		talk(c, "flush_all\r\n", "OK\r\n");
	tiny_put("k", "V", 1);
	tiny_let("", EWB_TEMPORARY);
	play_run(&p);
	for (unsigned i = 0; i < 3; i++)
		tick();
	ck_assert(is_there());
	play_close(&p);
}
END_TEST

START_TEST(one_that_fails_for_good_is_told_and_over)
{
	open_play(1);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tiny.how = TINY_HOLD;
	tick();
	tiny_let("", EWB_INTERNAL);
	play_run(&p);
	ck_assert_str_eq(p.log, "flush_all that was due: internal error\n");
	tiny.how = TINY_AT_ONCE;
	tick();
	ck_assert(is_there());
	play_close(&p);
}
END_TEST

START_TEST(an_engine_that_cannot_flush_says_so_when_it_is_asked)
{
	struct ewb_engine e = tiny_engine;

	e.flush = NULL;
	play_open(&p, 1, &e, NULL);
	c = client_open(&p, 0);
	talk(c, "flush_all 1\r\nflush_all\r\n",
	     "SERVER_ERROR not supported\r\nSERVER_ERROR not supported\r\n");
	tick();
	ck_assert_str_eq(p.log, "");
	play_close(&p);
}
END_TEST

/* Reloads, and the end. */

static void
ask_reload(void)
{
	uint8_t grace[4];

	ewb_put32(grace, 60000);
	f.n = 0;
	frames_ask(&f, &(struct frame){
		.opcode = BIN_RELOAD, .extras = grace, .nextras = 4 });
	frames_say(d, &f);
	play_run(&p);
}

static void
reload_time_over(void)
{
	for (unsigned i = 0; i < p.nfronts; i++) {
		ewb_now_on_front(p.front[i]->d.thread);
		ewb_reload_grace_over(p.front[i]);
	}
	play_run(&p);
}

START_TEST(one_that_comes_due_during_a_reload_is_run_after_it)
{
	open_play(2);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload();
	tick();
	ck_assert_uint_eq(tiny.runs, 1);
	tiny_let("h", EWB_NOT_FOUND);
	play_run(&p);
	hear(c, "END\r\n");
	ck_assert_uint_gt(hear_all(d), 0);
	ck_assert_uint_eq(play_count(&p, engine_reloads), 1);
	tiny_put("k", "V", 1);
	ck_assert(is_there());
	tick();
	ck_assert(!is_there());
	play_close(&p);
}
END_TEST

START_TEST(a_reload_waits_for_it_then_cancels_it_and_it_comes_again)
{
	open_play(2);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tiny.how = TINY_HOLD;
	tick();
	ask_reload();
	ck_assert_uint_eq(tiny.cancels, 0);
	reload_time_over();
	ck_assert_int_eq(tiny_held("", 0)->why, EWB_CANCEL_ENGINE);
	tiny_let("", EWB_TEMPORARY);
	play_run(&p);
	ck_assert_uint_gt(hear_all(d), 0);
	ck_assert_uint_eq(play_count(&p, engine_reloads), 1);
	tiny_put("k", "V", 1);
	tick();
	ck_assert(!is_there());
	play_close(&p);
}
END_TEST

START_TEST(a_stop_forgets_one_that_is_not_due)
{
	open_play(2);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
	play_run(&p);
	tick();
	ck_assert_uint_eq(tiny.runs, 0);
	play_fronts_free(&p);
	play_free(&p);
}
END_TEST

START_TEST(a_stop_waits_for_one_that_is_running_as_long_as_its_grace)
{
	open_play(2);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tiny.how = TINY_HOLD;
	tick();
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_WOULDBLOCK);
	if (_i) {
		play_grace_over(&p);
		ck_assert_int_eq(tiny_held("", 0)->why, EWB_CANCEL_STOP);
	}
	tiny_let("", EWB_OK);
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	play_fronts_free(&p);
	play_free(&p);
}
END_TEST

/* All orders of a flush that comes due, a reload, the engine and a stop. */

static bool asked, stopping;

static void *
one_is_due(void)
{
	asked = stopping = false;
	open_play(2);
	talk(c, "flush_all 1\r\n", "OK\r\n");
	tiny.how = TINY_HOLD;
	ewb_clock_advance(&p.core->clock, 1000000);
	return &p;
}

static void
second_is_over(void *ctx)
{
	(void)ctx;
	play_pass(&p, 1000);
}

static void
reload_is_asked(void *ctx)
{
	(void)ctx;
	ask_reload();
	asked = true;
}

static bool
is_served(void *ctx)
{
	(void)ctx;
	return client_served(d);
}

static void
grace_is_over(void *ctx)
{
	(void)ctx;
	reload_time_over();
}

static bool
was_asked(void *ctx)
{
	(void)ctx;
	return asked;
}

static void
engine_answers(void *ctx)
{
	(void)ctx;
	tiny_let_all();
	play_run(&p);
}

static void
stop_begins(void *ctx)
{
	(void)ctx;
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
	play_run(&p);
	stopping = true;
}

static void
all_answers(void *ctx)
{
	(void)ctx;
	tiny.how = TINY_AT_ONCE;
	tiny_let_all();
	play_run(&p);
}

static const char *
it_was_run_or_stopped(void *ctx)
{
	(void)ctx;
	if (stopping)
		return ewb_server_stopped(p.server) == EWB_OK ?
		               NULL :
		               "it has not stopped";
	tick();
	tick();
	if (p.front[0]->d.nused || p.front[0]->flush.running)
		return "a cookie is left";
	if ((uint32_t)atomic_load(&p.server->flush_due))
		return "it is due still";
	return is_there() ? "it was not run" : NULL;
}

static void
put_away(void *ctx)
{
	(void)ctx;
	if (!stopping)
		play_stop(&p);
	else
		play_fronts_free(&p);
	play_free(&p);
}

START_TEST(due_with_a_reload_and_a_stop_it_is_run_or_the_server_stops)
{
	static const struct ewb_event events[] = {
		{ .name = "second", .run = second_is_over },
		{ .name = "reload", .run = reload_is_asked,
		  .enabled = is_served },
		{ .name = "grace", .run = grace_is_over, .enabled = was_asked,
		  .optional = true },
		{ .name = "answer", .run = engine_answers },
		{ .name = "another second", .run = second_is_over },
		{ .name = "stop", .run = stop_begins, .optional = true },
	};
	static const struct ewb_scenario s = { .name = "due",
		                               .events = events,
		                               .nevents = 6,
		                               .setup = one_is_due,
		                               .settle = all_answers,
		                               .check = it_was_run_or_stopped,
		                               .teardown = put_away,
		                               .sampled = true };

	ck_assert_uint_ge(ewb_explore(&s), EWB_EXPLORED(384));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend flush");
	TCase *t = tcase_create("flush");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(
		t, what_is_stored_until_then_goes_and_what_comes_after_stays);
	tcase_add_loop_test(
		t, the_last_one_asked_for_takes_the_place_of_the_one_before, 0,
		NPAIRS);
	tcase_add_test(t, a_date_is_one_too);
	tcase_add_test(t, with_noreply_it_is_not_answered);
	tcase_add_loop_test(t, a_binary_one_has_its_delay_in_the_extras, 0, 2);
	tcase_add_loop_test(t, a_huge_binary_delay_is_late_and_not_now, 0, 2);
	tcase_add_test(t, an_engine_that_blocks_holds_nobody_up);
	tcase_add_test(t, the_next_one_waits_until_it_is_over);
	tcase_add_loop_test(t, one_that_fails_for_now_is_tried_again, 0, 3);
	tcase_add_loop_test(
		t, one_that_fails_is_not_tried_again_when_another_was_asked_for,
		0, 2);
	tcase_add_test(t, one_that_fails_for_good_is_told_and_over);
	tcase_add_test(t, an_engine_that_cannot_flush_says_so_when_it_is_asked);
	tcase_add_test(t, one_that_comes_due_during_a_reload_is_run_after_it);
	tcase_add_test(
		t, a_reload_waits_for_it_then_cancels_it_and_it_comes_again);
	tcase_add_test(t, a_stop_forgets_one_that_is_not_due);
	tcase_add_loop_test(
		t, a_stop_waits_for_one_that_is_running_as_long_as_its_grace, 0,
		2);
	tcase_add_test(
		t, due_with_a_reload_and_a_stop_it_is_run_or_the_server_stops);
	suite_add_tcase(s, t);
	return unit_run(s);
}
