/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "lib/queue.h"

void
ewb_queue_add(struct ewb_queue *q, struct ewb_job *j)
{
	j->next = NULL;
	j->prev = q->last;
	if (q->last)
		q->last->next = j;
	else
		q->first = j;
	q->last = j;
}

void
ewb_queue_drop(struct ewb_queue *q, struct ewb_job *j)
{
	if (j->prev)
		j->prev->next = j->next;
	else
		q->first = j->next;
	if (j->next)
		j->next->prev = j->prev;
	else
		q->last = j->prev;
	j->next = j->prev = NULL;
}
