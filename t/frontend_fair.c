/* SPDX-License-Identifier: BSD-2-Clause */
/* Nobody keeps the others waiting: connections, the sockets and the inbox.
 * The front ends take their letters themselves here; the test lets them have
 * one turn at a time. */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "t/frontend_tiny.h"
#include "t/unit.h"
#include "t/front_play.h"

static struct play p;
static struct client *c, *d;

static void
begin(unsigned nfronts, const struct ewb_server_options *o)
{
	play_open(&p, nfronts, &tiny_engine, o);
	for (unsigned i = 0; i < nfronts; i++)
		p.front[i]->by_hand = 0;
}

static void
end(void)
{
	tiny.seen = NULL;
	tiny_let_all();
	for (unsigned i = 0; i < p.nfronts; i++)
		p.front[i]->by_hand = 1;
	play_close(&p);
}

static void
turn(void)
{
	play_sockets(&p);
}

/* Connections. */

START_TEST(ten_thousand_pipelined_commands_do_not_hold_up_another_connection)
{
	unsigned turns = 0;

	begin(1, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	/* what the kernel takes; the rest as it is read */
	say_times(c, 3000, "touch k 1\r\n");
	say(d, "get k\r\n");
	turn();
	ck_assert_uint_le(tiny.runs, EWB_TURN_COMMANDS + 1);
	hear(d, "END\r\n");
	say_times(c, 7000, "touch k 1\r\n");
	say(d, "get k\r\n");
	turn();
	hear(d, "END\r\n");
	while (play_count(&p, cmd_touch) < 10000) {
		uint64_t before = play_count(&p, cmd_touch);

		turn();
		(void)hear_all(c);
		ck_assert_uint_lt(turns++, 1000);
		ck_assert_uint_ge(play_count(&p, cmd_touch), before);
	}
	end();
}
END_TEST

START_TEST(two_floods_are_served_slice_by_slice)
{
	struct ewb_server_options o;
	char got[4096];

	play_defaults(&o);
	o.requests_per_turn = 50;
	begin(1, &o);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	say_times(c, 1000, "touch k 1\r\n");
	say_times(d, 1000, "touch k 1\r\n");
	for (unsigned i = 0; i < 20; i++) {
		turn();
		ck_assert_int_eq(recv(c->fd, got, sizeof got, 0), 50 * 11);
		ck_assert_int_eq(recv(d->fd, got, sizeof got, 0), 50 * 11);
	}
	end();
}
END_TEST

static uint64_t
bytes_written(void)
{
	return play_count(&p, bytes_written);
}

START_TEST(who_has_much_to_send_sends_a_slice_of_it_in_a_turn)
{
	static char large[700 * 1024], got[sizeof large + 64];
	int room = 4 << 20;
	uint64_t before;

	begin(1, NULL);
	memset(large, 'x', sizeof large);
	tiny_put("k", large, sizeof large);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	setsockopt(c->conn->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
	say(c, "get k\r\n");
	turn();
	for (before = 0; bytes_written() > before;) {
		ck_assert_uint_le(bytes_written() - before, 256 * 1024);
		before = bytes_written();
		while (recv(c->fd, got, sizeof got, MSG_DONTWAIT) > 0)
			;
		say(d, "get other\r\n");
		turn();
		hear(d, "END\r\n");
		before += 5;
	}
	ck_assert_uint_gt(before, sizeof large);
	end();
}
END_TEST

/* Each command takes a tenth of a millisecond. */
static void
takes_100_us(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)cookie;
	(void)r;
	ewb_clock_advance(&p.core->clock, 100);
}

static void
takes_200_us(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	takes_100_us(cookie, r);
	takes_100_us(cookie, r);
}

START_TEST(a_slice_ends_after_a_millisecond)
{
	begin(1, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	tiny.seen = takes_100_us;
	say_times(c, 1000, "delete k\r\n");
	turn();
	/* the clock is looked at every 16 commands */
	ck_assert_uint_eq(tiny.runs, 16);
	ck_assert_uint_eq(play_count(&p, slices_used), 1);
	say(d, "get k\r\n");
	turn();
	ck_assert_uint_eq(tiny.runs, 33);
	hear(d, "END\r\n");
	end();
}
END_TEST

START_TEST(answers_of_some_size_end_a_slice_as_well)
{
	static char large[4096];

	begin(1, NULL);
	memset(large, 'x', sizeof large);
	tiny_put("k", large, sizeof large);
	c = client_open(&p, 0);
	tiny.seen = takes_200_us;
	say_times(c, 100, "get k\r\n");
	turn();
	/* four answers are 16 KiB, when the clock is looked at */
	ck_assert_uint_eq(tiny.runs, 8);
	end();
}
END_TEST

static uint64_t writes_before_the_last;

static void
takes_no_time(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)cookie;
	(void)r;
	writes_before_the_last = play_count(&p, writes);
}

START_TEST(a_short_turn_sends_at_its_end_however_many_its_commands_are)
{
	struct client *e;

	begin(1, NULL);
	tiny.seen = takes_no_time;
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	e = client_open(&p, 0);
	say_times(c, 200, "delete k\r\n");
	say_times(d, 200, "delete k\r\n");
	say_times(e, 100, "delete k\r\n");
	turn();
	ck_assert_uint_gt(tiny.runs, EWB_TURN_COMMANDS);
	ck_assert_uint_eq(writes_before_the_last, 0);
	ck_assert_uint_eq(play_count(&p, writes), 3);
	end();
}
END_TEST

static void
takes_300_us(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)cookie;
	(void)r;
	ewb_clock_advance(&p.core->clock, 300);
	writes_before_the_last = play_count(&p, writes);
}

START_TEST(a_long_turn_sends_what_it_has_each_millisecond)
{
	struct client *many[40];

	begin(1, NULL);
	tiny.seen = takes_300_us;
	for (unsigned i = 0; i < 40; i++) {
		many[i] = client_open(&p, 0);
		say(many[i], "get k\r\n");
	}
	turn();
	ck_assert_uint_eq(tiny.runs, 40);
	/* each fourth is later than a millisecond after the last time */
	ck_assert_uint_eq(writes_before_the_last, 36);
	for (unsigned i = 0; i < 40; i++)
		hear(many[i], "END\r\n");
	end();
}
END_TEST

/* Forty have much to say. */
static void
begin_floods(struct client **many)
{
	begin(1, NULL);
	tiny.seen = takes_100_us;
	for (unsigned i = 0; i < 40; i++) {
		many[i] = client_open(&p, 0);
		say_times(many[i], 200, "delete k\r\n");
	}
	turn(); /* a slice of 16 for each */
	ck_assert_uint_eq(tiny.runs, 40 * 16);
}

START_TEST(who_asks_for_little_does_not_wait_for_all_who_ask_for_much)
{
	struct client *many[40];
	unsigned before;

	begin_floods(many);
	turn(); /* for the last one's sockets took as long */
	c = client_open(&p, 0);
	for (unsigned i = 0; i < 100; i++) {
		before = tiny.runs;
		say(c, "get k\r\n");
		turn();
		hear(c, "END\r\n");
		ck_assert_uint_le(tiny.runs - before, 16 + 1);
	}
	end();
}
END_TEST

START_TEST(all_who_ask_for_much_have_their_slices_in_turn)
{
	unsigned slices[40] = { 0 }, least, most;
	struct client *many[40];
	char got[4096];

	begin_floods(many);
	for (unsigned turns = 0; turns < 200; turns++) {
		turn();
		least = UINT_MAX;
		most = 0;
		for (unsigned i = 0; i < 40; i++) {
			slices[i] += recv(many[i]->fd, got, sizeof got, 0) > 0;
			least = slices[i] < least ? slices[i] : least;
			most = slices[i] > most ? slices[i] : most;
		}
		ck_assert_uint_le(most - least, 1);
	}
	ck_assert_uint_ge(least, 200 / 40);
	end();
}
END_TEST

static void
frees_for_300_us(void)
{
	ewb_clock_advance(&p.core->clock, 300);
}

/* Forty have not read for a minute, and it takes a while to close each. */
static void
begin_giving_up(void)
{
	static char large[300 * 1024];

	begin(1, NULL);
	tiny_put("k", large, sizeof large);
	d = client_open(&p, 0);
	for (unsigned i = 0; i < 40; i++)
		say(client_open(&p, 0), "get k\r\n");
	turn();
	tiny.leaving = frees_for_300_us;
	ewb_clock_advance(&p.core->clock, 60000000);
	ewb_now_on_front(p.front[0]->d.thread);
	ewb_front_second(p.front[0]);
}

START_TEST(those_that_are_given_up_do_not_hold_up_the_others)
{
	uint64_t closed = 0, now;

	begin_giving_up();
	while (closed < 40) {
		now = play_count(&p, closed_no_progress);
		ck_assert_uint_ge(now - closed, 1);
		ck_assert_uint_le(now - closed, 4);
		closed = now;
		say(d, "get other\r\n");
		turn();
		hear(d, "END\r\n");
	}
	tiny.leaving = NULL;
	end();
}
END_TEST

START_TEST(one_that_goes_before_it_is_given_up_is_not_looked_at)
{
	struct ewb_conn *next;

	begin_giving_up();
	ewb_now_on_front(p.front[0]->d.thread);
	next = p.front[0]->ticking;
	ck_assert_ptr_nonnull(next);
	ewb_now_on_front(p.front[0]->d.thread);
	ewb_conn_close(next);
	ck_assert_ptr_ne(p.front[0]->ticking, next);
	while (p.front[0]->ticking)
		turn();
	ck_assert_uint_eq(play_count(&p, closed_no_progress), 39);
	tiny.leaving = NULL;
	end();
}
END_TEST

/* The sockets and the inbox. */

static unsigned let_at, resumed_at;

/* Notifies within the flood, and sees when that is taken. */
static void
watch(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)cookie;
	(void)r;
	if (tiny.runs == 300) {
		tiny_let("h", EWB_OK);
		let_at = tiny.runs;
	}
	if (resumed_at == 0 && play_count(&p, commands_resumed) > 0)
		resumed_at = tiny.runs;
}

START_TEST(a_flood_of_sockets_does_not_starve_the_inbox)
{
	struct ewb_server_options o;
	struct client *many[40];

	play_defaults(&o);
	/* single large slices, and slices that don't divide the turn */
	o.requests_per_turn = _i == 0 ? 100000 : 100;
	begin(1, &o);
	c = client_open(&p, 0);
	say(c, "get h\r\n");
	turn();
	let_at = resumed_at = 0;
	for (unsigned i = 0; i < 40; i++) {
		many[i] = client_open(&p, 0);
		say_times(many[i], 100, "delete k\r\n");
	}
	if (_i == 0)
		say_times(many[39], 2000, "delete k\r\n");
	tiny.seen = watch;
	for (unsigned i = 0; i < 40; i++)
		turn();
	ck_assert_uint_gt(let_at, 0);
	ck_assert_uint_gt(resumed_at, let_at);
	ck_assert_uint_le(resumed_at - let_at, EWB_TURN_COMMANDS + 1);
	hear(c, "END\r\n");
	end();
}
END_TEST

static void
takes_a_millisecond(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	watch(cookie, r);
	ewb_clock_advance(&p.core->clock, 1000);
}

START_TEST(slow_commands_do_not_starve_the_inbox)
{
	struct client *many[40];

	begin(1, NULL);
	c = client_open(&p, 0);
	say(c, "get h\r\n");
	turn();
	let_at = resumed_at = 0;
	for (unsigned i = 0; i < 40; i++) {
		many[i] = client_open(&p, 0);
		say_times(many[i], 10, "delete k\r\n");
	}
	tiny.seen = takes_a_millisecond;
	turn();
	ck_assert_uint_gt(let_at, 0);
	/* it is looked at after each connection */
	ck_assert_uint_le(resumed_at - let_at, 11);
	end();
}
END_TEST

START_TEST(a_flood_of_letters_does_not_starve_the_sockets)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 10000;
	o.requests_per_turn = 10000;
	begin(1, &o);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	tiny.how = TINY_HOLD;
	say_times(c, 1000, "delete h%u\r\n");
	for (unsigned i = 0; i < 10; i++)
		turn();
	ck_assert_uint_eq(tiny_blocked(), 1000);
	tiny.how = TINY_AT_ONCE;
	tiny_let_all();
	say(d, "get k\r\n");
	turn();
	ck_assert_uint_eq(play_count(&p, commands_resumed), EWB_TURN_LETTERS);
	hear(d, "END\r\n");
	for (unsigned i = 0; i < 10; i++)
		turn();
	ck_assert_uint_eq(play_count(&p, commands_resumed), 1000);
	end();
}
END_TEST

/* With letters left over it polls, and does not sleep. */
START_TEST(a_turn_with_letters_left_is_followed_by_another)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 10000;
	begin(1, &o);
	c = client_open(&p, 0);
	say_times(c, 600, "delete h%u\r\n");
	while (tiny_blocked() < 600)
		turn();
	tiny_let_all();
	/* none of these may wait for an event */
	for (unsigned i = 0; i < 3; i++)
		ev_run(p.loop[0], EVRUN_ONCE);
	ck_assert_uint_eq(play_count(&p, commands_resumed), 600);
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend fair");
	TCase *t = tcase_create("fair");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(
		t,
		ten_thousand_pipelined_commands_do_not_hold_up_another_connection);
	tcase_add_test(t, two_floods_are_served_slice_by_slice);
	tcase_add_test(t, who_has_much_to_send_sends_a_slice_of_it_in_a_turn);
	tcase_add_test(
		t, a_short_turn_sends_at_its_end_however_many_its_commands_are);
	tcase_add_test(t, a_long_turn_sends_what_it_has_each_millisecond);
	tcase_add_test(t, a_slice_ends_after_a_millisecond);
	tcase_add_test(t, answers_of_some_size_end_a_slice_as_well);
	tcase_add_test(
		t, who_asks_for_little_does_not_wait_for_all_who_ask_for_much);
	tcase_add_test(t, all_who_ask_for_much_have_their_slices_in_turn);
	tcase_add_test(t, those_that_are_given_up_do_not_hold_up_the_others);
	tcase_add_test(t, one_that_goes_before_it_is_given_up_is_not_looked_at);
	tcase_add_loop_test(t, a_flood_of_sockets_does_not_starve_the_inbox, 0,
	                    2);
	tcase_add_test(t, slow_commands_do_not_starve_the_inbox);
	tcase_add_test(t, a_flood_of_letters_does_not_starve_the_sockets);
	tcase_add_test(t, a_turn_with_letters_left_is_followed_by_another);
	suite_add_tcase(s, t);
	return unit_run(s);
}
