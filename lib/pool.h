/* SPDX-License-Identifier: BSD-2-Clause */
/* Background threads in named classes, and the tasks that they run.
 *
 * A task's life:
 *
 *      IDLE ─submit─▶ QUEUED ─▶ RUNNING ─done─▶ IDLE
 *                       ▲        │  │ └─wake─▶ WOKEN ─(any return but done)─▶ QUEUED
 *                       │◀─again─┘  ├─park───▶ PARKED ─wake─▶ QUEUED
 *                       │           └─sleep──▶ SLEEPING ─time or wake─▶ QUEUED
 *      QUEUED, PARKED or SLEEPING ─cancel─▶ IDLE, and the caller ends it
 *
 * A task whose strand is busy is WAITING in the strand's queue where another
 * would be QUEUED; for everybody but the pool the two are one.  A task has its
 * strand while it is queued and running, not while it is parked or sleeps.
 *
 * A task never runs on two threads at once.  Parked and sleeping tasks hold
 * no thread.  Nothing is allocated once the timers have room.
 *
 * A pool made with threads = 0 everywhere runs nothing by itself: a test
 * steps it with ewb_pool_step().
 */
#ifndef LIB_POOL_H
#define LIB_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/hist.h"

enum ewb_after {
	EWB_TASK_DONE,  /* IDLE; the task's memory is its owner's again */
	EWB_TASK_AGAIN, /* to the end of the queue */
	EWB_TASK_PARK,
	EWB_TASK_SLEEP  /* for sleep_us */
};

struct ewb_job;
struct ewb_timing;
/* pool.  With EWB_TASK_DONE the pool does not touch the job after the call,
 * but *before* the return the job must not be freed or submitted again: do
 * that in finished(), which is the last thing that the pool does with it. */
typedef enum ewb_after ewb_job_fn(struct ewb_job *j);
typedef void ewb_job_done_fn(struct ewb_job *j);

/* One type of task: where it runs, what it is called, how long it took. */
struct ewb_job_type {
	const char *name;
	unsigned where;           /* class */
	ewb_job_fn *run;
	ewb_job_done_fn *finished; /* pool, after DONE; null: nothing */
};

/* Zero-filled is empty; see lib/queue.h. */
struct ewb_queue {
	struct ewb_job *first, *last;
};

/* One at a time: jobs that name the same strand never run together, in
 * whatever classes they are.  They run in the order in which they were
 * submitted or woken. */
struct ewb_strand {
	/* under lock */
	pthread_mutex_t lock;
	int busy;                 /* one of its jobs is queued or runs */
	struct ewb_queue waiting; /* in order */
};
void ewb_strand_init(struct ewb_strand *s);
void ewb_strand_fini(struct ewb_strand *s);

struct ewb_job {
	/* set by its owner while IDLE */
	const struct ewb_job_type *type;
	struct ewb_strand *strand; /* or null */
	/* set by run() */
	uint64_t sleep_us;
	/* the pool's */
	_Atomic uint32_t state;
	struct ewb_job *next, *prev;
	struct ewb_timer timer;
	struct ewb_timing *timing; /* of its type; null: no memory for it */
	uint64_t queued_at, started_at;
	uint64_t ended_at; /* of its last run, before finished() */
};

/* Jobs to submit together, in order.  Zero-filled is empty.  One thread. */
struct ewb_batch {
	struct ewb_job *first, *last;
	size_t n;
};

enum ewb_policy { EWB_POLICY_NORMAL, EWB_POLICY_BATCH, EWB_POLICY_IDLE };

#define EWB_POOL_CLASSES 3

struct ewb_class_options {
	const char *name;
	unsigned threads; /* 0: stepped by hand */
	enum ewb_policy policy;
	int nice;
};

struct ewb_class_stats {
	const char *name;
	unsigned threads;
	uint64_t queued, parked, sleeping, running; /* now */
	uint64_t submitted, ran, cancelled, wakes;  /* in all; threads woken */
	struct ewb_hist wait_us, run_us;
};

struct ewb_pool;

/* Null and *err = -errno when threads cannot be had.  The clock stays the
 * caller's.  A type gets its histograms at its first run. */
struct ewb_pool *ewb_pool_new(const struct ewb_class_options o[EWB_POOL_CLASSES],
                              struct ewb_clock *clock, int *err);
/* No job may be queued, parked, sleeping or running.  Joins the threads. */
void ewb_pool_free(struct ewb_pool *p);

/* any: appends; the batch is emptied.  One lock for each class in it, one
 * thread woken for each at most (a thread that finds more work than it takes
 * wakes the next). */
void ewb_pool_submit(struct ewb_pool *p, struct ewb_batch *b);
void ewb_batch_add(struct ewb_batch *b, struct ewb_job *j);
/* any: as above, one job. */
void ewb_pool_submit1(struct ewb_pool *p, struct ewb_job *j);
/* any: see the drawing.  What the caller did before is seen by the run that
 * this causes, or by the one that was to come anyway.  Of an IDLE job nothing
 * but its state is read. */
void ewb_pool_wake(struct ewb_pool *p, struct ewb_job *j);
/* any: 1: taken out, it will not run and finished() is not called; the job is
 * the caller's.  0: it is running, or was not in the pool. */
int ewb_pool_cancel(struct ewb_pool *p, struct ewb_job *j);
/* any */
void ewb_pool_stats(struct ewb_pool *p, unsigned where,
                    struct ewb_class_stats *out);
/* any: what is counted, and the histograms, begin anew. */
void ewb_pool_reset(struct ewb_pool *p);
/* any: is it queued, running, parked or asleep?  Null: it is idle. */
const char *ewb_job_state_name(const struct ewb_job *j);
/* any: nothing queued, sleeping or running (parked ones may be)?  A job runs
 * until its finished() has returned. */
int ewb_pool_quiet(struct ewb_pool *p);
/* any: queued jobs of a class now, without the lock: for fairness. */
size_t ewb_pool_backlog(const struct ewb_pool *p, unsigned where);
/* A class without threads: queues the sleepers whose time has come, then runs
 * one job.  0 when there was none. */
int ewb_pool_step(struct ewb_pool *p, unsigned where);

/* Histograms per task type, for the statistics: calls fn for each type name
 * that has run. */
void ewb_pool_types(struct ewb_pool *p,
                    void (*fn)(void *arg, const char *name,
                               const struct ewb_hist *wait_us,
                               const struct ewb_hist *run_us),
                    void *arg);

#endif
