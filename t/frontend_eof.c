/* SPDX-License-Identifier: BSD-2-Clause */
/* The client says no more: what it said is done and answered. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define LARGE (1u << 20)

static struct play p;
static struct client *c;

static char *
large_value(void)
{
	char *v = malloc(LARGE);

	ck_assert_ptr_nonnull(v);
	memset(v, 'v', LARGE);
	return v;
}

/* The end of input. */

START_TEST(what_was_said_before_the_end_of_input_is_answered)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("l", "late", 4);
	tiny_put("h", "held", 4);
	tiny.delay_us = 20000;
	c = client_open(&p, 0);
	say(c, "get l\r\nget h\r\nget k\r\n");
	client_shut(c);
	play_run(&p);
	hear_nothing(c);
	play_pass(&p, 20);
	play_run(&p);
	hear(c, "VALUE l 0 4\r\nlate\r\nEND\r\n");
	hear_nothing(c);
	tiny_let("h", EWB_OK);
	play_run(&p);
	hear(c, "VALUE h 0 4\r\nheld\r\nEND\r\nEND\r\n");
	hear_end(c);
	ck_assert(!client_served(c));
	ck_assert_uint_eq(play_count(&p, closed_gone), 0);
	ck_assert_uint_eq(tiny.cancels, 0);
	play_close(&p);
}
END_TEST

START_TEST(nothing_said_and_the_end_of_input_close_the_connection)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	client_shut(c);
	play_run(&p);
	hear_end(c);
	ck_assert(!client_served(c));
	play_close(&p);
}
END_TEST

START_TEST(commands_that_waited_for_a_limit_are_done_after_the_end_of_input)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 2;
	play_open(&p, 1, &tiny_engine, &o);
	c = client_open(&p, 0);
	say(c, "get h1\r\nget h2\r\nget h3\r\nset k 0 0 1\r\nV\r\nget k\r\n");
	client_shut(c);
	play_run(&p);
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
	}
	hear(c, "END\r\nEND\r\nEND\r\nSTORED\r\nVALUE k 0 1\r\nV\r\nEND\r\n");
	hear_end(c);
	play_close(&p);
}
END_TEST

static const struct half {
	const char *text;
	size_t more; /* bytes of value after it */
} halves[] = {
	{ "get ", 0 },
	{ "get k", 0 },
	{ "set k 0 0 10\r\nabc", 0 },
	{ "set k 0 0 3\r\nabc\r", 0 },
	{ "set k 0 0 100000\r\n", 50000 },
	{ "set k 0 0 9000000\r\n", 50000 },
	{ "\x80\x01", 0 },
};

START_TEST(a_command_cut_off_by_the_end_of_input_is_dropped)
{
	const struct half *h = &halves[_i];
	char *value = large_value();

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	if (h->text[0] == 'g' || h->text[0] == 's')
		say(c, "get k\r\n");
	say(c, h->text);
	say_bytes(c, value, h->more);
	client_shut(c);
	play_run(&p);
	if (h->text[0] == 'g' || h->text[0] == 's')
		hear(c, "END\r\n");
	if (h->more && strstr(h->text, "9000000"))
		hear(c, "SERVER_ERROR object too large for cache\r\n");
	hear_end(c);
	ck_assert_uint_eq(play_count(&p, cmd_set), 0);
	ck_assert(!client_served(c));
	free(value);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend end of input");
	TCase *t = tcase_create("end");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, what_was_said_before_the_end_of_input_is_answered);
	tcase_add_test(t,
	               nothing_said_and_the_end_of_input_close_the_connection);
	tcase_add_test(
		t,
		commands_that_waited_for_a_limit_are_done_after_the_end_of_input);
	tcase_add_loop_test(t,
	                    a_command_cut_off_by_the_end_of_input_is_dropped, 0,
	                    (int)(sizeof halves / sizeof *halves));
	suite_add_tcase(s, t);
	return unit_run(s);
}
