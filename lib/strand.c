/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "lib/check.h"
#include "lib/queue.h"
#include "lib/strand.h"

static void
lock(struct ewb_strand *s)
{
	EWB_MUST0(pthread_mutex_lock(&s->lock));
}

static void
unlock(struct ewb_strand *s)
{
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

void
ewb_strand_init(struct ewb_strand *s)
{
	*s = (struct ewb_strand){ 0 };
	EWB_MUST0(pthread_mutex_init(&s->lock, NULL));
}

void
ewb_strand_fini(struct ewb_strand *s)
{
	EWB_MUST(!s->busy && !s->waiting.first);
	EWB_MUST0(pthread_mutex_destroy(&s->lock));
}

bool
ewb_strand_join(struct ewb_job *j)
{
	struct ewb_strand *s = j->strand;
	bool had;

	if (!s)
		return true;
	lock(s);
	had = !s->busy;
	if (had) {
		s->busy = 1;
	} else {
		atomic_exchange(&j->state, EWB_JOB_WAITING);
		ewb_queue_add(&s->waiting, j);
	}
	unlock(s);
	return had;
}

void
ewb_strand_drop(struct ewb_job *j)
{
	lock(j->strand);
	ewb_queue_drop(&j->strand->waiting, j);
	unlock(j->strand);
}

/* The class of the first that waits; none: nobody does, and the strand is
 * free. */
static struct ewb_class *
next_class(struct ewb_class *all, struct ewb_strand *s)
{
	struct ewb_class *c = NULL;

	lock(s);
	if (s->waiting.first)
		c = &all[s->waiting.first->type->where];
	else
		s->busy = 0;
	unlock(s);
	return c;
}

/* Hands the strand to the first that waits if that is of class c, which is
 * locked. */
static bool
hand_over(struct ewb_class *c, struct ewb_strand *s)
{
	struct ewb_job *j;

	lock(s);
	j = s->waiting.first;
	if (j && &c->all[j->type->where] == c)
		ewb_queue_drop(&s->waiting, j);
	else
		j = NULL;
	unlock(s);
	if (!j)
		return false;
	ewb_class_push(c, j);
	ewb_class_call(c);
	return true;
}

void
ewb_strand_leave(struct ewb_class *all, struct ewb_strand *s)
{
	struct ewb_class *c;
	bool done = false;

	/* The class's lock comes before the strand's, so the first is looked
	 * at twice: it may have been cancelled in between. */
	while (s && !done && (c = next_class(all, s))) {
		ewb_class_lock(c);
		done = hand_over(c, s);
		ewb_class_unlock(c);
	}
}
