/* SPDX-License-Identifier: BSD-2-Clause */
/* A small engine: records in a table.  How it answers a command is said by the
 * first letter of the key:
 *
 *	h…	held: blocked until the test lets it go
 *	l…	late: offloaded, and the task sleeps for tiny.delay_us
 *	f…	fails with tiny.fail
 *	else	as tiny.how says
 *
 * There is one; the struct says what it does and what was done with it.
 */
#ifndef T_FRONTEND_TINY_H
#define T_FRONTEND_TINY_H

#include <stdatomic.h>
#include <stdbool.h>

#include <ewb/engine.h>

#define TINY_HELD 2048
#define TINY_KEY 64 /* of a held key, what is remembered */

enum tiny_how { TINY_AT_ONCE, TINY_HOLD, TINY_LATE };

/* A command that is blocked; it holds the cookie. */
struct tiny_held {
	struct ewb_ticket ticket;
	struct ewb_cookie *cookie;
	char key[TINY_KEY]; /* "" for flush and stats */
	bool let;
	enum ewb_cancel_reason why; /* it was cancelled; 0: not */
};

struct tiny {
	/* what it is to do; set by the test, after open */
	enum tiny_how how;
	uint64_t delay_us;
	enum ewb_status fail;
	bool copies; /* replies are copied, not lent */
	/* called in each first run, on the front end; or null */
	void (*seen)(struct ewb_cookie *c, const struct ewb_request *r);
	/* called when one is to come, on the front end; or null */
	void (*coming)(struct ewb_request *r);
	/* called when a value that was lent comes home; or null */
	void (*leaving)(void);
	/* called by the task before it answers, on the pool; or null */
	void (*working)(struct ewb_task *t, const struct ewb_request *r);
	/* front end, of which there is one thread: what is held */
	struct tiny_held held[TINY_HELD];
	unsigned nheld;
	/* any thread: what was done */
	_Atomic unsigned runs, cancels;
	_Atomic unsigned lent, released, taken;
	_Atomic(const void *) value_at; /* of the last store, as it came */
};

extern struct tiny tiny;
extern const struct ewb_engine tiny_engine;

/* The n-th command on that key that is blocked now, from 0; null: none. */
struct tiny_held *tiny_held(const char *key, unsigned n);
/* How many are blocked. */
unsigned tiny_blocked(void);
/* Notifies the oldest on that key; EWB_STALE also when there is none. */
enum ewb_status tiny_let(const char *key, enum ewb_status status);
/* Notifies all. */
void tiny_let_all(void);
/* Puts a record there, without any command. */
void tiny_put(const char *key, const void *value, size_t n);

#endif
