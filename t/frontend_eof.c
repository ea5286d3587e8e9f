/* SPDX-License-Identifier: BSD-2-Clause */
/* The client says no more: what it said is done and answered. */
#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

/* The server ends it, and the client talks on. */

static const struct {
	const char *say, *hear;
} lasts[] = {
	{ "quit\r\n", "" },
	{ "set n 0 0 70000000\r\n",
	  "SERVER_ERROR object too large for cache\r\n" },
	{ "\n", "ERROR\r\nCLIENT_ERROR line too long\r\n" },
};

START_TEST(a_client_that_talks_on_hears_everything_all_the_same)
{
	char *value = large_value();
	char *more = large_value();

	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("k", value, LARGE);
	c = client_tcp(&p, 0);
	client_small(c, 65536);
	say(c, "get k\r\nget k\r\n");
	say(c, lasts[_i].say);
	say_bytes(c, more, 30000);
	play_run(&p);
	/* more of it than fits: it is read, and thrown away */
	for (unsigned i = 0; i < 2; i++) {
		hear(c, "VALUE k 0 1048576\r\n");
		hear_bytes(c, value, LARGE);
		hear(c, "\r\nEND\r\n");
		say_bytes(c, more, 30000);
	}
	hear(c, lasts[_i].hear);
	hear_end(c);
	ck_assert_uint_eq(play_count(&p, cmd_get), 2);
	client_close(c);
	play_run(&p);
	play_pass(&p, 1000);
	ck_assert(!client_served(c));
	free(more);
	free(value);
	play_close(&p);
}
END_TEST

/* All of an answer is the kernel's, and not yet the client's. */
static void
begin_leaving(void)
{
	char *value = large_value();
	int large = 4 * LARGE, small = 32768;

	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("k", value, LARGE / 4);
	c = client_tcp(&p, 0);
	setsockopt(c->conn->fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	say(c, "get k\r\nquit\r\n");
	play_run(&p);
	ck_assert_uint_eq(c->conn->out.bytes, 0);
	ck_assert(client_served(c));
	free(value);
}

START_TEST(what_the_client_does_not_take_is_given_up_some_time)
{
	unsigned passed = 0;

	begin_leaving();
	for (; client_served(c); passed += 10)
		play_pass(&p, 10000);
	ck_assert_uint_ge(passed, 60);
	ck_assert_uint_le(passed, 120);
	play_close(&p);
}
END_TEST

START_TEST(when_the_client_has_taken_it_all_it_is_closed_in_a_second)
{
	char *got = large_value();
	int one = 1;

	begin_leaving();
	ck_assert_uint_eq(hear_some(c, got, LARGE / 4 + 25), LARGE / 4 + 25);
	hear_end(c);
	/* its kernel says so at once; its side stays open */
	setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
	play_pass(&p, 1000);
	ck_assert(!client_served(c));
	free(got);
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
	tcase_add_loop_test(t, a_command_cut_off_by_the_end_of_input_is_dropped,
	                    0, (int)(sizeof halves / sizeof *halves));
	tcase_add_loop_test(
		t, a_client_that_talks_on_hears_everything_all_the_same, 0, 3);
	tcase_add_test(t, what_the_client_does_not_take_is_given_up_some_time);
	tcase_add_test(
		t, when_the_client_has_taken_it_all_it_is_closed_in_a_second);
	suite_add_tcase(s, t);
	return unit_run(s);
}
