/* SPDX-License-Identifier: BSD-2-Clause */
/* What is answered to a command of the engine's own. */
#include "config.h"

#include <string.h>

#include "kit/kit.h"
#include "kit/verbs.h"

#define HEARD_MAX (4u << 20) /* then the client goes */
#define ANSWER_LINE 4096     /* in text, at most */

struct hearing {
	const struct verb *v;
	struct client *c;
	const char *what;
	unsigned frames;
	size_t bytes;
	bool judges; /* what comes, or only whether it comes */
	bool ended;  /* by its last frame */
	bool over; /* what was asked after it is answered, or it is too large */
};

static bool
is_status(unsigned status)
{
	switch (status) {
#define EWB_STATUS(name, code, text, reply, attributes) case code:
#include "protocol/status.def"
#undef EWB_STATUS
		return true;
	default: return false;
	}
}

static bool
is_too_large(struct hearing *h)
{
	if (h->bytes <= HEARD_MAX)
		return false;
	client_drop(h->c);
	h->over = true;
	return true;
}

/* A value's frame is the last one, statistics end with an empty one, a stream
 * with an empty one or an error's; one that was not opened is a value. */
static void
take_frame(struct hearing *h, const struct answer *a)
{
	bool streams = (verbs_is(h->v->way) & EWB_OWN_STREAMS) != 0;

	h->bytes += a->nvalue;
	if (!h->judges)
		return;
	KIT_NEED(a->opcode == verbs_opcode(h->v->way),
	         "%s: something else was answered", h->what);
	KIT_NEED(!h->ended, "%s was answered twice", h->what);
	KIT_NEED(is_status(a->status),
	         "%s says 0x%04x, a status that is none of the protocol's",
	         h->what, a->status);
	h->frames++;
	h->ended = a->status != EWB_OK ||
	           (a->nkey == 0 && (a->nvalue == 0 || !streams));
}

static void
hear_frames(struct hearing *h)
{
	struct answer a;

	while (!h->over && client_has(h->c, &a)) {
		if (a.opcode != ASK_NOOP) {
			take_frame(h, &a);
			if (is_too_large(h))
				return;
			continue;
		}
		KIT_NEED(!h->judges || h->ended || h->frames == 1,
		         "%s was answered with %u frames, none of them its "
		         "last",
		         h->what, h->frames);
		h->over = true;
	}
}

/* A line, without its end. */
struct line {
	const char *at;
	size_t n;
};

static bool
begins(struct line l, const char *with)
{
	size_t n = strlen(with);

	return l.at && l.n >= n && memcmp(l.at, with, n) == 0;
}

static bool
is(struct line l, const char *text)
{
	return l.n == strlen(text) && begins(l, text);
}

/* -1: it is none. */
static long
number_at(struct line l, size_t at)
{
	long n = 0;

	if (at >= l.n || l.at[at] < '0' || l.at[at] > '9')
		return -1;
	for (; at < l.n && l.at[at] >= '0' && l.at[at] <= '9'; at++)
		n = n * 10 + (l.at[at] - '0');
	return at == l.n || l.at[at] == ' ' ? n : -1;
}

/* Bytes that follow a line: VALUE KEY FLAGS BYTES has them and a line's end, DATA
 * BYTES them alone; -1: none do. */
static long
follow(struct line l)
{
	unsigned spaces = 0, want = begins(l, "DATA ") ? 1 : 3;
	size_t i = 0;
	long n;

	if (want == 3 && !begins(l, "VALUE "))
		return -1;
	for (; i < l.n && spaces < want; i++)
		spaces += l.at[i] == ' ';
	n = spaces == want ? number_at(l, i) : -1;
	return n < 0 || want == 1 ? n : n + 2;
}

static bool
is_last(struct line l)
{
	return is(l, "END") || is(l, "OK") || is(l, "ERROR") ||
	       is(l, "NOT_FOUND") || is(l, "EXISTS") || is(l, "NOT_STORED") ||
	       begins(l, "CLIENT_ERROR ") || begins(l, "SERVER_ERROR ") ||
	       number_at(l, 0) >= 0;
}

/* The line at p; at is null: it is not whole. */
static struct line
line_at(const uint8_t *p, size_t n)
{
	const uint8_t *nl = n ? memchr(p, '\n', n) : NULL;

	if (nl == NULL || nl == p || nl[-1] != '\r')
		return (struct line){ NULL, n };
	return (struct line){ (const char *)p, (size_t)(nl - p) - 1 };
}

/* Bytes of the answer at p; 0: it is not whole; -1: it is none. */
static long
text_answer(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		struct line l = line_at(p + at, n - at);
		long more;

		if (l.at == NULL)
			return l.n > ANSWER_LINE ? -1 : 0;
		at += l.n + 2;
		if (begins(l, "STAT "))
			continue;
		more = follow(l);
		if (more >= 0)
			at += (size_t)more;
		else
			return is_last(l) ? (long)at : -1;
	}
	return 0;
}

/* The sentinel's answer ends it. */
static bool
is_through(const uint8_t *p, size_t n)
{
	size_t at = n > 1 ? n - 2 : 0;

	while (at && p[at - 1] != '\n')
		at--;
	return begins(line_at(p + at, n - at), "VERSION ");
}

static void
judge_lines(struct hearing *h, const uint8_t *p, size_t n)
{
	long answer = text_answer(p, n);
	struct line l;
	char some[80];

	KIT_NEED(answer >= 0,
	         "%s: what is answered is none of the protocol: %s", h->what,
	         kit_spell(some, sizeof some, p, n));
	if (answer == 0)
		return;
	l = line_at(p + answer, n - (size_t)answer);
	KIT_NEED(l.at == NULL || begins(l, "VERSION "), "%s was answered twice",
	         h->what);
	h->over = l.at != NULL;
}

static void
hear_lines(struct hearing *h)
{
	size_t n;
	const uint8_t *p = client_here(h->c, &n);

	h->bytes = n;
	if (is_too_large(h))
		return;
	if (h->judges)
		judge_lines(h, p, n);
	else
		h->over = is_through(p, n);
	if (h->over)
		client_take(h->c, n);
}

static bool
heard(void *arg)
{
	struct hearing *h = arg;

	if (h->over)
		return true;
	if (verbs_text(h->v->way))
		hear_lines(h);
	else
		hear_frames(h);
	return h->over || !client_served(h->c);
}

/* So ends a stream that nothing else can end. */
static bool
may_be_cut(const struct verb *v)
{
	uint32_t bits = EWB_OWN_STREAMS | EWB_OWN_TERMINAL_ERROR;

	return (verbs_is(v->way) & bits) == EWB_OWN_STREAMS;
}

bool
verbs_heard(const struct verb *v, struct client *c)
{
	struct hearing h = { .v = v, .c = c };

	return stage_until(heard, &h);
}

void
verbs_hear(const struct verb *v, struct client *c, const char *what)
{
	struct hearing h = { .v = v, .c = c, .what = what, .judges = true };

	KIT_NEED(stage_until(heard, &h),
	         "%s was never answered, though all background work was run",
	         what);
	KIT_NEED(h.over || may_be_cut(v),
	         "%s: the server closed the connection (%s)", what,
	         stage.log[0] ? stage.log : "it did not say why");
}
