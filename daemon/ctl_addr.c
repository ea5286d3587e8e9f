/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/ctl_addr.h"
#include "daemon/ctl_say.h"

/* Copies text[0..n) when it fits and is not empty. */
static int
copy(char *to, size_t cap, const char *text, size_t n)
{
	if (!n || n >= cap)
		return -1;
	memcpy(to, text, n);
	to[n] = 0;
	return 0;
}

static int
parse_port(struct ewb_ctl_addr *a, const char *text)
{
	size_t n = strlen(text);

	if (n > 5 || strspn(text, "0123456789") != n ||
	    (n == 5 && strcmp(text, "65535") > 0))
		return -1;
	return copy(a->port, sizeof(a->port), text, n);
}

int
ewb_ctl_addr_parse(struct ewb_ctl_addr *a, const char *text)
{
	const char *colon = strrchr(text, ':');
	const char *bracket = strchr(text, ']');
	size_t n = strlen(text);

	*a = (struct ewb_ctl_addr){ .name = text, .port = EWB_CTL_PORT };
	if (strchr(text, '/')) {
		a->is_path = true;
		return copy(a->host, sizeof(a->host), text, n);
	}
	if (text[0] == '[') {
		if (!bracket || (bracket[1] && bracket[1] != ':'))
			return -1;
		if (bracket[1] && parse_port(a, bracket + 2))
			return -1;
		return copy(a->host, sizeof(a->host), text + 1,
		            (size_t)(bracket - text - 1));
	}
	if (colon && strchr(text, ':') == colon) {
		if (parse_port(a, colon + 1))
			return -1;
		n = (size_t)(colon - text);
	}
	if (!colon && strspn(text, "0123456789") == n)
		return -1; /* a port alone, or nothing: which host? */
	return copy(a->host, sizeof(a->host), text, n);
}

/* Waits for a connect that is under way: 0 or -errno. */
static int
finish(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int err = 0, n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return -ETIMEDOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	return -err;
}

/* The socket, or -errno. */
static int
dial(int family, const struct sockaddr *sa, socklen_t len, int timeout_ms)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1, err = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, sa, len))
		err = errno == EINPROGRESS ? finish(fd, timeout_ms) : -errno;
	if (err) {
		close(fd);
		return err;
	}
	if (family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static int
dial_path(const struct ewb_ctl_addr *a, int timeout_ms)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (copy(sa.sun_path, sizeof(sa.sun_path), a->host, strlen(a->host)))
		return -ENAMETOOLONG;
	return dial(AF_UNIX, (struct sockaddr *)&sa, sizeof(sa), timeout_ms);
}

static int
dial_host(const struct ewb_ctl_addr *a, int timeout_ms, const char **why)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all, *i;
	int err = getaddrinfo(a->host, a->port, &hints, &all);
	int fd = -ECONNREFUSED;

	if (err) {
		*why = err == EAI_SYSTEM   ? ewb_ctl_strerror(errno)
		       : err == EAI_NONAME ? "no such host"
		                           : gai_strerror(err);
		return -1;
	}
	for (i = all; i; i = i->ai_next) {
		fd = dial(i->ai_family, i->ai_addr, i->ai_addrlen, timeout_ms);
		if (fd >= 0)
			break;
	}
	freeaddrinfo(all);
	return fd;
}

static int
not_there(const struct ewb_ctl_addr *a, const char *why)
{
	const char *option = a->is_path ? " -s " : " -p ";
	const char *where = a->is_path ? a->host : a->port;

	if (!strcmp(where, EWB_CTL_PORT))
		option = where = "";
	return ewb_ctl_say("%s: %s (is ewbd running? start it with: "
	                   "ewbd%s%s memory)",
	                   a->name, why, option, where);
}

int
ewb_ctl_addr_connect(const struct ewb_ctl_addr *a, int timeout_ms)
{
	const char *why = NULL;
	int fd = a->is_path ? dial_path(a, timeout_ms)
	                    : dial_host(a, timeout_ms, &why);

	if (fd >= 0)
		return fd;
	if (!why)
		why = ewb_ctl_strerror(fd);
	if (fd == -ECONNREFUSED || (a->is_path && fd == -ENOENT))
		return not_there(a, why);
	return ewb_ctl_say("%s: %s", a->name, why);
}
