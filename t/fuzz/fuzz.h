/* SPDX-License-Identifier: BSD-2-Clause */
/* What the fuzz targets have in common.  Each is a program of its own, made with
 * libFuzzer and sanitizers: see build.mk and doc/HACKING.md.
 *
 * Most inputs of the two parsers are of this form:
 *
 *      HEAD  the stream  SIZES
 *
 * HEAD is a byte: its low half says how many of the last bytes are SIZES, its
 * high half what the target says.  The sizes are those of the pieces that the
 * stream comes in, again and again; without any it comes byte by byte.  So a
 * file that begins with "0" is a stream as it stands.
 */
#ifndef T_FUZZ_FUZZ_H
#define T_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* What must hold of any input; it is a finding otherwise. */
#define FUZZ_MUST(cond)                                        \
	do {                                                   \
		if (!(cond))                                   \
			fuzz_wrong(__FILE__, __LINE__, #cond); \
	} while (0)
_Noreturn void fuzz_wrong(const char *file, int line, const char *what);
/* What is printed then, of what the target has heard so far. */
void fuzz_note(const void *data, size_t n);

/* Called by libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_STREAM 8192 /* bytes that are worth the time */

struct fuzz_input {
	unsigned mode; /* the high half */
	const uint8_t *in, *sizes;
	size_t n, nsizes;
};
/* 0: there is no head. */
int fuzz_take(const uint8_t *data, size_t size, struct fuzz_input *i);

#endif
