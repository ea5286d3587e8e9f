/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/check.h"
#include "protocol/cluster.h"

#define ROW "[0]," /* each vbucket is the first node's, and has no replica */
#define NROW (sizeof(ROW) - 1)

int
ewb_bucket_name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	                        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%-");

	return n > 0 && n <= EWB_BUCKET_MAX && name[n] == '\0';
}

size_t
ewb_cluster_config(char out[EWB_CLUSTER_MAX], const struct ewb_cluster *c)
{
	size_t n = (size_t)snprintf(
		out, EWB_CLUSTER_MAX,
		"{\"rev\":%" PRIu64 ",\"revEpoch\":1,\"name\":\"%s\","
		"\"nodeLocator\":\"vbucket\",\"bucketCapabilities\":"
		"[\"collections\",\"cccp\",\"nodesExt\",\"rangeScan\"],"
		"\"collectionsManifestUid\":\"%" PRIx64 "\","
		"\"nodesExt\":[{\"services\":{\"kv\":%u},\"thisNode\":true,"
		"\"hostname\":\"$HOST\"}],"
		"\"vBucketServerMap\":{\"hashAlgorithm\":\"CRC\","
		"\"numReplicas\":0,\"serverList\":[\"$HOST:%u\"],"
		"\"vBucketMap\":[",
		c->revision, c->bucket, c->manifest, c->port, c->port);

	EWB_MUST(c->vbuckets > 0 &&
	         n + c->vbuckets * NROW + 3 <= EWB_CLUSTER_MAX);
	for (unsigned i = 0; i < c->vbuckets; i++, n += NROW)
		memcpy(out + n, ROW, NROW);
	n--; /* the last comma */
	memcpy(out + n, "]}}", 3);
	return n + 3;
}
