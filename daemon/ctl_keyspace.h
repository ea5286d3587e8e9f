/* SPDX-License-Identifier: BSD-2-Clause */
/* Where keys live: in one collection of a server that has them, or in all that
 * there is.  Whoever names a collection also has to say each key's vbucket. */
#ifndef DAEMON_CTL_KEYSPACE_H
#define DAEMON_CTL_KEYSPACE_H

#include "daemon/ctl_collection.h"
#include "daemon/ctl_conn.h"
#include "daemon/ctl_facts.h"

struct ewb_ctl_keyspace {
	unsigned features;            /* of ctl_hello.h, that there are */
	struct ewb_ctl_collection in;
	struct ewb_ctl_facts has;     /* asked only where there are some */
};

/* On a new connection.  collection: its name; null: none, or the default one where
 * may has EWB_CTL_COLLECTIONS.  may: features that are asked for beside.  0, or -1 and says why. */
int ewb_ctl_keyspace_open(struct ewb_ctl_keyspace *k, struct ewb_ctl_conn *c,
                          const char *collection, unsigned may);
/* The request's key gets what belongs to it. */
void ewb_ctl_keyspace_place(const struct ewb_ctl_keyspace *k,
                            struct ewb_ctl_request *q);

#endif
