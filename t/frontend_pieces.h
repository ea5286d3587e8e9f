/* SPDX-License-Identifier: BSD-2-Clause */
/* A command whose reply comes in pieces, and a client that has asked for one
 * and for a noop behind it.  The test is its background. */
#ifndef T_FRONTEND_PIECES_H
#define T_FRONTEND_PIECES_H

#include <stdbool.h>

#include "t/frontend_frames.h"

#define PIECES_OPCODE 0xdb
#define PIECES_RECORD 3000u

struct pieces {
	struct play p;
	struct client *c;
	struct ewb_ticket ticket; /* of the blocked command */
	unsigned wakes;           /* times that it was told to go on */
	unsigned again;           /* times that it will block once more */
	struct frames want;       /* what is to be heard */
};

extern struct pieces pieces;

/* terminal_error: an error frame may end the reply. */
void pieces_begin(bool terminal_error);
/* One frame with one record of these bytes; false: there is no room. */
bool pieces_produce(char what);
/* A record that is not sealed yet. */
void pieces_leave(char what);
/* Is the reader the slower side? */
bool pieces_reader_is_slow(void);
/* A frame with a record; an empty one; the noop. */
void pieces_want(char what, uint16_t status);
void pieces_want_empty(uint16_t status);
void pieces_want_noop(void);
/* Hears what is wanted, and begins anew. */
void pieces_hear(void);

#endif
