/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client may hear in the text protocol. */
#ifndef T_FUZZ_REPLIES_H
#define T_FUZZ_REPLIES_H

#include <stddef.h>
#include <stdint.h>

enum reply_kind {
	REPLY_CUT,   /* not all of it is here */
	REPLY_WRONG, /* there is no such line */
	REPLY_LINE,  /* answers a command by itself; so does an ERROR */
	REPLY_ERROR, /* also ends what has begun */
	REPLY_END,
	REPLY_ITEM, /* VALUE and its value */
	REPLY_STAT,
	REPLY_DATA /* a piece of what an engine's command streams */
};

struct reply {
	enum reply_kind kind;
	size_t n;     /* bytes */
	size_t nline; /* of its line, without the end */
	const uint8_t *value;
	size_t nvalue;
};

/* The first reply of in[0..n). */
struct reply reply_take(const uint8_t *in, size_t n);
/* Word i of a line, from 0; null: it has no such. */
const uint8_t *reply_word(const uint8_t *line, size_t n, unsigned i,
                          size_t *len);

/* All of them: fails unless each is known, and what begins ends.  How many
 * commands are answered.  whole: all must be here. */
size_t replies_count(const uint8_t *in, size_t n, int whole);

#endif
