/* SPDX-License-Identifier: BSD-2-Clause */
/* A reader of a stream of script_stream()'s: takes its pieces, checks their
 * frames and records, gives them back when the test says so. */
#ifndef T_COOKIE_READER_H
#define T_COOKIE_READER_H

#include "t/cookie_play.h"

#define READER_OP EWB_OP_SCAN_CONTINUE
#define READER_PIECES 4096

struct reader {
	struct call *k;
	struct script *s;
	struct ewb_stream *stream;
	size_t nextras; /* that each frame has */
	unsigned next;  /* record */
	unsigned frames;
	const char *wrong; /* with a frame or record; null: nothing */
	struct ewb_chunk *held[READER_PIECES];
	unsigned taken, given;
};

/* Begins the stream of that script; its frames are binary.  r->stream null: it
 * was refused. */
void reader_begin(struct reader *r, unsigned front, struct script *s);
/* Takes one piece; 0: there is none. */
int reader_take(struct reader *r);
/* Gives the oldest back; 0: it has none. */
int reader_give(struct reader *r);
/* Takes and gives all that there is; how often. */
unsigned reader_drain(struct reader *r);
/* The command is done: the terminal frame too, then all goes back. */
void reader_end(struct reader *r);
/* Bytes of capacity that are out. */
size_t reader_held(const struct reader *r);

#endif
