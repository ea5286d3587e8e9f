/* SPDX-License-Identifier: BSD-2-Clause */
/* SCRAM (RFC 5802) and PLAIN (RFC 4616), the messages of both sides:
 *
 *      client                                    server
 *      n,,n=USER,r=NONCE                    ──▶
 *                                           ◀──  r=NONCE…,s=SALT,i=ROUNDS
 *      c=biws,r=NONCE…,p=PROOF              ──▶
 *                                           ◀──  v=SIGNATURE
 *
 * Names and passwords are compared byte by byte, without SASLprep.  There is no
 * channel binding, and nobody logs in for another. */
#ifndef PROTOCOL_SCRAM_H
#define PROTOCOL_SCRAM_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/verifier.h"

#define EWB_SASL_MAX 1024 /* bytes of a message */
#define EWB_SCRAM_NONCE 24 /* bytes of one that is made here, in base64 */
#define EWB_SCRAM_NONCE_MAX 512 /* of one that is taken */
/* All three messages that are signed. */
#define EWB_SCRAM_TEXT (3 * EWB_SASL_MAX)

/* A client's first message: texts within it. */
struct ewb_scram_first {
	const char *bare; /* from the name on */
	size_t nbare;
	const char *nonce;
	size_t nnonce;
	char user[EWB_USER_MAX + 1];
};

/* 0; -1: it is none, or asks for what there is not. */
int ewb_scram_first(struct ewb_scram_first *f, const void *in, size_t n);

/* A server's side, between the two messages of its client. */
struct ewb_scram {
	enum ewb_digest digest;
	struct ewb_verifier verifier;
	char text[EWB_SCRAM_TEXT];
	size_t ntext;
	size_t reply;  /* where in text its answer begins */
	size_t nnonce; /* of both; the answer begins with it */
};

/* Sets digest and verifier before; nonce: its part, characters but a comma.  The
 * answer is text + reply, to its end.  0; -1: it would be too long. */
int ewb_scram_begin(struct ewb_scram *s, const struct ewb_scram_first *f,
                    const char *nonce);
/* The client's last message.  0: it has proved that it knows the password, and
 * out has what proves it of the server; -1: it has not.  Only once. */
#define EWB_SCRAM_LAST 90
int ewb_scram_end(struct ewb_scram *s, const void *in, size_t n,
                  char out[EWB_SCRAM_LAST], size_t *len);

/* A client's side. */
struct ewb_scram_client {
	enum ewb_digest digest;
	char text[EWB_SCRAM_TEXT];
	size_t ntext, nnonce; /* its nonce is the end of text, at first */
	uint8_t server[EWB_DIGEST_MAX]; /* what it is to prove */
};

/* The first message, as ewb_scram_begin(): bytes of out. */
size_t ewb_scram_ask(struct ewb_scram_client *c, const char *user,
                     const char *nonce, char out[EWB_SASL_MAX]);
/* The last one, from the server's answer.  Takes the rounds.  Null, or what is
 * wrong. */
const char *ewb_scram_prove(struct ewb_scram_client *c, const char *password,
                            const void *in, size_t n, char out[EWB_SASL_MAX],
                            size_t *len);
/* Has the server proved it, too? */
int ewb_scram_proved(const struct ewb_scram_client *c, const void *in, size_t n);

/* PLAIN's only message: texts within it.  0; -1: it is none, or it is to log in
 * for another. */
struct ewb_plain {
	char user[EWB_USER_MAX + 1];
	const char *password;
	size_t npassword;
};
int ewb_plain_take(struct ewb_plain *p, const void *in, size_t n);

#endif
