/* SPDX-License-Identifier: BSD-2-Clause */
/* What `stats settings`, `stats conns` and `stats cookies` say, and the groups
 * that memcached has. */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "t/frontend_said.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c, *d;

START_TEST(the_settings_are_those_that_were_given)
{
	struct ewb_server_options o;
	char why[256] = "", port[8];

	play_defaults(&o);
	o.max_connections = 77;
	o.max_item = 123456;
	o.requests_per_turn = 99;
	o.idle_timeout_s = 600;
	o.deadline_ms = 1234;
	o.in_flight = 55;
	play_server(&p, &tiny_engine, &o);
	ck_assert_msg(ewb_server_listen(p.server, "127.0.0.1:0", why,
	                                sizeof why) == 0,
	              "%s", why);
	play_fronts(&p, 2);
	c = client_open(&p, 1);
	snprintf(port, sizeof port, "%u", ewb_server_port(p.server));
	said_ask(c, "stats settings\r\n");
	said_check("maxconns", "77");
	said_check("tcpport", port);
	said_check("inter", "127.0.0.1");
	said_check("domain_socket", "NULL");
	said_check("num_threads", "2");
	said_check("item_size_max", "123456");
	said_check("reqs_per_event", "99");
	said_check("idle_timeout", "600");
	said_check("cas_enabled", "yes");
	said_check("flush_enabled", "yes");
	said_check("maxbytes", "1048576");
	said_check("engine", "tiny");
	said_check("filters", "none");
	said_check("vbuckets", "64");
	said_check("pool_reader", "0");
	said_check("deadline_ms", "1234");
	said_check("in_flight", "55");
	ck_assert_str_eq(said + strlen(said) - 7, "\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(an_engine_that_fails_to_say_its_limit_is_left_out)
{
	play_open(&p, 1, &tiny_engine, NULL);
	tiny.how = TINY_HOLD;
	c = client_open(&p, 0);
	said_ask(c, "stats settings\r\n");
	ck_assert_str_eq(said, "");
	ck_assert_int_eq(tiny_let("", EWB_INTERNAL), EWB_OK);
	said_ask(c, "");
	said_check("engine", "tiny");
	ck_assert_ptr_null(said_text("maxbytes"));
	play_close(&p);
}
END_TEST

/* Connections. */

static void
check_conn(const struct client *of, const char *what, const char *want)
{
	char name[48];

	snprintf(name, sizeof name, "%d:%s", of->conn->fd, what);
	said_check(name, want);
}

static void
check_address(const struct client *of)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;
	char text[64];

	ck_assert_int_eq(getsockname(of->fd, (struct sockaddr *)&a, &len), 0);
	snprintf(text, sizeof text, "tcp:127.0.0.1:%u", ntohs(a.sin_port));
	check_conn(of, "addr", text);
	len = sizeof a;
	ck_assert_int_eq(getpeername(of->fd, (struct sockaddr *)&a, &len), 0);
	snprintf(text, sizeof text, "tcp:127.0.0.1:%u", ntohs(a.sin_port));
	check_conn(of, "listen_addr", text);
}

START_TEST(connections_are_listed_from_both_front_ends_in_memcacheds_form)
{
	struct client *blocked, *part, *tcp, *old;

	play_open(&p, 2, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 1);
	old = client_open(&p, 1);
	said_ask(old, "version\r\n");
	blocked = client_open(&p, 0);
	part = client_open(&p, 1);
	tcp = client_tcp(&p, 0);
	said_ask(part, "set k 0 0 100000\r\n");
	play_pass(&p, 7000);
	said_ask(tcp, "version\r\n");
	said_ask(blocked, "get h\r\n");
	said_ask(_i ? c : d, "stats conns\r\n");
	check_conn(c, "addr", "unix:1");
	check_conn(c, "state", _i ? "conn_parse_cmd" : "conn_new_cmd");
	check_conn(d, "state", _i ? "conn_new_cmd" : "conn_parse_cmd");
	check_conn(_i ? d : c, "secs_since_last_cmd", "7");
	check_conn(_i ? c : d, "secs_since_last_cmd", "0");
	check_conn(old, "state", "conn_read");
	check_conn(blocked, "state", "conn_io_queue");
	check_conn(part, "state", "conn_nread");
	check_conn(tcp, "state", "conn_read");
	check_conn(tcp, "secs_since_last_cmd", "0");
	check_address(tcp);
	tiny_let_all();
	play_run(&p);
	play_close(&p);
}
END_TEST

START_TEST(who_listens_is_listed_once)
{
	char why[256], want[64];
	unsigned times = 0;

	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(ewb_server_listen(p.server, "127.0.0.1:0", why,
	                                   sizeof why),
	                 0);
	play_fronts(&p, 2);
	c = client_open(&p, 1);
	said_ask(c, "stats conns\r\n");
	for (const char *at = said; (at = strstr(at, "conn_listening")); at++)
		times++;
	ck_assert_uint_eq(times, 1);
	snprintf(want, sizeof want, ":addr tcp:127.0.0.1:%u\r\n",
	         ewb_server_port(p.server));
	ck_assert_ptr_nonnull(strstr(said, want));
	play_close(&p);
}
END_TEST

/* Blocked commands: the task. */

static const char *
task_of_the_only_one(void)
{
	static char task[64];
	const char *at = strstr(said_ask(d, "stats cookies\r\n"), " task=");

	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_null(strstr(at + 1, " task="));
	snprintf(task, sizeof task, "%.*s", (int)strcspn(at + 6, " "), at + 6);
	return task;
}

/* Without the pool's threads, and so of the task. */
static const char *
task_as_it_stands(void)
{
	static char task[64];
	const char *at;

	say(d, "stats cookies\r\n");
	play_run_fronts(&p);
	said[hear_some(d, said, sizeof said - 1)] = '\0';
	at = strstr(said, " task=");
	ck_assert_ptr_nonnull(at);
	snprintf(task, sizeof task, "%.*s", (int)strcspn(at + 6, " "), at + 6);
	return task;
}

static const char *seen_while_running;

static void
look_from_within(struct ewb_task *t, const struct ewb_request *r)
{
	(void)t;
	(void)r;
	seen_while_running = task_as_it_stands();
}

START_TEST(a_blocked_commands_task_is_named_with_its_state)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	tiny.delay_us = 1000;
	say(c, "get l\r\n");
	ck_assert_str_eq(task_as_it_stands(), "get:queued");
	ck_assert(play_job(&p));
	ck_assert_str_eq(task_as_it_stands(), "get:sleeping");
	tiny.working = look_from_within;
	play_pass(&p, 1);
	ck_assert(play_job(&p));
	ck_assert_str_eq(seen_while_running, "get:running");
	play_run(&p);
	hear(c, "END\r\n");
	play_close(&p);
}
END_TEST

START_TEST(a_command_made_of_others_has_the_task_of_the_part_that_it_waits_for)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	d = client_open(&p, 0);
	tiny_put("l", "1", 1);
	say(c, "incr l 1\r\n");
	ck_assert_str_eq(task_as_it_stands(), "get:queued");
	ck_assert(play_job(&p));
	ck_assert_str_eq(task_as_it_stands(), "set:queued");
	play_run(&p);
	hear(c, "2\r\n");
	say(c, "get h\r\n");
	play_run(&p);
	ck_assert_str_eq(task_of_the_only_one(), "none");
	tiny_let_all();
	play_run(&p);
	play_close(&p);
}
END_TEST

START_TEST(groups_of_memcacheds_that_are_empty_here_are_no_errors)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	said_ask(c, "stats slabs\r\nstats sizes\r\nstats items\r\n");
	ck_assert_str_eq(said, "STAT active_slabs 0\r\n"
	                       "STAT total_malloced 0\r\nEND\r\n"
	                       "STAT sizes_status disabled\r\nEND\r\n"
	                       "STAT items:1:number 0\r\nEND\r\n");
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend groups");
	TCase *t = tcase_create("groups");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, the_settings_are_those_that_were_given);
	tcase_add_test(t, an_engine_that_fails_to_say_its_limit_is_left_out);
	tcase_add_loop_test(
		t,
		connections_are_listed_from_both_front_ends_in_memcacheds_form,
		0, 2);
	tcase_add_test(t, who_listens_is_listed_once);
	tcase_add_test(t, a_blocked_commands_task_is_named_with_its_state);
	tcase_add_test(
		t,
		a_command_made_of_others_has_the_task_of_the_part_that_it_waits_for);
	tcase_add_test(t, groups_of_memcacheds_that_are_empty_here_are_no_errors);
	suite_add_tcase(s, t);
	return unit_run(s);
}
