/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that take long, take too long, or fail. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/explore.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define DEADLINE 2500u

static struct play p;
static struct client *c, *d;

static void
begin(unsigned n)
{
	play_open(&p, n, &tiny_engine, NULL);
	c = client_open(&p, n - 1);
}

static void
end(void)
{
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
	}
	play_close(&p);
}

/* Gets of many keys. */

START_TEST(a_get_of_a_hundred_late_keys_takes_one_delay)
{
	char line[32];

	begin(1);
	tiny.delay_us = 20000;
	tiny.how = TINY_LATE;
	tiny_put("k99", "V", 1);
	say(c, "get");
	for (unsigned i = 0; i < 100; i++) {
		snprintf(line, sizeof line, " k%u", i);
		say(c, line);
	}
	say(c, "\r\n");
	play_run(&p);
	play_pass(&p, 19);
	play_run(&p);
	hear_nothing(c);
	play_pass(&p, 1);
	play_run(&p);
	hear(c, "VALUE k99 0 1\r\nV\r\nEND\r\n");
	end();
}
END_TEST

static const struct {
	const char *say, *hear;
	enum ewb_status fail;
} failures[] = {
	{ "get k f k\r\n",
	  "VALUE k 0 1\r\nV\r\nSERVER_ERROR internal error\r\n", EWB_INTERNAL },
	{ "get f\r\n", "SERVER_ERROR out of memory\r\n", EWB_NO_MEMORY },
	{ "get f f2 k f3\r\n", "SERVER_ERROR temporary failure\r\n",
	  EWB_TEMPORARY },
	{ "gets f k\r\n", "SERVER_ERROR busy\r\n", EWB_BUSY },
	{ "gat 0 k f\r\n", "VALUE k 0 1\r\nV\r\nSERVER_ERROR busy\r\n",
	  EWB_BUSY },
};

START_TEST(a_get_with_a_failing_key_has_one_error_and_no_end)
{
	begin(1);
	tiny.fail = failures[_i].fail;
	tiny_put("k", "V", 1);
	say(c, failures[_i].say);
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, failures[_i].hear);
	hear(c, "VALUE k 0 1\r\nV\r\nEND\r\n");
	hear_nothing(c);
	end();
}
END_TEST

START_TEST(a_failing_key_and_a_key_too_long_are_one_error)
{
	char key[300] = "";

	begin(1);
	memset(key, 'x', 251);
	say(c, "get f ");
	say(c, key);
	say(c, " k\r\nget ");
	say(c, key);
	say(c, "\r\nget k\r\n");
	play_run(&p);
	hear(c, "SERVER_ERROR internal error\r\n");
	hear(c, "CLIENT_ERROR bad command line format\r\nEND\r\n");
	hear_nothing(c);
	end();
}
END_TEST

START_TEST(a_mutation_past_its_deadline_is_answered_0x86)
{
	static struct frames ask, want;

	begin(1);
	ask.n = want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_SET,
	                                  .opaque = 5,
	                                  .extras = "\0\0\0\0\0\0\0\0",
	                                  .nextras = 8,
	                                  .key = "h1" });
	frames_ask(&ask, &(struct frame){
				 .opcode = BIN_GET, .opaque = 6, .key = "h2" });
	frames_say(c, &ask);
	play_run(&p);
	play_pass(&p, DEADLINE);
	frames_error(&want, BIN_SET, 5, 0x86, "outcome unknown");
	frames_error(&want, BIN_GET, 6, 0x86, "temporary failure");
	frames_hear(c, &want);
	ck_assert_uint_eq(play_count(&p, deadlines_passed), 2);
	ck_assert_uint_eq(play_count(&p, outcome_unknown), 1);
	ck_assert_uint_eq(play_count(&p, cancelled_deadline), 2);
	ck_assert_int_eq(tiny_held("h1", 0)->why, EWB_CANCEL_DEADLINE);
	end();
}
END_TEST

/* Another connection has the key until it is home. */
START_TEST(a_mutation_that_had_to_wait_for_its_key_was_not_done)
{
	static struct frames ask, want;

	begin(1);
	d = client_open(&p, 0);
	tiny_put("h", "1", 1);
	say(c, "incr h 1\r\n");
	play_run(&p);
	tiny_let("h", EWB_OK); /* its store remains */
	play_run(&p);
	play_pass(&p, DEADLINE / 2);
	ask.n = want.n = 0;
	if (_i) {
		frames_ask(&ask, &(struct frame){ .opcode = BIN_APPEND,
		                                  .opaque = 5,
		                                  .key = "h",
		                                  .value = "x",
		                                  .nvalue = 1 });
		frames_say(d, &ask);
	} else {
		say(d, "incr h 1\r\n");
	}
	play_run(&p);
	play_pass(&p, DEADLINE / 2);
	hear(c, "SERVER_ERROR outcome unknown\r\n");
	hear_nothing(d);
	play_pass(&p, DEADLINE / 2);
	if (_i) {
		frames_error(&want, BIN_APPEND, 5, 0x86, "temporary failure");
		frames_hear(d, &want);
	} else {
		hear(d, "SERVER_ERROR temporary failure\r\n");
	}
	ck_assert_uint_eq(play_count(&p, deadlines_passed), 2);
	ck_assert_uint_eq(play_count(&p, outcome_unknown), 1);
	end();
}
END_TEST

/* The key of a mutation whose outcome is not known. */

START_TEST(the_key_is_held_until_the_late_notify)
{
	begin(1);
	d = client_open(&p, 0);
	say(c, "set h 0 0 3\r\nnew\r\n");
	play_run(&p);
	play_pass(&p, DEADLINE);
	hear(c, "SERVER_ERROR outcome unknown\r\n");
	/* that key waits, others do not, and other connections neither */
	say(c, "get h\r\nget k\r\n");
	say(d, "get h\r\n");
	play_run(&p);
	ck_assert_ptr_null(tiny_held("h", 2));
	ck_assert_uint_eq(tiny.runs, 3);
	ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
	play_run(&p);
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
	}
	/* this engine stores when it is run again, and it was not */
	hear(c, "END\r\nEND\r\n");
	hear(d, "END\r\n");
	end();
}
END_TEST

#ifndef EWB_STRICT

static struct ewb_ticket stray;

/* The engine's mistake: it blocks, and then answers all the same. */
static void
block_in_vain(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)r;
	if (stray.word == 0)
		stray = ewb_cookie_block(cookie, NULL);
}

START_TEST(the_key_of_a_set_that_is_answered_at_once_but_away_is_held)
{
	begin(1);
	stray.word = 0;
	tiny.seen = block_in_vain;
	say(c, "set k 0 0 1\r\nV\r\nget k\r\nget other\r\n");
	play_run(&p);
	/* that and the other get */
	ck_assert_uint_eq(tiny.runs, 2);
	ck_assert_int_eq(ewb_notify(stray, EWB_OK), EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(tiny.runs, 3);
	tiny.seen = NULL;
	end();
}
END_TEST

#endif

/* Its answer has to wait for its place, behind one without a deadline. */
static void
no_deadline_for_h0(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	if (r->nkey == 2 && memcmp(r->key, "h0", 2) == 0)
		ewb_cookie_set_deadline(cookie, 0);
}

START_TEST(the_key_is_held_though_its_answer_waits_for_its_place)
{
	begin(1);
	tiny.seen = no_deadline_for_h0;
	say(c, "get h0\r\nset h1 0 0 3\r\nnew\r\nget h1\r\nget k\r\n");
	play_run(&p);
	play_pass(&p, DEADLINE);
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, outcome_unknown), 1);
	hear_nothing(c);
	ck_assert_ptr_nonnull(tiny_held("h1", 0));
	ck_assert_ptr_null(tiny_held("h1", 1));
	if (_i == 0) {
		/* home before its answer has left */
		tiny_let("h1", EWB_OK);
		play_run(&p);
		ck_assert_ptr_nonnull(tiny_held("h1", 0));
		tiny_let("h0", EWB_OK);
		play_run(&p);
	} else {
		tiny_let("h0", EWB_OK);
		play_run(&p);
		ck_assert_ptr_null(tiny_held("h1", 1));
		tiny_let("h1", EWB_OK);
		play_run(&p);
	}
	tiny_let("h1", EWB_OK);
	play_run(&p);
	hear(c, "END\r\nSERVER_ERROR outcome unknown\r\nEND\r\nEND\r\n");
	end();
}
END_TEST

START_TEST(the_key_of_a_read_past_its_deadline_is_not_held)
{
	begin(1);
	say(c, "get h\r\n");
	play_run(&p);
	play_pass(&p, DEADLINE);
	hear(c, "SERVER_ERROR temporary failure\r\n");
	say(c, "set h 0 0 1\r\nN\r\n");
	play_run(&p);
	ck_assert_ptr_nonnull(tiny_held("h", 1));
	tiny_let_all();
	play_run(&p);
	hear(c, "STORED\r\n");
	end();
}
END_TEST

START_TEST(a_client_that_goes_leaves_no_held_key_behind)
{
	begin(1);
	say(c, "set h 0 0 1\r\nN\r\n");
	play_run(&p);
	play_pass(&p, DEADLINE);
	say(c, "get h\r\n");
	play_run(&p);
	client_close(c);
	play_run(&p);
	play_pass(&p, 1000);
	ck_assert(!client_served(c));
	/* cancelled by its deadline already, not once more */
	ck_assert_uint_eq(tiny.cancels, 1);
	tiny_let("h", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(p.front[0]->d.nused, 0);
	end();
}
END_TEST

/* Waiting for a turn is not the engine's fault. */
START_TEST(a_deadline_begins_when_the_command_is_blocked)
{
	begin(1);
	say(c, "get h\r\nset h 0 0 1\r\nN\r\n");
	play_run(&p);
	play_pass(&p, 2000);
	tiny_let("h", EWB_OK);
	play_run(&p);
	hear(c, "END\r\n");
	play_pass(&p, 2000);
	hear_nothing(c);
	play_pass(&p, 500);
	hear(c, "SERVER_ERROR outcome unknown\r\n");
	end();
}
END_TEST

START_TEST(a_task_that_sleeps_too_long_is_ended_by_its_deadline)
{
	begin(1);
	tiny.delay_us = 60000000;
	say(c, "get l\r\nget k\r\n");
	play_run(&p);
	play_pass(&p, DEADLINE);
	hear(c, "SERVER_ERROR temporary failure\r\nEND\r\n");
	/* it is woken, sees that nobody wants it, and is home */
	play_run(&p);
	ck_assert_uint_eq(atomic_load(&p.core->cookies), 0);
	end();
}
END_TEST

/* Orphans. */

START_TEST(a_lost_notify_is_an_orphan_until_it_comes_home)
{
	char got[1000];
	size_t n;

	begin(1);
	say(c, "get h\r\n");
	play_run(&p);
	play_pass(&p, DEADLINE);
	hear(c, "SERVER_ERROR temporary failure\r\n");
	ck_assert_ptr_null(strstr(p.log, "orphan"));
	play_pass(&p, DEADLINE);
	ck_assert_ptr_nonnull(
		strstr(p.log, "engine tiny: get of connection unix:1: not "
	                      "notified for 5.0 s; kept as an orphan"));
	ck_assert_uint_eq(atomic_load(&p.core->orphans), 1);
	say(c, "stats cookies\r\n");
	play_run(&p);
	n = hear_some(c, got, sizeof got - 1);
	got[n] = '\0';
	ck_assert_ptr_nonnull(strstr(got, "connection=unix:1 engine=tiny "
	                                  "opcode=get task=none wait=notify state=orphan "
	                                  "age_ms=5000"));
	ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
	play_run(&p);
	hear_nothing(c);
	ck_assert_uint_eq(atomic_load(&p.core->orphans), 0);
	ck_assert_uint_eq(play_count(&p, orphaned), 1);
	ck_assert_uint_eq(play_count(&p, orphans_home), 1);
	say(c, "stats cookies\r\n");
	play_run(&p);
	hear(c, "END\r\n");
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend late");
	TCase *t = tcase_create("late");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_get_of_a_hundred_late_keys_takes_one_delay);
	tcase_add_loop_test(t,
	                    a_get_with_a_failing_key_has_one_error_and_no_end,
	                    0, (int)(sizeof failures / sizeof *failures));
	tcase_add_test(t, a_failing_key_and_a_key_too_long_are_one_error);
	tcase_add_test(t, a_mutation_past_its_deadline_is_answered_0x86);
	tcase_add_loop_test(
		t, a_mutation_that_had_to_wait_for_its_key_was_not_done, 0, 2);
#ifndef EWB_STRICT
	tcase_add_test(
		t, the_key_of_a_set_that_is_answered_at_once_but_away_is_held);
#endif
	tcase_add_test(t, the_key_is_held_until_the_late_notify);
	tcase_add_loop_test(
		t, the_key_is_held_though_its_answer_waits_for_its_place, 0, 2);
	tcase_add_test(t, the_key_of_a_read_past_its_deadline_is_not_held);
	tcase_add_test(t, a_client_that_goes_leaves_no_held_key_behind);
	tcase_add_test(t, a_deadline_begins_when_the_command_is_blocked);
	tcase_add_test(t, a_task_that_sleeps_too_long_is_ended_by_its_deadline);
	tcase_add_test(t, a_lost_notify_is_an_orphan_until_it_comes_home);
	suite_add_tcase(s, t);
	return unit_run(s);
}
