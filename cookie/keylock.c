/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/cookie.h"
#include "cookie/dispatch.h"
#include "cookie/keylock.h"
#include "lib/check.h"

void
ewb_keylocks_init(struct ewb_keylocks *k)
{
	static const struct ewb_keylock free = {
		.lock = PTHREAD_MUTEX_INITIALIZER
	};

	for (unsigned i = 0; i < EWB_KEYLOCKS; i++)
		k->at[i] = free;
}

void
ewb_keylocks_fini(struct ewb_keylocks *k)
{
	for (unsigned i = 0; i < EWB_KEYLOCKS; i++) {
		EWB_MUST(k->at[i].holder == NULL);
		EWB_MUST0(pthread_mutex_destroy(&k->at[i].lock));
	}
}

static struct ewb_keylock *
find(struct ewb_keylocks *k, const struct ewb_cookie *c)
{
	return &k->at[c->request.hash % EWB_KEYLOCKS];
}

/* Under the lock. */
static int
hold(struct ewb_keylock *l, struct ewb_cookie *c)
{
	if (l->holder)
		return 0;
	l->holder = c;
	c->key_state = EWB_KEY_HELD;
	return 1;
}

/* Under the lock. */
static void
enqueue(struct ewb_keylock *l, struct ewb_cookie *c)
{
	c->key_state = EWB_KEY_WAITING;
	c->keylock_next = NULL;
	c->keylock_prev = l->last;
	if (l->last)
		l->last->keylock_next = c;
	else
		l->first = c;
	l->last = c;
}

int
ewb_keylock_try(struct ewb_keylocks *k, struct ewb_cookie *c)
{
	struct ewb_keylock *l = find(k, c);
	int held;

	EWB_MUST0(pthread_mutex_lock(&l->lock));
	held = hold(l, c);
	EWB_MUST0(pthread_mutex_unlock(&l->lock));
	return held;
}

int
ewb_keylock_take(struct ewb_keylocks *k, struct ewb_cookie *c)
{
	struct ewb_keylock *l = find(k, c);
	int held;

	EWB_MUST0(pthread_mutex_lock(&l->lock));
	held = hold(l, c);
	if (!held)
		enqueue(l, c);
	EWB_MUST0(pthread_mutex_unlock(&l->lock));
	return held;
}

/* Under the lock.  Many may wait, and many leave at once. */
static void
leave_queue(struct ewb_keylock *l, struct ewb_cookie *c)
{
	if (c->keylock_prev)
		c->keylock_prev->keylock_next = c->keylock_next;
	else
		l->first = c->keylock_next;
	if (c->keylock_next)
		c->keylock_next->keylock_prev = c->keylock_prev;
	else
		l->last = c->keylock_prev;
}

/* Under the lock: the next holder, which is to be told. */
static struct ewb_cookie *
pass_on(struct ewb_keylock *l)
{
	struct ewb_cookie *c = l->first;

	l->holder = c;
	if (c == NULL)
		return NULL;
	leave_queue(l, c);
	c->key_state = EWB_KEY_GRANTED;
	return c;
}

void
ewb_keylock_give(struct ewb_keylocks *k, struct ewb_cookie *c)
{
	struct ewb_keylock *l;
	struct ewb_cookie *next = NULL;

	/* NONE is ours to read: only we leave that state */
	if (c->key_state == EWB_KEY_NONE)
		return;
	l = find(k, c);
	EWB_MUST0(pthread_mutex_lock(&l->lock));
	if (c->key_state == EWB_KEY_WAITING)
		leave_queue(l, c);
	else if (l->holder == c)
		next = pass_on(l);
	c->key_state = EWB_KEY_NONE;
	EWB_MUST0(pthread_mutex_unlock(&l->lock));
	/* It cannot go away: it waits for this letter. */
	if (next)
		ewb_inbox_post(&next->dispatch->inbox, &next->turn);
}

int
ewb_keylock_leave(struct ewb_keylocks *k, struct ewb_cookie *c)
{
	struct ewb_keylock *l = find(k, c);
	int left = 0;

	EWB_MUST0(pthread_mutex_lock(&l->lock));
	if (c->key_state == EWB_KEY_WAITING) {
		leave_queue(l, c);
		c->key_state = EWB_KEY_NONE;
		left = 1;
	}
	EWB_MUST0(pthread_mutex_unlock(&l->lock));
	return left;
}
