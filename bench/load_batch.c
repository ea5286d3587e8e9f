/* SPDX-License-Identifier: BSD-2-Clause */
/* Batches of gets and sets, and connections that say nothing. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/load.h"
#include "bench/net.h"
#include "bench/wire.h"

#define STALLED_NS 5000000000u

struct conn {
	int fd, under_way, wants_write;
	uint64_t began;
	char *in, *out;
	size_t nin, nout, sent;
};

struct run {
	const struct load_options *o;
	struct wire wire;
	struct conn *conns;
	/* those without a batch, as a ring: the longest idle is next */
	struct conn **idle;
	size_t first, nidle;
	size_t in_cap;
	int poll;
	uint64_t seed, done, next_at;
	int once; /* one batch on each connection, no more */
	unsigned long filled;
	struct tally tally;
};

static uint64_t
chance(struct run *r)
{
	r->seed ^= r->seed << 13;
	r->seed ^= r->seed >> 7;
	r->seed ^= r->seed << 17;
	return r->seed;
}

static void
watch(struct run *r, struct conn *c, int wants_write)
{
	struct epoll_event e = { .data.ptr = c };

	if (c->wants_write == wants_write)
		return;
	c->wants_write = wants_write;
	e.events = wants_write ? EPOLLIN | EPOLLOUT : EPOLLIN;
	epoll_ctl(r->poll, EPOLL_CTL_MOD, c->fd, &e);
}

static void
flush(struct run *r, struct conn *c)
{
	while (c->sent < c->nout) {
		ssize_t n = send(c->fd, c->out + c->sent, c->nout - c->sent,
		                 MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			watch(r, c, 1);
			return;
		}
		if (n < 0)
			net_die("send");
		c->sent += (size_t)n;
	}
	watch(r, c, 0);
}

/* Any order in which each key comes once. */
static unsigned long
shuffled(const struct run *r, unsigned long i)
{
	return r->o->shuffle ? (unsigned long)(i * 2654435761u % r->o->keys)
	                     : i;
}

static char *
put_one(struct run *r, char *to)
{
	uint64_t n;

	if (r->o->fill)
		return wire_put(to, &r->wire.set, shuffled(r, r->filled++));
	n = chance(r);
	return wire_put(to,
	                (int)((n & 0xfffff) % 100) < r->o->reads ? &r->wire.get
	                                                         : &r->wire.set,
	                (unsigned long)(n >> 20) % r->o->keys);
}

/* The next batch leaves on the connection that waits longest, if there is
 * one and something is left to do.  It began at that time. */
static void
begin_one(struct run *r, uint64_t at)
{
	struct conn *c = r->idle[r->first];
	int i, n = r->o->depth;
	char *end = c->out;

	if (r->o->fill && r->o->keys - r->filled < (unsigned long)n)
		n = (int)(r->o->keys - r->filled);
	if (n == 0 || r->nidle == 0)
		return;
	r->first = (r->first + 1) % (size_t)r->o->connections;
	r->nidle--;
	for (i = 0; i < n; i++)
		end = put_one(r, end);
	c->nout = (size_t)(end - c->out);
	c->sent = 0;
	c->under_way = n;
	c->began = at;
	flush(r, c);
}

static void
put_idle(struct run *r, struct conn *c)
{
	size_t cap = (size_t)r->o->connections;

	r->idle[(r->first + r->nidle++) % cap] = c;
}

static void
take_replies(struct run *r, struct conn *c)
{
	size_t at = 0;
	uint64_t now;
	int k = 0;
	long n;

	while (at < c->nin &&
	       (n = wire_reply(&r->wire, c->in + at, c->nin - at)) != 0) {
		if (n < 0)
			net_fail("load: a reply makes no sense");
		at += (size_t)n;
		k++;
	}
	if (k == 0)
		return;
	memmove(c->in, c->in + at, c->nin - at);
	c->nin -= at;
	now = net_now();
	tally_add(&r->tally, now - c->began, (uint64_t)k);
	r->done += (uint64_t)k;
	c->under_way -= k;
	if (c->under_way > 0)
		return;
	put_idle(r, c);
	if (r->o->rate <= 0 && !r->once)
		begin_one(r, now);
}

static void
receive(struct run *r, struct conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->nin, r->in_cap - c->nin, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		net_fail("load: the server closed the connection");
	c->nin += (size_t)n;
	take_replies(r, c);
}

static void
open_conns(struct run *r)
{
	const struct load_options *o = r->o;
	size_t request = r->wire.get.len > r->wire.set.len ? r->wire.get.len
	                                                   : r->wire.set.len;
	int i;

	r->in_cap = (o->vsize + 256) * (size_t)o->depth + 1024;
	r->conns = calloc((size_t)o->connections, sizeof *r->conns);
	r->idle = calloc((size_t)o->connections, sizeof *r->idle);
	r->poll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < o->connections; i++) {
		struct conn *c = &r->conns[i];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

		c->fd = net_dial_nonblocking(o->port);
		c->in = malloc(r->in_cap);
		c->out = malloc(request * (size_t)o->depth);
		epoll_ctl(r->poll, EPOLL_CTL_ADD, c->fd, &e);
		put_idle(r, c);
	}
}

static void
close_conns(struct run *r)
{
	int i;

	for (i = 0; i < r->o->connections; i++) {
		close(r->conns[i].fd);
		free(r->conns[i].in);
		free(r->conns[i].out);
	}
	free(r->conns);
	free(r->idle);
	close(r->poll);
}

/* With a rate, a batch that is due begins at its time even when no connection
 * was free then: waiting counts. */
static int
begin_due(struct run *r)
{
	uint64_t step = (uint64_t)(1e9 / r->o->rate), now = net_now();

	while (r->next_at <= now && r->nidle > 0) {
		begin_one(r, r->next_at);
		r->next_at += step;
	}
	return r->nidle > 0;
}

static int
wait_events(struct run *r, struct epoll_event *ev, int max)
{
	struct pollfd p = { .fd = r->poll, .events = POLLIN };
	struct timespec left = { .tv_sec = 0 };
	uint64_t now;

	if (r->o->rate <= 0)
		return epoll_wait(r->poll, ev, max, 1000);
	if (begin_due(r)) {
		now = net_now();
		if (r->next_at > now)
			left.tv_nsec = (long)(r->next_at - now);
		if (left.tv_nsec > 999999999)
			left.tv_nsec = 999999999;
		ppoll(&p, 1, &left, NULL);
		return epoll_wait(r->poll, ev, max, 0);
	}
	return epoll_wait(r->poll, ev, max, 1000);
}

static void
turn(struct run *r, uint64_t *last)
{
	struct epoll_event ev[256];
	int i, n = wait_events(r, ev, 256);
	uint64_t now = net_now();

	if (n > 0)
		*last = now;
	else if (now - *last > STALLED_NS)
		net_fail("load: no answer for five seconds");
	for (i = 0; i < n; i++) {
		struct conn *c = ev[i].data.ptr;

		if (ev[i].events & EPOLLOUT)
			flush(r, c);
		if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			receive(r, c);
	}
}

static void
begin(struct run *r)
{
	uint64_t now = net_now();
	int i;

	r->next_at = now;
	if (r->o->rate <= 0)
		for (i = 0; i < r->o->active; i++)
			begin_one(r, now);
}

/* What came before does not count. */
static void
forget(struct run *r)
{
	memset(&r->tally, 0, sizeof r->tally);
	r->done = 0;
	r->wire.errors = r->wire.misses = 0;
}

static void
report(struct run *r, const struct account *from, const struct account *to)
{
	double ops = (double)(r->done ? r->done : 1);
	struct account_span s;

	account_span(&s, from, to);
	load_say_begin(r->o);
	load_say("ops", (double)r->done, 0);
	load_say("seconds", s.seconds, 4);
	load_say("ops_s", ops / s.seconds, 0);
	load_say("server_us", s.server * 1e6 / ops, 4);
	load_say("self_us", s.self * 1e6 / ops, 4);
	load_say_tally(&r->tally);
	load_say("switches_op", s.switches / ops, 4);
	load_say_span(&s);
	load_say("errors", (double)r->wire.errors, 0);
	load_say("misses", (double)r->wire.misses, 0);
	load_say_end();
}

static void
init(struct run *r, const struct load_options *o)
{
	memset(r, 0, sizeof *r);
	r->o = o;
	r->seed = 88172645463325252ull;
	if (wire_init(&r->wire, o->protocol, o->vsize, o->command))
		net_fail("load: no such protocol");
	open_conns(r);
}

static void
fini(struct run *r)
{
	close_conns(r);
	wire_fini(&r->wire);
}

static int
over(const struct run *r, uint64_t end)
{
	if (r->o->fill)
		return r->done >= r->o->keys;
	if (r->o->times)
		return r->done >= r->o->times;
	/* Not before each had ten turns: the machine may be busy. */
	return r->done >= 10 * (uint64_t)r->o->active * (uint64_t)r->o->depth &&
	       net_now() >= end;
}

int
load_batches(const struct load_options *o)
{
	uint64_t last = net_now(), end;
	struct account from, to;
	struct run r;
	int status;

	init(&r, o);
	begin(&r);
	end = net_now() + (uint64_t)(o->warm * 1e9);
	while (!o->fill && net_now() < end)
		turn(&r, &last);
	account_take(&from, o->server);
	if (!o->fill)
		forget(&r);
	end = net_now() + (uint64_t)(o->seconds * 1e9);
	while (!over(&r, end))
		turn(&r, &last);
	account_take(&to, o->server);
	report(&r, &from, &to);
	status = r.wire.errors != 0;
	fini(&r);
	return status;
}

/* One get on each connection; then they are idle.  Tells what the server's
 * memory has grown by; with -t 0 stays until it is killed. */
int
load_idle(const struct load_options *o)
{
	double before = account_resident(o->server), fresh, used;
	uint64_t last = net_now();
	struct run r;

	init(&r, o);
	fresh = account_resident(o->server) - before;
	r.once = 1;
	while (r.nidle > 0)
		begin_one(&r, last);
	while (r.done < (uint64_t)o->connections * (uint64_t)o->depth)
		turn(&r, &last);
	used = account_resident(o->server) - before;
	load_say_begin(o);
	load_say("fresh_bytes", fresh / o->connections, 0);
	load_say("used_bytes", used / o->connections, 0);
	load_say_end();
	while (o->seconds <= 0)
		pause();
	fini(&r);
	return 0;
}
