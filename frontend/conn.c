/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frontend/admit.h"
#include "frontend/drain.h"
#include "frontend/front.h"
#include "frontend/login.h"
#include "lib/check.h"
#include "lib/hot.h"

static void readable(struct ev_loop *loop, ev_io *w, int events);
static void writable(struct ev_loop *loop, ev_io *w, int events);

static void
name_peer(struct ewb_conn *n) EWB_ON_FRONT
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	char host[46], port[8];

	if (getpeername(n->fd, (struct sockaddr *)&a, &len) == 0 &&
	    (a.ss_family == AF_INET || a.ss_family == AF_INET6) &&
	    getnameinfo((struct sockaddr *)&a, len, host, sizeof host, port,
	                sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(n->session.name, sizeof n->session.name, "%s:%s", host,
		         port);
	else
		snprintf(n->session.name, sizeof n->session.name, "unix:%llu",
		         (unsigned long long)n->session.id);
}

static void
set_socket(int fd)
{
	int one = 1;

	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* fails on Unix sockets, which need it not */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void
note_unsent(struct ewb_conn *n) EWB_ON_FRONT
{
	size_t more = n->out.bytes - n->unsent;

	if (more == 0)
		return;
	/* relaxed: a sum, by which nothing else is found */
	atomic_fetch_add_explicit(&n->front->server->unread, more,
	                          memory_order_relaxed);
	n->unsent = n->out.bytes;
}

struct ewb_conn *
ewb_conn_new(struct ewb_front *f, int fd)
{
	struct ewb_conn *n = calloc(1, sizeof *n);

	if (n == NULL) {
		close(fd);
		return NULL;
	}
	set_socket(fd);
	n->magic = EWB_CONN_MAGIC;
	n->front = f;
	n->fd = fd;
	n->session.id = atomic_fetch_add(&f->server->core.next_session, 1) + 1;
	n->session.dispatch = &f->d;
	ewb_login_await(n);
	ewb_admit_features(&n->session);
	if (f->reload)
		n->pause = EWB_PAUSE_RELOAD; /* it gets the next one */
	else
		n->session.instance = f->server->instance;
	n->heard_at = n->progress_at = f->d.now;
	name_peer(n);
	ev_io_init(&n->rio, readable, fd, EV_READ);
	n->rio.data = n;
	ev_io_init(&n->wio, writable, fd, EV_WRITE);
	n->wio.data = n;
	n->next = f->conns;
	if (n->next)
		n->next->prev = n;
	f->conns = n;
	f->nconns++;
	if (n->pause == 0)
		ev_io_start(f->loop, &n->rio);
	return n;
}

void
ewb_conn_close(struct ewb_conn *n)
{
	struct ewb_front *f = n->front;

	if (n->dead)
		return;
	n->dead = 1;
	ev_io_stop(f->loop, &n->rio);
	ev_io_stop(f->loop, &n->wio);
	close(n->fd);
	n->fd = -1;
	/* first the output, which may hold chunks of streams */
	ewb_out_drop(f, &n->out);
	ewb_drain_drop(n);
	note_unsent(n);
	ewb_order_drop(n);
	ewb_session_end(&n->session);
	ewb_input_fini(n);
	ewb_login_fini(n);
	if (f->ticking == n)
		f->ticking = n->next;
	if (n->next)
		n->next->prev = n->prev;
	if (n->prev)
		n->prev->next = n->next;
	else
		f->conns = n->next;
	f->nconns--;
	n->next = f->dead;
	f->dead = n;
	atomic_fetch_sub(&f->server->connections, 1);
	ewb_listen_resume(f);
}

void
ewb_conn_free(struct ewb_conn *n)
{
	EWB_LIVE(n, EWB_CONN_MAGIC);
	n->magic = 0;
	free(n);
}

/* Output. */

/* -1: the connection is closed. */
static int
send_all(struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;
	uint64_t sent = n->out.bytes, before = n->unsent;
	int err;

	if (n->out.first == NULL || ev_is_active(&n->wio)) {
		note_unsent(n);
		return 0; /* nothing, or the socket is full */
	}
	err = ewb_out_send(f, &n->out, n->fd);
	if (n->drains)
		ewb_drain_look(n);
	if (err && err != -EAGAIN) {
		EWB_COUNT(&f->d.counters, closed_gone);
		ewb_conn_close(n);
		return -1;
	}
	if (n->out.bytes < sent || before == 0)
		n->progress_at = f->d.now;
	note_unsent(n);
	return 0;
}

/* Leaving.  To close a TCP socket while the client still talks is to reset it,
 * and a reset takes along what has not arrived yet.  So that is awaited, and
 * what the client says is thrown away. */

static int
unacked(const struct ewb_conn *n)
{
	int bytes;

	/* the first one is TCP's alone: on Unix sockets nothing is lost */
	if (ioctl(n->fd, SIOCOUTQNSD, &bytes) || ioctl(n->fd, SIOCOUTQ, &bytes))
		return 0;
	return bytes;
}

static void
leave(struct ewb_conn *n) EWB_ON_FRONT
{
	int bytes = unacked(n);

	if (bytes == 0 || (n->pause & EWB_PAUSE_EOF) || n->front->cancelled) {
		ewb_conn_close(n);
		return;
	}
	if (!(n->pause & EWB_PAUSE_LEAVING)) {
		n->pause |= EWB_PAUSE_LEAVING;
		n->progress_at = n->front->d.now;
		n->unacked = bytes;
		(void)shutdown(n->fd, SHUT_WR);
	}
	ev_io_start(n->front->loop, &n->rio);
}

static void
throw_away(struct ewb_conn *n) EWB_ON_FRONT
{
	uint8_t bytes[16384];
	ssize_t got = recv(n->fd, bytes, sizeof bytes, 0);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		ewb_conn_close(n);
}

static void
look_whether_left(struct ewb_conn *n) EWB_ON_FRONT
{
	uint64_t us = n->front->server->o.no_progress_s * 1000000ull;
	int bytes = unacked(n);

	if (bytes < n->unacked)
		n->progress_at = n->front->d.now;
	n->unacked = bytes;
	if (bytes == 0 || (us && n->front->d.now - n->progress_at >= us))
		ewb_conn_close(n);
}

/* All is said and answered. */
static int
is_over(const struct ewb_conn *n)
{
	if (n->pause & EWB_PAUSE_CLOSING)
		return 1;
	if (n->pause & EWB_PAUSE_RELOAD)
		return 0; /* there may be input that is not looked at now */
	return (n->pause & (EWB_PAUSE_EOF | EWB_PAUSE_ENDED)) && !n->ready &&
	       n->first == NULL;
}

/* Reads when it may, writes when it must, closes when all is said. */
static void
rearm(struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;
	const struct ewb_server_options *o = &f->server->o;

	if (!ewb_conn_full(n))
		n->pause &= ~EWB_PAUSE_UNREAD;
	if (n->nflight < o->in_flight)
		n->pause &= ~EWB_PAUSE_IN_FLIGHT;
	if (n->out.bytes)
		ev_io_start(f->loop, &n->wio);
	else
		ev_io_stop(f->loop, &n->wio);
	if (n->pause & EWB_PAUSE_ENDED)
		ewb_input_fini(n);
	else if (!(n->pause & ~EWB_PAUSE_EOF) && ewb_input_left(n))
		ewb_front_ready(f, n);
	if (n->pause == 0 && !n->ready)
		ev_io_start(f->loop, &n->rio);
	else
		ev_io_stop(f->loop, &n->rio);
	/* after a stop's grace nobody waits for a slow reader */
	if ((n->out.bytes == 0 || f->cancelled) && is_over(n))
		leave(n);
}

EWB_HOT void
ewb_conn_touched(struct ewb_conn *n)
{
	const struct ewb_cookie *waits;

	if (n->dead)
		return;
	do {
		waits = ewb_order_advance(n);
		ewb_order_emit(n);
		if (send_all(n))
			return;
	} while (waits && ewb_order_room(n, waits));
	rearm(n);
}

EWB_HOT void
ewb_conn_work(struct ewb_conn *n)
{
	struct ewb_front *f = n->front;
	unsigned count;
	int more;

	if (n->dead)
		return;
	n->working = 1;
	count = ewb_input_run(n, ewb_front_slice(f), &more);
	n->working = 0;
	if (n->dead)
		return;
	if (more)
		EWB_COUNT(&f->d.counters, slices_used);
	/* Sent at the turn's end, or when the inbox is looked at: answers that
	 * leave together wake a client's thread once. */
	ewb_front_touch(f, n);
	ewb_front_spent(f, count);
}

void
ewb_conn_finish(struct ewb_conn *n)
{
	if (n->dead)
		return;
	n->pause |= EWB_PAUSE_ENDED;
	ewb_conn_touched(n);
}

EWB_HOT static void
readable(struct ev_loop *loop, ev_io *w, int events)
{
	struct ewb_conn *n = w->data;

	(void)loop;
	(void)events;
	EWB_LIVE(n, EWB_CONN_MAGIC);
	ewb_now_on_front(n->front->d.thread);
	if (n->pause & EWB_PAUSE_LEAVING)
		throw_away(n);
	else if (ewb_input_read(n) > 0)
		ewb_conn_work(n);
}

static void
writable(struct ev_loop *loop, ev_io *w, int events)
{
	struct ewb_conn *n = w->data;

	(void)events;
	EWB_LIVE(n, EWB_CONN_MAGIC);
	ewb_now_on_front(n->front->d.thread);
	ev_io_stop(loop, w);
	ewb_conn_touched(n);
}

/* A connection that is not being read does not tell by itself that it is gone. */
static int
is_gone(const struct ewb_conn *n)
{
	struct pollfd p = { .fd = n->fd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* A large value is not whole, where memory for such is half gone: who says no
 * more of it takes the rest from those who do. */
static int
withholds(const struct ewb_conn *n)
{
	const struct ewb_server *s = n->front->server;

	return n->body && n->pause == 0 && n->body_have < n->body_want &&
	       atomic_load_explicit(&s->receiving, memory_order_relaxed) >
	               s->o.buffer_memory / 2;
}

void
ewb_conn_tick(struct ewb_conn *n)
{
	struct ewb_front *f = n->front;
	const struct ewb_server_options *o = &f->server->o;
	struct ewb_counters *s = &f->d.counters;
	uint64_t now = f->d.now;

	if (n->pause & EWB_PAUSE_LEAVING) {
		look_whether_left(n);
	} else if (!ev_is_active(&n->rio) && is_gone(n)) {
		EWB_COUNT(s, closed_gone);
		ewb_conn_close(n);
	} else if (n->locked && o->auth_timeout_s &&
	           !(n->pause & EWB_PAUSE_SESSION) && /* it waits for us */
	           now - n->locked_at >= o->auth_timeout_s * 1000000ull) {
		EWB_COUNT(s, closed_unknown);
		ewb_conn_close(n);
	} else if (o->no_progress_s && n->out.bytes &&
	           now - n->progress_at >= o->no_progress_s * 1000000ull) {
		EWB_COUNT(s, closed_no_progress);
		ewb_conn_close(n);
	} else if (o->no_progress_s && withholds(n) &&
	           now - n->heard_at >= o->no_progress_s * 1000000ull) {
		EWB_COUNT(s, closed_no_progress);
		ewb_conn_close(n);
	} else if (o->idle_timeout_s && n->first == NULL && n->out.bytes == 0 &&
	           now - n->heard_at >= o->idle_timeout_s * 1000000ull) {
		EWB_COUNT(s, closed_idle);
		ewb_conn_close(n);
	}
}
