/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/await.h"
#include "cookie/task.h"
#include "lib/check.h"

static void
lock(struct ewb_awaits *a)
{
	EWB_MUST0(pthread_mutex_lock(&a->lock));
}

static void
unlock(struct ewb_awaits *a)
{
	EWB_MUST0(pthread_mutex_unlock(&a->lock));
}

void
ewb_awaits_init(struct ewb_awaits *a)
{
	atomic_init(&a->n, 0);
	a->first = NULL;
	EWB_MUST0(pthread_mutex_init(&a->lock, NULL));
}

void
ewb_awaits_fini(struct ewb_awaits *a)
{
	EWB_MUST(a->first == NULL);
	EWB_MUST0(pthread_mutex_destroy(&a->lock));
}

void
ewb_await_add(struct ewb_awaits *a, struct ewb_await *w)
{
	lock(a);
	if (w->at == NULL) {
		w->next = a->first;
		if (w->next)
			w->next->at = &w->next;
		w->at = &a->first;
		a->first = w;
		atomic_fetch_add(&a->n, 1);
	}
	unlock(a);
}

void
ewb_await_drop(struct ewb_awaits *a, struct ewb_await *w)
{
	lock(a);
	if (w->at) {
		*w->at = w->next;
		if (w->next)
			w->next->at = w->at;
		w->at = NULL;
		atomic_fetch_sub(&a->n, 1);
	}
	unlock(a);
}

void
ewb_await_wake(struct ewb_awaits *a, struct ewb_await *w)
{
	lock(a);
	if (w->at)
		ewb_task_wake_job(w->task);
	unlock(a);
}

void
ewb_awaits_reached(struct ewb_awaits *a, uint16_t vbucket, uint64_t seqno)
{
	lock(a);
	for (struct ewb_await *w = a->first; w; w = w->next)
		if (w->vbucket == vbucket && w->seqno <= seqno)
			ewb_task_wake_job(w->task);
	unlock(a);
}
