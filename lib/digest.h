/* SPDX-License-Identifier: BSD-2-Clause */
/* Hashes of bytes, hashes with a key (HMAC), and of passwords (PBKDF2). */
#ifndef LIB_DIGEST_H
#define LIB_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum ewb_digest { EWB_SHA512, EWB_SHA256, EWB_SHA1, EWB_NDIGESTS };

#define EWB_DIGEST_MAX 64 /* bytes of the longest */

size_t ewb_digest_len(enum ewb_digest d);

/* any: 0, or -ENOMEM.  out has room for as many bytes as it has. */
int ewb_digest_of(enum ewb_digest d, const void *data, size_t n, uint8_t *out);
int ewb_digest_keyed(enum ewb_digest d, const void *key, size_t nkey,
                     const void *data, size_t n, uint8_t *out);
/* Likewise; as many rounds as are asked for, milliseconds: not for a front end. */
int ewb_digest_password(enum ewb_digest d, const void *password, size_t n,
                        const void *salt, size_t nsalt, uint32_t rounds,
                        uint8_t *out);

#endif
