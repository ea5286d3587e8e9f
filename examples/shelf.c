/* SPDX-License-Identifier: BSD-2-Clause */
#include "shelf.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define CHAINS 4096
#define VBUCKETS 1024 /* there are never more */

struct record {
	struct record *next;
	uint64_t cas, seqno;
	uint32_t flags, expiry;
	uint16_t vbucket;
	size_t nkey, nvalue;
	unsigned char data[]; /* key and value */
};

struct shelf {
	struct ewb_host *host;
	uint64_t cas; /* of the last store */
	uint64_t records;
	struct record *chain[CHAINS];
	/* A client that stored something can ask a scan to show it, by these. */
	uint64_t uuid; /* all is new when the server is */
	struct {
		_Atomic uint64_t seqno, records;
	} vbucket[VBUCKETS];
};

struct shelf *
shelf_new(struct ewb_host *host)
{
	struct shelf *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->host = host;
	if (getrandom(&s->uuid, sizeof s->uuid, 0) != sizeof s->uuid) {
		free(s);
		return NULL;
	}
	s->uuid = s->uuid >> 1 | 1; /* not 0, and below 2^63 */
	return s;
}

static void
unlink_record(struct shelf *s, struct record **at)
{
	struct record *gone = *at;

	*at = gone->next;
	atomic_fetch_sub(&s->vbucket[gone->vbucket].records, 1);
	free(gone);
	s->records--;
}

static void
clear(struct shelf *s)
{
	for (size_t i = 0; i < CHAINS; i++)
		while (s->chain[i])
			unlink_record(s, &s->chain[i]);
}

void
shelf_free(struct shelf *s)
{
	clear(s);
	free(s);
}

/* Where the pointer to a key's record is.  One that has expired is none. */
static struct record **
find(struct shelf *s, const struct ewb_request *r)
{
	struct record **at = &s->chain[r->hash % CHAINS];

	while (*at && ((*at)->nkey != r->nkey ||
	               memcmp((*at)->data, r->key, r->nkey) != 0))
		at = &(*at)->next;
	if (*at && (*at)->expiry && (*at)->expiry <= ewb_host_time(s->host)) {
		unlink_record(s, at);
		while (*at)
			at = &(*at)->next;
	}
	return at;
}

enum ewb_status
shelf_get(struct shelf *s, struct ewb_cookie *c, const struct ewb_request *r)
{
	const struct record *found = *find(s, r);
	struct ewb_item item = { .size = sizeof item };

	if (found == NULL)
		return EWB_NOT_FOUND;
	item.flags = found->flags;
	item.expiry = found->expiry;
	item.cas = found->cas;
	item.seqno = found->seqno;
	item.value = found->data + found->nkey;
	item.nvalue = found->nvalue;
	return ewb_reply_item(c, &item, NULL, NULL); /* copies it */
}

/* Is the record, null for none, what the client expects? */
static enum ewb_status
check(const struct record *old, const struct ewb_request *r)
{
	switch (r->expect) {
	case EWB_EXPECT_ABSENT: return old ? EWB_EXISTS : EWB_OK;
	case EWB_EXPECT_PRESENT: return old ? EWB_OK : EWB_NOT_FOUND;
	case EWB_EXPECT_CAS:
		if (old == NULL)
			return EWB_NOT_FOUND;
		return old->cas == r->cas ? EWB_OK : EWB_EXISTS;
	default: return EWB_OK;
	}
}

/* The next mutation of the request's vbucket. */
static uint64_t
next_seqno(struct shelf *s, const struct ewb_request *r)
{
	return atomic_load(&s->vbucket[r->vbucket].seqno) + 1;
}

/* It has been made, and whoever asks vbucket() is told so. */
static void
made(struct shelf *s, struct ewb_cookie *c, const struct ewb_request *r,
     uint64_t seqno)
{
	atomic_store(&s->vbucket[r->vbucket].seqno, seqno);
	ewb_reply_token(c, s->uuid, seqno);
}

enum ewb_status
shelf_vbucket(struct shelf *s, uint16_t vbucket, struct ewb_vbucket *v)
{
	v->uuid = s->uuid;
	v->seqno = atomic_load(&s->vbucket[vbucket].seqno);
	v->items = atomic_load(&s->vbucket[vbucket].records);
	return EWB_OK;
}

enum ewb_status
shelf_store(struct shelf *s, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct record **at = find(s, r), *new;
	enum ewb_status status = check(*at, r);

	if (status != EWB_OK)
		return status;
	new = malloc(sizeof *new + r->nkey + r->nvalue);
	if (new == NULL)
		return EWB_NO_MEMORY;
	*new = (struct record){ .cas = ++s->cas,
		                .seqno = next_seqno(s, r),
		                .vbucket = r->vbucket,
		                .flags = r->flags,
		                .expiry = r->expiry,
		                .nkey = r->nkey,
		                .nvalue = r->nvalue };
	memcpy(new->data, r->key, r->nkey);
	if (r->nvalue)
		memcpy(new->data + r->nkey, r->value, r->nvalue);
	if (*at)
		unlink_record(s, at);
	new->next = *at;
	*at = new;
	s->records++;
	atomic_fetch_add(&s->vbucket[r->vbucket].records, 1);
	ewb_reply_cas(c, new->cas);
	made(s, c, r, new->seqno);
	return EWB_OK;
}

enum ewb_status
shelf_remove(struct shelf *s, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct record **at = find(s, r);

	if (*at == NULL)
		return EWB_NOT_FOUND;
	if (r->cas != 0 && r->cas != (*at)->cas)
		return EWB_EXISTS;
	unlink_record(s, at);
	made(s, c, r, next_seqno(s, r));
	return EWB_OK;
}

enum ewb_status
shelf_flush(struct shelf *s, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)c;
	(void)r;
	clear(s);
	return EWB_OK;
}

enum ewb_status
shelf_stats(struct shelf *s, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return ewb_reply_stat(c, "shelf_records", "%llu",
	                      (unsigned long long)s->records);
}
