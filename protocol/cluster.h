/* SPDX-License-Identifier: BSD-2-Clause */
/* The cluster configuration of Couchbase's clients, in JSON: where the one node
 * is that has all vbuckets. */
#ifndef PROTOCOL_CLUSTER_H
#define PROTOCOL_CLUSTER_H

#include <stddef.h>
#include <stdint.h>

#define EWB_BUCKET_MAX 100 /* bytes of a bucket's name */
#define EWB_CLUSTER_MAX 8192

struct ewb_cluster {
	const char *bucket;
	unsigned port, vbuckets;
	uint64_t revision; /* a later server's is higher */
	uint64_t manifest; /* the uid of its collections */
};

/* 1 to 100 of a-z, A-Z, 0-9, and . _ % -, as Couchbase has it. */
int ewb_bucket_name_ok(const char *name);
/* Bytes.  It names no host: a client takes the one that it is connected to. */
size_t ewb_cluster_config(char out[EWB_CLUSTER_MAX], const struct ewb_cluster *c);

#endif
