/* SPDX-License-Identifier: BSD-2-Clause */
/* What `stats latency` says, and what is left after `stats reset`. */
#include "config.h"

#include "cookie/latency.h"
#include "t/frontend_said.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c, *d;

static void
pass_us(uint64_t us)
{
	ewb_clock_advance(&p.core->clock, us);
}

static void
check_phase(const char *phase, const char *count, const char *p50,
            const char *max)
{
	char name[96];

	snprintf(name, sizeof name, "latency_%s_count", phase);
	said_check(name, count);
	snprintf(name, sizeof name, "latency_%s_us_p50", phase);
	said_check(name, p50);
	snprintf(name, sizeof name, "latency_%s_us_max", phase);
	said_check(name, max);
}

static void
take_3_us(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)cookie;
	(void)r;
	pass_us(3);
}

static void
take_50_us(struct ewb_task *t, const struct ewb_request *r)
{
	(void)t;
	(void)r;
	pass_us(50);
}

START_TEST(one_command_in_127_is_timed_and_its_drain_speaks_for_127)
{
	char want[16];

	play_open(&p, 1, &tiny_engine, NULL);
	tiny.seen = take_3_us;
	c = client_open(&p, 0);
	say_times(c, 2 * EWB_SAMPLE + 1, "get k%u\r\n");
	play_run(&p);
	(void)hear_all(c);
	said_ask(c, "stats latency\r\n");
	snprintf(want, sizeof want, "%d", 3 * EWB_SAMPLE);
	said_check("latency_get_parse_count", "3");
	check_phase("get_run", "3", "3.000", "3.000");
	said_check("latency_get_drain_count", want);
	ck_assert_ptr_null(said_text("latency_get_queue_count"));
	ck_assert_ptr_null(said_text("latency_get_notify_count"));
	ck_assert_ptr_null(said_text("latency_set_run_count"));
	play_close(&p);
}
END_TEST

START_TEST(each_step_of_an_offloaded_command_takes_its_own_time)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	said_ask(d, "version\r\n"); /* the sample */
	tiny.working = take_50_us;
	say(c, "get l\r\n");
	play_sockets(&p);
	play_settle(&p);
	pass_us(30);
	ck_assert(play_job(&p));
	pass_us(20);
	ck_assert(play_letter(&p, 0));
	pass_us(10);
	play_settle(&p);
	hear(c, "END\r\n");
	said_ask(d, "stats latency\r\n");
	check_phase("get_queue", "1", "30", "30");
	check_phase("get_background", "1", "50", "50");
	check_phase("get_notify", "1", "20", "20");
	check_phase("get_drain", "1", "10.000", "10.000");
	ck_assert_ptr_null(said_text("latency_get_run_count"));
	play_close(&p);
}
END_TEST

START_TEST(without_a_task_the_background_is_from_the_block_to_the_notify)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say(c, "set h 0 0 1\r\nV\r\n");
	play_run(&p);
	pass_us(70);
	ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
	pass_us(20);
	play_run(&p);
	hear(c, "STORED\r\n");
	said_ask(c, "stats latency\r\n");
	check_phase("set_background", "1", "70", "70");
	check_phase("set_notify", "1", "20", "20");
	ck_assert_ptr_null(said_text("latency_set_queue_count"));
	play_close(&p);
}
END_TEST

START_TEST(the_run_of_a_composed_command_is_that_of_all_its_parts)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny.seen = take_3_us;
	tiny_put("h", "1", 1);
	c = client_open(&p, 0);
	say(c, "incr h 1\r\n");
	while (play_run(&p), tiny_blocked())
		tiny_let_all();
	hear(c, "2\r\n");
	said_ask(c, "stats latency\r\n");
	check_phase("incr_run", "1", "6.000", "6.000");
	said_check("latency_incr_drain_count", "1");
	said_check("latency_get_notify_count", "1");
	said_check("latency_set_notify_count", "1");
	ck_assert_ptr_null(said_text("latency_get_run_count"));
	play_close(&p);
}
END_TEST

START_TEST(all_front_ends_are_asked)
{
	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	say(c, "get k\r\n");
	say(d, "get k\r\n");
	play_run(&p);
	(void)hear_all(d);
	(void)hear_all(c);
	said_ask(_i ? c : d, "stats latency\r\n");
	said_check("latency_get_run_count", "2");
	play_close(&p);
}
END_TEST

START_TEST(many_answers_that_nobody_reads_are_followed_by_few_marks)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 2000;
	play_open(&p, 1, &tiny_engine, &o);
	c = client_open(&p, 0);
	say_times(c, 1500, "delete h%u\r\n");
	play_run(&p);
	tiny_let_all();
	while (play_letter(&p, 0))
		;
	play_settle(&p);
	(void)hear_all(c);
	said_ask(c, "stats latency\r\n");
	said_check("latency_delete_drain_count", "1500");
	play_close(&p);
}
END_TEST

/* Reset. */

START_TEST(a_reset_makes_counters_anew_and_leaves_what_is)
{
	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	say(c, "set k 0 0 1\r\nV\r\nget k n\r\nget l\r\nget h\r\n");
	play_run(&p);
	(void)hear_all(c);
	said_ask(d, "stats reset\r\n");
	ck_assert_str_eq(said, "RESET\r\n");
	said_ask(d, "stats\r\n");
	said_check("cmd_get", "0");
	said_check("cmd_set", "0");
	said_check("get_hits", "0");
	said_check("total_connections", "0");
	said_check("commands_blocked", "1"); /* the reset itself, after it */
	said_check("curr_connections", "2");
	said_check("cookies_blocked", "1");
	said_check("curr_items", "1");
	said_ask(d, "stats pool\r\n");
	said_check("reader_ran", "0");
	said_check("task_get_run_count", "0");
	said_ask(d, "stats latency\r\n");
	ck_assert_ptr_null(strstr(said, "latency_get_"));
	said_ask(d, "get k\r\n");
	tiny_let_all();
	play_run(&p);
	(void)hear_all(c);
	said_ask(d, "stats\r\n");
	said_check("cmd_get", "1");
	said_check("get_hits", "1");
	said_check("get_misses", "1"); /* begun before, ended after */
	play_close(&p);
}
END_TEST

START_TEST(what_was_counted_before_a_reset_counts_no_more_after_another)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	for (int i = 0; i < 3; i++) {
		said_ask(c, "get k\r\n");
		said_ask(c, "get k\r\n");
		said_ask(c, "stats\r\n");
		said_check("cmd_get", "2");
		said_ask(c, "stats reset\r\n");
	}
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend latency");
	TCase *t = tcase_create("latency");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t,
	               one_command_in_127_is_timed_and_its_drain_speaks_for_127);
	tcase_add_test(t, each_step_of_an_offloaded_command_takes_its_own_time);
	tcase_add_test(
		t,
		without_a_task_the_background_is_from_the_block_to_the_notify);
	tcase_add_test(t, the_run_of_a_composed_command_is_that_of_all_its_parts);
	tcase_add_loop_test(t, all_front_ends_are_asked, 0, 2);
	tcase_add_test(t,
	               many_answers_that_nobody_reads_are_followed_by_few_marks);
	tcase_add_test(t, a_reset_makes_counters_anew_and_leaves_what_is);
	tcase_add_test(
		t,
		what_was_counted_before_a_reset_counts_no_more_after_another);
	suite_add_tcase(s, t);
	return unit_run(s);
}
