/* SPDX-License-Identifier: BSD-2-Clause */
/* Accepting connections, and when that has to pause. */
#include "config.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;

static struct client *
connect_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)ewb_server_port(p.server));
	return client_connect(&p, (struct sockaddr *)&a, sizeof a);
}

static void
talk(struct client *c)
{
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "END\r\n");
}

static void
begin(const char *where, unsigned nfronts, const struct ewb_server_options *o)
{
	char why[300] = "";

	play_server(&p, &tiny_engine, o);
	ck_assert_msg(ewb_server_listen(p.server, where, why, sizeof why) == 0,
	              "%s", why);
	play_fronts(&p, nfronts);
}

/* Accepting. */

START_TEST(connections_are_spread_over_the_front_ends)
{
	struct client *c[10];

	begin("127.0.0.1:0", 2, NULL);
	for (unsigned i = 0; i < 10; i++)
		c[i] = connect_tcp();
	play_run(&p);
	ck_assert_uint_eq(p.front[0]->nconns, 5);
	ck_assert_uint_eq(p.front[1]->nconns, 5);
	ck_assert_uint_eq(atomic_load(&p.server->connections), 10);
	for (unsigned i = 0; i < 10; i++)
		talk(c[i]);
	play_close(&p);
}
END_TEST

static bool
accepts(void)
{
	return ev_is_active(&p.server->listeners[0].io);
}

START_TEST(at_the_limit_of_connections_accepting_pauses)
{
	struct ewb_server_options o;
	struct client *c[3];

	play_defaults(&o);
	o.max_connections = 2;
	begin("127.0.0.1:0", 1, &o);
	for (unsigned i = 0; i < 3; i++)
		c[i] = connect_tcp();
	play_run(&p);
	ck_assert_uint_eq(p.front[0]->nconns, 2);
	ck_assert_uint_eq(play_count(&p, accepting_paused), 1);
	ck_assert(!accepts());
	talk(c[0]);
	talk(c[1]);
	say(c[0], "quit\r\n");
	say(c[2], "get k\r\n");
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, total_connections), 3);
	hear(c[2], "END\r\n");
	hear_end(c[0]);
	play_close(&p);
}
END_TEST

START_TEST(the_limit_counts_those_on_their_way_and_another_front_ends)
{
	struct ewb_server_options o;
	struct client *c[5];

	play_defaults(&o);
	o.max_connections = 4;
	begin("127.0.0.1:0", 2, &o);
	for (unsigned i = 0; i < 5; i++)
		c[i] = connect_tcp();
	while (accepts())
		play_sockets(&p);
	/* two of them are letters still */
	ck_assert_uint_eq(p.front[0]->nconns, 2);
	ck_assert_uint_eq(p.front[1]->nconns, 0);
	ck_assert_uint_eq(atomic_load(&p.server->connections), 4);
	play_run(&p);
	ck_assert_uint_eq(p.front[1]->nconns, 2);
	/* one of the other front end's ends: found out within a second */
	say(c[1], "quit\r\n");
	hear_end(c[1]);
	play_run(&p);
	ck_assert_uint_eq(p.front[1]->nconns, 1);
	ck_assert(!accepts());
	play_pass(&p, 1000);
	ck_assert(accepts());
	talk(c[4]);
	play_close(&p);
}
END_TEST

START_TEST(a_listener_that_comes_while_accepting_pauses_waits_too)
{
	struct ewb_server_options o;
	char why[300] = "";
	struct client *c[2];

	play_defaults(&o);
	o.max_connections = 1;
	begin("127.0.0.1:0", 1, &o);
	for (unsigned i = 0; i < 2; i++)
		c[i] = connect_tcp();
	play_run(&p);
	ck_assert_int_eq(
		ewb_server_listen(p.server, "127.0.0.1:0", why, sizeof why), 0);
	play_run(&p);
	ck_assert(!accepts());
	ck_assert(!ev_is_active(&p.server->listeners[1].io));
	for (unsigned i = 0; i < 2; i++) {
		talk(c[i]);
		say(c[i], "quit\r\n");
		play_run(&p);
		hear_end(c[i]);
	}
	play_run(&p);
	ck_assert(accepts());
	ck_assert(ev_is_active(&p.server->listeners[1].io));
	play_close(&p);
}
END_TEST

/* Those that the program brings. */

START_TEST(at_the_limit_of_connections_none_is_adopted)
{
	struct ewb_server_options o;
	struct client *c[2];
	int fd[2];

	play_defaults(&o);
	o.max_connections = 2;
	play_open(&p, 2, &tiny_engine, &o);
	for (unsigned i = 0; i < 2; i++)
		c[i] = client_open(&p, i);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(ewb_front_adopt(p.front[i], fd[1]), EWB_BUSY);
	ck_assert_uint_eq(atomic_load(&p.server->connections), 2);
	ck_assert_uint_eq(play_count(&p, rejected_connections), 2);
	/* it is the program's still */
	ck_assert_int_eq(fcntl(fd[1], F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(send(fd[0], "x", 1, 0), 1);
	ck_assert_int_eq(recv(fd[1], (char[1]){ 0 }, 1, 0), 1);
	say(c[1], "quit\r\n");
	play_run(&p);
	hear_end(c[1]);
	ck_assert_int_eq(ewb_front_adopt(p.front[0], fd[1]), 0);
	ck_assert_uint_eq(p.front[0]->nconns, 2);
	close(fd[0]);
	talk(c[0]);
	play_close(&p);
}
END_TEST

START_TEST(those_that_are_adopted_leave_fewer_to_be_accepted)
{
	struct ewb_server_options o;
	struct client *c;

	play_defaults(&o);
	o.max_connections = 2;
	begin("127.0.0.1:0", 2, &o);
	(void)client_open(&p, 1);
	c = connect_tcp();
	(void)connect_tcp();
	play_run(&p);
	talk(c);
	ck_assert(!accepts());
	ck_assert_uint_eq(atomic_load(&p.server->connections), 2);
	ck_assert_uint_eq(play_count(&p, total_connections), 2);
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

/* Turns of the loop in a while. */
static unsigned
turns(void)
{
	unsigned before = ev_iteration(p.loop[0]);
	bool over = false;
	ev_timer timer;

	ev_timer_init(&timer, tick, .02, 0.);
	timer.data = &over;
	ev_timer_start(p.loop[0], &timer);
	while (!over)
		ev_run(p.loop[0], EVRUN_ONCE);
	return ev_iteration(p.loop[0]) - before;
}

START_TEST(out_of_descriptors_accepting_pauses_and_nothing_spins)
{
	struct rlimit was, none;
	struct client *c;
	char *line;

	begin("127.0.0.1:0", 1, NULL);
	c = connect_tcp();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)dup(0);
	close((int)none.rlim_cur);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (accepts())
		play_sockets(&p);
	ck_assert_uint_eq(play_count(&p, accepting_paused), 1);
	ck_assert_uint_lt(turns(), 10);
	ck_assert_uint_eq(play_count(&p, total_connections), 0);
	line = strstr(p.log, "accepting: too many open files; paused until "
	                     "connections end\n");
	ck_assert_ptr_nonnull(line);
	/* tried again each second, no more */
	play_pass(&p, 1000);
	ck_assert(accepts());
	play_sockets(&p);
	ck_assert(!accepts());
	ck_assert_uint_eq(play_count(&p, accepting_paused), 2);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	play_pass(&p, 1000);
	talk(c);
	play_close(&p);
}
END_TEST

START_TEST(a_connection_that_ends_lets_accepting_go_on)
{
	struct rlimit was, none;
	struct client *c, *d;

	begin("127.0.0.1:0", 1, NULL);
	d = connect_tcp();
	talk(d);
	c = connect_tcp();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = was;
	none.rlim_cur = (rlim_t)dup(0);
	close((int)none.rlim_cur);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (accepts())
		play_sockets(&p);
	say(d, "quit\r\n");
	hear_end(d);
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, total_connections), 2);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	talk(c);
	play_close(&p);
}
END_TEST

START_TEST(a_flood_of_connections_does_not_starve_the_others)
{
	struct client *c;

	begin("127.0.0.1:0", 1, NULL);
	c = client_open(&p, 0);
	for (unsigned i = 0; i < 100; i++)
		(void)connect_tcp();
	say(c, "get k\r\n");
	play_sockets(&p);
	ck_assert_uint_le(p.front[0]->nconns, 65);
	ck_assert_uint_eq(play_count(&p, cmd_get), 1);
	play_run(&p);
	ck_assert_uint_eq(p.front[0]->nconns, 101);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend accept");
	TCase *t = tcase_create("accept");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, connections_are_spread_over_the_front_ends);
	tcase_add_test(t, at_the_limit_of_connections_accepting_pauses);
	tcase_add_test(
		t, the_limit_counts_those_on_their_way_and_another_front_ends);
	tcase_add_test(t,
	               a_listener_that_comes_while_accepting_pauses_waits_too);
	tcase_add_test(t, at_the_limit_of_connections_none_is_adopted);
	tcase_add_test(t, those_that_are_adopted_leave_fewer_to_be_accepted);
	tcase_add_test(t,
	               out_of_descriptors_accepting_pauses_and_nothing_spins);
	tcase_add_test(t, a_connection_that_ends_lets_accepting_go_on);
	tcase_add_test(t, a_flood_of_connections_does_not_starve_the_others);
	suite_add_tcase(s, t);
	return unit_run(s);
}
