/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that wait for a time, each with its own; no thread waits with them:
 * one task of the filter's sleeps until the first is due.
 *
 *      line_wait() ─▶ heap, by time ─▶ the task notifies ─▶ run again
 */
#ifndef FILTERS_LINE_H
#define FILTERS_LINE_H

#include <pthread.h>

#include <ewb/engine.h>

struct line_place {
	uint64_t at;   /* of ewb_host_clock() */
	uint64_t turn; /* those of one time leave as they came */
	struct ewb_ticket ticket;
};

struct line {
	/* set once */
	struct ewb_host *host;
	struct ewb_task *task;
	/* pool: its time has come; null: a notify, unless it was cancelled */
	void (*leave)(struct line *l, struct ewb_ticket t);
	/* under lock */
	pthread_mutex_t lock;
	struct line_place *heap;
	size_t n, cap;
	uint64_t turns;
};

/* -1: no memory. */
int line_init(struct line *l, struct ewb_host *host);
void line_fini(struct line *l);
/* front, in a callback, as its last act: EWB_WOULDBLOCK, and it is run again at
 * that time; or EWB_BUSY, EWB_NO_MEMORY. */
enum ewb_status line_wait(struct line *l, struct ewb_cookie *c, uint64_t at);
/* front, in a callback, as its last act: likewise for a ticket that is out. */
int line_join(struct line *l, struct ewb_ticket t, uint64_t at);
/* For the filter's cancel(). */
void line_cancel(struct ewb_ticket t);

#endif
