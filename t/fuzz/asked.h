/* SPDX-License-Identifier: BSD-2-Clause */
/* A client's commands in the binary protocol, each with a number of its own as
 * its opaque; and what it hears: each is answered once, in order. */
#ifndef T_FUZZ_ASKED_H
#define T_FUZZ_ASKED_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/scram.h"

#define ASKED_MAX 4096

struct asked_one {
	uint8_t opcode;
	uint8_t quiet;    /* success or failure may go without an answer */
	uint8_t answered; /* at least in part */
	uint8_t open; /* the answer is of many frames; its end has not come */
	size_t end;   /* of the stream, when it is whole */
};

struct asked {
	struct asked_one at[ASKED_MAX];
	size_t n;
	size_t last;    /* the last one that was answered, from 1; 0: none */
	int any_order;  /* the client may have asked for that */
	int may_be_cut; /* an answer may end with the connection */
	int differs;    /* the answers are not the same each time */
	uint8_t scan[16];
	int has_scan; /* the last that was created is that */
	/* where clients have to log in */
	int locked;     /* nobody has: set it before */
	size_t nlogins; /* that were answered, since the last that succeeded */
	int hung_up;    /* the last answer may have been the connection's end */
	uint8_t challenge[EWB_SASL_MAX]; /* SCRAM's, the last */
	size_t nchallenge;
};

/* Numbers them, up to what ends the connection; max_body: of a frame. */
void asked_take(struct asked *a, uint8_t *stream, size_t n, size_t max_body);
/* Takes the frames that are whole: how many bytes. */
size_t asked_hear(struct asked *a, const uint8_t *in, size_t n);
/* All that is in the stream's first n bytes must be answered. */
void asked_end(const struct asked *a, size_t n);

#endif
