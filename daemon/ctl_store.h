/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of a file's lines, stored by pipelined quiet sets.  The server answers
 * only what it refuses, and a noop every few hundred records tells how far it
 * is. */
#ifndef DAEMON_CTL_STORE_H
#define DAEMON_CTL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_conn.h"
#include "daemon/ctl_keyspace.h"
#include "daemon/ctl_lines.h"
#include "daemon/ctl_say.h"
#include "protocol/binary.h"

#define EWB_CTL_FENCES 4 /* on their way at most */

struct ewb_ctl_store {
	const char *command; /* for messages */
	struct ewb_ctl_conn conn;
	struct ewb_ctl_keyspace space; /* where records go */
	struct ewb_ctl_lines in; /* line numbers are its */
	struct ewb_ctl_progress bar;
	uint64_t nsent, nrefused;
	uint64_t nskipped; /* the caller's: records not worth sending */
	uint64_t nstored;  /* as far as it is known */
	bool lost;         /* the connection is of no more use */
	unsigned nfences;
	uint64_t fence[EWB_CTL_FENCES + 1]; /* nsent at each, oldest first */
};

/* The file and the server are there, and how long a line may be is known: 0, or
 * -1 and says why.  collection, may: as in ctl_keyspace.h.  Close it in any
 * case. */
int ewb_ctl_store_open(struct ewb_ctl_store *s, const char *command,
                       const struct ewb_ctl_addr *where, const char *file,
                       const char *collection, unsigned may);
void ewb_ctl_store_close(struct ewb_ctl_store *s);
/* Sends the record of the present line: 0 or -1. */
int ewb_ctl_store_put(struct ewb_ctl_store *s, const struct ewb_bin_record *r);
/* Waits until all that was sent is answered, and the connection may be asked for
 * something else: 0 or -1. */
int ewb_ctl_store_drain(struct ewb_ctl_store *s);
/* Waits for what was sent, says what became of it, and returns the exit status.
 * err: of the lines. */
int ewb_ctl_store_end(struct ewb_ctl_store *s, int err);

#endif
