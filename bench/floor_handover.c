/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans by a thread that hands each chunk to the event loop and prepares the
 * next one only when that is sent: the designs that a ring of chunks is
 * compared with.
 *
 * enter: the thread waits, in the middle of its scan, until its chunk is sent.
 * stop:  its task ends with each chunk, and is queued again by the loop. */
#include "config.h"

#include <arpa/inet.h>
#include <ev.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/floor.h"
#include "bench/floor_conn.h"
#include "bench/net.h"
#include "bench/records.h"

struct conn {
	/* the loop's */
	ev_io readable, writable;
	struct floor_conn c;
	/* whose turn it is */
	size_t next, len, sent;
	char *chunk;
	/* under lock */
	struct conn *next_queued, *next_filled;
	int handed_over;
	pthread_cond_t taken;
};

/* set once */
static struct records records;
static size_t cap;
static int waits;
static struct ev_loop *loop;
static ev_io listener;
static ev_async filled_one;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
/* under lock */
static struct conn *queued, **queue_end = &queued, *filled;

static void
enqueue(struct conn *c)
{
	pthread_mutex_lock(&lock);
	c->next_queued = NULL;
	*queue_end = c;
	queue_end = &c->next_queued;
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

static struct conn *
dequeue(void)
{
	struct conn *c;

	pthread_mutex_lock(&lock);
	while ((c = queued) == NULL)
		pthread_cond_wait(&more, &lock);
	if ((queued = c->next_queued) == NULL)
		queue_end = &queued;
	pthread_mutex_unlock(&lock);
	return c;
}

static void
fill(struct conn *c)
{
	c->len = records_fill(&records, &c->next, c->chunk, cap);
	c->sent = 0;
}

static void
hand_over(struct conn *c)
{
	pthread_mutex_lock(&lock);
	c->next_filled = filled;
	filled = c;
	c->handed_over = 1;
	ev_async_send(loop, &filled_one);
	while (waits && c->handed_over)
		pthread_cond_wait(&c->taken, &lock);
	pthread_mutex_unlock(&lock);
}

static void *
work(void *arg)
{
	struct conn *c;
	int complete;

	(void)arg;
	for (;;) {
		c = dequeue();
		do {
			fill(c);
			complete = c->next == records.n;
			hand_over(c);
		} while (waits && !complete);
	}
	return NULL;
}

/* The chunk is sent: the other side's turn, unless it was the last. */
static void
give_back(struct conn *c)
{
	int complete = c->next == records.n;

	ev_io_stop(loop, &c->writable);
	if (waits) {
		pthread_mutex_lock(&lock);
		c->handed_over = 0;
		pthread_cond_signal(&c->taken);
		pthread_mutex_unlock(&lock);
	} else if (!complete) {
		enqueue(c);
	}
}

static void
send_chunk(struct conn *c)
{
	size_t nout = c->len;
	char *out = c->c.out;
	int status;

	c->c.out = c->chunk;
	c->c.nout = nout;
	c->c.sent = c->sent;
	status = floor_conn_flush(&c->c);
	c->sent = c->c.sent;
	c->c.out = out;
	if (status == 0)
		ev_io_start(loop, &c->writable);
	else
		give_back(c); /* a peer that is gone ends its scan unseen */
}

static void
on_filled(struct ev_loop *l, ev_async *w, int events)
{
	struct conn *c, *next;

	(void)l, (void)w, (void)events;
	pthread_mutex_lock(&lock);
	c = filled;
	filled = NULL;
	pthread_mutex_unlock(&lock);
	for (; c; c = next) {
		next = c->next_filled;
		send_chunk(c);
	}
}

static void
on_writable(struct ev_loop *l, ev_io *w, int events)
{
	(void)l, (void)events;
	send_chunk(w->data);
}

/* Connections are few and their memory is kept: a thread may have it. */
static void
on_readable(struct ev_loop *l, ev_io *w, int events)
{
	struct conn *c = w->data;
	uint32_t len;
	int op;

	(void)events;
	if (floor_conn_receive(&c->c) < 0) {
		ev_io_stop(l, &c->readable);
		return;
	}
	while (c->c.nin >= 24) {
		memcpy(&len, c->c.in + 8, 4);
		len = ntohl(len);
		if (c->c.nin < 24 + len)
			return;
		op = (unsigned char)c->c.in[1];
		floor_conn_drop(&c->c, 24 + len);
		if (op == RECORDS_CONTINUE) {
			c->next = 0;
			enqueue(c);
		} else if (records_answer(c->c.fd, op)) {
			ev_io_stop(l, &c->readable);
			return;
		}
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
	c->chunk = malloc(cap);
	pthread_cond_init(&c->taken, NULL);
	floor_conn_init(&c->c, fd);
	ev_io_init(&c->readable, on_readable, fd, EV_READ);
	ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
	c->readable.data = c->writable.data = c;
	ev_io_start(l, &c->readable);
}

static int
serve(const struct floor_options *o, int wait)
{
	pthread_t thread;

	waits = wait;
	cap = o->chunk;
	records_make(&records, o->records);
	loop = ev_default_loop(EVBACKEND_EPOLL);
	ev_io_init(&listener, on_connection, net_listen_nonblocking(o->port),
	           EV_READ);
	ev_io_start(loop, &listener);
	ev_async_init(&filled_one, on_filled);
	ev_async_start(loop, &filled_one);
	if (pthread_create(&thread, NULL, work, NULL))
		net_fail("floor: no thread");
	ev_run(loop, 0);
	return 0;
}

int
floor_enter(const struct floor_options *o)
{
	return serve(o, 1);
}

int
floor_stop(const struct floor_options *o)
{
	return serve(o, 0);
}
