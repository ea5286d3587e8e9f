/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/guests.h"
#include "bench/net.h"

#define PATIENCE 30000000000u /* ns; what takes longer has failed */
#define WAITING 2048          /* gets of one that are not answered */

static const char request[] = "get storm-guest\r\n";
static const char answer[] = "VALUE storm-guest 0 5\r\nhello\r\nEND\r\n";
#define NREQUEST (sizeof request - 1)
#define NANSWER (sizeof answer - 1)

struct get {
	uint64_t due;
	unsigned phase;
};

struct guest {
	int fd;      /* -1: it is not served any more */
	size_t have; /* of the answer that is coming */
	unsigned first, n;
	struct get gets[WAITING];
};

static struct guest all[GUESTS_MOST];

static unsigned
unanswered(const struct guests *g)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->n; i++)
		n += all[i].n;
	return n;
}

/* All that it waits for has failed, and what it will not ask any more. */
static void
give_up(struct guests *g, struct guest *one)
{
	for (; one->n; one->n--)
		atomic_fetch_add(
			&g->failed[one->gets[one->first++ % WAITING].phase], 1);
	close(one->fd);
	one->fd = -1;
}

static void
say(struct guests *g, struct guest *one, uint64_t due, unsigned phase)
{
	if (one->fd < 0 || one->n == WAITING ||
	    send(one->fd, request, NREQUEST, MSG_NOSIGNAL | MSG_DONTWAIT) !=
	            (ssize_t)NREQUEST) {
		atomic_fetch_add(&g->failed[phase], 1);
		return;
	}
	one->gets[(one->first + one->n++) % WAITING] =
		(struct get){ due, phase };
	tally_add(&g->late[phase], net_now() - due, 1);
}

static void
answered(struct guests *g, struct guest *one)
{
	struct get *get = &one->gets[one->first++ % WAITING];

	one->n--;
	one->have = 0;
	tally_add(&g->took[get->phase], net_now() - get->due, 1);
	atomic_fetch_add(&g->served[get->phase], 1);
}

static void
hear(struct guests *g, struct guest *one)
{
	char bytes[4096];
	ssize_t got = recv(one->fd, bytes, sizeof bytes, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return;
	for (ssize_t i = 0; i < got; i++) {
		if (one->n == 0 || bytes[i] != answer[one->have]) {
			give_up(g, one);
			return;
		}
		if (++one->have == NANSWER)
			answered(g, one);
	}
	if (got <= 0)
		give_up(g, one);
}

/* For so long at the most. */
static void
hear_all(struct guests *g, uint64_t ns)
{
	struct timespec wait = { .tv_sec = (time_t)(ns / 1000000000),
		                 .tv_nsec = (long)(ns % 1000000000) };
	struct pollfd p[GUESTS_MOST];

	for (unsigned i = 0; i < g->n; i++)
		p[i] = (struct pollfd){ .fd = all[i].fd, .events = POLLIN };
	if (ppoll(p, g->n, &wait, NULL) <= 0)
		return;
	for (unsigned i = 0; i < g->n; i++)
		if (p[i].revents)
			hear(g, &all[i]);
}

static void
lose_patience(struct guests *g)
{
	uint64_t now = net_now();

	for (unsigned i = 0; i < g->n; i++)
		if (all[i].n &&
		    now - all[i].gets[all[i].first % WAITING].due > PATIENCE)
			give_up(g, &all[i]);
}

static void
count_again(struct guests *g)
{
	struct tcp_info t;
	socklen_t n = sizeof t;

	for (unsigned i = 0; i < g->n; i++)
		if (all[i].fd >= 0 &&
		    getsockopt(all[i].fd, IPPROTO_TCP, TCP_INFO, &t, &n) == 0)
			g->again += t.tcpi_total_retrans;
}

static void *
be_served(void *arg)
{
	struct guests *g = arg;
	uint64_t step = g->rate ? 1000000000u / g->rate : 0, due = net_now(),
		 now;
	unsigned phase, turn = 0;

	while ((phase = atomic_load(&g->phase)) < GUESTS_PHASES) {
		now = net_now();
		if (step == 0)
			due = unanswered(g) ? now + 1000000 : now;
		for (; due <= now; due += step ? step : 1000000)
			say(g, &all[turn++ % g->n], due, phase);
		hear_all(g, due - now);
		lose_patience(g);
	}
	while (unanswered(g)) {
		hear_all(g, 1000000);
		lose_patience(g);
	}
	return NULL;
}

void
guests_begin(struct guests *g)
{
	for (unsigned i = 0; i < g->n; i++)
		all[i].fd = net_dial(g->port);
	if (pthread_create(&g->thread, NULL, be_served, g))
		net_die("thread");
}

void
guests_end(struct guests *g)
{
	atomic_store(&g->phase, GUESTS_PHASES);
	pthread_join(g->thread, NULL);
	count_again(g);
	for (unsigned i = 0; i < g->n; i++)
		if (all[i].fd >= 0)
			close(all[i].fd);
}
