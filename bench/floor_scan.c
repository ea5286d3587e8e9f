/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans by one thread that does nothing else, one connection at a time. */
#include "config.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/floor.h"
#include "bench/net.h"
#include "bench/records.h"

typedef int scan_fn(int fd, const struct records *r, char *chunk, size_t cap);

static int
copy(int fd, const struct records *r, char *chunk, size_t cap)
{
	size_t next = 0;

	while (next < r->n)
		if (net_send(fd, chunk, records_fill(r, &next, chunk, cap)))
			return -1;
	return 0;
}

static int
repeat(int fd, const struct records *r, char *chunk, size_t cap)
{
	size_t each = (cap - RECORDS_HEAD) / RECORDS_LEN, sent = 0;
	size_t len = RECORDS_HEAD + each * RECORDS_LEN;

	records_head(chunk, len - RECORDS_HEAD, 0);
	for (; sent + each < r->n; sent += each)
		if (net_send(fd, chunk, len))
			return -1;
	len = (r->n - sent) * RECORDS_LEN;
	records_head(chunk, len, 1);
	return net_send(fd, chunk, RECORDS_HEAD + len);
}

static void
serve_one(int fd, const struct records *r, char *chunk, size_t cap,
          scan_fn *scan)
{
	int op;

	while ((op = records_request(fd)) >= 0)
		if (op == RECORDS_CONTINUE ? scan(fd, r, chunk, cap)
		                           : records_answer(fd, op))
			return;
}

static int
serve(const struct floor_options *o, scan_fn *scan)
{
	int fd, listener = net_listen(o->port);
	char *chunk = calloc(1, o->chunk);
	struct records r;

	records_make(&r, o->records);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		if (o->send_buffer)
			setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &o->send_buffer,
			           sizeof o->send_buffer);
		serve_one(fd, &r, chunk, o->chunk, scan);
		close(fd);
	}
	return 1;
}

int
floor_copy(const struct floor_options *o)
{
	return serve(o, copy);
}

int
floor_limit(const struct floor_options *o)
{
	return serve(o, repeat);
}
