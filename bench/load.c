/* SPDX-License-Identifier: BSD-2-Clause */
/* A load generator, one thread on plain epoll.  Depth is the number of
 * requests of one batch: they leave in one send, and the next batch follows
 * when all are answered. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load.h"

static const char help[] =
	"load [options]\n"
	"  -M MODE   batches gets and sets (the default); idle connections;\n"
	"            scans; first record of scans; blocked commands that\n"
	"            pile up; pings beside scans on one connection;\n"
	"            drain what a query is answered with;\n"
	"            redis-scan; postgres\n"
	"  -p PORT   on 127.0.0.1\n"
	"  -S PID    the server: tell its CPU\n"
	"  -P PROTO  text, meta, bin, resp or echo\n"
	"  -x WORDS  resp: this command instead of GET and SET\n"
	"  -c N      connections; pings: scans\n"
	"  -a N      of them, so many have requests under way\n"
	"  -d N      depth; redis-scan: COUNT\n"
	"  -k N      keys\n"
	"  -v N      bytes of a value\n"
	"  -r N      per cent of gets, the others are sets\n"
	"  -L        set each key once, in order; -Y: in another order\n"
	"  -t S      seconds, after -w S seconds that do not count\n"
	"  -n N      scans, or commands, instead of a time\n"
	"  -R N      batches, or pings, a second, all connections together\n"
	"  -z MIB    a scan's reader takes so many MiB/s; 0: it stops\n"
	"  -T        do not copy out what was received\n"
	"  -V        scans: decode and count the records\n"
	"  -q TEXT   drain, postgres: the query (\\r \\n \\0 \\\\)\n"
	"  -e TEXT   drain: ends with this\n"
	"  -l LABEL  begins the report\n"
	"  -o        report key=value\n";

static const struct {
	const char *name;
	int (*run)(const struct load_options *o);
} modes[] = {
	{ "batches", load_batches },   { "idle", load_idle },
	{ "scans", load_scans },       { "first", load_first },
	{ "drain", load_drain },       { "redis-scan", load_redis_scan },
	{ "postgres", load_postgres }, { "blocked", load_blocked },
	{ "pings", load_pings },
};

static bool pairs, first;

void
load_say_begin(const struct load_options *o)
{
	pairs = o->pairs;
	first = true;
	if (!pairs)
		printf("%s:", o->label);
}

void
load_say(const char *key, double value, int decimals)
{
	if (pairs)
		printf("%s%s=%.*f", first ? "" : " ", key, decimals, value);
	else
		printf("%s %.*f %s", first ? "" : ",", decimals, value, key);
	first = false;
}

void
load_say_span(const struct account_span *s)
{
	load_say("self_util", s->self / s->seconds, 2);
	load_say("server_util", s->server / s->seconds, 2);
	load_say("system_part", s->system_part, 2);
	load_say("other", s->other, 3);
	load_say("steal", s->steal, 3);
}

void
load_say_tally(const struct tally *t)
{
	load_say("p50_us", tally_us(t, 0.5), 1);
	load_say("p99_us", tally_us(t, 0.99), 1);
	load_say("p999_us", tally_us(t, 0.999), 1);
	load_say("max_us", (double)t->max / 1e3, 1);
}

void
load_say_end(void)
{
	putchar('\n');
	fflush(stdout);
}

static _Noreturn void
usage(void)
{
	fputs(help, stderr);
	exit(2);
}

static void
set_option(struct load_options *o, int c, const char *arg)
{
	switch (c) {
	case 'M': o->mode = arg; break;
	case 'p': o->port = atoi(arg); break;
	case 'S': o->server = atoi(arg); break;
	case 'P': o->protocol = arg; break;
	case 'x': o->command = arg; break;
	case 'c': o->connections = atoi(arg); break;
	case 'a': o->active = atoi(arg); break;
	case 'd': o->depth = atoi(arg); break;
	case 'k': o->keys = strtoul(arg, NULL, 10); break;
	case 'v': o->vsize = strtoul(arg, NULL, 10); break;
	case 'r': o->reads = atoi(arg); break;
	case 'L': o->fill = true; break;
	case 'Y': o->fill = o->shuffle = true; break;
	case 't': o->seconds = atof(arg); break;
	case 'w': o->warm = atof(arg); break;
	case 'n': o->times = strtoul(arg, NULL, 10); break;
	case 'R': o->rate = atof(arg); break;
	case 'z': o->throttle = atof(arg); break;
	case 'T': o->discard = true; break;
	case 'V': o->verify = true; break;
	case 'q': o->query = arg; break;
	case 'e': o->end = arg; break;
	case 'l': o->label = arg; break;
	case 'o': o->pairs = true; break;
	default: usage();
	}
}

int
main(int argc, char **argv)
{
	struct load_options o = {
		.mode = "batches",
		.label = "load",
		.port = 11211,
		.protocol = "text",
		.connections = 50,
		.depth = 1,
		.keys = 10000,
		.vsize = 32,
		.reads = 100,
		.seconds = 1,
		.warm = 0.1,
		.throttle = -1,
		.query = "",
		.end = "",
	};
	size_t i;
	int c;

	while ((c = getopt(argc, argv,
	                   "M:p:S:P:x:c:a:d:k:v:r:LYt:w:n:R:z:TVq:e:l:o")) >= 0)
		set_option(&o, c, optarg);
	if (optind != argc || o.connections < 1 || o.depth < 1 || o.keys < 1)
		usage();
	if (o.active < 1 || o.active > o.connections)
		o.active = o.connections;
	for (i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(o.mode, modes[i].name) == 0)
			return modes[i].run(&o);
	usage();
}
