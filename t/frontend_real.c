/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/check.h"
#include "t/frontend_real.h"
#include "t/frontend_tiny.h"

struct ewb_server *real_server;

static pthread_t fronts[2];
static pthread_barrier_t up;
static unsigned port;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t told = PTHREAD_COND_INITIALIZER;
/* under lock */
static unsigned complaints, count;
static char first_complaint[300], said[4096];

static void
write_down(void *arg, const char *line)
{
	size_t len;

	(void)arg;
	EWB_MUST0(pthread_mutex_lock(&lock));
	len = strlen(said);
	snprintf(said + len, sizeof said - len, "%s\n", line);
	EWB_MUST0(pthread_mutex_unlock(&lock));
}

bool
real_said(const char *text)
{
	bool is;

	EWB_MUST0(pthread_mutex_lock(&lock));
	is = strstr(said, text) != NULL;
	EWB_MUST0(pthread_mutex_unlock(&lock));
	return is;
}

static void *
run_front(void *arg)
{
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	struct ewb_front *f = ewb_front_new(real_server, loop);

	(void)arg;
	EWB_MUST(f);
	(void)pthread_barrier_wait(&up);
	ewb_now_on_front(f->d.thread);
	ev_run(loop, 0);
	ewb_front_free(f);
	ev_loop_destroy(loop);
	return NULL;
}

void
real_start(unsigned idle_timeout_s, void (*before)(void))
{
	struct ewb_server_options o;
	char why[300] = "";
	int err;

	ewb_server_defaults(&o);
	o.deadline_ms = REAL_PATIENCE_S * 1000;
	o.idle_timeout_s = idle_timeout_s;
	o.log = write_down;
	complaints = count = 0;
	said[0] = '\0';
	real_server = ewb_server_new(&o, why, sizeof why);
	ck_assert_msg(real_server != NULL, "%s", why);
	err = ewb_server_engine_here(real_server, &tiny_engine, NULL, 0, why,
	                             sizeof why);
	ck_assert_msg(err == 0, "%s", why);
	err = ewb_server_listen(real_server, "127.0.0.1:0", why, sizeof why);
	ck_assert_msg(err == 0, "%s", why);
	port = ewb_server_port(real_server);
	if (before)
		before();
	EWB_MUST0(pthread_barrier_init(&up, NULL, 3));
	for (unsigned i = 0; i < 2; i++)
		EWB_MUST0(pthread_create(&fronts[i], NULL, run_front, NULL));
	(void)pthread_barrier_wait(&up);
}

void
real_stop(void)
{
	/* busy: it was stopped before, and something came home late */
	(void)ewb_server_stop(real_server, REAL_PATIENCE_S * 1000);
	for (unsigned i = 0; i < 2; i++)
		EWB_MUST0(pthread_join(fronts[i], NULL));
	ck_assert_int_eq(ewb_server_stopped(real_server), EWB_OK);
	EWB_MUST0(pthread_barrier_destroy(&up));
	ck_assert_uint_eq(atomic_load(&real_server->connections), 0);
	ck_assert_uint_eq(atomic_load(&real_server->core.cookies), 0);
	ewb_server_free(real_server);
	ck_assert_msg(complaints == 0, "%s", first_complaint);
}

int
real_dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct timeval patience = { .tv_sec = REAL_PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
		close(fd);
		return -1;
	}
	return fd;
}

void
real_complain(const char *what)
{
	EWB_MUST0(pthread_mutex_lock(&lock));
	if (complaints++ == 0)
		snprintf(first_complaint, sizeof first_complaint, "%s", what);
	EWB_MUST0(pthread_mutex_unlock(&lock));
}

void
real_tell(void)
{
	EWB_MUST0(pthread_mutex_lock(&lock));
	count++;
	EWB_MUST0(pthread_cond_broadcast(&told));
	EWB_MUST0(pthread_mutex_unlock(&lock));
}

void
real_await(unsigned n)
{
	EWB_MUST0(pthread_mutex_lock(&lock));
	while (count < n)
		EWB_MUST0(pthread_cond_wait(&told, &lock));
	EWB_MUST0(pthread_mutex_unlock(&lock));
}
