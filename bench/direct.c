/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/direct.h"

static const char help[] =
	"direct [options] MODE\n"
	"  sets    each thread sets keys, one at a time, each on disk\n"
	"  gets    each thread gets keys, one at a time\n"
	"  serve   a scan for each that asks: iterates, copies, writes\n"
	"  sync    no library: 4 KiB more in a file, and fdatasync()\n"
	"options:\n"
	"  -l NAME   rocksdb or lmdb\n"
	"  -f PATH   the database; sync: a directory\n"
	"  -p PORT   serve: on 127.0.0.1\n"
	"  -c N      threads\n"
	"  -k N      keys\n"
	"  -v N      bytes of a value\n"
	"  -t S      seconds, after -w S seconds that do not count\n"
	"  -D        direct=yes; lmdb: the system does not read ahead\n"
	"rocksdb, as the settings of ewbd's engine:\n"
	"  -C MIB    cache\n"
	"  -m MIB    memtable\n"
	"  -z        compression=lz4, else none\n";

static const struct {
	const char *name;
	int (*run)(const struct direct_library *l,
	           const struct direct_options *o);
	bool writes, needs_library;
} modes[] = {
	{ "sets", direct_sets, true, true },
	{ "gets", direct_gets, false, true },
	{ "serve", direct_serve, false, true },
	{ "sync", direct_sync, false, false },
};

static const struct direct_library *const libraries[] = {
#ifdef WITH_ROCKSDB
	&direct_rocksdb,
#endif
#ifdef WITH_LMDB
	&direct_lmdb,
#endif
	NULL
};

static _Noreturn void
usage(void)
{
	fputs(help, stderr);
	exit(2);
}

static const struct direct_library *
find(const char *name)
{
	size_t i;

	for (i = 0; libraries[i]; i++)
		if (strcmp(libraries[i]->name, name) == 0)
			return libraries[i];
	fprintf(stderr, "direct: built without %s\n", name);
	exit(2);
}

static void
set_option(struct direct_options *o, int c, const char *arg)
{
	switch (c) {
	case 'l': o->library = arg; break;
	case 'f': o->path = arg; break;
	case 'p': o->port = atoi(arg); break;
	case 'c': o->threads = atoi(arg); break;
	case 'k': o->keys = strtoul(arg, NULL, 10); break;
	case 'v': o->vsize = strtoul(arg, NULL, 10); break;
	case 't': o->seconds = atof(arg); break;
	case 'w': o->warm = atof(arg); break;
	case 'C': o->cache = strtoull(arg, NULL, 10) << 20; break;
	case 'm': o->memtable = strtoull(arg, NULL, 10) << 20; break;
	case 'z': o->compress = true; break;
	case 'D': o->direct_io = true; break;
	default: usage();
	}
}

int
main(int argc, char **argv)
{
	struct direct_options o = { .library = "",
		                    .threads = 1,
		                    .keys = 10000,
		                    .vsize = 100,
		                    .seconds = 1,
		                    .warm = 0.1,
		                    .cache = 256 << 20,
		                    .memtable = 64 << 20 };
	size_t i;
	int c;

	while ((c = getopt(argc, argv, "l:f:p:c:k:v:t:w:C:m:zD")) >= 0)
		set_option(&o, c, optarg);
	if (optind + 1 != argc || !o.path || o.threads < 1 || o.keys < 1)
		usage();
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof modes / sizeof *modes; i++)
		if (strcmp(argv[optind], modes[i].name) == 0) {
			o.writes = modes[i].writes;
			return modes[i].run(
				modes[i].needs_library ? find(o.library) : NULL,
				&o);
		}
	usage();
}
