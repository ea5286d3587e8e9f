/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/check.h"
#include "t/front_play.h"

#define START_US 1000000u
#define PATIENCE_MS 10000 /* for what the kernel is sure to do */
#define A_WHILE_MS 20     /* for what it may do */
#define ROUNDS 100000u    /* steps that are not going to end */
#define WRONG_MAX 600     /* what is said about wrong bytes */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void
write_down(void *arg, const char *line)
{
	struct play *p = arg;
	size_t len;

	EWB_MUST0(pthread_mutex_lock(&log_lock));
	len = strlen(p->log);
	snprintf(p->log + len, sizeof p->log - len, "%s\n", line);
	EWB_MUST0(pthread_mutex_unlock(&log_lock));
}

/* Beginning and end. */

void
play_defaults(struct ewb_server_options *o)
{
	ewb_server_defaults(o);
	for (unsigned i = 0; i < 3; i++)
		o->pool[i] = (struct ewb_pool_options){ .threads = 0 };
}

void
play_server(struct play *p, const struct ewb_engine *e,
            const struct ewb_server_options *o)
{
	struct ewb_server_options mine;
	char why[600] = "";

	*p = (struct play){ .nfronts = 0 };
	if (o)
		mine = *o;
	else
		play_defaults(&mine);
	if (mine.log == NULL) {
		mine.log = write_down;
		mine.log_arg = p;
	}
	p->server = ewb_server_new(&mine, why, sizeof why);
	ck_assert_msg(p->server != NULL, "%s", why);
	p->core = ewb_server_core(p->server);
	ewb_clock_set(&p->core->clock, START_US);
	p->server->started_at = START_US;
	ck_assert_msg(ewb_server_engine_here(p->server, e, NULL, 0, why,
	                                     sizeof why) == 0,
	              "%s", why);
}

void
play_fronts(struct play *p, unsigned nfronts)
{
	for (unsigned i = 0; i < nfronts; i++) {
		p->loop[i] = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
		ck_assert_ptr_nonnull(p->loop[i]);
		p->front[i] = ewb_front_new(p->server, p->loop[i]);
		ck_assert_ptr_nonnull(p->front[i]);
		p->front[i]->by_hand = 1;
		/* its seconds are the machine's */
		ev_timer_stop(p->loop[i], &p->front[i]->second);
		p->nfronts++;
	}
}

void
play_open(struct play *p, unsigned nfronts, const struct ewb_engine *e,
          const struct ewb_server_options *o)
{
	play_server(p, e, o);
	play_fronts(p, nfronts);
}

void
play_fronts_free(struct play *p)
{
	ck_assert_msg(ewb_server_stopped(p->server) == EWB_OK,
	              "something did not come home: %u connections, %llu "
	              "blocked commands",
	              atomic_load(&p->server->connections),
	              (unsigned long long)atomic_load(&p->core->cookies));
	ck_assert_uint_eq(atomic_load(&p->server->connections), 0);
	ck_assert_uint_eq(atomic_load(&p->core->cookies), 0);
	ck_assert_uint_eq(atomic_load(&p->core->pinned), 0);
	ck_assert_uint_eq(atomic_load(&p->core->orphans), 0);
	for (unsigned i = 0; i < p->nfronts; i++) {
		ewb_now_on_front(p->front[i]->d.thread);
		ewb_front_free(p->front[i]);
		p->front[i] = NULL;
		ev_loop_destroy(p->loop[i]);
	}
}

void
play_stop(struct play *p)
{
	for (struct client *c = p->clients; c; c = c->next)
		client_close(c);
	ewb_server_stop_begin(p->server, PLAY_GRACE_MS);
	play_run(p);
	play_fronts_free(p);
}

void
play_grace_over(struct play *p)
{
	for (unsigned i = 0; i < p->nfronts; i++) {
		ewb_now_on_front(p->front[i]->d.thread);
		ewb_front_grace_over(p->front[i]);
	}
	play_settle(p);
}

void
play_free(struct play *p)
{
	struct client *c;

	ewb_server_free(p->server);
	while ((c = p->clients) != NULL) {
		p->clients = c->next;
		client_close(c);
		free(c);
	}
}

void
play_close(struct play *p)
{
	play_stop(p);
	play_free(p);
}

/* Steps. */

void
play_sockets(struct play *p)
{
	for (unsigned i = 0; i < p->nfronts; i++)
		if (p->front[i])
			ev_run(p->loop[i], EVRUN_NOWAIT);
}

bool
play_letter(struct play *p, unsigned front)
{
	struct ewb_front *f = p->front[front];

	if (f == NULL || f->stopped)
		return false; /* nobody would take it */
	ewb_now_on_front(f->d.thread);
	return ewb_front_letter(f) != 0;
}

void
play_settle(struct play *p)
{
	for (unsigned i = 0; i < p->nfronts; i++) {
		if (p->front[i] == NULL)
			continue;
		ewb_now_on_front(p->front[i]->d.thread);
		ewb_front_settle(p->front[i]);
	}
}

bool
play_job(struct play *p)
{
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		if (ewb_pool_step(p->core->pool, i))
			return true;
	return false;
}

/* Whatever moves changes one of these. */
static uint64_t
signs(const struct play *p)
{
	uint64_t sum = play_count(p, reads) + play_count(p, writes) +
	               play_count(p, cmd_get) + play_count(p, cmd_set) +
	               play_count(p, cmd_touch) + play_count(p, cmd_flush) +
	               play_count(p, cmd_other) + play_count(p, closed_gone);

	for (unsigned i = 0; i < p->nfronts; i++)
		if (p->front[i])
			sum += p->front[i]->ready || p->front[i]->touched;
	return sum + play_count(p, total_connections) + (1u << 20) -
	       atomic_load(&p->server->connections);
}

static void
run(struct play *p, bool jobs)
{
	unsigned quiet = 0, rounds = 0;
	uint64_t before;
	bool moved;

	while (quiet < 2) {
		before = signs(p);
		moved = false;
		play_sockets(p);
		for (unsigned i = 0; i < p->nfronts; i++)
			while (play_letter(p, i))
				moved = true;
		play_settle(p);
		while (jobs && play_job(p))
			moved = true;
		quiet = moved || signs(p) != before ? 0 : quiet + 1;
		if (++rounds == ROUNDS)
			ck_abort_msg("it does not come to an end");
	}
}

void
play_run(struct play *p)
{
	run(p, true);
}

void
play_run_fronts(struct play *p)
{
	run(p, false);
}

void
play_pass(struct play *p, uint64_t ms)
{
	ewb_clock_advance(&p->core->clock, ms * 1000);
	for (unsigned i = 0; i < p->nfronts; i++) {
		struct ewb_front *f = p->front[i];

		if (f == NULL)
			continue;
		ewb_now_on_front(f->d.thread);
		ewb_dispatch_tick(&f->d);
		if (ms >= 1000)
			ewb_front_second(f);
	}
	play_settle(p);
}

uint64_t
play_sum(const struct play *p, enum ewb_counter i)
{
	uint64_t sum = atomic_load(&p->server->past.at[i]);

	for (unsigned f = 0; f < p->nfronts; f++)
		if (p->front[f])
			sum += atomic_load(&p->front[f]->d.counters.at[i]);
	return sum;
}

/* Clients. */

static struct client *
add_client(struct play *p, int fd, bool tcp)
{
	struct client *c = calloc(1, sizeof *c);

	ck_assert_ptr_nonnull(c);
	*c = (struct client){
		.play = p, .fd = fd, .tcp = tcp, .next = p->clients
	};
	p->clients = c;
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return c;
}

static struct client *
serve(struct play *p, unsigned front, int fd, int theirs, bool tcp)
{
	struct client *c = add_client(p, fd, tcp);
	struct ewb_front *f = p->front[front];

	ewb_now_on_front(f->d.thread);
	ck_assert_int_eq(ewb_front_adopt(f, theirs), 0);
	c->front = f;
	c->conn = f->conns;
	c->id = f->conns->session.id;
	return c;
}

struct client *
client_open(struct play *p, unsigned front)
{
	int fd[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd),
	                 0);
	return serve(p, front, fd[0], fd[1], false);
}

struct client *
client_tcp(struct play *p, unsigned front)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), theirs;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(door, (struct sockaddr *)&a, sizeof a), 0);
	ck_assert_int_eq(listen(door, 1), 0);
	ck_assert_int_eq(getsockname(door, (struct sockaddr *)&a, &len), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	theirs = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(theirs, 0);
	close(door);
	return serve(p, front, fd, theirs, true);
}

struct client *
client_connect(struct play *p, const struct sockaddr *a, socklen_t n)
{
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, a, n), 0);
	return add_client(p, fd, true);
}

void
client_small(struct client *c, int bytes)
{
	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	setsockopt(c->conn->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	setsockopt(c->conn->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

void
client_shut(struct client *c)
{
	ck_assert_int_eq(shutdown(c->fd, SHUT_WR), 0);
}

void
client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void
client_reset(struct client *c)
{
	struct linger l = { .l_onoff = 1, .l_linger = 0 };
	struct pollfd p = { .fd = c->conn->fd };

	ck_assert(c->tcp);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
	client_close(c);
	ck_assert_int_eq(poll(&p, 1, PATIENCE_MS), 1);
}

bool
client_served(const struct client *c)
{
	if (c->front == NULL)
		return false;
	for (struct ewb_conn *n = c->front->conns; n; n = n->next)
		if (n->session.id == c->id)
			return true;
	return false;
}

/* Talking. */

void
say_bytes(struct client *c, const void *data, size_t n)
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
		ck_assert_msg(sent < 0 && errno == EAGAIN && ++tries < 1000,
		              "the server does not read");
		play_sockets(c->play);
		play_settle(c->play);
	}
	if (c->tcp && client_served(c)) {
		struct pollfd p = { .fd = c->conn->fd, .events = POLLIN };

		(void)poll(&p, 1, PATIENCE_MS);
	}
}

void
say(struct client *c, const char *text)
{
	say_bytes(c, text, strlen(text));
}

void
say_times(struct client *c, unsigned n, const char *format)
{
	size_t each = strlen(format) + 10, len = 0;
	char *all = malloc(n * each + 1);

	ck_assert_ptr_nonnull(all);
	for (unsigned i = 0; i < n; i++)
		len += (size_t)snprintf(all + len, each + 1, format, i);
	say_bytes(c, all, len);
	free(all);
}

/* Over TCP things take their time: until there is something to hear, or the
 * server can go on sending.  0: neither, for a while. */
static int
await(const struct client *c)
{
	struct pollfd p[2] = { { .fd = c->fd, .events = POLLIN },
		               { .fd = -1, .events = POLLOUT } };

	if (client_served(c) && c->conn->out.bytes)
		p[1].fd = c->conn->fd;
	return poll(p, 2, A_WHILE_MS);
}

/* Received bytes; 0: the end; -EAGAIN: none now, though the server was given
 * the chance; other -errno. */
static ssize_t
receive(struct client *c, void *to, size_t n)
{
	unsigned tries = 0, most = c->tcp ? 20 : 3;
	ssize_t got;

	while (tries < most) {
		got = recv(c->fd, to, n, 0);
		if (got >= 0 || errno != EAGAIN)
			return got < 0 ? -errno : got;
		play_sockets(c->play);
		play_settle(c->play);
		if (!c->tcp || await(c) == 0)
			tries++;
	}
	return -EAGAIN;
}

size_t
hear_some(struct client *c, void *to, size_t n)
{
	ssize_t got;
	size_t have = 0;

	while (have < n && (got = receive(c, (char *)to + have, n - have)) > 0)
		have += (size_t)got;
	return have;
}

size_t
hear_all(struct client *c)
{
	static char sink[65536];
	size_t n, all = 0;

	while ((n = hear_some(c, sink, sizeof sink)) > 0)
		all += n;
	return all;
}

static void
spell(char *to, size_t cap, const char *from, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at + 5 < cap; i++) {
		unsigned char ch = (unsigned char)from[i];

		if (ch >= ' ' && ch < 127)
			to[at++] = (char)ch;
		else
			at += (size_t)snprintf(to + at, cap - at, "\\x%02x",
			                       ch);
	}
	to[at] = '\0';
}

/* Where they begin to differ. */
static const char *
differ(const char *want, size_t nwant, const char *got, size_t ngot)
{
	static char text[WRONG_MAX];
	char a[WRONG_MAX / 3], b[WRONG_MAX / 3];
	size_t at = 0, most = nwant < ngot ? nwant : ngot;

	while (at < most && want[at] == got[at])
		at++;
	if (at == nwant && at == ngot)
		return NULL;
	spell(a, sizeof a, want + at, nwant - at);
	spell(b, sizeof b, got + at, ngot - at);
	snprintf(text, sizeof text,
	         "after %zu right bytes it should go on \"%s\", and is \"%s\"",
	         at, a, b);
	return text;
}

static const char *
heard_bytes(struct client *c, const void *data, size_t n)
{
	char *got = malloc(n + 1);
	const char *wrong;

	ck_assert_ptr_nonnull(got);
	wrong = differ(data, n, got, hear_some(c, got, n));
	free(got);
	return wrong;
}

const char *
heard(struct client *c, const char *text)
{
	return heard_bytes(c, text, strlen(text));
}

const char *
heard_nothing(struct client *c)
{
	char got[WRONG_MAX];
	ssize_t n = receive(c, got, sizeof got);

	if (n > 0)
		return differ("", 0, got, (size_t)n);
	return n == -EAGAIN ? NULL : "the connection is closed";
}

const char *
heard_end(struct client *c)
{
	char got[WRONG_MAX];
	ssize_t n = receive(c, got, sizeof got);

	if (n > 0)
		return differ("", 0, got, (size_t)n);
	if (n == -EAGAIN)
		return "the connection is not closed";
	return n == 0 ? NULL : strerror((int)-n);
}

void
hear_bytes(struct client *c, const void *data, size_t n)
{
	const char *wrong = heard_bytes(c, data, n);

	ck_assert_msg(wrong == NULL, "%s", wrong);
}

void
hear(struct client *c, const char *text)
{
	hear_bytes(c, text, strlen(text));
}

void
hear_nothing(struct client *c)
{
	const char *wrong = heard_nothing(c);

	ck_assert_msg(wrong == NULL, "%s", wrong);
}

void
hear_end(struct client *c)
{
	const char *wrong = heard_end(c);

	ck_assert_msg(wrong == NULL, "%s", wrong);
}
