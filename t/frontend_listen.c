/* SPDX-License-Identifier: BSD-2-Clause */
/* Listening, accepting, and when that has to pause. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static char why[600];

static int
listen_on(const char *where)
{
	return ewb_server_listen(p.server, where, why, sizeof why);
}

static struct client *
connect_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)ewb_server_port(p.server));
	return client_connect(&p, (struct sockaddr *)&a, sizeof a);
}

static struct client *
connect_tcp6(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };

	a.sin6_addr = in6addr_loopback;
	a.sin6_port = htons((uint16_t)ewb_server_port(p.server));
	return client_connect(&p, (struct sockaddr *)&a, sizeof a);
}

/* In the test's own directory; short, whatever that is called. */
static const char *
path(void)
{
	static char name[64];

	snprintf(name, sizeof name, "./frontend_listen.%ld", (long)getpid());
	return name;
}

static struct client *
connect_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, path());
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
	play_server(&p, &tiny_engine, o);
	ck_assert_msg(listen_on(where) == 0, "%s", why);
	play_fronts(&p, nfronts);
}

/* Kinds of addresses. */

START_TEST(it_listens_on_tcp)
{
	begin(_i ? ":0" : "127.0.0.1:0", 1, NULL);
	ck_assert_uint_ne(ewb_server_port(p.server), 0);
	talk(connect_tcp());
	ck_assert_uint_eq(play_count(&p, total_connections), 1);
	ck_assert_uint_eq(atomic_load(&p.server->connections), 1);
	play_close(&p);
}
END_TEST

START_TEST(it_listens_on_tcp_of_version_6)
{
	play_server(&p, &tiny_engine, NULL);
	if (listen_on("[::1]:0") == 0) {
		play_fronts(&p, 1);
		talk(connect_tcp6());
		ck_assert_ptr_nonnull(
			strstr(p.front[0]->conns->session.name, "::1:"));
	} else {
		printf("no IPv6 here: %s\n", why);
		play_fronts(&p, 1);
	}
	play_close(&p);
}
END_TEST

START_TEST(it_listens_on_a_unix_socket_and_removes_it)
{
	struct stat st;

	begin(path(), 1, NULL);
	ck_assert_int_eq(stat(path(), &st), 0);
	talk(connect_unix());
	ck_assert_uint_eq(ewb_server_port(p.server), 0);
	play_close(&p);
	ck_assert_int_eq(stat(path(), &st), -1);
}
END_TEST

START_TEST(it_listens_on_all_of_them_at_once)
{
	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(listen_on(path()), 0);
	ck_assert_int_eq(listen_on("127.0.0.1:0"), 0);
	play_fronts(&p, 1);
	talk(connect_unix());
	talk(connect_tcp());
	talk(connect_unix());
	ck_assert_uint_eq(atomic_load(&p.server->connections), 3);
	play_close(&p);
}
END_TEST

/* Beside front ends. */

START_TEST(it_begins_to_listen_while_it_serves)
{
	struct client *c;

	play_server(&p, &tiny_engine, NULL);
	play_fronts(&p, (unsigned)_i);
	c = client_open(&p, 0);
	talk(c);
	ck_assert_msg(listen_on("127.0.0.1:0") == 0, "%s", why);
	ck_assert_uint_ne(ewb_server_port(p.server), 0);
	talk(connect_tcp());
	ck_assert_msg(listen_on(path()) == 0, "%s", why);
	talk(connect_unix());
	talk(connect_tcp());
	talk(c);
	play_close(&p);
}
END_TEST

START_TEST(one_that_came_just_before_the_stop_goes_with_it)
{
	struct stat st;

	begin("127.0.0.1:0", 2, NULL);
	ck_assert_int_eq(listen_on(path()), 0);
	ck_assert_int_eq(stat(path(), &st), 0);
	play_stop(&p);
	ck_assert_int_eq(stat(path(), &st), -1);
	play_free(&p);
}
END_TEST

START_TEST(a_server_that_stops_takes_no_more_of_them)
{
	char want[200];
	struct stat st;

	begin("127.0.0.1:0", 1, NULL);
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
	ck_assert_int_eq(listen_on(path()), -1);
	snprintf(want, sizeof want, "listen %s: the server is stopping",
	         path());
	ck_assert_str_eq(why, want);
	ck_assert_int_eq(stat(path(), &st), -1);
	play_close(&p);
}
END_TEST

/* A socket that nobody listens on any more. */
static void
leave_stale(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path, path());
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	close(fd);
}

START_TEST(a_stale_unix_socket_is_replaced)
{
	leave_stale();
	begin(path(), 1, NULL);
	talk(connect_unix());
	play_close(&p);
}
END_TEST

START_TEST(a_unix_socket_in_use_is_refused)
{
	char want[200];
	struct stat st;

	begin(path(), 1, NULL);
	ck_assert_int_eq(listen_on(path()), -1);
	snprintf(want, sizeof want, "listen %s: address already in use",
	         path());
	ck_assert_str_eq(why, want);
	ck_assert_int_eq(stat(path(), &st), 0);
	play_close(&p);
}
END_TEST

/* With its queue full, too: looking does not wait. */
START_TEST(a_unix_socket_that_does_not_accept_is_refused)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), in[4];

	strcpy(a.sun_path, path());
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	for (unsigned i = 0; i < 4; i++) {
		in[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(in[i], (struct sockaddr *)&a, sizeof a);
	}
	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(listen_on(path()), -1);
	play_free(&p);
	for (unsigned i = 0; i < 4; i++)
		close(in[i]);
	close(fd);
	unlink(path());
}
END_TEST

START_TEST(a_file_that_is_no_socket_stays)
{
	struct stat st;
	int fd = open(path(), O_CREAT | O_WRONLY, 0600);

	close(fd);
	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(listen_on(path()), -1);
	play_free(&p);
	ck_assert_int_eq(stat(path(), &st), 0);
	unlink(path());
}
END_TEST

START_TEST(a_unix_socket_goes_with_a_server_that_never_ran)
{
	struct stat st;

	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(listen_on(path()), 0);
	play_free(&p);
	ck_assert_int_eq(stat(path(), &st), -1);
}
END_TEST

START_TEST(a_unix_socket_has_the_permissions_that_are_asked_for)
{
	static const mode_t modes[] = { 0600, 0777, 0 };
	struct ewb_server_options o;
	mode_t was = umask(027);
	struct stat st;

	play_defaults(&o);
	o.unix_mode = modes[_i];
	play_server(&p, &tiny_engine, &o);
	ck_assert_int_eq(listen_on(path()), 0);
	ck_assert_int_eq(stat(path(), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, modes[_i] ? modes[_i] : 0750);
	play_free(&p);
	umask(was);
}
END_TEST

/* Sockets that somebody else has opened. */

static int
listening(int family, const struct sockaddr *a, socklen_t n)
{
	int fd = socket(family, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, a, n), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	return fd;
}

static int
listening_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return listening(AF_INET, (struct sockaddr *)&a, sizeof a);
}

static int
listening_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, path());
	return listening(AF_UNIX, (struct sockaddr *)&a, sizeof a);
}

START_TEST(it_takes_sockets_that_listen_already_and_closes_them)
{
	int tcp = listening_tcp(), local = listening_unix();
	struct stat st;

	play_server(&p, &tiny_engine, NULL);
	ck_assert_msg(ewb_server_listen_fd(p.server, tcp, why, sizeof why) == 0,
	              "%s", why);
	play_fronts(&p, 1);
	ck_assert_msg(ewb_server_listen_fd(p.server, local, why,
	                                   sizeof why) == 0, "%s", why);
	ck_assert_int_ne(fcntl(tcp, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(local, F_GETFD), FD_CLOEXEC);
	talk(connect_tcp());
	talk(connect_unix());
	play_close(&p);
	ck_assert_int_eq(fcntl(tcp, F_GETFD), -1);
	ck_assert_int_eq(fcntl(local, F_GETFD), -1);
	/* its path is whose who made it */
	ck_assert_int_eq(stat(path(), &st), 0);
	unlink(path());
}
END_TEST

static void
refuses(int fd, const char *text)
{
	int had = fcntl(fd, F_GETFD), status = fcntl(fd, F_GETFL);
	char want[200];

	ck_assert_int_eq(ewb_server_listen_fd(p.server, fd, why, sizeof why),
	                 -1);
	snprintf(want, sizeof want, "listen fd %d: %s", fd, text);
	ck_assert_str_eq(why, want);
	ck_assert_int_eq(fcntl(fd, F_GETFD), had);
	ck_assert_int_eq(fcntl(fd, F_GETFL), status);
	close(fd);
}

START_TEST(what_is_no_socket_that_listens_stays_its_owners)
{
	int pair[2];

	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	refuses(pair[0], "it does not listen (Accept=no in a socket unit)");
	close(pair[1]);
	refuses(socket(AF_INET, SOCK_STREAM, 0),
	        "it does not listen (Accept=no in a socket unit)");
	refuses(socket(AF_INET, SOCK_DGRAM, 0),
	        "not a stream socket (ListenStream= in a socket unit)");
	refuses(socket(AF_NETLINK, SOCK_RAW, 0),
	        "neither a TCP nor a Unix socket");
	refuses(open("/dev/null", O_RDONLY), "not a socket");
	refuses(-1, "bad file descriptor");
	for (unsigned i = 0; i < 16; i++)
		ck_assert_int_eq(listen_on("127.0.0.1:0"), 0);
	refuses(listening_tcp(), "too many listeners (16 at most)");
	play_free(&p);
}
END_TEST

/* Addresses that are wrong. */

START_TEST(a_port_in_use_is_named)
{
	char where[64], want[200];
	struct play other;

	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(listen_on("127.0.0.1:0"), 0);
	snprintf(where, sizeof where, "127.0.0.1:%u",
	         ewb_server_port(p.server));
	play_server(&other, &tiny_engine, NULL);
	ck_assert_int_eq(
		ewb_server_listen(other.server, where, why, sizeof why), -1);
	snprintf(want, sizeof want,
	         "listen %s: address already in use (by another server? -p 0 "
	         "takes a free port)",
	         where);
	ck_assert_str_eq(why, want);
	play_free(&other);
	play_free(&p);
}
END_TEST

static const char *const bad[] = {
	"nonsense", "127.0.0.1",       "127.0.0.1:",
	"::1:80",   "127.0.0.1:x",     "[::1]",
	"",         "127.0.0.1:70000", "127.0.0.1:-1"
};

START_TEST(a_bad_address_is_refused)
{
	play_server(&p, &tiny_engine, NULL);
	why[0] = '\0';
	ck_assert_int_eq(listen_on(bad[_i]), -1);
	ck_assert_int_eq(strncmp(why, "listen ", 7), 0);
	ck_assert_int_eq(strncmp(why + 7, bad[_i], strlen(bad[_i])), 0);
	ck_assert_ptr_nonnull(strstr(why, ": "));
	play_free(&p);
}
END_TEST

START_TEST(a_path_too_long_is_refused)
{
	char where[200];

	memset(where, 'x', sizeof where);
	where[0] = '/';
	where[sizeof where - 1] = '\0';
	play_server(&p, &tiny_engine, NULL);
	ck_assert_int_eq(listen_on(where), -1);
	ck_assert_ptr_nonnull(strstr(why, "longer than 107 bytes"));
	play_free(&p);
}
END_TEST

START_TEST(the_seventeenth_listener_is_refused)
{
	struct stat st;

	play_server(&p, &tiny_engine, NULL);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_int_eq(listen_on("127.0.0.1:0"), 0);
	ck_assert_int_eq(listen_on(path()), -1);
	ck_assert_ptr_nonnull(strstr(why, "16 at most"));
	ck_assert_int_eq(stat(path(), &st), -1);
	play_free(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend listen");
	TCase *t = tcase_create("listen");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, it_listens_on_tcp, 0, 2);
	tcase_add_test(t, it_listens_on_tcp_of_version_6);
	tcase_add_test(t, it_listens_on_a_unix_socket_and_removes_it);
	tcase_add_test(t, it_listens_on_all_of_them_at_once);
	tcase_add_loop_test(t, it_begins_to_listen_while_it_serves, 1, 3);
	tcase_add_test(t, one_that_came_just_before_the_stop_goes_with_it);
	tcase_add_test(t, a_server_that_stops_takes_no_more_of_them);
	tcase_add_test(t, a_stale_unix_socket_is_replaced);
	tcase_add_test(t, a_unix_socket_in_use_is_refused);
	tcase_add_test(t, a_unix_socket_that_does_not_accept_is_refused);
	tcase_add_test(t, a_file_that_is_no_socket_stays);
	tcase_add_test(t, a_unix_socket_goes_with_a_server_that_never_ran);
	tcase_add_loop_test(
		t, a_unix_socket_has_the_permissions_that_are_asked_for, 0, 3);
	tcase_add_test(t, it_takes_sockets_that_listen_already_and_closes_them);
	tcase_add_test(t, what_is_no_socket_that_listens_stays_its_owners);
	tcase_add_test(t, a_port_in_use_is_named);
	tcase_add_loop_test(t, a_bad_address_is_refused, 0,
	                    (int)(sizeof bad / sizeof *bad));
	tcase_add_test(t, a_path_too_long_is_refused);
	tcase_add_test(t, the_seventeenth_listener_is_refused);
	suite_add_tcase(s, t);
	return unit_run(s);
}
