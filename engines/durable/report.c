/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

enum ewb_status
dur_report_commit(struct ewb_cookie *c, const struct dur_commit *k)
{
	static const char *const modes[] = { "commit", "interval", "none" };
	struct {
		const char *name;
		uint64_t value;
	} stats[] = {
		{ "batches", atomic_load(&k->batches) },
		{ "mutations", atomic_load(&k->mutations) },
		{ "largest_batch", atomic_load(&k->largest) },
		{ "syncs", atomic_load(&k->syncs) },
		{ "stalls", atomic_load(&k->stalls) },
		{ "failed_writes", atomic_load(&k->failed) },
	};
	int64_t records = 0;
	enum ewb_status status;
	uint32_t i;

	for (i = 0; i < k->state.nvbuckets; i++)
		records += atomic_load(&k->state.vbuckets[i].records);
	status = ewb_reply_stat(c, "curr_items", "%" PRId64,
	                        records > 0 ? records : 0);
	if (status == EWB_OK)
		status = ewb_reply_stat(c, "sync", "%s", modes[k->mode]);
	for (i = 0; i < sizeof stats / sizeof *stats && status == EWB_OK; i++)
		status = ewb_reply_stat(c, stats[i].name, "%" PRIu64,
		                        stats[i].value);
	return status;
}

enum ewb_status
dur_report_vbuckets(struct ewb_cookie *c, const struct dur_commit *k)
{
	enum ewb_status status = EWB_OK;
	char name[32];
	uint32_t i;

	for (i = 0; i < k->state.nvbuckets && status == EWB_OK; i++) {
		const struct dur_vbucket *vb = &k->state.vbuckets[i];
		int64_t records = atomic_load(&vb->records);

		snprintf(name, sizeof name, "vb_%u", i);
		status = ewb_reply_stat(c, name,
		                        "uuid %016" PRIx64 " seqno %" PRIu64
		                        " records %" PRId64,
		                        vb->uuid, atomic_load(&vb->seqno),
		                        records > 0 ? records : 0);
	}
	return status;
}

/* It writes where it is told to: so not for everybody. */
enum ewb_status
dur_checkpoint_check(struct ewb_cookie *c, const struct ewb_request *r)
{
	char client[64];

	ewb_cookie_client(c, client, sizeof client);
	if (strncmp(client, "127.", 4) && strncmp(client, "::1:", 4) &&
	    strncmp(client, "unix:", 5))
		return EWB_NO_ACCESS;
	if (r->nextras || *(const char *)r->key != '/' ||
	    memchr(r->key, '\0', r->nkey))
		return EWB_INVALID;
	return EWB_OK;
}

void
dur_checkpoint_path(const struct ewb_request *r, char *to)
{
	memcpy(to, r->key, r->nkey);
	to[r->nkey] = '\0';
}
