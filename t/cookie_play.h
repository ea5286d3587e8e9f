/* SPDX-License-Identifier: BSD-2-Clause */
/* A server without sockets, stepped by hand: a core whose pool has no threads
 * and whose clock stands still, two front ends on the one thread of the test,
 * and a desk that does what a front end's does: it answers what is done, keeps
 * what is away until it comes home, and releases it.
 *
 *      play_begin();
 *      call = play_get(0, "k");      runs the callback
 *      play_letter(0);               delivers one letter to front end 0
 *      play_task();                  runs one task of the pool
 *      play_settle();                until nothing moves
 *      play_end();                   and everything is home
 */
#ifndef T_COOKIE_PLAY_H
#define T_COOKIE_PLAY_H

#include <check.h>
#include <stdbool.h>
#include <string.h>

#include "cookie/core.h"
#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/stream.h"
#include "t/script_engine.h"
#include "t/unit.h"

#define PLAY_FRONTS 2
#define PLAY_CALLS 4096
#define PLAY_LINES 64

/* One command of a client, and what came of it. */
struct call {
	struct ewb_cookie *cookie; /* null: it was released */
	unsigned front;
	char key[64];
	char value[64]; /* that the request carries */
	/* what the desk was told */
	unsigned done, home, data;
	bool done_away;
	enum ewb_status status;
	/* the answer, when it left */
	bool emitted, released;
	char reply[256];
	size_t nreply;
	uint32_t flags;
	uint64_t cas, number;
	const char *context;
};

extern struct play {
	struct ewb_core core;
	struct ewb_dispatch d[PLAY_FRONTS];
	struct ewb_session session[PLAY_FRONTS]; /* a client of each */
	struct ewb_instance *instance;
	char lines[PLAY_LINES][256];
	unsigned nlines, ncalls;
	bool keep;  /* answers do not leave: their clients do not read */
	void *body; /* the next command's value, in a buffer of its own */
	void (*on_data)(struct call *k); /* when a stream has something */
	/* of the engine's blame, before */
	uint64_t stale[EWB_NOPS], filling[EWB_NOPS];
} play;
extern struct call play_calls[PLAY_CALLS];

/* With the default limits and script_engine. */
void play_begin(void);
void play_begin_with(const struct ewb_limits *limits,
                     const struct ewb_engine *engine);
/* Everything must be home; closes all. */
void play_end(void);
/* What of it is not; null: all is home. */
const char *play_left(void);

/* A command, begun; its tasks wait for play_turn().  Null: no memory. */
struct call *play_call(unsigned front, enum ewb_op op, const char *key,
                       const char *value);
struct call *play_get(unsigned front, const char *key);
struct call *play_set(unsigned front, const char *key, const char *value);
/* The same in two steps, for those who change the frame in between. */
struct ewb_frame play_frame(enum ewb_op op, const char *key, const char *value);
struct call *play_frame_call(unsigned front, const struct ewb_frame *f,
                             const char *value);

/* One letter; 0: there was none. */
int play_letter(unsigned front);
/* One task of the pool's; 0: there was none. */
int play_task(void);
/* The end of a turn: answers leave, tasks go to the pool. */
void play_turn(unsigned front);
/* Letters, tasks and turns until nothing moves. */
void play_settle(void);
/* Time passes; deadlines too. */
void play_pass(uint64_t us);
/* The client hangs up. */
void play_hang_up(struct call *k);
/* Cancels what is away on both, as a stop after its grace. */
void play_stop(void);

uint64_t play_count(enum ewb_counter i); /* of both front ends */
#define PLAY_COUNT(name) play_count(EWB_COUNT_##name)
/* Lines of the log with that text in them. */
unsigned play_logged(const char *text);
/* Stale notifies, and refused ones, that were counted for script_engine. */
uint64_t play_stale(enum ewb_op op);
uint64_t play_filling(enum ewb_op op);

/* A test case of stepped tests. */
TCase *play_case(const char *name);

#endif
