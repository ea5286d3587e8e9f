/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine with threads of its own, which do now and then what they may not:
 * notify twice, and with tickets of long ago.
 *
 * Its keys are a digit and a letter: each digit has a number; the letter says
 * which way its commands go: b would block, o are offloaded, i are answered at
 * once. */
#ifndef T_BUSY_ENGINE_H
#define T_BUSY_ENGINE_H

#include <ewb/engine.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define BUSY_KEYS 4
#define BUSY_THREADS 2
#define BUSY_QUEUE 4096

struct busy_request {
	struct ewb_ticket ticket;
	struct ewb_cookie *cookie;
};

extern struct busy_engine {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t threads[BUSY_THREADS];
	/* under lock */
	struct busy_request queue[BUSY_QUEUE];
	unsigned first, n;
	bool stop;
	uint64_t value[BUSY_KEYS], cas[BUSY_KEYS];
	/* any thread */
	_Atomic unsigned cancels, notified, blocked;
	_Atomic unsigned wrong; /* notifies that were told something else */
} busy_engine;

void busy_begin(uint64_t seed);
/* After the last command; a thread may still be at its tricks. */
void busy_end(void);
/* As an engine of that model. */
struct ewb_engine busy_as(const char *name, enum ewb_model model);

#endif
