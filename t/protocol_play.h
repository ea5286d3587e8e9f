/* SPDX-License-Identifier: BSD-2-Clause */
/* Plays a stream of bytes to a parser as a socket would, in pieces, and writes
 * down what the parser makes of it, a line for each frame, with what is not
 * zero:
 *
 *	set k flags=5 exptime=-1 value=3
 *	get k multi
 *	error 4 "CLIENT_ERROR bad command line format" skip value=3
 *	close "unknown magic"
 *
 * Values are taken off as a front end does.  The parser sees memory of exactly
 * the bytes that it is told of, so that a sanitizer finds any look beyond.
 */
#ifndef T_PROTOCOL_PLAY_H
#define T_PROTOCOL_PLAY_H

#include <stddef.h>
#include <stdint.h>

enum play_parser { PLAY_TEXT, PLAY_BINARY };

#define PLAY_MAX_BODY (1u << 20)

/* At once, byte by byte, and in two pieces cut at each place; each also by a
 * reader that takes nothing off before a frame is whole with its value, and has
 * it parsed again until then.  Fails unless the same comes of it each time.  The caller frees it. */
char *play(enum play_parser parser, const void *in, size_t n, size_t max_value);
/* At once and in random pieces. */
char *play_random(enum play_parser parser, const void *in, size_t n,
                  size_t max_value, uint64_t *rng);

/* The seed, EWB_SEED or a fixed one; printed. */
uint64_t random_seed(const char *who);
/* 0 to n - 1 */
uint32_t random_below(uint64_t *rng, uint32_t n);

#endif
