/* SPDX-License-Identifier: BSD-2-Clause */
/* A reply in pieces: a ring of chunks between one task and one front end.
 *
 *      task: reserve, commit ──▶ filling chunk ──seal──▶ ring ──pull──▶ socket
 *         ▲                                                               │
 *         └──── woken at the low mark ◀── capacity given back ◀───────────┘
 *
 * The producer's half is the task's, the consumer's the front end's; between
 * them stand atomics.  One DATA letter at most is on its way: posted is
 * cleared before the ring is emptied.  The task's notify is its last touch.
 *
 * Capacity, in bytes, is counted from taking a chunk to giving it back.  At
 * the high mark the task waits for the low mark.  Each stream owns one small
 * chunk from its opening, so that it always moves; what it takes beyond that
 * is granted from the server's budget, in order of asking.
 * t/model/stream.pml has this protocol for spin.
 */
#ifndef COOKIE_STREAM_H
#define COOKIE_STREAM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "cookie/budget.h"
#include "lib/chunks.h"
#include "lib/inbox.h"
#include "lib/roles.h"
#include "protocol/binary.h"
#include "protocol/text_scan.h"

#define EWB_STREAM_MAGIC 0x65776273u
#define EWB_STREAM_RING 64
#define EWB_STREAM_HEAD 32 /* bytes of a frame's head, at most */
#define EWB_STREAM_TAIL 32 /* framing extras of the last frame, at most */

/* A sealed piece is told at once, by the DATA letter, but to a front end that
 * sleeps: to wake it for each would cost more than what it sends, where both
 * have one CPU.  It is woken when more than half of the high mark waits, for
 * the first pieces, when the last telling is EWB_STREAM_QUIET_US ago, and when
 * the producer stops; and it looks by itself that long after each telling. */
#define EWB_STREAM_QUIET_US 1000u
#define EWB_STREAM_EAGER 2u /* the first pieces, which are small */

struct ewb_core;
struct ewb_cookie;
struct ewb_dispatch;

/* Why the producer waits. */
enum ewb_starved {
	EWB_FED,
	EWB_STARVED_HIGH, /* for the low mark */
	EWB_STARVED_RING, /* for a place in the ring */
	EWB_STARVED_ANY, /* for its own chunk to come back, or for the budget */
	EWB_STARVED_MEMORY, /* likewise, but in no queue: the heap has none */
	EWB_STARVED_NEVER /* for more than the whole budget */
};

struct ewb_stream {
	uint32_t magic;
	/* set once, by open */
	struct ewb_core *core;
	struct ewb_dispatch *dispatch;
	struct ewb_cookie *cookie;
	struct ewb_chunk *base;  /* the stream's own; see base_home */
	uint8_t head[EWB_STREAM_HEAD]; /* a frame's head, lengths and status open */
	uint32_t nhead;
	int text;                /* the head, if any, is a line with the length */
	int passed;              /* its producer is done, a filter has the cookie */
	void (*wake)(void *arg); /* front; null: the cookie's task */
	void *wake_arg;
	/* producer */
	struct ewb_chunk *filling;
	size_t reserved;
	size_t next_cap;
	size_t most; /* of held, for the statistics */
	size_t untold;    /* bytes of capacity sealed since the last letter */
	uint32_t told;    /* position up to which they were told */
	uint64_t told_at; /* us */
	uint8_t tail[EWB_STREAM_TAIL]; /* see ewb_stream_tail() */
	uint32_t ntail;
	enum ewb_starved refused; /* why the last reserve was */
	/* both */
	_Atomic uint32_t sealed, pulled; /* positions in the ring */
	struct ewb_chunk *ring[EWB_STREAM_RING];
	_Atomic size_t held;     /* bytes of capacity out */
	_Atomic int posted;      /* the DATA letter is in the inbox */
	_Atomic int starved;     /* enum ewb_starved */
	_Atomic int base_home;   /* base is neither filling nor out */
	_Atomic uint64_t commits;
	struct ewb_ask ask;
	struct ewb_letter data;
	/* consumer */
	struct ewb_stream *watch_next, **watch_at; /* those to look at; or null */
	unsigned looks; /* that are still to be taken */
	uint64_t waits;
	int freed;               /* but for a letter that is still on its way */
	struct ewb_stream *next_free;
};

_Static_assert(EWB_TEXT_RECORD_MORE > EWB_BIN_RECORD_MORE, "a text record is larger");
/* Bytes of the budget that a scan's record of an nvalue bytes' value takes. */
static inline size_t
ewb_stream_needs(size_t nvalue)
{
	return ewb_chunk_cap(EWB_STREAM_HEAD + EWB_TEXT_RECORD_MORE + nvalue);
}

/* holder: room in the chunk that is being filled; null: ewb_stream_reserve()
 * has to look for another.  To be committed likewise. */
static inline void *
ewb_stream_room(struct ewb_stream *s, size_t n)
{
	if (s->filling == NULL || s->filling->cap - s->filling->len < n)
		return NULL;
	s->reserved = n;
	return s->filling->data + s->filling->len;
}

/* holder: it has committed nothing, and moves all the same: no deadline passes. */
static inline void
ewb_stream_moves(struct ewb_stream *s)
{
	/* relaxed: one writer; read as a sign of life */
	atomic_store_explicit(
		&s->commits,
		atomic_load_explicit(&s->commits, memory_order_relaxed) + 1,
		memory_order_relaxed);
}

/* holder: the producer stops for now: what is sealed is told. */
void ewb_stream_tell(struct ewb_stream *s);
/* holder: framing extras of the frame that ends it, which then has nothing else;
 * in the binary protocol, and unless it ends with an error. */
void ewb_stream_tail(struct ewb_cookie *c, const void *framing, size_t n);
/* front: looks for what was not told, in the streams that were told of less
 * than EWB_STREAM_QUIET_US ago. */
void ewb_streams_look(struct ewb_dispatch *d) EWB_ON_FRONT;
/* front: the next sealed chunk, its frame's head patched; null: none now.
 * Give it back with ewb_stream_give(). */
struct ewb_chunk *ewb_stream_pull(struct ewb_stream *s) EWB_ON_FRONT;
/* front, when the cookie is home: what was not sealed, as the terminal frame
 * with that status; null: no bytes were left, a frame without is to be made. */
struct ewb_chunk *ewb_stream_last(struct ewb_stream *s, uint16_t status)
	EWB_ON_FRONT;
/* front: sent; may wake the task. */
void ewb_stream_give(struct ewb_stream *s, struct ewb_chunk *ch) EWB_ON_FRONT;
/* front: nobody reads: what is sealed goes back, and the producer goes on. */
void ewb_stream_drain(struct ewb_stream *s) EWB_ON_FRONT;
/* front: is there something to pull? */
int ewb_stream_waiting(const struct ewb_stream *s) EWB_ON_FRONT;
/* front: does the producer wait for the reader? */
int ewb_stream_full(const struct ewb_stream *s) EWB_ON_FRONT;
/* holder: was the last reserve refused for good, as more than the whole budget?
 * Nobody is woken for that; its deadline would end it. */
int ewb_stream_never(const struct ewb_stream *s);
/* front, when the cookie is home: the producer has ended, and nobody is to be
 * woken any more. */
void ewb_stream_rest(struct ewb_stream *s) EWB_ON_FRONT;
/* front, when the cookie is home and all chunks were given back but those in
 * the ring. */
void ewb_stream_free(struct ewb_stream *s) EWB_ON_FRONT;
/* front, in the callback, after open: extras that each frame begins with. */
void ewb_stream_extras(struct ewb_cookie *c, const void *extras, size_t n)
	EWB_ON_FRONT;
/* front, likewise, in the text protocol: pieces have no head, and are read as one. */
void ewb_stream_plain(struct ewb_cookie *c) EWB_ON_FRONT;

#endif
