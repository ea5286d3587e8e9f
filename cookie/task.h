/* SPDX-License-Identifier: BSD-2-Clause */
/* Background work: one for each cookie that offloads, and an engine's own. */
#ifndef COOKIE_TASK_H
#define COOKIE_TASK_H

#include <stdint.h>

#include <ewb/engine.h>

#include "lib/pool.h"
#include "lib/roles.h"

struct ewb_core;
struct ewb_cookie;
struct ewb_instance;

struct ewb_task {
	struct ewb_job job;
	/* set before it is submitted */
	struct ewb_core *core;
	struct ewb_cookie *cookie; /* null: an engine's own work */
	struct ewb_instance *instance;
	ewb_offload_fn offload;
	ewb_work_fn work;
	void *arg;
	struct ewb_ticket ticket;
	/* the task itself */
	unsigned runs;
	uint32_t rerun; /* its end is not the command's: the callback is run again */
	enum ewb_after after;
	enum ewb_status result;
	/* an engine's own: under its lock */
	struct ewb_own_task *own;
};

/* front, in a callback: blocks the cookie and hands fn to the pool with the
 * turn's other tasks.  The engine's cancel is not called.  EWB_WOULDBLOCK, or
 * EWB_BUSY. */
enum ewb_status ewb_task_offload(struct ewb_cookie *c, enum ewb_class where,
                                 ewb_offload_fn fn, void *arg);
/* front: the block of ticket t was cancelled.  Its task is ended here if it has
 * not begun, else it is made to look. */
void ewb_task_cancel(struct ewb_cookie *c, struct ewb_ticket t);
/* main: ends those that the engine did not free; how many. */
unsigned ewb_tasks_end(struct ewb_instance *i) EWB_MAY_BLOCK;
/* any: makes the cookie's task run, if it is parked. */
void ewb_task_wake_job(struct ewb_task *t);
/* The pool's. */
enum ewb_after ewb_task_run(struct ewb_job *j);
void ewb_task_finished(struct ewb_job *j);

#endif
