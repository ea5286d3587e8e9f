/* SPDX-License-Identifier: BSD-2-Clause */
/* What Couchbase's clients ask before they ask for data: the error map, the one
 * bucket, the cluster's configuration, its collections. */
#ifndef FRONTEND_BUCKET_H
#define FRONTEND_BUCKET_H

#include "frontend/front.h"
#include "protocol/cluster.h"

/* main: what of a server's options it needs.  0, or -1: why. */
int ewb_bucket_init(struct ewb_server *s, char *why, size_t nwhy);
void ewb_bucket_fini(struct ewb_server *s);
void ewb_bucket_commands(struct ewb_server *s);
/* Is it one of them, whose answer may be JSON? */
static inline int
ewb_bucket_says(enum ewb_op op)
{
	return op >= EWB_OP_ERROR_MAP && op <= EWB_OP_COLLECTION_ID;
}
/* The cluster's configuration, as it is for n's client; bytes. */
size_t ewb_bucket_config(const struct ewb_conn *n, char out[EWB_CLUSTER_MAX])
	EWB_ON_FRONT;

#endif
