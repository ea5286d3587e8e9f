/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans by one thread that does nothing else: it iterates, copies each record
 * into a chunk, as a range scan sends it, and writes the chunk. */
#include "config.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/direct.h"
#include "bench/net.h"
#include "bench/records.h"

#define CHUNK 262144
#define KEY_HEAD 6

struct scan {
	int fd;
	bool failed;
	char *chunk, *end;
};

static bool
send_chunk(struct scan *s, int complete)
{
	size_t len = (size_t)(s->end - s->chunk);

	records_head(s->chunk, len - RECORDS_HEAD, complete);
	s->end = s->chunk + RECORDS_HEAD;
	s->failed = net_send(s->fd, s->chunk, len) != 0;
	return !s->failed;
}

static uint32_t
get32(const char *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof n);
	return be32toh(n);
}

static uint64_t
get64(const char *at)
{
	uint64_t n;

	memcpy(&n, at, sizeof n);
	return be64toh(n);
}

static bool
take(void *arg, const void *key, size_t nkey, const void *value, size_t nvalue)
{
	const char *head = value;
	struct scan *s = arg;
	struct records_one r;

	if (nkey < KEY_HEAD || nvalue < DIRECT_HEAD ||
	    memcmp(key, "\0\0", 2) != 0) /* the engine's own */
		return true;
	r.datatype = (uint8_t)head[1];
	r.flags = get32(head + 4);
	r.expiry = get32(head + 8);
	r.cas = get64(head + 12);
	r.seqno = get64(head + 20);
	r.key = (const char *)key + KEY_HEAD;
	r.nkey = nkey - KEY_HEAD;
	r.value = head + DIRECT_HEAD;
	r.nvalue = nvalue - DIRECT_HEAD;
	if ((size_t)(s->chunk + CHUNK - s->end) < RECORDS_MOST(r) &&
	    !send_chunk(s, 0))
		return false;
	s->end = records_put(s->end, &r);
	return true;
}

static bool
scan_all(const struct direct_library *l, int fd, char *chunk)
{
	struct scan s = { .fd = fd, .chunk = chunk };

	s.end = chunk + RECORDS_HEAD;
	l->scan(take, &s);
	return !s.failed && send_chunk(&s, 1);
}

static void
serve_one(const struct direct_library *l, int fd, char *chunk)
{
	int op;

	while ((op = records_request(fd)) >= 0)
		if (op == RECORDS_CONTINUE ? !scan_all(l, fd, chunk)
		                           : records_answer(fd, op))
			return;
}

int
direct_serve(const struct direct_library *l, const struct direct_options *o)
{
	char *chunk = malloc(CHUNK);
	int fd, listener;

	l->open(o);
	listener = net_listen(o->port);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		serve_one(l, fd, chunk);
		close(fd);
	}
	return 1;
}
