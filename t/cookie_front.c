/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "lib/check.h"
#include "t/cookie_front.h"

uint64_t
thread_seed(void)
{
	const char *text = getenv("EWB_SEED");

	return text ? strtoull(text, NULL, 10) : 20240229;
}

uint32_t
random_below(uint64_t *rng, uint32_t n)
{
	*rng = *rng * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*rng >> 33) % n;
}

static void
wake(void *arg)
{
	struct thread_front *f = arg;

	EWB_MUST0(pthread_mutex_lock(&f->lock));
	f->awake = true;
	EWB_MUST0(pthread_cond_signal(&f->woken));
	EWB_MUST0(pthread_mutex_unlock(&f->lock));
}

void
thread_front_init(struct thread_front *f, struct ewb_core *core,
                  const struct ewb_desk *desk, unsigned number)
{
	f->rng = thread_seed() + 1000 * number;
	f->awake = false;
	EWB_MUST0(pthread_mutex_init(&f->lock, NULL));
	EWB_MUST0(pthread_cond_init(&f->woken, NULL));
	EWB_MUST0(ewb_dispatch_init(&f->d, core, desk, wake, f));
}

void
thread_front_adopt(struct thread_front *f)
{
	EWB_MUST(f->d.naway == 0);
	f->d.thread = pthread_self();
}

void
thread_front_fini(struct thread_front *f)
{
	thread_front_adopt(f);
	ewb_now_on_front(f->d.thread);
	ewb_dispatch_fini(&f->d);
	EWB_MUST0(pthread_cond_destroy(&f->woken));
	EWB_MUST0(pthread_mutex_destroy(&f->lock));
}

/* Under the lock: until somebody wakes us, or us have passed. */
static int
wait_for_wake(struct thread_front *f, uint64_t us)
{
	struct timespec until;

	if (us == UINT64_MAX) /* a lost wake is for ever */
		return pthread_cond_wait(&f->woken, &f->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(us / 1000000);
	until.tv_nsec += (long)(us % 1000000) * 1000 + 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_cond_timedwait(&f->woken, &f->lock, &until);
}

void
thread_front_rest(struct thread_front *f)
{
	uint64_t us = ewb_dispatch_next(&f->d);
	int err = 0;

	if (!ewb_inbox_sleep(&f->d.inbox))
		return;
	EWB_MUST0(pthread_mutex_lock(&f->lock));
	while (!f->awake && err == 0)
		err = wait_for_wake(f, us);
	f->awake = false;
	EWB_MUST(err == 0 || err == ETIMEDOUT);
	EWB_MUST0(pthread_mutex_unlock(&f->lock));
	ewb_inbox_awake(&f->d.inbox);
}
