/* SPDX-License-Identifier: BSD-2-Clause */
/* What `stats` says. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/binary.h"
#include "t/frontend_frames.h"
#include "t/frontend_said.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c, *d;

/* General. */

static const char *const names[] = {
	"pid",
	"uptime",
	"time",
	"version",
	"pointer_size",
	"engine",
	"vbuckets",
	"threads",
	"curr_connections",
	"max_connections",
	"cookies_blocked",
	"cookies_orphaned",
	"cookies_pinned_bytes",
	"cookies_pinned_max",
	"cookies_max",
	"notifies_stale",
	"notifies_refused",
	"streams",
	"stream_memory",
	"stream_memory_max",
	"chunk_memory",
	"curr_items",
#define EWB_COUNTER(name, help) #name,
#include "cookie/counters.def"
#undef EWB_COUNTER
};

START_TEST(all_names_are_there_and_end_follows)
{
	size_t n;

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	said_ask(c, "stats\r\n");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ck_assert_msg(said_text(names[i]) != NULL, "no statistic %s",
		              names[i]);
	n = strlen(said);
	ck_assert_str_eq(said + n - 7, "\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(the_numbers_are_those_of_what_was_done)
{
	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	play_pass(&p, 7000);
	say(c, "set k 0 0 1\r\nV\r\nget k k n\r\nbogus\r\ntouch k 0\r\n");
	say(d, "add k2 0 0 1\r\nV\r\nget n\r\nget h\r\n");
	play_run(&p);
	said_ask(c, "stats\r\n");
	said_check("engine", "tiny");
	said_check("uptime", "7");
	said_check("threads", "2");
	said_check("curr_connections", "2");
	said_check("total_connections", "2");
	said_check("curr_items", "2");
	said_check("cmd_get", "5");
	said_check("get_hits", "2");
	said_check("get_misses", "2");
	said_check("cmd_set", "2");
	said_check("cmd_touch", "1");
	said_check("touch_misses", "0"); /* it waits */
	said_check("cmd_other", "2"); /* bogus, and this one */
	said_check("frames_malformed", "1");
	said_check("commands_blocked", "1");
	said_check("commands_resumed", "0");
	said_check("cookies_blocked", "1");
	said_check("cookies_pinned_bytes", "5");
	said_check("reads", "3");
	said_check("writes", "2");
	said_check("bytes_read", "83");
	said_check("bytes_written", "74");
	tiny_let_all();
	play_run(&p);
	said_ask(c, "stats\r\n");
	said_check("commands_resumed", "1");
	said_check("cookies_blocked", "0");
	said_check("get_misses", "3");
	play_close(&p);
}
END_TEST

START_TEST(the_engines_part_may_be_late)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny.how = _i ? TINY_HOLD : TINY_LATE;
	tiny.delay_us = 1000;
	c = client_open(&p, 0);
	say(c, "stats\r\nget k\r\n");
	play_run(&p);
	hear_nothing(c);
	tiny.how = TINY_AT_ONCE;
	play_pass(&p, 1);
	tiny_let_all();
	said_ask(c, "");
	ck_assert_ptr_nonnull(said_text("pid"));
	said_check("curr_items", "0");
	ck_assert_str_eq(said + strlen(said) - 12, "\r\nEND\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(an_engine_that_is_too_late_is_an_error_in_its_place)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny.how = TINY_HOLD;
	c = client_open(&p, 0);
	say(c, "stats\r\nversion\r\n");
	play_run(&p);
	play_pass(&p, 2500);
	play_run(&p);
	hear(c, "SERVER_ERROR temporary failure\r\nVERSION ");
	(void)hear_all(c);
	tiny_let_all();
	play_run(&p);
	hear_nothing(c);
	play_close(&p);
}
END_TEST

START_TEST(the_pools_group_has_classes_and_tasks)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say(c, "get l\r\n");
	play_run(&p);
	hear(c, "END\r\n");
	said_ask(c, "stats pool\r\n");
	said_check("reader_submitted", "1");
	said_check("reader_ran", "1");
	said_check("writer_submitted", "0");
	said_check("aux_queued", "0");
	ck_assert_ptr_nonnull(said_text("reader_wait_us_p99"));
	ck_assert_ptr_nonnull(said_text("task_get_run_us_max"));
	ck_assert_ptr_null(said_text("pid"));
	play_close(&p);
}
END_TEST

START_TEST(a_group_that_does_not_exist_is_an_error)
{
	static struct frames says, want;

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say(c, "stats nosuch\r\nstats cookie\r\nstats cookies2\r\nversion\r\n");
	play_run(&p);
	hear(c, "ERROR\r\nERROR\r\nERROR\r\nVERSION ");
	d = client_open(&p, 0);
	says.n = want.n = 0;
	frames_ask(&says,
	           &(struct frame){ .opcode = BIN_STAT, .key = "nosuch" });
	frames_say(d, &says);
	play_run(&p);
	frames_error(&want, BIN_STAT, 0, EWB_NOT_FOUND, NULL);
	frames_hear(d, &want);
	play_close(&p);
}
END_TEST

START_TEST(binary_statistics_are_a_frame_each_and_an_empty_one)
{
	static struct frames says;
	struct ewb_bin_reply r = { 0 };
	size_t n, at = 0, frames = 0;
	int blocks;

	play_open(&p, 1, &tiny_engine, NULL);
	d = client_open(&p, 0);
	says.n = 0;
	frames_ask(&says, &(struct frame){ .opcode = BIN_STAT, .opaque = 77 });
	frames_say(d, &says);
	play_run(&p);
	n = hear_some(d, said, sizeof said);
	while (at < n) {
		ck_assert_int_gt(blocks = ewb_bin_response((uint8_t *)said + at,
		                                           n - at, &r),
		                 0);
		ck_assert_uint_eq(r.opaque, 77);
		ck_assert_uint_eq(r.status, 0);
		at += 24 + r.nbody;
		frames++;
		if (r.nkey == 0)
			break;
	}
	ck_assert_uint_eq(at, n);
	ck_assert_uint_eq(r.nbody, 0);
	ck_assert_uint_gt(frames, sizeof names / sizeof *names);
	play_close(&p);
}
END_TEST

/* Blocked commands. */

START_TEST(blocked_commands_are_listed_from_both_front_ends)
{
	char want[300];

	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	say(c, "get h1\r\nset h1 0 0 1\r\nV\r\n");
	say(d, "incr h2 1\r\n");
	tiny_put("h2", "1", 1);
	play_run(&p);
	play_pass(&p, 1234);
	said_ask(client_open(&p, (unsigned)_i), "stats cookies\r\n");
	/* c's two, d's one (its child is not listed), not the asker itself */
	ck_assert_ptr_nonnull(strstr(said, "STAT cookie:0:0x"));
	ck_assert_ptr_nonnull(strstr(said, "STAT cookie:1:0x"));
	snprintf(want, sizeof want,
	         "connection=%s engine=tiny opcode=get task=none wait=notify "
	         "state=blocked age_ms=1234 blocks=1",
	         c->conn->session.name);
	ck_assert_ptr_nonnull(strstr(said, want));
	snprintf(want, sizeof want,
	         "connection=%s engine=tiny opcode=set task=none wait=turn "
	         "state=blocked age_ms=1234 blocks=0",
	         c->conn->session.name);
	ck_assert_ptr_nonnull(strstr(said, want));
	snprintf(want, sizeof want,
	         "connection=%s engine=tiny opcode=incr task=none wait=notify "
	         "state=blocked age_ms=1234 blocks=1",
	         d->conn->session.name);
	ck_assert_ptr_nonnull(strstr(said, want));
	ck_assert_ptr_eq(strstr(strstr(said, want) + 1, "STAT"), NULL);
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
	}
	play_close(&p);
}
END_TEST

START_TEST(what_was_answered_or_left_by_its_client_is_listed)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_tcp(&p, 0);
	say(c, "set h1 0 0 1\r\nV\r\n");
	say(d, "get h2\r\n");
	play_run(&p);
	play_pass(&p, 2500);
	hear(c, "SERVER_ERROR outcome unknown\r\n");
	client_reset(d);
	play_sockets(&p);
	said_ask(client_open(&p, 0), "stats cookies\r\n");
	ck_assert_ptr_nonnull(strstr(said,
	                             "connection=unix:1 engine=tiny "
	                             "opcode=set task=none wait=notify state=over"));
	ck_assert_ptr_nonnull(strstr(said,
	                             "connection=- engine=tiny "
	                             "opcode=get task=none wait=notify state=over"));
	tiny_let_all();
	play_run(&p);
	play_close(&p);
}
END_TEST

START_TEST(a_thousand_of_a_front_end_are_listed_and_more_is_said)
{
	struct ewb_server_options o;
	unsigned lines = 0;

	play_defaults(&o);
	o.in_flight = 3000;
	play_open(&p, 1, &tiny_engine, &o);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	say_times(c, 1500, "delete h%u\r\n");
	play_run(&p);
	said_ask(d, "stats cookies\r\n");
	for (const char *at = said; (at = strstr(at, "STAT cookie:")); at++)
		lines++;
	ck_assert_uint_eq(lines, 1000);
	said_check("more", "the first 1000 of this front end");
	tiny_let_all();
	play_run(&p);
	said_ask(d, "stats cookies\r\n");
	ck_assert_str_eq(said, "END\r\n");
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend stats");
	TCase *t = tcase_create("stats");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, all_names_are_there_and_end_follows);
	tcase_add_test(t, the_numbers_are_those_of_what_was_done);
	tcase_add_loop_test(t, the_engines_part_may_be_late, 0, 2);
	tcase_add_test(t, an_engine_that_is_too_late_is_an_error_in_its_place);
	tcase_add_test(t, the_pools_group_has_classes_and_tasks);
	tcase_add_test(t, a_group_that_does_not_exist_is_an_error);
	tcase_add_test(t, binary_statistics_are_a_frame_each_and_an_empty_one);
	tcase_add_loop_test(t, blocked_commands_are_listed_from_both_front_ends,
	                    0, 2);
	tcase_add_test(t, what_was_answered_or_left_by_its_client_is_listed);
	tcase_add_test(t,
	               a_thousand_of_a_front_end_are_listed_and_more_is_said);
	suite_add_tcase(s, t);
	return unit_run(s);
}
