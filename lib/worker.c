/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "lib/check.h"
#include "lib/worker.h"

#define US_PER_S 1000000u

static void
say_name(const struct ewb_class *c, unsigned number)
{
	char name[16];

	snprintf(name, sizeof(name), "ewb-%.7s/%u", c->name, number % 1000);
	/* For people who look: without it nothing is worse. */
	(void)pthread_setname_np(pthread_self(), name);
}

/* Zero means the calling thread for both calls on Linux.  One that has no
 * privilege for it runs with what it has. */
static void
take_policy(const struct ewb_class *c)
{
	const struct sched_param none = { .sched_priority = 0 };

	if (c->policy == EWB_POLICY_BATCH)
		(void)sched_setscheduler(0, SCHED_BATCH, &none);
	if (c->policy == EWB_POLICY_IDLE)
		(void)sched_setscheduler(0, SCHED_IDLE, &none);
	if (c->nice)
		(void)setpriority(PRIO_PROCESS, 0, c->nice);
}

static void
wait_until(struct ewb_class *c, uint64_t us)
{
	const struct timespec until = {
		.tv_sec = (time_t)(us / US_PER_S),
		.tv_nsec = (long)(us % US_PER_S) * 1000,
	};
	int err = pthread_cond_timedwait(&c->looking, &c->lock, &until);

	EWB_MUST(err == 0 || err == ETIMEDOUT);
}

/* Rests until the earliest sleeper's time, or until called. */
static void
lead(struct ewb_class *c)
{
	struct ewb_timer *t;

	c->leader = true;
	while (!c->leader_coming && !c->stop &&
	       (t = ewb_heap_first(&c->sleepers)) &&
	       t->when > ewb_clock_us(c->clock)) {
		/* A clock that a test stopped says nothing about how long. */
		if (atomic_load(&c->clock->stopped_at))
			EWB_MUST0(pthread_cond_wait(&c->looking, &c->lock));
		else
			wait_until(c, t->when);
	}
	c->leader = c->leader_coming = false;
}

static void
rest(struct ewb_class *c)
{
	if (c->sleepers.n && !c->leader) {
		lead(c);
		return;
	}
	c->resting++;
	while (!c->coming && !c->stop)
		EWB_MUST0(pthread_cond_wait(&c->called, &c->lock));
	c->coming = false;
}

static void *
work(void *arg)
{
	struct ewb_class *c = arg;
	uint64_t now = 0;
	unsigned number;

	ewb_class_lock(c);
	number = c->started++;
	ewb_class_unlock(c);
	say_name(c, number);
	take_policy(c);
	ewb_class_lock(c);
	while (!c->stop) {
		struct ewb_job *j = ewb_class_take(c, now);

		if (!j) {
			rest(c);
			now = 0;
			continue;
		}
		ewb_class_call(c);
		ewb_class_unlock(c);
		now = ewb_class_run(c, j);
	}
	ewb_class_unlock(c);
	return NULL;
}

/* With all signals blocked, which the threads inherit: signals are for the
 * program's own. */
static int
start_blocked(struct ewb_class *c, unsigned n)
{
	sigset_t all, before;
	int err = 0;

	sigfillset(&all);
	EWB_MUST0(pthread_sigmask(SIG_SETMASK, &all, &before));
	while (!err && c->nthreads < n) {
		err = pthread_create(&c->threads[c->nthreads], NULL, work, c);
		if (!err)
			c->nthreads++;
	}
	EWB_MUST0(pthread_sigmask(SIG_SETMASK, &before, NULL));
	return -err;
}

int
ewb_workers_open(struct ewb_class *c, unsigned n)
{
	int err;

	if (n == 0)
		return 0;
	c->threads = calloc(n, sizeof(*c->threads));
	if (!c->threads)
		return -ENOMEM;
	err = start_blocked(c, n);
	if (err)
		ewb_workers_close(c);
	return err;
}

void
ewb_workers_close(struct ewb_class *c)
{
	ewb_class_lock(c);
	c->stop = true;
	EWB_MUST0(pthread_cond_broadcast(&c->called));
	EWB_MUST0(pthread_cond_broadcast(&c->looking));
	ewb_class_unlock(c);
	while (c->nthreads)
		EWB_MUST0(pthread_join(c->threads[--c->nthreads], NULL));
	free(c->threads);
	c->threads = NULL;
}
