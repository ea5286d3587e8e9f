/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection that is made again when it is lost: the same server, collection
 * and features. */
#ifndef DAEMON_CTL_LINK_H
#define DAEMON_CTL_LINK_H

#include "daemon/ctl_conn.h"
#include "daemon/ctl_facts.h"
#include "daemon/ctl_hello.h"
#include "daemon/ctl_keyspace.h"

#define EWB_CTL_RETRY_S 60
#define EWB_CTL_RETRY_MAX_S (365 * 24 * 3600)

struct ewb_ctl_link {
	/* the caller's, before it is opened */
	const char *command; /* for messages */
	const struct ewb_ctl_addr *where;
	const char *collection; /* null: none is named */
	unsigned may;           /* features, as in ctl_keyspace.h */
	uint64_t retry_s;       /* how long to try when it is lost; 0: not at all */
	/* its own */
	struct ewb_ctl_conn conn;
	struct ewb_ctl_keyspace space;
	struct ewb_ctl_facts has;
};

/* 0, or -1 and says why.  Close it in any case. */
int ewb_ctl_link_open(struct ewb_ctl_link *l);
/* One attempt at another connection, when the first one is lost.  0, or -1 with
 * the reason in ewb_ctl_held(). */
int ewb_ctl_link_again(struct ewb_ctl_link *l);
void ewb_ctl_link_close(struct ewb_ctl_link *l);

#endif
