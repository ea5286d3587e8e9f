/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "daemon/ctl_escape.h"
#include "protocol/base64.h"

static const char hex[] = "0123456789abcdef";

/* The letter after the backslash; 'x' for one with a number; 0 for none. */
static char
letter(uint8_t c)
{
	switch (c) {
	case '\\': return '\\';
	case '\t': return 't';
	case '\n': return 'n';
	case '\r': return 'r';
	default: return c < 0x20 || c == 0x7f ? 'x' : 0;
	}
}

int
ewb_ctl_escape(struct ewb_ctl_buf *out, const void *data, size_t n)
{
	const uint8_t *in = data;
	size_t from = 0, i;
	uint8_t text[4] = { '\\' };
	int err = 0;

	for (i = 0; i < n && !err; i++) {
		text[1] = (uint8_t)letter(in[i]);
		if (!text[1])
			continue;
		err = ewb_ctl_buf_add(out, in + from, i - from);
		text[2] = (uint8_t)hex[in[i] >> 4];
		text[3] = (uint8_t)hex[in[i] & 15];
		if (!err)
			err = ewb_ctl_buf_add(out, text,
			                      text[1] == 'x' ? 4 : 2);
		from = i + 1;
	}
	return err ? err : ewb_ctl_buf_add(out, in + from, n - from);
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One escape at text[0..n), which starts with a backslash: the bytes that it
 * takes and what it stands for; 0 when it is none. */
static size_t
one(const char *text, size_t n, char *c)
{
	if (n < 2)
		return 0;
	switch (text[1]) {
	case '\\': *c = '\\'; return 2;
	case 't': *c = '\t'; return 2;
	case 'n': *c = '\n'; return 2;
	case 'r': *c = '\r'; return 2;
	case 'x': break;
	default: return 0;
	}
	if (n < 4 || digit(text[2]) < 0 || digit(text[3]) < 0)
		return 0;
	*c = (char)(digit(text[2]) << 4 | digit(text[3]));
	return 4;
}

long
ewb_ctl_unescape(char *text, size_t n, size_t *bad)
{
	const char *first = n ? memchr(text, '\\', n) : NULL;
	size_t in, out;

	if (!first)
		return (long)n;
	for (in = out = (size_t)(first - text); in < n; out++) {
		size_t took = 1;

		if (text[in] != '\\')
			text[out] = text[in];
		else
			took = one(text + in, n - in, &text[out]);
		if (!took) {
			*bad = in;
			return -1;
		}
		in += took;
	}
	return (long)out;
}

/* Bytes of the UTF-8 character at in[0..n); 0 when it is none. */
static size_t
utf8(const uint8_t *in, size_t n)
{
	uint8_t c = in[0], low = 0x80, high = 0xbf;
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	size_t i;

	if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || len > n)
		return 0;
	if (c == 0xe0)
		low = 0xa0; /* else overlong */
	if (c == 0xf0)
		low = 0x90;
	if (c == 0xed)
		high = 0x9f; /* else a surrogate */
	if (c == 0xf4)
		high = 0x8f;
	for (i = 1; i < len; i++, low = 0x80, high = 0xbf)
		if (in[i] < low || in[i] > high)
			return 0;
	return len;
}

bool
ewb_ctl_is_utf8(const void *data, size_t n)
{
	const uint8_t *in = data;
	size_t i, took;

	for (i = 0; i < n; i += took) {
		took = utf8(in + i, n - i);
		if (!took)
			return false;
	}
	return true;
}

/* One character of a JSON string that cannot stand for itself. */
static int
json_char(struct ewb_ctl_buf *out, uint8_t c)
{
	uint8_t text[6] = { '\\', 'u', '0', '0' };

	text[4] = (uint8_t)hex[c >> 4];
	text[5] = (uint8_t)hex[c & 15];
	switch (c) {
	case '"': text[1] = '"'; break;
	case '\\': text[1] = '\\'; break;
	case '\n': text[1] = 'n'; break;
	case '\r': text[1] = 'r'; break;
	case '\t': text[1] = 't'; break;
	default: return ewb_ctl_buf_add(out, text, 6);
	}
	return ewb_ctl_buf_add(out, text, 2);
}

int
ewb_ctl_json_string(struct ewb_ctl_buf *out, const void *data, size_t n)
{
	const uint8_t *in = data;
	size_t from = 0, i;
	int err = ewb_ctl_buf_add(out, "\"", 1);

	for (i = 0; i < n && !err; i++) {
		if (in[i] >= 0x20 && in[i] != '"' && in[i] != '\\' &&
		    in[i] != 0x7f)
			continue;
		err = ewb_ctl_buf_add(out, in + from, i - from);
		if (!err)
			err = json_char(out, in[i]);
		from = i + 1;
	}
	if (!err)
		err = ewb_ctl_buf_add(out, in + from, n - from);
	return err ? err : ewb_ctl_buf_add(out, "\"", 1);
}

int
ewb_ctl_base64(struct ewb_ctl_buf *out, const void *data, size_t n)
{
	const uint8_t *in = data;
	char text[EWB_BASE64_LEN(192)];
	int err = 0;

	for (size_t i = 0; i < n && !err; i += 192) {
		size_t part = n - i < 192 ? n - i : 192;

		err = ewb_ctl_buf_add(out, text,
		                      ewb_base64_encode(text, in + i, part));
	}
	return err;
}
