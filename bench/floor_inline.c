/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers at once: one read and one write for each readiness. */
#include "config.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "bench/floor.h"
#include "bench/floor_conn.h"
#include "bench/net.h"

static void
watch(int poll, int how, struct floor_conn *c, int fd, unsigned events)
{
	struct epoll_event e = { .events = events, .data.ptr = c };

	epoll_ctl(poll, how, fd, &e);
}

static void
accept_epoll(int poll, int listener)
{
	int fd = net_accept_nonblocking(listener);
	struct floor_conn *c;

	if (fd < 0)
		return;
	c = malloc(sizeof *c);
	floor_conn_init(c, fd);
	watch(poll, EPOLL_CTL_ADD, c, fd, EPOLLIN);
}

static void
ready_epoll(int poll, struct floor_conn *c, unsigned events, size_t reply)
{
	int sent;

	if (events & ~(unsigned)EPOLLOUT) {
		if (floor_conn_receive(c) < 0) {
			floor_conn_fini(c);
			free(c);
			return;
		}
		floor_conn_answer(c, reply);
	}
	sent = floor_conn_flush(c) == 1;
	if (!sent || (events & EPOLLOUT))
		watch(poll, EPOLL_CTL_MOD, c, c->fd,
		      sent ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

int
floor_epoll(const struct floor_options *o)
{
	int i, n, listener = net_listen_nonblocking(o->port);
	int poll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev[128];

	watch(poll, EPOLL_CTL_ADD, NULL, listener, EPOLLIN);
	for (;;) {
		n = epoll_wait(poll, ev, 128, -1);
		for (i = 0; i < n; i++)
			if (ev[i].data.ptr)
				ready_epoll(poll, ev[i].data.ptr, ev[i].events,
				            o->reply);
			else
				accept_epoll(poll, listener);
	}
}

struct conn {
	ev_io readable, writable;
	struct floor_conn c;
};

static size_t reply;

static void
flush(struct ev_loop *loop, struct conn *c)
{
	if (floor_conn_flush(&c->c) == 0)
		ev_io_start(loop, &c->writable);
	else
		ev_io_stop(loop, &c->writable);
}

static void
on_writable(struct ev_loop *loop, ev_io *w, int events)
{
	(void)events;
	flush(loop, w->data);
}

static void
on_readable(struct ev_loop *loop, ev_io *w, int events)
{
	struct conn *c = w->data;

	(void)events;
	if (floor_conn_receive(&c->c) < 0) {
		ev_io_stop(loop, &c->readable);
		ev_io_stop(loop, &c->writable);
		floor_conn_fini(&c->c);
		free(c);
		return;
	}
	floor_conn_answer(&c->c, reply);
	flush(loop, c);
}

static void
on_connection(struct ev_loop *loop, ev_io *w, int events)
{
	int fd = net_accept_nonblocking(w->fd);
	struct conn *c;

	(void)events;
	if (fd < 0)
		return;
	c = malloc(sizeof *c);
	floor_conn_init(&c->c, fd);
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	c->readable.data = c->writable.data = c;
	ev_io_start(loop, &c->readable);
}

int
floor_ev(const struct floor_options *o)
{
	struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
	static ev_io listener;

	reply = o->reply;
	ev_io_init(&listener, on_connection, net_listen_nonblocking(o->port),
	           EV_READ);
	ev_io_start(loop, &listener);
	ev_run(loop, 0);
	return 0;
}
