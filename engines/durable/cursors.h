/* SPDX-License-Identifier: BSD-2-Clause */
/* The cursors that are open, so that they can be ended from outside: for their
 * age, or because what they read is closed. */
#ifndef DURABLE_CURSORS_H
#define DURABLE_CURSORS_H

#include <ewb/engine.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct dur_cursors;

/* A library's cursor has it as its first member. */
struct dur_cursor {
	/* set once, by dur_cursors_add() */
	struct dur_cursors *all;
	uint64_t since; /* of the host's clock, us */
	/* under all->lock */
	struct dur_cursor *next, **at;
	/* under lock */
	pthread_mutex_t lock;
	bool ended; /* what it had of the library's was given up */
};

struct dur_cursors {
	struct ewb_host *host;
	/* Gives up what it has of the library's; under its lock. */
	void (*end)(struct dur_cursor *cu);
	pthread_mutex_t lock;     /* before that of a cursor */
	struct dur_cursor *first; /* under lock; the newest */
};

void dur_cursors_init(struct dur_cursors *all, struct ewb_host *host,
                      void (*end)(struct dur_cursor *cu));
void dur_cursors_fini(struct dur_cursors *all);
/* pool */
void dur_cursors_add(struct dur_cursors *all, struct dur_cursor *cu);
/* pool: not among them any more, and ended. */
void dur_cursors_remove(struct dur_cursor *cu);
/* pool: false when it was ended.  True: it stays until dur_cursor_leave(). */
bool dur_cursor_enter(struct dur_cursor *cu);
void dur_cursor_leave(struct dur_cursor *cu);
/* pool: ends those opened before this time; returns how many. */
unsigned dur_cursors_end(struct dur_cursors *all, uint64_t before);
/* pool: when the oldest that has not ended was opened; UINT64_MAX: none. */
uint64_t dur_cursors_oldest(struct dur_cursors *all);

#endif
