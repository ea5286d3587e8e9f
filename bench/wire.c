/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/wire.h"

#define NKEY 16
#define NDIGITS 10
#define MAX_WORDS 16

/* Keys of 16 bytes; values of different sizes do not meet under one. */
static void
write_key(char *to, size_t vsize)
{
	char key[32];

	snprintf(key, sizeof key, "k%04zu:%010d", vsize % 10000, 0);
	memcpy(to, key, NKEY);
	to[NKEY] = 0;
}

static void
find_digits(struct wire_request *r, const char *key)
{
	char *at = memmem(r->bytes, r->len, key, NKEY);

	r->digits = (size_t)(at - r->bytes) + NKEY - NDIGITS;
}

static void
make_lines(struct wire *w, const char *key, const char *value)
{
	int meta = w->kind == WIRE_META;

	w->get.len = (size_t)sprintf(w->get.bytes,
	                             meta ? "mg %s v\r\n" : "get %s\r\n", key);
	w->set.len = (size_t)sprintf(w->set.bytes,
	                             meta ? "ms %s %zu\r\n%s\r\n"
	                                  : "set %s 0 0 %zu\r\n%s\r\n",
	                             key, w->vsize, value);
}

static void
make_frame(struct wire_request *r, unsigned char op, unsigned char extras,
           const char *key, const char *value, size_t nvalue)
{
	uint32_t body = htonl((uint32_t)(extras + NKEY + nvalue));

	memset(r->bytes, 0, 24u + extras);
	r->bytes[0] = (char)0x80;
	r->bytes[1] = (char)op;
	r->bytes[3] = NKEY;
	r->bytes[4] = (char)extras;
	memcpy(r->bytes + 8, &body, 4);
	memcpy(r->bytes + 24 + extras, key, NKEY);
	memcpy(r->bytes + 24 + extras + NKEY, value, nvalue);
	r->len = 24 + extras + NKEY + nvalue;
}

size_t
wire_resp_command(char *to, size_t n, const char *const *word,
                  const size_t *len)
{
	char *p = to + sprintf(to, "*%zu\r\n", n);
	size_t i;

	for (i = 0; i < n; i++) {
		p += sprintf(p, "$%zu\r\n", len[i]);
		memcpy(p, word[i], len[i]);
		p += len[i];
		*p++ = '\r';
		*p++ = '\n';
	}
	return (size_t)(p - to);
}

static void
make_resp(struct wire *w, const char *key, const char *value)
{
	const char *word[3] = { "GET", key, value };
	size_t len[3] = { 3, NKEY, w->vsize };

	w->get.len = wire_resp_command(w->get.bytes, 2, word, len);
	word[0] = "SET";
	w->set.len = wire_resp_command(w->set.bytes, 3, word, len);
}

static void
make_command(struct wire *w, const char *command)
{
	char *copy = strdup(command), *save = NULL, *s;
	const char *word[MAX_WORDS];
	size_t len[MAX_WORDS], n = 0;

	for (s = strtok_r(copy, " ", &save); s && n < MAX_WORDS;
	     s = strtok_r(NULL, " ", &save)) {
		word[n] = s;
		len[n++] = strlen(s);
	}
	w->get.len = w->set.len = wire_resp_command(w->get.bytes, n, word, len);
	memcpy(w->set.bytes, w->get.bytes, w->get.len);
	free(copy);
}

static int
make(struct wire *w, const char *key, const char *value, const char *command)
{
	if (w->kind == WIRE_RESP && command) {
		make_command(w, command);
		return 0;
	}
	if (w->kind == WIRE_ECHO) {
		memset(w->get.bytes, 'e', WIRE_ECHO_LEN);
		memset(w->set.bytes, 'e', WIRE_ECHO_LEN);
		w->get.len = w->set.len = WIRE_ECHO_LEN;
		return 0;
	}
	if (w->kind == WIRE_RESP) {
		make_resp(w, key, value);
	} else if (w->kind == WIRE_BINARY) {
		make_frame(&w->get, 0x00, 0, key, "", 0);
		make_frame(&w->set, 0x01, 8, key, value, w->vsize);
	} else {
		make_lines(w, key, value);
	}
	find_digits(&w->get, key);
	find_digits(&w->set, key);
	return 0;
}

int
wire_init(struct wire *w, const char *protocol, size_t vsize,
          const char *command)
{
	static const char *const names[] = { "text", "meta", "bin", "resp",
		                             "echo" };
	char key[NKEY + 1], *value;
	size_t i;

	memset(w, 0, sizeof *w);
	for (i = 0; strcmp(names[i], protocol) != 0;)
		if (++i == sizeof names / sizeof *names)
			return -1;
	w->kind = (enum wire_kind)i;
	w->vsize = vsize;
	w->get.bytes = calloc(1, 4096);
	w->set.bytes = calloc(1, vsize + 4096);
	value = malloc(vsize + 1);
	for (i = 0; i < vsize; i++)
		value[i] = (char)('a' + i % 26);
	value[vsize] = 0;
	write_key(key, vsize);
	make(w, key, value, command);
	free(value);
	return 0;
}

void
wire_fini(struct wire *w)
{
	free(w->get.bytes);
	free(w->set.bytes);
	memset(w, 0, sizeof *w);
}

char *
wire_put(char *to, const struct wire_request *r, unsigned long key)
{
	int i;

	memcpy(to, r->bytes, r->len);
	if (r->digits)
		for (i = NDIGITS - 1; key > 0 && i >= 0; i--, key /= 10)
			to[r->digits + (size_t)i] = (char)('0' + key % 10);
	return to + r->len;
}

static const char *
line_end(const char *b, const char *end)
{
	const char *p = memchr(b, '\n', (size_t)(end - b));

	return p ? p + 1 : NULL;
}

long
wire_resp(struct wire *w, const char *b, size_t n)
{
	const char *p = b, *end = b + n, *line;
	long need = 1, len;

	for (; need > 0; need--) {
		if (p == end || (line = line_end(p, end)) == NULL)
			return 0;
		switch (*p) {
		case '+':
		case ':': break;
		case '-': w->errors++; break;
		case '$':
			len = strtol(p + 1, NULL, 10);
			if (len < 0)
				w->misses++;
			else if (end - line < len + 2)
				return 0;
			else
				line += len + 2;
			break;
		case '*':
			len = strtol(p + 1, NULL, 10);
			need += len > 0 ? len : 0;
			break;
		default: return -1;
		}
		p = line;
	}
	return p - b;
}

static long
binary_reply(struct wire *w, const char *b, size_t n)
{
	uint32_t body;

	if (n < 24)
		return 0;
	if ((unsigned char)b[0] != 0x81)
		return -1;
	memcpy(&body, b + 8, 4);
	body = ntohl(body);
	if (n < 24 + (size_t)body)
		return 0;
	if (b[6] == 0 && b[7] == 1)
		w->misses++;
	else if (b[6] != 0 || b[7] != 0)
		w->errors++;
	return 24 + (long)body;
}

/* VA <len>, the value, and a line's end; or one line. */
static long
meta_reply(struct wire *w, const char *b, size_t n)
{
	const char *end = b + n, *line = line_end(b, end);
	long len;

	if (line == NULL)
		return 0;
	if (b[0] == 'V') {
		len = strtol(b + 3, NULL, 10) + 2;
		return end - line < len ? 0 : line - b + len;
	}
	if (b[0] == 'E' && b[1] == 'N')
		w->misses++;
	else if (b[0] != 'H')
		w->errors++;
	return line - b;
}

/* VALUE … <len>, the value, a line's end and END; or one line. */
static long
text_reply(struct wire *w, const char *b, size_t n)
{
	const char *end = b + n, *line = line_end(b, end), *p;
	long len;

	if (line == NULL)
		return 0;
	if (b[0] == 'V') {
		for (p = line - 2; p > b && p[-1] != ' ';)
			p--;
		len = strtol(p, NULL, 10) + 2 + 5;
		return end - line < len ? 0 : line - b + len;
	}
	if (b[0] == 'E' && b[1] == 'N')
		w->misses++;
	else if (b[0] != 'S' || b[1] != 'T')
		w->errors++;
	return line - b;
}

long
wire_reply(struct wire *w, const char *b, size_t n)
{
	switch (w->kind) {
	case WIRE_TEXT: return text_reply(w, b, n);
	case WIRE_META: return meta_reply(w, b, n);
	case WIRE_BINARY: return binary_reply(w, b, n);
	case WIRE_RESP: return wire_resp(w, b, n);
	case WIRE_ECHO: return n >= w->vsize ? (long)w->vsize : 0;
	}
	return -1;
}
