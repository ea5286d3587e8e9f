/* SPDX-License-Identifier: BSD-2-Clause */
/* The memcached text protocol, classic commands. */
#ifndef PROTOCOL_TEXT_H
#define PROTOCOL_TEXT_H

#include "protocol/frame.h"

/* Where a connection is within a line of many keys, and what it has seen.
 * Zero-filled at the start. */
struct ewb_text {
	uint32_t in_get;    /* the input is within a get's keys */
	uint32_t is;        /* its bits */
	enum ewb_op op;     /* GET or GAT */
	uint32_t exptime;
	uint32_t in_skip;   /* the rest of this line is thrown away */
};

/* Takes one frame off in[0..n).  A get of three keys is four frames: each key
 * one, the END one; f->head then covers only what belongs to that key, and in_get stays set in
 * between, so that the line may be longer than the input buffer (a key may not
 * be).  Malformed lines are frames of op ERROR with the text to answer as
 * reason (without line end), such as "ERROR" or
 * "CLIENT_ERROR bad command line format"; f->nvalue and EWB_IS_SKIP say what of a refused storage command's
 * value is to be skipped.  A value larger than max_value: op ERROR,
 * "SERVER_ERROR object too large for cache", skipped; closing, when it is more
 * than 64 MiB and four times max_value.  What is thrown away of a refused line
 * is a frame of its own, op ERROR without a reply.  Never EWB_PARSE_CLOSE.  A
 * frame that has a value may be parsed again while its value arrives; any other
 * must be taken off.  A gat of no key, which is answered END alone, is a NOOP. */
enum ewb_parse ewb_text_parse(struct ewb_text *t, const uint8_t *in, size_t n,
                              size_t max_value, struct ewb_frame *f);

/* The two bytes after a stored value: whether they are a line end.  If not,
 * the command is not run, its answer is "CLIENT_ERROR bad data chunk" (unless
 * noreply), and ewb_text_resync() says how many of the two to take off; it
 * also has the parser throw away the rest of the line, so that a value longer
 * than was said is never run as a command. */
int ewb_text_tail_ok(const uint8_t *tail, size_t n);
size_t ewb_text_resync(struct ewb_text *t, const uint8_t *tail, size_t n);

/* Replies.  Each writes at most the given number of bytes and returns how many. */

/* "VALUE key flags bytes[ cas]\r\n" */
#define EWB_TEXT_VALUE_MAX (6 + EWB_KEY_MAX + 1 + 10 + 1 + 20 + 1 + 20 + 2)
size_t ewb_text_value(uint8_t *out, const struct ewb_frame *f, uint32_t flags,
                      size_t nvalue, uint64_t cas);
/* The line for a command that carries no value: "STORED\r\n", "NOT_FOUND\r\n",
 * "SERVER_ERROR out of memory storing object\r\n" and so on.  How a status
 * reads depends on the command: 0x86 after one that changes data is
 * "SERVER_ERROR outcome unknown\r\n".  Static, with its line end; *n bytes. */
const char *ewb_text_status(enum ewb_op op, uint32_t status, size_t *n);
/* A number's line, for incr and decr. */
#define EWB_TEXT_NUMBER_MAX 22
size_t ewb_text_number(uint8_t *out, uint64_t value);

#endif
