/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that do not read, and connections that close while there is
 * something to send. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define VALUE (64u * 1024)
#define ANSWER (VALUE + 24) /* VALUE k 0 65536, the value, END */

static struct play p;
static struct client *c, *d;

static char *
a_value(size_t n)
{
	char *v = malloc(n);

	ck_assert_ptr_nonnull(v);
	for (size_t i = 0; i < n; i++)
		v[i] = (char)('a' + i % 25);
	return v;
}

static void
begin(const struct ewb_server_options *o)
{
	char *v = a_value(VALUE);

	play_open(&p, 1, &tiny_engine, o);
	tiny_put("k", v, VALUE);
	tiny_put("h", v, VALUE);
	tiny_put("s", "small", 5);
	free(v);
}

static void
hear_answers(struct client *from, unsigned n)
{
	char *v = a_value(VALUE);

	while (n--) {
		hear(from, "VALUE k 0 65536\r\n");
		hear_bytes(from, v, VALUE);
		hear(from, "\r\nEND\r\n");
	}
	free(v);
}

/* Back-pressure. */

START_TEST(a_client_that_does_not_read_is_not_read_from)
{
	struct ewb_server_options o;
	size_t lines = 0;

	play_defaults(&o);
	o.max_unread = 300000;
	begin(&o);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	client_small(c, 4096);
	for (unsigned i = 0; i < 20; i++, lines++)
		say(c, "get k\r\n");
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, paused_unread), 1);
	/* no more than one reply over the limit */
	ck_assert_uint_ge(c->conn->out.bytes, 300000);
	ck_assert_uint_le(c->conn->out.bytes, 300000 + ANSWER);
	ck_assert(!ev_is_active(&c->conn->rio));
	ck_assert_uint_lt(tiny.runs, 10);
	/* the other one is served */
	say(d, "get s\r\n");
	play_run(&p);
	hear(d, "VALUE s 0 5\r\nsmall\r\nEND\r\n");
	/* and this one when it reads */
	hear_answers(c, 20);
	ck_assert_uint_eq(tiny.runs, 21);
	say(c, "get s\r\n");
	play_run(&p);
	hear(c, "VALUE s 0 5\r\nsmall\r\nEND\r\n");
	play_close(&p);
}
END_TEST

/* The limit of each one times all of them would be more than there is. */
START_TEST(when_all_hold_more_than_there_is_each_may_hold_little)
{
	struct ewb_server_options o;
	struct client *deaf[8];
	size_t sum = 0;

	play_defaults(&o);
	o.max_item = VALUE;
	o.high = 16384;
	o.low = 0;
	o.buffer_memory = 300000;
	o.max_unread = 200000;
	begin(&o);
	for (unsigned i = 0; i < 8; i++) {
		deaf[i] = client_open(&p, 0);
		client_small(deaf[i], 4096);
		for (unsigned n = 0; n < 20; n++)
			say(deaf[i], "get k\r\n");
		play_run(&p);
		sum += deaf[i]->conn->out.bytes;
		ck_assert_uint_eq(atomic_load(&p.server->unread), sum);
	}
	ck_assert_uint_ge(deaf[0]->conn->out.bytes, 200000);
	ck_assert_uint_le(deaf[7]->conn->out.bytes,
	                  EWB_UNREAD_FEW + ANSWER);
	ck_assert_uint_le(sum, 300000 + 200000 +
	                               8 * (EWB_UNREAD_FEW + ANSWER));
	ck_assert_uint_eq(play_count(&p, paused_unread), 8);
	/* who reads is served as always */
	d = client_open(&p, 0);
	say(d, "get s\r\nget k\r\n");
	play_run(&p);
	hear(d, "VALUE s 0 5\r\nsmall\r\nEND\r\n");
	hear_answers(d, 1);
	for (unsigned i = 0; i < 8; i++)
		hear_answers(deaf[i], 20);
	ck_assert_uint_eq(atomic_load(&p.server->unread), 0);
	play_close(&p);
}
END_TEST

START_TEST(what_a_client_that_is_gone_has_not_read_counts_no_more)
{
	begin(NULL);
	c = client_open(&p, 0);
	client_small(c, 4096);
	say(c, "get k\r\n");
	play_run(&p);
	ck_assert_uint_gt(atomic_load(&p.server->unread), 0);
	client_close(c);
	play_run(&p);
	play_pass(&p, 1000);
	ck_assert_uint_eq(atomic_load(&p.server->unread), 0);
	play_close(&p);
}
END_TEST

START_TEST(replies_behind_a_blocked_one_count_as_unread)
{
	struct ewb_server_options o;
	char *v = a_value(VALUE);

	play_defaults(&o);
	o.max_unread = 200000;
	begin(&o);
	c = client_open(&p, 0);
	say(c, "get h\r\n");
	for (unsigned i = 0; i < 20; i++)
		say(c, "get k\r\n");
	play_run(&p);
	ck_assert_uint_eq(c->conn->out.bytes, 0);
	ck_assert_uint_eq(c->conn->waiting_bytes, 4 * VALUE);
	ck_assert_uint_eq(tiny.runs, 5);
	ck_assert_uint_eq(play_count(&p, paused_unread), 1);
	tiny_let("h", EWB_OK);
	play_run(&p);
	hear(c, "VALUE h 0 65536\r\n");
	hear_bytes(c, v, VALUE);
	hear(c, "\r\nEND\r\n");
	hear_answers(c, 20);
	ck_assert_uint_eq(c->conn->waiting_bytes, 0);
	free(v);
	play_close(&p);
}
END_TEST

/* Those on one key begin one after the other, while the first is blocked. */
START_TEST(with_much_unread_nothing_that_waited_is_begun)
{
	struct ewb_server_options o;
	char *v = a_value(VALUE);
	unsigned n = 0;

	play_defaults(&o);
	/* two replies, which the socket takes at once; or four */
	o.max_unread = _i ? 200000 : 100000;
	begin(&o);
	c = client_open(&p, 0);
	say(c, "get h0\r\n");
	for (unsigned i = 0; i < 10; i++)
		say(c, "get h\r\n");
	play_run(&p);
	while (tiny_let("h", EWB_OK) == EWB_OK) {
		play_run(&p);
		n++;
	}
	ck_assert_uint_eq(n, _i ? 4 : 2);
	ck_assert_uint_eq(c->conn->waiting_bytes, n * VALUE);
	/* when it leaves, they go on */
	tiny_let("h0", EWB_OK);
	play_run(&p);
	hear(c, "END\r\n");
	for (unsigned i = 0; i < 10; i++) {
		if (i >= n) {
			ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
			play_run(&p);
		}
		hear(c, "VALUE h 0 65536\r\n");
		hear_bytes(c, v, VALUE);
		hear(c, "\r\nEND\r\n");
	}
	hear_nothing(c);
	free(v);
	play_close(&p);
}
END_TEST

/* A mutation whose outcome is not known has its key. */
START_TEST(the_first_begins_though_much_waits_for_its_reply)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.max_unread = 100000;
	begin(&o);
	c = client_open(&p, 0);
	say(c, "set h 0 0 1\r\nN\r\n");
	play_run(&p);
	play_pass(&p, o.deadline_ms);
	hear(c, "SERVER_ERROR outcome unknown\r\n");
	say(c, "get h\r\nget k\r\nget k\r\n");
	play_run(&p);
	ck_assert_uint_eq(c->conn->waiting_bytes, 2 * VALUE);
	tiny_let("h", EWB_OK);
	play_run(&p);
	ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(hear_all(c), 3 * ANSWER);
	play_close(&p);
}
END_TEST

/* The first of all waits for nobody's reply but for room in the output. */
START_TEST(what_waited_begins_one_by_one_as_the_client_reads)
{
	struct ewb_server_options o;
	unsigned n = 0;

	play_defaults(&o);
	o.max_unread = 200000;
	begin(&o);
	c = client_open(&p, 0);
	client_small(c, 4096);
	for (unsigned i = 0; i < 10; i++)
		say(c, "get h\r\n");
	play_run(&p);
	while (tiny_let("h", EWB_OK) == EWB_OK) {
		play_run(&p);
		n++;
	}
	ck_assert_uint_ge(c->conn->out.bytes, 200000);
	ck_assert_uint_lt(c->conn->out.bytes, 200000 + ANSWER);
	while (n < 10) {
		ck_assert_uint_gt(hear_all(c), 0);
		play_run(&p);
		ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
		play_run(&p);
		n++;
	}
	(void)hear_all(c);
	ck_assert_uint_eq(c->conn->nflight, 0);
	play_close(&p);
}
END_TEST

/* Input. */

static void
say_set(unsigned i)
{
	static char v[VALUE + 2] = "";
	char line[32];

	if (v[0] == '\0') {
		memset(v, 'v', VALUE);
		memcpy(v + VALUE, "\r\n", 2);
	}
	snprintf(line, sizeof line, "set h%u 0 0 %u\r\n", i, VALUE);
	say(c, line);
	say_bytes(c, v, VALUE + 2);
	play_run(&p);
}

static size_t
pinned(void)
{
	return c->conn->pinned_bytes;
}

START_TEST(input_that_commands_hold_counts_as_unread)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.max_unread = 200000;
	begin(&o);
	c = client_open(&p, 0);
	for (unsigned i = 0; i < 5; i++)
		say_set(i);
	/* no more than one command over the limit */
	ck_assert_uint_eq(tiny_blocked(), 4);
	ck_assert_uint_ge(pinned(), 4 * VALUE);
	ck_assert_uint_lt(pinned(), 4 * VALUE + 100);
	ck_assert(!ev_is_active(&c->conn->rio));
	ck_assert_uint_eq(play_count(&p, paused_unread), 1);
	/* one is answered, though not in its place: it holds it still */
	tiny_let("h1", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 3);
	tiny_let("h0", EWB_OK);
	play_run(&p);
	hear(c, "STORED\r\nSTORED\r\n");
	ck_assert_uint_eq(tiny_blocked(), 3);
	ck_assert(ev_is_active(&c->conn->rio));
	tiny_let_all();
	play_run(&p);
	hear(c, "STORED\r\nSTORED\r\nSTORED\r\n");
	ck_assert_uint_eq(pinned(), 0);
	play_close(&p);
}
END_TEST

START_TEST(a_command_larger_than_the_limit_passes_alone)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.max_unread = 4096;
	begin(&o);
	c = client_open(&p, 0);
	for (unsigned i = 0; i < 3; i++)
		say_set(i);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(tiny_blocked(), 1);
		tiny_let_all();
		play_run(&p);
		hear(c, "STORED\r\n");
	}
	ck_assert_uint_eq(pinned(), 0);
	play_close(&p);
}
END_TEST

/* Answered by their deadlines, and never notified. */
START_TEST(what_is_held_after_its_answer_counts_and_stops_nobody)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.max_unread = 100000;
	begin(&o);
	c = client_open(&p, 0);
	say_set(0);
	say_set(1);
	play_pass(&p, o.deadline_ms);
	hear(c, "SERVER_ERROR outcome unknown\r\n"
	        "SERVER_ERROR outcome unknown\r\n");
	ck_assert_uint_gt(pinned(), 2 * VALUE);
	say_set(2);
	say_set(3);
	ck_assert_ptr_nonnull(tiny_held("h2", 0));
	ck_assert_ptr_null(tiny_held("h3", 0)); /* one at a time */
	if (_i) {                               /* hangs up */
		client_close(c);
		play_pass(&p, 1000);
		ck_assert(!client_served(c));
	} else {
		tiny_let("h2", EWB_OK);
		play_run(&p);
		hear(c, "STORED\r\n");
		ck_assert_ptr_nonnull(tiny_held("h3", 0));
	}
	tiny_let_all();
	play_run(&p);
	if (_i == 0) {
		hear(c, "STORED\r\n");
		ck_assert_uint_eq(pinned(), 0);
	}
	play_close(&p);
}
END_TEST

/* Of all connections. */
START_TEST(what_blocks_above_the_buffer_memory_is_busy)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.max_item = VALUE;
	o.high = 2 * VALUE;
	o.low = VALUE;
	o.buffer_memory = 2 * VALUE;
	begin(&o);
	for (unsigned i = 0; i < 3; i++) {
		c = client_open(&p, 0);
		say_set(i);
	}
	hear(c, "SERVER_ERROR busy\r\n");
	ck_assert_uint_eq(tiny_blocked(), 2);
	ck_assert_uint_eq(play_count(&p, commands_refused), 1);
	tiny_let_all();
	play_run(&p);
	say_set(3);
	ck_assert_uint_eq(tiny_blocked(), 1);
	tiny_let_all();
	play_run(&p);
	hear(c, "STORED\r\n");
	play_close(&p);
}
END_TEST

/* No progress. */

START_TEST(a_client_that_reads_nothing_for_long_is_closed)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.no_progress_s = 60;
	begin(&o);
	c = client_open(&p, 0);
	client_small(c, 4096);
	play_pass(&p, 100000); /* the time before does not count */
	say(c, "get k\r\nget k\r\n");
	play_run(&p);
	play_pass(&p, 59000);
	ck_assert(client_served(c));
	play_pass(&p, 1000);
	ck_assert(!client_served(c));
	ck_assert_uint_eq(play_count(&p, closed_no_progress), 1);
	ck_assert_uint_eq(atomic_load(&tiny.released), 2);
	play_close(&p);
}
END_TEST

START_TEST(a_client_that_reads_slowly_is_not_closed)
{
	struct ewb_server_options o;
	char got[4096];
	size_t left;

	play_defaults(&o);
	o.no_progress_s = 60;
	begin(&o);
	c = client_open(&p, 0);
	client_small(c, 4096);
	say(c, "get k\r\n");
	play_run(&p);
	for (unsigned i = 0; i < 3; i++) {
		play_pass(&p, 50000);
		left = c->conn->out.bytes;
		/* until its socket takes more */
		while (c->conn->out.bytes == left)
			ck_assert_uint_gt(hear_some(c, got, sizeof got), 0);
		play_run(&p);
		ck_assert(client_served(c));
		ck_assert_uint_gt(c->conn->out.bytes, 0);
	}
	(void)hear_all(c);
	play_pass(&p, 100000);
	ck_assert(client_served(c));
	play_close(&p);
}
END_TEST

START_TEST(a_client_that_waits_for_a_blocked_command_is_not_closed)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.no_progress_s = 10;
	o.idle_timeout_s = 10;
	o.deadline_ms = 0;
	begin(&o);
	c = client_open(&p, 0);
	say(c, "get h\r\nget k\r\n");
	play_run(&p);
	play_pass(&p, 100000);
	ck_assert(client_served(c));
	tiny_let("h", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(hear_all(c), 2 * ANSWER);
	play_close(&p);
}
END_TEST

START_TEST(a_silent_client_is_closed_if_the_option_says_so)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.idle_timeout_s = _i ? 10 : 0;
	begin(&o);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	play_pass(&p, 9000);
	say(d, "get s\r\n");
	play_run(&p);
	hear(d, "VALUE s 0 5\r\nsmall\r\nEND\r\n");
	play_pass(&p, 1000);
	ck_assert_int_eq(client_served(c), !_i);
	ck_assert(client_served(d));
	ck_assert_uint_eq(play_count(&p, closed_idle), _i);
	play_close(&p);
}
END_TEST

/* Closing. */

START_TEST(quit_after_large_gets_delivers_everything)
{
	begin(NULL);
	c = _i ? client_tcp(&p, 0) : client_open(&p, 0);
	client_small(c, _i ? 65536 : 4096);
	for (unsigned i = 0; i < 10; i++)
		say(c, "get k\r\n");
	say(c, "quit\r\n");
	play_run(&p);
	ck_assert(client_served(c));
	hear_answers(c, 10);
	hear_end(c);
	ck_assert_uint_eq(atomic_load(&tiny.released), 10);
	play_close(&p);
}
END_TEST

START_TEST(the_end_of_input_after_large_gets_delivers_everything)
{
	begin(NULL);
	c = client_open(&p, 0);
	client_small(c, 4096);
	for (unsigned i = 0; i < 10; i++)
		say(c, "get k\r\n");
	client_shut(c);
	play_run(&p);
	ck_assert(client_served(c));
	hear_answers(c, 10);
	hear_end(c);
	play_close(&p);
}
END_TEST

/* Commands in flight. */

START_TEST(a_get_of_500_keys_works_with_128_commands_in_flight)
{
	struct ewb_server_options o;
	char line[16];
	unsigned most = 0, rounds = 0;

	play_defaults(&o);
	o.in_flight = 128;
	begin(&o);
	tiny_put("h0", "first", 5);
	tiny_put("h499", "last", 4);
	c = client_open(&p, 0);
	say(c, "get");
	for (unsigned i = 0; i < 500; i++) {
		snprintf(line, sizeof line, " h%u", i);
		say(c, line);
	}
	say(c, "\r\n");
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 128);
	while (tiny_blocked()) {
		if (tiny_blocked() > most)
			most = tiny_blocked();
		tiny_let_all();
		play_run(&p);
		rounds++;
	}
	ck_assert_uint_eq(most, 128);
	ck_assert_uint_eq(rounds, 4);
	hear(c, "VALUE h0 0 5\r\nfirst\r\nVALUE h499 0 4\r\nlast\r\nEND\r\n");
	ck_assert_uint_gt(play_count(&p, paused_in_flight), 0);
	play_close(&p);
}
END_TEST

/* The head of the line is let go first, and is enough to go on. */
START_TEST(reading_goes_on_when_one_of_the_limit_is_answered)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 4;
	begin(&o);
	c = client_open(&p, 0);
	say(c, "delete h1\r\ndelete h2\r\ndelete h3\r\ndelete h4\r\n"
	       "delete h5\r\ndelete h6\r\n");
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 4);
	ck_assert(!ev_is_active(&c->conn->rio));
	/* a later one is answered, but not in its place yet */
	tiny_let("h2", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 3);
	tiny_let("h1", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 4);
	hear(c, "NOT_FOUND\r\nNOT_FOUND\r\n");
	tiny_let_all();
	play_run(&p);
	hear(c, "NOT_FOUND\r\nNOT_FOUND\r\nNOT_FOUND\r\nNOT_FOUND\r\n");
	ck_assert(ev_is_active(&c->conn->rio));
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend unread");
	TCase *t = tcase_create("unread");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_client_that_does_not_read_is_not_read_from);
	tcase_add_test(
		t, when_all_hold_more_than_there_is_each_may_hold_little);
	tcase_add_test(
		t, what_a_client_that_is_gone_has_not_read_counts_no_more);
	tcase_add_test(t, replies_behind_a_blocked_one_count_as_unread);
	tcase_add_loop_test(t, with_much_unread_nothing_that_waited_is_begun, 0,
	                    2);
	tcase_add_test(t, the_first_begins_though_much_waits_for_its_reply);
	tcase_add_test(t, what_waited_begins_one_by_one_as_the_client_reads);
	tcase_add_test(t, input_that_commands_hold_counts_as_unread);
	tcase_add_test(t, a_command_larger_than_the_limit_passes_alone);
	tcase_add_test(t, what_blocks_above_the_buffer_memory_is_busy);
	tcase_add_loop_test(
		t, what_is_held_after_its_answer_counts_and_stops_nobody, 0, 2);
	tcase_add_test(t, a_client_that_reads_nothing_for_long_is_closed);
	tcase_add_test(t, a_client_that_reads_slowly_is_not_closed);
	tcase_add_test(t,
	               a_client_that_waits_for_a_blocked_command_is_not_closed);
	tcase_add_loop_test(t, a_silent_client_is_closed_if_the_option_says_so,
	                    0, 2);
	tcase_add_loop_test(t, quit_after_large_gets_delivers_everything, 0, 2);
	tcase_add_test(t,
	               the_end_of_input_after_large_gets_delivers_everything);
	tcase_add_test(t, a_get_of_500_keys_works_with_128_commands_in_flight);
	tcase_add_test(t, reading_goes_on_when_one_of_the_limit_is_answered);
	suite_add_tcase(s, t);
	return unit_run(s);
}
