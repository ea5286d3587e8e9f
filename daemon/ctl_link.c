/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>

#include "daemon/ctl_link.h"
#include "daemon/ctl_say.h"

int
ewb_ctl_link_open(struct ewb_ctl_link *l)
{
	if (ewb_ctl_conn_open(&l->conn, l->where) ||
	    ewb_ctl_keyspace_open(&l->space, &l->conn, l->collection, l->may) ||
	    ewb_ctl_facts_get(&l->has, &l->conn, l->command))
		return -1;
	/* Without a way to go on there is nothing to be patient for. */
	l->conn.patient = l->retry_s && l->space.features & EWB_CTL_RESUME;
	return 0;
}

int
ewb_ctl_link_again(struct ewb_ctl_link *l)
{
	uint64_t n = l->has.nvbuckets;
	unsigned features = l->space.features;
	int err;

	ewb_ctl_conn_close(&l->conn);
	ewb_ctl_hold(true);
	err = ewb_ctl_link_open(l);
	if (!err && l->has.nvbuckets != n)
		err = ewb_ctl_say("%s: the server has %" PRIu64
		                  " vbuckets now, and had %" PRIu64,
		                  l->command, l->has.nvbuckets, n);
	if (!err && l->space.features != features)
		err = ewb_ctl_say("%s: the server is another one now",
		                  l->command);
	ewb_ctl_hold(false);
	/* They are the first one's, whatever came of this. */
	l->has.nvbuckets = n;
	l->space.features = features;
	l->conn.patient = true;
	return err;
}

void
ewb_ctl_link_close(struct ewb_ctl_link *l)
{
	ewb_ctl_conn_close(&l->conn);
}
