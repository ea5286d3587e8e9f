/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/ctl_addr.h"
#include "daemon/ctl_conn.h"
#include "daemon/ctl_login.h"
#include "daemon/ctl_say.h"
#include "protocol/binary.h"
#include "protocol/status.h"

#define CONNECT_MS 10000
#define SILENCE_MS 60000
#define READ_SIZE (256 * 1024)
#define REPLY_MAX (1u << 30)

int
ewb_ctl_conn_open(struct ewb_ctl_conn *c, const struct ewb_ctl_addr *a)
{
	*c = (struct ewb_ctl_conn){
		.fd = ewb_ctl_addr_connect(a, CONNECT_MS),
		.name = a->name,
		.timeout_ms = SILENCE_MS,
	};
	if (c->fd < 0)
		return -1;
	if (a->user && ewb_ctl_login(c, a)) {
		ewb_ctl_conn_close(c);
		return -1;
	}
	return 0;
}

void
ewb_ctl_conn_close(struct ewb_ctl_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	ewb_ctl_buf_fini(&c->in);
	ewb_ctl_buf_fini(&c->out);
}

static int
no_memory(const struct ewb_ctl_conn *c)
{
	return ewb_ctl_say("%s: out of memory here", c->name);
}

int
ewb_ctl_conn_send(struct ewb_ctl_conn *c, const struct ewb_ctl_request *r)
{
	uint8_t head[EWB_BIN_HEAD];
	size_t nkey = r->nprefix + r->nkey;
	size_t body = r->nextras + nkey + r->nvalue;
	struct ewb_bin_request q = {
		.opcode = r->opcode,
		.nextras = (uint8_t)r->nextras,
		.datatype = r->datatype,
		.nkey = (uint16_t)nkey,
		.vbucket = r->vbucket,
		.nbody = (uint32_t)body,
		.opaque = r->opaque,
	};

	if (body > REPLY_MAX)
		return ewb_ctl_say("%s: a request of %zu bytes is too large",
		                   c->name, body);
	if (ewb_ctl_buf_reserve(&c->out, sizeof(head) + body))
		return no_memory(c);
	ewb_bin_request(head, &q);
	/* There is room: none of these can fail. */
	ewb_ctl_buf_add(&c->out, head, sizeof(head));
	ewb_ctl_buf_add(&c->out, r->extras, r->nextras);
	ewb_ctl_buf_add(&c->out, r->prefix, r->nprefix);
	ewb_ctl_buf_add(&c->out, r->key, r->nkey);
	ewb_ctl_buf_add(&c->out, r->value, r->nvalue);
	return 0;
}

size_t
ewb_ctl_conn_unsent(const struct ewb_ctl_conn *c)
{
	return ewb_ctl_buf_used(&c->out);
}

static void
take_apart(const struct ewb_bin_reply *h, const uint8_t *body,
           struct ewb_ctl_reply *r)
{
	*r = (struct ewb_ctl_reply){
		.opcode = h->opcode,
		.datatype = h->datatype,
		.status = h->status,
		.opaque = h->opaque,
		.cas = h->cas,
		.framing = body,
		.extras = body + h->nframing,
		.key = body + h->nframing + h->nextras,
		.value = body + h->nframing + h->nextras + h->nkey,
		.nframing = h->nframing,
		.nextras = h->nextras,
		.nkey = h->nkey,
		.nvalue = h->nbody - h->nframing - h->nextras - h->nkey,
	};
}

int
ewb_ctl_conn_next(struct ewb_ctl_conn *c, struct ewb_ctl_reply *r)
{
	struct ewb_bin_reply h;
	size_t used;
	int head;

	ewb_ctl_buf_drop(&c->in, c->taken);
	c->taken = 0;
	used = ewb_ctl_buf_used(&c->in);
	head = ewb_bin_response(ewb_ctl_buf_front(&c->in), used, &h);
	if (!head)
		return 0;
	if (head < 0 || h.nbody > REPLY_MAX)
		return ewb_ctl_say("%s: the answer is not in the binary "
		                   "protocol (is this an ewbd?)",
		                   c->name);
	if (used < EWB_BIN_HEAD + (size_t)h.nbody)
		return ewb_ctl_buf_reserve(&c->in,
		                           EWB_BIN_HEAD + h.nbody - used)
		               ? no_memory(c)
		               : 0;
	c->taken = EWB_BIN_HEAD + (size_t)h.nbody;
	take_apart(&h, ewb_ctl_buf_front(&c->in) + EWB_BIN_HEAD, r);
	return 1;
}

static int
lost(struct ewb_ctl_conn *c, const char *why)
{
	c->lost = true;
	if (c->patient)
		ewb_ctl_hold(true);
	ewb_ctl_say("%s: %s", c->name, why);
	if (c->patient)
		ewb_ctl_hold(false);
	return -1;
}

/* Sends until the socket is full: 1 when there was something to send, 0, -1. */
static int
push(struct ewb_ctl_conn *c)
{
	int sent = 0;

	while (ewb_ctl_conn_unsent(c)) {
		ssize_t n = send(c->fd, ewb_ctl_buf_front(&c->out),
		                 ewb_ctl_conn_unsent(c), MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return sent;
		sent = 1;
		/* The server may have said why before it closed. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			ewb_ctl_buf_drop(&c->out, ewb_ctl_conn_unsent(c));
		else if (n < 0 && errno != EINTR)
			return lost(c, ewb_ctl_strerror(errno));
		else if (n > 0)
			ewb_ctl_buf_drop(&c->out, (size_t)n);
	}
	return sent;
}

/* Receives once: 1, 0 when nothing is here, -1. */
static int
pull(struct ewb_ctl_conn *c)
{
	ssize_t n;

	ewb_ctl_buf_drop(&c->in, c->taken);
	c->taken = 0;
	if (ewb_ctl_buf_reserve(&c->in, READ_SIZE))
		return no_memory(c);
	do
		n = recv(c->fd, c->in.at + c->in.len, c->in.cap - c->in.len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n <= 0)
		return lost(c, n ? ewb_ctl_strerror(errno)
		                 : "the server closed the connection");
	c->in.len += (size_t)n;
	return 1;
}

int
ewb_ctl_conn_poll(struct ewb_ctl_conn *c)
{
	return push(c) < 0 || pull(c) < 0 ? -1 : 0;
}

int
ewb_ctl_conn_turn(struct ewb_ctl_conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char silent[40];
	int n = push(c);

	if (n) /* the caller may have waited for just that */
		return n < 0 ? -1 : 0;
	if (ewb_ctl_conn_unsent(c))
		p.events |= POLLOUT;
	do
		n = poll(&p, 1, c->timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return lost(c, ewb_ctl_strerror(errno));
	if (n == 0) {
		snprintf(silent, sizeof(silent), "no answer for %d s",
		         c->timeout_ms / 1000);
		return lost(c, silent);
	}
	if (p.revents & ~POLLOUT && pull(c) < 0)
		return -1;
	return push(c) < 0 ? -1 : 0;
}

int
ewb_ctl_conn_wait(struct ewb_ctl_conn *c, struct ewb_ctl_reply *r)
{
	for (;;) {
		int n = ewb_ctl_conn_next(c, r);

		if (n)
			return n < 0 ? -1 : 0;
		if (ewb_ctl_conn_turn(c))
			return -1;
	}
}

int
ewb_ctl_conn_ask(struct ewb_ctl_conn *c, const struct ewb_ctl_request *q,
                 struct ewb_ctl_reply *r)
{
	return ewb_ctl_conn_send(c, q) ? -1 : ewb_ctl_conn_wait(c, r);
}

/* The text in {"error":{"context":"text"}}, made fit for a line; false when
 * there is none. */
static bool
context(const struct ewb_ctl_reply *r, char *out, size_t cap)
{
	struct json_tokener *t =
		r->nvalue && r->nvalue < 65536 ? json_tokener_new() : NULL;
	struct json_object *all, *error, *text;
	size_t i;
	bool found = false;

	if (!t)
		return false;
	all = json_tokener_parse_ex(t, (const char *)r->value, (int)r->nvalue);
	if (json_object_is_type(all, json_type_object) &&
	    json_object_object_get_ex(all, "error", &error) &&
	    json_object_is_type(error, json_type_object) &&
	    json_object_object_get_ex(error, "context", &text)) {
		snprintf(out, cap, "%s", json_object_get_string(text));
		for (i = 0; out[i]; i++)
			if ((unsigned char)out[i] < 0x20 || out[i] == 0x7f)
				out[i] = ' ';
		found = out[0] != 0;
	}
	json_object_put(all);
	json_tokener_free(t);
	return found;
}

const char *
ewb_ctl_reply_why(const struct ewb_ctl_reply *r, char out[EWB_CTL_WHY_MAX])
{
	const char *text = ewb_status_text(r->status);
	char more[EWB_CTL_WHY_MAX - 64];

	if (strcmp(text, "unknown status"))
		snprintf(out, 64, "%s", text);
	else
		snprintf(out, 64, "%s 0x%02x", text, r->status);
	if (context(r, more, sizeof(more)))
		snprintf(out + strlen(out), EWB_CTL_WHY_MAX - strlen(out),
		         " (%s)", more);
	return out;
}
