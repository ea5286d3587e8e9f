/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that does as its scripts say.
 *
 * A script is for the commands on one key.  Without one a command is answered
 * at once, from a few items in memory.
 *
 *      struct script *s = script_for("k");
 *
 *      s->block_for = 1;
 *      ... a get of k ...              its first run would block
 *      script_notify(s, EWB_OK);       it is run again, and answers
 *
 * It sees ewb/engine.h alone, as an engine does.  What happened may be read
 * on any thread; everything else is set before the command and then left alone.
 */
#ifndef T_SCRIPT_ENGINE_H
#define T_SCRIPT_ENGINE_H

#include <check.h>
#include <ewb/engine.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define SCRIPT_TICKETS 1024

/* As ck_assert(), but it allocates nothing. */
#define SCRIPT_MUST(cond)                          \
	do {                                       \
		if (!(cond))                       \
			ck_abort_msg("%s", #cond); \
	} while (0)

/* Who notifies a block. */
enum script_early {
	SCRIPT_LATE,   /* the test, some time: the ticket is kept */
	SCRIPT_INSIDE, /* the callback itself, before it returns */
	SCRIPT_HELPER  /* a thread that has ended before the callback returns */
};

/* What one run of an offloaded function does. */
enum script_step {
	SCRIPT_ANSWER, /* the command's work, and its final status */
	SCRIPT_AGAIN,
	SCRIPT_PARK,
	SCRIPT_SLEEP,  /* for sleep_us */
	SCRIPT_NOTHING /* would block, and does not say how to go on */
};

struct script {
	char key[64];

	/* What to do. */
	unsigned block_for; /* runs of each command that would block */
	enum script_early early;
	unsigned times;         /* so often an early notify is made; 0: once */
	enum ewb_status notify; /* its status */
	enum ewb_status status; /* the answer; EWB_OK: as the items say */
	uint32_t deadline_ms;   /* with each block; 0: leave it */
	bool offload; /* the answer comes from an offloaded function */
	enum script_step plan[8]; /* its runs; after them it answers */
	unsigned nplan;
	uint64_t sleep_us;
	bool lend;            /* a get's value is lent */
	bool cancel_notifies; /* its cancel notifies, with EWB_TEMPORARY */
	/* The callback, in its place. */
	enum ewb_status (*instead)(struct script *s, struct ewb_cookie *c);
	/* Within each run of the offloaded function. */
	void (*within)(struct script *s, struct ewb_cookie *c);
	/* Streams; see script_stream(). */
	unsigned records;
	size_t record_size;
	unsigned per_run; /* records of one run of the task; 0: all */
	bool flush;       /* after each record */
	bool own;         /* script_produce() makes them, not a task */

	/* What happened. */
	_Atomic unsigned runs, task_runs, cancels, destroys, releases, wakes;
	_Atomic unsigned made; /* records committed */
	_Atomic unsigned ntickets;
	struct ewb_ticket tickets[SCRIPT_TICKETS]; /* of all blocks */
	struct ewb_ticket ticket;                  /* the last */
	struct ewb_cookie *cookie;                 /* of the last run */
	enum ewb_status resumed[16];               /* what each run was told */
	enum ewb_status early_says[4]; /* what an early notify was told */
	struct ewb_ticket cancelled;   /* by the last cancel */
	enum ewb_cancel_reason why;
	pthread_t cancelled_on;
	bool filled; /* by script_fill(): the next run just says OK */
};

/* Nonblocking; cas, expiry, flags.  Copy and change it for other kinds. */
extern const struct ewb_engine script_engine;

/* Forgets all scripts and items. */
void script_begin(void);
/* The script of a key, made if there is none; "*": of keys that have none of
 * their own; "": of commands without a key. */
struct script *script_for(const char *key);

/* The last ticket. */
enum ewb_status script_notify(struct script *s, enum ewb_status status);
/* Of the blocks so far, counted from 0. */
enum ewb_status script_notify_nth(struct script *s, unsigned n,
                                  enum ewb_status status);
/* As whoever has the ticket: the reply's bytes. */
void script_fill(struct script *s, const char *text);

/* The items. */
void script_put(const char *key, const char *value);
/* Null: there is none.  Valid until the next change. */
const struct ewb_item *script_item(const char *key);
/* Its value as a string, valid until the next call. */
const char *script_text(const char *key);
void script_drop(const char *key);

/* The run of a command whose reply is a stream of s->records records, each of
 * s->record_size bytes: its number (big-endian, 4 bytes), then its last byte
 * again and again.  Then s->status. */
enum ewb_status script_stream(struct ewb_cookie *c);
/* Of one with s->own: makes records until one is refused or there are no more.
 * 1: that was the last; notify it.  0: refused. */
int script_produce(struct script *s);

#endif
