/* SPDX-License-Identifier: BSD-2-Clause */
/* How soon after a scan's create its first record is here. */
#include "config.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load.h"
#include "bench/net.h"
#include "bench/scan_reader.h"

struct run {
	int fd;
	struct scan_reader reader;
	struct tally create, first;
};

static void
request(struct run *r, const char *bytes, size_t len)
{
	if (net_send(r->fd, bytes, len))
		net_die("send");
}

/* Until a frame of some event; its time. */
static uint64_t
await(struct run *r, enum scan_event want)
{
	char piece[4096];
	enum scan_event got = SCAN_NONE;

	while (got != want) {
		ssize_t at = 0, n = recv(r->fd, piece, sizeof piece, 0);
		size_t taken;

		if (n <= 0)
			net_fail("load: the server closed the connection");
		for (; at < n; at += (ssize_t)taken)
			got = scan_reader_take(&r->reader, piece + at,
			                       (size_t)(n - at), &taken);
	}
	return net_now();
}

/* The first record, and the scan is given up. */
static void
one(struct run *r)
{
	char bytes[SCAN_REQUEST_MAX];
	uint64_t began = net_now();

	request(r, bytes, scan_put_create(bytes));
	tally_add(&r->create, await(r, SCAN_CREATED) - began, 1);
	request(r, bytes, scan_put_continue(bytes, r->reader.uuid, 1));
	tally_add(&r->first, await(r, SCAN_MORE) - began, 1);
	request(r, bytes, scan_put_cancel(bytes, r->reader.uuid));
	await(r, SCAN_FRAME);
}

int
load_first(const struct load_options *o)
{
	struct account from, to;
	struct account_span span;
	static struct run r;
	unsigned long i, times = o->times ? o->times : 1000;

	r.fd = net_dial(o->port);
	scan_reader_init(&r.reader, 0);
	account_take(&from, o->server);
	for (i = 0; i < times; i++)
		one(&r);
	account_take(&to, o->server);
	account_span(&span, &from, &to);
	close(r.fd);
	load_say_begin(o);
	load_say("scans", (double)times, 0);
	load_say("create_us", tally_us(&r.create, 0.5), 2);
	load_say("first_us", tally_us(&r.first, 0.5), 2);
	load_say("first_p99_us", tally_us(&r.first, 0.99), 2);
	load_say("server_us", span.server * 1e6 / (double)times, 3);
	load_say_span(&span);
	load_say_end();
	return 0;
}
