/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "daemon/ctl_hello.h"
#include "daemon/ctl_keyspace.h"
#include "protocol/frame.h"

int
ewb_ctl_keyspace_open(struct ewb_ctl_keyspace *k, struct ewb_ctl_conn *c,
                      const char *collection, unsigned may)
{
	unsigned must = collection ? EWB_CTL_COLLECTIONS : 0;

	*k = (struct ewb_ctl_keyspace){ 0 };
	if ((must || may) && ewb_ctl_hello(c, must, may, &k->features))
		return -1;
	if (!(k->features & EWB_CTL_COLLECTIONS))
		return 0;
	k->in.nprefix = 1; /* of the default one: a 0 */
	if (collection && ewb_ctl_collection_find(c, collection, &k->in))
		return -1;
	return ewb_ctl_facts_get(&k->has, c, "collection");
}

void
ewb_ctl_keyspace_place(const struct ewb_ctl_keyspace *k,
                       struct ewb_ctl_request *q)
{
	q->prefix = k->in.prefix;
	q->nprefix = k->in.nprefix;
	if (k->has.nvbuckets)
		q->vbucket = ewb_key_vbucket(ewb_key_hash(q->key, q->nkey),
		                             (unsigned)k->has.nvbuckets);
}
