/* SPDX-License-Identifier: BSD-2-Clause */
/* Several scans of all that a server holds, again and again, on one unordered
 * connection, and pings on the same one: how long those take that are behind what
 * the scans bring.  A ping's time runs from when it was due. */
#include "config.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bench/load.h"
#include "bench/net.h"
#include "bench/scan_reader.h"

#define PIECE 262144 /* received at a time, at most */
#define HEAD 24
#define NOOP 0x0a
#define HELLO 0x1f
#define UNORDERED 0x0e
#define DUE 65536 /* pings under way, at most; a power of two */

struct run {
	const struct load_options *o;
	int fd;
	char *piece;
	struct scan_reader reader;
	uint64_t begun, scans;
	/* pings */
	uint64_t due[DUE], next_due, step;
	uint32_t said, heard;
	struct tally took;
};

static void
request(struct run *r, char *bytes, size_t len, uint32_t opaque)
{
	for (int i = 0; i < 4; i++)
		bytes[12 + i] = (char)(opaque >> (24 - 8 * i));
	if (net_send(r->fd, bytes, len))
		net_die("send");
}

static uint32_t
opaque_of(const struct run *r)
{
	const unsigned char *o = r->reader.head + 12;

	return (uint32_t)o[0] << 24 | (uint32_t)o[1] << 16 |
	       (uint32_t)o[2] << 8 | o[3];
}

static void
say_hello(struct run *r)
{
	char bytes[HEAD + 2] = { (char)0x80, HELLO, [11] = 2,
		                 [HEAD + 1] = UNORDERED };

	request(r, bytes, sizeof bytes, 0);
	if (net_recv(r->fd, bytes, sizeof bytes) || bytes[11] != 2)
		net_fail("load: the server answers in order only");
}

static void
create(struct run *r, uint32_t which)
{
	char bytes[SCAN_REQUEST_MAX];

	request(r, bytes, scan_put_create(bytes), which);
}

static void
carry_on(struct run *r, uint32_t which)
{
	char bytes[SCAN_REQUEST_MAX];

	request(r, bytes, scan_put_continue(bytes, r->reader.uuid, 0), which);
}

static void
ping(struct run *r)
{
	char bytes[HEAD] = { (char)0x80, NOOP };

	if (r->said - r->heard == DUE)
		net_fail("load: pings are not answered");
	r->due[r->said % DUE] = r->next_due;
	request(r, bytes, sizeof bytes, r->said++);
	r->next_due += r->step;
}

static void
pong(struct run *r)
{
	tally_add(&r->took, net_now() - r->due[opaque_of(r) % DUE], 1);
	r->heard++;
}

static void
take(struct run *r, const char *bytes, size_t n)
{
	size_t taken;

	for (; n > 0; n -= taken, bytes += taken) {
		enum scan_event e =
			scan_reader_take(&r->reader, bytes, n, &taken);

		if (e == SCAN_CREATED) {
			carry_on(r, opaque_of(r));
		} else if (e == SCAN_COMPLETE) {
			r->scans++;
			create(r, opaque_of(r));
		} else if (e == SCAN_FRAME && r->reader.head[1] == NOOP) {
			pong(r);
		}
	}
}

static void
turn(struct run *r)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	uint64_t now = net_now();
	struct timespec wait = { 0 };
	ssize_t n;

	if (r->next_due > now)
		wait.tv_nsec = (long)(r->next_due - now);
	if (ppoll(&p, 1, &wait, NULL) > 0) {
		n = recv(r->fd, r->piece, PIECE, MSG_DONTWAIT);
		if (n <= 0)
			net_fail("load: the server closed the connection");
		take(r, r->piece, (size_t)n);
	}
	while (r->next_due <= net_now())
		ping(r);
}

static void
spend(struct run *r, double seconds)
{
	uint64_t end = net_now() + (uint64_t)(seconds * 1e9);

	while (net_now() < end)
		turn(r);
}

static void
report(const struct run *r, const struct account_span *s, uint64_t bytes)
{
	load_say_begin(r->o);
	load_say("scans", (double)r->scans, 0);
	load_say("gib_s", (double)bytes / (1 << 30) / s->seconds, 3);
	load_say("pings", (double)r->took.count, 0);
	load_say_tally(&r->took);
	load_say_span(s);
	load_say_end();
}

int
load_pings(const struct load_options *o)
{
	static struct run r;
	struct account from, to;
	struct account_span span;
	uint64_t bytes;

	r.o = o;
	r.fd = net_dial(o->port);
	r.piece = malloc(PIECE);
	r.step = (uint64_t)(1e9 / (o->rate > 1 ? o->rate : 1000));
	if (r.piece == NULL)
		net_die("memory");
	say_hello(&r);
	scan_reader_init(&r.reader, o->verify);
	for (int i = 0; i < o->connections; i++)
		create(&r, (uint32_t)i);
	r.next_due = net_now();
	spend(&r, o->warm);
	r.took = (struct tally){ 0 };
	bytes = r.reader.bytes;
	account_take(&from, o->server);
	spend(&r, o->seconds);
	account_take(&to, o->server);
	account_span(&span, &from, &to);
	report(&r, &span, r.reader.bytes - bytes);
	return 0;
}
