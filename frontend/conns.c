/* SPDX-License-Identifier: BSD-2-Clause */
/* stats conns: listeners and connections, in memcached's form and words. */
#include "config.h"

#include <netdb.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "frontend/gather.h"
#include "frontend/stats.h"
#include "lib/check.h"

#define ADDR_MAX 160

typedef unsigned long long ull;

static void
add(struct ewb_gather *g, int fd, const char *what, const char *text)
{
	char name[48];

	snprintf(name, sizeof name, "%d:%s", fd, what);
	ewb_gather_add(g, name, text);
}

static void
add_seconds(struct ewb_gather *g, int fd, uint64_t us)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (ull)(us / 1000000));
	add(g, fd, "secs_since_last_cmd", text);
}

/* An address as memcached writes it; one of a Unix socket without a name: as
 * what is given. */
static void
spell(const struct sockaddr_storage *a, socklen_t len, const char *nameless,
      char to[ADDR_MAX])
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)a;
	char host[64], port[8];

	if (a->ss_family == AF_UNIX && len > offsetof(struct sockaddr_un, sun_path) &&
	    un->sun_path[0])
		snprintf(to, ADDR_MAX, "unix:%.*s",
		         (int)(len - offsetof(struct sockaddr_un, sun_path)),
		         un->sun_path);
	else if (getnameinfo((const struct sockaddr *)a, len, host, sizeof host,
	                     port, sizeof port,
	                     NI_NUMERICHOST | NI_NUMERICSERV) ||
	         a->ss_family == AF_UNIX)
		snprintf(to, ADDR_MAX, "%s", nameless);
	else if (a->ss_family == AF_INET6)
		snprintf(to, ADDR_MAX, "tcp6:[%s]:%s", host, port);
	else
		snprintf(to, ADDR_MAX, "tcp:%s:%s", host, port);
}

static void
add_address(struct ewb_gather *g, int fd, const char *what,
            int (*of)(int fd, struct sockaddr *a, socklen_t *len),
            const char *nameless)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof a;
	char text[ADDR_MAX];

	if (of(fd, (struct sockaddr *)&a, &len))
		return; /* it has just gone */
	spell(&a, len, nameless, text);
	add(g, fd, what, text);
}

/* Those that accept, known to the first front end. */
static void
add_listeners(struct ewb_gather *g, struct ewb_front *f) EWB_ON_FRONT
{
	for (unsigned i = 0; f->accepting && i < f->nwatched; i++) {
		int fd = f->server->listeners[i].fd;

		add_address(g, fd, "addr", getsockname, "unix:");
		add(g, fd, "state", "conn_listening");
		add_seconds(g, fd, 0);
	}
}

static const char *
state_of(const struct ewb_conn *n, const struct ewb_gather *g)
{
	if (n->session.id == g->ticket.slot->client)
		return "conn_parse_cmd"; /* who asks */
	if (n->pause & (EWB_PAUSE_ENDED | EWB_PAUSE_CLOSING | EWB_PAUSE_LEAVING))
		return "conn_closing";
	if (n->out.bytes)
		return "conn_mwrite";
	if (n->npending)
		return "conn_io_queue"; /* blocked */
	if (n->body)
		return "conn_nread";
	if (n->skip)
		return "conn_swallow";
	return n->proto == EWB_PROTO_UNKNOWN ? "conn_new_cmd" : "conn_read";
}

static void
add_conn(struct ewb_gather *g, const struct ewb_conn *n, uint64_t now)
{
	add_address(g, n->fd, "addr", getpeername, n->session.name);
	add_address(g, n->fd, "listen_addr", getsockname, "unix:");
	add(g, n->fd, "state", state_of(n, g));
	add_seconds(g, n->fd, now > n->heard_at ? now - n->heard_at : 0);
}

static void
add_front(struct ewb_gather *g, struct ewb_front *f)
{
	ewb_now_on_front(f->d.thread);
	add_listeners(g, f);
	for (const struct ewb_conn *n = f->conns; n; n = n->next)
		add_conn(g, n, f->d.now);
}

enum ewb_status
ewb_stats_conns(struct ewb_cookie *c)
{
	const struct ewb_gather *g = c->state;

	if (ewb_cookie_resumed(c) == EWB_NEW)
		return ewb_gather_begin(c, add_front);
	return ewb_reply_value(c, g->text, g->len);
}
