/* SPDX-License-Identifier: BSD-2-Clause */
#include "shelf.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS 4096

struct record {
	struct record *next;
	uint64_t cas;
	uint32_t flags, expiry;
	size_t nkey, nvalue;
	unsigned char data[]; /* key and value */
};

struct shelf {
	struct ewb_host *host;
	uint64_t cas; /* of the last store */
	uint64_t records;
	struct record *chain[CHAINS];
};

struct shelf *
shelf_new(struct ewb_host *host)
{
	struct shelf *s = calloc(1, sizeof *s);

	if (s)
		s->host = host;
	return s;
}

static void
unlink_record(struct shelf *s, struct record **at)
{
	struct record *gone = *at;

	*at = gone->next;
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
	ewb_reply_cas(c, new->cas);
	return EWB_OK;
}

enum ewb_status
shelf_remove(struct shelf *s, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct record **at = find(s, r);

	(void)c;
	if (*at == NULL)
		return EWB_NOT_FOUND;
	if (r->cas != 0 && r->cas != (*at)->cas)
		return EWB_EXISTS;
	unlink_record(s, at);
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
