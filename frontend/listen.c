/* SPDX-License-Identifier: BSD-2-Clause */
/* Listening sockets: the server's; watched by its first front end, which hands
 * connections to all front ends in turn. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "frontend/front.h"
#include "lib/check.h"

#define BACKLOG 1024 /* unless the options say another */
#define ACCEPTS_PER_TURN 64

/* A connection on its way to another front end. */
struct handover {
	struct ewb_letter letter;
	struct ewb_front *to;
	int fd;
};

static void
arrive(struct ewb_letter *l)
{
	struct handover *h = (struct handover *)l;
	struct ewb_front *f = h->to;
	int fd = h->fd;

	ewb_now_on_front(f->d.thread);
	free(h);
	ewb_front_serve(f, fd);
}

/* One that is counted already, so that the limit holds. */
static void
hand_over(struct ewb_front *f, int fd) EWB_ON_FRONT
{
	struct ewb_server *s = f->server;
	unsigned n = atomic_load(&s->running);
	struct ewb_front *to = s->fronts[f->next_front++ % n];
	struct handover *h;

	if (to == f) {
		ewb_front_serve(f, fd);
		return;
	}
	h = malloc(sizeof *h);
	if (h == NULL) {
		close(fd);
		atomic_fetch_sub(&s->connections, 1);
		EWB_COUNT(&f->d.counters, rejected_connections);
		return;
	}
	*h = (struct handover){ .letter.deliver = arrive, .to = to, .fd = fd };
	ewb_inbox_post(&to->d.inbox, &h->letter);
}

static void
pause_accepting(struct ewb_front *f) EWB_ON_FRONT
{
	if (f->accept_paused)
		return;
	f->accept_paused = 1;
	atomic_store(&f->server->accept_paused, 1);
	EWB_COUNT(&f->d.counters, accepting_paused);
	for (unsigned i = 0; i < f->nwatched; i++)
		ev_io_stop(f->loop, &f->server->listeners[i].io);
}

static int
is_full(const struct ewb_server *s)
{
	return atomic_load(&s->connections) >= s->o.max_connections;
}

void
ewb_listen_resume(struct ewb_front *f)
{
	if (!f->accepting || !f->accept_paused || f->stopping ||
	    is_full(f->server))
		return;
	f->accept_paused = 0;
	atomic_store(&f->server->accept_paused, 0);
	for (unsigned i = 0; i < f->nwatched; i++)
		ev_io_start(f->loop, &f->server->listeners[i].io);
}

static void
acceptable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct ewb_front *f = w->data;
	char text[EWB_LOG_TEXT];
	int fd;

	(void)loop;
	(void)revents;
	ewb_now_on_front(f->d.thread);
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		if (!ewb_server_admit(f->server)) {
			pause_accepting(f);
			return;
		}
		fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			hand_over(f, fd);
			continue;
		}
		atomic_fetch_sub(&f->server->connections, 1);
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		    errno == ENOMEM) {
			ewb_log(&f->server->core.log, EWB_LOG_ERROR,
			        "accepting: %s; paused until connections end",
			        ewb_log_text(text, strerror(errno)));
			pause_accepting(f);
		}
		return;
	}
}

/* Those that have come since. */
static void
watch(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_server *s = f->server;
	struct ewb_listener *l;
	unsigned n;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	n = s->nlisteners;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	while (f->nwatched < n) {
		l = &s->listeners[f->nwatched++];
		ev_io_init(&l->io, acceptable, l->fd, EV_READ);
		l->io.data = f;
		if (!f->accept_paused)
			ev_io_start(f->loop, &l->io);
	}
}

void
ewb_listen_start(struct ewb_front *f)
{
	f->accepting = 1;
	watch(f);
}

static void
added(struct ewb_letter *letter)
{
	struct ewb_front *f = ((struct ewb_listener *)letter)->to;

	ewb_now_on_front(f->d.thread);
	EWB_MUST(f->accepting); /* the letter that stops it comes after this */
	watch(f);
}

void
ewb_listen_stop(struct ewb_front *f)
{
	struct ewb_listener *l;

	if (!f->accepting)
		return;
	f->accepting = 0;
	for (unsigned i = 0; i < f->nwatched; i++) {
		l = &f->server->listeners[i];
		ev_io_stop(f->loop, &l->io);
		close(l->fd);
		l->fd = -1;
		if (l->path[0])
			unlink(l->path);
	}
}

/* Opening. */

static int
say(char *why, size_t n, const char *where, const char *what)
{
	char text[EWB_LOG_TEXT];

	snprintf(why, n, "listen %s: %s", where, ewb_log_text(text, what));
	return -1;
}

static int
is_no_socket(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode);
}

/* A socket that nobody listens on any more is left from a crash. */
static void
clear_stale(const struct sockaddr_un *a)
{
	struct stat st;
	int fd;

	if (lstat(a->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)a, sizeof *a) &&
	    errno == ECONNREFUSED)
		unlink(a->sun_path);
	close(fd);
}

static int
backlog(const struct ewb_server *s)
{
	return s->o.backlog ? (int)s->o.backlog : BACKLOG;
}

/* Nobody else may use it for a moment: before it has a name it may do less than
 * the umask says, and more only afterwards. */
static int
bind_unix(const struct ewb_server *s, int fd, const struct sockaddr_un *a)
{
	uint32_t mode = s->o.unix_mode;

	if (mode && fchmod(fd, mode))
		return -errno;
	if (bind(fd, (const struct sockaddr *)a, sizeof *a))
		return -errno;
	if ((mode && chmod(a->sun_path, mode)) || listen(fd, backlog(s))) {
		int err = errno;

		unlink(a->sun_path);
		return -err;
	}
	return 0;
}

static int
open_unix(const struct ewb_server *s, struct ewb_listener *l, const char *where,
          char *why, size_t n)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int err;

	if (where[strlen(where) - 1] == '/')
		return say(why, n, where, "no name of a socket");
	if (strlen(where) >= sizeof a.sun_path)
		return say(why, n, where, "the path is longer than 107 bytes");
	strcpy(a.sun_path, where);
	clear_stale(&a);
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return say(why, n, where, strerror(errno));
	err = bind_unix(s, l->fd, &a);
	if (err) {
		close(l->fd);
		if (err == -EADDRINUSE && is_no_socket(where))
			return say(why, n, where, "it is there, and no socket");
		return say(why, n, where, strerror(-err));
	}
	strcpy(l->path, where);
	return 0;
}

static int
bind_tcp(const struct addrinfo *ai, int queue)
{
	int fd = socket(ai->ai_family,
	                SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, err;

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (ai->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
		                 sizeof one);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) || listen(fd, queue)) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

/* host:port, [v6]:port, or a bare v6 address in brackets needs its port too. */
static int
split(const char *where, char *host, size_t nhost, const char **port)
{
	const char *colon = strrchr(where, ':'), *from = where, *to = colon;

	if (colon == NULL || colon[1] == '\0')
		return -1;
	*port = colon + 1;
	if (*from == '[' && to > from && to[-1] == ']') {
		from++;
		to--;
	} else if (memchr(from, ':', (size_t)(to - from))) {
		return -1; /* v6 without brackets */
	}
	if ((size_t)(to - from) >= nhost)
		return -1;
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	return 0;
}

/* getaddrinfo() would take the last 16 bits of any number. */
static int
is_port(const char *text)
{
	unsigned long n = 0;

	for (; *text >= '0' && *text <= '9' && n <= 65535; text++)
		n = n * 10 + (unsigned long)(*text - '0');
	return *text == '\0' && n <= 65535;
}

static int
open_tcp(const struct ewb_server *s, struct ewb_listener *l, const char *where,
         char *why, size_t n)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		                  .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list;
	const char *port;
	char host[256];
	int err, fd;

	if (split(where, host, sizeof host, &port))
		return say(why, n, where,
		           "not an address: host:port, [v6]:port, or a path "
		           "with a slash");
	if (!is_port(port))
		return say(why, n, where, "the port is no number from 0 to 65535");
	err = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (err)
		return say(why, n, where,
		           err == EAI_SYSTEM ? strerror(errno) :
		           err == EAI_NONAME ? "no such host" :
		                               gai_strerror(err));
	fd = bind_tcp(list, backlog(s));
	freeaddrinfo(list);
	if (fd == -EADDRINUSE)
		return say(why, n, where,
		           "address already in use (by another server? -p 0 "
		           "takes a free port)");
	if (fd < 0)
		return say(why, n, where, strerror(-fd));
	l->fd = fd;
	return 0;
}

/* 0: it has none. */
static unsigned
port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;

	if (getsockname(fd, (struct sockaddr *)&a, &len))
		return 0;
	if (a.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&a)->sin_port);
	if (a.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
	return 0;
}

/* Null: it is one of the server's.  Else why it is not. */
static const char *
add(struct ewb_server *s, const struct ewb_listener *new)
{
	const char *wrong = NULL;
	struct ewb_listener *l;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	if (s->nlisteners == EWB_LISTENERS) {
		wrong = "too many listeners (16 at most)";
	} else if (atomic_load(&s->stopping)) {
		wrong = "the server is stopping";
	} else {
		l = &s->listeners[s->nlisteners++];
		*l = *new;
		if (atomic_load(&s->port) == 0)
			atomic_store(&s->port, port_of(l->fd));
		l->to = s->fronts[0];
		l->letter.deliver = added;
		if (l->to)
			ewb_inbox_post(&l->to->d.inbox, &l->letter);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return wrong;
}

int
ewb_server_listen(struct ewb_server *s, const char *where, char *why, size_t n)
{
	struct ewb_listener l = { .fd = -1 };
	const char *wrong;
	int err;

	EWB_LIVE(s, EWB_SERVER_MAGIC);
	snprintf(l.name, sizeof l.name, "%s", where);
	err = strchr(where, '/') ? open_unix(s, &l, where, why, n) :
	                           open_tcp(s, &l, where, why, n);
	if (err)
		return err;
	wrong = add(s, &l);
	if (wrong == NULL)
		return 0;
	close(l.fd);
	if (l.path[0])
		unlink(l.path);
	return say(why, n, where, wrong);
}

/* 0, if that cannot be told. */
static int
option_of(int fd, int name)
{
	socklen_t len = sizeof(int);
	int value = 0;

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) ? 0 : value;
}

/* Null: it can be listened on.  Else why not. */
static const char *
unfit(int fd)
{
	int domain = option_of(fd, SO_DOMAIN);
	struct stat st;

	if (fstat(fd, &st))
		return strerror(errno);
	if (!S_ISSOCK(st.st_mode))
		return "not a socket";
	if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX)
		return "neither a TCP nor a Unix socket";
	if (option_of(fd, SO_TYPE) != SOCK_STREAM)
		return "not a stream socket (ListenStream= in a socket unit)";
	if (!option_of(fd, SO_ACCEPTCONN))
		return "it does not listen (Accept=no in a socket unit)";
	return NULL;
}

int
ewb_server_listen_fd(struct ewb_server *s, int fd, char *why, size_t n)
{
	struct ewb_listener l = { .fd = fd };
	const char *wrong;
	int had, status;

	EWB_LIVE(s, EWB_SERVER_MAGIC);
	snprintf(l.name, sizeof l.name, "fd %d", fd);
	wrong = unfit(fd);
	if (wrong)
		return say(why, n, l.name, wrong);
	had = fcntl(fd, F_GETFD);
	status = fcntl(fd, F_GETFL);
	/* before a front end has it */
	(void)fcntl(fd, F_SETFD, had | FD_CLOEXEC);
	(void)fcntl(fd, F_SETFL, status | O_NONBLOCK);
	wrong = add(s, &l);
	if (wrong == NULL)
		return 0;
	(void)fcntl(fd, F_SETFD, had);
	(void)fcntl(fd, F_SETFL, status);
	return say(why, n, l.name, wrong);
}

unsigned
ewb_server_port(const struct ewb_server *s)
{
	return atomic_load(&s->port);
}
