/* SPDX-License-Identifier: BSD-2-Clause */
/* One command in flight, in three parts.
 *
 * The front part belongs to the front end, always.  The word is one atomic.
 * The lent part has one holder at a time: the front end while the command
 * runs; the background from the moment that the ticket is out; the front end
 * again when the notify's letter has arrived.  Nobody else touches it, and so
 * no lock guards it.
 *
 *      front end  RUNNING ──block──▶ AWAY ──notify──▶ (letter) ──▶ RUNNING … DONE
 *
 *      word       idle ──block: generation + 1──▶ ARMED ──notify──▶ NOTIFIED ──letter──▶ idle
 *                                                  └─cancel─▶ ARMED + CANCELLED ─notify─▶ …
 *
 * Slots are process-wide, of one type for ever, and never given back to the
 * system: a ticket kept too long finds another generation, and nothing else.
 * t/model/cookie.pml has this protocol for spin.
 */
#ifndef COOKIE_COOKIE_H
#define COOKIE_COOKIE_H

#include <stdatomic.h>

#include <ewb/engine.h>

#include "cookie/core.h"
#include "cookie/reply.h"
#include "cookie/task.h"
#include "lib/heap.h"
#include "lib/hot.h"
#include "lib/inbox.h"
#include "lib/roles.h"
#include "protocol/frame.h"

#define EWB_COOKIE_MAGIC 0x65776263u

struct ewb_dispatch;
struct ewb_session;
struct ewb_stream;
struct ewb_instance;

/* The word: generation << 4 | these. */
#define EWB_WORD_ARMED 1u     /* a ticket is out and not notified */
#define EWB_WORD_NOTIFIED 2u  /* accepted; the letter is on its way */
#define EWB_WORD_CANCELLED 4u /* nobody wants the answer */
#define EWB_WORD_ASKED 8u     /* the letter that asks for a cancel is on its way */
#define EWB_WORD_BITS 15u

/* What a blocked command waits for.  Only the front end moves between them. */
enum ewb_wait {
	EWB_WAIT_NOTHING,
	EWB_WAIT_NOTIFY, /* its task, its child, or its key over all connections */
	/* the reader of its stream: a notify's wait that is found, when it is
	 * looked at, to be this; see wait_of() in frontend/stats.c */
	EWB_WAIT_DRAIN,
	EWB_WAIT_TURN    /* earlier commands of its connection */
};
const char *ewb_wait_name(enum ewb_wait w);

enum ewb_key_state { EWB_KEY_NONE, EWB_KEY_WAITING, EWB_KEY_GRANTED, EWB_KEY_HELD };

/* Its command's name, for people. */
const char *ewb_cookie_name(const struct ewb_cookie *c);

/* A command made out of others; see compose.c. */
struct ewb_compose {
	unsigned tries, phase;
	struct ewb_cookie *item; /* the get, kept while its value is in use */
	struct ewb_chunk *joined;
	uint64_t number;
	uint8_t digits[24];
};

/* Whom to count a stale notify for: lives for ever, as the slots do. */
struct ewb_blame {
	_Atomic uint64_t stale[EWB_NOPS], filling[EWB_NOPS];
	_Atomic uint64_t told[EWB_NOPS]; /* of the stale ones, in the log */
	_Atomic uint32_t news;           /* some were not */
	char engine[32];
	struct ewb_blame *next;
};
/* any: the one of that engine; null: no memory. */
struct ewb_blame *ewb_blame_of(const char *engine);
/* any: over all engines of this process. */
void ewb_blame_sum(uint64_t *stale, uint64_t *filling);
/* any: names in the log what was counted and not named yet; who notifies cannot,
 * for the server may be gone. */
void ewb_blame_tell(struct ewb_blame *b, const struct ewb_core *core,
                    const char *kind);

/* A filter's command below it; see next.c. */
struct ewb_next {
	uint8_t within; /* its callback is on the pool, or about to be */
	uint8_t wanted; /* there it asked for a command: op, request */
	uint8_t ready;  /* op's status waits for it there */
	enum ewb_op op;
	enum ewb_status status;
	uint32_t waits;
	struct ewb_request request;
};

struct ewb_cookie {
	uint32_t magic;

	/* any thread */
	_Atomic uint32_t filling; /* the reply is being filled: do not notify */
	_Atomic uint64_t word;
	_Atomic(struct ewb_blame *) blame; /* whose its last block is */
	_Atomic uint32_t blame_op;
	_Atomic uint32_t refused; /* notifies refused as filling, this block */
	_Atomic(const char *) slip; /* an engine's mistake, to be named */

	/* whoever won the notify, until its letter is delivered */
	struct ewb_letter letter;
	enum ewb_status notified;
	uint32_t final; /* the status ends the command, whatever it is */
	uint64_t notified_at; /* us */

	/* whoever set ASKED, until its letter is delivered */
	struct ewb_letter ask;
	/* any thread: the newest block that somebody asked for; it only grows */
	_Atomic uint64_t asked_word;

	/* under the lock of its key; its front end may look at the state */
	struct ewb_cookie *keylock_next, *keylock_prev;
	_Atomic(enum ewb_key_state) key_state;
	struct ewb_letter turn;

	/* set while it is no longer the slots' own */
	struct ewb_dispatch *dispatch;
	/* set when it is taken, until it is released */
	struct ewb_instance *instance; /* moves down past filters, when it begins */
	const struct ewb_command *command;
	uint64_t client;               /* its session's id */

	/* front part */
	struct ewb_session *session; /* null: the client has gone */
	enum ewb_op op;
	uint32_t nblocks;
	uint64_t deadline_left;   /* us; UINT64_MAX: none */
	uint64_t began, blocked_at, ended_at; /* us */
	struct ewb_timer timer;
	struct ewb_cookie *away_next, *away_prev;
	void *blocked_arg;        /* for the engine's cancel */
	struct ewb_frame frame;   /* pointers valid while it holds its input */

	/* ... of which this is 0 when a command begins: see ewb_cookie_take() */
	struct ewb_cookie *parent, *child;
	enum ewb_wait wait;
	enum ewb_status status;   /* once done */
	uint8_t running;          /* its callback is on the stack */
	uint8_t away;             /* the lent part is not ours */
	uint8_t done;             /* status may be answered */
	uint8_t answered;         /* ... by a deadline or a stop, while away */
	uint8_t undone;           /* over, and nothing of it was done */
	uint8_t orphan;
	uint8_t admitted;         /* counts against the limit of cookies */
	uint8_t block_refused;    /* over the limit, in this run */
	uint8_t lost;             /* an engine's mistake: never used again */
	uint8_t timed;            /* a deadline runs */
	uint8_t blocked_by_engine; /* else by the framework: nobody to tell */
	uint8_t waits_below;      /* for its child, and its instance counts it */
	enum ewb_cancel_reason why; /* of the last cancel; 0: none */
	uint64_t stream_seen;     /* commits at the last look */
	uint64_t run_ns;          /* of a sample, so far ... */
	uint64_t ran_at;          /* ... and when the last run ended, ns */
	size_t pins;              /* bytes of input that it holds */
	/* the front end's own: order, input */
	struct ewb_cookie *next, *prev, *older;
	struct ewb_chunk *input;
	size_t front_bytes;
	uint32_t front_bits;

	/* lent part */
	struct ewb_request request;
	void *state;
	void (*destroy)(void *state);
	void *body; /* a large value in a buffer of its own */
	uint8_t *stored; /* its key, where the engine has another than it says */
	enum ewb_status resumed;
	struct ewb_reply reply;
	struct ewb_task task;
	uint32_t note;             /* a framework command's own */
	struct ewb_compose compose;
	struct ewb_stream *stream; /* its halves say who may touch what */
	struct ewb_next below;
};

static inline uint64_t
ewb_word_of(uint64_t word)
{
	return word & ~(uint64_t)EWB_WORD_BITS;
}

/* Slots, process-wide.  any thread.  Null: no memory. */
struct ewb_cookie *ewb_slot_take(void);
void ewb_slot_give(struct ewb_cookie *c);

/* front: cancels this block, if its ticket is armed and not cancelled yet:
 * sets the flag, tells the engine, takes out a task that has not begun. */
void ewb_cookie_cancel(struct ewb_cookie *c, enum ewb_cancel_reason why)
	EWB_ON_FRONT;
/* any: asks the front end of that ticket to cancel it for EWB_CANCEL_CLIENT.
 * EWB_STALE: it is not armed any more. */
enum ewb_status ewb_ticket_cancel(struct ewb_ticket t);
/* front, in the callback, after ewb_cookie_block() or an offload. */
struct ewb_ticket ewb_cookie_ticket(const struct ewb_cookie *c);
/* An engine's mistake: counted, logged once a second at most, and an abort
 * under --enable-strict. */
void ewb_mistake(struct ewb_cookie *c, const char *what) EWB_ON_FRONT;
/* front: it runs at that level from now on. */
void ewb_cookie_enter(struct ewb_cookie *c, struct ewb_instance *i)
	EWB_ON_FRONT;
/* any: one that was made on another thread; the front end will name it. */
void ewb_slip(struct ewb_cookie *c, const char *what);
/* front: names it. */
void ewb_slip_name(struct ewb_cookie *c) EWB_ON_FRONT EWB_COLD;
static inline void
ewb_slip_tell(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (atomic_load(&c->slip))
		ewb_slip_name(c);
}

/* holder: as ewb_cancelled(), of the block that it works for. */
static inline int
ewb_cookie_cancelled(const struct ewb_cookie *c)
{
	return (atomic_load(&c->word) & EWB_WORD_CANCELLED) != 0;
}
/* Its ticket waits for a notify. */
int ewb_cookie_armed(const struct ewb_cookie *c);
/* It waits for a notify, or has had one whose letter is on its way. */
int ewb_cookie_blocked(const struct ewb_cookie *c);
/* front: as ewb_cookie_block(); engines 0: the engine's cancel is not called. */
struct ewb_ticket ewb_cookie_block_for(struct ewb_cookie *c, void *arg,
                                       int engines) EWB_ON_FRONT;
/* front: the lock of its key.  EWB_OK: it holds it.  EWB_WOULDBLOCK: it waits,
 * and counts as blocked until its turn has come.  EWB_BUSY: over the limit. */
enum ewb_status ewb_cookie_take_key(struct ewb_cookie *c) EWB_ON_FRONT;
/* front: it is home, and counts as blocked no more, if it did. */
void ewb_cookie_discharge(struct ewb_cookie *c) EWB_ON_FRONT;
/* The framework's notify of a block that is marked as being filled; us: what
 * the time is, 0: to be looked up. */
enum ewb_status ewb_notify_filled(struct ewb_ticket t, enum ewb_status status,
                                  uint64_t us);

#endif
