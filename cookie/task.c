/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/stream.h"
#include "lib/check.h"

#define TASK_OF(j) \
	((struct ewb_task *)((char *)(j) - offsetof(struct ewb_task, job)))

/* An engine's own work. */
struct ewb_own_task {
	struct ewb_task task;
	struct ewb_job_type type;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	/* under lock */
	int in_pool, dying;
	/* under the instance's lock */
	struct ewb_own_task *next, **at;
};

enum ewb_after
ewb_task_run(struct ewb_job *j)
{
	struct ewb_task *t = TASK_OF(j);
	enum ewb_status status;

	t->after = EWB_TASK_DONE;
	status = t->offload(t, t->cookie, t->arg);
	t->runs++;
	if (status != EWB_WOULDBLOCK) {
		t->result = status;
		return EWB_TASK_DONE;
	}
	if (t->cookie->stream)
		ewb_stream_tell(t->cookie->stream);
	/* it did not say how to go on: until it is woken */
	return t->after == EWB_TASK_DONE ? EWB_TASK_PARK : t->after;
}

void
ewb_task_finished(struct ewb_job *j)
{
	struct ewb_task *t = TASK_OF(j);

	t->cookie->final = t->rerun == 0;
	ewb_notify_filled(t->ticket, t->result, j->ended_at); /* the last touch */
}

static enum ewb_status
offload(struct ewb_cookie *c, enum ewb_class where, ewb_offload_fn fn,
        void *arg, int engines) EWB_ON_FRONT
{
	struct ewb_task *t = &c->task;
	struct ewb_dispatch *d = c->dispatch;
	struct ewb_ticket ticket = ewb_cookie_block_for(c, arg, engines);

	if (ticket.word == 0)
		return EWB_BUSY;
	/* Until it ends the ticket is the task's alone. */
	atomic_store_explicit(&c->filling, 1, memory_order_relaxed);
	t->job.type = &d->core->types[c->op][where];
	t->job.strand = c->command->cursors ?
	                        ewb_instance_cursor_strand(c->instance) :
	                        ewb_instance_strand(c->instance);
	t->core = d->core;
	t->cookie = c;
	t->instance = c->instance;
	t->offload = fn;
	t->arg = arg;
	t->ticket = ticket;
	t->runs = 0;
	t->rerun = 0;
	ewb_batch_add(&d->batch, &t->job);
	return EWB_WOULDBLOCK;
}

enum ewb_status
ewb_task_offload(struct ewb_cookie *c, enum ewb_class where, ewb_offload_fn fn,
                 void *arg)
{
	ewb_now_on_front(c->dispatch->thread);
	return offload(c, where, fn, arg, 0);
}

enum ewb_status
ewb_offload_to(struct ewb_cookie *c, enum ewb_class where, ewb_offload_fn fn,
               void *arg)
{
	if (!pthread_equal(c->dispatch->thread, pthread_self())) {
		ewb_slip(c, "ewb_offload() on a thread of its own");
		return EWB_INTERNAL;
	}
	ewb_now_on_front(c->dispatch->thread);
	if (!c->running || ewb_cookie_blocked(c)) {
		ewb_mistake(c, "ewb_offload() outside of its callback, or "
		               "twice in one");
		return EWB_INTERNAL;
	}
	if (c->child && c->child->away) {
		ewb_mistake(c, "ewb_offload() while the command below is not "
		               "over");
		return EWB_INTERNAL;
	}
	if ((unsigned)where >= EWB_POOL_CLASSES) {
		ewb_mistake(c, "ewb_offload_to() an unknown class");
		return EWB_INTERNAL;
	}
	return offload(c, where, fn, arg, 1);
}

enum ewb_status
ewb_offload(struct ewb_cookie *c, ewb_offload_fn fn, void *arg)
{
	return ewb_offload_to(c, c->command->mutates ? EWB_WRITER : EWB_READER,
	                      fn, arg);
}

/* Takes the job out of the turn's tasks.  0: it is not among them. */
static int
leave_batch(struct ewb_batch *b, struct ewb_job *j)
{
	struct ewb_job **p, *prev = NULL;

	for (p = &b->first; *p && *p != j; p = &(*p)->next)
		prev = *p;
	if (*p == NULL)
		return 0;
	*p = j->next;
	if (b->last == j)
		b->last = prev;
	b->n--;
	return 1;
}

void
ewb_task_cancel(struct ewb_cookie *c, struct ewb_ticket t)
{
	struct ewb_pool *pool = c->dispatch->core->pool;

	if (c->task.ticket.word != t.word)
		return; /* this block has no task of ours */
	if (leave_batch(&c->dispatch->batch, &c->task.job)) {
		ewb_notify_filled(t, EWB_TEMPORARY, c->dispatch->now);
		return;
	}
	if (!ewb_pool_cancel(pool, &c->task.job)) {
		ewb_pool_wake(pool, &c->task.job);
		return;
	}
	if (c->task.runs)
		ewb_pool_submit1(pool, &c->task.job); /* it has begun: let it see */
	else
		ewb_notify_filled(t, EWB_TEMPORARY, c->dispatch->now);
}

void
ewb_task_wake_job(struct ewb_task *t)
{
	ewb_pool_wake(t->core->pool, &t->job);
}

static enum ewb_after
run_own(struct ewb_job *j)
{
	struct ewb_task *t = TASK_OF(j);
	struct ewb_own_task *o = t->own;
	int dying;

	EWB_MUST0(pthread_mutex_lock(&o->lock));
	dying = o->dying;
	EWB_MUST0(pthread_mutex_unlock(&o->lock));
	if (dying)
		return EWB_TASK_DONE;
	t->after = EWB_TASK_PARK;
	t->work(t, t->arg);
	t->runs++;
	return t->after;
}

static void
own_finished(struct ewb_job *j)
{
	struct ewb_own_task *o = TASK_OF(j)->own;

	EWB_MUST0(pthread_mutex_lock(&o->lock));
	o->in_pool = 0;
	EWB_MUST0(pthread_cond_signal(&o->ended));
	EWB_MUST0(pthread_mutex_unlock(&o->lock));
}

static void
enlist(struct ewb_instance *i, struct ewb_own_task *o)
{
	EWB_MUST0(pthread_mutex_lock(&i->lock));
	o->next = i->tasks;
	o->at = &i->tasks;
	if (o->next)
		o->next->at = &o->next;
	i->tasks = o;
	EWB_MUST0(pthread_mutex_unlock(&i->lock));
}

static void
delist(struct ewb_instance *i, struct ewb_own_task *o)
{
	EWB_MUST0(pthread_mutex_lock(&i->lock));
	*o->at = o->next;
	if (o->next)
		o->next->at = o->at;
	EWB_MUST0(pthread_mutex_unlock(&i->lock));
}

struct ewb_task *
ewb_task_new(struct ewb_host *h, enum ewb_class where, const char *name,
             ewb_work_fn fn, void *arg)
{
	struct ewb_own_task *o = calloc(1, sizeof *o);

	if (o == NULL)
		return NULL;
	o->type = (struct ewb_job_type){ .name = name,
		                         .where = where,
		                         .run = run_own,
		                         .finished = own_finished };
	EWB_MUST0(pthread_mutex_init(&o->lock, NULL));
	EWB_MUST0(pthread_cond_init(&o->ended, NULL));
	o->task.job.type = &o->type;
	o->task.core = h->core;
	o->task.instance = ewb_instance_of(h);
	o->task.work = fn;
	o->task.arg = arg;
	o->task.own = o;
	enlist(o->task.instance, o);
	return &o->task;
}

static void
wake_own(struct ewb_own_task *o)
{
	EWB_MUST0(pthread_mutex_lock(&o->lock));
	if (!o->in_pool && !o->dying) {
		o->in_pool = 1;
		ewb_pool_submit1(o->task.core->pool, &o->task.job);
	} else {
		ewb_pool_wake(o->task.core->pool, &o->task.job);
	}
	EWB_MUST0(pthread_mutex_unlock(&o->lock));
}

void
ewb_task_free(struct ewb_task *t)
{
	struct ewb_own_task *o;

	if (t == NULL)
		return;
	o = t->own;
	delist(t->instance, o);
	EWB_MUST0(pthread_mutex_lock(&o->lock));
	o->dying = 1;
	if (o->in_pool && ewb_pool_cancel(t->core->pool, &t->job))
		o->in_pool = 0;
	while (o->in_pool) {
		/* it runs: once more, to see that it is dying */
		ewb_pool_wake(t->core->pool, &t->job);
		EWB_MUST0(pthread_cond_wait(&o->ended, &o->lock));
	}
	EWB_MUST0(pthread_mutex_unlock(&o->lock));
	EWB_MUST0(pthread_cond_destroy(&o->ended));
	EWB_MUST0(pthread_mutex_destroy(&o->lock));
	free(o);
}

unsigned
ewb_tasks_end(struct ewb_instance *i)
{
	unsigned n = 0;

	for (; i->tasks; n++)
		ewb_task_free(&i->tasks->task);
	return n;
}

void
ewb_task_again(struct ewb_task *t)
{
	t->after = EWB_TASK_AGAIN;
}

void
ewb_task_park(struct ewb_task *t)
{
	t->after = EWB_TASK_PARK;
}

void
ewb_task_sleep(struct ewb_task *t, uint64_t us)
{
	t->after = EWB_TASK_SLEEP;
	t->job.sleep_us = us;
}

void
ewb_task_wake(struct ewb_task *t)
{
	if (t->own)
		wake_own(t->own);
	else
		ewb_task_wake_job(t);
}

struct ewb_ticket
ewb_task_ticket(const struct ewb_task *t)
{
	return t->ticket;
}

unsigned
ewb_task_runs(const struct ewb_task *t)
{
	return t->runs;
}
