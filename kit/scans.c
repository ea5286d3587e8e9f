/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/kit.h"
#include "kit/scans.h"
#include "lib/check.h"
#include "protocol/binary.h"

uint16_t
scan_vbucket(const struct key *k)
{
	return ewb_key_vbucket(ewb_key_hash(k->at, k->n), stage.core->vbuckets);
}

static char *
base64(char *to, const struct key *k)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789+/";
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < k->n; i++) {
		bits = bits << 8 | k->at[i];
		for (have += 8; have >= 6; have -= 6)
			*to++ = digits[bits >> (have - 6) & 63];
	}
	if (have)
		*to++ = digits[bits << (6 - have) & 63];
	*to = '\0';
	return to;
}

static char *
put_bound(char *to, const char *comma, const char *name, bool excluded,
          const struct key *k)
{
	to += sprintf(to, "%s\"%s%s\":\"", comma, excluded ? "excl_" : "",
	              name);
	to = base64(to, k);
	return to + sprintf(to, "\"");
}

static char *
put_resume(char *to, const struct scan_want *w)
{
	struct key token = { .n = EWB_BIN_TOKEN };

	memcpy(token.at, w->resume, SCAN_ID);
	to = put_bound(to, ",", "resume", false, &token);
	return w->after ? put_bound(to, ",", "after", false, w->after) : to;
}

struct ask
scan_ask_create(const struct scan_want *w)
{
	static char json[1200];
	struct key first = key_prefix(), after = first;
	const struct key *start = w->ours ? &first : w->start;
	const struct key *end = w->ours ? &after : w->end;
	char *p = json;

	after.at[after.n - 1]++; /* '.' and what comes after it */
	p += sprintf(p, "{\"key_only\":%s,%s\"range\":{",
	             w->keys_only ? "true" : "false",
	             w->descending ? "\"descending\":true," : "");
	if (start)
		p = put_bound(p, "", "start", w->start_excluded, start);
	if (end)
		p = put_bound(p, start ? "," : "", "end",
		              w->end_excluded || w->ours, end);
	p += sprintf(p, "}");
	if (w->resumable)
		p += sprintf(p, ",\"resumable\":true");
	if (w->resume)
		p = put_resume(p, w);
	sprintf(p, "}");
	return (struct ask){ .opcode = ASK_CREATE,
		             .datatype = 1,
		             .vbucket = w->vbucket,
		             .value = json,
		             .nvalue = strlen(json) };
}

struct ask
scan_ask_continue(const uint8_t id[SCAN_ID], uint32_t items, uint32_t bytes)
{
	struct ask a = { .opcode = ASK_CONTINUE, .nextras = 28 };

	memcpy(a.extras, id, SCAN_ID);
	ewb_put32(a.extras + 16, items);
	ewb_put32(a.extras + 20, 0);
	ewb_put32(a.extras + 24, bytes);
	return a;
}

unsigned
scan_create(struct client *c, const struct scan_want *w, uint8_t id[SCAN_ID])
{
	struct ask q = scan_ask_create(w);
	struct answer a;

	client_ask(c, &q);
	client_hear(c, &a, "a scan's create");
	if (a.status == EWB_OK && a.nvalue == SCAN_ID)
		memcpy(id, a.value, SCAN_ID);
	return a.status;
}

static void
add(struct haul *h, const struct ewb_bin_record *r)
{
	struct record *to;

	if (h->n == h->cap) {
		h->cap = h->cap * 2 + 64;
		h->at = realloc(h->at, h->cap * sizeof *h->at);
		EWB_MUST(h->at);
	}
	to = &h->at[h->n++];
	*to = (struct record){ .flags = r->flags,
		               .expiry = r->expiry,
		               .cas = r->cas,
		               .seqno = r->seqno,
		               .nvalue = r->nvalue };
	KIT_NEED(r->nkey >= 1 && r->nkey <= EWB_KEY_MAX,
	         "a scan brought a key of %zu bytes", r->nkey);
	memcpy(to->key.at, r->key, r->nkey);
	to->key.n = r->nkey;
	to->value = malloc(r->nvalue + 1);
	EWB_MUST(to->value);
	if (r->nvalue)
		memcpy(to->value, r->value, r->nvalue);
}

void
scan_hear(struct client *c, struct haul *h, const char *what)
{
	struct ewb_bin_record r;
	struct answer a;
	size_t at, n;

	do {
		client_hear(c, &a, what);
		KIT_NEED(a.opcode == ASK_CONTINUE,
		         "%s: something else was answered", what);
		if (a.nextras < 4)
			continue; /* an error, or nothing */
		memset(&r, 0, sizeof r);
		for (at = 0; at < a.nvalue; at += n) {
			n = ewb_bin_record_get(a.value + at, a.nvalue - at,
			                       ewb_be32(a.extras) == 0, &r);
			if (n == 0)
				break;
			add(h, &r);
		}
	} while (a.status == EWB_OK);
	h->status = a.status;
}

unsigned
scan_all(const struct scan_want *w, uint32_t items, struct haul *h,
         const char *what)
{
	struct client *c = client_new();
	uint8_t id[SCAN_ID];
	unsigned status = scan_create(c, w, id);
	struct ask a;

	scan_empty(h);
	if (status == EWB_OK) {
		a = scan_ask_continue(id, items, 0);
		do {
			client_ask(c, &a);
			scan_hear(c, h, what);
		} while (h->status == EWB_SCAN_MORE);
		must_status(h->status, EWB_SCAN_COMPLETE, what);
	}
	client_drop(c);
	return status;
}

void
scan_empty(struct haul *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->at[i].value);
	h->n = 0;
}

int
scan_compare(const struct key *a, const struct key *b)
{
	int order = memcmp(a->at, b->at, a->n < b->n ? a->n : b->n);

	return order ? order : (a->n > b->n) - (a->n < b->n);
}
