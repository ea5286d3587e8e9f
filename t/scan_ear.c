/* SPDX-License-Identifier: BSD-2-Clause */
/* The clients of a stage: what they say, and how they understand what they
 * hear. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "t/scan_play.h"

struct haul haul;

static struct ear *ears;

struct ear *
ear_open(unsigned front)
{
	struct ear *e = calloc(1, sizeof *e);

	ck_assert_ptr_nonnull(e);
	e->c = client_open(&stage.p, front);
	e->next = ears;
	ears = e;
	return e;
}

struct ear *
ear_small(unsigned front)
{
	struct ear *e = ear_open(front);

	client_small(e->c, 4096);
	return e;
}

void
ears_close(void)
{
	struct ear *e;

	for (e = ears; e; e = e->next)
		client_close(e->c);
	while ((e = ears) != NULL) {
		ears = e->next;
		free(e->at);
		free(e);
	}
}

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint64_t
be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static void
put(uint8_t *to, uint64_t v, unsigned n)
{
	while (n--) {
		to[n] = (uint8_t)v;
		v >>= 8;
	}
}

/* Are n bytes here? */
static bool
have(struct ear *e, size_t n)
{
	if (e->len - e->from >= n)
		return true;
	if (e->from)
		memmove(e->at, e->at + e->from, e->len - e->from);
	e->len -= e->from;
	e->from = 0;
	if (n > e->cap) {
		e->cap = n * 2;
		e->at = realloc(e->at, e->cap);
		ck_assert_ptr_nonnull(e->at);
	}
	e->len += hear_some(e->c, e->at + e->len, n - e->len);
	return e->len >= n;
}

bool
hear_frame(struct ear *e, struct said *s)
{
	const uint8_t *p;
	size_t n;

	if (!have(e, 24))
		return false;
	n = 24 + be32(e->at + e->from + 8);
	if (!have(e, n))
		return false;
	p = e->at + e->from;
	ck_assert(p[0] == 0x81 || p[0] == 0x18);
	if (p[0] == 0x81)
		ck_assert_uint_eq(p[2], 0);
	else
		ck_assert_uint_gt(p[2], 0);
	ck_assert_uint_eq(p[3], 0); /* key */
	*s = (struct said){ .opcode = p[1],
		            .status = be16(p + 6),
		            .opaque = be32(p + 12),
		            .framing = p + 24,
		            .nframing = p[2],
		            .extras = p + 24 + p[2],
		            .nextras = p[4],
		            .value = p + 24 + p[2] + p[4],
		            .nvalue = n - 24 - p[2] - p[4] };
	ck_assert_uint_eq(p[5], 0); /* datatype */
	e->from += n;
	return true;
}

void
must_hear(struct ear *e, uint8_t opcode, struct said *s)
{
	ck_assert_msg(hear_frame(e, s), "nothing is answered to 0x%x", opcode);
	ck_assert_uint_eq(s->opcode, opcode);
	ck_assert_uint_eq(s->opaque, 0x01020300u + opcode);
}

/* {"error":{"context":"the text"}}, perhaps with more members behind it */
static void
error_text(const struct said *s, char *to, size_t cap)
{
	static const char head[] = "{\"error\":{\"context\":\"";
	size_t nhead = sizeof head - 1, n;
	const uint8_t *end;

	*to = '\0';
	if (s->nvalue == 0)
		return;
	ck_assert_uint_gt(s->nvalue, nhead + 3);
	ck_assert_int_eq(memcmp(s->value, head, nhead), 0);
	end = memmem(s->value + nhead, s->nvalue - nhead, "\"}", 2);
	ck_assert_ptr_nonnull(end);
	n = (size_t)(end - s->value) - nhead;
	ck_assert_uint_lt(n, cap);
	memcpy(to, s->value + nhead, n);
	to[n] = '\0';
}

const char *
hear_status(struct ear *e, uint8_t opcode, unsigned status)
{
	static char text[256];
	struct said s;

	must_hear(e, opcode, &s);
	ck_assert_uint_eq(s.status, status);
	*text = '\0';
	if (status) {
		ck_assert_uint_eq(s.nextras, 0);
		error_text(&s, text, sizeof text);
	}
	return text;
}

void
say_frame(struct ear *e, uint8_t opcode, uint8_t datatype, unsigned vbucket,
          const void *extras, size_t nextras, const void *value, size_t nvalue)
{
	uint8_t head[24] = { 0x80, opcode, 0, 0, (uint8_t)nextras, datatype };

	put(head + 6, vbucket, 2);
	put(head + 8, nextras + nvalue, 4);
	put(head + 12, 0x01020300u + opcode, 4);
	say_bytes(e->c, head, sizeof head);
	say_bytes(e->c, extras, nextras);
	say_bytes(e->c, value, nvalue);
}

void
say_create(struct ear *e, const char *json, unsigned vbucket)
{
	say_frame(e, OP_CREATE, 1, vbucket, "", 0, json, strlen(json));
}

void
say_continue(struct ear *e, const uint8_t id[ID], uint32_t items, uint32_t ms,
             uint32_t bytes)
{
	uint8_t extras[28];

	memcpy(extras, id, ID);
	put(extras + 16, items, 4);
	put(extras + 20, ms, 4);
	put(extras + 24, bytes, 4);
	say_frame(e, OP_CONTINUE, 0, 0, extras, sizeof extras, "", 0);
}

void
say_cancel(struct ear *e, const uint8_t id[ID])
{
	say_frame(e, OP_CANCEL, 0, 0, id, ID, "", 0);
}

void
say_get(struct ear *e, const char *key)
{
	uint8_t head[24] = { 0x80, 0, 0, (uint8_t)strlen(key) };

	put(head + 8, strlen(key), 4);
	put(head + 12, 0x01020300u, 4);
	say_bytes(e->c, head, sizeof head);
	say_bytes(e->c, key, strlen(key));
}

void
create(struct ear *e, const char *json, uint8_t id[ID])
{
	struct said s;

	say_create(e, json, 0);
	stage_run();
	must_hear(e, OP_CREATE, &s);
	ck_assert_uint_eq(s.status, 0);
	ck_assert_uint_eq(s.nextras, 0);
	ck_assert_uint_eq(s.nvalue, ID);
	memcpy(id, s.value, ID);
}

/* Records. */

/* A number of seven bits a byte, the lowest first; 0: cut short. */
static size_t
leb128(const uint8_t *p, size_t n, uint64_t *v)
{
	*v = 0;
	for (size_t i = 0; i < n && i < 9; i++) {
		*v |= (uint64_t)(p[i] & 127) << 7 * i;
		if (!(p[i] & 128))
			return i + 1;
	}
	return 0;
}

/* The number that a key of six digits is; -1. */
static long
number(const uint8_t *key, uint64_t n)
{
	long v = 0;

	if (n != 6)
		return -1;
	for (unsigned i = 0; i < 6; i++) {
		if (key[i] < '0' || key[i] > '9')
			return -1;
		v = v * 10 + key[i] - '0';
	}
	return v;
}

static const char *
wrong_value(unsigned i, const uint8_t *p, uint64_t n)
{
	size_t size = table.size_of ? table.size_of(i) : table.size;
	uint8_t *want = malloc(size + 1);
	const char *wrong = NULL;

	ck_assert_ptr_nonnull(want);
	table_value(i, want, size);
	if (n != size)
		wrong = "a value has another length";
	else if (memcmp(p, want, size))
		wrong = "a value is another";
	free(want);
	return wrong;
}

/* One record off p: its bytes; 0 and *wrong. */
static size_t
decode(const uint8_t *p, size_t n, bool keys_only, unsigned *which,
       const char **wrong)
{
	size_t at = keys_only ? 0 : 25, took;
	uint64_t nkey, nvalue;
	long i;

	*wrong = "a record is cut short";
	if (n < at || !(took = leb128(p + at, n - at, &nkey)) ||
	    nkey > n - (at += took))
		return 0;
	i = number(p + at, nkey);
	*wrong = "a key is none of the table's";
	if (i < 0)
		return 0;
	*which = (unsigned)i;
	at += nkey;
	*wrong = NULL;
	if (keys_only)
		return at;
	*wrong = "a record's numbers are others";
	if (table.other)
		*wrong = NULL;
	else if (be32(p) != (uint32_t)i + 1 || be32(p + 4) != (uint32_t)i + 2 ||
	         be64(p + 8) != (uint64_t)i + 3 ||
	         be64(p + 16) != (uint64_t)i + 4 || p[24] != i % 2)
		return 0;
	*wrong = "a record's value is cut short";
	if (!(took = leb128(p + at, n - at, &nvalue)) ||
	    nvalue > n - (at += took))
		return 0;
	*wrong = table.other ? table.other(*which, p + at, nvalue)
	                     : wrong_value(*which, p + at, nvalue);
	return *wrong ? 0 : at + nvalue;
}

static void
take_records(struct haul *h, const struct said *s)
{
	size_t at = 0, took;
	unsigned before = h->n;

	for (; at < s->nvalue; at += took) {
		if (h->n == HAUL_MAX) {
			h->wrong = "more records than there are";
			return;
		}
		took = decode(s->value + at, s->nvalue - at, h->keys_only,
		              &h->record[h->n], &h->wrong);
		if (took == 0)
			return;
		h->n++;
	}
	h->bytes += s->nvalue;
	h->with_end = h->n - before;
}

/* A frame of a continue. */
static void
take(struct haul *h, const struct said *s)
{
	bool error = s->status && s->status != MORE && s->status != COMPLETE;

	h->frames++;
	h->status = s->status;
	h->ends += s->status != 0;
	if (s->nvalue + s->nextras > h->largest)
		h->largest = s->nvalue + s->nextras;
	if (s->opcode != OP_CONTINUE)
		h->wrong = "the answer is to something else";
	else if (s->opaque != 0x01020300u + OP_CONTINUE)
		h->wrong = "the opaque is another";
	else if (error && s->nextras)
		h->wrong = "an error frame says what records it has";
	else if (!error && (s->nextras != 4 || be32(s->extras) > 1))
		h->wrong = "the extras are not 4 bytes that say 0 or 1";
	if (h->wrong)
		return;
	if (error) {
		h->with_end = 0;
		error_text(s, h->why, sizeof h->why);
		return;
	}
	h->nframing = s->nframing;
	memcpy(h->framing, s->framing, s->nframing);
	h->keys_only = be32(s->extras) == 0;
	if (s->status == 0 && s->nvalue == 0)
		h->wrong = "a frame that is not the last is empty";
	else
		take_records(h, s);
}

bool
hear_continue(struct ear *e, struct haul *h)
{
	struct said s;

	while (hear_frame(e, &s)) {
		take(h, &s);
		ck_assert_msg(h->wrong == NULL, "%s", h->wrong);
		if (s.status)
			return true;
	}
	return false;
}

unsigned
go_on(struct ear *e, const uint8_t id[ID], uint32_t items, uint32_t ms,
      uint32_t bytes)
{
	unsigned ends = haul.ends, rounds = 0;

	say_continue(e, id, items, ms, bytes);
	do {
		stage_run();
		ck_assert_msg(++rounds < 100000, "the continue does not end");
	} while (!hear_continue(e, &haul));
	ck_assert_uint_eq(haul.ends, ends + 1);
	return haul.status;
}

void
must_be(const struct haul *h, unsigned first, unsigned n)
{
	ck_assert_uint_eq(h->n, n);
	for (unsigned i = 0; i < n; i++)
		ck_assert_uint_eq(h->record[i], first + i);
}

void
haul_empty(struct haul *h)
{
	h->n = h->frames = h->ends = h->with_end = 0;
	h->bytes = h->largest = h->status = 0;
	h->wrong = NULL;
	*h->why = '\0';
}
