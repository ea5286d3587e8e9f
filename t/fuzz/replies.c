/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/number.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/replies.h"

#define NAME(text) (text), sizeof(text) - 1

static const struct known {
	const char *text;
	size_t len;
	enum reply_kind kind;
	int more; /* words may follow */
} known[] = {
	{ NAME("STORED"), REPLY_LINE, 0 },
	{ NAME("NOT_STORED"), REPLY_LINE, 0 },
	{ NAME("EXISTS"), REPLY_LINE, 0 },
	{ NAME("NOT_FOUND"), REPLY_LINE, 0 },
	{ NAME("DELETED"), REPLY_LINE, 0 },
	{ NAME("TOUCHED"), REPLY_LINE, 0 },
	{ NAME("OK"), REPLY_LINE, 0 },
	{ NAME("RESET"), REPLY_LINE, 0 },
	{ NAME("VERSION"), REPLY_LINE, 1 },
	{ NAME("HD"), REPLY_LINE, 1 },
	{ NAME("EN"), REPLY_LINE, 1 },
	{ NAME("NF"), REPLY_LINE, 1 },
	{ NAME("NS"), REPLY_LINE, 1 },
	{ NAME("EX"), REPLY_LINE, 1 },
	{ NAME("ME"), REPLY_LINE, 1 },
	{ NAME("MN"), REPLY_LINE, 0 },
	{ NAME("END"), REPLY_END, 0 },
	{ NAME("STAT"), REPLY_STAT, 1 },
	{ NAME("ERROR"), REPLY_ERROR, 1 }, /* lru_crawler's says why */
	{ NAME("ERROR:"), REPLY_ERROR, 1 }, /* shutdown's */
	{ NAME("CLIENT_ERROR"), REPLY_ERROR, 1 },
	{ NAME("SERVER_ERROR"), REPLY_ERROR, 1 },
};

const uint8_t *
reply_word(const uint8_t *line, size_t n, unsigned i, size_t *len)
{
	const uint8_t *end = line + n, *space;

	for (;; i--) {
		space = memchr(line, ' ', (size_t)(end - line));
		*len = (size_t)((space ? space : end) - line);
		if (i == 0)
			return line;
		if (space == NULL)
			return NULL;
		line = space + 1;
	}
}

static int
is_number(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= '0' && p[i] <= '9')
		i++;
	return n > 0 && i == n;
}

static int
is(const uint8_t *p, size_t n, const char *text, size_t len)
{
	return n == len && memcmp(p, text, n) == 0;
}

/* VALUE KEY FLAGS BYTES [CAS], VA BYTES FLAG..., or DATA BYTES, which no line's
 * end comes after: the word of the length. */
static unsigned
length_word(const uint8_t *line, size_t n, enum reply_kind *kind)
{
	size_t len;

	(void)reply_word(line, n, 0, &len);
	*kind = REPLY_ITEM;
	if (is(line, len, NAME("VALUE")))
		return 3;
	*kind = is(line, len, NAME("DATA")) ? REPLY_DATA : REPLY_LINE;
	return is(line, len, NAME("VA")) || *kind == REPLY_DATA;
}

static void
take_value(const uint8_t *in, size_t n, unsigned word, enum reply_kind kind,
           struct reply *r)
{
	size_t len, room = n - r->n, tail = kind == REPLY_DATA ? 0 : 2;
	const uint8_t *w = reply_word(in, r->nline, word, &len);
	uint64_t bytes;

	r->kind = REPLY_WRONG;
	if (w == NULL || !is_number(w, len) ||
	    ewb_take_number(w, len, &bytes) != 1)
		return;
	if (room < tail || bytes > room - tail) {
		r->kind = REPLY_CUT;
		return;
	}
	r->value = in + r->n;
	r->nvalue = (size_t)bytes;
	if (tail && memcmp(r->value + bytes, "\r\n", 2) != 0)
		return;
	r->n += (size_t)bytes + tail;
	r->kind = kind;
}

static enum reply_kind
kind_of(const uint8_t *line, size_t n)
{
	size_t len;

	(void)reply_word(line, n, 0, &len);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (is(line, len, known[i].text, known[i].len) &&
		    (known[i].more || len == n))
			return known[i].kind;
	return is_number(line, n) ? REPLY_LINE : REPLY_WRONG;
}

struct reply
reply_take(const uint8_t *in, size_t n)
{
	struct reply r = { .kind = REPLY_CUT };
	const uint8_t *p = in;
	enum reply_kind kind;
	unsigned word;

	/* a key may have either of the two alone */
	while ((p = memchr(p, '\n', n - (size_t)(p - in))) != NULL) {
		size_t at = (size_t)(p++ - in);

		if (at == 0 || in[at - 1] != '\r')
			continue;
		r.n = at + 1;
		r.nline = at - 1;
		word = length_word(in, r.nline, &kind);
		if (word)
			take_value(in, n, word, kind, &r);
		else
			r.kind = kind_of(in, r.nline);
		return r;
	}
	return r;
}

size_t
replies_count(const uint8_t *in, size_t n, int whole)
{
	size_t at = 0, count = 0;
	struct reply r;
	int begun = 0;

	for (; at < n; at += r.n) {
		r = reply_take(in + at, n - at);
		FUZZ_MUST(r.kind != REPLY_WRONG);
		if (r.kind == REPLY_CUT)
			break;
		if (r.kind == REPLY_ITEM || r.kind == REPLY_STAT ||
		    r.kind == REPLY_DATA) {
			begun = 1;
			continue;
		}
		FUZZ_MUST(!begun || r.kind == REPLY_END ||
		          r.kind == REPLY_ERROR);
		begun = 0;
		count++;
	}
	FUZZ_MUST(!whole || (at == n && !begun));
	return count;
}
