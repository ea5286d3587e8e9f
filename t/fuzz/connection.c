/* SPDX-License-Identifier: BSD-2-Clause */
/* A whole connection: what a client says, in pieces, to a server that is stepped
 * by hand.  In what order that happens the input says too: see script.h.
 *
 * What the client hears is well formed, each command is answered once and in
 * order, a server from which all was taken has answered all, and in the end
 * everything comes home. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "frontend/reload.h"
#include "t/fuzz/asked.h"
#include "t/fuzz/frames.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/replies.h"
#include "t/fuzz/script.h"
#include "t/fuzz/world.h"

#define BODY_MAX ((size_t)64 << 20)

struct heard {
	uint8_t *at;
	size_t n, cap;
};

/* One play of a script. */
struct run {
	struct world w;
	struct client *other; /* or null */
	size_t sent;          /* bytes of the stream */
	size_t checked;       /* bytes of what was heard */
	bool shut, gone;      /* the client has said all; is away */
	bool over;            /* the server has closed the connection */
	bool cut;             /* ... or another, in the middle of an answer */
	uint64_t passed_ms;   /* while the client perhaps took nothing */
	struct heard heard;
};

static struct script script;
static struct asked asked;
static struct frames frames;

/* The client. */

/* Up to n bytes of what is here; how many. */
static size_t
listen_for(struct run *r, size_t n)
{
	struct heard *h = &r->heard;
	ssize_t got;

	if (r->gone || r->over)
		return 0;
	if (h->cap - h->n < n) {
		h->cap = h->cap * 2 + n;
		h->at = realloc(h->at, h->cap);
		FUZZ_MUST(h->at != NULL);
		fuzz_note(h->at, h->n);
	}
	got = recv(r->w.c->fd, h->at + h->n, n, 0);
	if (got == 0 || (got < 0 && errno != EAGAIN))
		r->over = true;
	if (got <= 0)
		return 0;
	h->n += (size_t)got;
	fuzz_note(h->at, h->n);
	if (script_is_binary(&script))
		r->checked += asked_hear(&asked, h->at + r->checked,
		                         h->n - r->checked);
	return (size_t)got;
}

/* As much as the kernel takes. */
static void
say_up_to(struct run *r, size_t end)
{
	ssize_t n;

	while (!r->shut && !r->gone && r->sent < end) {
		n = send(r->w.c->fd, script.stream + r->sent, end - r->sent,
		         MSG_NOSIGNAL);
		if (n <= 0)
			return;
		r->sent += (size_t)n;
	}
}

static void
go_away(struct run *r)
{
	client_close(r->w.c);
	r->gone = true;
}

/* Until the server has no more to say. */
static void
hear_out(struct run *r)
{
	size_t got;

	do {
		play_run(&r->w.p);
		for (got = 0; got < 65536;) {
			size_t n = listen_for(r, 16384);

			if (n == 0)
				break;
			got += n;
		}
	} while (got);
}

/* The other client. */

static const char *const texts[] = {
	"get k\r\n",
	"set k 0 0 3\r\nabc\r\n",
	"delete k\r\n",
	"flush_all\r\n",
	"wouldblock_let k\r\n",
	"set n 0 0 1\r\n5\r\nincr n 1\r\n",
	"stats cookies\r\n",
	"lines 400\r\n",
	"append k 0 0 1\r\nx\r\n",
	"gat 10 k\r\n",
	"stats\r\n",
	"ms k 2 T10\r\nab\r\n",
	"mg k v t N5 R30\r\n",
	"md k I T5\r\n",
	"get k k k k k k k k\r\n",
	"\x80\xde\0\0\4\0\0\0\0\0\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xea\x60",
};

static void
other_says(struct run *r, unsigned which)
{
	size_t n = which == 15 ? 28 : strlen(texts[which]);

	if (r->other == NULL)
		r->other = world_client(&r->w);
	/* as much as the kernel takes */
	(void)send(r->other->fd, texts[which], n, MSG_NOSIGNAL);
}

static void
rest(struct run *r, unsigned much)
{
	char sink[4096];

	if (much == 15)
		for (unsigned i = 0; i < r->w.p.nfronts; i++)
			ewb_reload_grace_over(r->w.p.front[i]);
	if (r->other == NULL)
		return;
	if (much < 8) {
		(void)recv(r->other->fd, sink, sizeof sink, 0);
	} else if (much < 10) {
		client_shut(r->other);
	} else if (much < 13) {
		client_close(r->other);
		r->other = NULL;
	}
}

/* Steps. */

/* What SCRAM's last message has to be, if it is time for one. */
static void
prove(uint8_t to[SCRIPT_PROOF])
{
	struct ewb_scram_client c = { .digest = SCRIPT_DIGEST };
	char out[EWB_SASL_MAX];
	size_t n;

	(void)ewb_scram_ask(&c, WORLD_USER, SCRIPT_NONCE, out);
	if (ewb_scram_prove(&c, WORLD_PASSWORD, asked.challenge,
	                    asked.nchallenge, out, &n) == NULL &&
	    n == SCRIPT_PROOF)
		memcpy(to, out, n);
}

static void
scan(struct run *r, const struct step *step)
{
	if (step->proof && asked.nchallenge && r->sent <= step->proof)
		prove(script.stream + step->proof);
	if (step->id && asked.has_scan && r->sent <= step->id)
		memcpy(script.stream + step->id, asked.scan, sizeof asked.scan);
	say_up_to(r, step->end);
}

/* Not in a run that is compared. */
static void
disturb(struct run *r, const struct step *s)
{
	static const unsigned ms[] = { 0,    1,    2,    3,    5,   10,
		                       50,   200,  499,  500,  501, 1000,
		                       1001, 2000, 5000, 61000 };

	switch (s->kind) {
	case STEP_PASS:
		play_pass(&r->w.p, ms[s->much]);
		r->passed_ms += ms[s->much];
		break;
	case STEP_SHUT:
		if (s->much % 4 == 0 && !r->gone && !r->shut) {
			client_shut(r->w.c);
			r->shut = true;
		}
		break;
	case STEP_GONE:
		if (s->much % 4 == 0)
			go_away(r);
		break;
	case STEP_OTHER: other_says(r, s->much); break;
	case STEP_REST: rest(r, s->much); break;
	default: break;
	}
}

static void
take(struct run *r, const struct step *s)
{
	struct play *p = &r->w.p;

	switch (s->kind) {
	case STEP_SOCKETS: play_sockets(p); break;
	case STEP_LETTERS:
		for (unsigned i = 0; i <= s->much; i++)
			(void)play_letter(p, i % p->nfronts);
		break;
	case STEP_SETTLE: play_settle(p); break;
	case STEP_JOBS:
		for (unsigned i = 0; i <= s->much && play_job(p); i++)
			;
		break;
	case STEP_HEAR: (void)listen_for(r, (size_t)1 << s->much); break;
	case STEP_SCAN: scan(r, s); break;
	case STEP_RUN: play_run(p); break;
	case STEP_FEW:
	case STEP_SOME:
	case STEP_MORE:
	case STEP_FILL: say_up_to(r, s->end); break;
	default:
		if (!(r->w.how & WORLD_STEADY))
			disturb(r, s);
	}
}

/* Time goes by, for what blocks and for what a reload waits for. */
static void
wait_for(struct run *r, unsigned rounds)
{
	FUZZ_MUST(!(r->w.how & WORLD_STEADY)); /* there nothing waits for it */
	FUZZ_MUST(rounds < 20000);
	play_pass(&r->w.p, WORLD_DEADLINE_MS);
	if (rounds % 4 == 3)
		for (unsigned i = 0; i < r->w.p.nfronts; i++)
			ewb_reload_grace_over(r->w.p.front[i]);
}

/* What is left is said and heard; the server closes when all is answered. */
static void
finish(struct run *r)
{
	unsigned rounds = 0, stuck = 0; /* in a row, with nothing to wait for */
	size_t sent;

	for (;;) {
		sent = r->sent;
		say_up_to(r, script.n);
		hear_out(r);
		if (r->gone || r->over)
			return;
		FUZZ_MUST(client_served(r->w.c));
		if (r->sent > sent)
			stuck = 0;
		if (r->w.c->conn->first || r->w.c->conn->front->reload) {
			wait_for(r, rounds++);
			stuck = 0;
		} else if (r->sent < script.n && !r->shut) {
			FUZZ_MUST(stuck++ < 3); /* it would be read */
		} else {
			FUZZ_MUST(!r->shut);
			client_shut(r->w.c);
			r->shut = true;
		}
	}
}

static void
run(struct run *r, bool all_at_once)
{
	memset(r, 0, sizeof *r);
	world_open(&r->w, script.how, script.limits);
	for (size_t i = 0; i < script.nsteps && !all_at_once; i++)
		take(r, &script.steps[i]);
	finish(r);
	r->cut = play_count(&r->w.p, closed_cut) > 0;
	world_close(&r->w);
}

/* What it comes to. */

static bool
has(const char *text)
{
	return memmem(script.stream, script.n, text, strlen(text)) != NULL;
}

/* Such an answer is cut into pieces as it comes. */
static bool
has_stream(void)
{
	return has("lines") || has("broken") || has("cut");
}

static struct frames_how
text_parser(void)
{
	static struct ewb_own_rule rules[] = {
		{ "echo", 0, 1, 1, 1 },     { "count", 0, 1, 0, 0 },
		{ "facts", 0, 1, 0, 0 },    { "wipe", 0, 1, 1, 0 },
		{ "lines", 0, 1, 0, 0 },    { "broken", 0, 1, 0, 0 },
		{ "cut", 0, 1, 0, 0 },      { "unary", 0, 1, 0, 0 },
		{ "unstream", 0, 1, 0, 0 }, { "wouldblock_let", 0, 1, 1, 0 },
	};
	static const struct ewb_own_rules own = {
		rules, sizeof rules / sizeof *rules
	};

	rules[9].text = (uint8_t)world_has_filter(script.how);
	return (struct frames_how){ .parser = FRAMES_TEXT,
		                    .max_value = world_max_item(script.limits),
		                    .own = &own };
}

/* What the first n bytes of a text stream want. */
struct wanted {
	size_t answers;
	bool perhaps; /* some of it may go without an answer */
	bool cut_get; /* it ends within a get's keys, which are begun one by one */
};

static bool
is_key(const struct ewb_frame *f)
{
	return f->is & EWB_IS_MULTI && f->nkey && !f->reason;
}

static struct wanted
want(size_t n)
{
	struct frames_how how = text_parser();
	struct wanted w = { .answers = 0 };

	frames_play(&how, script.stream, n, &frames);
	for (size_t i = 0; i < frames.n; i++) {
		const struct frames_one *one = &frames.at[i];
		const struct ewb_frame *f = &one->f;

		w.cut_get = is_key(f);
		if (f->is & EWB_IS_NOREPLY || is_key(f))
			continue;
		/* the last one's value may not have come */
		if (i + 1 == frames.n && !(f->is & EWB_IS_SKIP) &&
		    f->nvalue + f->tail > n - one->end)
			continue;
		w.perhaps |= f->is & EWB_IS_QUIET && !one->bad;
		w.answers++;
	}
	return w;
}

/* The client has stayed, and taken what was for it in time. */
static bool
was_there(const struct run *r)
{
	return !r->gone && r->passed_ms < WORLD_PATIENCE_S * 1000;
}

/* Before a login has succeeded there are errors alone.  What is a login and what is
 * not the parser alone does not know: that all is answered is not looked at. */
static void
check_text_login(const struct run *r)
{
	const struct heard *h = &r->heard;
	struct reply p;

	(void)replies_count(h->at, h->n, 0);
	for (size_t at = 0; at < h->n; at += p.n) {
		p = reply_take(h->at + at, h->n - at);
		if (p.kind == REPLY_CUT ||
		    (p.kind == REPLY_LINE &&
		     memcmp(h->at + at, "STORED", 6) == 0))
			break;
		FUZZ_MUST(p.kind == REPLY_ERROR);
	}
}

static void
check_text(const struct run *r)
{
	struct wanted w = want(r->sent);
	/* a stream that ends with an error has its client hung up on */
	bool whole = was_there(r) && !(r->cut && has_stream()) && !w.cut_get;
	size_t count = replies_count(r->heard.at, r->heard.n, whole);

	FUZZ_MUST(count <= w.answers + w.cut_get);
	FUZZ_MUST(!whole || w.perhaps || count == w.answers);
}

static void
check(const struct run *r)
{
	if (!script_is_binary(&script)) {
		if (world_has_users(script.how))
			check_text_login(r);
		else
			check_text(r);
	} else if (was_there(r)) {
		FUZZ_MUST(asked.may_be_cut || r->checked == r->heard.n);
		asked_end(&asked, r->sent);
	}
}

/* Statistics tell of the pieces. */
static size_t
without_stats(uint8_t *at, size_t n)
{
	size_t from = 0, to = 0;
	struct reply p;

	for (; from < n; from += p.n) {
		p = reply_take(at + from, n - from);
		if (p.kind == REPLY_STAT)
			continue;
		if (p.kind == REPLY_CUT)
			p.n = n - from;
		memmove(at + to, at + from, p.n);
		to += p.n;
	}
	return to;
}

static void
compare(struct run *a, struct run *b)
{
	if (script_is_binary(&script) ? asked.differs : has_stream())
		return;
	if (!script_is_binary(&script)) {
		a->heard.n = without_stats(a->heard.at, a->heard.n);
		b->heard.n = without_stats(b->heard.at, b->heard.n);
	}
	FUZZ_MUST(a->heard.n == b->heard.n);
	FUZZ_MUST(a->heard.n == 0 ||
	          memcmp(a->heard.at, b->heard.at, a->heard.n) == 0);
}

/* From the start: who was asked what. */
static void
ask(void)
{
	size_t four = world_max_item(script.limits) * 4;

	if (script_is_binary(&script))
		asked_take(&asked, script.stream, script.n,
		           four > BODY_MAX ? four : BODY_MAX);
	asked.locked = world_has_users(script.how);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct run a, b;

	if (!script_take(data, size, &script))
		return 0;
	ask();
	run(&a, false);
	check(&a);
	if (script.how & WORLD_STEADY) {
		ask();
		run(&b, true);
		check(&b);
		compare(&a, &b);
		free(b.heard.at);
	}
	fuzz_note(NULL, 0);
	free(a.heard.at);
	return 0;
}
