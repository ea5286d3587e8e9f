/* SPDX-License-Identifier: BSD-2-Clause */
/* The client says no more, or is gone. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "t/explore.h"
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
	for (size_t i = 0; i < LARGE; i++)
		v[i] = (char)('a' + i % 26);
	return v;
}

/* Gone. */

START_TEST(a_reset_cancels_what_is_blocked_and_nothing_else)
{
	struct tiny_held *h;

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_tcp(&p, 0);
	say(c, "get h1\r\nget h2\r\nget h1\r\nget k\r\n");
	play_run(&p);
	h = tiny_held("h1", 0);
	tiny_let("h2", EWB_OK);
	client_reset(c);
	play_sockets(&p);
	ck_assert(!client_served(c));
	ck_assert_uint_eq(play_count(&p, closed_gone), 1);
	/* h1; h2 was notified, the other h1 had not begun, k was done */
	ck_assert_uint_eq(tiny.cancels, 1);
	ck_assert_uint_eq(play_count(&p, cancelled_gone), 1);
	ck_assert_int_eq(h->why, EWB_CANCEL_GONE);
	ck_assert(ewb_cancelled(h->ticket));
	ck_assert_uint_eq(atomic_load(&p.server->connections), 0);
	/* its cookie lives until it is notified */
	ck_assert_uint_gt(p.front[0]->d.nused, 0);
	tiny_let("h1", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(p.front[0]->d.nused, 0);
	ck_assert_uint_eq(tiny.runs, 3);
	play_close(&p);
}
END_TEST

START_TEST(a_reset_while_reading_is_paused_is_found_in_a_second)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 2;
	play_open(&p, 1, &tiny_engine, &o);
	c = client_tcp(&p, 0);
	say(c, "get h1\r\nget h2\r\nget h3\r\n");
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, paused_in_flight), 1);
	client_reset(c);
	play_run(&p);
	ck_assert(client_served(c));
	play_pass(&p, 1000);
	ck_assert(!client_served(c));
	ck_assert_uint_eq(play_count(&p, closed_gone), 1);
	ck_assert_int_eq(tiny.held[0].why, EWB_CANCEL_GONE);
	tiny_let_all();
	play_close(&p);
}
END_TEST

START_TEST(a_client_that_hangs_up_after_its_end_of_input_is_found_in_a_second)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = _i ? client_tcp(&p, 0) : client_open(&p, 0);
	say(c, "get h\r\n");
	client_shut(c);
	play_run(&p);
	play_pass(&p, 1000);
	ck_assert(client_served(c)); /* it only says no more */
	if (_i)
		client_reset(c);
	else
		client_close(c);
	play_pass(&p, 1000);
	ck_assert(!client_served(c));
	ck_assert_int_eq(tiny.held[0].why, EWB_CANCEL_GONE);
	tiny_let_all();
	play_close(&p);
}
END_TEST

static void
tick(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)events;
	*(bool *)w->data = true;
	ev_timer_stop(loop, w);
}

START_TEST(a_hangup_while_reading_is_paused_does_not_make_the_loop_spin)
{
	struct ewb_server_options o;
	bool over = false;
	ev_timer timer;
	unsigned before;

	play_defaults(&o);
	o.in_flight = 2;
	play_open(&p, 1, &tiny_engine, &o);
	c = client_tcp(&p, 0);
	say(c, "get h1\r\nget h2\r\n");
	play_run(&p);
	client_reset(c);
	play_run(&p);
	before = ev_iteration(p.loop[0]);
	ev_timer_init(&timer, tick, .02, 0.);
	timer.data = &over;
	ev_timer_start(p.loop[0], &timer);
	while (!over)
		ev_run(p.loop[0], EVRUN_ONCE);
	ck_assert_uint_lt(ev_iteration(p.loop[0]) - before, 10);
	play_pass(&p, 1000);
	tiny_let_all();
	play_close(&p);
}
END_TEST

/* Many. */

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

static void
a_thousand_die(void)
{
	char line[128];

	for (unsigned i = 0; i < 1000; i++) {
		c = client_open(&p, i % 2);
		snprintf(line, sizeof line,
		         i % 3 ? "get h%u\r\n"
		               : "set h%u 0 0 10\r\n0123456789\r\n",
		         i);
		say(c, line);
	}
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 1000);
	for (c = p.clients; c; c = c->next)
		client_close(c);
	play_run(&p);
	play_pass(&p, 1000);
	ck_assert_uint_eq(atomic_load(&p.server->connections), 0);
	ck_assert_uint_eq(atomic_load(&p.core->cookies), 1000);
	tiny_let_all();
	play_run(&p);
}

START_TEST(a_thousand_connections_die_with_a_command_blocked)
{
	size_t out;

	allow_descriptors(2100);
	play_open(&p, 2, &tiny_engine, NULL);
	a_thousand_die();
	out = atomic_load(&p.core->chunks.out);
	ck_assert_uint_eq(play_count(&p, closed_gone), 1000);
	ck_assert_uint_eq(play_count(&p, cancelled_gone), 1000);
	ck_assert_uint_eq(tiny.cancels, 1000);
	a_thousand_die();
	ck_assert_uint_eq(tiny.cancels, 2000);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(p.front[i]->nconns, 0);
		ck_assert_uint_eq(p.front[i]->d.nused, 0);
	}
	ck_assert_uint_eq(atomic_load(&p.core->cookies), 0);
	ck_assert_uint_eq(atomic_load(&p.core->pinned), 0);
	ck_assert_uint_eq(atomic_load(&p.core->chunks.out), out);
	play_close(&p);
}
END_TEST

/* Lent values. */

START_TEST(a_lent_value_is_released_once_when_the_client_goes_half_way)
{
	char *value = large_value(), got[10000];

	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("k", value, LARGE);
	c = _i ? client_tcp(&p, 0) : client_open(&p, 0);
	client_small(c, 4096);
	say(c, "get k k\r\n");
	play_run(&p);
	ck_assert_uint_eq(hear_some(c, got, sizeof got), sizeof got);
	ck_assert_uint_eq(atomic_load(&tiny.lent), 2);
	ck_assert_uint_eq(atomic_load(&tiny.released), 0);
	ck_assert_uint_eq(atomic_load(&p.server->instance->lent), 2);
	if (_i)
		client_reset(c);
	else
		client_close(c);
	play_run(&p);
	ck_assert(!client_served(c));
	ck_assert_uint_eq(play_count(&p, closed_gone), 1);
	ck_assert_uint_eq(atomic_load(&tiny.released), 2);
	ck_assert_uint_eq(atomic_load(&p.server->instance->lent), 0);
	free(value);
	play_close(&p);
	ck_assert_uint_eq(atomic_load(&tiny.released), 2);
}
END_TEST

START_TEST(a_lent_value_is_released_when_it_was_sent)
{
	char *value = large_value();

	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("k", value, LARGE);
	c = client_open(&p, 0);
	client_small(c, 4096);
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "VALUE k 0 1048576\r\n");
	hear_bytes(c, value, LARGE);
	hear(c, "\r\nEND\r\n");
	ck_assert_uint_eq(atomic_load(&tiny.released), 1);
	/* sent from where it lies */
	ck_assert_uint_eq(atomic_load(&p.server->instance->lent), 0);
	free(value);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend gone");
	TCase *t = tcase_create("gone");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_reset_cancels_what_is_blocked_and_nothing_else);
	tcase_add_test(t, a_reset_while_reading_is_paused_is_found_in_a_second);
	tcase_add_loop_test(
		t,
		a_client_that_hangs_up_after_its_end_of_input_is_found_in_a_second,
		0, 2);
	tcase_add_test(
		t,
		a_hangup_while_reading_is_paused_does_not_make_the_loop_spin);
	tcase_add_test(t, a_thousand_connections_die_with_a_command_blocked);
	tcase_add_loop_test(
		t, a_lent_value_is_released_once_when_the_client_goes_half_way,
		0, 2);
	tcase_add_test(t, a_lent_value_is_released_when_it_was_sent);
	suite_add_tcase(s, t);
	return unit_run(s);
}
