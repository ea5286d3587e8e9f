/* SPDX-License-Identifier: BSD-2-Clause */
/* What a parser makes of a stream that comes in pieces.  The parser sees no byte
 * before it has come: a sanitizer finds any look at it. */
#ifndef T_FUZZ_FRAMES_H
#define T_FUZZ_FRAMES_H

#include "protocol/frame.h"
#include "protocol/own.h"

#define FRAMES_STREAM 65536 /* bytes of a stream, at most */

enum frames_parser { FRAMES_TEXT, FRAMES_BINARY };

struct frames_how {
	enum frames_parser parser;
	size_t max_value, max_body;
	const struct ewb_own_rules *own; /* or null */
	/* the pieces: nsizes 0, all at once */
	const uint8_t *sizes;
	size_t nsizes;
	int wait; /* takes nothing off before it is whole, value and all */
};

struct frames_one {
	struct ewb_frame f; /* its pointers are into the stream */
	size_t end;         /* where its head ends */
	int bad;            /* its value does not end in a line's end */
};

struct frames {
	struct frames_one at[FRAMES_STREAM + 1];
	size_t n;
	size_t left;        /* where it ended: all before is taken off */
	const char *closed; /* why; or null */
};

/* Fails unless each frame is sound. */
void frames_play(const struct frames_how *how, const uint8_t *in, size_t n,
                 struct frames *to);
/* All at once to all, in pieces to scratch, twice: the same must come of it. */
void frames_same(struct frames_how how, const uint8_t *in, size_t n,
                 struct frames *all, struct frames *scratch);

/* Commands of an engine's own, for the parsers. */
extern const struct ewb_own_rules frames_own;

#endif
