/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "lib/check.h"
#include "lib/secret.h"

int
ewb_secret_make(void *out, size_t n)
{
	EWB_MUST(n < 1u << 20);
	return RAND_bytes(out, (int)n) == 1 ? 0 : -EIO;
}

int
ewb_secret_same(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
ewb_secret_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
