/* SPDX-License-Identifier: BSD-2-Clause */
/* What a server keeps of a user's password: for each hash a salt, a number of rounds,
 * and two keys that the password can be tried against and not be found from, as
 * RFC 5802 and RFC 5803 have them.
 *
 * In a file a user is a line: the name, and three of
 *
 *      SCRAM-SHA-512$ROUNDS:SALT$STORED:SERVER
 *
 * with blanks before them, where what is not a number is in base64. */
#ifndef PROTOCOL_VERIFIER_H
#define PROTOCOL_VERIFIER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/digest.h"

#define EWB_USER_MAX 128     /* bytes of a name */
#define EWB_PASSWORD_MAX 512 /* bytes */
#define EWB_SALT 16          /* of those that are made here */
#define EWB_SALT_MAX 64
#define EWB_ROUNDS 15000u    /* by default */
#define EWB_ROUNDS_MIN 4096u
#define EWB_ROUNDS_MAX 10000000u
#define EWB_USER_LINE_MAX 1536

struct ewb_verifier {
	uint32_t rounds;
	uint32_t nsalt;
	uint8_t salt[EWB_SALT_MAX];
	uint8_t stored[EWB_DIGEST_MAX]; /* the hash of what a client proves to have */
	uint8_t server[EWB_DIGEST_MAX]; /* what the server proves to have */
};

struct ewb_user {
	char name[EWB_USER_MAX + 1];
	struct ewb_verifier by[EWB_NDIGESTS];
};

/* "SCRAM-SHA512" and so on, as clients say it. */
const char *ewb_verifier_mechanism(enum ewb_digest d);

/* What is wrong with a name, or a password; null: nothing. */
const char *ewb_user_name_wrong(const char *name);
const char *ewb_user_password_wrong(const char *password);

/* Of a salted password.  0 or -errno. */
int ewb_verifier_keys(struct ewb_verifier *v, enum ewb_digest d,
                      const uint8_t *salted);
/* Is it that password's?  Takes its rounds.  1, 0, or -errno. */
int ewb_verifier_try(const struct ewb_verifier *v, enum ewb_digest d,
                     const char *password, size_t n);
/* One that no password fits, and that has the same salt for that name and that
 * secret always.  0 or -errno. */
int ewb_verifier_invent(struct ewb_verifier *v, enum ewb_digest d,
                        const char *name, const void *secret, size_t nsecret,
                        uint32_t rounds);

/* With salts of its own; the name is a good one.  Takes three times the rounds.  0
 * or -errno. */
int ewb_user_make(struct ewb_user *u, const char *name, const char *password,
                  uint32_t rounds);
/* Its line, without an end; bytes. */
size_t ewb_user_print(char out[EWB_USER_LINE_MAX], const struct ewb_user *u);
/* Takes such a line.  What is wrong; null: nothing. */
const char *ewb_user_parse(struct ewb_user *u, const char *line, size_t n);

#endif
