/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/binary.h"
#include "t/disk/client.h"
#include "t/disk/server.h"

int
client_open(struct client *c, int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons((uint16_t)port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	*c = (struct client){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
		                           0) };
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to)) {
		client_close(c);
		return -1;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return 0;
}

void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	free(c->out);
	*c = (struct client){ .fd = -1 };
}

static void
make_room(char **bytes, size_t *cap, size_t n)
{
	if (n <= *cap)
		return;
	*cap = n * 2;
	*bytes = realloc(*bytes, *cap);
	if (*bytes == NULL)
		abort();
}

static void
put(struct client *c, const void *bytes, size_t n)
{
	if (n)
		memcpy(c->out + c->nout, bytes, n);
	c->nout += n;
}

void
client_ask(struct client *c, const struct ask *q)
{
	uint8_t extras[20] = { 0 }, head[EWB_BIN_HEAD];
	struct ewb_bin_request r = { .opcode = q->opcode,
		                     .nkey = (uint16_t)q->nkey,
		                     .cas = q->cas };

	if (q->opcode >= OP_SET && q->opcode <= OP_REPLACE) {
		r.nextras = 8;
		ewb_put32(extras, q->flags);
	} else if (q->opcode == OP_INCR || q->opcode == OP_DECR) {
		r.nextras = 20;
		ewb_put64(extras, q->delta);
		ewb_put64(extras + 8, q->initial);
		ewb_put32(extras + 16, q->create ? 0 : UINT32_MAX);
	}
	r.nbody = (uint32_t)(r.nextras + q->nkey + q->nvalue);
	make_room(&c->out, &c->cap_out, c->nout + sizeof head + r.nbody);
	ewb_bin_request(head, &r);
	put(c, head, sizeof head);
	put(c, extras, r.nextras);
	put(c, q->key, q->nkey);
	put(c, q->value, q->nvalue);
}

/* One that is here already.  1, 0 or -1. */
static int
take(struct client *c, struct answer *a)
{
	const uint8_t *in, *body;
	size_t n = c->nin - c->taken;
	struct ewb_bin_reply r;
	int head;

	if (n == 0)
		return 0;
	in = (const uint8_t *)c->in + c->taken;
	head = ewb_bin_response(in, n, &r);
	if (head <= 0)
		return head;
	if (n < EWB_BIN_HEAD + (size_t)r.nbody)
		return 0;
	body = in + EWB_BIN_HEAD;
	*a = (struct answer){ .status = r.status, .cas = r.cas };
	if (r.nextras == 4)
		a->flags = ewb_be32(body);
	a->value = (const char *)body + r.nextras + r.nkey;
	a->nvalue = r.nbody - r.nextras - r.nkey;
	if (a->nvalue == 8)
		a->number = ewb_be64((const uint8_t *)a->value);
	c->taken += EWB_BIN_HEAD + r.nbody;
	return 1;
}

/* Sends and receives once, when it can. */
static enum said
turn(struct client *c, int ms)
{
	struct pollfd p = { .fd = c->fd,
		            .events = c->nout ? POLLIN | POLLOUT : POLLIN };
	ssize_t n;

	if (poll(&p, 1, ms) == 0)
		return SAID_LATE;
	if (p.revents & POLLOUT) {
		n = send(c->fd, c->out, c->nout, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			c->nout -= (size_t)n;
			memmove(c->out, c->out + n, c->nout);
		}
	}
	if (p.revents & ~POLLOUT) {
		make_room(&c->in, &c->cap_in, c->nin + 65536);
		n = recv(c->fd, c->in + c->nin, c->cap_in - c->nin,
		         MSG_DONTWAIT);
		if (n <= 0)
			return SAID_GONE;
		c->nin += (size_t)n;
	}
	return SAID;
}

enum said
client_hear(struct client *c, struct answer *a, double seconds)
{
	uint64_t now = now_us(), until = now + (uint64_t)(seconds * 1e6);
	enum said said;
	int n;

	while ((n = take(c, a)) == 0) {
		if (c->taken) {
			c->nin -= c->taken;
			memmove(c->in, c->in + c->taken, c->nin);
			c->taken = 0;
		}
		now = now_us();
		if (now >= until)
			return SAID_LATE;
		said = turn(c, (int)((until - now) / 1000) + 1);
		if (said == SAID_GONE)
			return said;
	}
	return n < 0 ? SAID_GONE : SAID;
}
