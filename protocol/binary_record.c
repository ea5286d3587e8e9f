/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/binary.h"

/* Records: four numbers and a datatype, then key and value with a leb128
 * length each; with keys only, just the key. */

#define RECORD_FIXED 25

static size_t
leb_size(size_t v)
{
	size_t n = 1;

	while (v >>= 7)
		n++;
	return n;
}

static uint8_t *
put_bytes(uint8_t *p, const uint8_t *bytes, size_t len)
{
	size_t v = len;

	for (; v > 0x7f; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	if (len)
		memcpy(p, bytes, len);
	return p + len;
}

/* Bytes taken off, 0 when it is cut short or none. */
static size_t
get_length(const uint8_t *in, size_t n, uint64_t *len)
{
	size_t i = 0;

	*len = 0;
	do {
		/* 9 bytes hold 63 bits */
		if (i == n || i == 9)
			return 0;
		*len |= (uint64_t)(in[i] & 0x7f) << (7 * i);
	} while (in[i++] & 0x80);
	return i;
}

/* Likewise. */
static size_t
get_bytes(const uint8_t *in, size_t n, const uint8_t **bytes, size_t *len)
{
	uint64_t v;
	size_t i = get_length(in, n, &v);

	if (!i || v > n - i)
		return 0;
	*bytes = in + i;
	*len = (size_t)v;
	return i + (size_t)v;
}

size_t
ewb_bin_record_size(const struct ewb_bin_record *r, int keys_only)
{
	size_t n = leb_size(r->nkey) + r->nkey;

	if (!keys_only)
		n += RECORD_FIXED + leb_size(r->nvalue) + r->nvalue;
	return n;
}

size_t
ewb_bin_record_put(uint8_t *out, const struct ewb_bin_record *r, int keys_only)
{
	uint8_t *p;

	if (keys_only)
		return (size_t)(put_bytes(out, r->key, r->nkey) - out);
	ewb_put32(out, r->flags);
	ewb_put32(out + 4, r->expiry);
	ewb_put64(out + 8, r->seqno);
	ewb_put64(out + 16, r->cas);
	out[24] = r->datatype;
	p = put_bytes(out + RECORD_FIXED, r->key, r->nkey);
	return (size_t)(put_bytes(p, r->value, r->nvalue) - out);
}

size_t
ewb_bin_record_head(const uint8_t *in, size_t n, int keys_only,
                    struct ewb_bin_record *r)
{
	size_t i = RECORD_FIXED, len;
	uint64_t value;

	*r = (struct ewb_bin_record){ 0 };
	if (keys_only)
		return get_bytes(in, n, &r->key, &r->nkey);
	if (n < RECORD_FIXED)
		return 0;
	r->flags = ewb_be32(in);
	r->expiry = ewb_be32(in + 4);
	r->seqno = ewb_be64(in + 8);
	r->cas = ewb_be64(in + 16);
	r->datatype = in[24];
	len = get_bytes(in + i, n - i, &r->key, &r->nkey);
	i += len;
	if (len)
		len = get_length(in + i, n - i, &value);
	i += len;
	if (!len || value > SIZE_MAX - i)
		return 0;
	if (value <= n - i)
		r->value = in + i;
	r->nvalue = (size_t)value;
	return i + r->nvalue;
}

size_t
ewb_bin_record_get(const uint8_t *in, size_t n, int keys_only,
                   struct ewb_bin_record *r)
{
	size_t len = ewb_bin_record_head(in, n, keys_only, r);

	return len <= n ? len : 0;
}
