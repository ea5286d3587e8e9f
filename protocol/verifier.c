/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "lib/check.h"
#include "lib/secret.h"
#include "protocol/base64.h"
#include "protocol/number.h"
#include "protocol/verifier.h"

/* On the wire as Couchbase's clients have it, in files as RFC 5803 does. */
static const struct {
	const char *wire, *file;
} names[EWB_NDIGESTS] = {
	[EWB_SHA512] = { "SCRAM-SHA512", "SCRAM-SHA-512" },
	[EWB_SHA256] = { "SCRAM-SHA256", "SCRAM-SHA-256" },
	[EWB_SHA1] = { "SCRAM-SHA1", "SCRAM-SHA-1" },
};

const char *
ewb_verifier_mechanism(enum ewb_digest d)
{
	return names[d].wire;
}

const char *
ewb_user_name_wrong(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > EWB_USER_MAX)
		return "a name has 1 to 128 bytes";
	if (*name == '#' || *name == '@')
		return "a name does not begin with # or @";
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f)
			return "a name has no blanks or control characters";
	return NULL;
}

const char *
ewb_user_password_wrong(const char *password)
{
	size_t n = strlen(password);

	return n == 0 || n > EWB_PASSWORD_MAX ?
	               "a password has 1 to 512 bytes" :
	               NULL;
}

int
ewb_verifier_keys(struct ewb_verifier *v, enum ewb_digest d,
                  const uint8_t *salted)
{
	uint8_t client[EWB_DIGEST_MAX];
	size_t len = ewb_digest_len(d);
	int err = ewb_digest_keyed(d, salted, len, "Client Key", 10, client);

	if (err == 0)
		err = ewb_digest_of(d, client, len, v->stored);
	if (err == 0)
		err = ewb_digest_keyed(d, salted, len, "Server Key", 10,
		                       v->server);
	ewb_secret_wipe(client, sizeof client);
	return err;
}

/* The keys of a password with v's salt and rounds. */
static int
derive(struct ewb_verifier *v, enum ewb_digest d, const char *password, size_t n)
{
	uint8_t salted[EWB_DIGEST_MAX];
	int err = ewb_digest_password(d, password, n, v->salt, v->nsalt,
	                              v->rounds, salted);

	if (err == 0)
		err = ewb_verifier_keys(v, d, salted);
	ewb_secret_wipe(salted, sizeof salted);
	return err;
}

int
ewb_verifier_try(const struct ewb_verifier *v, enum ewb_digest d,
                 const char *password, size_t n)
{
	struct ewb_verifier tried = *v;
	int err = derive(&tried, d, password, n);
	int same = err == 0 && ewb_secret_same(tried.stored, v->stored,
	                                       ewb_digest_len(d));

	ewb_secret_wipe(&tried, sizeof tried);
	return err ? err : same;
}

/* A keyed hash of what it is for, the mechanism and the name. */
static int
invent(enum ewb_digest d, const char *what, const char *name,
       const void *secret, size_t nsecret, uint8_t out[EWB_DIGEST_MAX])
{
	char text[64 + EWB_USER_MAX + 1];
	size_t nwhat = strlen(what), nmech = strlen(names[d].file);
	size_t nname = strlen(name);

	EWB_MUST(nwhat + nmech + nname < sizeof text);
	memcpy(text, what, nwhat);
	memcpy(text + nwhat, names[d].file, nmech);
	memcpy(text + nwhat + nmech, name, nname);
	return ewb_digest_keyed(EWB_SHA512, secret, nsecret, text,
	                        nwhat + nmech + nname, out);
}

int
ewb_verifier_invent(struct ewb_verifier *v, enum ewb_digest d, const char *name,
                    const void *secret, size_t nsecret, uint32_t rounds)
{
	uint8_t salt[EWB_DIGEST_MAX];
	int err = invent(d, "salt ", name, secret, nsecret, salt);

	*v = (struct ewb_verifier){ .rounds = rounds, .nsalt = EWB_SALT };
	memcpy(v->salt, salt, EWB_SALT);
	if (err == 0)
		err = invent(d, "stored ", name, secret, nsecret, v->stored);
	if (err == 0)
		err = invent(d, "server ", name, secret, nsecret, v->server);
	return err;
}

int
ewb_user_make(struct ewb_user *u, const char *name, const char *password,
              uint32_t rounds)
{
	int err = 0;

	EWB_MUST(ewb_user_name_wrong(name) == NULL);
	memset(u, 0, sizeof *u);
	memcpy(u->name, name, strlen(name) + 1);
	for (unsigned d = 0; err == 0 && d < EWB_NDIGESTS; d++) {
		u->by[d].rounds = rounds;
		u->by[d].nsalt = EWB_SALT;
		err = ewb_secret_make(u->by[d].salt, EWB_SALT);
		if (err == 0)
			err = derive(&u->by[d], (enum ewb_digest)d, password,
			             strlen(password));
	}
	return err;
}

/* Its line. */

static char *
put(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n);
	return to + n;
}

size_t
ewb_user_print(char out[EWB_USER_LINE_MAX], const struct ewb_user *u)
{
	char *p = put(out, u->name);

	for (unsigned d = 0; d < EWB_NDIGESTS; d++) {
		const struct ewb_verifier *v = &u->by[d];
		size_t len = ewb_digest_len((enum ewb_digest)d);

		*p++ = ' ';
		p = put(p, names[d].file);
		*p++ = '$';
		p += ewb_put_number((uint8_t *)p, v->rounds);
		*p++ = ':';
		p += ewb_base64_encode(p, v->salt, v->nsalt);
		*p++ = '$';
		p += ewb_base64_encode(p, v->stored, len);
		*p++ = ':';
		p += ewb_base64_encode(p, v->server, len);
	}
	return (size_t)(p - out);
}

/* What is left of a line. */
struct rest {
	const char *at, *end;
};

/* Up to that character, which is taken off too, or to the end. */
static struct rest
take(struct rest *r, char until)
{
	size_t left = (size_t)(r->end - r->at);
	const char *found = left ? memchr(r->at, until, left) : NULL;
	struct rest word = { r->at, found ? found : r->end };

	r->at = found ? found + 1 : r->end;
	return word;
}

static size_t
length(struct rest r)
{
	return (size_t)(r.end - r.at);
}

/* 0: it is not of exactly that length. */
static int
take_key(struct rest word, uint8_t *out, size_t len)
{
	return ewb_base64_decode(out, len, word.at, length(word)) == len;
}

/* What stands behind the mechanism's name. */
static int
take_verifier(struct rest word, enum ewb_digest d, struct ewb_verifier *v)
{
	size_t len = ewb_digest_len(d), nsalt;
	struct rest rounds = take(&word, ':'), salt = take(&word, '$');
	struct rest stored = take(&word, ':');
	uint64_t n;

	if (ewb_take_number((const uint8_t *)rounds.at, length(rounds), &n) != 1 ||
	    n < EWB_ROUNDS_MIN || n > EWB_ROUNDS_MAX)
		return 0;
	v->rounds = (uint32_t)n;
	nsalt = ewb_base64_decode(v->salt, sizeof v->salt, salt.at, length(salt));
	if (nsalt < 8 || nsalt > sizeof v->salt)
		return 0;
	v->nsalt = (uint32_t)nsalt;
	return take_key(stored, v->stored, len) && take_key(word, v->server, len);
}

/* Which of the mechanisms; EWB_NDIGESTS: none. */
static unsigned
find(struct rest name)
{
	unsigned d;

	for (d = 0; d < EWB_NDIGESTS; d++)
		if (length(name) == strlen(names[d].file) &&
		    memcmp(name.at, names[d].file, length(name)) == 0)
			break;
	return d;
}

const char *
ewb_user_parse(struct ewb_user *u, const char *line, size_t n)
{
	struct rest r = { line, line + n }, word = take(&r, ' '), mechanism;
	unsigned had = 0, d;

	memset(u, 0, sizeof *u);
	if (length(word) > EWB_USER_MAX)
		return "a name longer than 128 bytes";
	memcpy(u->name, word.at, length(word));
	if (strlen(u->name) != length(word) || ewb_user_name_wrong(u->name))
		return "no name at its beginning";
	while (r.at < r.end) {
		word = take(&r, ' ');
		if (length(word) == 0)
			continue;
		mechanism = take(&word, '$');
		d = find(mechanism);
		if (d == EWB_NDIGESTS)
			continue; /* a later one's */
		if (had & 1u << d)
			return "a mechanism stands in it twice";
		if (!take_verifier(word, (enum ewb_digest)d, &u->by[d]))
			return "what follows SCRAM-... is not "
			       "$ROUNDS:SALT$STORED:SERVER";
		had |= 1u << d;
	}
	return had == (1u << EWB_NDIGESTS) - 1 ?
	               NULL :
	               "it lacks one of SCRAM-SHA-512, SCRAM-SHA-256 and "
	               "SCRAM-SHA-1";
}
