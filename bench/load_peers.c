/* SPDX-License-Identifier: BSD-2-Clause */
/* How other servers hand out all that they hold. */
#include "config.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load.h"
#include "bench/net.h"
#include "bench/wire.h"

#define PIECE 262144

struct dump {
	const struct load_options *o;
	int fd;
	double bytes, records;
	struct account from, to;
};

static void
begin(struct dump *d, const struct load_options *o)
{
	memset(d, 0, sizeof *d);
	d->o = o;
	d->fd = net_dial(o->port);
	account_take(&d->from, o->server);
}

static int
end(struct dump *d, pid_t server)
{
	double gib = d->bytes / (1 << 30);
	struct account_span s;

	account_take(&d->to, server);
	account_span(&s, &d->from, &d->to);
	close(d->fd);
	load_say_begin(d->o);
	load_say("bytes", d->bytes, 0);
	load_say("seconds", s.seconds, 4);
	load_say("gib_s", gib / s.seconds, 4);
	load_say("server_s_gib", s.server / gib, 4);
	load_say("records", d->records, 0);
	load_say("records_s", d->records / s.seconds, 0);
	load_say_span(&s);
	load_say_end();
	return 0;
}

static void
say(struct dump *d, const char *bytes, size_t len)
{
	if (net_send(d->fd, bytes, len))
		net_die("send");
}

static char *
unescaped(const char *s, size_t *len)
{
	char *out = malloc(strlen(s) + 1), *to = out;

	for (; *s; s++) {
		if (*s != '\\' || s[1] == 0) {
			*to++ = *s;
			continue;
		}
		s++;
		*to++ = *s == 'r'   ? '\r'
		        : *s == 'n' ? '\n'
		        : *s == '0' ? 0
		                    : *s;
	}
	*to = 0;
	*len = (size_t)(to - out);
	return out;
}

static size_t
count_lines(const char *b, size_t n)
{
	const char *stop = b + n, *p = b;
	size_t lines = 0;

	while ((p = memchr(p, '\n', (size_t)(stop - p)))) {
		lines++;
		p++;
	}
	return lines;
}

/* A query, and its answer up to a line that ends it; records are lines. */
int
load_drain(const struct load_options *o)
{
	char *piece = malloc(PIECE + 64), *query, *last;
	size_t nquery, nlast, kept = 0;
	struct dump d;

	query = unescaped(o->query, &nquery);
	last = unescaped(o->end, &nlast);
	if (nlast == 0 || nlast > 64)
		net_fail("load: drain needs a short end, -e");
	begin(&d, o);
	say(&d, query, nquery);
	for (;;) {
		ssize_t n = recv(d.fd, piece + kept, PIECE, 0);

		if (n <= 0)
			net_fail("load: the server closed the connection");
		d.bytes += (double)n;
		d.records += (double)count_lines(piece + kept, (size_t)n);
		kept += (size_t)n;
		if (kept >= nlast &&
		    memcmp(piece + kept - nlast, last, nlast) == 0)
			break;
		n = kept < nlast ? (ssize_t)kept : (ssize_t)nlast;
		memmove(piece, piece + kept - (size_t)n, (size_t)n);
		kept = (size_t)n;
	}
	d.records--;
	free(piece);
	free(query);
	free(last);
	return end(&d, o->server);
}

/* One RESP value; it is in *buf, grown as needed.  Its length. */
static size_t
resp_value(struct dump *d, struct wire *w, char **buf, size_t *cap)
{
	size_t have = 0;
	long len;

	for (;;) {
		ssize_t n;

		if (have == *cap)
			*buf = realloc(*buf, *cap = *cap ? *cap * 2 : 1 << 20);
		n = recv(d->fd, *buf + have, *cap - have, 0);
		if (n <= 0)
			net_fail("load: the server closed the connection");
		have += (size_t)n;
		d->bytes += (double)n;
		len = wire_resp(w, *buf, have);
		if (len < 0)
			net_fail("load: a reply makes no sense");
		if (len > 0)
			return (size_t)len;
	}
}

static char *
after_line(char *p)
{
	return strchr(p, '\n') + 1;
}

/* SCAN with COUNT, and an MGET of each of its batches, until the cursor is 0. */
int
load_redis_scan(const struct load_options *o)
{
	char cursor[32] = "0", count[16], *buf = NULL, *out = malloc(1 << 22);
	struct wire w = { .kind = WIRE_RESP };
	size_t cap = 0, len, n;
	struct dump d;

	snprintf(count, sizeof count, "%d", o->depth);
	begin(&d, o);
	do {
		const char *word[] = { "SCAN", cursor, "COUNT", count };
		size_t nword[] = { 4, strlen(cursor), 5, strlen(count) };
		char *p;
		long keys;

		say(&d, out, wire_resp_command(out, 4, word, nword));
		len = resp_value(&d, &w, &buf, &cap);
		p = after_line(after_line(buf)); /* *2, $<len> */
		n = (size_t)(strchr(p, '\r') - p);
		memcpy(cursor, p, n);
		cursor[n] = 0;
		p = after_line(p);
		keys = strtol(p + 1, NULL, 10);
		p = after_line(p);
		if (keys == 0)
			continue;
		n = (size_t)sprintf(out, "*%ld\r\n$4\r\nMGET\r\n", keys + 1);
		memcpy(out + n, p, len - (size_t)(p - buf));
		say(&d, out, n + len - (size_t)(p - buf));
		resp_value(&d, &w, &buf, &cap);
		d.records += (double)keys;
	} while (strcmp(cursor, "0") != 0);
	free(buf);
	free(out);
	return end(&d, o->server);
}

/* PostgreSQL: messages of a type, a length that counts itself, a body. */

struct pg {
	struct dump d;
	char *buf;
	size_t at, have;
	pid_t backend;
};

static void
pg_need(struct pg *p, size_t n)
{
	if (p->have - p->at >= n)
		return;
	memmove(p->buf, p->buf + p->at, p->have - p->at);
	p->have -= p->at;
	p->at = 0;
	while (p->have < n) {
		ssize_t got =
			recv(p->d.fd, p->buf + p->have, PIECE - p->have, 0);

		if (got <= 0)
			net_fail("load: the server closed the connection");
		p->have += (size_t)got;
	}
}

static uint32_t
pg_number(const char *at)
{
	uint32_t n;

	memcpy(&n, at, 4);
	return ntohl(n);
}

static void
pg_skip(struct pg *p, size_t n)
{
	while (n > 0) {
		size_t part;

		pg_need(p, 1);
		part = p->have - p->at < n ? p->have - p->at : n;
		p->at += part;
		n -= part;
	}
}

/* Until it is ready for a query. */
static void
pg_await(struct pg *p)
{
	char type = 0;

	while (type != 'Z') {
		size_t len;

		pg_need(p, 5);
		type = p->buf[p->at];
		len = pg_number(p->buf + p->at + 1) + 1;
		p->d.bytes += (double)len;
		p->d.records += type == 'd' || type == 'D';
		if (type == 'E')
			net_fail("load: postgres refuses");
		if (type == 'K') {
			pg_need(p, 9);
			p->backend = (pid_t)pg_number(p->buf + p->at + 5);
		}
		pg_skip(p, len);
	}
}

static void
pg_query(struct pg *p, const char *query)
{
	size_t len = strlen(query) + 1;
	uint32_t n = htonl((uint32_t)(len + 4));

	say(&p->d, "Q", 1);
	say(&p->d, (char *)&n, 4);
	say(&p->d, query, len);
	pg_await(p);
}

/* Without a password, as its user postgres. */
int
load_postgres(const struct load_options *o)
{
	char hello[] = "\0\0\0\0\0\3\0\0user\0postgres\0database\0postgres\0";
	uint32_t n = htonl(sizeof hello);
	struct pg p = { .buf = malloc(PIECE) };

	memcpy(hello, &n, 4);
	begin(&p.d, o);
	say(&p.d, hello, sizeof hello);
	pg_await(&p);
	p.d.bytes = p.d.records = 0;
	account_take(&p.d.from, p.backend);
	pg_query(&p, o->query);
	end(&p.d, p.backend);
	free(p.buf);
	return 0;
}
