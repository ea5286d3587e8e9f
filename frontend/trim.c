/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <malloc.h>
#include <sched.h>

#include "frontend/front.h"
#include "frontend/trim.h"

static enum ewb_after
run(struct ewb_job *j)
{
	(void)j;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	return EWB_TASK_DONE;
}

static void
finished(struct ewb_job *j)
{
	atomic_store(&((struct ewb_trim *)j)->busy, 0);
}

/* Among the readers: those who give way to others would do so with the heap's
 * lock in their hands. */
static const struct ewb_job_type type = { .name = "memory_trim",
	                                  .where = EWB_READER,
	                                  .run = run,
	                                  .finished = finished };

void
ewb_trim_look(struct ewb_server *s)
{
	struct ewb_trim *t = &s->trim;
	size_t held = atomic_load(&s->core.chunks.out) +
	              atomic_load(&s->receiving);

	if (held > t->peak)
		t->peak = held;
	if (t->peak < EWB_TRIM_MIN || held > t->peak / 4 ||
	    atomic_load(&t->busy))
		return;
	t->peak = held;
	atomic_store(&t->busy, 1);
	t->job.type = &type;
	ewb_pool_submit1(s->core.pool, &t->job);
}

void
ewb_trim_fini(struct ewb_server *s)
{
	if (atomic_load(&s->trim.busy) &&
	    ewb_pool_cancel(s->core.pool, &s->trim.job))
		return;
	while (atomic_load(&s->trim.busy))
		sched_yield(); /* it takes no longer than a moment */
}
