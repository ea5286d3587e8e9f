/* SPDX-License-Identifier: BSD-2-Clause */
/* A client's connection.
 *
 *      recv ─▶ input ─parse─▶ commands in request order ─▶ output ─▶ send
 *
 * It lives and dies on one front end.  Commands stand in a list in the order
 * in which they came; a reply leaves when all before it have left, or, where the
 * client has asked for no order, when it is ready.
 */
#ifndef FRONTEND_CONN_H
#define FRONTEND_CONN_H

#include <ev.h>
#include <stdint.h>

#include "cookie/dispatch.h"
#include "frontend/out.h"
#include "protocol/hello.h"
#include "protocol/text.h"

#define EWB_CONN_MAGIC 0x6577626eu

/* Why nothing more is parsed and read. */
#define EWB_PAUSE_UNREAD 1u    /* see ewb_conn_full(), in front.h */
#define EWB_PAUSE_IN_FLIGHT 2u /* too many commands at once */
#define EWB_PAUSE_EOF 4u       /* the client has said all */
#define EWB_PAUSE_ENDED 8u     /* nothing that follows will be looked at */
#define EWB_PAUSE_CLOSING 16u  /* close when what is written is sent */
#define EWB_PAUSE_RELOAD 64u   /* the engine is being loaded anew */
#define EWB_PAUSE_LEAVING 32u  /* all is said; the client's side is awaited */
#define EWB_PAUSE_SESSION 128u /* what follows is read as a command says */

/* Bits of a cookie's front_bits. */
#define EWB_FRONT_LINGERS 1u /* done; its stream's last pieces are not sent */
#define EWB_FRONT_HELD 2u    /* answered, but away: it holds its key */
#define EWB_FRONT_CHAINED 4u /* in busy[] */
#define EWB_FRONT_STARTED 8u /* its stream's first bytes are output */
#define EWB_FRONT_END 16u    /* the last key of a text get: END follows */
#define EWB_FRONT_ALONE 32u  /* begun where nothing was in flight: in no list */
#define EWB_FRONT_FREE 64u   /* its reply leaves when it is ready */
#define EWB_FRONT_BARRIER 128u /* it waits for all, and holds all */
#define EWB_FRONT_FLUSH 256u /* of no connection: see flush.h */
#define EWB_FRONT_TRACED 512u /* its reply says how long it took */
#define EWB_FRONT_TOKENS 1024u /* its reply has a mutation's token */

enum ewb_proto { EWB_PROTO_UNKNOWN, EWB_PROTO_TEXT, EWB_PROTO_BINARY };

#define EWB_CONN_BUSY 32

/* What each batch of commands touches stands together, what it seldom does at
 * the end: of many connections little is in the caches. */
struct ewb_conn {
	struct ewb_session session;
	uint32_t magic;
	int fd;
	struct ewb_front *front;
	ev_io rio;
	struct ewb_conn *touched_next; /* to be looked at in this turn */
	uint8_t touched, ready, working, dead;
	uint32_t pause;

	/* input: in->data[start..end) is not parsed yet */
	enum ewb_proto proto;
	uint8_t hungry;     /* what is here is no whole command */
	uint8_t locked;     /* it has to log in first; see login.h */
	size_t unsent;      /* output that waited at the last look: the server counts it */
	uint8_t get_failed; /* a text get had an error: no END */
	struct ewb_chunk *in;
	uint32_t start, end;
	uint8_t *part;      /* an incomplete command, between turns */
	uint8_t *body;      /* a large value, received in place */
	size_t skip;        /* bytes of input to throw away */
	uint32_t npart;
	struct ewb_text text;

	/* commands */
	struct ewb_cookie *first, *last;
	uint32_t nflight;   /* in the list */
	uint32_t npending;  /* of these, not done */
	uint32_t nturn;     /* of these, not begun */
	uint32_t nbarriers; /* of these pending, barriers */
	size_t pinned_bytes; /* of input that commands hold, until released */

	/* output */
	struct ewb_out out;
	size_t waiting_bytes; /* of replies that are not output yet */
	uint64_t progress_at; /* us: last time that bytes were sent, or none were waiting */
	uint64_t heard_at;    /* us: last time that bytes came */
	struct ewb_drain *drains, *last_drain; /* see drain.h */
	uint32_t ndrains;

	struct ewb_cookie *busy[EWB_CONN_BUSY]; /* by key hash; see order.c */
	struct ewb_conn *ready_next;   /* has input left */
	struct ewb_conn *next, *prev;  /* all of the front end's */
	struct ewb_cookie *held; /* answered, but away, by next */
	ev_io wio;
	size_t body_have, body_want;
	struct ewb_frame *body_frame; /* its command, on the heap */
	struct ewb_chunk *body_in;    /* where that one's key is */
	int unacked;          /* leaving: bytes on their way at the last look */
	uint8_t nfailed;      /* logins, since the last good one */
	uint64_t locked_at;   /* us: since when it has to log in */
	struct ewb_exchange *exchange; /* of a login, between its messages */
};

static inline struct ewb_conn *
ewb_conn_of(struct ewb_session *s)
{
	return (struct ewb_conn *)s; /* its first member */
}

/* conn.c.  The front end closes fd.  Null: no memory (fd is closed). */
struct ewb_conn *ewb_conn_new(struct ewb_front *f, int fd) EWB_ON_FRONT;
/* Ends it now; freed at the end of the turn. */
void ewb_conn_close(struct ewb_conn *n) EWB_ON_FRONT;
void ewb_conn_free(struct ewb_conn *n) EWB_ON_FRONT;
/* Commands have ended, or output has been sent: goes on with what can go on. */
void ewb_conn_touched(struct ewb_conn *n) EWB_ON_FRONT;
/* One slice: parse and run what is there; sent at the end of the turn. */
void ewb_conn_work(struct ewb_conn *n) EWB_ON_FRONT;
/* No more commands are taken; closes when all is answered and sent. */
void ewb_conn_finish(struct ewb_conn *n) EWB_ON_FRONT;
/* Once a second. */
void ewb_conn_tick(struct ewb_conn *n) EWB_ON_FRONT;

/* input.c.  Receives once.  1: bytes came; 0: none now; -1: ended or closed. */
int ewb_input_read(struct ewb_conn *n) EWB_ON_FRONT;
/* Runs up to max commands out of the input.  How many; *more: stopped though
 * there is input that could go on. */
unsigned ewb_input_run(struct ewb_conn *n, unsigned max, int *more) EWB_ON_FRONT;
/* Is there input that could be run? */
int ewb_input_left(const struct ewb_conn *n) EWB_ON_FRONT;
/* Lets go of what is not parsed. */
void ewb_input_drop(struct ewb_conn *n) EWB_ON_FRONT;
void ewb_input_fini(struct ewb_conn *n) EWB_ON_FRONT;

/* order.c.  A command comes; takes a reference to in (or takes body). */
int ewb_order_add(struct ewb_conn *n, const struct ewb_frame *f,
                  const uint8_t *value, struct ewb_chunk *in, uint8_t *body)
	EWB_ON_FRONT;
/* Begins what add has gathered: before anything else is done with the
 * connection or its input. */
void ewb_order_run(struct ewb_conn *n) EWB_ON_FRONT;
/* Begins what no longer has to wait.  The first that waits for nothing but room
 * for its reply; null: none does. */
const struct ewb_cookie *ewb_order_advance(struct ewb_conn *n) EWB_ON_FRONT;
/* Is there room now? */
int ewb_order_room(const struct ewb_conn *n, const struct ewb_cookie *c);
/* Answers what still has to wait: it is not begun any more. */
void ewb_order_refuse(struct ewb_conn *n) EWB_ON_FRONT;
/* Writes the replies that are next, and what streams have ready. */
void ewb_order_emit(struct ewb_conn *n) EWB_ON_FRONT;
/* The client has gone. */
void ewb_order_drop(struct ewb_conn *n) EWB_ON_FRONT;
/* What the dispatch is told. */
extern const struct ewb_desk ewb_front_desk;
void ewb_order_unlinger(struct ewb_cookie *c) EWB_ON_FRONT;

/* turn.c.  Which commands of its connection c waits for. */
static inline struct ewb_cookie **
ewb_conn_chain(struct ewb_conn *n, const struct ewb_cookie *c)
{
	return &n->busy[c->request.hash % EWB_CONN_BUSY];
}
/* Later ones on its key wait for it, if it is keyed. */
void ewb_turn_enchain(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;
/* ... no more, if they did. */
void ewb_turn_unchain(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;
/* Must c, which stands in its chain and is counted, wait? */
int ewb_turn_must_wait(const struct ewb_conn *n, const struct ewb_cookie *c);
/* Then it may wait for ever: nobody knows whether that mutation will be done. */
int ewb_turn_behind_an_orphan(const struct ewb_cookie *c);

/* mode.c.  How c stands to the others of its connection, and is answered: sets
 * FREE, BARRIER, TRACED and TOKENS. */
void ewb_mode_set(const struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;
/* tally.c.  Counts a command that has come, other than in ewb_tally_command(),
 * which is in front.h; and its outcome. */
void ewb_tally_other(struct ewb_front *f, const struct ewb_cookie *c)
	EWB_ON_FRONT;
void ewb_tally_outcome(struct ewb_front *f, const struct ewb_cookie *c)
	EWB_ON_FRONT;

/* answer.c.  Writes c's reply.  0; -1: no memory, or it cannot be told: cut. */
int ewb_answer(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;
/* Writes what ends a text get, all of whose keys are answered.  Likewise. */
int ewb_answer_end(struct ewb_conn *n) EWB_ON_FRONT;

#endif
