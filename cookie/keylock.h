/* SPDX-License-Identifier: BSD-2-Clause */
/* One at a time per key, over all connections: for commands that the framework
 * makes out of a get and a store.  Waiting holds no thread. */
#ifndef COOKIE_KEYLOCK_H
#define COOKIE_KEYLOCK_H

#include <pthread.h>
#include <stdint.h>

#define EWB_KEYLOCKS 1024

struct ewb_cookie;

struct ewb_keylock {
	pthread_mutex_t lock;
	/* under lock */
	struct ewb_cookie *holder;
	struct ewb_cookie *first,
		*last; /* waiting, by keylock_next and _prev */
};

struct ewb_keylocks {
	struct ewb_keylock at[EWB_KEYLOCKS];
};

void ewb_keylocks_init(struct ewb_keylocks *k);
void ewb_keylocks_fini(struct ewb_keylocks *k);
/* front: 1: c holds the lock of its key's hash.  0: another one does. */
int ewb_keylock_try(struct ewb_keylocks *k, struct ewb_cookie *c);
/* front: 1: likewise.  0: c waits; its turn comes as a letter, c->turn, to its
 * front end, and then it holds the lock. */
int ewb_keylock_take(struct ewb_keylocks *k, struct ewb_cookie *c);
/* front: gives it to the next.  Nothing if c neither holds nor waits. */
void ewb_keylock_give(struct ewb_keylocks *k, struct ewb_cookie *c);
/* front: stops waiting.  0: it does not wait (any more): it holds the lock, or
 * the letter that says so is on its way. */
int ewb_keylock_leave(struct ewb_keylocks *k, struct ewb_cookie *c);

#endif
