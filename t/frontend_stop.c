/* SPDX-License-Identifier: BSD-2-Clause */
/* Stopping, with whatever is going on. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "t/explore.h"
#include "t/front_play.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c, *d;

static void
stop(void)
{
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
}

static void
end(void)
{
	play_fronts_free(&p);
	play_free(&p);
}

/* Within the grace. */

START_TEST(without_front_ends_it_has_stopped_at_once)
{
	play_server(&p, &tiny_engine, NULL);
	stop();
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	play_free(&p);
}
END_TEST

START_TEST(idle_connections_are_closed)
{
	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	say(d, "get k\r\ntouch half of a comma");
	play_run(&p);
	hear(d, "END\r\n");
	stop();
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_WOULDBLOCK);
	play_run(&p);
	hear_end(c);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	end();
}
END_TEST

START_TEST(blocked_commands_have_the_grace_and_new_ones_are_not_taken)
{
	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	say(c, "get h\r\nset h 0 0 1\r\nV\r\n");
	say(d, "get h\r\nget k\r\n");
	play_run(&p);
	stop();
	play_run(&p);
	say(c, "get k\r\n");
	say(d, "get k\r\n");
	play_run(&p);
	ck_assert_uint_eq(tiny.runs, 3);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_WOULDBLOCK);
	/* also those that waited for their turn */
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
	}
	hear(c, "END\r\nSTORED\r\n");
	hear(d, "END\r\nEND\r\n");
	ck_assert(!client_served(c));
	ck_assert_uint_eq(tiny.cancels, 0);
	end();
}
END_TEST

START_TEST(what_is_written_is_sent_within_the_grace)
{
	char *v = calloc(1, 1 << 20);

	ck_assert_ptr_nonnull(v);
	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("k", v, 1 << 20);
	c = client_open(&p, 0);
	client_small(c, 4096);
	say(c, "get k\r\n");
	play_run(&p);
	stop();
	play_run(&p);
	ck_assert(client_served(c));
	ck_assert_uint_eq(hear_all(c), (1 << 20) + 26);
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	free(v);
	end();
}
END_TEST

/* After it. */

static void
allow_descriptors(unsigned n)
{
	struct rlimit r;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &r), 0);
	if (r.rlim_cur < n) {
		r.rlim_cur = r.rlim_max < n ? r.rlim_max : n;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &r), 0);
	}
	ck_assert_uint_ge(r.rlim_cur, n);
}

START_TEST(a_thousand_blocked_commands_are_cancelled_and_answered)
{
	allow_descriptors(2100);
	play_open(&p, 2, &tiny_engine, NULL);
	for (unsigned i = 0; i < 1000; i++) {
		c = client_open(&p, i % 2);
		say(c, i % 5 ? "get h\r\n" : "set h 0 0 1\r\nV\r\n");
	}
	play_run(&p);
	stop();
	play_run(&p);
	play_grace_over(&p);
	play_run(&p);
	for (c = p.clients; c; c = c->next) {
		const char *get = "SERVER_ERROR temporary failure\r\n",
			   *set = "SERVER_ERROR outcome unknown\r\n";
		char got[64] = "";

		(void)hear_some(c, got, sizeof got - 1);
		ck_assert(!strcmp(got, get) || !strcmp(got, set));
		hear_end(c);
	}
	ck_assert_uint_eq(tiny.cancels, 1000);
	ck_assert_int_eq(tiny.held[0].why, EWB_CANCEL_STOP);
	ck_assert_uint_eq(play_count(&p, cancelled_stop), 1000);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_WOULDBLOCK);
	tiny_let_all();
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	end();
}
END_TEST

START_TEST(what_waits_for_its_turn_is_answered_too)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say(c, "set h 0 0 1\r\nV\r\nget h\r\nget k\r\nflush_all\r\nget k\r\n");
	play_run(&p);
	stop();
	play_run(&p);
	play_grace_over(&p);
	play_run(&p);
	hear(c, "SERVER_ERROR outcome unknown\r\n"
	        "SERVER_ERROR temporary failure\r\nEND\r\n"
	        "SERVER_ERROR temporary failure\r\n" /* it changed nothing */
	        "SERVER_ERROR temporary failure\r\n");
	hear_end(c);
	/* none of them was begun */
	ck_assert_uint_eq(tiny.runs, 2);
	tiny_let_all();
	play_run(&p);
	end();
}
END_TEST

START_TEST(what_was_not_begun_is_not_of_unknown_outcome)
{
	static struct frames ask, want;
	struct frame set = { .opcode = BIN_SET,
		             .extras = "\0\0\0\0\0\0\0\0",
		             .nextras = 8,
		             .key = "h" };

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	ask.n = want.n = 0;
	frames_ask(&ask, &set);
	frames_ask(&ask, &set);
	frames_say(c, &ask);
	play_run(&p);
	stop();
	play_run(&p);
	play_grace_over(&p);
	play_run(&p);
	frames_error(&want, BIN_SET, 0, 0x86, "outcome unknown");
	frames_error(&want, BIN_SET, 0, 0x86, "temporary failure");
	frames_hear(c, &want);
	hear_end(c);
	tiny_let_all();
	play_run(&p);
	end();
}
END_TEST

START_TEST(who_does_not_read_is_cut_off_after_the_grace)
{
	char *v = calloc(1, 1 << 20);

	ck_assert_ptr_nonnull(v);
	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("k", v, 1 << 20);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	client_small(c, 4096);
	client_small(d, 4096);
	say(c, "get k\r\n");
	say(d, "get k\r\nget h\r\n");
	play_run(&p);
	stop();
	play_run(&p);
	/* notified, but its letter is not taken yet */
	tiny_let("h", EWB_OK);
	play_grace_over(&p);
	ck_assert(!client_served(c));
	ck_assert(client_served(d));
	play_run(&p);
	ck_assert(!client_served(d));
	ck_assert_uint_eq(atomic_load(&tiny.released), 2);
	free(v);
	end();
}
END_TEST

START_TEST(with_a_lost_notify_it_says_busy)
{
	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 1);
	say(c, "get h\r\n");
	play_run(&p);
	ewb_server_stop_begin(p.server, 10000);
	play_run(&p);
	play_pass(&p, 10000);
	play_grace_over(&p);
	play_run(&p);
	hear(c, "SERVER_ERROR temporary failure\r\n");
	hear_end(c);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_WOULDBLOCK);
	play_pass(&p, 5001);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_BUSY);
	/* it may come home all the same */
	tiny_let_all();
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	end();
}
END_TEST

START_TEST(with_a_front_end_that_is_only_late_it_does_not)
{
	play_open(&p, 2, &tiny_engine, NULL);
	ewb_server_stop_begin(p.server, 0);
	play_pass(&p, 5001);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_WOULDBLOCK);
	play_pass(&p, 60000);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_BUSY);
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	end();
}
END_TEST

START_TEST(an_orphan_comes_home_before_the_front_end_goes)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say(c, "get h\r\n");
	play_run(&p);
	play_pass(&p, 2500);
	play_pass(&p, 2500);
	ck_assert_uint_eq(atomic_load(&p.core->orphans), 1);
	stop();
	play_run(&p);
	play_grace_over(&p);
	play_run(&p);
	ck_assert_uint_eq(tiny.cancels, 1);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_WOULDBLOCK);
	tiny_let_all();
	play_run(&p);
	end();
}
END_TEST

/* Too late. */

START_TEST(nothing_new_is_taken_by_a_server_that_stops)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	int fd[2];

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say(c, "get h\r\n");
	play_run(&p);
	stop();
	play_run(&p);
	ck_assert_ptr_null(ewb_front_new(p.server, loop));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	ck_assert_int_eq(ewb_front_adopt(p.front[0], fd[1]), -1);
	ck_assert_int_eq(fcntl(fd[1], F_GETFD), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_uint_eq(atomic_load(&p.server->connections), 1);
	close(fd[0]);
	stop(); /* once more does nothing */
	tiny_let_all();
	play_run(&p);
	end();
	ev_loop_destroy(loop);
}
END_TEST

START_TEST(a_stopped_front_end_leaves_its_loop)
{
	play_open(&p, 1, &tiny_engine, NULL);
	stop();
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	/* with nobody there it does not wait */
	ev_run(p.loop[0], 0);
	ck_assert_uint_eq(ev_pending_count(p.loop[0]), 0);
	end();
}
END_TEST

START_TEST(the_counters_of_a_freed_front_end_stay_in_the_sum)
{
	uint64_t gets;

	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	say(c, "get k\r\n");
	say(d, "get k\r\n");
	play_run(&p);
	gets = play_count(&p, cmd_get);
	stop();
	play_run(&p);
	play_fronts_free(&p);
	ck_assert_uint_eq(gets, 2);
	ck_assert_uint_eq(play_count(&p, cmd_get), 2);
	play_free(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend stop");
	TCase *t = tcase_create("stop");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, without_front_ends_it_has_stopped_at_once);
	tcase_add_test(t, idle_connections_are_closed);
	tcase_add_test(
		t, blocked_commands_have_the_grace_and_new_ones_are_not_taken);
	tcase_add_test(t, what_is_written_is_sent_within_the_grace);
	tcase_add_test(t,
	               a_thousand_blocked_commands_are_cancelled_and_answered);
	tcase_add_test(t, what_waits_for_its_turn_is_answered_too);
	tcase_add_test(t, what_was_not_begun_is_not_of_unknown_outcome);
	tcase_add_test(t, who_does_not_read_is_cut_off_after_the_grace);
	tcase_add_test(t, with_a_lost_notify_it_says_busy);
	tcase_add_test(t, with_a_front_end_that_is_only_late_it_does_not);
	tcase_add_test(t, an_orphan_comes_home_before_the_front_end_goes);
	tcase_add_test(t, nothing_new_is_taken_by_a_server_that_stops);
	tcase_add_test(t, a_stopped_front_end_leaves_its_loop);
	tcase_add_test(t, the_counters_of_a_freed_front_end_stay_in_the_sum);
	suite_add_tcase(s, t);
	return unit_run(s);
}
