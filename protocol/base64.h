/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64, RFC 4648's first alphabet. */
#ifndef PROTOCOL_BASE64_H
#define PROTOCOL_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* What n bytes take, padded. */
#define EWB_BASE64_LEN(n) (((n) + 2) / 3 * 4)
/* What n characters are at most. */
#define EWB_BASE64_BYTES(n) (((n) + 3) / 4 * 3)

/* Writes EWB_BASE64_LEN(n) characters, no 0 after them; how many. */
size_t ewb_base64_encode(char *out, const void *data, size_t n);
/* Padded, or not padded at all.  How many bytes it was, of which no more than
 * cap are written; SIZE_MAX: it is none.  out may be where the text is. */
size_t ewb_base64_decode(void *out, size_t cap, const void *text, size_t n);

#endif
