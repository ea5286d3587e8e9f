/* SPDX-License-Identifier: BSD-2-Clause */
/* One class of a pool: its queue, its sleepers, its threads.  For lib/pool.c
 * and those next to it only.
 *
 * Threads that find nothing to do rest: one, the leader, until the first
 * sleeper's time, and only while there are sleepers; the others until they are
 * called.  At most one thread is on its way at a time; it calls the next one
 * when there is more than it takes.
 */
#ifndef LIB_CLASS_H
#define LIB_CLASS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/hist.h"
#include "lib/pool.h"
#include "lib/timing.h"

enum ewb_job_state {
	EWB_JOB_IDLE, /* zero-filled */
	EWB_JOB_QUEUED,
	EWB_JOB_WAITING, /* for its strand */
	EWB_JOB_RUNNING,
	EWB_JOB_WOKEN, /* runs, and was woken meanwhile */
	EWB_JOB_PARKED,
	EWB_JOB_SLEEPING
};

struct ewb_class {
	/* set once, by open */
	char name[16];
	struct ewb_class *all; /* the pool's classes */
	struct ewb_clock *clock;
	enum ewb_policy policy;
	int nice;
	unsigned nthreads;
	pthread_t *threads;

	pthread_mutex_t lock;
	pthread_cond_t called;  /* those who rest */
	pthread_cond_t looking; /* the leader */
	/* under lock */
	struct ewb_queue queue; /* each has its strand, if it needs one */
	struct ewb_heap sleepers;
	unsigned resting;   /* without the leader and who was called */
	unsigned started;   /* threads that have named themselves */
	bool coming;        /* one who rested was called, and is on the way */
	bool leader;        /* there is one */
	bool leader_coming; /* it was called */
	bool stop;
	uint64_t parked, sleeping, running, submitted, ran, cancelled, wakes;
	struct ewb_timings timings;
	/* written under lock, read by any thread */
	_Atomic size_t queued; /* those that wait for a strand too */
};

/* Without threads; see lib/worker.h. */
void ewb_class_init(struct ewb_class *c, const struct ewb_class_options *o,
                    struct ewb_clock *clock, struct ewb_class *all);
/* No job may be in it, no thread run. */
void ewb_class_fini(struct ewb_class *c);

void ewb_class_lock(struct ewb_class *c);
void ewb_class_unlock(struct ewb_class *c);

/* The functions below want the lock held. */

/* Appends a job that has its strand, or needs none.  Calls nobody. */
void ewb_class_push(struct ewb_class *c, struct ewb_job *j);
/* The job is to run: queues it here or, when its strand is busy, there.  The
 * job may come from anywhere but a queue.  Calls nobody. */
void ewb_class_ready(struct ewb_class *c, struct ewb_job *j, uint64_t now);
/* Calls a thread if one is needed, none is coming and one rests. */
void ewb_class_call(struct ewb_class *c);
/* Queues the sleepers whose time has come, takes out the first job; null when
 * there is none.  It is RUNNING.  now: as the last run has returned it; 0: the
 * clock is read. */
struct ewb_job *ewb_class_take(struct ewb_class *c, uint64_t now);
/* Takes a job out that does not run; whether it was there to take.  *held is
 * the strand that it had, for ewb_strand_leave once the lock is free; or
 * null. */
bool ewb_class_drop(struct ewb_class *c, struct ewb_job *j,
                    struct ewb_strand **held);
/* A parked or sleeping job is to run.  Others are left as they are. */
void ewb_class_wake(struct ewb_class *c, struct ewb_job *j);

/* The lock not held, but when it returns: runs a job that was taken, and all
 * that comes after.  The time when it ended. */
uint64_t ewb_class_run(struct ewb_class *c, struct ewb_job *j);

#endif
