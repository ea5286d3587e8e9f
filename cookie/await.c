/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/await.h"
#include "cookie/task.h"
#include "lib/check.h"

static struct ewb_await_list *
locked(struct ewb_awaits *a, uint16_t vbucket)
{
	struct ewb_await_list *l = ewb_await_list(a, vbucket);

	EWB_MUST0(pthread_mutex_lock(&l->lock));
	return l;
}

static void
unlock(struct ewb_await_list *l)
{
	EWB_MUST0(pthread_mutex_unlock(&l->lock));
}

void
ewb_awaits_init(struct ewb_awaits *a)
{
	for (unsigned i = 0; i < EWB_AWAIT_LISTS; i++) {
		atomic_init(&a->lists[i].lowest, UINT64_MAX);
		a->lists[i].first = NULL;
		EWB_MUST0(pthread_mutex_init(&a->lists[i].lock, NULL));
	}
}

void
ewb_awaits_fini(struct ewb_awaits *a)
{
	for (unsigned i = 0; i < EWB_AWAIT_LISTS; i++) {
		EWB_MUST(a->lists[i].first == NULL);
		EWB_MUST0(pthread_mutex_destroy(&a->lists[i].lock));
	}
}

static void
unlink_one(struct ewb_await *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	w->at = NULL;
}

static void
find_lowest(struct ewb_await_list *l)
{
	uint64_t lowest = UINT64_MAX;

	for (const struct ewb_await *w = l->first; w; w = w->next)
		if (w->seqno < lowest)
			lowest = w->seqno;
	atomic_store(&l->lowest, lowest);
}

void
ewb_await_add(struct ewb_awaits *a, struct ewb_await *w, struct ewb_task *task)
{
	struct ewb_await_list *l = locked(a, w->vbucket);

	if (w->at == NULL) {
		w->task = task;
		w->next = l->first;
		if (w->next)
			w->next->at = &w->next;
		w->at = &l->first;
		l->first = w;
		if (w->seqno < atomic_load(&l->lowest))
			atomic_store(&l->lowest, w->seqno);
	}
	unlock(l);
}

void
ewb_await_drop(struct ewb_awaits *a, struct ewb_await *w)
{
	struct ewb_await_list *l = locked(a, w->vbucket);

	if (w->at) {
		unlink_one(w);
		if (w->seqno == atomic_load(&l->lowest))
			find_lowest(l);
	}
	unlock(l);
}

void
ewb_await_wake(struct ewb_awaits *a, struct ewb_await *w)
{
	struct ewb_await_list *l = locked(a, w->vbucket);

	if (w->at)
		ewb_task_wake_job(w->task);
	unlock(l);
}

void
ewb_awaits_reached(struct ewb_awaits *a, uint16_t vbucket, uint64_t seqno)
{
	struct ewb_await_list *l = locked(a, vbucket);
	struct ewb_await *next;

	for (struct ewb_await *w = l->first; w; w = next) {
		next = w->next;
		if (w->seqno > seqno)
			continue;
		ewb_task_wake_job(w->task);
		unlink_one(w); /* it adds itself again if it has to */
	}
	find_lowest(l);
	unlock(l);
}
