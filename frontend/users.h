/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may log in: the users' file, as it was when it was read last. */
#ifndef FRONTEND_USERS_H
#define FRONTEND_USERS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/pool.h"
#include "lib/roles.h"
#include "protocol/verifier.h"

struct ewb_users {
	pthread_mutex_t lock;
	struct ewb_strand strand; /* of the passwords that are tried */
	/* under lock */
	struct ewb_user *at; /* by name */
	size_t n;
	uint8_t secret[EWB_DIGEST_MAX]; /* what salts of others are made of */
	uint32_t rounds;                /* of others */
	const char **names;             /* by name: of all that ever were */
	size_t nnames;
};

/* main.  Nobody may log in yet.  Null: no memory. */
struct ewb_users *ewb_users_new(void);
void ewb_users_free(struct ewb_users *u);
/* main: reads the file.  0; -1: why, and all is as it was. */
int ewb_users_read(struct ewb_users *u, const char *path, char *why,
                   size_t nwhy);
/* any: what a password of that name is tried against; of one that there is not it
 * is made up, and takes as long.  The name, the same for as long as u lives; null:
 * there is no such user, or no memory. */
const char *ewb_users_find(struct ewb_users *u, const char *name,
                           enum ewb_digest d, struct ewb_verifier *v);

#endif
