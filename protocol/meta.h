/* SPDX-License-Identifier: BSD-2-Clause */
/* The memcached text protocol, meta commands:
 *
 *      mg KEY FLAG...          ms KEY BYTES FLAG...    md KEY FLAG...
 *      ma KEY FLAG...          me KEY [b]              mn
 *
 * A flag is a letter, some with a token right behind it.  Most are asked for by
 * their place in the reply, so a frame carries them as they stand, as extras.
 */
#ifndef PROTOCOL_META_H
#define PROTOCOL_META_H

#include "protocol/frame.h"

struct ewb_meta_line {
	const uint8_t *key, *bytes; /* bytes: ms alone */
	size_t nkey, nbytes;
	const uint8_t *flags, *end;
};

/* The next flag of flags[0..n): its letter, and its token.  What it took; 0:
 * there is none. */
struct ewb_meta_flag {
	char letter;
	const uint8_t *token;
	size_t ntoken;
};
size_t ewb_meta_next(const uint8_t *flags, size_t n, struct ewb_meta_flag *f);

/* Fills in a frame whose op is META_GET, SET, DELETE, META_COUNT or META_DEBUG
 * and whose head is set; the op becomes what the flags make of it.  Null, or
 * the line to answer (static, without its end). */
const char *ewb_meta_take(const struct ewb_meta_line *l, struct ewb_frame *f);

/* front: a key in base64 becomes its bytes, where it is. */
void ewb_meta_decode(struct ewb_frame *f);

#endif
