/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/gust.h"
#include "bench/net.h"

/* What one of a kind says: first some at once, the rest a byte at a time. */
struct speech {
	char *bytes;
	size_t len, at_once;
};

static struct speech speeches[GUST_KINDS];

const char *const gust_names[GUST_KINDS] = {
	"idle",     "slow",  "slow-large", "deaf",      "deaf-large", "half",
	"reset",    "too-large", "long-key", "long-line", "long-body",
};

/* head, n bytes x, tail; the whole so many times. */
static void
set_speech(enum gust_kind k, size_t times, const char *head, size_t nhead,
           size_t n, const char *tail)
{
	size_t ntail = strlen(tail), one = nhead + n + ntail;
	char *p = malloc(one * times);

	if (p == NULL)
		net_die("memory");
	speeches[k] = (struct speech){ p, one * times, one * times };
	for (; times; times--) {
		memcpy(p, head, nhead);
		memset(p + nhead, 'x', n);
		memcpy(p + nhead + n, tail, ntail);
		p += one;
	}
}

static void
set_text(enum gust_kind k, size_t times, const char *head, size_t n,
         const char *tail)
{
	set_speech(k, times, head, strlen(head), n, tail);
}

void
gust_init(void)
{
	static const char huge[24] = "\x80\x01\0\1\x08\0\0\0\xff\xff\xff\xf0";
	char large[64], over[64];

	snprintf(large, sizeof large, "set storm-half 0 0 %u\r\n", GUST_VALUE);
	snprintf(over, sizeof over, "set storm-half 0 0 %u\r\n", GUST_OVER);
	set_text(GUST_IDLE, 0, "", 0, "");
	set_text(GUST_SLOW, 1, "set storm-slow 0 0 1000\r\n", 1000, "\r\n");
	speeches[GUST_SLOW].at_once = 0;
	set_text(GUST_SLOW_LARGE, 1, large, GUST_VALUE, "\r\n");
	speeches[GUST_SLOW_LARGE].at_once = GUST_VALUE / 10 * 9;
	set_text(GUST_DEAF, 40000, "get storm-small\r\n", 0, "");
	set_text(GUST_DEAF_LARGE, 64, "get storm-large\r\n", 0, "");
	set_text(GUST_HALF, 1, "get storm-small\r\nset storm-half 0 0 100\r\n",
	         50, "");
	set_text(GUST_RESET, 10, "get storm-small\r\n", 0, "");
	set_text(GUST_TOO_LARGE, 1, over, GUST_OVER, "\r\n");
	set_text(GUST_LONG_KEY, 1, "get ", 300, "\r\n");
	set_text(GUST_LONG_LINE, 1, "", 100000, "");
	set_speech(GUST_LONG_BODY, 1, huge, sizeof huge, 1000, "");
}

static void
watch(struct gust *g, int ep, int how, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = g };

	if (epoll_ctl(ep, how, g->fd, &e))
		net_die("epoll_ctl");
}

static int
is_deaf(const struct gust *g)
{
	return g->kind == GUST_DEAF || g->kind == GUST_DEAF_LARGE;
}

void
gust_open(struct gust *g, int port, int ep)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons((uint16_t)port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int few = 4096, some = 16384;

	g->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (g->fd < 0)
		net_die("socket");
	/* on one machine both ends are in the same TCP memory (tcp_mem), and what
	 * is above that is dropped, whoever's it is */
	setsockopt(g->fd, SOL_SOCKET, SO_SNDBUF, &some, sizeof some);
	if (is_deaf(g))
		setsockopt(g->fd, SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
	g->at = g->seen = 0;
	g->state = GUST_CONNECTING;
	if (connect(g->fd, (struct sockaddr *)&to, sizeof to) &&
	    errno != EINPROGRESS)
		net_die("connect");
	watch(g, ep, EPOLL_CTL_ADD, EPOLLOUT);
}

void
gust_close(struct gust *g)
{
	static const struct linger reset = { 1, 0 };

	if (g->state == GUST_AWAY)
		return;
	if (g->kind == GUST_RESET)
		setsockopt(g->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(g->fd);
	g->state = GUST_AWAY;
}

/* All that is said at once is said. */
static void
said(struct gust *g, int ep)
{
	const struct speech *s = &speeches[g->kind];

	g->acts++;
	if (g->kind == GUST_RESET) {
		gust_close(g);
		return;
	}
	if (g->kind == GUST_HALF)
		(void)shutdown(g->fd, SHUT_WR);
	g->state = s->at_once < s->len ? GUST_DRIPPING : GUST_WAITING;
	watch(g, ep, EPOLL_CTL_MOD, is_deaf(g) ? EPOLLRDHUP : EPOLLIN);
}

static void
speak(struct gust *g, int ep)
{
	const struct speech *s = &speeches[g->kind];
	ssize_t n;

	while (g->at < s->at_once) {
		n = send(g->fd, s->bytes + g->at, s->at_once - g->at,
		         MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			g->acts++; /* it was cut off */
			gust_close(g);
			return;
		}
		g->at += (size_t)n;
	}
	said(g, ep);
}

/* What the server says is nobody's; what it is said to for the last time comes
 * again. */
static void
listen_to_it(struct gust *g)
{
	char bytes[16384];
	ssize_t n = recv(g->fd, bytes, sizeof bytes, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || g->kind >= GUST_TOO_LARGE)
		gust_close(g);
}

static void
connected(struct gust *g, int ep)
{
	int err = 0;
	socklen_t n = sizeof err;

	if (getsockopt(g->fd, SOL_SOCKET, SO_ERROR, &err, &n) || err) {
		gust_close(g);
		return;
	}
	g->state = GUST_SENDING;
	watch(g, ep, EPOLL_CTL_MOD, EPOLLOUT);
	speak(g, ep);
}

void
gust_event(struct gust *g, int ep, uint32_t events)
{
	if (g->state == GUST_AWAY)
		return;
	if (g->state == GUST_CONNECTING)
		connected(g, ep);
	else if (g->state == GUST_SENDING)
		speak(g, ep);
	else if (is_deaf(g) && (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)))
		gust_close(g);
	else if (!is_deaf(g))
		listen_to_it(g);
}

/* More than is on its way to a server that has not accepted it yet. */
#define MUCH ((size_t)256 * 1024)

void
gust_drip(struct gust *g)
{
	const struct speech *s = &speeches[g->kind];

	if (g->state == GUST_SENDING && is_deaf(g)) {
		g->acts += g->at > MUCH && g->at == g->seen;
		g->seen = g->at;
	}
	if (g->state != GUST_DRIPPING)
		return;
	if (send(g->fd, s->bytes + g->at, 1, MSG_NOSIGNAL) == 1) {
		g->at = (g->at + 1) % s->len;
		g->acts++;
	} else if (errno != EAGAIN) {
		gust_close(g);
	}
}
