/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans of all that a server holds, again and again, on each connection; with
 * readers that take all, so much a second, or nothing any more. */
#include "config.h"

#include <errno.h>
#include <poll.h>
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
#include "bench/scan_reader.h"

#define PIECE 262144 /* received at a time, at most */
#define TICK_US 1000 /* of a reader that takes so much a second */

struct conn {
	int fd, wants_first;
	uint64_t created_at;
	unsigned long scans;
	struct scan_reader reader;
};

struct run {
	const struct load_options *o;
	struct conn *conns;
	int poll;
	char *piece;
	uint64_t scans, began;
	struct tally first, whole; /* latencies */
};

static void
request(struct conn *c, const char *bytes, size_t len)
{
	if (send(c->fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		net_die("send");
}

static void
create(struct conn *c)
{
	char bytes[SCAN_REQUEST_MAX];

	c->created_at = net_now();
	c->wants_first = 1;
	request(c, bytes, scan_put_create(bytes));
}

static void
carry_on(struct conn *c)
{
	char bytes[SCAN_REQUEST_MAX];

	request(c, bytes, scan_put_continue(bytes, c->reader.uuid, 0));
}

static void
complete(struct run *r, struct conn *c)
{
	tally_add(&r->whole, net_now() - c->created_at, 1);
	r->scans++;
	c->scans++;
	if (r->o->times == 0 || c->scans < r->o->times)
		create(c);
}

static void
take(struct run *r, struct conn *c, const char *bytes, size_t n)
{
	size_t taken;

	for (; n > 0; n -= taken) {
		enum scan_event e =
			scan_reader_take(&c->reader, bytes, n, &taken);

		if (bytes)
			bytes += taken;
		if (c->wants_first && scan_reader_has_records(&c->reader)) {
			c->wants_first = 0;
			tally_add(&r->first, net_now() - c->created_at, 1);
		}
		if (e == SCAN_CREATED || e == SCAN_MORE)
			carry_on(c);
		else if (e == SCAN_COMPLETE)
			complete(r, c);
	}
}

/* How many bytes it got; 0: none now. */
static size_t
receive(struct run *r, struct conn *c, size_t max)
{
	size_t useless = r->o->discard ? scan_reader_useless(&c->reader) : 0;
	size_t cap = max < PIECE ? max : PIECE;
	ssize_t n;

	if (useless > 0)
		n = recv(c->fd, NULL, useless < max ? useless : max,
		         MSG_TRUNC | MSG_DONTWAIT);
	else
		n = recv(c->fd, r->piece, r->o->discard && cap > 24 ? 24 : cap,
		         MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		net_fail("load: the server closed the connection");
	take(r, c, useless > 0 ? NULL : r->piece, (size_t)n);
	return (size_t)n;
}

static uint64_t
bytes_of(const struct run *r)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < r->o->connections; i++)
		sum += r->conns[i].reader.bytes;
	return sum;
}

static uint64_t
records_of(const struct run *r)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < r->o->connections; i++)
		sum += r->conns[i].reader.records;
	return sum;
}

/* Each reader takes what it may have taken by now. */
static void
turn_throttled(struct run *r)
{
	double rate = r->o->throttle * 1048576;
	int i;

	for (i = 0; i < r->o->connections; i++) {
		struct conn *c = &r->conns[i];
		double may = rate * (double)(net_now() - r->began) / 1e9;
		size_t n = 1;

		while (n > 0 && (double)c->reader.bytes < may)
			n = receive(r, c, 65536);
	}
	net_sleep(TICK_US / 1e6);
}

static void
turn(struct run *r)
{
	struct epoll_event ev[64];
	int i, n;

	if (r->o->throttle > 0) {
		turn_throttled(r);
		return;
	}
	n = epoll_wait(r->poll, ev, 64, 100);
	for (i = 0; i < n; i++)
		receive(r, ev[i].data.ptr, SIZE_MAX);
}

/* Until each has its first records; then nobody reads, for ever.  Says so when
 * the server has filled what it may. */
static void
stand_still(struct run *r)
{
	while (r->first.count < (uint64_t)r->o->connections)
		turn(r);
	account_settled(r->o->server);
	puts("standing=1");
	fflush(stdout);
	for (;;)
		pause();
}

static void
open_conns(struct run *r)
{
	int i;

	r->poll = epoll_create1(EPOLL_CLOEXEC);
	r->conns = calloc((size_t)r->o->connections, sizeof *r->conns);
	r->piece = malloc(PIECE);
	for (i = 0; i < r->o->connections; i++) {
		struct conn *c = &r->conns[i];
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

		c->fd = net_dial(r->o->port);
		scan_reader_init(&c->reader, r->o->verify);
		epoll_ctl(r->poll, EPOLL_CTL_ADD, c->fd, &e);
	}
}

static void
report(const struct run *r, const struct account_span *s, double bytes)
{
	double gib = bytes / (1 << 30);

	load_say_begin(r->o);
	load_say("bytes", bytes, 0);
	load_say("seconds", s->seconds, 4);
	load_say("gib_s", gib / s->seconds, 4);
	load_say("server_s_gib", gib > 0 ? s->server / gib : 0, 4);
	load_say("self_s_gib", gib > 0 ? s->self / gib : 0, 4);
	load_say("scans", (double)r->scans, 0);
	load_say("records", (double)records_of(r), 0);
	load_say("first_us", tally_us(&r->first, 0.5), 1);
	load_say("scan_us", tally_us(&r->whole, 0.5), 1);
	load_say("switches_gib", gib > 0 ? s->switches / gib : 0, 0);
	load_say_span(s);
	load_say_end();
}

static int
over(const struct run *r, uint64_t end)
{
	if (r->o->times)
		return r->scans >= r->o->times * (uint64_t)r->o->connections;
	return net_now() >= end;
}

int
load_scans(const struct load_options *o)
{
	struct run r = { .o = o };
	struct account from, to;
	struct account_span span;
	uint64_t before, end;
	int i;

	open_conns(&r);
	r.began = net_now();
	if (o->times)
		account_take(&from, o->server);
	for (i = 0; i < o->connections; i++)
		create(&r.conns[i]);
	if (o->throttle == 0)
		stand_still(&r);
	end = net_now() + (uint64_t)(o->warm * 1e9);
	while (o->times == 0 && net_now() < end)
		turn(&r);
	before = o->times ? 0 : bytes_of(&r);
	if (o->times == 0)
		account_take(&from, o->server);
	end = net_now() + (uint64_t)(o->seconds * 1e9);
	while (!over(&r, end))
		turn(&r);
	account_take(&to, o->server);
	account_span(&span, &from, &to);
	report(&r, &span, (double)(bytes_of(&r) - before));
	return 0;
}
