/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "t/disk/setup.h"

enum {
	BUILD = 256,
	ENGINE,
	AT,
	SEED,
	MINUTES,
	KILLS,
	ACKS,
	FORGET,
	CLIENTS,
	KEYS,
	PATIENCE,
	QUICK,
	LIE,
	LOOSE,
	PREFIX,
	KINDS,
	SAMPLES,
	KEEP,
	HELP
};

static const struct option options[] = { { "build", 1, NULL, BUILD },
	                                 { "engine", 1, NULL, ENGINE },
	                                 { "at", 1, NULL, AT },
	                                 { "seed", 1, NULL, SEED },
	                                 { "minutes", 1, NULL, MINUTES },
	                                 { "kills", 1, NULL, KILLS },
	                                 { "acks", 1, NULL, ACKS },
	                                 { "forget", 1, NULL, FORGET },
	                                 { "clients", 1, NULL, CLIENTS },
	                                 { "keys", 1, NULL, KEYS },
	                                 { "patience", 1, NULL, PATIENCE },
	                                 { "quick", 0, NULL, QUICK },
	                                 { "lie", 0, NULL, LIE },
	                                 { "loose", 0, NULL, LOOSE },
	                                 { "prefix", 0, NULL, PREFIX },
	                                 { "kinds", 1, NULL, KINDS },
	                                 { "samples", 1, NULL, SAMPLES },
	                                 { "keep", 0, NULL, KEEP },
	                                 { "help", 0, NULL, HELP },
	                                 { NULL, 0, NULL, 0 } };

static const char help[] =
	"  --engine NAME    of the build, or a path with a slash to a .so "
	"(rocksdb)\n"
	"  --at NAME        which of its settings is its directory (path)\n"
	"  --seed S         the same choices again\n"
	"  --minutes N      kills for so long (1)\n"
	"  --kills N        so many at most\n"
	"  --acks N         at most so many mutations between two (2000); "
	"faults: so many\n"
	"                   commands of each client (25)\n"
	"  --forget HOW     what of the unsynced is lost: all, no, or by "
	"chance: cut,\n"
	"                   or torn, with holes; any of these (any)\n"
	"  --clients N      connections (8)\n"
	"  --keys N         of each (40)\n"
	"  --patience N     seconds that an answer may take (30)\n"
	"  --quick          the real disk is not synced\n"
	"  --lie            nor is this one, whatever the engine does: must be "
	"found\n"
	"  --loose          what was acknowledged may be lost, but not be "
	"half\n"
	"  --prefix         ... and if it is lost, what came after it must be, "
	"too\n"
	"faults:\n"
	"  --kinds A,B      of open, write, space, sync, mmap, alloc, while "
	"(all)\n"
	"  --samples N      of each, 0: all there are (6)\n"
	"  --keep           leave the files where they are if something is "
	"wrong\n";

static _Noreturn void
usage(const char *what)
{
	if (what)
		fprintf(stderr, "%s\n", what);
	fprintf(what ? stderr : stdout,
	        "options, then settings of the engine:\n%s", help);
	exit(what ? 2 : 0);
}

static int
forget(const char *how)
{
	static const char *const names[] = { "no", "all", "cut", "torn",
		                             "any" };

	for (int i = 0; i <= DISK_NHOW; i++)
		if (strcmp(how, names[i]) == 0)
			return i == DISK_NHOW ? -1 : i;
	usage("--forget: all, cut, torn, no or any");
}

/* Text as printf makes it, in memory that stays. */
static __attribute__((format(printf, 1, 2))) char *
text(const char *fmt, ...)
{
	static char all[8 * PATH_MAX];
	static size_t used;
	char *to = all + used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(to, sizeof all - used, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof all - used)
		usage("a path is too long");
	used += (size_t)n + 1;
	return to;
}

/* A program, itself, where libtool has put a script before it. */
static const char *
program(const char *build, const char *name)
{
	char *real = text("%s/daemon/.libs/%s", build, name);

	return access(real, X_OK) == 0 ? real
	                               : text("%s/daemon/%s", build, name);
}

static void
find(struct setup *s, const char *build, const char *engine, const char *at,
     char **more)
{
	static const char *args[64];
	const char *had = getenv("LD_LIBRARY_PATH");
	size_t n = 2;

	s->server.ewbd = program(build, "ewbd");
	s->ewbctl = program(build, "ewbctl");
	s->server.preload = text("%s/t/disk/.libs/disk.so", build);
	args[0] = strchr(engine, '/')
	                  ? engine
	                  : text("%s/engines/.libs/%s.so", build, engine);
	args[1] = text("%s=%s/data", at, s->server.dir);
	if (access(args[0], R_OK) || access(s->server.ewbd, X_OK) ||
	    access(s->server.preload, R_OK))
		usage("the build lacks ewbd, the engine or t/disk/disk.la");
	while (*more && n < 63)
		args[n++] = *more++;
	s->server.args = args;
	setenv("LD_LIBRARY_PATH",
	       text("%s/.libs%s%s", build, had ? ":" : "", had ? had : ""), 1);
}

void
setup_parse(struct setup *s, int argc, char **argv)
{
	const char *build = ".", *engine = "rocksdb", *at = "path";
	int o;

	*s = (struct setup){ .minutes = 1,

		             .forget = -1,
		             .seed = (uint64_t)time(NULL) * 1000 +
		                     (uint64_t)getpid() % 1000,
		             .kinds = "while,open,write,space,sync,mmap,alloc",
		             .samples = 6 };
	s->model.nworkers = 8;
	s->model.each = 40;
	s->model.patience = 30;
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case BUILD: build = optarg; break;
		case ENGINE: engine = optarg; break;
		case AT: at = optarg; break;
		case SEED: s->seed = strtoull(optarg, NULL, 10); break;
		case MINUTES: s->minutes = atof(optarg); break;
		case KILLS: s->kills = atol(optarg); break;
		case ACKS: s->most = strtoull(optarg, NULL, 10); break;
		case FORGET: s->forget = forget(optarg); break;
		case CLIENTS: s->model.nworkers = (unsigned)atoi(optarg); break;
		case KEYS: s->model.each = (unsigned)atoi(optarg); break;
		case PATIENCE: s->model.patience = atof(optarg); break;
		case QUICK: s->server.quick = true; break;
		case LIE: s->lie = true; break;
		case LOOSE: s->model.loose = true; break;
		case PREFIX: s->model.loose = s->model.prefix = true; break;
		case KINDS: s->kinds = optarg; break;
		case SAMPLES: s->samples = atol(optarg); break;
		case KEEP: s->keep = true; break;
		case HELP: usage(NULL);
		default: usage("no such option");
		}
	if (s->model.nworkers < 1 || s->model.nworkers > 1000 ||
	    s->model.each < 8 || s->most > 1000000)
		usage("--clients 1 to 1000, --keys at least 8, --acks at least "
		      "1");
	if (server_setup(&s->server))
		exit(2);
	find(s, build, engine, at, argv + optind);
	s->model.seed = s->seed;
	model_init(&s->model);
	printf("seed=%llu\n", (unsigned long long)s->seed);
	fflush(stdout);
}

enum disk_undo
setup_forget(const struct setup *s, struct chance *c)
{
	return s->forget >= 0 ? (enum disk_undo)s->forget
	                      : (enum disk_undo)chance_below(c, DISK_NHOW);
}

int
setup_fini(struct setup *s)
{
	int bad = s->model.complaints != 0;

	if (bad && s->keep)
		printf("the files are in %s\n", s->server.dir);
	server_fini(&s->server, bad && s->keep);
	model_fini(&s->model);
	return bad;
}
