/* SPDX-License-Identifier: BSD-2-Clause */
/* What a blocked command keeps of its request, and when replies are sent. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "t/frontend_tiny.h"
#include "t/unit.h"
#include "t/front_play.h"

static struct play p;
static struct client *c, *d;

/* The request of a blocked command. */

static char *
a_value(size_t n, char first)
{
	char *v = malloc(n + 3);

	ck_assert_ptr_nonnull(v);
	for (size_t i = 0; i < n; i++)
		v[i] = (char)(first + i % 23);
	memcpy(v + n, "\r\n", 3);
	return v;
}

static void
say_set(struct client *to, const char *key, const char *value, size_t n)
{
	char line[300];

	snprintf(line, sizeof line, "set %s 0 0 %zu\r\n", key, n);
	say(to, line);
	say_bytes(to, value, n + 2);
}

/* Much more input, in sets of this size, on this connection and another. */
static void
much_more(size_t n)
{
	char *other = a_value(n, 'A');

	for (unsigned i = 0; i < 40; i++) {
		say_set(c, "k", other, n);
		say_set(d, "k", other, n);
		play_run(&p);
	}
	free(other);
}

static const size_t sizes[] = { 0, 1, 100, 4000, 16000, 16384, 40000, 1 << 20 };

START_TEST(a_blocked_commands_request_stays_while_more_input_arrives)
{
	size_t n = sizes[_i];
	char *value = a_value(n, 'a'), want[64];
	const struct ewb_request *r;

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	say_set(c, "hkey", value, n);
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 1);
	much_more(10);
	much_more(5000);
	much_more(50000);
	r = ewb_cookie_request(tiny_held("hkey", 0)->cookie);
	ck_assert_uint_eq(r->nkey, 4);
	ck_assert_int_eq(memcmp(r->key, "hkey", 4), 0);
	ck_assert_uint_eq(r->nvalue, n);
	ck_assert(n == 0 || memcmp(r->value, value, n) == 0);
	/* and it is stored as it came */
	hear_nothing(c);
	tiny_let("hkey", EWB_OK);
	play_run(&p);
	hear(c, "STORED\r\n");
	(void)hear_all(c);
	say(c, "get hkey\r\n");
	play_run(&p);
	tiny_let("hkey", EWB_OK);
	play_run(&p);
	snprintf(want, sizeof want, "VALUE hkey 0 %zu\r\n", n);
	hear(c, want);
	hear_bytes(c, value, n + 2);
	hear(c, "END\r\n");
	free(value);
	play_close(&p);
}
END_TEST

START_TEST(what_it_keeps_is_counted_until_it_comes_home)
{
	char *value = a_value(1000, 'a');

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say_set(c, "h", value, 1000);
	play_run(&p);
	ck_assert_uint_ge(atomic_load(&p.core->pinned), 1000);
	tiny_let("h", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(atomic_load(&p.core->pinned), 0);
	free(value);
	play_close(&p);
}
END_TEST

/* A reply with nothing else going on. */

START_TEST(a_ready_command_without_new_input_is_run_and_its_reply_sent)
{
	char got[64];

	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("h", "V", 1);
	c = client_open(&p, 0);
	say(c, "get h\r\n");
	play_run(&p);
	ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
	/* nothing is run within the notify */
	ck_assert_int_eq(recv(c->fd, got, sizeof got, 0), -1);
	ck_assert(play_letter(&p, 0));
	play_settle(&p);
	ck_assert_int_eq(recv(c->fd, got, sizeof got, 0), 21);
	ck_assert_int_eq(memcmp(got, "VALUE h 0 1\r\nV\r\nEND\r\n", 21), 0);
	play_close(&p);
}
END_TEST

/* After the front end has said that it sleeps. */
static void
let_while_asleep(struct ev_loop *loop, ev_prepare *w, int events)
{
	(void)events;
	ck_assert_int_eq(atomic_load(&p.front[0]->d.inbox.asleep), 1);
	tiny_let("h", EWB_OK);
	ev_prepare_stop(loop, w);
}

START_TEST(a_sleeping_loop_is_woken_by_a_notify)
{
	struct ewb_server_options o;
	ev_prepare last;

	play_defaults(&o);
	o.deadline_ms = 0; /* which would wake it, too */
	play_open(&p, 1, &tiny_engine, &o);
	p.front[0]->by_hand = 0;
	c = client_open(&p, 0);
	say(c, "get h\r\n");
	play_sockets(&p);
	ck_assert_uint_eq(tiny_blocked(), 1);
	ev_prepare_init(&last, let_while_asleep);
	ev_set_priority(&last, EV_MINPRI);
	ev_prepare_start(p.loop[0], &last);
	/* would not return else: there is nothing to wait for */
	ev_run(p.loop[0], EVRUN_ONCE);
	ck_assert_uint_eq(atomic_load(&p.front[0]->d.inbox.wakes), 1);
	hear(c, "END\r\n");
	p.front[0]->by_hand = 1;
	play_close(&p);
}
END_TEST

/* Writes. */

START_TEST(a_hundred_pipelined_gets_are_one_write)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("k", "V", 1);
	c = client_open(&p, 0);
	say_times(c, 100, "get k\r\n");
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, reads), 1);
	ck_assert_uint_eq(play_count(&p, writes), 1);
	ck_assert_uint_eq(hear_all(c), 100 * 21);
	play_close(&p);
}
END_TEST

static uint64_t writes_seen;

static void
see_writes(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)cookie;
	(void)r;
	writes_seen += play_count(&p, writes);
}

/* So a client's thread that waits for several of them is woken once. */
START_TEST(the_answers_of_a_turn_leave_together)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	writes_seen = 0;
	tiny.seen = see_writes;
	say(c, "get k\r\n");
	say(d, "get k\r\n");
	play_run(&p);
	ck_assert_uint_eq(tiny.runs, 2);
	ck_assert_uint_eq(writes_seen, 0);
	ck_assert_uint_eq(play_count(&p, writes), 2);
	hear(c, "END\r\n");
	hear(d, "END\r\n");
	play_close(&p);
}
END_TEST

START_TEST(a_connection_is_sent_to_when_its_slice_is_used)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.requests_per_turn = 200; /* commands: a get and its END are two */
	play_open(&p, 1, &tiny_engine, &o);
	c = client_open(&p, 0);
	say_times(c, 300, "get k\r\n");
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, writes), 3);
	ck_assert_uint_eq(play_count(&p, slices_used), 2);
	ck_assert_uint_eq(hear_all(c), 300 * 5);
	play_close(&p);
}
END_TEST

START_TEST(replies_of_blocked_commands_leave_together_when_the_inbox_is_empty)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 1000;
	play_open(&p, 2, &tiny_engine, &o);
	p.front[0]->by_hand = p.front[1]->by_hand = 0;
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	say_times(c, 100, "get h%u\r\n");
	say_times(d, 50, "get h%u\r\n");
	play_sockets(&p);
	ck_assert_uint_eq(tiny_blocked(), 150);
	ck_assert_uint_eq(play_count(&p, writes), 0);
	tiny_let_all();
	play_sockets(&p);
	ck_assert_uint_eq(play_count(&p, commands_resumed), 150);
	ck_assert_uint_eq(play_count(&p, writes), 2);
	ck_assert_uint_eq(hear_all(c), 100 * 5);
	ck_assert_uint_eq(hear_all(d), 50 * 5);
	p.front[0]->by_hand = p.front[1]->by_hand = 1;
	play_close(&p);
}
END_TEST

START_TEST(a_turns_tasks_go_to_the_pool_together)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say_times(c, 60, "get l%u\r\n");
	/* run, but handed over at the end of the turn */
	play_sockets(&p);
	ck_assert_uint_eq(p.front[0]->d.batch.n, 60);
	ck_assert(!play_job(&p));
	play_settle(&p);
	ck_assert_uint_eq(p.front[0]->d.batch.n, 0);
	for (unsigned i = 0; i < 60; i++)
		ck_assert(play_job(&p));
	play_run(&p);
	ck_assert_uint_eq(hear_all(c), 60 * 5);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend ready");
	TCase *t = tcase_create("ready");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(
		t, a_blocked_commands_request_stays_while_more_input_arrives, 0,
		(int)(sizeof sizes / sizeof *sizes));
	tcase_add_test(t, what_it_keeps_is_counted_until_it_comes_home);
	tcase_add_test(
		t, a_ready_command_without_new_input_is_run_and_its_reply_sent);
	tcase_add_test(t, a_sleeping_loop_is_woken_by_a_notify);
	tcase_add_test(t, a_hundred_pipelined_gets_are_one_write);
	tcase_add_test(t, the_answers_of_a_turn_leave_together);
	tcase_add_test(t, a_connection_is_sent_to_when_its_slice_is_used);
	tcase_add_test(
		t,
		replies_of_blocked_commands_leave_together_when_the_inbox_is_empty);
	tcase_add_test(t, a_turns_tasks_go_to_the_pool_together);
	suite_add_tcase(s, t);
	return unit_run(s);
}
