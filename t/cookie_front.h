/* SPDX-License-Identifier: BSD-2-Clause */
/* A front end on a thread of its own, without sockets: it sleeps until a letter
 * comes, or a deadline.  And random numbers that can be had again. */
#ifndef T_COOKIE_FRONT_H
#define T_COOKIE_FRONT_H

#include <stdbool.h>

#include "cookie/dispatch.h"

struct thread_front {
	struct ewb_dispatch d; /* first */
	pthread_t thread;
	uint64_t rng;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool awake; /* under lock */
};

/* number: of the front ends, for the random numbers. */
void thread_front_init(struct thread_front *f, struct ewb_core *core,
                       const struct ewb_desk *desk, unsigned number);
/* The calling thread is the front end's from now on; nothing is in flight. */
void thread_front_adopt(struct thread_front *f);
/* In any thread, when its own has ended. */
void thread_front_fini(struct thread_front *f);
/* Its thread: until somebody wakes it, or the next deadline. */
void thread_front_rest(struct thread_front *f) EWB_ON_FRONT;

/* EWB_SEED in the environment, or always the same. */
uint64_t thread_seed(void);
/* 0 to n - 1 */
uint32_t random_below(uint64_t *rng, uint32_t n);

#endif
