/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers by way of a thread: jobs go there on one stack, which is taken
 * whole, and come back on another.  Batched, the jobs of one turn of the loop
 * are pushed together with one wake-up, and what the thread took goes back
 * together. */
#include "config.h"

#include <ev.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/floor.h"
#include "bench/floor_conn.h"
#include "bench/net.h"

#define JOBS 256       /* of one connection */
#define GATHERED 65536 /* lazy: output that leaves at once */

struct job {
	struct job *next;
	struct conn *conn;
	char reply[FLOOR_REPLY_MAX];
};

struct conn {
	ev_io readable, writable;
	struct floor_conn c;
	struct job *jobs;
	unsigned next_job, under_way;
	int touched, closed;
	struct conn *next_touched;
};

/* set once */
static size_t reply;
static int serial, lazy, batched;
static struct ev_loop *loop;
static ev_io listener;
static ev_async came_back;
static ev_prepare before_sleep;
/* the loop's: jobs of this turn, newest first */
static struct job *turn_first, *turn_last;
/* any thread */
static _Atomic(struct job *) submitted, finished;
static _Atomic int sleepers;
static _Atomic uint32_t wakes;

/* True if the stack was empty.  Sequentially consistent: the sleeper counts
 * itself and then looks at the stack, this pushes and then looks at the
 * count. */
static int
push(_Atomic(struct job *) *stack, struct job *first, struct job *last)
{
	struct job *top = atomic_load_explicit(stack, memory_order_relaxed);

	do
		last->next = top;
	while (!atomic_compare_exchange_weak(stack, &top, first));
	return top == NULL;
}

static struct job *
take_all(_Atomic(struct job *) *stack)
{
	struct job *next, *j = atomic_exchange(stack, NULL), *turned = NULL;

	for (; j; j = next) {
		next = j->next;
		j->next = turned;
		turned = j;
	}
	return turned;
}

static void
wake(void)
{
	if (atomic_load(&sleepers) == 0)
		return;
	atomic_fetch_add(&wakes, 1);
	syscall(SYS_futex, &wakes, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static struct job *
wait_jobs(void)
{
	uint32_t seen = atomic_load(&wakes);
	struct job *j;

	atomic_fetch_add(&sleepers, 1);
	if ((j = take_all(&submitted)) == NULL)
		syscall(SYS_futex, &wakes, FUTEX_WAIT_PRIVATE, seen, NULL, NULL,
		        0);
	atomic_fetch_sub(&sleepers, 1);
	return j;
}

static void
finish(struct job *first, struct job *last)
{
	if (push(&finished, first, last))
		ev_async_send(loop, &came_back);
}

static void *
work(void *arg)
{
	static const char value[FLOOR_REPLY_MAX];
	struct job *j, *next, *first, *last;

	(void)arg;
	for (;;) {
		if ((j = take_all(&submitted)) == NULL)
			j = wait_jobs();
		for (first = last = NULL; j; j = next) {
			next = j->next;
			memcpy(j->reply, value, reply);
			if (!batched) {
				finish(j, j);
				continue;
			}
			if (last == NULL)
				last = j;
			j->next = first;
			first = j;
		}
		if (first)
			finish(first, last);
	}
	return NULL;
}

static void
submit(struct conn *c)
{
	struct job *j = &c->jobs[c->next_job++ % JOBS];

	j->conn = c;
	c->under_way++;
	if (!batched) {
		push(&submitted, j, j);
		wake();
		return;
	}
	if (turn_last == NULL)
		turn_last = j;
	j->next = turn_first;
	turn_first = j;
}

static void
on_before_sleep(struct ev_loop *l, ev_prepare *w, int events)
{
	(void)l, (void)w, (void)events;
	if (turn_first == NULL)
		return;
	push(&submitted, turn_first, turn_last);
	turn_first = turn_last = NULL;
	wake();
}

static void
give_up(struct conn *c)
{
	if (!c->closed) {
		ev_io_stop(loop, &c->readable);
		ev_io_stop(loop, &c->writable);
		floor_conn_fini(&c->c);
		c->closed = 1;
	}
	if (c->under_way == 0 && !c->touched) {
		free(c->jobs);
		free(c);
	}
}

static void
flush(struct conn *c)
{
	if (floor_conn_flush(&c->c) == 0)
		ev_io_start(loop, &c->writable);
	else
		ev_io_stop(loop, &c->writable);
}

static void
feed(struct conn *c)
{
	unsigned max = serial ? 1 : JOBS;
	size_t at;

	for (at = 0; c->c.nin - at >= FLOOR_REQUEST && c->under_way < max;
	     at += FLOOR_REQUEST)
		submit(c);
	if (at > 0)
		floor_conn_drop(&c->c, at);
	if (c->c.nin == sizeof c->c.in)
		ev_io_stop(loop, &c->readable);
	else if (at > 0)
		ev_io_start(loop, &c->readable);
}

static void
on_readable(struct ev_loop *l, ev_io *w, int events)
{
	struct conn *c = w->data;

	(void)l, (void)events;
	if (floor_conn_receive(&c->c) < 0)
		give_up(c);
	else
		feed(c);
}

static void
on_writable(struct ev_loop *l, ev_io *w, int events)
{
	(void)l, (void)events;
	flush(w->data);
}

static void
go_on(struct conn *c)
{
	if (c->closed) {
		give_up(c);
		return;
	}
	if (c->c.nin >= FLOOR_REQUEST) {
		feed(c);
		if (lazy && c->under_way && c->c.nout < GATHERED)
			return;
	}
	flush(c);
}

static void
on_came_back(struct ev_loop *l, ev_async *w, int events)
{
	struct conn *touched = NULL, *c;
	struct job *j;

	(void)l, (void)w, (void)events;
	for (j = take_all(&finished); j; j = j->next) {
		c = j->conn;
		c->under_way--;
		if (!c->closed)
			floor_conn_add(&c->c, j->reply, reply);
		if (c->touched)
			continue;
		c->touched = 1;
		c->next_touched = touched;
		touched = c;
	}
	while ((c = touched)) {
		touched = c->next_touched;
		c->touched = 0;
		go_on(c);
	}
}

static void
on_connection(struct ev_loop *l, ev_io *w, int events)
{
	int fd = net_accept_nonblocking(w->fd);
	struct conn *c;

	(void)events;
	if (fd < 0)
		return;
	c = calloc(1, sizeof *c);
	c->jobs = malloc(JOBS * sizeof *c->jobs);
	floor_conn_init(&c->c, fd);
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	c->readable.data = c->writable.data = c;
	ev_io_start(l, &c->readable);
}

int
floor_worker(const struct floor_options *o)
{
	pthread_t thread;

	reply = o->reply;
	batched = o->batched;
	lazy = strcmp(o->way, "lazy") == 0;
	serial = lazy || strcmp(o->way, "serial") == 0;
	loop = ev_default_loop(EVBACKEND_EPOLL);
	ev_io_init(&listener, on_connection, net_listen_nonblocking(o->port),
	           EV_READ);
	ev_io_start(loop, &listener);
	ev_async_init(&came_back, on_came_back);
	ev_async_start(loop, &came_back);
	ev_prepare_init(&before_sleep, on_before_sleep);
	ev_prepare_start(loop, &before_sleep);
	if (pthread_create(&thread, NULL, work, NULL))
		net_fail("floor: no thread");
	ev_run(loop, 0);
	return 0;
}
