/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine with a thread and a queue of its own, as one has that talks to an
 * asynchronous library.  A callback blocks its cookie, queues the ticket and
 * returns; the thread does the work, fills the reply and notifies.
 *
 *      callback ──job──▶ queue ──▶ thread: work, reply ──▶ ewb_notify ──▶ callback, again
 *                          └── cancel takes it out ──────▶ ewb_notify
 *
 * The races, and why there are none:
 *
 * - The thread may notify before the callback has returned.  So queueing the job
 *   is the callback's last act; it touches neither the job nor the cookie after.
 * - A cancel may come at any time: while the job waits, while the thread works
 *   at it, when it is freed.  So it is given no pointer to the job, but looks
 *   for its ticket in the queue.  Found there, the job is cancel's, and cancel
 *   notifies; not found, the thread has it, and the thread notifies, or has.
 *   Whoever takes the job out of the queue, under lock, is the only one to have
 *   it: so there is one notify, never none and never two.
 * - libewb closes the engine when no command of its own is left, so that the
 *   queue is empty then.  But the thread may not yet have come back from its last
 *   notify: close waits for the thread.
 * - The lock is not held over a call of libewb's.
 */
#include <ewb/engine.h>

#include <pthread.h>
#include <stdlib.h>

#include "shelf.h"

struct job {
	struct job *next;
	struct ewb_ticket ticket;
	struct ewb_cookie *cookie;
	shelf_fn fn;
};

struct ticket {
	pthread_t thread;
	/* the thread's alone: it needs no lock; but for what vbucket() asks */
	struct shelf *shelf;
	pthread_mutex_t lock;
	pthread_cond_t more; /* a job, or the end */
	/* under lock */
	struct job *first, **last;
	int closing;
};

/* The next job; null: closing. */
static struct job *
next_job(struct ticket *t)
{
	struct job *j;

	pthread_mutex_lock(&t->lock);
	while (t->first == NULL && !t->closing)
		pthread_cond_wait(&t->more, &t->lock);
	j = t->first;
	if (j && (t->first = j->next) == NULL)
		t->last = &t->first;
	pthread_mutex_unlock(&t->lock);
	return j;
}

static void *
work(void *arg)
{
	struct ticket *t = arg;
	struct job *j;

	while ((j = next_job(t)) != NULL) {
		struct ewb_ticket ticket = j->ticket;
		enum ewb_status status = EWB_TEMPORARY; /* nothing was done */

		/* from here to the notify the cookie is this thread's */
		if (!ewb_cancelled(ticket))
			status = j->fn(t->shelf, j->cookie,
			               ewb_cookie_request(j->cookie));
		free(j);
		ewb_notify(ticket, status);
	}
	return NULL;
}

/* front */
static enum ewb_status
answer(struct ticket *t, struct ewb_cookie *c, shelf_fn fn)
{
	struct job *j;

	/* Notified with EWB_OK: the reply is filled.  Any other status has
	 * ended the command, and it does not come here again. */
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return EWB_OK;
	j = malloc(sizeof *j);
	if (j == NULL)
		return EWB_NO_MEMORY;
	*j = (struct job){ .ticket = ewb_cookie_block(c, NULL),
		           .cookie = c,
		           .fn = fn };
	if (j->ticket.word == 0) {
		free(j);
		return EWB_BUSY;
	}
	pthread_mutex_lock(&t->lock);
	*t->last = j;
	t->last = &j->next;
	pthread_cond_signal(&t->more);
	pthread_mutex_unlock(&t->lock);
	return EWB_WOULDBLOCK;
}

/* front.  The answer is not wanted any more: what has not begun need not. */
static void
cancel(void *self, struct ewb_ticket ticket, enum ewb_cancel_reason why,
       void *arg)
{
	struct ticket *t = self;
	struct job **at, *j;

	(void)why;
	(void)arg;
	pthread_mutex_lock(&t->lock);
	for (at = &t->first; (j = *at) != NULL; at = &j->next)
		if (j->ticket.slot == ticket.slot &&
		    j->ticket.word == ticket.word)
			break;
	if (j && (*at = j->next) == NULL)
		t->last = at;
	pthread_mutex_unlock(&t->lock);
	if (j == NULL)
		return; /* the thread has it */
	free(j);
	ewb_notify(ticket, EWB_TEMPORARY);
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return answer(self, c, shelf_get);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return answer(self, c, shelf_store);
}

static enum ewb_status
remove_record(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return answer(self, c, shelf_remove);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	return answer(self, c, shelf_flush);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	return answer(self, c, shelf_stats);
}

static void
free_engine(struct ticket *t)
{
	if (t && t->shelf)
		shelf_free(t->shelf);
	free(t);
}

static enum ewb_status
open_engine(struct ewb_host *host, const struct ewb_setting *s, size_t n,
            void **self)
{
	struct ticket *t = calloc(1, sizeof *t);

	(void)s; /* no parameters: n is 0 */
	(void)n;
	if (t)
		t->shelf = shelf_new(host);
	if (t == NULL || t->shelf == NULL) {
		free_engine(t);
		return EWB_NO_MEMORY;
	}
	t->last = &t->first;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->more, NULL);
	if (pthread_create(&t->thread, NULL, work, t) != 0) {
		ewb_host_error(host, "no thread: the system has no more");
		free_engine(t);
		return EWB_TEMPORARY;
	}
	*self = t;
	return EWB_OK;
}

static void
close_engine(void *self)
{
	struct ticket *t = self;

	pthread_mutex_lock(&t->lock);
	t->closing = 1;
	pthread_cond_signal(&t->more);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->more);
	pthread_mutex_destroy(&t->lock);
	free_engine(t);
}

static enum ewb_status
vbucket(void *self, uint16_t vbucket, struct ewb_vbucket *v)
{
	return shelf_vbucket(((struct ticket *)self)->shelf, vbucket, v);
}

EWB_ENGINE(.name = "ticket", .help = "keeps records in memory, with a thread",
           .model = EWB_NONBLOCKING, .can = SHELF_CAN, .open = open_engine,
           .close = close_engine, .get = get, .store = store,
           .remove = remove_record, .flush = flush, .stats = stats,
           .cancel = cancel, .vbucket = vbucket)
