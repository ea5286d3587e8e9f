/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/binary.h"
#include "protocol/text.h"
#include "t/protocol_play.h"

/* As ck_assert(), which writes to a file each time. */
#define must(cond)                                 \
	do {                                       \
		if (!(cond))                       \
			ck_abort_msg("%s", #cond); \
	} while (0)

/* How the stream arrives. */
struct pieces {
	size_t first;  /* 0: all of it */
	size_t then;   /* 0: the rest */
	uint64_t *rng; /* else random ones */
	int wait;      /* takes off only what is whole, value and all */
};

struct player {
	enum play_parser parser;
	size_t max_value;
	struct ewb_text text;
	const uint8_t *in;
	size_t n, at, seen; /* of in: all, taken off, arrived */
	FILE *out;
};

static const struct {
	uint32_t bit;
	const char *name;
} bits[] = {
	{ EWB_IS_QUIET, "quiet" },       { EWB_IS_NOREPLY, "noreply" },
	{ EWB_IS_WANT_KEY, "want_key" }, { EWB_IS_WANT_CAS, "want_cas" },
	{ EWB_IS_CREATE, "create" },     { EWB_IS_MULTI, "multi" },
	{ EWB_IS_SKIP, "skip" },         { EWB_IS_LAST, "last" },
	{ EWB_IS_CAS, "compare" },       { EWB_IS_META, "meta" },
	{ EWB_IS_BASE64, "base64" },     { EWB_IS_WANT_VALUE, "want_value" },
	{ EWB_IS_UNSEEN, "unseen" },     { EWB_IS_INVALID, "invalid" },
	{ EWB_IS_RECACHE, "recache" },   { EWB_IS_TTL, "ttl" },
	{ EWB_IS_DOWN, "down" },         { EWB_IS_BARRIER, "barrier" },
};

static void
write_number(FILE *out, const char *name, uint64_t v)
{
	if (v)
		fprintf(out, " %s=%" PRIu64, name, v);
}

static void
write_frame(FILE *out, const struct ewb_frame *f)
{
	fputs(ewb_op_name(f->op), out);
	if (f->op == EWB_OP_ERROR)
		fprintf(out, " %" PRIx32 " \"%s\"", f->status, f->reason);
	if (f->nkey) {
		fputc(' ', out);
		fwrite(f->key, 1, f->nkey, out);
	}
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if (f->is & bits[i].bit)
			fprintf(out, " %s", bits[i].name);
	write_number(out, "flags", f->flags);
	if (f->exptime)
		fprintf(out, " exptime=%" PRId32, (int32_t)f->exptime);
	write_number(out, "cas", f->cas);
	write_number(out, "delta", f->delta);
	write_number(out, "initial", f->initial);
	write_number(out, "N", f->vivify);
	write_number(out, "R", f->recache);
	write_number(out, "vbucket", f->vbucket);
	write_number(out, "datatype", f->datatype);
	write_number(out, "extras", f->nextras);
	write_number(out, "value", f->nvalue);
	fputc('\n', out);
}

static int
within(const uint8_t *part, size_t npart, const uint8_t *in, size_t n)
{
	return npart == 0 || (part >= in && part + npart <= in + n);
}

/* What holds for each frame, whatever came in. */
static void
check_frame(const struct player *p, const struct ewb_frame *f,
            const uint8_t *in, size_t n)
{
	must(f->head > 0 && f->head <= n);
	must((unsigned)f->op < EWB_NOPS);
	must(within(f->key, f->nkey, in, f->head));
	must(within(f->extras, f->nextras, in, f->head));
	must(f->nkey <= EWB_KEY_MAX);
	must(!(f->is & EWB_IS_BINARY) == (p->parser == PLAY_TEXT));
	must((f->op == EWB_OP_ERROR) == (f->reason != NULL));
	must((f->op == EWB_OP_ERROR) == (f->status != 0));
	must(f->op != EWB_OP_ERROR || !f->nvalue || f->is & EWB_IS_SKIP);
	must(f->nvalue <= p->max_value || f->is & EWB_IS_SKIP ||
	     f->op == EWB_OP_SCAN_CREATE);
}

static enum ewb_parse
parse(struct player *p, struct ewb_frame *f)
{
	size_t n = p->seen - p->at;
	uint8_t *in = malloc(n);
	enum ewb_parse got;

	if (n)
		memcpy(in, p->in + p->at, n);
	memset(f, 0xa5, sizeof(*f));
	if (p->parser == PLAY_TEXT)
		got = ewb_text_parse(&p->text, in, n, p->max_value, f);
	else
		got = ewb_bin_parse(in, n, p->max_value, PLAY_MAX_BODY, f);
	if (got == EWB_PARSE_OK) {
		check_frame(p, f, in, n);
		if (f->nkey)
			f->key = p->in + p->at + (f->key - in);
	}
	must(got != EWB_PARSE_MORE || f->head <= n);
	free(in);
	return got;
}

static int
is_whole(const struct ewb_frame *f, size_t n)
{
	return f->is & EWB_IS_SKIP ||
	       (f->nvalue <= n - f->head && f->tail <= n - f->head - f->nvalue);
}

/* The frame's bytes, as far as there are. */
static void
take(struct player *p, const struct ewb_frame *f)
{
	const uint8_t *tail;

	write_frame(p->out, f);
	p->at += f->head;
	if (f->nvalue + f->tail > p->n - p->at) {
		p->at = p->n;
	} else {
		p->at += f->nvalue;
		tail = p->in + p->at;
		if (f->tail && !(f->is & EWB_IS_SKIP) &&
		    !ewb_text_tail_ok(tail, f->tail)) {
			fputs("bad data chunk\n", p->out);
			p->at += ewb_text_resync(&p->text, tail, f->tail);
		} else {
			p->at += f->tail;
		}
	}
	if (p->seen < p->at)
		p->seen = p->at;
}

static size_t
next_piece(const struct pieces *how, size_t left)
{
	size_t piece = how->then ? how->then : left;

	if (how->rng)
		piece = 1 + random_below(how->rng, 40);
	return piece < left ? piece : left;
}

static char *
play_once(enum play_parser parser, const void *in, size_t n, size_t max_value,
          const struct pieces *how)
{
	struct player p = {
		.parser = parser, .max_value = max_value, .in = in, .n = n
	};
	struct ewb_frame f;
	char *said;
	size_t nsaid;

	p.seen = how->first && how->first < n ? how->first : n;
	p.out = open_memstream(&said, &nsaid);
	must(p.out != NULL);
	for (;;) {
		enum ewb_parse got = parse(&p, &f);

		if (got == EWB_PARSE_CLOSE) {
			fprintf(p.out, "close \"%s\"\n", f.reason);
			break;
		}
		if (got == EWB_PARSE_OK && (!how->wait || p.seen == n ||
		                            is_whole(&f, p.seen - p.at))) {
			take(&p, &f);
			if (f.is & EWB_IS_LAST)
				break;
			continue;
		}
		if (!how->wait)
			p.at += f.head;
		if (p.seen == n)
			break;
		p.seen += next_piece(how, n - p.seen);
	}
	fclose(p.out);
	return said;
}

static void
must_say(const char *want, char *said)
{
	if (strcmp(said, want) != 0)
		ck_abort_msg("in pieces:\n%sat once:\n%s", said, want);
	free(said);
}

char *
play(enum play_parser parser, const void *in, size_t n, size_t max_value)
{
	char *want = play_once(parser, in, n, max_value, &(struct pieces){ 0 });
	size_t stride = 1 + n / 1000;

	for (int wait = 0; wait <= 1; wait++) {
		struct pieces how = { .first = 1, .then = 1, .wait = wait };

		if (wait && n > 5000)
			break;
		must_say(want, play_once(parser, in, n, max_value, &how));
		how.then = 0;
		for (; how.first < n; how.first += stride)
			must_say(want,
			         play_once(parser, in, n, max_value, &how));
	}
	return want;
}

char *
play_random(enum play_parser parser, const void *in, size_t n, size_t max_value,
            uint64_t *rng)
{
	struct pieces how = { .first = 1, .rng = rng };
	char *want = play_once(parser, in, n, max_value, &(struct pieces){ 0 });

	must_say(want, play_once(parser, in, n, max_value, &how));
	how.wait = 1;
	must_say(want, play_once(parser, in, n, max_value, &how));
	return want;
}

uint64_t
random_seed(const char *who)
{
	const char *text = getenv("EWB_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : 0;

	if (seed == 0)
		seed = 20240229;
	printf("%s: EWB_SEED=%" PRIu64 "\n", who, seed);
	fflush(stdout);
	return seed;
}

/* xorshift64* */
uint32_t
random_below(uint64_t *rng, uint32_t n)
{
	*rng ^= *rng >> 12;
	*rng ^= *rng << 25;
	*rng ^= *rng >> 27;
	return (uint32_t)((*rng * 0x2545f4914f6cdd1d) >> 32) % n;
}
