/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/check.h"
#include "lib/class.h"
#include "lib/pool.h"
#include "lib/strand.h"
#include "lib/worker.h"

#define POOL_MAGIC 0x706f6f6cu

struct ewb_pool {
	uint32_t magic;
	struct ewb_class class[EWB_POOL_CLASSES];
};

static struct ewb_class *
class_at(struct ewb_pool *p, unsigned where)
{
	EWB_LIVE(p, POOL_MAGIC);
	EWB_MUST(where < EWB_POOL_CLASSES);
	return &p->class[where];
}

static void
lock_all(struct ewb_pool *p)
{
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		ewb_class_lock(&p->class[i]);
}

static void
unlock_all(struct ewb_pool *p)
{
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		ewb_class_unlock(&p->class[i]);
}

static void
close_all(struct ewb_pool *p)
{
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		ewb_workers_close(&p->class[i]);
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		ewb_class_fini(&p->class[i]);
	p->magic = 0;
	free(p);
}

struct ewb_pool *
ewb_pool_new(const struct ewb_class_options o[EWB_POOL_CLASSES],
             struct ewb_clock *clock, int *err)
{
	struct ewb_pool *p = calloc(1, sizeof(*p));

	*err = p ? 0 : -ENOMEM;
	if (!p)
		return NULL;
	p->magic = POOL_MAGIC;
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		ewb_class_init(&p->class[i], &o[i], clock, p -> class);
	for (unsigned i = 0; i < EWB_POOL_CLASSES && !*err; i++)
		*err = ewb_workers_open(&p->class[i], o[i].threads);
	if (!*err)
		return p;
	close_all(p);
	return NULL;
}

void
ewb_pool_free(struct ewb_pool *p)
{
	if (!p)
		return;
	EWB_LIVE(p, POOL_MAGIC);
	close_all(p);
}

void
ewb_batch_add(struct ewb_batch *b, struct ewb_job *j)
{
	j->next = NULL;
	if (b->last)
		b->last->next = j;
	else
		b->first = j;
	b->last = j;
	b->n++;
}

static void
submit(struct ewb_class *c, struct ewb_job *j, uint64_t now)
{
	EWB_MUST(atomic_load(&j->state) == EWB_JOB_IDLE);
	c->submitted++;
	ewb_class_ready(c, j, now);
}

/* All classes of the batch are locked at once: jobs of one strand keep their
 * order though they are of several. */
static void
submit_locked(struct ewb_pool *p, struct ewb_batch *b)
{
	uint64_t now = ewb_clock_us(p->class[0].clock);
	struct ewb_job *j, *next;

	for (j = b->first; j; j = next) {
		next = j->next;
		submit(&p->class[j->type->where], j, now);
	}
}

void
ewb_pool_submit(struct ewb_pool *p, struct ewb_batch *b)
{
	bool in[EWB_POOL_CLASSES] = { false };

	for (const struct ewb_job *j = b->first; j; j = j->next)
		in[class_at(p, j->type->where) - p->class] = true;
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++) {
		if (in[i])
			ewb_class_lock(&p->class[i]);
	}
	submit_locked(p, b);
	for (unsigned i = EWB_POOL_CLASSES; i-- > 0;) {
		if (in[i]) {
			ewb_class_call(&p->class[i]);
			ewb_class_unlock(&p->class[i]);
		}
	}
	*b = (struct ewb_batch){ 0 };
}

void
ewb_pool_submit1(struct ewb_pool *p, struct ewb_job *j)
{
	struct ewb_class *c = class_at(p, j->type->where);
	uint64_t now = ewb_clock_us(c->clock);

	ewb_class_lock(c);
	submit(c, j, now);
	ewb_class_call(c);
	ewb_class_unlock(c);
}

/* Done without the lock?  The state is exchanged for itself where nothing
 * changes: so the run that is to come reads it after us, and sees what we did
 * before. */
static bool
woken(struct ewb_job *j)
{
	uint32_t is = atomic_load(&j->state), to;

	do {
		if (is == EWB_JOB_IDLE)
			return true;
		if (is == EWB_JOB_PARKED || is == EWB_JOB_SLEEPING)
			return false;
		to = is == EWB_JOB_RUNNING ? EWB_JOB_WOKEN : is;
	} while (!atomic_compare_exchange_weak(&j->state, &is, to));
	return true;
}

void
ewb_pool_wake(struct ewb_pool *p, struct ewb_job *j)
{
	EWB_LIVE(p, POOL_MAGIC);
	/* Between the look and the lock it may have been woken by another, and
	 * run; then it is told again. */
	while (!woken(j)) {
		struct ewb_class *c = class_at(p, j->type->where);

		ewb_class_lock(c);
		ewb_class_wake(c, j);
		ewb_class_unlock(c);
	}
}

int
ewb_pool_cancel(struct ewb_pool *p, struct ewb_job *j)
{
	struct ewb_class *c;
	struct ewb_strand *held;
	bool was_there;

	EWB_LIVE(p, POOL_MAGIC);
	if (atomic_load(&j->state) == EWB_JOB_IDLE)
		return 0; /* it may have no type yet */
	c = class_at(p, j->type->where);
	ewb_class_lock(c);
	was_there = ewb_class_drop(c, j, &held);
	ewb_class_unlock(c);
	ewb_strand_leave(p->class, held);
	return was_there;
}

void
ewb_pool_stats(struct ewb_pool *p, unsigned where, struct ewb_class_stats *out)
{
	struct ewb_class *c = class_at(p, where);

	ewb_class_lock(c);
	*out = (struct ewb_class_stats){
		.name = c->name,
		.threads = c->nthreads,
		.queued = atomic_load(&c->queued),
		.parked = c->parked,
		.sleeping = c->sleeping,
		.running = c->running,
		.submitted = c->submitted,
		.ran = c->ran,
		.cancelled = c->cancelled,
		.wakes = c->wakes,
	};
	for (const struct ewb_timing *t = c->timings.first; t; t = t->next) {
		ewb_hist_merge(&out->wait_us, &t->wait_us);
		ewb_hist_merge(&out->run_us, &t->run_us);
	}
	ewb_class_unlock(c);
}

void
ewb_pool_reset(struct ewb_pool *p)
{
	EWB_LIVE(p, POOL_MAGIC);
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++) {
		struct ewb_class *c = &p->class[i];

		ewb_class_lock(c);
		c->submitted = c->ran = c->cancelled = c->wakes = 0;
		ewb_timings_reset(&c->timings);
		ewb_class_unlock(c);
	}
}

const char *
ewb_job_state_name(const struct ewb_job *j)
{
	static const char *const names[] = {
		[EWB_JOB_QUEUED] = "queued",   [EWB_JOB_WAITING] = "queued",
		[EWB_JOB_RUNNING] = "running", [EWB_JOB_WOKEN] = "running",
		[EWB_JOB_PARKED] = "parked",   [EWB_JOB_SLEEPING] = "sleeping",
	};

	return names[atomic_load(&j->state)];
}

int
ewb_pool_quiet(struct ewb_pool *p)
{
	uint64_t busy = 0;

	EWB_LIVE(p, POOL_MAGIC);
	/* All at once: a job of one class may submit to another as it ends. */
	lock_all(p);
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++) {
		const struct ewb_class *c = &p->class[i];

		busy += atomic_load(&c->queued) + c->sleeping + c->running;
	}
	unlock_all(p);
	return busy == 0;
}

size_t
ewb_pool_backlog(const struct ewb_pool *p, unsigned where)
{
	EWB_LIVE(p, POOL_MAGIC);
	EWB_MUST(where < EWB_POOL_CLASSES);
	/* relaxed: a rough number is wanted, nothing follows from it. */
	return atomic_load_explicit(&p->class[where].queued,
	                            memory_order_relaxed);
}

int
ewb_pool_step(struct ewb_pool *p, unsigned where)
{
	struct ewb_class *c = class_at(p, where);
	struct ewb_job *j;

	EWB_MUST(c->nthreads == 0);
	ewb_class_lock(c);
	j = ewb_class_take(c, 0);
	ewb_class_unlock(c);
	if (!j)
		return 0;
	(void)ewb_class_run(c, j);
	ewb_class_unlock(c);
	return 1;
}

/* Adds what class c knows of that name; a copy, since the lock is not held
 * while others look at it. */
static bool
add_timing(struct ewb_class *c, const char *name, struct ewb_timing *sum)
{
	const struct ewb_timing *t;

	ewb_class_lock(c);
	t = ewb_timing_find(&c->timings, name);
	if (t) {
		ewb_hist_merge(&sum->wait_us, &t->wait_us);
		ewb_hist_merge(&sum->run_us, &t->run_us);
	}
	ewb_class_unlock(c);
	return t != NULL;
}

static struct ewb_timing *
first_timing(struct ewb_class *c)
{
	struct ewb_timing *t;

	ewb_class_lock(c);
	t = c->timings.first;
	ewb_class_unlock(c);
	return t;
}

void
ewb_pool_types(struct ewb_pool *p,
               void (*fn)(void *arg, const char *name,
                          const struct ewb_hist *wait_us,
                          const struct ewb_hist *run_us),
               void *arg)
{
	EWB_LIVE(p, POOL_MAGIC);
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++) {
		/* Timings never go, and their names and order never change. */
		const struct ewb_timing *t = first_timing(&p->class[i]);

		for (; t; t = t->next) {
			struct ewb_timing sum = { 0 };
			bool told = false;

			for (unsigned k = 0; k < i && !told; k++)
				told = add_timing(&p->class[k], t -> name,
				                  &sum);
			if (told)
				continue; /* with a class before this one */
			for (unsigned k = i; k < EWB_POOL_CLASSES; k++)
				add_timing(&p->class[k], t -> name, &sum);
			fn(arg, t->name, &sum.wait_us, &sum.run_us);
		}
	}
}
