/* SPDX-License-Identifier: BSD-2-Clause */
/* What a client says to a server, and what happens between its pieces.
 *
 *      STEPS  HOW  LIMITS  what is said...  STEP...
 *
 * The first byte is the number of steps, which are the last bytes of the input;
 * without any all is said at once.  HOW: see world.h.  A step is a byte: what
 * happens in its low half, how much of it in the high one.
 */
#ifndef T_FUZZ_SCRIPT_H
#define T_FUZZ_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/verifier.h"

#define SCRIPT_STREAM 65536 /* bytes that are said, at most */
#define SCRIPT_STEPS 255

enum step_kind {
	STEP_FEW,  /* says 1 to 16 bytes */
	STEP_SOME, /* 16 to 256 */
	STEP_MORE, /* 256 to 4096 */
	STEP_FILL, /* as many KiB that are not in the input; 0: all there is */
	STEP_SOCKETS,
	STEP_LETTERS,
	STEP_SETTLE,
	STEP_JOBS,
	STEP_HEAR,  /* the client takes some bytes */
	STEP_PASS,  /* time goes by */
	STEP_SHUT,  /* the client has said all; one in four */
	STEP_GONE,  /* the client goes away; likewise */
	STEP_OTHER, /* another client says something */
	STEP_SCAN,  /* goes on with its last scan, or ends it; or logs in */
	STEP_RUN,   /* all that can, until nothing moves */
	STEP_REST   /* of the other client; see connection.c */
};

struct step {
	enum step_kind kind;
	unsigned much; /* 0 to 15 */
	size_t end;    /* all before in the stream has been said then */
	/* SCAN: where in the stream its scan is named, and where it proves who it
	 * is; 0: nowhere */
	size_t id, proof;
};

/* What SCRAM's last message is, of a client with that nonce. */
#define SCRIPT_DIGEST EWB_SHA256
#define SCRIPT_NONCE "fuzz"
#define SCRIPT_PROOF 92

struct script {
	unsigned how, limits;
	uint8_t stream[SCRIPT_STREAM];
	size_t n;
	struct step steps[SCRIPT_STEPS];
	size_t nsteps;
};

/* 0: there is nothing to say. */
int script_take(const uint8_t *data, size_t size, struct script *s);
int script_is_binary(const struct script *s);

#endif
