/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* pthread_rwlockattr_setkind_np() */
#include <stdint.h>

#include "gate.h"

static pthread_rwlock_t *
door(struct dur_gate *g)
{
	static _Thread_local char here;

	/* thread-local storage lies a page or more apart */
	return &g->doors[(uintptr_t)&here * UINT64_C(0x9e3779b97f4a7c15) >> 60]
	                .lock;
}

void
dur_gate_init(struct dur_gate *g)
{
	pthread_rwlockattr_t attr;
	unsigned i;

	/* else those who come and go all the time would keep it open */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	for (i = 0; i < DUR_DOORS; i++)
		pthread_rwlock_init(&g->doors[i].lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

void
dur_gate_fini(struct dur_gate *g)
{
	unsigned i;

	for (i = 0; i < DUR_DOORS; i++)
		pthread_rwlock_destroy(&g->doors[i].lock);
}

bool
dur_gate_try(struct dur_gate *g)
{
	return pthread_rwlock_tryrdlock(door(g)) == 0;
}

void
dur_gate_enter(struct dur_gate *g)
{
	pthread_rwlock_rdlock(door(g));
}

void
dur_gate_leave(struct dur_gate *g)
{
	pthread_rwlock_unlock(door(g));
}

void
dur_gate_shut(struct dur_gate *g)
{
	unsigned i;

	for (i = 0; i < DUR_DOORS; i++)
		pthread_rwlock_wrlock(&g->doors[i].lock);
}

void
dur_gate_open(struct dur_gate *g)
{
	unsigned i;

	for (i = 0; i < DUR_DOORS; i++)
		pthread_rwlock_unlock(&g->doors[i].lock);
}
