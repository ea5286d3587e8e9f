/* SPDX-License-Identifier: BSD-2-Clause */
/* Who uses the library is inside; to close it and open it anew one has it shut.
 *
 * A front end never waits at it: when it is shut, its command goes to the
 * background, which may.  Cheap to pass: threads seldom share a door. */
#ifndef DURABLE_GATE_H
#define DURABLE_GATE_H

#include <pthread.h>
#include <stdbool.h>

#define DUR_DOORS 16u

struct dur_gate {
	struct {
		pthread_rwlock_t lock;
		char apart[128 -
		           sizeof(pthread_rwlock_t)]; /* two cache lines */
	} doors[DUR_DOORS];
};

void dur_gate_init(struct dur_gate *g);
void dur_gate_fini(struct dur_gate *g);
/* any: false when it is shut, or about to be.  Leave on the same thread; who is
 * inside does not enter again. */
bool dur_gate_try(struct dur_gate *g);
/* pool: waits while it is shut. */
void dur_gate_enter(struct dur_gate *g);
/* any */
void dur_gate_leave(struct dur_gate *g);
/* pool: waits until nobody is inside; one thread at a time. */
void dur_gate_shut(struct dur_gate *g);
void dur_gate_open(struct dur_gate *g);

#endif
