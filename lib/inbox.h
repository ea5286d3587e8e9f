/* SPDX-License-Identifier: BSD-2-Clause */
/* Letters from any thread to the one that owns the inbox.
 *
 * A letter lives in its sender's object and is in one inbox at most.  Posting
 * is one compare-and-swap; the owner is woken only when it said that it
 * sleeps.  Letters come out in the order in which they were posted.
 *
 *      sender                          owner
 *      push the letter                 asleep = 1
 *      look at asleep                  look at the letters
 *      if 1, make it 0 and wake        if none, sleep; after: asleep = 0
 *
 * All of these are sequentially consistent, so that one of the two sees the
 * other.  t/model/cookie.pml has this with the bug of looking first.
 */
#ifndef LIB_INBOX_H
#define LIB_INBOX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct ewb_letter;
/* On the owner's thread; the letter may be posted again from within. */
typedef void ewb_deliver_fn(struct ewb_letter *l);

struct ewb_letter {
	struct ewb_letter *next;
	ewb_deliver_fn *deliver; /* set once, by the letter's owner */
};

struct ewb_inbox {
	/* set once, by init */
	void (*wake)(void *arg); /* any thread: makes the owner take the inbox */
	void *wake_arg;
	/* any thread */
	_Atomic(struct ewb_letter *) newest;
	_Atomic int asleep;
	_Atomic uint64_t posted, wakes; /* statistics */
	_Atomic uint32_t inside;        /* threads within a guarded post */
	/* owner only: taken, oldest first */
	struct ewb_letter *taken;
};

void ewb_inbox_init(struct ewb_inbox *b, void (*wake)(void *arg), void *arg);
/* Waits (it is a matter of instructions) until no thread is within a post;
 * the inbox must be empty. */
void ewb_inbox_fini(struct ewb_inbox *b);
/* any.  The inbox must not go away meanwhile: it does not before it has
 * delivered the letter and its threads inside have left, see fini. */
void ewb_inbox_post(struct ewb_inbox *b, struct ewb_letter *l);
/* owner: delivers one letter, the oldest.  0 when there was none. */
int ewb_inbox_step(struct ewb_inbox *b);
/* owner: delivers up to max letters; how many. */
size_t ewb_inbox_run(struct ewb_inbox *b, size_t max);
/* owner: is there a letter? */
int ewb_inbox_waiting(const struct ewb_inbox *b);
/* any: will a post wake the owner?  Relaxed: it may have changed its mind, and
 * whoever posts anyway does so in order. */
static inline int
ewb_inbox_asleep(const struct ewb_inbox *b)
{
	return atomic_load_explicit(&b->asleep, memory_order_relaxed);
}
/* owner: about to sleep.  0: there are letters, do not. */
int ewb_inbox_sleep(struct ewb_inbox *b);
/* owner: awake. */
void ewb_inbox_awake(struct ewb_inbox *b);

#endif
