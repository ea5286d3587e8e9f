/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "lib/check.h"
#include "lib/secret.h"
#include "protocol/base64.h"
#include "protocol/number.h"
#include "protocol/scram.h"

#define NO_BINDING "n,,"
#define NO_BINDING_BASE64 "biws"

/* Attributes: a letter, an equals sign, a text, with commas between them. */

struct rest {
	const char *at, *end;
};

static size_t
length(struct rest r)
{
	return (size_t)(r.end - r.at);
}

/* Up to the next comma, which is taken off too, or to the end. */
static struct rest
take(struct rest *r)
{
	size_t left = length(*r);
	const char *comma = left ? memchr(r->at, ',', left) : NULL;
	struct rest word = { r->at, comma ? comma : r->end };

	r->at = comma ? comma + 1 : r->end;
	return word;
}

/* The next one is to be of that letter: its text.  0: it is not. */
static int
take_attribute(struct rest *r, char letter, struct rest *text)
{
	*text = take(r);
	if (length(*text) < 2 || text->at[0] != letter || text->at[1] != '=')
		return 0;
	text->at += 2;
	return 1;
}

static int
is(struct rest r, const char *text, size_t n)
{
	return length(r) == n && memcmp(r.at, text, n) == 0;
}

/* A name: "=2C" is a comma, "=3D" an equals sign.  0: it is none. */
static int
take_name(struct rest r, char user[EWB_USER_MAX + 1])
{
	size_t n = 0;

	while (r.at < r.end) {
		char c = *r.at++;

		if (c == '=') {
			if (length(r) < 2)
				return 0;
			if (memcmp(r.at, "2C", 2) == 0)
				c = ',';
			else if (memcmp(r.at, "3D", 2))
				return 0;
			r.at += 2;
		}
		if (c == '\0' || n == EWB_USER_MAX)
			return 0;
		user[n++] = c;
	}
	user[n] = '\0';
	return n > 0;
}

/* Anything that can be printed, but a comma; Couchbase's clients have blanks. */
static int
is_nonce(struct rest r)
{
	for (const char *p = r.at; p < r.end; p++)
		if (*p < ' ' || *p > '~' || *p == ',')
			return 0;
	return length(r) > 0 && length(r) <= EWB_SCRAM_NONCE_MAX;
}

int
ewb_scram_first(struct ewb_scram_first *f, const void *in, size_t n)
{
	struct rest r = { in, (const char *)in + n }, name, nonce;

	if (n > EWB_SASL_MAX || n < sizeof NO_BINDING - 1 ||
	    memcmp(r.at, NO_BINDING, sizeof NO_BINDING - 1))
		return -1;
	r.at += sizeof NO_BINDING - 1;
	f->bare = r.at;
	f->nbare = length(r);
	/* what is behind them is of no concern to us */
	if (!take_attribute(&r, 'n', &name) || !take_name(name, f->user) ||
	    !take_attribute(&r, 'r', &nonce) || !is_nonce(nonce))
		return -1;
	f->nonce = nonce.at;
	f->nnonce = length(nonce);
	return 0;
}

/* What is signed. */

static int
add(char text[EWB_SCRAM_TEXT], size_t *n, const void *more, size_t nmore)
{
	if (nmore > EWB_SCRAM_TEXT - *n)
		return -1;
	memcpy(text + *n, more, nmore);
	*n += nmore;
	return 0;
}

static int
add_text(char text[EWB_SCRAM_TEXT], size_t *n, const char *more)
{
	return add(text, n, more, strlen(more));
}

/* The server. */

int
ewb_scram_begin(struct ewb_scram *s, const struct ewb_scram_first *f,
                const char *nonce)
{
	char salt[EWB_BASE64_LEN(EWB_SALT_MAX)];
	uint8_t rounds[20];
	size_t nsalt, nrounds = ewb_put_number(rounds, s->verifier.rounds);

	nsalt = ewb_base64_encode(salt, s->verifier.salt, s->verifier.nsalt);
	s->ntext = 0;
	s->nnonce = f->nnonce + strlen(nonce);
	if (add(s->text, &s->ntext, f->bare, f->nbare) ||
	    add_text(s->text, &s->ntext, ","))
		return -1;
	s->reply = s->ntext;
	if (add_text(s->text, &s->ntext, "r=") ||
	    add(s->text, &s->ntext, f->nonce, f->nnonce) ||
	    add_text(s->text, &s->ntext, nonce) ||
	    add_text(s->text, &s->ntext, ",s=") ||
	    add(s->text, &s->ntext, salt, nsalt) ||
	    add_text(s->text, &s->ntext, ",i=") ||
	    add(s->text, &s->ntext, rounds, nrounds))
		return -1;
	return 0;
}

/* What the client has from the password, if that is what the proof was made of:
 * its hash is the stored key. */
static int
proves(const struct ewb_scram *s, const uint8_t proof[EWB_DIGEST_MAX])
{
	uint8_t signature[EWB_DIGEST_MAX], hash[EWB_DIGEST_MAX] = { 0 };
	size_t len = ewb_digest_len(s->digest);
	int same;

	if (ewb_digest_keyed(s->digest, s->verifier.stored, len, s->text,
	                     s->ntext, signature))
		return 0;
	for (size_t i = 0; i < len; i++)
		signature[i] ^= proof[i];
	same = ewb_digest_of(s->digest, signature, len, hash) == 0 &&
	       ewb_secret_same(hash, s->verifier.stored, len);
	ewb_secret_wipe(signature, sizeof signature);
	return same;
}

static int
sign(const struct ewb_scram *s, char out[EWB_SCRAM_LAST], size_t *len)
{
	uint8_t signature[EWB_DIGEST_MAX];
	size_t n = ewb_digest_len(s->digest);

	if (ewb_digest_keyed(s->digest, s->verifier.server, n, s->text, s->ntext,
	                     signature))
		return -1;
	memcpy(out, "v=", 2);
	*len = 2 + ewb_base64_encode(out + 2, signature, n);
	return 0;
}

/* The nonce is what was answered, and all before the proof what is signed.  The
 * attributes between the two are of no concern to us. */
static int
take_last(struct ewb_scram *s, const char *in, size_t n,
          uint8_t proof[EWB_DIGEST_MAX])
{
	struct rest r = { in, in + n }, binding, nonce, last = { in, in };
	size_t len = ewb_digest_len(s->digest);

	if (n > EWB_SASL_MAX || !take_attribute(&r, 'c', &binding) ||
	    !is(binding, NO_BINDING_BASE64, sizeof NO_BINDING_BASE64 - 1) ||
	    !take_attribute(&r, 'r', &nonce) ||
	    !is(nonce, s->text + s->reply + 2, s->nnonce))
		return -1;
	while (r.at < r.end)
		last = take(&r);
	if (length(last) != 2 + EWB_BASE64_LEN(len) || last.at[0] != 'p' ||
	    last.at[1] != '=' || last.end != in + n ||
	    ewb_base64_decode(proof, EWB_DIGEST_MAX, last.at + 2,
	                      length(last) - 2) != len)
		return -1;
	return add_text(s->text, &s->ntext, ",") ||
	       add(s->text, &s->ntext, in, (size_t)(last.at - 1 - in));
}

int
ewb_scram_end(struct ewb_scram *s, const void *in, size_t n,
              char out[EWB_SCRAM_LAST], size_t *len)
{
	uint8_t proof[EWB_DIGEST_MAX];

	if (take_last(s, in, n, proof) || !proves(s, proof))
		return -1;
	return sign(s, out, len);
}

/* The client. */

static int
add_name(struct ewb_scram_client *c, const char *user)
{
	for (; *user; user++) {
		char one[2] = { *user, '\0' };

		if (add_text(c->text, &c->ntext, *user == ',' ? "=2C" :
		                                 *user == '=' ? "=3D" :
		                                                one))
			return -1;
	}
	return 0;
}

size_t
ewb_scram_ask(struct ewb_scram_client *c, const char *user, const char *nonce,
              char out[EWB_SASL_MAX])
{
	const size_t head = sizeof NO_BINDING - 1;

	c->ntext = 0;
	c->nnonce = strlen(nonce);
	EWB_MUST(strlen(user) <= EWB_USER_MAX && c->nnonce <= 64);
	EWB_MUST0(add_text(c->text, &c->ntext, "n="));
	EWB_MUST0(add_name(c, user));
	EWB_MUST0(add_text(c->text, &c->ntext, ",r="));
	EWB_MUST0(add_text(c->text, &c->ntext, nonce));
	memcpy(out, NO_BINDING, head);
	memcpy(out + head, c->text, c->ntext);
	return head + c->ntext;
}

/* The keys of both sides, from the password as the server's answer says. */
static const char *
salt_of(struct rest salt, struct rest rounds, struct ewb_verifier *v)
{
	size_t nsalt = ewb_base64_decode(v->salt, sizeof v->salt, salt.at,
	                                 length(salt));
	uint64_t n;

	if (ewb_take_number((const uint8_t *)rounds.at, length(rounds), &n) != 1 ||
	    nsalt == 0 || nsalt > sizeof v->salt)
		return "the server's answer is no SCRAM";
	if (n < EWB_ROUNDS_MIN || n > EWB_ROUNDS_MAX)
		return "the server asks for less than 4096 rounds, or for more "
		       "than 10000000";
	v->nsalt = (uint32_t)nsalt;
	v->rounds = (uint32_t)n;
	return NULL;
}

/* The proof of all that is in text, and what the server's will be. */
static int
prove(struct ewb_scram_client *c, const char *password,
      const struct ewb_verifier *salt, uint8_t proof[EWB_DIGEST_MAX])
{
	enum ewb_digest d = c->digest;
	struct ewb_verifier v = *salt;
	uint8_t salted[EWB_DIGEST_MAX], client[EWB_DIGEST_MAX];
	size_t len = ewb_digest_len(d);
	int err = ewb_digest_password(d, password, strlen(password), v.salt,
	                              v.nsalt, v.rounds, salted);

	if (err == 0)
		err = ewb_verifier_keys(&v, d, salted);
	if (err == 0)
		err = ewb_digest_keyed(d, salted, len, "Client Key", 10, client);
	if (err == 0)
		err = ewb_digest_keyed(d, v.stored, len, c->text, c->ntext,
		                       proof);
	if (err == 0)
		err = ewb_digest_keyed(d, v.server, len, c->text, c->ntext,
		                       c->server);
	for (size_t i = 0; err == 0 && i < len; i++)
		proof[i] ^= client[i];
	ewb_secret_wipe(salted, sizeof salted);
	ewb_secret_wipe(client, sizeof client);
	ewb_secret_wipe(&v, sizeof v);
	return err;
}

const char *
ewb_scram_prove(struct ewb_scram_client *c, const char *password, const void *in,
                size_t n, char out[EWB_SASL_MAX], size_t *len)
{
	struct rest r = { in, (const char *)in + n }, nonce, salt, rounds;
	struct ewb_verifier v = { 0 };
	uint8_t proof[EWB_DIGEST_MAX];
	const char *why;
	size_t at;

	if (n > EWB_SASL_MAX || !take_attribute(&r, 'r', &nonce) ||
	    !take_attribute(&r, 's', &salt) || !take_attribute(&r, 'i', &rounds))
		return "the server's answer is no SCRAM";
	if (!is_nonce(nonce) || length(nonce) <= c->nnonce ||
	    memcmp(nonce.at, c->text + c->ntext - c->nnonce, c->nnonce))
		return "the server's answer is to somebody else";
	why = salt_of(salt, rounds, &v);
	if (why)
		return why;
	if (add_text(c->text, &c->ntext, ",") ||
	    add(c->text, &c->ntext, in, n) || add_text(c->text, &c->ntext, ","))
		return "the server's answer is too long";
	at = c->ntext;
	if (add_text(c->text, &c->ntext, "c=" NO_BINDING_BASE64 ",r=") ||
	    add(c->text, &c->ntext, nonce.at, length(nonce)))
		return "the server's answer is too long";
	if (prove(c, password, &v, proof))
		return "out of memory here";
	*len = c->ntext - at;
	memcpy(out, c->text + at, *len);
	memcpy(out + *len, ",p=", 3);
	*len += 3;
	*len += ewb_base64_encode(out + *len, proof, ewb_digest_len(c->digest));
	return NULL;
}

int
ewb_scram_proved(const struct ewb_scram_client *c, const void *in, size_t n)
{
	uint8_t signature[EWB_DIGEST_MAX] = { 0 };
	const char *text = in;
	size_t len = ewb_digest_len(c->digest);

	return n == 2 + EWB_BASE64_LEN(len) && memcmp(text, "v=", 2) == 0 &&
	       ewb_base64_decode(signature, sizeof signature, text + 2,
	                         n - 2) == len &&
	       ewb_secret_same(signature, c->server, len);
}

/* PLAIN. */

int
ewb_plain_take(struct ewb_plain *p, const void *in, size_t n)
{
	const char *who = in, *end = who + n, *user, *password;

	user = n && n <= EWB_SASL_MAX ? memchr(who, '\0', n) : NULL;
	password = user ? memchr(user + 1, '\0', (size_t)(end - user - 1)) : NULL;
	if (password == NULL || password - user - 1 > EWB_USER_MAX)
		return -1;
	memcpy(p->user, user + 1, (size_t)(password - user));
	if (*who && strcmp(who, p->user))
		return -1;
	p->password = password + 1;
	p->npassword = (size_t)(end - password - 1);
	return p->user[0] && p->npassword <= EWB_PASSWORD_MAX ? 0 : -1;
}
