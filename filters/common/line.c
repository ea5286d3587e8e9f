/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>

#include "line.h"

static int
before(const struct line_place *a, const struct line_place *b)
{
	return a->at < b->at || (a->at == b->at && a->turn < b->turn);
}

static void
swap(struct line_place *a, struct line_place *b)
{
	struct line_place was = *a;

	*a = *b;
	*b = was;
}

/* Under the lock. */
static void
sift_up(struct line *l, size_t i)
{
	for (; i && before(&l->heap[i], &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&l->heap[i], &l->heap[(i - 1) / 2]);
}

/* Under the lock. */
static void
sift_down(struct line *l)
{
	size_t i = 0, least;

	for (;;) {
		least = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < l->n; k++)
			if (before(&l->heap[k], &l->heap[least]))
				least = k;
		if (least == i)
			return;
		swap(&l->heap[i], &l->heap[least]);
		i = least;
	}
}

/* The first, if it is due: 1.  0: *left until it is; or UINT64_MAX. */
static int
take_due(struct line *l, uint64_t now, struct ewb_ticket *t, uint64_t *left)
{
	int due;

	pthread_mutex_lock(&l->lock);
	due = l->n && l->heap[0].at <= now;
	*left = l->n ? l->heap[0].at - now : UINT64_MAX;
	if (due) {
		*t = l->heap[0].ticket;
		l->heap[0] = l->heap[--l->n];
		sift_down(l);
	}
	pthread_mutex_unlock(&l->lock);
	return due;
}

static void
run(struct ewb_task *task, void *arg)
{
	struct line *l = arg;
	uint64_t now = ewb_host_clock(l->host), left;
	struct ewb_ticket t;

	while (take_due(l, now, &t, &left))
		if (l->leave)
			l->leave(l, t);
		else if (!ewb_cancelled(t)) /* else line_cancel() notified it */
			ewb_notify(t, EWB_OK);
	if (left != UINT64_MAX)
		ewb_task_sleep(task, left);
}

int
line_init(struct line *l, struct ewb_host *host)
{
	*l = (struct line){ .host = host };
	pthread_mutex_init(&l->lock, NULL);
	l->task = ewb_task_new(host, EWB_READER, "line", run, l);
	if (l->task)
		return 0;
	pthread_mutex_destroy(&l->lock);
	return -1;
}

void
line_fini(struct line *l)
{
	ewb_task_free(l->task);
	pthread_mutex_destroy(&l->lock);
	free(l->heap);
}

/* Under the lock: room for one more. */
static int
grow(struct line *l)
{
	size_t cap = l->cap ? l->cap * 2 : 64;
	struct line_place *heap;

	if (l->n < l->cap)
		return 0;
	heap = realloc(l->heap, cap * sizeof *heap);
	if (heap == NULL)
		return -1;
	l->heap = heap;
	l->cap = cap;
	return 0;
}

/* Under the lock.  1: it is the first now. */
static int
add(struct line *l, struct ewb_ticket t, uint64_t at)
{
	l->heap[l->n] = (struct line_place){ at, l->turns++, t };
	sift_up(l, l->n++);
	return l->heap[0].turn == l->turns - 1;
}

int
line_join(struct line *l, struct ewb_ticket t, uint64_t at)
{
	int first = 0, err;

	pthread_mutex_lock(&l->lock);
	err = grow(l);
	if (err == 0)
		first = add(l, t, at);
	pthread_mutex_unlock(&l->lock);
	if (first)
		ewb_task_wake(l->task);
	return err;
}

enum ewb_status
line_wait(struct line *l, struct ewb_cookie *c, uint64_t at)
{
	enum ewb_status status = EWB_NO_MEMORY;
	struct ewb_ticket t;
	int first = 0;

	pthread_mutex_lock(&l->lock);
	if (grow(l) == 0) {
		t = ewb_cookie_block(c, NULL);
		status = t.word ? EWB_WOULDBLOCK : EWB_BUSY;
		if (t.word)
			first = add(l, t, at);
	}
	pthread_mutex_unlock(&l->lock);
	if (first)
		ewb_task_wake(l->task);
	return status;
}

void
line_cancel(struct ewb_ticket t)
{
	ewb_notify(t, EWB_TEMPORARY);
}
