/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/floor.h"
#include "bench/floor_conn.h"

void
floor_conn_init(struct floor_conn *c, int fd)
{
	c->fd = fd;
	c->nin = c->nout = c->sent = 0;
	c->cap = 1 << 17;
	c->out = malloc(c->cap);
}

void
floor_conn_fini(struct floor_conn *c)
{
	close(c->fd);
	free(c->out);
	c->out = NULL;
}

int
floor_conn_receive(struct floor_conn *c)
{
	ssize_t n = recv(c->fd, c->in + c->nin, sizeof c->in - c->nin, 0);

	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	c->nin += (size_t)n;
	return 1;
}

int
floor_conn_flush(struct floor_conn *c)
{
	while (c->sent < c->nout) {
		ssize_t n = send(c->fd, c->out + c->sent, c->nout - c->sent,
		                 MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->sent += (size_t)n;
	}
	c->nout = c->sent = 0;
	return 1;
}

void
floor_conn_add(struct floor_conn *c, const void *bytes, size_t len)
{
	if (c->nout + len > c->cap)
		c->out = realloc(c->out, c->cap = (c->nout + len) * 2);
	memcpy(c->out + c->nout, bytes, len);
	c->nout += len;
}

void
floor_conn_drop(struct floor_conn *c, size_t len)
{
	memmove(c->in, c->in + len, c->nin - len);
	c->nin -= len;
}

void
floor_conn_answer(struct floor_conn *c, size_t reply)
{
	static const char value[FLOOR_REPLY_MAX];
	size_t i, n = c->nin / FLOOR_REQUEST;

	for (i = 0; i < n; i++)
		floor_conn_add(c, value, reply);
	floor_conn_drop(c, n * FLOOR_REQUEST);
}
