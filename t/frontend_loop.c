/* SPDX-License-Identifier: BSD-2-Clause */
/* What the loops do by themselves: their timers, and the end of the grace. */
#include "config.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/frontend_real.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static void
say(int fd, const char *text)
{
	ssize_t n = (ssize_t)strlen(text);

	ck_assert_int_eq(send(fd, text, (size_t)n, MSG_NOSIGNAL), n);
}

static void
hear(int fd, const char *text)
{
	char got[64] = "";

	ck_assert_int_gt(recv(fd, got, sizeof got - 1, 0), 0);
	ck_assert_str_eq(got, text);
}

/* Late for ever; and the test is told that it was begun. */

static void
tell_begun(struct ewb_cookie *c, const struct ewb_request *r)
{
	if (((const char *)r->key)[1] == '2')
		ewb_cookie_set_deadline(c, 20);
	real_tell();
}

static void
late_for_ever(void)
{
	tiny.delay_us = REAL_PATIENCE_S * 1000000ull;
	tiny.seen = tell_begun;
}

/* A front end that has no processor for five seconds is too late for the call itself. */
static void
stop_at_once(void)
{
	(void)ewb_server_stop(real_server, 0);
	for (unsigned i = 0; i < REAL_PATIENCE_S * 50 &&
	                     ewb_server_stopped(real_server) != EWB_OK; i++)
		usleep(20000);
	ck_assert_int_eq(ewb_server_stopped(real_server), EWB_OK);
}

static void
must_be_said(const char *text)
{
	for (unsigned i = 0; i < REAL_PATIENCE_S * 50 && !real_said(text); i++)
		usleep(20000);
	ck_assert_msg(real_said(text), "%s", text);
}

START_TEST(a_stop_without_grace_cancels_what_is_blocked)
{
	int fd;

	real_start(0, late_for_ever);
	fd = real_dial();
	say(fd, "get l1\r\n");
	real_await(1);
	stop_at_once();
	hear(fd, "SERVER_ERROR temporary failure\r\n");
	close(fd);
	real_stop();
}
END_TEST

START_TEST(what_is_never_notified_is_named_before_the_stop_gives_up)
{
	int fd;

	real_start(0, late_for_ever);
	fd = real_dial();
	say(fd, "set h1 0 0 1\r\nV\r\n");
	real_await(1);
	ck_assert_int_eq(ewb_server_stop(real_server, 0), EWB_BUSY);
	hear(fd, "SERVER_ERROR outcome unknown\r\n");
	must_be_said("engine tiny: set of connection ");
	must_be_said("kept as an orphan");
	must_be_said("engine tiny: 1 commands were not notified");
	/* it may come home all the same */
	tiny_let("h1", EWB_OK);
	close(fd);
	real_stop();
}
END_TEST

START_TEST(a_later_command_may_have_the_earlier_deadline)
{
	int fd[3];

	real_start(0, late_for_ever);
	/* the first and the third are on one front end */
	for (unsigned i = 0; i < 3; i++)
		fd[i] = real_dial();
	say(fd[0], "get l1\r\n");
	real_await(1);
	for (unsigned i = 0; i < 3; i++) {
		say(fd[2], "get l2\r\n");
		hear(fd[2], "SERVER_ERROR temporary failure\r\n");
	}
	stop_at_once();
	hear(fd[0], "SERVER_ERROR temporary failure\r\n");
	for (unsigned i = 0; i < 3; i++)
		close(fd[i]);
	real_stop();
}
END_TEST

START_TEST(a_silent_client_is_closed_by_the_loop)
{
	char more;
	int fd;

	real_start(1, NULL);
	fd = real_dial();
	ck_assert_int_eq(recv(fd, &more, 1, 0), 0);
	close(fd);
	real_stop();
}
END_TEST

/* Listeners that come from several threads, to a loop that sleeps. */

#define LISTENING 4

static void *
listen_more(void *arg)
{
	char where[80], why[300];

	snprintf(where, sizeof where, "./frontend_loop.%ld.%u", (long)getpid(),
	         (unsigned)(uintptr_t)arg);
	if (ewb_server_listen(real_server, where, why, sizeof why))
		real_complain(why);
	return NULL;
}

static int
dial_path(unsigned n)
{
	struct timeval patience = { .tv_sec = REAL_PATIENCE_S };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof a.sun_path, "./frontend_loop.%ld.%u",
	         (long)getpid(), n);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

START_TEST(listeners_may_come_at_any_time)
{
	pthread_t threads[LISTENING];
	int fd;

	real_start(0, NULL);
	for (unsigned i = 0; i < LISTENING; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, listen_more,
		                                (void *)(uintptr_t)i),
		                 0);
	for (unsigned i = 0; i < LISTENING; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	for (unsigned i = 0; i < LISTENING; i++) {
		fd = dial_path(i);
		say(fd, "get k1\r\n");
		hear(fd, "END\r\n");
		close(fd);
	}
	real_stop();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend loop");
	TCase *t = tcase_create("loop");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_stop_without_grace_cancels_what_is_blocked);
	tcase_add_test(
		t, what_is_never_notified_is_named_before_the_stop_gives_up);
	tcase_add_test(t, a_later_command_may_have_the_earlier_deadline);
	tcase_add_test(t, a_silent_client_is_closed_by_the_loop);
	tcase_add_test(t, listeners_may_come_at_any_time);
	suite_add_tcase(s, t);
	return unit_run(s);
}
