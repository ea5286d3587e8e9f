/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "protocol/base64.h"

size_t
ewb_base64_encode(char *out, const void *data, size_t n)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *in = data;
	char *p = out;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)in[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)in[i + 1] << 8;
		if (i + 2 < n)
			v |= in[i + 2];
		*p++ = set[v >> 18];
		*p++ = set[v >> 12 & 63];
		*p++ = i + 1 < n ? set[v >> 6 & 63] : '=';
		*p++ = i + 2 < n ? set[v & 63] : '=';
	}
	return (size_t)(p - out);
}

static int
digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Its digits, without what pads them; SIZE_MAX: that is wrong. */
static size_t
digits(const uint8_t *in, size_t n)
{
	size_t pads = 0;

	while (pads < n && in[n - 1 - pads] == '=')
		pads++;
	n -= pads;
	if (n % 4 == 1 || (pads && (n + pads) % 4) || pads > 2)
		return SIZE_MAX;
	return n;
}

size_t
ewb_base64_decode(void *out, size_t cap, const void *text, size_t n)
{
	const uint8_t *in = text;
	uint8_t *to = out;
	uint32_t bits = 0;
	unsigned have = 0;
	size_t len = 0;
	int d;

	n = digits(in, n);
	if (n == SIZE_MAX)
		return SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		d = digit(in[i]);
		if (d < 0)
			return SIZE_MAX;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (len < cap)
			to[len] = (uint8_t)(bits >> have);
		len++;
	}
	return len;
}
