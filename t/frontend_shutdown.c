/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client may say to end the server, where it may. */
#include "config.h"

#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c;
static unsigned ended;

static void
end_it(void *arg)
{
	ck_assert_ptr_eq(arg, &p);
	ended++;
}

static void
open_play(bool may)
{
	struct ewb_server_options o;

	play_defaults(&o);
	if (may) {
		o.shutdown = end_it;
		o.shutdown_arg = &p;
	}
	ended = 0;
	play_open(&p, 1, &tiny_engine, &o);
	c = client_open(&p, 0);
}

START_TEST(unless_it_may_a_client_is_told_so_and_served_on)
{
	open_play(false);
	say(c, "shutdown\r\nshutdown graceful\r\nshutdown x\r\nmn\r\n");
	play_run(&p);
	hear(c, "ERROR: shutdown not enabled\r\n"
	        "ERROR: shutdown not enabled\r\n"
	        "ERROR: shutdown not enabled\r\nMN\r\n");
	play_close(&p);
}
END_TEST

static const char *const ways[] = { "shutdown\r\nget k\r\n",
	                            "shutdown graceful\r\nget k\r\n" };

START_TEST(where_it_may_the_server_is_told_and_nothing_behind_it_is_run)
{
	open_play(true);
	say(c, ways[_i]);
	play_run(&p);
	ck_assert_uint_eq(ended, 1);
	hear_end(c);
	ck_assert_uint_eq(tiny.runs, 0);
	play_close(&p);
}
END_TEST

START_TEST(what_was_said_before_it_is_done_first)
{
	open_play(true);
	say(c, "get h\r\nshutdown\r\n");
	play_run(&p);
	ck_assert_uint_eq(ended, 0);
	tiny_let("h", EWB_NOT_FOUND);
	play_run(&p);
	hear(c, "END\r\n");
	hear_end(c);
	ck_assert_uint_eq(ended, 1);
	play_close(&p);
}
END_TEST

START_TEST(another_way_to_shut_down_is_refused)
{
	open_play(true);
	say(c, "shutdown now\r\nshutdown graceful x\r\nmn\r\n");
	play_run(&p);
	hear(c, "CLIENT_ERROR invalid shutdown mode\r\n"
	        "CLIENT_ERROR invalid shutdown mode\r\nMN\r\n");
	ck_assert_uint_eq(ended, 0);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend shutdown");
	TCase *t = tcase_create("shutdown");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, unless_it_may_a_client_is_told_so_and_served_on);
	tcase_add_loop_test(
		t, where_it_may_the_server_is_told_and_nothing_behind_it_is_run,
		0, 2);
	tcase_add_test(t, what_was_said_before_it_is_done_first);
	tcase_add_test(t, another_way_to_shut_down_is_refused);
	suite_add_tcase(s, t);
	return unit_run(s);
}
