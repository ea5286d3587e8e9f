/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that wait until a mutation has been made: until the history of a vbucket
 * has come to a seqno.
 *
 *      task     add ─▶ look ─ not yet ─▶ park ... look ─▶ drop
 *      mutation make it ─▶ ewb_reply_token(): wakes who waits for it
 *
 * Who waits adds itself before it looks, and a mutation is made before its token is
 * told: so one of the two sees the other.  A mutation that nobody waits for yet looks
 * at one number, and no more. */
#ifndef COOKIE_AWAIT_H
#define COOKIE_AWAIT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define EWB_AWAIT_LISTS 1024u /* one for each vbucket that there may be */

struct ewb_task;

struct ewb_await {
	/* set before it is added, to what stays */
	uint64_t seqno;
	uint16_t vbucket;
	/* under its list's lock */
	struct ewb_task *task;
	struct ewb_await *next, **at; /* at null: it was not added */
};

struct ewb_await_list {
	/* any thread: the lowest seqno that is waited for; UINT64_MAX: none, or
	 * that one.  Written under the lock */
	_Atomic uint64_t lowest;
	/* under lock */
	pthread_mutex_t lock;
	struct ewb_await *first;
};

struct ewb_awaits {
	struct ewb_await_list lists[EWB_AWAIT_LISTS];
};

/* Where those of that vbucket are. */
static inline struct ewb_await_list *
ewb_await_list(struct ewb_awaits *a, uint16_t vbucket)
{
	return &a->lists[vbucket % EWB_AWAIT_LISTS];
}

void ewb_awaits_init(struct ewb_awaits *a);
/* Nobody waits. */
void ewb_awaits_fini(struct ewb_awaits *a);
/* any: that task is woken, once, when the seqno is reached; before that, once more
 * changes nothing. */
void ewb_await_add(struct ewb_awaits *a, struct ewb_await *w,
                   struct ewb_task *task);
/* any: it is woken no more; it need not have been added. */
void ewb_await_drop(struct ewb_awaits *a, struct ewb_await *w);
/* any: its task is to look again, if it waits. */
void ewb_await_wake(struct ewb_awaits *a, struct ewb_await *w);
/* any: wakes who waits for that one of that vbucket, or an earlier one. */
void ewb_awaits_reached(struct ewb_awaits *a, uint16_t vbucket, uint64_t seqno);

/* any: a mutation has been made. */
static inline void
ewb_awaits_made(struct ewb_awaits *a, uint16_t vbucket, uint64_t seqno)
{
	const struct ewb_await_list *l = ewb_await_list(a, vbucket);

	/* seq_cst, as the engine's own numbers are: who waits writes this and
	 * looks at those, and a mutation the other way round */
	if (seqno >= atomic_load(&l->lowest))
		ewb_awaits_reached(a, vbucket, seqno);
}

#endif
