/* SPDX-License-Identifier: BSD-2-Clause */
/* Those who are to be served, whatever the others do: they get a record on
 * connections that they have from the beginning, at a steady rate.  A get is said
 * when it is due, whether or not the last one has been answered, so that each says
 * how long one takes that comes just then. */
#ifndef BENCH_GUESTS_H
#define BENCH_GUESTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "bench/tally.h"

#define GUESTS_MOST 64
#define GUESTS_PHASES 5
#define GUESTS_SET "set storm-guest 0 0 5\r\nhello\r\n" /* what they get */

struct guests {
	/* set once */
	int port;
	unsigned n;
	unsigned rate; /* gets a second; 0: the next when one is answered */
	pthread_t thread;
	/* the thread's, until it has ended; gets by when they were due */
	struct tally took[GUESTS_PHASES]; /* from then on */
	struct tally late[GUESTS_PHASES]; /* until they were said */
	uint64_t again; /* packets that their sides had to send again */
	/* any */
	_Atomic unsigned phase; /* GUESTS_PHASES: no more gets */
	_Atomic unsigned served[GUESTS_PHASES], failed[GUESTS_PHASES];
};

/* port, n and rate are there.  Ends the program if it does not begin. */
void guests_begin(struct guests *g);
/* Waits until all is answered, or has failed. */
void guests_end(struct guests *g);

#endif
