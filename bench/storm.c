/* SPDX-License-Identifier: BSD-2-Clause */
/* A storm of connections that mean no good, and what others notice of it. */
#include "config.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench/guests.h"
#include "bench/gust.h"
#include "bench/net.h"
#include "bench/outside.h"
#include "bench/tally.h"

static const char help[] =
	"usage: storm -p PORT -P PID [options]\n"
	"\n"
	"Opens many connections that are idle, slow, deaf, oversized, half "
        "closed or\n"
	"reset, while others get a record; says how long that takes before, "
        "while all\n"
	"come at once, during, while they go, and after, and what the server "
        "has kept.\n"
	"Status 1: somebody was not served, or something is left.\n"
	"\n"
	"  -p PORT     of ewbd on this machine\n"
	"  -P PID      its process, for its memory\n"
	"  -n N        connections of the storm (10000)\n"
	"  -c N        of those who are to be served (8)\n"
	"  -r N        gets a second of theirs (200); 0: the next when one is "
        "answered\n"
	"  -g N        gets before, during, and after, at least (1000)\n"
	"  -t SECONDS  likewise (5)\n"
	"  -x N        connections that come again each second (500)\n"
	"  -d N        bytes of the slow ones, a second and connection (1)\n"
	"  -m MIB      what its memory may grow by, at the most (1024)\n"
	"  -k MIB      what may be left of that (64)\n";

enum phase { BEFORE, COMING, DURING, GOING, AFTER, OVER };
_Static_assert(OVER == GUESTS_PHASES, "phases of the guests");

static const char *const phases[] = { "before", "coming", "during", "going",
	                              "after" };

struct options {
	int port, pid;
	unsigned n, guests, rate, gets, again, drip;
	double seconds;
	unsigned grow_mib, keep_mib;
};

struct storm {
	const struct options *o;
	struct gust *gusts;
	int ep;
	unsigned next_open, next_drip;
	double may_open, may_drip;
	uint64_t looked_at, looked_at_tcp;
	double tcp_mib; /* of the kernel, at the most */
};

struct watch {
	const struct options *o;
	struct guests g;
	unsigned phase;
	double cpu[OVER], wall[OVER]; /* seconds, the server's and all */
	double tcp_mib;
};

static bool
ask(int fd, const char *say, const char *hear)
{
	size_t n = strlen(hear);
	char got[256];

	return net_send(fd, say, strlen(say)) == 0 &&
	       net_recv(fd, got, n) == 0 && memcmp(got, hear, n) == 0;
}

/* The storm. */

static void
open_some(struct storm *s)
{
	unsigned n = s->o->n;

	for (unsigned i = 0; i < n && s->may_open >= 1; i++) {
		struct gust *g = &s->gusts[s->next_open++ % n];

		if (g->state != GUST_AWAY)
			continue;
		gust_open(g, s->o->port, s->ep);
		s->may_open--;
	}
}

static void
drip_some(struct storm *s)
{
	for (; s->may_drip >= 1; s->may_drip--)
		gust_drip(&s->gusts[s->next_drip++ % s->o->n]);
}

/* What time has brought, but no more of it than of a tenth of a second. */
static void
pass(struct storm *s)
{
	uint64_t now = net_now();
	double t = (double)(now - s->looked_at) / 1e9;

	s->looked_at = now;
	if (t > .1)
		t = .1;
	s->may_open += t * s->o->again;
	s->may_drip += t * s->o->drip * s->o->n;
	open_some(s);
	drip_some(s);
}

/* Ten times a second. */
static void
look_at_tcp(struct storm *s)
{
	uint64_t now = net_now();
	double mib;

	if (now - s->looked_at_tcp < 100000000)
		return;
	s->looked_at_tcp = now;
	mib = outside_tcp();
	if (mib > s->tcp_mib)
		s->tcp_mib = mib;
}

static void
hear(struct storm *s, int wait_ms)
{
	struct epoll_event e[256];
	int n = epoll_wait(s->ep, e, 256, wait_ms);

	for (int i = 0; i < n; i++)
		gust_event(e[i].data.ptr, s->ep, e[i].events);
	look_at_tcp(s);
}

static void
blow(struct storm *s)
{
	hear(s, 5);
	pass(s);
}

static void
begin(struct storm *s)
{
	s->gusts = calloc(s->o->n, sizeof *s->gusts);
	s->ep = epoll_create1(EPOLL_CLOEXEC);
	if (s->gusts == NULL || s->ep < 0)
		net_die("storm");
	for (unsigned i = 0; i < s->o->n; i++) {
		s->gusts[i].kind = (enum gust_kind)(i % GUST_KINDS);
		gust_open(&s->gusts[i], s->o->port, s->ep);
		if (i % 64 == 63)
			hear(s, 0);
	}
	s->looked_at = net_now();
}

static void
end(struct storm *s)
{
	for (unsigned i = 0; i < s->o->n; i++)
		gust_close(&s->gusts[i]);
	close(s->ep);
}

/* Has each kind done its worst? */
static bool
all_have_acted(const struct storm *s)
{
	uint64_t acts[GUST_KINDS] = { 0 };

	for (unsigned i = 0; i < s->o->n; i++)
		acts[s->gusts[i].kind] += s->gusts[i].acts;
	for (unsigned k = 0; k < GUST_KINDS; k++)
		if (acts[k] == 0)
			return false;
	return true;
}

static void
report(const struct storm *s)
{
	uint64_t acts[GUST_KINDS] = { 0 };
	unsigned up = 0, many[GUST_KINDS] = { 0 };

	for (unsigned i = 0; i < s->o->n; i++) {
		const struct gust *g = &s->gusts[i];

		acts[g->kind] += g->acts;
		many[g->kind]++;
		up += g->state >= GUST_SENDING;
	}
	printf("storm    %u connections, %u of them connected at its end\n",
	       s->o->n, up);
	for (unsigned k = 0; k < GUST_KINDS; k++)
		printf("         %-10s %5u connections, %llu acts\n",
		       gust_names[k], many[k], (unsigned long long)acts[k]);
}

static void
fill(int fd)
{
	size_t n = GUST_VALUE + 64;
	char *large = malloc(n);
	int head;

	if (large == NULL)
		net_die("memory");
	head = snprintf(large, n, "set storm-large 0 0 %u\r\n", GUST_VALUE);
	memset(large + head, 'x', GUST_VALUE);
	memcpy(large + head + GUST_VALUE, "\r\n", 3);
	if (!ask(fd, large, "STORED\r\n") ||
	    !ask(fd,
	         "set storm-small 0 0 100\r\n"
	         "0123456789012345678901234567890123456789012345678901"
	         "234567890123456789012345678901234567890123456789\r\n",
	         "STORED\r\n") ||
	    !ask(fd, GUESTS_SET, "STORED\r\n"))
		net_fail("the server does not store");
	free(large);
}

/* What is there in the end; how many things are not as before. */
static int
left(int fd, long connections)
{
	static const struct {
		const char *name;
		long want;
	} wants[] = { { "cookies_blocked", 0 },      { "cookies_orphaned", 0 },
		      { "cookies_pinned_bytes", 0 }, { "streams", 0 },
		      { "stream_memory", 0 },        { "unread_bytes", 0 },
		      { "receiving_bytes", 0 } };
	uint64_t until = net_now() + 60000000000u;
	int wrong;

	do {
		char *all = outside_stats(fd);
		bool last = net_now() > until;

		wrong = outside_stat(all, "curr_connections") != connections;
		if (wrong && last)
			printf("left: curr_connections %ld, not %ld\n",
			       outside_stat(all, "curr_connections"),
			       connections);
		for (unsigned i = 0; i < sizeof wants / sizeof *wants; i++) {
			long is = outside_stat(all, wants[i].name);

			wrong += is != wants[i].want;
			if (is != wants[i].want && last)
				printf("left: %s %ld\n", wants[i].name, is);
		}
		free(all);
		if (last)
			break;
		if (wrong)
			net_sleep(.01);
	} while (wrong);
	return wrong;
}

static void
tell_peak(int fd)
{
	static const char *const names[] = {
		"curr_connections", "unread_bytes",     "receiving_bytes",
		"chunk_memory",     "accepting_paused", "paused_unread",
		"frames_fatal",     "too_large",        "closed_gone",
	};
	char *all = outside_stats(fd);

	printf("server  ");
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		printf(" %s %ld", names[i], outside_stat(all, names[i]));
	printf("\n");
	free(all);
}

/* Phases. */

static void
clock_on(struct watch *w)
{
	double now = (double)net_now() / 1e9, used = outside_cpu(w->o->pid);

	w->wall[w->phase] = now - w->wall[w->phase];
	w->cpu[w->phase] = used - w->cpu[w->phase];
}

/* The next one begins. */
static void
enter(struct watch *w, enum phase phase)
{
	clock_on(w);
	w->phase = phase;
	clock_on(w);
	atomic_store(&w->g.phase, (unsigned)phase);
}

/* Until there is enough of it. */
static void
spend(struct watch *w, struct storm *s)
{
	const struct options *o = w->o;
	uint64_t until = net_now() + (uint64_t)(o->seconds * 1e9);

	while (net_now() < until ||
	       atomic_load(&w->g.served[w->phase]) +
	                       atomic_load(&w->g.failed[w->phase]) <
	               o->gets ||
	       (s && !all_have_acted(s)))
		if (s)
			blow(s);
		else
			net_sleep(.001);
}

static void
tell(const struct watch *w, int phase)
{
	const struct tally *t = &w->g.took[phase];

	printf("%-8s %llu gets, p50 %.0f us, p99 %.0f us, p99.9 %.0f us, "
	       "most %.0f us, failed %u; said late by %.0f us (p99); "
	       "%.1f s, server %.2f CPUs\n",
	       phases[phase], (unsigned long long)t->count, tally_us(t, .5),
	       tally_us(t, .99), tally_us(t, .999), (double)t->max / 1e3,
	       w->g.failed[phase], tally_us(&w->g.late[phase], .99),
	       w->wall[phase], w->cpu[phase] / w->wall[phase]);
}

static int
judge(const struct watch *w, double was, double peak, double now)
{
	const struct options *o = w->o;
	int wrong = 0;

	for (int i = 0; i < OVER; i++) {
		tell(w, i);
		wrong += w->g.failed[i] != 0;
	}
	printf("TCP      %.0f MiB at the most (short of it from %.0f on); %llu "
	       "packets of those who get were sent again\n",
	       w->tcp_mib, outside_tcp_pressure(),
	       (unsigned long long)w->g.again);
	printf("memory   %.1f MiB before, %.1f at the most, %.1f after\n", was,
	       peak, now);
	if (peak - was > o->grow_mib)
		printf("memory: more than %u MiB were added\n", o->grow_mib);
	if (now - was > o->keep_mib)
		printf("memory: more than %u MiB were kept\n", o->keep_mib);
	return wrong + (peak - was > o->grow_mib) + (now - was > o->keep_mib);
}

static int
run(const struct options *o)
{
	static struct watch w;
	struct storm s = { .o = o };
	int fd = net_dial(o->port), wrong, late;
	double was, peak;

	w.o = o;
	w.g.port = o->port;
	w.g.n = o->guests;
	w.g.rate = o->rate;
	fill(fd);
	clock_on(&w);
	guests_begin(&w.g);
	spend(&w, NULL);
	was = outside_memory(o->pid, "VmRSS:");
	outside_forget_peak(o->pid);
	enter(&w, COMING);
	begin(&s);
	enter(&w, DURING);
	spend(&w, &s);
	tell_peak(fd);
	report(&s);
	w.tcp_mib = s.tcp_mib;
	enter(&w, GOING);
	end(&s);
	wrong = left(fd, 1 + (long)o->guests);
	peak = outside_memory(o->pid, "VmHWM:");
	enter(&w, AFTER);
	spend(&w, NULL);
	clock_on(&w);
	guests_end(&w.g);
	wrong += judge(&w, was, peak, outside_memory(o->pid, "VmRSS:"));
	late = net_dial(o->port); /* one that comes now is served, too */
	if (!ask(late, "get storm-small\r\n", "VALUE storm-small 0 100\r\n"))
		wrong++, printf("a new connection is not served\n");
	close(late);
	close(fd);
	free(s.gusts);
	return wrong;
}

static void
raise_descriptors(const struct options *o)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		net_die("getrlimit");
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
	if (r.rlim_cur < o->n + o->guests + 16)
		net_fail("storm: too few files may be open (ulimit -n)");
}

static void
set_option(struct options *o, int c, const char *arg)
{
	unsigned n = (unsigned)strtoul(arg, NULL, 10);

	switch (c) {
	case 'p': o->port = (int)n; break;
	case 'P': o->pid = (int)n; break;
	case 'n': o->n = n; break;
	case 'c': o->guests = n; break;
	case 'r': o->rate = n; break;
	case 'g': o->gets = n; break;
	case 't': o->seconds = strtod(arg, NULL); break;
	case 'x': o->again = n; break;
	case 'd': o->drip = n; break;
	case 'm': o->grow_mib = n; break;
	case 'k': o->keep_mib = n; break;
	}
}

int
main(int argc, char **argv)
{
	struct options o = { .n = 10000,
		             .guests = 8,
		             .rate = 200,
		             .gets = 1000,
		             .again = 500,
		             .drip = 1,
		             .seconds = 5,
		             .grow_mib = 1024,
		             .keep_mib = 64 };
	int c, wrong;

	while ((c = getopt(argc, argv, "p:P:n:c:r:g:t:x:d:m:k:h")) >= 0) {
		if (c == '?' || c == 'h') {
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
		set_option(&o, c, optarg);
	}
	if (!o.port || !o.pid || o.n < GUST_KINDS || !o.guests ||
	    o.guests > GUESTS_MOST) {
		fputs(help, stderr);
		return 2;
	}
	raise_descriptors(&o);
	gust_init();
	wrong = run(&o);
	printf(wrong ? "the storm left its marks\n"
	             : "others were served, and nothing is left of it\n");
	return wrong != 0;
}
