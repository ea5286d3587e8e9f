/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "queue.h"

void
dur_queue_init(struct dur_queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	q->first = NULL;
	q->last = &q->first;
	q->n = 0;
}

void
dur_queue_fini(struct dur_queue *q)
{
	pthread_mutex_destroy(&q->lock);
}

enum ewb_status
dur_job_new(struct ewb_cookie *c, enum dur_verb verb, struct dur_job **job)
{
	struct dur_job *j = calloc(1, sizeof *j);

	if (!j)
		return EWB_NO_MEMORY;
	j->cookie = c;
	j->verb = verb;
	ewb_cookie_set_state(c, j, free);
	j->ticket = ewb_cookie_block(c, j);
	if (j->ticket.word == 0)
		return EWB_BUSY;
	*job = j;
	return EWB_OK;
}

/* Under the lock. */
static void
append(struct dur_queue *q, struct dur_job *j)
{
	j->next = NULL;
	j->at = q->last;
	*q->last = j;
	q->last = &j->next;
	q->n++;
	atomic_store(&j->queue, q);
}

/* Under the lock. */
static void
unlink_job(struct dur_queue *q, struct dur_job *j)
{
	*j->at = j->next;
	if (j->next)
		j->next->at = j->at;
	else
		q->last = j->at;
	q->n--;
	atomic_store(&j->queue, NULL);
}

void
dur_queue_push(struct dur_queue *q, struct dur_job *j)
{
	pthread_mutex_lock(&q->lock);
	append(q, j);
	pthread_mutex_unlock(&q->lock);
}

struct dur_job *
dur_queue_take(struct dur_queue *q, size_t n, size_t *took)
{
	struct dur_job *list = NULL, **end = &list;

	*took = 0;
	pthread_mutex_lock(&q->lock);
	while (q->first && *took < n) {
		struct dur_job *j = q->first;

		unlink_job(q, j);
		j->next = NULL;
		*end = j;
		end = &j->next;
		(*took)++;
	}
	pthread_mutex_unlock(&q->lock);
	return list;
}

void
dur_queue_give_back(struct dur_queue *q, struct dur_job *list)
{
	struct dur_job *behind, *j, **end;

	pthread_mutex_lock(&q->lock);
	behind = q->first;
	end = q->last;
	q->first = NULL;
	q->last = &q->first;
	while ((j = list) != NULL) {
		list = j->next;
		append(q, j);
	}
	if (behind) { /* they follow, and have been counted */
		behind->at = q->last;
		*q->last = behind;
		q->last = end;
	}
	pthread_mutex_unlock(&q->lock);
}

bool
dur_queue_remove(struct dur_queue *q, struct dur_job *j)
{
	bool here;

	pthread_mutex_lock(&q->lock);
	here = atomic_load(&j->queue) == q;
	if (here)
		unlink_job(q, j);
	pthread_mutex_unlock(&q->lock);
	return here;
}

size_t
dur_queue_length(struct dur_queue *q)
{
	size_t n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}
