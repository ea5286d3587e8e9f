/* SPDX-License-Identifier: BSD-2-Clause */
/* Stopping against what else may happen just then, in all orders. */
#include "config.h"

#include <netinet/in.h>
#include <string.h>

#include "t/explore.h"
#include "t/front_play.h"
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

/* Notified, and the end of the grace. */

static bool was_let, in_time, over;

static void *
one_is_blocked(void)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("h", "V", 1);
	c = client_open(&p, 0);
	say(c, "get h\r\n");
	play_run(&p);
	stop();
	play_run(&p);
	was_let = in_time = over = false;
	return &p;
}

static void
let_it(void *ctx)
{
	(void)ctx;
	ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
	was_let = true;
	in_time = !over;
}

static bool
can_take_it(void *ctx)
{
	(void)ctx;
	return was_let;
}

static void
take_it(void *ctx)
{
	(void)ctx;
	(void)play_letter(&p, 0);
	play_settle(&p);
}

static void
grace_over(void *ctx)
{
	(void)ctx;
	play_grace_over(&p);
	over = true;
}

static const char *
one_answer(void *ctx)
{
	const char *wrong;

	(void)ctx;
	play_run(&p);
	if (ewb_server_stopped(p.server) != EWB_OK)
		return "it has not stopped";
	wrong = heard(c, in_time ? "VALUE h 0 1\r\nV\r\nEND\r\n"
	                         : "SERVER_ERROR temporary failure\r\n");
	return wrong ? wrong : heard_end(c);
}

static void
put_away(void *ctx)
{
	(void)ctx;
	end();
}

START_TEST(what_was_notified_before_the_end_of_the_grace_is_answered)
{
	static const struct ewb_event events[] = {
		{ .name = "let", .run = let_it },
		{ .name = "letter", .run = take_it, .enabled = can_take_it },
		{ .name = "grace over", .run = grace_over },
	};
	static const struct ewb_scenario s = { .name = "grace",
		                               .events = events,
		                               .nevents = 3,
		                               .setup = one_is_blocked,
		                               .check = one_answer,
		                               .teardown = put_away };

	ck_assert_uint_eq(ewb_explore(&s), 3);
}
END_TEST

/* On their way to another front end. */

static unsigned taken[2];

static void
connect_one(void *ctx)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	(void)ctx;
	if (ewb_server_port(p.server) == 0)
		return;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)ewb_server_port(p.server));
	(void)client_connect(&p, (struct sockaddr *)&a, sizeof a);
}

static void *
two_listen(void)
{
	char why[300];

	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(
		ewb_server_listen(p.server, "127.0.0.1:0", why, sizeof why), 0);
	play_fronts(&p, 2);
	for (unsigned i = 0; i < 4; i++)
		connect_one(NULL);
	return &p;
}

static void
turn_0(void *ctx)
{
	(void)ctx;
	ev_run(p.loop[0], EVRUN_NOWAIT);
}

static void
begin_stop(void *ctx)
{
	(void)ctx;
	stop();
}

static void
letters_0(void *ctx)
{
	(void)ctx;
	(void)play_letter(&p, 0);
	play_settle(&p);
}

static void
letters_1(void *ctx)
{
	(void)ctx;
	(void)play_letter(&p, 1);
	play_settle(&p);
	ev_run(p.loop[1], EVRUN_NOWAIT);
}

static const char *
all_are_closed(void *ctx)
{
	(void)ctx;
	play_run(&p);
	if (ewb_server_stopped(p.server) != EWB_OK)
		return "it has not stopped";
	if (atomic_load(&p.server->connections))
		return "a connection is left";
	return NULL;
}

START_TEST(a_stop_while_connections_are_handed_over_loses_none)
{
	static const struct ewb_event events[] = {
		{ .name = "turn of 0", .run = turn_0 },
		{ .name = "stop", .run = begin_stop },
		{ .name = "letter of 0", .run = letters_0 },
		{ .name = "letter of 1", .run = letters_1 },
		{ .name = "another of 1", .run = letters_1 },
		{ .name = "another turn of 0", .run = turn_0 },
	};
	static const struct ewb_scenario s = { .name = "hand over",
		                               .events = events,
		                               .nevents = 6,
		                               .setup = two_listen,
		                               .check = all_are_closed,
		                               .teardown = put_away };

	ck_assert_uint_eq(ewb_explore(&s), 720);
}
END_TEST

/* One front end asks the other while that one stops. */

static void *
both_are_served(void)
{
	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, taken[0]);
	d = client_open(&p, 1 - taken[0]);
	say(c, "stats cookies\r\n");
	return &p;
}

static void
turn_1(void *ctx)
{
	(void)ctx;
	ev_run(p.loop[1], EVRUN_NOWAIT);
}

static const char *
it_was_answered(void *ctx)
{
	char got[1000] = "";
	const char *wrong = all_are_closed(ctx);

	if (wrong)
		return wrong;
	/* nothing if the stop was there first */
	(void)hear_some(c, got, sizeof got - 1);
	if (got[0] && strcmp(got, "END\r\n") != 0)
		return "stats answered something else";
	return NULL;
}

START_TEST(stats_cookies_and_a_stop_of_the_other_front_end)
{
	static const struct ewb_event events[] = {
		{ .name = "turn of 0", .run = turn_0 },
		{ .name = "turn of 1", .run = turn_1 },
		{ .name = "stop", .run = begin_stop },
		{ .name = "letter of 0", .run = letters_0 },
		{ .name = "letter of 1", .run = letters_1 },
		{ .name = "another of 0", .run = letters_0 },
		{ .name = "another of 1", .run = letters_1 },
	};
	static const struct ewb_scenario s = { .name = "stats",
		                               .events = events,
		                               .nevents = 7,
		                               .setup = both_are_served,
		                               .check = it_was_answered,
		                               .teardown = put_away };

	taken[0] = (unsigned)_i;
	ck_assert_uint_eq(ewb_explore(&s), 5040);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend stop orders");
	TCase *t = tcase_create("stop");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(
		t, what_was_notified_before_the_end_of_the_grace_is_answered);
	tcase_add_test(t, a_stop_while_connections_are_handed_over_loses_none);
	tcase_add_loop_test(t, stats_cookies_and_a_stop_of_the_other_front_end,
	                    0, 2);
	suite_add_tcase(s, t);
	return unit_run(s);
}
