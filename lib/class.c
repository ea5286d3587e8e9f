/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>

#include "lib/check.h"
#include "lib/class.h"
#include "lib/queue.h"
#include "lib/strand.h"

#define SLEEPERS_AT_FIRST 64

static struct ewb_job *
job_of(struct ewb_timer *t)
{
	return (struct ewb_job *)((char *)t - offsetof(struct ewb_job, timer));
}

static uint64_t
since(uint64_t then, uint64_t now)
{
	return now > then ? now - then : 0; /* a test may set its clock back */
}

void
ewb_class_init(struct ewb_class *c, const struct ewb_class_options *o,
               struct ewb_clock *clock, struct ewb_class *all)
{
	pthread_condattr_t attr;

	*c = (struct ewb_class){
		.all = all, .clock = clock, .policy = o->policy, .nice = o->nice
	};
	snprintf(c->name, sizeof(c->name), "%s", o->name ? o->name : "pool");
	EWB_MUST0(pthread_mutex_init(&c->lock, NULL));
	EWB_MUST0(pthread_condattr_init(&attr));
	EWB_MUST0(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
	EWB_MUST0(pthread_cond_init(&c->called, &attr));
	EWB_MUST0(pthread_cond_init(&c->looking, &attr));
	EWB_MUST0(pthread_condattr_destroy(&attr));
}

void
ewb_class_fini(struct ewb_class *c)
{
	EWB_MUST(!c->queue.first && !c->parked && !c->sleeping && !c->running);
	EWB_MUST(atomic_load(&c->queued) == 0);
	ewb_timings_fini(&c->timings);
	ewb_heap_fini(&c->sleepers);
	EWB_MUST0(pthread_cond_destroy(&c->looking));
	EWB_MUST0(pthread_cond_destroy(&c->called));
	EWB_MUST0(pthread_mutex_destroy(&c->lock));
}

void
ewb_class_lock(struct ewb_class *c)
{
	EWB_MUST0(pthread_mutex_lock(&c->lock));
}

void
ewb_class_unlock(struct ewb_class *c)
{
	EWB_MUST0(pthread_mutex_unlock(&c->lock));
}

/* The count is written under the lock; relaxed because who reads it without
 * wants a rough number and concludes nothing else from it. */
static void
count_queued(struct ewb_class *c, size_t by)
{
	size_t n = atomic_load_explicit(&c->queued, memory_order_relaxed);

	atomic_store_explicit(&c->queued, n + by, memory_order_relaxed);
}

void
ewb_class_push(struct ewb_class *c, struct ewb_job *j)
{
	atomic_exchange(&j->state, EWB_JOB_QUEUED);
	ewb_queue_add(&c->queue, j);
}

void
ewb_class_ready(struct ewb_class *c, struct ewb_job *j, uint64_t now)
{
	j->queued_at = now;
	count_queued(c, 1);
	if (ewb_strand_join(j))
		ewb_class_push(c, j);
}

void
ewb_class_call(struct ewb_class *c)
{
	if (c->coming || c->leader_coming)
		return; /* it will look, and call the next */
	if (c->resting && (c->queue.first || (c->sleepers.n && !c->leader))) {
		c->resting--;
		c->coming = true;
		c->wakes++;
		EWB_MUST0(pthread_cond_signal(&c->called));
	} else if (c->queue.first && c->leader) {
		c->leader_coming = true;
		c->wakes++;
		EWB_MUST0(pthread_cond_signal(&c->looking));
	}
}

/* Whoever notes what it wants and then wakes the job does so by changing the
 * state; so does this, and thus the run sees the note. */
static void
start(struct ewb_class *c, struct ewb_job *j, uint64_t now)
{
	struct ewb_timing *t = ewb_timing_of(&c->timings, j->type);

	atomic_exchange(&j->state, EWB_JOB_RUNNING);
	j->started_at = now;
	count_queued(c, (size_t)-1);
	c->running++;
	j->timing = t;
	if (t)
		ewb_hist_add(&t->wait_us, since(j->queued_at, now));
}

struct ewb_job *
ewb_class_take(struct ewb_class *c, uint64_t now)
{
	struct ewb_timer *t;
	struct ewb_job *j;

	if (!c->queue.first && !c->sleepers.n)
		return NULL;
	if (now == 0)
		now = ewb_clock_us(c->clock);
	while ((t = ewb_heap_due(&c->sleepers, now))) {
		c->sleeping--;
		ewb_class_ready(c, job_of(t), now);
	}
	j = c->queue.first;
	if (j) {
		ewb_queue_drop(&c->queue, j);
		start(c, j, now);
	}
	return j;
}

bool
ewb_class_drop(struct ewb_class *c, struct ewb_job *j, struct ewb_strand **held)
{
	*held = NULL;
	switch ((enum ewb_job_state)atomic_load(&j->state)) {
	case EWB_JOB_QUEUED:
		ewb_queue_drop(&c->queue, j);
		count_queued(c, (size_t)-1);
		*held = j->strand;
		break;
	case EWB_JOB_WAITING:
		ewb_strand_drop(j);
		count_queued(c, (size_t)-1);
		break;
	case EWB_JOB_PARKED: c->parked--; break;
	case EWB_JOB_SLEEPING:
		ewb_heap_drop(&c->sleepers, &j->timer);
		c->sleeping--;
		break;
	default: return false;
	}
	c->cancelled++;
	atomic_exchange(&j->state, EWB_JOB_IDLE);
	return true;
}

void
ewb_class_wake(struct ewb_class *c, struct ewb_job *j)
{
	switch ((enum ewb_job_state)atomic_load(&j->state)) {
	case EWB_JOB_PARKED: c->parked--; break;
	case EWB_JOB_SLEEPING:
		ewb_heap_drop(&c->sleepers, &j->timer);
		c->sleeping--;
		break;
	default: return;
	}
	ewb_class_ready(c, j, ewb_clock_us(c->clock));
	ewb_class_call(c);
}

/* False: it was woken meanwhile, and runs again. */
static bool
stand_still(struct ewb_job *j, enum ewb_job_state how)
{
	uint32_t running = EWB_JOB_RUNNING;

	return atomic_compare_exchange_strong(&j->state, &running, how);
}

/* False: it could not; no memory for one more timer is no reason to lose a
 * job. */
static bool
put_to_sleep(struct ewb_class *c, struct ewb_job *j, uint64_t now)
{
	uint64_t until = now + j->sleep_us;

	if (until < now)
		until = UINT64_MAX;
	/* Twice as much at a time, so it is seldom under the lock. */
	if (c->sleepers.n >= c->sleepers.cap &&
	    ewb_heap_reserve(&c->sleepers,
	                     c->sleepers.n * 2 + SLEEPERS_AT_FIRST) < 0)
		return false;
	if (!stand_still(j, EWB_JOB_SLEEPING))
		return false;
	EWB_MUST0(ewb_heap_add(&c->sleepers, &j->timer, until));
	c->sleeping++;
	/* The leader looks for how long it may rest now. */
	if (c->leader && ewb_heap_first(&c->sleepers) == &j->timer)
		EWB_MUST0(pthread_cond_signal(&c->looking));
	return true;
}

uint64_t
ewb_class_run(struct ewb_class *c, struct ewb_job *j)
{
	const struct ewb_job_type *type = j->type;
	struct ewb_timing *timing = j->timing;
	uint64_t started_at = j->started_at;
	enum ewb_after after = type->run(j);
	uint64_t now = ewb_clock_us(c->clock);

	/* First of all: while it runs, the job keeps its strand alive. */
	ewb_strand_leave(c->all, j->strand);
	if (after == EWB_TASK_DONE) {
		j->ended_at = now;
		/* from here on whoever looks finds that it is not here */
		atomic_exchange(&j->state, EWB_JOB_IDLE);
		if (type->finished)
			type->finished(j);
	}
	ewb_class_lock(c);
	c->ran++;
	c->running--;
	if (timing)
		ewb_hist_add(&timing->run_us, since(started_at, now));
	if (after == EWB_TASK_DONE)
		return now;
	if (after == EWB_TASK_PARK && stand_still(j, EWB_JOB_PARKED))
		c->parked++;
	else if (after != EWB_TASK_SLEEP || !put_to_sleep(c, j, now))
		ewb_class_ready(c, j, now);
	return now;
}
