/* SPDX-License-Identifier: BSD-2-Clause */
/* What a connection has still to send: pieces, in order.  Copied bytes share
 * chunks; lent values, and the chunks of replies and streams, go as they are.
 * Single owner: the front end. */
#ifndef FRONTEND_OUT_H
#define FRONTEND_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/chunks.h"
#include "lib/roles.h"

struct ewb_cookie;
struct ewb_front;

struct ewb_out;

struct ewb_piece {
	struct ewb_piece *next;
	const uint8_t *data;
	size_t len;
	struct ewb_chunk *chunk; /* a reference to it, or the stream's chunk */
	void (*done)(struct ewb_front *f, struct ewb_out *o, struct ewb_piece *p);
	struct ewb_cookie *cookie; /* stream: whose */
	void (*release)(void *arg);
	void *arg;
	struct ewb_instance *lender;
};

struct ewb_out {
	struct ewb_piece *first, *last;
	size_t bytes;
	uint64_t sent; /* before those */
	struct ewb_chunk *filling; /* of copied pieces; they hold it */
};

/* Room for n bytes in one piece (n up to EWB_OUT_COPY); null: no memory. */
#define EWB_OUT_COPY 16384u
uint8_t *ewb_out_reserve(struct ewb_front *f, struct ewb_out *o, size_t n)
	EWB_ON_FRONT;
void ewb_out_commit(struct ewb_out *o, size_t n) EWB_ON_FRONT;
/* 0, or -1: no memory. */
int ewb_out_copy(struct ewb_front *f, struct ewb_out *o, const void *data,
                 size_t n) EWB_ON_FRONT;
/* The cookie's reply value, large: taken out of the reply, without a copy. */
int ewb_out_value(struct ewb_front *f, struct ewb_out *o, struct ewb_cookie *c)
	EWB_ON_FRONT;
/* A chunk pulled from the cookie's stream; the cookie stays until it is gone. */
int ewb_out_stream(struct ewb_front *f, struct ewb_out *o, struct ewb_cookie *c,
                   struct ewb_chunk *ch) EWB_ON_FRONT;
/* Sends until the socket takes no more, or a slice was sent.  0, all is sent;
 * -EAGAIN: ask again when it is writable; -errno. */
int ewb_out_send(struct ewb_front *f, struct ewb_out *o, int fd) EWB_ON_FRONT;
/* Lets go of all. */
void ewb_out_drop(struct ewb_front *f, struct ewb_out *o) EWB_ON_FRONT;

/* front: drops a reference to a chunk of input or output. */
void ewb_front_unref(struct ewb_front *f, struct ewb_chunk *ch) EWB_ON_FRONT;

#endif
