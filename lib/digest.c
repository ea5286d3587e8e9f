/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/check.h"
#include "lib/digest.h"

static const EVP_MD *
md(enum ewb_digest d)
{
	switch (d) {
	case EWB_SHA512: return EVP_sha512();
	case EWB_SHA256: return EVP_sha256();
	default: return EVP_sha1();
	}
}

size_t
ewb_digest_len(enum ewb_digest d)
{
	return d == EWB_SHA512 ? 64 : d == EWB_SHA256 ? 32 : 20;
}

int
ewb_digest_of(enum ewb_digest d, const void *data, size_t n, uint8_t *out)
{
	return EVP_Digest(data, n, out, NULL, md(d), NULL) == 1 ? 0 : -ENOMEM;
}

int
ewb_digest_keyed(enum ewb_digest d, const void *key, size_t nkey,
                 const void *data, size_t n, uint8_t *out)
{
	EWB_MUST(nkey < 1u << 20);
	return HMAC(md(d), key, (int)nkey, data, n, out, NULL) ? 0 : -ENOMEM;
}

int
ewb_digest_password(enum ewb_digest d, const void *password, size_t n,
                    const void *salt, size_t nsalt, uint32_t rounds,
                    uint8_t *out)
{
	EWB_MUST(n < 1u << 20 && nsalt < 1u << 20 && rounds <= INT32_MAX);
	return PKCS5_PBKDF2_HMAC(password, (int)n, salt, (int)nsalt,
	                         (int)rounds, md(d), (int)ewb_digest_len(d),
	                         out) == 1 ? 0 : -ENOMEM;
}
