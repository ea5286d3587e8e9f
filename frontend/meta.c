/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies of meta commands: a code, and what the flags ask for, in their order. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cookie/meta.h"
#include "frontend/answer.h"
#include "protocol/base64.h"
#include "protocol/meta.h"
#include "protocol/text.h"

/* A code with a length, and room for all flags: a key in base64, an opaque,
 * numbers. */
#define HEAD_MAX (24 + EWB_BASE64_LEN(EWB_KEY_MAX) + 40 + 8 * 24)

struct head {
	char *p;
	const struct ewb_conn *conn;
	const struct ewb_cookie *c;
	uint32_t expiry; /* so far: flags that set it count for those behind */
};

static void
add(struct head *h, const char *text, size_t n)
{
	memcpy(h->p, text, n);
	h->p += n;
}

static void
add_number(struct head *h, char letter, uint64_t v)
{
	h->p += sprintf(h->p, " %c%" PRIu64, letter, v);
}

static int
is_get(const struct ewb_cookie *c)
{
	return c->op == EWB_OP_META_GET || c->op == EWB_OP_META_GAT;
}

static int
is_store(const struct ewb_cookie *c)
{
	return c->op == EWB_OP_META_SET ||
	       (c->op >= EWB_OP_SET && c->op <= EWB_OP_PREPEND);
}

/* Could it stand in a line? */
static int
is_plain(const struct ewb_frame *f)
{
	size_t i;

	for (i = 0; i < f->nkey && f->key[i] > ' '; i++)
		;
	return i == f->nkey;
}

/* An item remembers how its key was given, unless N has made it. */
static int
in_base64(const struct ewb_cookie *c)
{
	int asked = (c->frame.is & EWB_IS_BASE64) != 0;

	if (!is_get(c) || c->status != EWB_OK)
		return asked;
	return c->reply.datatype & EWB_ITEM_BASE64 ||
	       (asked && !is_plain(&c->frame));
}

static void
add_key(struct head *h)
{
	const struct ewb_frame *f = &h->c->frame;

	add(h, " k", 2);
	if (in_base64(h->c)) {
		h->p += ewb_base64_encode(h->p, f->key, f->nkey);
		add(h, " b", 2);
	} else {
		add(h, (const char *)f->key, f->nkey);
	}
}

/* Seconds that are left; as memcached, -1 for ever. */
static void
add_ttl(struct head *h)
{
	uint32_t now = ewb_clock_wall(&h->conn->front->server->core.clock);
	uint32_t expiry = h->expiry;

	if (expiry == 0)
		add(h, " t-1", 4);
	else
		add_number(h, 't', expiry > now ? expiry - now : 0);
}

/* Seconds since then; clocks may be set back. */
static uint32_t
since(uint32_t then, uint32_t now)
{
	return then < now ? now - then : 0;
}

/* Before this command; nothing, where the engine does not know. */
static void
add_use(struct head *h, char letter)
{
	const struct ewb_reply *r = &h->c->reply;
	uint32_t now = ewb_clock_wall(&h->conn->front->server->core.clock);

	if (h->c->note & EWB_META_MADE)
		add_number(h, letter, 0); /* just now, for nobody before */
	else if (letter == 'h' && r->fetched != EWB_FETCHED_UNKNOWN)
		add_number(h, 'h', r->fetched == EWB_FETCHED_YES);
	else if (letter == 'l' && r->accessed)
		add_number(h, 'l', since(r->accessed, now));
}

/* Of what has gone well; the others have their key and opaque alone. */
static void
add_found(struct head *h, char letter)
{
	const struct ewb_reply *r = &h->c->reply;
	int is_item = is_get(h->c);

	if (letter == 'c')
		add_number(h, 'c', r->cas);
	else if (letter == 't' && (is_item || h->c->op == EWB_OP_META_COUNT))
		add_ttl(h);
	else if (letter == 'f' && is_item)
		add_number(h, 'f', r->flags);
	else if (letter == 's' && is_item)
		add_number(h, 's', r->len);
	else if ((letter == 'h' || letter == 'l') && is_item)
		add_use(h, letter);
}

static void
add_flags(struct head *h) EWB_ON_FRONT
{
	const uint8_t *p = h->c->frame.extras, *end = p + h->c->frame.nextras;
	struct ewb_meta_flag flag;
	size_t n;

	for (; (n = ewb_meta_next(p, (size_t)(end - p), &flag)); p += n) {
		h->expiry = ewb_meta_expiry(h->c, flag.letter, h->expiry);
		if (flag.letter == 'k') {
			add_key(h);
		} else if (flag.letter == 'O') {
			add(h, " O", 2);
			add(h, (const char *)flag.token, flag.ntoken);
		} else if (h->c->status == EWB_OK) {
			add_found(h, flag.letter);
		} else if (flag.letter == 'c' && is_store(h->c)) {
			add(h, " c0", 3);
		}
	}
}

static void
add_note(struct head *h)
{
	uint32_t note = h->c->note;

	if (!is_get(h->c) || h->c->status != EWB_OK)
		return;
	if (note & EWB_META_WAS_SENT)
		add(h, " Z", 2);
	if (note & EWB_META_WAS_STALE)
		add(h, " X", 2);
	if (note & EWB_META_WON)
		add(h, " W", 2);
}

/* Null: it is an error's line. */
static const char *
code(const struct ewb_cookie *c)
{
	switch (c->status) {
	case EWB_OK: return c->frame.is & EWB_IS_WANT_VALUE ? "VA" : "HD";
	case EWB_NOT_FOUND:
		if (is_get(c))
			return "EN";
		return c->op == EWB_OP_REPLACE ? "NS" : "NF";
	case EWB_NOT_STORED: return "NS";
	case EWB_EXISTS: return c->op == EWB_OP_ADD ? "NS" : "EX";
	default: return NULL;
	}
}

static int
is_silent(const struct ewb_cookie *c)
{
	if (!(c->frame.is & EWB_IS_QUIET))
		return 0;
	if (c->op == EWB_OP_META_COUNT && c->note & EWB_META_MADE)
		return 0;
	return c->status == (is_get(c) ? EWB_NOT_FOUND : EWB_OK);
}

static int
answer_debug(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	uint32_t now = ewb_clock_wall(&n->front->server->core.clock);
	char line[HEAD_MAX + 128];
	struct head h = { line, n, c, 0 };
	const struct ewb_reply *r = &c->reply;
	int64_t left = r->expiry ? (int64_t)r->expiry - now : -1;

	if (c->status == EWB_NOT_FOUND)
		return ewb_say(n, "EN\r\n", 4);
	add(&h, "ME ", 3);
	if (in_base64(c))
		h.p += ewb_base64_encode(h.p, c->frame.key, c->frame.nkey);
	else
		add(&h, (const char *)c->frame.key, c->frame.nkey);
	h.p += sprintf(h.p, " exp=%" PRId64, left);
	if (r->accessed)
		h.p += sprintf(h.p, " la=%" PRIu32, since(r->accessed, now));
	h.p += sprintf(h.p, " cas=%" PRIu64, r->cas);
	if (r->fetched != EWB_FETCHED_UNKNOWN)
		h.p += sprintf(h.p, " fetch=%s",
		               r->fetched == EWB_FETCHED_YES ? "yes" : "no");
	h.p += sprintf(h.p, " size=%zu\r\n", c->frame.nkey + r->len);
	return ewb_say(n, line, (size_t)(h.p - line));
}

int
ewb_answer_meta(struct ewb_conn *n, struct ewb_cookie *c)
{
	char line[HEAD_MAX], number[24];
	struct head h = { line, n, c, c->reply.expiry };
	const char *what = code(c);
	size_t len = 0;

	if (c->op == EWB_OP_NOOP)
		return ewb_say(n, "MN\r\n", 4);
	if (what == NULL)
		return ewb_answer_status(n, c);
	if (c->op == EWB_OP_META_DEBUG)
		return answer_debug(n, c);
	if (is_silent(c))
		return 0;
	if (what[0] == 'V' && is_get(c))
		len = c->reply.len;
	else if (what[0] == 'V' && c->op == EWB_OP_META_COUNT)
		len = (size_t)sprintf(number, "%" PRIu64, c->compose.number);
	else if (what[0] == 'V')
		what = "HD";
	add(&h, what, 2);
	if (what[0] == 'V')
		h.p += sprintf(h.p, " %zu", len);
	add_flags(&h);
	add_note(&h);
	add(&h, "\r\n", 2);
	if (what[0] == 'V' && !is_get(c)) {
		add(&h, number, len);
		add(&h, "\r\n", 2);
	}
	if (ewb_say(n, line, (size_t)(h.p - line)))
		return -1;
	return what[0] == 'V' && is_get(c) ? ewb_answer_value(n, c) : 0;
}
