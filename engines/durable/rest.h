/* SPDX-License-Identifier: BSD-2-Clause */
/* Who rests, of the tasks that take from one queue.
 *
 *      push ──▶ claim: one who rests, to be woken; nobody: all are at it
 *      a task: takes till nothing is left ──▶ begin ──▶ looks again ──▶ end, if
 *              there is something: once more
 *
 * A push that finds nobody is seen by that second look: the queue's lock puts
 * the look before the push or after it, and the push before its claim. */
#ifndef DURABLE_REST_H
#define DURABLE_REST_H

#include <stdatomic.h>
#include <stdint.h>

#define DUR_REST_MOST 64u

/* Zero-filled: nobody rests. */
struct dur_rest {
	_Atomic uint64_t those; /* a bit each; any thread */
};

/* any, after a push: the number of one who rests, who is the caller's to wake;
 * -1: nobody does. */
int dur_rest_claim(struct dur_rest *r);
/* The task n, or whoever has made it: it rests, unless it looks again and
 * finds something. */
void dur_rest_begin(struct dur_rest *r, unsigned n);
/* ... which is this.  Who has claimed it wakes it all the same. */
void dur_rest_end(struct dur_rest *r, unsigned n);

#endif
