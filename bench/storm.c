/* SPDX-License-Identifier: BSD-2-Clause */
/* A storm of connections that mean no good, and what others notice of it. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bench/gust.h"
#include "bench/net.h"
#include "bench/tally.h"

static const char help[] =
	"usage: storm -p PORT -P PID [options]\n"
	"\n"
	"Opens many connections that are idle, slow, deaf, oversized, half closed or\n"
	"reset, while others get a record; says how long that takes before, during and\n"
	"after, and what the server has kept.  Status 1: somebody was not served, or\n"
	"something is left.\n"
	"\n"
	"  -p PORT     of ewbd on this machine\n"
	"  -P PID      its process, for its memory\n"
	"  -n N        connections of the storm (10000)\n"
	"  -c N        of those who are to be served (8)\n"
	"  -r N        gets a second of theirs (200); 0: as fast as it goes\n"
	"  -g N        gets before, during, and after, at least (1000)\n"
	"  -t SECONDS  likewise (5)\n"
	"  -x N        connections that come again each second (500)\n"
	"  -d N        bytes of the slow ones, a second and connection (1)\n"
	"  -m MIB      what its memory may grow by, at the most (1024)\n"
	"  -k MIB      what may be left of that (64)\n";

enum phase { BEFORE, DURING, AFTER, OVER };

static const char *const phases[] = { "before", "during", "after" };

struct options {
	int port, pid;
	unsigned n, guests, rate, gets, again, drip;
	double seconds;
	unsigned grow_mib, keep_mib;
};

/* Those who are to be served. */
struct guests {
	/* set once */
	const struct options *o;
	pthread_t thread;
	/* the thread's, until it has ended */
	struct tally took[OVER];
	/* who measures it */
	double cpu[OVER], wall[OVER]; /* seconds, the server's and all */
	/* any */
	_Atomic int phase;
	_Atomic unsigned served[OVER], failed[OVER];
};

struct storm {
	const struct options *o;
	struct gust *gusts;
	int ep;
	unsigned next_open, next_drip;
	double may_open, may_drip;
	uint64_t looked_at;
};

static const char request[] = "get storm-guest\r\n";
static const char answer[] = "VALUE storm-guest 0 5\r\nhello\r\nEND\r\n";

/* A patient one: what takes longer than this has failed. */
static int
dial(const struct options *o)
{
	struct timeval long_time = { .tv_sec = 30 };
	int fd = net_dial(o->port);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof long_time);
	return fd;
}

static bool
ask(int fd, const char *say, const char *hear)
{
	size_t n = strlen(hear);
	char got[256];

	return net_send(fd, say, strlen(say)) == 0 &&
	       net_recv(fd, got, n) == 0 && memcmp(got, hear, n) == 0;
}

/* Guests. */

/* When the next get is due, and no earlier. */
static uint64_t
due(const struct guests *g, uint64_t last)
{
	uint64_t now = net_now(), at;

	if (g->o->rate == 0)
		return now;
	at = last + 1000000000u / g->o->rate;
	if (at > now)
		net_sleep((double)(at - now) / 1e9);
	return at;
}

static void *
be_served(void *arg)
{
	struct guests *g = arg;
	int fds[64], phase, was = BEFORE;
	uint64_t at = net_now();

	for (unsigned i = 0; i < g->o->guests; i++)
		fds[i] = dial(g->o);
	for (unsigned i = 0; (phase = atomic_load(&g->phase)) != OVER; i++) {
		if (phase != was)
			at = net_now(); /* not what came in between */
		was = phase;
		at = due(g, at);
		if (!ask(fds[i % g->o->guests], request, answer))
			atomic_fetch_add(&g->failed[phase], 1);
		tally_add(&g->took[phase], net_now() - at, 1);
		atomic_fetch_add(&g->served[phase], 1);
	}
	for (unsigned i = 0; i < g->o->guests; i++)
		close(fds[i]);
	return NULL;
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

static void
hear(struct storm *s, int wait_ms)
{
	struct epoll_event e[256];
	int n = epoll_wait(s->ep, e, 256, wait_ms);

	for (int i = 0; i < n; i++)
		gust_event(e[i].data.ptr, s->ep, e[i].events);
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

/* The server. */

/* MiB of that line of its status. */
static double
memory(const struct options *o, const char *line)
{
	char path[64], text[256];
	size_t n = strlen(line);
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", o->pid);
	f = fopen(path, "r");
	if (f == NULL)
		net_die(path);
	while (fgets(text, sizeof text, f))
		if (strncmp(text, line, n) == 0)
			kib = strtod(text + n, NULL);
	fclose(f);
	return kib / 1024;
}

/* Seconds of CPU that it has had. */
static double
cpu(const struct options *o)
{
	char path[64], text[1024];
	unsigned long user = 0, system = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", o->pid);
	f = fopen(path, "r");
	if (f == NULL)
		net_die(path);
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	if (strrchr(text, ')'))
		sscanf(strrchr(text, ')') + 2,
		       "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		       &user, &system);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* All of stats; to be freed. */
static char *
stats(int fd)
{
	size_t len = 0, cap = 65536;
	char *text = malloc(cap);
	ssize_t n;

	if (text == NULL || net_send(fd, "stats\r\n", 7))
		net_fail("stats: the server is gone");
	do {
		n = recv(fd, text + len, cap - 1 - len, 0);
		if (n <= 0)
			net_fail("stats: no answer");
		len += (size_t)n;
		text[len] = '\0';
	} while (len < 5 || strcmp(text + len - 5, "END\r\n"));
	return text;
}

static long
stat_of(const char *all, const char *name)
{
	char line[64];
	const char *at;

	snprintf(line, sizeof line, "STAT %s ", name);
	at = strstr(all, line);
	return at ? strtol(at + strlen(line), NULL, 10) : -1;
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
	    !ask(fd, "set storm-small 0 0 100\r\n"
	             "0123456789012345678901234567890123456789012345678901"
	             "234567890123456789012345678901234567890123456789\r\n",
	         "STORED\r\n") ||
	    !ask(fd, "set storm-guest 0 0 5\r\nhello\r\n", "STORED\r\n"))
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
		char *all = stats(fd);
		bool last = net_now() > until;

		wrong = stat_of(all, "curr_connections") != connections;
		if (wrong && last)
			printf("left: curr_connections %ld, not %ld\n",
			       stat_of(all, "curr_connections"), connections);
		for (unsigned i = 0; i < sizeof wants / sizeof *wants; i++) {
			long is = stat_of(all, wants[i].name);

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
		"curr_connections", "unread_bytes", "receiving_bytes",
		"chunk_memory", "accepting_paused", "paused_unread",
		"frames_fatal", "too_large", "closed_gone",
	};
	char *all = stats(fd);

	printf("server  ");
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		printf(" %s %ld", names[i], stat_of(all, names[i]));
	printf("\n");
	free(all);
}

/* Phases. */

static void
clock_on(struct guests *g, int phase)
{
	double now = (double)net_now() / 1e9, used = cpu(g->o);

	g->wall[phase] = now - g->wall[phase];
	g->cpu[phase] = used - g->cpu[phase];
}

static void
spend(struct guests *g, int phase, struct storm *s)
{
	const struct options *o = g->o;
	uint64_t until = net_now() + (uint64_t)(o->seconds * 1e9);

	clock_on(g, phase);
	while (net_now() < until || atomic_load(&g->served[phase]) < o->gets ||
	       (s && !all_have_acted(s)))
		if (s)
			blow(s);
		else
			net_sleep(.001);
	clock_on(g, phase);
}

/* So that the peak is the storm's own. */
static void
forget_peak(const struct options *o)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/clear_refs", o->pid);
	f = fopen(path, "w");
	if (f) {
		fputs("5", f);
		fclose(f);
	}
}

static int
judge(const struct options *o, const struct guests *g, double was, double peak,
      double now)
{
	int wrong = 0;

	for (int i = 0; i < OVER; i++) {
		const struct tally *t = &g->took[i];

		printf("%-8s %llu gets, p50 %.0f us, p99 %.0f us, p99.9 %.0f us, "
		       "most %.0f us, failed %u; server %.2f CPUs\n",
		       phases[i], (unsigned long long)t->count,
		       tally_us(t, .5), tally_us(t, .99), tally_us(t, .999),
		       (double)t->max / 1e3, g->failed[i],
		       g->cpu[i] / g->wall[i]);
		wrong += g->failed[i] != 0;
	}
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
	static struct guests g;
	struct storm s = { .o = o };
	int fd = dial(o), wrong, late;
	double was, peak;

	g.o = o;
	fill(fd);
	if (pthread_create(&g.thread, NULL, be_served, &g))
		net_die("thread");
	spend(&g, BEFORE, NULL);
	was = memory(o, "VmRSS:");
	forget_peak(o);
	atomic_store(&g.phase, DURING);
	begin(&s);
	spend(&g, DURING, &s);
	tell_peak(fd);
	report(&s);
	end(&s);
	wrong = left(fd, 1 + (long)o->guests);
	peak = memory(o, "VmHWM:");
	atomic_store(&g.phase, AFTER);
	spend(&g, AFTER, NULL);
	atomic_store(&g.phase, OVER);
	pthread_join(g.thread, NULL);
	wrong += judge(o, &g, was, peak, memory(o, "VmRSS:"));
	late = dial(o); /* one that comes now is served, too */
	if (!ask(late, request, answer))
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
	struct options o = { .n = 10000, .guests = 8, .rate = 200,
		             .gets = 1000, .again = 500, .drip = 1,
		             .seconds = 5, .grow_mib = 1024, .keep_mib = 64 };
	int c, wrong;

	while ((c = getopt(argc, argv, "p:P:n:c:r:g:t:x:d:m:k:h")) >= 0) {
		if (c == '?' || c == 'h') {
			fputs(help, c == 'h' ? stdout : stderr);
			return c == 'h' ? 0 : 2;
		}
		set_option(&o, c, optarg);
	}
	if (!o.port || !o.pid || o.n < GUST_KINDS || !o.guests || o.guests > 64) {
		fputs(help, stderr);
		return 2;
	}
	raise_descriptors(&o);
	gust_init();
	wrong = run(&o);
	printf(wrong ? "the storm left its marks\n" :
	               "others were served, and nothing is left of it\n");
	return wrong != 0;
}
