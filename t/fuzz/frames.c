/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/binary.h"
#include "protocol/status.h"
#include "protocol/text.h"
#include "t/fuzz/frames.h"
#include "t/fuzz/fuzz.h"

static const struct ewb_own_rule rules[] = {
	{ "echo", 0xe0, 1, 1, 1 }, { "count", 0xe1, 1, 0, 0 },
	{ "wipe", 0xe3, 1, 1, 0 }, { "", 0xe4, 1, 1, 1 },
	{ "put", 0xe5, 1, 0, 1 },  { "binary", 0xe7, 0, 0, 0 },
	{ "un-ary", 0, 1, 0, 0 },
};
const struct ewb_own_rules frames_own = { rules, sizeof rules / sizeof *rules };

struct player {
	const struct frames_how *how;
	struct ewb_text text;
	const uint8_t *stream;
	uint8_t *in; /* a copy of it; what has not come is poisoned */
	size_t n, at, seen, nextsize;
};

static int
within(const struct player *p, const uint8_t *part, size_t npart,
       const struct ewb_frame *f)
{
	const uint8_t *in = p->in + p->at;

	return npart == 0 || (part >= in && part + npart <= in + f->head);
}

static void
check(const struct player *p, const struct ewb_frame *f)
{
	int error = f->op == EWB_OP_ERROR;

	FUZZ_MUST(f->head > 0 && f->head <= p->seen - p->at);
	FUZZ_MUST((unsigned)f->op < EWB_NOPS);
	FUZZ_MUST(within(p, f->key, f->nkey, f));
	FUZZ_MUST(within(p, f->extras, f->nextras, f));
	FUZZ_MUST(f->nkey <= EWB_KEY_MAX);
	FUZZ_MUST(!(f->is & EWB_IS_BINARY) == (p->how->parser == FRAMES_TEXT));
	FUZZ_MUST(error == (f->reason != NULL));
	FUZZ_MUST(error == (f->status != 0));
	FUZZ_MUST(!error || !f->nvalue || f->is & EWB_IS_SKIP);
	FUZZ_MUST(f->nvalue <= p->how->max_value || f->is & EWB_IS_SKIP ||
	          f->op == EWB_OP_SCAN_CREATE);
	FUZZ_MUST(f->tail == 0 || f->tail == 2);
	if (f->op == EWB_OP_OWN)
		FUZZ_MUST(f->own < p->how->own->n &&
		          p->how->own->at[f->own].name[0]);
}

/* As a front end does it. */
static enum ewb_parse
parse_own(struct player *p, enum ewb_parse got, struct ewb_frame *f)
{
	const struct frames_how *h = p->how;
	size_t n = p->seen - p->at;

	if (h->own == NULL || got != EWB_PARSE_OK || f->op != EWB_OP_ERROR ||
	    f->status != EWB_WIRE_UNKNOWN_COMMAND)
		return got;
	if (h->parser == FRAMES_BINARY)
		return ewb_bin_own(h->own, p->in + p->at, n, h->max_value, f);
	ewb_text_own(h->own, p->in + p->at, h->max_value, f);
	return got;
}

static enum ewb_parse
parse(struct player *p, struct ewb_frame *f)
{
	const struct frames_how *h = p->how;
	const uint8_t *in = p->in + p->at;
	size_t n = p->seen - p->at;
	enum ewb_parse got;

	memset(f, 0xa5, sizeof *f);
	if (h->parser == FRAMES_TEXT)
		got = ewb_text_parse(&p->text, in, n, h->max_value, f);
	else
		got = ewb_bin_parse(in, n, h->max_value, h->max_body, f);
	got = parse_own(p, got, f);
	if (got == EWB_PARSE_OK)
		check(p, f);
	if (got == EWB_PARSE_MORE) {
		FUZZ_MUST(f->head <= n);
		/* it does not wait for ever */
		FUZZ_MUST(h->parser == FRAMES_BINARY ||
		          n - f->head <= EWB_LINE_MAX);
	}
	FUZZ_MUST(got != EWB_PARSE_CLOSE || h->parser == FRAMES_BINARY);
	return got;
}

static int
is_whole(const struct player *p, const struct ewb_frame *f)
{
	size_t n = p->seen - p->at - f->head;

	return f->is & EWB_IS_SKIP ||
	       (f->nvalue <= n && f->tail <= n - f->nvalue);
}

static void
come(struct player *p, size_t n)
{
	size_t left = p->n - p->seen;

	p->seen += n < left ? n : left;
	ASAN_UNPOISON_MEMORY_REGION(p->in, p->seen);
}

static void
come_next(struct player *p)
{
	const struct frames_how *h = p->how;

	come(p, h->nsizes ? 1u + h->sizes[p->nextsize++ % h->nsizes] : p->n);
}

/* The head, as it stands in the stream; then value and tail, as far as there are. */
static void
take(struct player *p, const struct ewb_frame *f, struct frames *to)
{
	struct frames_one *one = &to->at[to->n++];
	const uint8_t *tail;

	one->f = *f;
	one->f.key = f->nkey ? p->stream + (f->key - p->in) : NULL;
	one->f.extras = f->nextras ? p->stream + (f->extras - p->in) : NULL;
	p->at += f->head;
	one->end = p->at;
	one->bad = 0;
	if (f->nvalue + f->tail > p->n - p->at) {
		p->at = p->n;
	} else {
		p->at += f->nvalue;
		if (p->seen < p->at + f->tail)
			come(p, p->at + f->tail - p->seen);
		tail = p->in + p->at;
		one->bad = f->tail && !(f->is & EWB_IS_SKIP) &&
		           !ewb_text_tail_ok(tail, f->tail);
		if (one->bad)
			p->at += ewb_text_resync(&p->text, tail, f->tail);
		else
			p->at += f->tail;
	}
	if (p->seen < p->at)
		come(p, p->at - p->seen);
}

static void
run(struct player *p, struct frames *to)
{
	struct ewb_frame f;
	enum ewb_parse got;

	for (;;) {
		got = parse(p, &f);
		if (got == EWB_PARSE_CLOSE) {
			to->closed = f.reason;
			return;
		}
		if (got == EWB_PARSE_OK &&
		    (!p->how->wait || p->seen == p->n || is_whole(p, &f))) {
			take(p, &f, to);
			if (f.is & EWB_IS_LAST)
				return;
			continue;
		}
		if (got == EWB_PARSE_MORE && (!p->how->wait || p->seen == p->n))
			p->at += f.head;
		if (p->seen == p->n)
			return;
		come_next(p);
	}
}

void
frames_play(const struct frames_how *how, const uint8_t *in, size_t n,
            struct frames *to)
{
	struct player p = { .how = how, .stream = in, .n = n };

	FUZZ_MUST(n <= FRAMES_STREAM);
	p.in = malloc(n + 1);
	FUZZ_MUST(p.in != NULL);
	if (n)
		memcpy(p.in, in, n);
	ASAN_POISON_MEMORY_REGION(p.in, n + 1);
	to->n = 0;
	to->closed = NULL;
	come_next(&p);
	run(&p, to);
	to->left = p.at;
	ASAN_UNPOISON_MEMORY_REGION(p.in, n + 1);
	free(p.in);
}

static void
compare(const struct frames *a, const struct frames *b)
{
	FUZZ_MUST(a->n == b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct frames_one *x = &a->at[i], *y = &b->at[i];

		FUZZ_MUST(x->end == y->end && x->bad == y->bad);
#define SAME(field) FUZZ_MUST(x->f.field == y->f.field);
		SAME(op)
		SAME(is) SAME(nvalue) SAME(tail) SAME(key) SAME(nkey) SAME(
			extras) SAME(nextras) SAME(flags) SAME(exptime)
			SAME(cas) SAME(delta) SAME(initial) SAME(vivify)
				SAME(recache) SAME(opaque) SAME(vbucket)
					SAME(own) SAME(opcode) SAME(datatype)
						SAME(status) SAME(reason)
#undef SAME
	}
	FUZZ_MUST(a->left == b->left);
	FUZZ_MUST(a->closed == b->closed);
}

void
frames_same(struct frames_how how, const uint8_t *in, size_t n,
            struct frames *all, struct frames *scratch)
{
	static const uint8_t bytes[] = { 0 };
	struct frames_how once = how;

	once.nsizes = 0;
	frames_play(&once, in, n, all);
	if (how.nsizes == 0) {
		how.sizes = bytes;
		how.nsizes = 1;
	}
	for (how.wait = 0; how.wait <= 1; how.wait++) {
		frames_play(&how, in, n, scratch);
		compare(all, scratch);
	}
}
