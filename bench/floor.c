/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/floor.h"

static const char help[] =
	"floor [options] KIND\n"
	"  epoll, ev   answers 32 bytes with -R bytes; plain epoll, or libev\n"
	"  worker      the same by way of a thread.  -w serial: one job of a\n"
	"              connection at a time; lazy: and its replies leave when\n"
	"              its input is exhausted; pipe: all its jobs at once.\n"
	"              -1: a wake-up for each job, not one for each turn\n"
	"  copy        a scan: records copied into chunks, and written\n"
	"  limit       the same chunk again and again\n"
	"  enter       a thread copies a chunk, enters the event loop with it\n"
	"              and waits until it is sent\n"
	"  stop        a task copies a chunk and ends; sent, it runs again\n"
	"options: -p PORT  -R REPLY  -n RECORDS  -c CHUNK  -b SEND-BUFFER\n";

static const struct {
	const char *name;
	int (*run)(const struct floor_options *o);
} kinds[] = {
	{ "epoll", floor_epoll },   { "ev", floor_ev },
	{ "worker", floor_worker }, { "copy", floor_copy },
	{ "limit", floor_limit },   { "enter", floor_enter },
	{ "stop", floor_stop },
};

static _Noreturn void
usage(void)
{
	fputs(help, stderr);
	exit(2);
}

int
main(int argc, char **argv)
{
	struct floor_options o = { .reply = 32,
		                   .way = "lazy",
		                   .batched = 1,
		                   .records = 1000000,
		                   .chunk = 262144 };
	size_t i;
	int c;

	while ((c = getopt(argc, argv, "p:R:w:1n:c:b:")) >= 0)
		switch (c) {
		case 'p': o.port = atoi(optarg); break;
		case 'R': o.reply = strtoul(optarg, NULL, 10); break;
		case 'w': o.way = optarg; break;
		case '1': o.batched = 0; break;
		case 'n': o.records = strtoul(optarg, NULL, 10); break;
		case 'c': o.chunk = strtoul(optarg, NULL, 10); break;
		case 'b': o.send_buffer = atoi(optarg); break;
		default: usage();
		}
	if (optind + 1 != argc || o.port == 0 || o.chunk < 1024 ||
	    o.reply > FLOOR_REPLY_MAX)
		usage();
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(argv[optind], kinds[i].name) == 0)
			return kinds[i].run(&o);
	usage();
}
