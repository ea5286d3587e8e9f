/* SPDX-License-Identifier: BSD-2-Clause */
/* The load generator: what it was asked for, and its ways of loading. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "bench/account.h"
#include "bench/tally.h"

struct load_options {
	const char *mode, *label;
	int port;
	pid_t server;         /* 0: its CPU is not told */
	const char *protocol; /* see wire_init() */
	const char *command;  /* RESP: this instead of GET and SET */
	int connections;
	int active; /* of them with requests under way; 0: all */
	int depth;  /* requests of one batch */
	unsigned long keys;
	size_t vsize;
	int reads;    /* per cent of gets */
	bool fill;    /* set each key once, in order */
	bool shuffle; /* … in another order */
	double seconds, warm;
	unsigned long times; /* scans, or what the mode repeats; 0: by time */
	double rate;         /* batches a second, all together; 0: no pause */
	double throttle;     /* MiB/s that a scan's reader takes; < 0: all */
	bool discard;        /* received bytes are not copied out */
	bool verify;         /* count the records by decoding them */
	const char *query, *end;
	bool pairs; /* report key=value, for a program */
};

/* Each runs to its end, reports, and returns the exit status. */
int load_batches(const struct load_options *o);
int load_idle(const struct load_options *o);
int load_scans(const struct load_options *o);
int load_first(const struct load_options *o);
int load_drain(const struct load_options *o);
int load_redis_scan(const struct load_options *o);
int load_postgres(const struct load_options *o);
int load_blocked(const struct load_options *o);
int load_pings(const struct load_options *o);

/* A report is one line.  The CPU per unit is that of the server. */
void load_say_begin(const struct load_options *o);
void load_say(const char *key, double value, int decimals);
void load_say_span(const struct account_span *s);
void load_say_tally(const struct tally *t);
void load_say_end(void);

#endif
