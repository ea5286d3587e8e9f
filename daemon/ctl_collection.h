/* SPDX-License-Identifier: BSD-2-Clause */
/* Collections: their numbers, which stand before their keys on a connection that
 * has agreed to EWB_CTL_COLLECTIONS. */
#ifndef DAEMON_CTL_COLLECTION_H
#define DAEMON_CTL_COLLECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_conn.h"

#define EWB_CTL_COLLECTION_NAME 512 /* bytes of SCOPE.NAME, with its end */
#define EWB_CTL_DEFAULT_COLLECTION "_default._default"

struct ewb_ctl_collection {
	char name[EWB_CTL_COLLECTION_NAME];
	uint32_t id;
	uint8_t prefix[5]; /* of its keys */
	size_t nprefix;
};

/* Is text SCOPE.NAME?  0, or -1 and says no. */
int ewb_ctl_collection_check(const char *text);
/* The server's: 0, 1 when it has none of that name, or -1; why is said but for the
 * 1. */
int ewb_ctl_collection_ask(struct ewb_ctl_conn *c, const char *name,
                           struct ewb_ctl_collection *k);
/* As above, but 1 is an error, too, which is said. */
int ewb_ctl_collection_find(struct ewb_ctl_conn *c, const char *name,
                            struct ewb_ctl_collection *k);
/* All, in the order of the manifest: 0, or -1 and says why.  *all is the
 * caller's to free, in any case. */
int ewb_ctl_collection_all(struct ewb_ctl_conn *c,
                           struct ewb_ctl_collection **all, size_t *n);

#endif
