/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocked commands, in the order in which they came.
 *
 *      callback ──push──▶ queue ──take──▶ a task: works, fills the reply, notifies
 *                          └── cancel removes it ──▶ notifies
 *
 * Who gets a job out of the queue, under its lock, is the only one to have it:
 * so there is one notify, never none and never two.  A job is its cookie's
 * state; it is freed on the front end when the command has ended, which is why
 * cancel, on that same thread, may be given a pointer to it. */
#ifndef DURABLE_QUEUE_H
#define DURABLE_QUEUE_H

#include <ewb/engine.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct dur_queue;

enum dur_verb {
	DUR_GET,
	DUR_STORE,
	DUR_REMOVE,
	DUR_FLUSH,
	DUR_SWEEP /* nobody's: without a ticket and a cookie */
};

struct dur_job {
	/* set once, before it is pushed; the queue's task may use it all */
	struct ewb_ticket ticket;
	struct ewb_cookie *cookie;
	enum dur_verb verb;
	uint64_t note; /* the engine's own */
	/* whose it is: changed under that queue's lock; null: a task's */
	struct dur_queue *_Atomic queue;
	/* under the lock of its queue */
	struct dur_job *next, **at;
	/* the task's */
	enum ewb_status status;
	uint64_t cas;
};

struct dur_queue {
	pthread_mutex_t lock;
	/* under lock */
	struct dur_job *first, **last;
	size_t n;
};

void dur_queue_init(struct dur_queue *q);
void dur_queue_fini(struct dur_queue *q);

/* front, in a callback's first run: a job for this command, its state from
 * now on, and blocked.  EWB_OK, EWB_NO_MEMORY or EWB_BUSY. */
enum ewb_status dur_job_new(struct ewb_cookie *c, enum dur_verb verb,
                            struct dur_job **job);
/* any: the job is not the caller's any more. */
void dur_queue_push(struct dur_queue *q, struct dur_job *j);
/* any: up to n of them, a list in order that ends with null; *took: how many. */
struct dur_job *dur_queue_take(struct dur_queue *q, size_t n, size_t *took);
/* any: in front of all others, a list as take gives it. */
void dur_queue_give_back(struct dur_queue *q, struct dur_job *list);
/* front, from cancel: true when it was in this queue, and is the caller's. */
bool dur_queue_remove(struct dur_queue *q, struct dur_job *j);
/* any: how many there are; it may be another number at once. */
size_t dur_queue_length(struct dur_queue *q);

#endif
