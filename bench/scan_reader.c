/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "bench/net.h"
#include "bench/records.h"
#include "bench/scan_reader.h"

#define MORE 0xa6
#define COMPLETE 0xa7
#define FIXED 25 /* bytes of a record before its lengths */

/* Where in a frame's body the next byte is. */
enum field { EXTRAS, META, KEY_LENGTH, KEY, VALUE_LENGTH, VALUE };

void
scan_reader_init(struct scan_reader *r, int count_records)
{
	memset(r, 0, sizeof *r);
	r->count_records = count_records;
}

static void
enter(struct scan_reader *r, enum field field, uint64_t length)
{
	r->field = field;
	r->left = length;
	r->length = r->shift = 0;
}

/* Steps over fields of no bytes, and counts the records that end. */
static void
next_field(struct scan_reader *r)
{
	while (r->left == 0 && r->field != KEY_LENGTH &&
	       r->field != VALUE_LENGTH)
		switch (r->field) {
		case META: enter(r, KEY_LENGTH, 0); break;
		case KEY: enter(r, VALUE_LENGTH, 0); break;
		case VALUE: r->records++; /* fall through */
		default: enter(r, META, FIXED); break;
		}
}

static void
take_length(struct scan_reader *r, unsigned char byte)
{
	r->length |= (uint64_t)(byte & 0x7f) << r->shift;
	r->shift += 7;
	if ((byte & 0x80) == 0)
		enter(r, r->field == KEY_LENGTH ? KEY : VALUE, r->length);
}

static void
decode(struct scan_reader *r, const char *b, size_t n)
{
	while (n > 0) {
		size_t step = 1;

		if (r->field == KEY_LENGTH || r->field == VALUE_LENGTH) {
			take_length(r, (unsigned char)*b);
		} else {
			step = n < r->left ? n : (size_t)r->left;
			r->left -= step;
		}
		next_field(r);
		b += step;
		n -= step;
	}
}

static enum scan_event
ended(struct scan_reader *r)
{
	unsigned status = (unsigned)r->head[6] << 8 | r->head[7];
	int op = r->head[1];

	r->nhead = 0;
	if (status == 0 && op == RECORDS_CREATE)
		return SCAN_CREATED;
	if (op == RECORDS_CONTINUE && status == MORE)
		return SCAN_MORE;
	if (op == RECORDS_CONTINUE && status == COMPLETE)
		return SCAN_COMPLETE;
	if (status != 0) {
		fprintf(stderr, "load: status 0x%x\n", status);
		net_fail("load: a scan failed");
	}
	return SCAN_FRAME;
}

static void
take_head(struct scan_reader *r)
{
	if (r->head[0] != 0x81)
		net_fail("load: a reply makes no sense");
	memcpy(&r->body, r->head + 8, 4);
	r->body = ntohl(r->body);
	r->nbody = 0;
	r->frames++;
	enter(r, EXTRAS, 4);
}

static void
take_body(struct scan_reader *r, const char *b, size_t n)
{
	size_t part;

	if (r->head[1] == RECORDS_CREATE && r->nbody < sizeof r->uuid) {
		part = sizeof r->uuid - r->nbody;
		memcpy(r->uuid + r->nbody, b, n < part ? n : part);
	} else if (r->count_records && r->head[1] == RECORDS_CONTINUE) {
		decode(r, b, n);
	}
	r->nbody += n;
}

enum scan_event
scan_reader_take(struct scan_reader *r, const char *bytes, size_t n,
                 size_t *taken)
{
	size_t at = 0, part;

	if (r->nhead < sizeof r->head) {
		at = sizeof r->head - r->nhead;
		at = n < at ? n : at;
		memcpy(r->head + r->nhead, bytes, at);
		r->nhead += at;
		if (r->nhead == sizeof r->head)
			take_head(r);
	}
	if (r->nhead == sizeof r->head && at < n) {
		part = r->body - r->nbody;
		part = n - at < part ? n - at : part;
		take_body(r, bytes ? bytes + at : NULL, part);
		at += part;
	}
	r->bytes += at;
	*taken = at;
	if (r->nhead == sizeof r->head && r->nbody == r->body)
		return ended(r);
	return SCAN_NONE;
}

int
scan_reader_has_records(const struct scan_reader *r)
{
	return r->head[1] == RECORDS_CONTINUE && r->nbody > 4;
}

size_t
scan_reader_useless(const struct scan_reader *r)
{
	if (r->nhead < sizeof r->head || r->count_records ||
	    r->head[1] == RECORDS_CREATE)
		return 0;
	return r->body - r->nbody;
}

static size_t
put(char *to, int op, size_t extras, const char *value, size_t nvalue)
{
	memset(to, 0, SCAN_REQUEST_MAX);
	to[0] = (char)0x80;
	to[1] = (char)op;
	to[4] = (char)extras;
	to[11] = (char)(extras + nvalue);
	memcpy(to + 24 + extras, value, nvalue);
	return 24 + extras + nvalue;
}

size_t
scan_put_create(char *to)
{
	size_t len = put(to, RECORDS_CREATE, 0, "{}", 2);

	to[5] = 1; /* JSON */
	return len;
}

size_t
scan_put_continue(char *to, const unsigned char uuid[16], uint32_t items)
{
	size_t len = put(to, RECORDS_CONTINUE, 28, "", 0);

	items = htonl(items);
	memcpy(to + 24, uuid, 16);
	memcpy(to + 40, &items, 4);
	return len;
}

size_t
scan_put_cancel(char *to, const unsigned char uuid[16])
{
	size_t len = put(to, RECORDS_CANCEL, 16, "", 0);

	memcpy(to + 24, uuid, 16);
	return len;
}
