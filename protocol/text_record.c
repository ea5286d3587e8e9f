/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/number.h"
#include "protocol/text_scan.h"

static uint8_t *
put(uint8_t *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}
#define PUT(p, text) put((p), (text), sizeof(text) - 1)

/* Could it stand in a line? */
static int
is_plain(const struct ewb_bin_record *r)
{
	size_t i;

	for (i = 0; i < r->nkey && r->key[i] > ' '; i++)
		;
	return i == r->nkey;
}

static uint8_t *
put_key(uint8_t *p, const struct ewb_bin_record *r, int plain)
{
	if (!plain)
		return p + ewb_base64_encode((char *)p, r->key, r->nkey);
	memcpy(p, r->key, r->nkey);
	return p + r->nkey;
}

static uint8_t *
put_value(uint8_t *p, enum ewb_text_form form, const struct ewb_bin_record *r)
{
	int plain = is_plain(r);

	p = put_key(PUT(p, "VALUE "), r, plain);
	*p++ = ' ';
	p += ewb_put_number(p, r->flags);
	*p++ = ' ';
	p += ewb_put_number(p, r->nvalue);
	if (form == EWB_TEXT_VALUES_CAS) {
		*p++ = ' ';
		p += ewb_put_number(p, r->cas);
	}
	p = plain ? PUT(p, "\r\n") : PUT(p, " b\r\n");
	if (r->nvalue)
		memcpy(p, r->value, r->nvalue);
	return PUT(p + r->nvalue, "\r\n");
}

static uint8_t *
put_name(uint8_t *p, const struct ewb_bin_record *r)
{
	int plain = is_plain(r);

	p = put_key(PUT(p, "KEY "), r, plain);
	return plain ? PUT(p, "\r\n") : PUT(p, " b\r\n");
}

static int
is_unreserved(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && memchr("-._~", c, 4));
}

/* As a URI has it, and memcached. */
static uint8_t *
put_uri(uint8_t *p, const struct ewb_bin_record *r)
{
	for (size_t i = 0; i < r->nkey; i++) {
		if (is_unreserved(r->key[i])) {
			*p++ = r->key[i];
			continue;
		}
		*p++ = '%';
		*p++ = (uint8_t)"0123456789ABCDEF"[r->key[i] >> 4];
		*p++ = (uint8_t)"0123456789ABCDEF"[r->key[i] & 15];
	}
	return p;
}

/* The size is that of me. */
static uint8_t *
put_dump(uint8_t *p, const struct ewb_bin_record *r)
{
	p = PUT(put_uri(PUT(p, "key="), r), " exp=");
	if (r->expiry)
		p += ewb_put_number(p, r->expiry);
	else
		p = PUT(p, "-1");
	p = PUT(p, " la=");
	p += ewb_put_number(p, r->accessed);
	p = PUT(p, " cas=");
	p += ewb_put_number(p, r->cas);
	p = r->fetched ? PUT(p, " fetch=yes") : PUT(p, " fetch=no");
	p = PUT(p, " cls=1 size=");
	p += ewb_put_number(p, r->nkey + r->nvalue);
	*p++ = '\n';
	return p;
}

size_t
ewb_text_record_max(enum ewb_text_form form, const struct ewb_bin_record *r)
{
	size_t fixed = EWB_TEXT_RECORD_MORE - EWB_BASE64_LEN(EWB_KEY_MAX);

	switch (form) {
	case EWB_TEXT_METADUMP:
		return EWB_TEXT_DUMP_MAX + 3 * r->nkey - 3 * EWB_KEY_MAX;
	case EWB_TEXT_KEYS: return fixed + EWB_BASE64_LEN(r->nkey);
	default: return fixed + EWB_BASE64_LEN(r->nkey) + r->nvalue;
	}
}

size_t
ewb_text_record_put(uint8_t *out, enum ewb_text_form form,
                    const struct ewb_bin_record *r)
{
	switch (form) {
	case EWB_TEXT_METADUMP: return (size_t)(put_dump(out, r) - out);
	case EWB_TEXT_KEYS: return (size_t)(put_name(out, r) - out);
	default: return (size_t)(put_value(out, form, r) - out);
	}
}
