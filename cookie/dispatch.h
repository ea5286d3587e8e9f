/* SPDX-License-Identifier: BSD-2-Clause */
/* A front end without its sockets: runs commands, takes their letters, keeps
 * their deadlines.  Single owner: the front-end thread.
 *
 *      start ──▶ run ──final status──▶ ops->done()            (home)
 *                 │ └─WOULDBLOCK─▶ away ──letter──▶ run again, or ops->done()
 *                 │                 └─deadline, stop──▶ ops->done() (away), later ops->home()
 */
#ifndef COOKIE_DISPATCH_H
#define COOKIE_DISPATCH_H

#include <pthread.h>
#include <stdint.h>

#include "cookie/cookie.h"
#include "cookie/latency.h"
#include "lib/heap.h"
#include "lib/inbox.h"
#include "lib/pool.h"
#include "lib/roles.h"

#define EWB_DISPATCH_MAGIC 0x65776264u

/* What the front end's sockets are told. */
struct ewb_desk {
	/* The status may be answered.  c->away: the lent part is not ours: use
	 * the status and the front part alone; home() follows, some time. */
	void (*done)(struct ewb_cookie *c);
	/* A cookie that was answered, or abandoned (session null), has come
	 * home: release it, once its answer has left. */
	void (*home)(struct ewb_cookie *c);
	/* The stream has something to pull. */
	void (*data)(struct ewb_cookie *c);
	/* It was answered long ago, and may never come home.  May be null. */
	void (*orphan)(struct ewb_cookie *c);
};

struct ewb_dispatch {
	uint32_t magic;
	/* set once */
	struct ewb_core *core;
	const struct ewb_desk *desk;
	pthread_t thread;
	void *owner; /* the front end's */
	unsigned row; /* where it counts what collections are used for */
	/* any thread */
	struct ewb_inbox inbox;
	struct ewb_counters counters;
	/* front */
	struct ewb_heap timers;
	struct ewb_batch batch;      /* tasks for the pool, at the turn's end */
	struct ewb_cookie *free;
	struct ewb_stream *free_streams;
	struct ewb_stream *watched;  /* streams that may have untold pieces */
	uint64_t look_at;            /* us: when to look, if there are any */
	struct ewb_cookie *away;     /* all that are not home */
	size_t naway, nused;
	uint64_t now;                /* us, of this turn */
	struct ewb_latency latency;
	uint64_t mistakes_logged_at;
	uint8_t stopping;
};

/* A client's connection, or whatever stands for one. */
struct ewb_session {
	uint64_t id;
	struct ewb_dispatch *dispatch;
	struct ewb_instance *instance;
	struct ewb_hook *hooks;
	uint32_t features; /* that it has asked for; see protocol/hello.h */
	const char *user;  /* who has logged in; one pointer for each name, as
	                    * long as the server lives; null: nobody */
	uint32_t checks;   /* what its commands must pass; see frontend/admit.h */
	char name[64];     /* of the peer */
};

/* front: fn runs once, when the session ends. */
struct ewb_hook {
	struct ewb_hook *next, **at; /* at null: in no session */
	void (*fn)(struct ewb_hook *h);
};
void ewb_hook_add(struct ewb_session *s, struct ewb_hook *h) EWB_ON_FRONT;
void ewb_hook_drop(struct ewb_hook *h) EWB_ON_FRONT;
void ewb_session_end(struct ewb_session *s) EWB_ON_FRONT;

/* The calling thread becomes the front-end thread.  wake: see lib/inbox.h. */
int ewb_dispatch_init(struct ewb_dispatch *d, struct ewb_core *core,
                      const struct ewb_desk *desk, void (*wake)(void *arg),
                      void *wake_arg);
/* No cookie is in use; waits for threads within a notify to leave it. */
void ewb_dispatch_fini(struct ewb_dispatch *d) EWB_ON_FRONT;

/* A cookie for a command; null: no memory. */
struct ewb_cookie *ewb_cookie_take(struct ewb_dispatch *d, enum ewb_op op,
                                   struct ewb_session *s) EWB_ON_FRONT;
/* It is done and home.  Nobody touches it after. */
void ewb_cookie_release(struct ewb_cookie *c) EWB_ON_FRONT;
/* Its request, from a frame: key, value, hash, expiry. */
void ewb_cookie_fill(struct ewb_cookie *c, const struct ewb_frame *f,
                     const uint8_t *value) EWB_ON_FRONT;
/* Runs the command; done() may be called from within. */
void ewb_cookie_start(struct ewb_cookie *c) EWB_ON_FRONT;
/* The client has gone: cancels c, which is away, and forgets its session.  When
 * it comes home, home() is called, perhaps from within. */
void ewb_cookie_abandon(struct ewb_cookie *c) EWB_ON_FRONT;

/* A child: an inner command whose result the parent waits for.  Fill in its
 * request, then run it; EWB_WOULDBLOCK: return that, and be run again with
 * the child's status; else its status.  Release it when its reply is used. */
struct ewb_cookie *ewb_child_take(struct ewb_cookie *parent, enum ewb_op op)
	EWB_ON_FRONT;
enum ewb_status ewb_child_run(struct ewb_cookie *child) EWB_ON_FRONT;

/* One turn's parts, by hand or by the loop. */

/* Delivers up to max letters. */
size_t ewb_dispatch_letters(struct ewb_dispatch *d, size_t max) EWB_ON_FRONT;
/* Hands the turn's tasks to the pool. */
void ewb_dispatch_submit(struct ewb_dispatch *d) EWB_ON_FRONT;
/* Deadlines that have passed, and streams that are to be looked at. */
void ewb_dispatch_tick(struct ewb_dispatch *d) EWB_ON_FRONT;
/* Microseconds until tick has something to do; UINT64_MAX: it has nothing. */
uint64_t ewb_dispatch_next(const struct ewb_dispatch *d) EWB_ON_FRONT;
/* Cancels and answers all that are away, for EWB_CANCEL_STOP or _ENGINE; only,
 * if not null: those of that engine and what is below it. */
void ewb_dispatch_cancel_all(struct ewb_dispatch *d, enum ewb_cancel_reason why,
                             struct ewb_instance *only) EWB_ON_FRONT;

/* Names all that are over and not notified, now: nobody will wait longer. */
void ewb_dispatch_orphan_all(struct ewb_dispatch *d) EWB_ON_FRONT;

/* c is of op OWN: its command is that one of the table. */
void ewb_own_begin(struct ewb_cookie *c, const struct ewb_frame *f) EWB_ON_FRONT;

/* internal: the status is known. */
void ewb_cookie_finish(struct ewb_cookie *c, enum ewb_status status)
	EWB_ON_FRONT;
/* internal: likewise, of one that is away. */
void ewb_cookie_answer_away(struct ewb_cookie *c, enum ewb_status status)
	EWB_ON_FRONT;
/* internal: cancels it, which is away, and answers it. */
void ewb_cookie_give_up(struct ewb_cookie *c, enum ewb_cancel_reason why)
	EWB_ON_FRONT;
/* internal: home, after it was answered or its client had gone. */
void ewb_cookie_settle(struct ewb_cookie *c) EWB_ON_FRONT;
/* internal: its letters are all in; the slot may serve again. */
void ewb_cookie_recycle(struct ewb_cookie *c) EWB_ON_FRONT;
/* As a temporary failure: nothing of it was done.  Also one not yet begun. */
void ewb_cookie_refuse(struct ewb_cookie *c) EWB_ON_FRONT;
/* internal: c's callback, again. */
void ewb_cookie_rerun(struct ewb_cookie *c) EWB_ON_FRONT;
/* internal: its letters: it is notified; a thread asks for its cancel; it is its turn
 * for its key. */
void ewb_deliver_notify(struct ewb_letter *l);
void ewb_deliver_ask(struct ewb_letter *l);
void ewb_deliver_turn(struct ewb_letter *l);

#endif
