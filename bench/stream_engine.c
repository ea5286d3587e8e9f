/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that is nothing but its stream: scans copy records from an array,
 * as the floors do that hand chunks over in other ways.  It keeps nothing.
 *
 *     ewbd --vbuckets 1 ./stream_engine.so records=1000000 */
#include <ewb/engine.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY 16
#define VALUE 200
#define RECORDS "1000000"

/* As those in bench/records.h: what is in memory is compared too. */
struct record {
	uint32_t flags, expiry;
	uint64_t seqno, cas;
	uint8_t datatype, nkey;
	uint16_t nvalue;
	char key[KEY], value[VALUE];
};

/* set once, by open */
struct array {
	size_t n;
	struct record at[];
};

struct cursor {
	size_t next, end;
};

static uint64_t
wanted(const struct ewb_setting *s, size_t n)
{
	const char *text = n ? s[n - 1].value : RECORDS;
	uint64_t records;

	/* ten digits of a key */
	if (ewb_parse_number(text, &records) || records > 9999999999)
		return 0;
	return records;
}

static void
make(struct record *r, size_t number)
{
	char key[32];

	snprintf(key, sizeof key, "k0200:%010zu", number);
	memset(r, 0, sizeof *r);
	r->seqno = r->cas = number + 1;
	r->nkey = KEY;
	r->nvalue = VALUE;
	memcpy(r->key, key, KEY);
	memset(r->value, 'v', VALUE);
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	uint64_t records = wanted(s, n);
	struct array *a;
	size_t i;

	if (records == 0) {
		ewb_host_error(host, "records=%s: not from 1 to 9999999999",
		               s[n - 1].value);
		return EWB_INVALID;
	}
	a = malloc(sizeof *a + records * sizeof *a->at);
	if (a == NULL) {
		ewb_host_error(host, "out of memory");
		return EWB_NO_MEMORY;
	}
	a->n = records;
	for (i = 0; i < a->n; i++)
		make(&a->at[i], i);
	*self = a;
	return EWB_OK;
}

static void
close(void *self)
{
	free(self);
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return (void)self, (void)c, (void)r, EWB_NOT_FOUND;
}

static enum ewb_status
refuse(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return (void)self, (void)c, (void)r, EWB_NOT_SUPPORTED;
}

/* Less than 0, 0 or more, as the record's key is before, at or after it. */
static int
order(const struct record *r, const void *key, size_t nkey)
{
	int bytes = nkey ? memcmp(r->key, key, nkey < KEY ? nkey : KEY) : 0;

	return bytes ? bytes : (KEY > nkey) - (KEY < nkey);
}

/* How many records are before the key; its own with them, if it counts. */
static size_t
before(const struct array *a, const void *key, size_t nkey, int counts)
{
	size_t low = 0, high = a->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (order(&a->at[middle], key, nkey) < counts)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	struct array *a = self;
	struct cursor *cu;

	if (range->vbucket) /* all are in the first */
		return EWB_NOT_FOUND;
	cu = malloc(sizeof *cu);
	if (cu == NULL)
		return EWB_NO_MEMORY;
	cu->next = 0;
	cu->end = a->n;
	if (range->start)
		cu->next = before(a, range->start, range->nstart,
		                  range->start_excluded != 0);
	if (range->end)
		cu->end = before(a, range->end, range->nend,
		                 range->end_excluded == 0);
	*count = a->n;
	*cursor = cu;
	return EWB_OK;
}

static enum ewb_status
offer(const struct record *r, struct ewb_sink *sink)
{
	struct ewb_item item = { .size = sizeof item };

	item.flags = r->flags;
	item.expiry = r->expiry;
	item.datatype = r->datatype;
	item.cas = r->cas;
	item.seqno = r->seqno;
	item.key = r->key;
	item.nkey = r->nkey;
	item.value = r->value;
	item.nvalue = r->nvalue;
	return ewb_sink_put(sink, &item);
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	const struct array *a = self;
	struct cursor *cu = cursor;

	while (cu->next < cu->end && offer(&a->at[cu->next], sink) == EWB_OK)
		cu->next++;
	return cu->next < cu->end ? EWB_OK : EWB_END;
}

static void
scan_close(void *self, void *cursor)
{
	(void)self;
	free(cursor);
}

static const struct ewb_param params[] = {
	{ "records", RECORDS, "of 16 bytes of key and 200 of value" }, { 0 }
};

EWB_ENGINE(.name = "stream", .help = "scans an array, for measurements",
           .model = EWB_NONBLOCKING, .max_key = 250, .params = params,
           .open = open, .close = close, .get = get, .store = refuse,
           .remove = refuse, .scan_open = scan_open, .scan_next = scan_next,
           .scan_close = scan_close)
