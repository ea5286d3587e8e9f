/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl_document.h"
#include "daemon/ctl_say.h"
#include "protocol/base64.h"

int
ewb_ctl_document_init(struct ewb_ctl_document *d)
{
	*d = (struct ewb_ctl_document){ .tokener = json_tokener_new() };
	if (!d->tokener)
		return ewb_ctl_say("import: out of memory here");
	json_tokener_set_flags(d->tokener, JSON_TOKENER_STRICT |
	                                           JSON_TOKENER_VALIDATE_UTF8);
	return 0;
}

void
ewb_ctl_document_fini(struct ewb_ctl_document *d)
{
	json_object_put(d->object);
	if (d->tokener)
		json_tokener_free(d->tokener);
	ewb_ctl_buf_fini(&d->key);
	ewb_ctl_buf_fini(&d->value);
	*d = (struct ewb_ctl_document){ 0 };
}

static int wrong(struct ewb_ctl_document *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int
wrong(struct ewb_ctl_document *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->why, sizeof(d->why), fmt, ap);
	va_end(ap);
	return -1;
}

/* A member by its plain name or, in base64, with 64 behind it; one of them. */
static int
take_bytes(struct ewb_ctl_document *d, const char *name, struct ewb_ctl_buf *b,
           const uint8_t **at, size_t *len)
{
	char name64[16];
	struct json_object *plain = NULL, *coded = NULL, *it;
	size_t n;

	snprintf(name64, sizeof(name64), "%s64", name);
	json_object_object_get_ex(d->object, name, &plain);
	json_object_object_get_ex(d->object, name64, &coded);
	it = plain ? plain : coded;
	if (plain && coded)
		return wrong(d, "it has \"%s\" and \"%s\": one of them", name,
		             name64);
	if (!json_object_is_type(it, json_type_string))
		return wrong(d, "it has no \"%s\" that is a string", name);
	*at = (const uint8_t *)json_object_get_string(it);
	*len = n = (size_t)json_object_get_string_len(it);
	if (plain)
		return 0;
	b->pos = b->len = 0;
	if (ewb_ctl_buf_reserve(b, EWB_BASE64_BYTES(n) + 1))
		return wrong(d, "out of memory here");
	*len = ewb_base64_decode(b->at, b->cap, *at, n);
	*at = b->at;
	return *len <= b->cap ? 0 : wrong(d, "\"%s\" is no base64", name64);
}

static int
take_number(struct ewb_ctl_document *d, const char *name, uint32_t max,
            uint32_t *to)
{
	struct json_object *it = NULL;
	int64_t n;

	if (!json_object_object_get_ex(d->object, name, &it))
		return 0;
	n = json_object_get_int64(it);
	if (!json_object_is_type(it, json_type_int) || n < 0 || n > max)
		return wrong(d, "\"%s\" wants a number from 0 to %" PRIu32,
		             name, max);
	*to = (uint32_t)n;
	return 0;
}

static int
take_collection(struct ewb_ctl_document *d)
{
	struct json_object *it = NULL;

	if (!json_object_object_get_ex(d->object, "collection", &it))
		return 0;
	d->collection = json_object_is_type(it, json_type_string)
	                        ? json_object_get_string(it)
	                        : "";
	return strchr(d->collection, '.')
	               ? 0
	               : wrong(d, "\"collection\" wants \"SCOPE.NAME\"");
}

/* A slip in a name is not to lose what it stands for. */
static int
names_known(struct ewb_ctl_document *d)
{
	static const char *const names[] = { "key",    "key64", "value",
		                             "value64", "flags", "expiry",
		                             "datatype", "collection", "cas",
		                             "seqno" };
	size_t i;

	json_object_object_foreach(d->object, name, value) {
		(void)value;
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (!strcmp(name, names[i]))
				break;
		if (i == sizeof(names) / sizeof(names[0]))
			return wrong(d, "unknown member \"%.40s\"", name);
	}
	return 0;
}

static int
take_record(struct ewb_ctl_document *d)
{
	struct ewb_bin_record *r = &d->record;
	uint32_t datatype = 0;

	if (names_known(d) ||
	    take_bytes(d, "key", &d->key, &r->key, &r->nkey) ||
	    take_bytes(d, "value", &d->value, &r->value, &r->nvalue) ||
	    take_number(d, "flags", UINT32_MAX, &r->flags) ||
	    take_number(d, "expiry", UINT32_MAX, &r->expiry) ||
	    take_number(d, "datatype", UINT8_MAX, &datatype) ||
	    take_collection(d))
		return -1;
	r->datatype = (uint8_t)datatype;
	if (!r->nkey)
		return wrong(d, "the key is empty");
	if (r->nkey > EWB_KEY_MAX)
		return wrong(d, "the key is too long: %zu bytes, %d at most",
		             r->nkey, EWB_KEY_MAX);
	return 0;
}

/* A \u at text[0..n), which is valid JSON: its number; 0x10000: there is none. */
static unsigned
unit(const char *text, size_t n)
{
	char digits[5] = { 0 };

	if (n < 6 || text[0] != '\\' || text[1] != 'u')
		return 0x10000;
	memcpy(digits, text + 2, 4);
	return (unsigned)strtoul(digits, NULL, 16);
}

/* Bytes of an escape; 0: it is half of a surrogate pair. */
static size_t
escape(const char *text, size_t n)
{
	unsigned u = unit(text, n), low;

	if (u >= 0xd800 && u < 0xdc00) {
		low = unit(text + 6, n - 6);
		return low >= 0xdc00 && low < 0xe000 ? 12 : 0;
	}
	return u == 0x10000 ? 2 : u >= 0xdc00 && u < 0xe000 ? 0 : 6;
}

/* What the library lets pass: half of a surrogate pair, which it replaces, and a member
 * that is there twice, of which it takes the last. */
static int
look_again(struct ewb_ctl_document *d, const char *line, size_t n)
{
	size_t i, took, depth = 0;
	int members = 0;
	bool quoted = false;

	for (i = 0; i < n; i += took) {
		took = 1;
		switch (line[i]) {
		case '"': quoted = !quoted; break;
		case '\\': took = escape(line + i, n - i); break;
		case '{': case '[': depth += !quoted; break;
		case '}': case ']': depth -= !quoted; break;
		case ':': members += !quoted && depth == 1; break;
		default: break;
		}
		if (!took)
			return wrong(d, "column %zu: half of a surrogate pair",
			             i + 1);
	}
	return members == json_object_object_length(d->object)
	               ? 0
	               : wrong(d, "a member is there twice");
}

/* What the library may call cut short.  Null: that may be an object. */
static const char *
is_else(const char *line, size_t n)
{
	while (n && memchr(" \t\r", *line, 3))
		line++, n--;
	return !n ? "it is empty" : *line != '{' ? "it is no JSON object" : NULL;
}

static int
no_json(struct ewb_ctl_document *d)
{
	enum json_tokener_error err = json_tokener_get_error(d->tokener);
	size_t end = json_tokener_get_parse_end(d->tokener);

	if (err == json_tokener_continue)
		return wrong(d, "it is cut short");
	if (err == json_tokener_success)
		return wrong(d, "column %zu: more than a JSON object", end + 1);
	return wrong(d, "column %zu: %s", end + 1,
	             json_tokener_error_desc(err));
}

int
ewb_ctl_document_parse(struct ewb_ctl_document *d, const char *line, size_t n)
{
	const char *other = is_else(line, n);

	d->record = (struct ewb_bin_record){ 0 };
	d->collection = NULL;
	json_object_put(d->object);
	json_tokener_reset(d->tokener);
	d->object = NULL;
	if (other)
		return wrong(d, "%s", other);
	d->object = n > INT_MAX ? NULL
	                        : json_tokener_parse_ex(d->tokener, line,
	                                                (int)n);
	if (json_tokener_get_error(d->tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(d->tokener) < n)
		return no_json(d);
	return look_again(d, line, n) ? -1 : take_record(d);
}
