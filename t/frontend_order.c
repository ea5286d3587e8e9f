/* SPDX-License-Identifier: BSD-2-Clause */
/* Which command of a connection waits for which, and whose reply is next. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "t/explore.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c, *d;

/* Four gets, on one connection or on two of two front ends. */

static void
let(const char *key)
{
	ck_assert_int_eq(tiny_let(key, EWB_OK), EWB_OK);
}

static void
let_1(void *ctx)
{
	(void)ctx;
	let("h1");
}

static void
let_2(void *ctx)
{
	(void)ctx;
	let("h2");
}

static void
let_3(void *ctx)
{
	(void)ctx;
	let("h3");
}

static void
let_4(void *ctx)
{
	(void)ctx;
	let("h4");
}

static unsigned letters_taken;

static void
take_letter(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < p.nfronts; i++)
		(void)play_letter(&p, i);
	play_settle(&p);
	letters_taken++;
}

/* They are all alike: one after the other is every order of them. */

static bool
is_first(void *ctx)
{
	(void)ctx;
	return letters_taken == 0;
}

static bool
is_second(void *ctx)
{
	(void)ctx;
	return letters_taken == 1;
}

static bool
is_third(void *ctx)
{
	(void)ctx;
	return letters_taken == 2;
}

static bool
is_fourth(void *ctx)
{
	(void)ctx;
	return letters_taken == 3;
}

static void *
four_gets_on_one(void)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("h1", "one", 3);
	tiny_put("h3", "three", 5);
	letters_taken = 0;
	c = client_open(&p, 0);
	say(c, "get h1\r\nget h2\r\nget h3\r\nget h4 k\r\n");
	play_run(&p);
	return &p;
}

static const char *
four_answers(void *ctx)
{
	(void)ctx;
	play_run(&p);
	return heard(c, "VALUE h1 0 3\r\none\r\nEND\r\nEND\r\n"
	                "VALUE h3 0 5\r\nthree\r\nEND\r\nEND\r\n");
}

static void *
two_gets_on_each(void)
{
	play_open(&p, 2, &tiny_engine, NULL);
	tiny_put("h1", "one", 3);
	tiny_put("h3", "three", 5);
	letters_taken = 0;
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	say(c, "get h1\r\nget h2\r\n");
	say(d, "get h3\r\nget h4\r\n");
	play_run(&p);
	return &p;
}

static const char *
two_answers_each(void *ctx)
{
	const char *wrong;

	(void)ctx;
	play_run(&p);
	wrong = heard(c, "VALUE h1 0 3\r\none\r\nEND\r\nEND\r\n");
	return wrong ? wrong
	             : heard(d, "VALUE h3 0 5\r\nthree\r\nEND\r\nEND\r\n");
}

static void
let_go(void *ctx)
{
	(void)ctx;
	tiny_let_all();
	play_run(&p);
	play_close(&p);
}

static const struct ewb_event four_events[] = {
	{ .name = "let 1", .run = let_1 },
	{ .name = "let 2", .run = let_2 },
	{ .name = "let 3", .run = let_3 },
	{ .name = "let 4", .run = let_4 },
	{ .name = "letter 1", .run = take_letter, .enabled = is_first },
	{ .name = "letter 2", .run = take_letter, .enabled = is_second },
	{ .name = "letter 3", .run = take_letter, .enabled = is_third },
	{ .name = "letter 4", .run = take_letter, .enabled = is_fourth },
};

START_TEST(replies_are_in_request_order_whatever_order_the_notifies_come_in)
{
	static const struct ewb_scenario s = { .name = "four gets",
		                               .events = four_events,
		                               .nevents = 8,
		                               .setup = four_gets_on_one,
		                               .check = four_answers,
		                               .teardown = let_go };

	/* 4! of the notifies, each with 8!/4!4! places of the letters */
	ck_assert_uint_eq(ewb_explore(&s), 24 * 70);
}
END_TEST

START_TEST(two_front_ends_keep_the_order_of_their_own)
{
	static const struct ewb_scenario s = { .name = "two gets each",
		                               .events = four_events,
		                               .nevents = 8,
		                               .setup = two_gets_on_each,
		                               .check = two_answers_each,
		                               .teardown = let_go };

	ck_assert_uint_eq(ewb_explore(&s), 24 * 70);
}
END_TEST

/* A set, and what comes behind it. */

static bool
can_let(const char *key, unsigned n)
{
	return tiny_held(key, n) != NULL;
}

static bool
set_is_held(void *ctx)
{
	(void)ctx;
	return tiny.held[0].cookie->op == EWB_OP_SET && can_let("h1", 0);
}

static bool
get_is_held(void *ctx)
{
	(void)ctx;
	return tiny.nheld == 3 && can_let("h1", 0);
}

static void
let_and_step(void *ctx)
{
	let_1(ctx);
	take_letter(ctx);
}

static void
let_other(void *ctx)
{
	let_2(ctx);
	take_letter(ctx);
}

static void *
a_set_and_two_gets(void)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("h1", "old", 3);
	tiny_put("h2", "other", 5);
	c = client_open(&p, 0);
	say(c, "set h1 0 0 3\r\nnew\r\nget h1\r\nget h2\r\n");
	play_run(&p);
	/* the get on the same key waits, the other one does not */
	ck_assert_uint_eq(tiny.nheld, 2);
	ck_assert_ptr_nonnull(tiny_held("h2", 0));
	return &p;
}

static const char *
the_new_value(void *ctx)
{
	(void)ctx;
	play_run(&p);
	return heard(c, "STORED\r\nVALUE h1 0 3\r\nnew\r\nEND\r\n"
	                "VALUE h2 0 5\r\nother\r\nEND\r\n");
}

START_TEST(a_get_sees_the_blocked_set_before_it_and_others_overlap)
{
	static const struct ewb_event events[] = {
		{ .name = "let set",
		  .run = let_and_step,
		  .enabled = set_is_held },
		{ .name = "let get",
		  .run = let_and_step,
		  .enabled = get_is_held },
		{ .name = "let other", .run = let_other },
	};
	static const struct ewb_scenario s = { .name = "set, get",
		                               .events = events,
		                               .nevents = 3,
		                               .setup = a_set_and_two_gets,
		                               .check = the_new_value,
		                               .teardown = let_go };

	ck_assert_uint_eq(ewb_explore(&s), 3);
}
END_TEST

/* Fifty, each blocked once or twice, one after the other. */
START_TEST(commands_on_one_key_are_done_in_order)
{
	char text[64], want[1024] = "";

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof text, "%s h 0 0 1\r\n%c\r\n",
		         i ? "append" : "set", 'a' + i % 26);
		say(c, text);
	}
	say(c, "get h\r\n");
	play_run(&p);
	while (tiny_blocked()) {
		ck_assert_uint_eq(tiny_blocked(), 1);
		tiny_let("h", EWB_OK);
		play_run(&p);
	}
	for (unsigned i = 0; i < 50; i++)
		strcat(want, "STORED\r\n");
	strcat(want, "VALUE h 0 50\r\n");
	for (unsigned i = 0; i < 50; i++)
		snprintf(want + strlen(want), 2, "%c", 'a' + i % 26);
	strcat(want, "\r\nEND\r\n");
	hear(c, want);
	play_close(&p);
}
END_TEST

/* Hashes. */

START_TEST(keys_of_one_hash_only_wait_for_each_other)
{
	static const char a[] = "plumless", b[] = "buckeroo";

	ck_assert_uint_eq(ewb_key_hash(a, 8), ewb_key_hash(b, 8));
	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put(a, "A", 1);
	tiny_put(b, "B", 1);
	tiny.how = TINY_HOLD;
	c = client_open(&p, 0);
	say(c, "get plumless\r\nget buckeroo\r\n");
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 1);
	tiny_let(a, EWB_OK);
	play_run(&p);
	tiny_let(b, EWB_OK);
	play_run(&p);
	hear(c, "VALUE plumless 0 1\r\nA\r\nEND\r\n"
	        "VALUE buckeroo 0 1\r\nB\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(keys_that_share_a_place_in_the_table_overlap)
{
	char key[32], text[64];
	uint32_t at = ewb_key_hash("h", 1) % EWB_CONN_BUSY;
	unsigned i = 0;

	do
		snprintf(key, sizeof key, "h%u", i++);
	while (ewb_key_hash(key, strlen(key)) % EWB_CONN_BUSY != at);
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	snprintf(text, sizeof text, "get h\r\nget %s\r\n", key);
	say(c, text);
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 2);
	tiny_let_all();
	play_run(&p);
	hear(c, "END\r\nEND\r\n");
	play_close(&p);
}
END_TEST

/* More commands on one place of the table than it can count. */
START_TEST(three_hundred_commands_on_one_key_keep_their_order)
{
	struct ewb_server_options o;
	char want[4096] = "";
	unsigned done = 0;

	play_defaults(&o);
	o.in_flight = 1000;
	play_open(&p, 1, &tiny_engine, &o);
	tiny_put("h", "0", 1);
	c = client_open(&p, 0);
	for (unsigned i = 0; i < 300; i++)
		say(c, "incr h 1\r\n");
	play_run(&p);
	/* each is a get and a store */
	for (; tiny_blocked(); done++) {
		if (done == 2 * 100)
			say(c, "get h\r\n");
		ck_assert_uint_eq(tiny_blocked(), 1);
		tiny_let_all();
		play_run(&p);
	}
	for (unsigned i = 1; i <= 300; i++)
		snprintf(want + strlen(want), 8, "%u\r\n", i);
	strcat(want, "VALUE h 0 3\r\n300\r\nEND\r\n");
	hear(c, want);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend order");
	TCase *t = tcase_create("order");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(
		t,
		replies_are_in_request_order_whatever_order_the_notifies_come_in);
	tcase_add_test(t, two_front_ends_keep_the_order_of_their_own);
	tcase_add_test(t,
	               a_get_sees_the_blocked_set_before_it_and_others_overlap);
	tcase_add_test(t, commands_on_one_key_are_done_in_order);
	tcase_add_test(t, keys_of_one_hash_only_wait_for_each_other);
	tcase_add_test(t, keys_that_share_a_place_in_the_table_overlap);
	tcase_add_test(t, three_hundred_commands_on_one_key_keep_their_order);
	suite_add_tcase(s, t);
	return unit_run(s);
}
