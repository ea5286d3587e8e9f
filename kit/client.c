/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kit/kit.h"
#include "kit/stage.h"
#include "lib/check.h"
#include "protocol/binary.h"

#define APART 16384u
#define STUCK 100000u /* tries to send, none of which sent anything */

struct client *
client_new(void)
{
	struct client *c = calloc(1, sizeof *c);
	int fd[2];

	EWB_MUST(c);
	EWB_MUST0(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd));
	EWB_MUST0(fcntl(fd[0], F_SETFL, O_NONBLOCK));
	ewb_now_on_front(stage.front->d.thread);
	EWB_MUST0(ewb_front_adopt(stage.front, fd[1]));
	*c = (struct client){ .fd = fd[0],
		              .id = stage.front->conns->session.id,
		              .next = stage.clients };
	stage.clients = c;
	return c;
}

static struct ewb_conn *
conn_of(const struct client *c)
{
	struct ewb_conn *n;

	for (n = stage.front->conns; n; n = n->next)
		if (n->session.id == c->id)
			break;
	return n;
}

bool
client_served(const struct client *c)
{
	return stage.front && conn_of(c) != NULL;
}

void
client_small(struct client *c)
{
	int bytes = 4096, fd = conn_of(c)->fd;

	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

void
client_drop(struct client *c)
{
	ewb_now_on_front(stage.front->d.thread);
	if (client_served(c))
		ewb_conn_close(conn_of(c));
	if (c->fd >= 0)
		close(c->fd);
	free(c->in);
	c->fd = -1;
	c->in = NULL;
	c->from = c->len = c->cap = 0;
	stage_sockets();
}

/* Asking. */

void
client_say(struct client *c, const void *data, size_t n)
{
	const char *from = data;
	unsigned tries = 0;
	ssize_t sent;

	while (n) {
		sent = send(c->fd, from, n, MSG_NOSIGNAL);
		if (sent > 0) {
			from += sent;
			n -= (size_t)sent;
			tries = 0;
			continue;
		}
		KIT_NEED(sent < 0 && errno == EAGAIN && ++tries < STUCK,
		         "the server closed a connection, or did not read it: "
		         "%s",
		         stage.log[0] ? stage.log : "it did not say why");
		stage_sockets();
		if (tries > 3)
			(void)stage_step();
	}
}

void
client_ask(struct client *c, const struct ask *a)
{
	struct ewb_bin_request r = {
		.opcode = a->opcode,
		.nextras = a->nextras,
		.datatype = a->datatype,
		.nkey = (uint16_t)a->nkey,
		.vbucket = a->vbucket,
		.nbody = (uint32_t)(a->nextras + a->nkey + a->nvalue),
		.opaque = a->opcode,
		.cas = a->cas,
	};
	uint8_t head[EWB_BIN_HEAD];

	ewb_bin_request(head, &r);
	client_say(c, head, sizeof head);
	client_say(c, a->extras, a->nextras);
	client_say(c, a->key, a->nkey);
	if (a->nvalue >= APART)
		stage_sockets(); /* so that it gets a buffer of its own */
	client_say(c, a->value, a->nvalue);
	stage_sockets();
	stage_sockets();
}

/* Hearing. */

static void
receive(struct client *c)
{
	ssize_t got;

	if (c->from) {
		memmove(c->in, c->in + c->from, c->len - c->from);
		c->len -= c->from;
		c->from = 0;
	}
	for (;;) {
		if (c->cap - c->len < 65536) {
			c->cap = c->cap * 2 + 65536;
			c->in = realloc(c->in, c->cap);
			EWB_MUST(c->in);
		}
		got = recv(c->fd, c->in + c->len, c->cap - c->len, 0);
		if (got <= 0)
			return;
		c->len += (size_t)got;
		stage_sockets();
	}
}

static bool
take(struct client *c, struct answer *a)
{
	struct ewb_bin_reply r;
	const uint8_t *p = c->in + c->from;
	size_t n = c->len - c->from;
	int head = n ? ewb_bin_response(p, n, &r) : 0;

	EWB_MUST(head >= 0);
	if (head == 0 || n < EWB_BIN_HEAD + (size_t)r.nbody)
		return false;
	*a = (struct answer){ .opcode = r.opcode,
		              .status = r.status,
		              .cas = r.cas,
		              .nextras = r.nextras,
		              .nkey = r.nkey,
		              .datatype = r.datatype,
		              .extras = p + EWB_BIN_HEAD };
	a->key = a->extras + a->nextras;
	a->value = a->key + a->nkey;
	a->nvalue = r.nbody - a->nextras - a->nkey;
	if (a->nextras >= 4)
		a->flags = ewb_be32(a->extras);
	c->from += EWB_BIN_HEAD + r.nbody;
	return true;
}

bool
client_has(struct client *c, struct answer *a)
{
	if (c->from < c->len && take(c, a))
		return true;
	receive(c);
	return c->from < c->len && take(c, a);
}

const uint8_t *
client_here(struct client *c, size_t *n)
{
	receive(c);
	*n = c->len - c->from;
	return c->in + c->from;
}

void
client_take(struct client *c, size_t n)
{
	c->from += n;
}

struct wait {
	struct client *c;
	struct answer *a;
	bool got;
};

static bool
answered(void *arg)
{
	struct wait *w = arg;

	if (!w->got)
		w->got = client_has(w->c, w->a);
	return w->got;
}

void
client_hear(struct client *c, struct answer *a, const char *what)
{
	struct wait w = { c, a, false };

	if (stage_until(answered, &w))
		return;
	if (!client_served(c))
		kit_broken("%s: the server closed the connection (%s)", what,
		           stage.log[0] ? stage.log : "it did not say why");
	kit_broken("%s was never answered, though all background work was run",
	           what);
}
