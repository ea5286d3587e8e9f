/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that many share and none may exceed: granted in order of asking. */
#ifndef COOKIE_BUDGET_H
#define COOKIE_BUDGET_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

struct ewb_ask {
	/* set once */
	void (*wake)(struct ewb_ask *a); /* any thread, under the lock: granted */
	/* under the budget's lock */
	struct ewb_ask *next;
	size_t want;
	int queued;
	/* any thread */
	_Atomic size_t granted; /* the asker takes it */
};

struct ewb_budget {
	pthread_mutex_t lock;
	/* under lock */
	size_t left;
	struct ewb_ask *first, *last;
	/* set once */
	size_t total;
};

void ewb_budget_init(struct ewb_budget *b, size_t total);
void ewb_budget_fini(struct ewb_budget *b);
/* 1: n bytes are the asker's.  0: it stands in the queue; a->wake() will say
 * that a->granted is its.  One ask at a time. */
int ewb_budget_take(struct ewb_budget *b, struct ewb_ask *a, size_t n);
void ewb_budget_give(struct ewb_budget *b, size_t n);
/* Leaves the queue and gives back what was granted and not taken. */
void ewb_budget_leave(struct ewb_budget *b, struct ewb_ask *a);
/* For statistics. */
size_t ewb_budget_used(struct ewb_budget *b);

#endif
