/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said for a login, and what stands in the users' file.  The first byte
 * says what the rest is:
 *
 *	s   what a client says to a server: its first message, a line's end, its last
 *	c   what a server answers to a client
 *	p   PLAIN
 *	u   a user's line
 */
#include "config.h"

#include <string.h>

#include "protocol/base64.h"
#include "protocol/scram.h"
#include "t/fuzz/fuzz.h"

#define NONCE "0123456789" /* the server's part, always */
#define ROUNDS 4096

static uint8_t salted[EWB_DIGEST_MAX]; /* of "pencil" and "saltsalt" */

static struct ewb_verifier
verifier(void)
{
	struct ewb_verifier v = { .rounds = ROUNDS,
		                  .nsalt = 8,
		                  .salt = "saltsalt" };
	static int known;

	if (!known)
		FUZZ_MUST(ewb_digest_password(EWB_SHA256, "pencil", 6, v.salt, 8,
		                              ROUNDS, salted) == 0);
	known = 1;
	FUZZ_MUST(ewb_verifier_keys(&v, EWB_SHA256, salted) == 0);
	return v;
}

static int
within(const void *p, size_t n, const uint8_t *in, size_t nin)
{
	const uint8_t *at = p;

	return at >= in && at <= in + nin && n <= (size_t)(in + nin - at);
}

/* It was let in: so it ends with the only proof that there is. */
static void
must_prove(const struct ewb_scram *s, const uint8_t *in, size_t n)
{
	uint8_t key[EWB_DIGEST_MAX], proof[EWB_DIGEST_MAX];
	char text[EWB_BASE64_LEN(32)];

	FUZZ_MUST(ewb_digest_keyed(EWB_SHA256, salted, 32, "Client Key", 10,
	                           key) == 0);
	FUZZ_MUST(ewb_digest_keyed(EWB_SHA256, s->verifier.stored, 32, s->text,
	                           s->ntext, proof) == 0);
	for (size_t i = 0; i < 32; i++)
		proof[i] ^= key[i];
	ewb_base64_encode(text, proof, 32);
	/* of base64's last digit but one not all bits count */
	FUZZ_MUST(n > sizeof text &&
	          memcmp(in + n - sizeof text, text, sizeof text - 2) == 0);
}

static void
say_last(const struct ewb_scram *began, const uint8_t *in, size_t n)
{
	struct ewb_scram s = *began;
	char out[EWB_SCRAM_LAST];
	size_t len = 0;

	if (ewb_scram_end(&s, in, n, out, &len))
		return;
	FUZZ_MUST(len == 2 + EWB_BASE64_LEN(32) && memcmp(out, "v=", 2) == 0);
	must_prove(&s, in, n);
	s = *began;
	FUZZ_MUST(ewb_scram_end(&s, in, n - 1, out, &len) != 0);
}

static void
server(const uint8_t *in, size_t n)
{
	const uint8_t *end = n ? memchr(in, '\n', n) : NULL;
	size_t nfirst = end ? (size_t)(end - in) : n;
	struct ewb_scram s = { .digest = EWB_SHA256, .verifier = verifier() };
	struct ewb_scram_first f;

	if (ewb_scram_first(&f, in, nfirst))
		return;
	FUZZ_MUST(within(f.bare, f.nbare, in, nfirst));
	FUZZ_MUST(within(f.nonce, f.nnonce, in, nfirst));
	FUZZ_MUST(f.user[0] && strlen(f.user) <= EWB_USER_MAX);
	if (ewb_scram_begin(&s, &f, NONCE))
		return;
	FUZZ_MUST(s.reply < s.ntext && s.ntext <= sizeof s.text);
	if (end)
		say_last(&s, end + 1, n - nfirst - 1);
}

/* More rounds than there is time for. */
static int
is_slow(const uint8_t *in, size_t n)
{
	for (size_t i = 0; i + 3 < n; i++)
		if (memcmp(in + i, ",i=", 3) == 0 && n - i > 3 + 4 &&
		    in[i + 7] != ',')
			return 1;
	return 0;
}

static void
client(const uint8_t *in, size_t n)
{
	struct ewb_scram_client c = { .digest = EWB_SHA1 };
	char out[EWB_SASL_MAX];
	size_t len = 0;

	FUZZ_MUST(ewb_scram_ask(&c, "us=er,", "nonce", out) < sizeof out);
	if (is_slow(in, n) ||
	    ewb_scram_prove(&c, "pencil", in, n, out, &len) != NULL)
		return;
	FUZZ_MUST(len <= sizeof out);
	FUZZ_MUST(n > 7 && memcmp(in, "r=nonce", 7) == 0);
	FUZZ_MUST(!ewb_scram_proved(&c, in, n));
}

static void
plain(const uint8_t *in, size_t n)
{
	struct ewb_plain p;

	if (ewb_plain_take(&p, in, n))
		return;
	FUZZ_MUST(within(p.password, p.npassword, in, n));
	FUZZ_MUST(p.user[0] && strlen(p.user) <= EWB_USER_MAX);
	FUZZ_MUST(p.npassword <= EWB_PASSWORD_MAX);
}

static void
line(const uint8_t *in, size_t n)
{
	static struct ewb_user u, again;
	char text[EWB_USER_LINE_MAX];
	size_t len;

	if (ewb_user_parse(&u, (const char *)in, n))
		return;
	FUZZ_MUST(ewb_user_name_wrong(u.name) == NULL);
	len = ewb_user_print(text, &u);
	FUZZ_MUST(len <= sizeof text);
	FUZZ_MUST(ewb_user_parse(&again, text, len) == NULL);
	FUZZ_MUST(memcmp(&u, &again, sizeof u) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (*data) {
	case 's': server(data + 1, size - 1); break;
	case 'c': client(data + 1, size - 1); break;
	case 'p': plain(data + 1, size - 1); break;
	case 'u': line(data + 1, size - 1); break;
	default: break;
	}
	return 0;
}
