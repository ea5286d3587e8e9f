/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's own commands: whatever is said with them, and however they end. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kit/checks.h"
#include "kit/kit.h"
#include "kit/memory.h"
#include "kit/say.h"
#include "kit/verbs.h"
#include "kit/watch.h"
#include "lib/check.h"

#define DRAWN 2000 /* in all, at least */
#define STEPS 60   /* of one command, at most */
#define MANY 200   /* at once, at most */
#define DEADLINE_MS 1000
#define LATE_MS 3600000u /* after any deadline that it may have set */

static void
begin(const struct stage_how *how)
{
	stage_open(how);
	verbs_prepare();
}

static void
must_not(enum kit_breach b)
{
	const char *said = kit_watch_said(b);

	KIT_NEED(said == NULL, "%s", said);
}

/* What a check says of it when something is wrong. */
static const char *place(const struct verb *v, const char *fmt, ...)
	KIT_PRINTF(2, 3);
static const char *
place(const struct verb *v, const char *fmt, ...)
{
	static char text[400];
	char where[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(where, sizeof where, fmt, ap);
	va_end(ap);
	snprintf(text, sizeof text, "%s%s", verbs_name(v), where);
	kit_at("%s", text);
	return text;
}

/* To its end; on a client of its protocol's, which goes on. */
static void
say_it(struct client **clients, const struct verb *v)
{
	struct client **c = &clients[verbs_text(v->way)];
	const char *what = place(v, "%s", "");

	if (*c == NULL || !client_served(*c))
		*c = client_new();
	verbs_ask(v, *c);
	verbs_hear(v, *c, what);
	stage_settle(what);
	KIT_NEED(stage_mistake() == NULL, "%s: %s", what, stage_mistake());
}

void
check_own_answers(void)
{
	struct client *clients[2] = { NULL };
	struct key stored = key_of("stored");
	struct answer a;
	struct verb v;
	double until;

	begin(&stage_plain);
	for (unsigned way = 0; way < verbs_n(); way++)
		for (unsigned l = 0; l < VERB_LIMITS; l++) {
			verbs_limit(&v, way, (enum verb_limit)l);
			say_it(clients, &v);
		}
	until = kit_now() + kit.seconds;
	for (unsigned n = 0; n < DRAWN || kit_now() < until; n++) {
		verbs_draw(&v, n % verbs_n());
		say_it(clients, &v);
	}
	stage_calm();
	must_not(KIT_BREACH_NOTIFY);
	must_not(KIT_BREACH_TOUCH);
	kit_at("a get after all of them");
	(void)say_get(&stored, &a);
	stage_close();
}

/* Those that do not come to their end. */

static const enum verb_limit limits[] = { VERB_SMALL, VERB_STORED, VERB_LARGE };
#define KINDS (sizeof limits / sizeof *limits + 1)

/* Each of the kinds is another request; the last one is drawn. */
static void
make(struct verb *v, unsigned way, unsigned kind)
{
	if (kind < KINDS - 1)
		verbs_limit(v, way, limits[kind]);
	else
		verbs_draw(v, way);
}

static void
await(const struct verb *v, struct client *c, const char *what)
{
	KIT_NEED(verbs_heard(v, c),
	         "%s was never answered, though all background work was run",
	         what);
}

/* How many steps it has. */
static unsigned
length(const struct verb *v)
{
	struct client *c = client_new();
	const char *what = place(v, "%s", "");
	unsigned n = 0;

	verbs_ask(v, c);
	while (n < STEPS && stage_away() && stage_step())
		n++;
	stage_pass(LATE_MS); /* it may wait for somebody */
	await(v, c, what);
	stage_settle(what);
	client_drop(c);
	return n;
}

static void
drop_after(const struct verb *v, unsigned k)
{
	struct client *c = client_new();
	const char *what = place(v, ", whose client went after %u steps", k);

	verbs_ask(v, c);
	(void)stage_steps(k);
	client_drop(c);
	stage_settle(what);
}

static void
drop_amidst(const struct verb *v)
{
	struct client *c = client_new();
	const char *what = place(v, ", whose client went in the middle of it");

	verbs_begin(v, c);
	client_drop(c);
	stage_settle(what);
}

static void
expire_after(const struct verb *v, unsigned k)
{
	struct client *c = client_new();
	const char *what =
		place(v, ", whose deadline passed after %u steps", k);

	verbs_ask(v, c);
	(void)stage_steps(k);
	stage_pass(LATE_MS);
	await(v, c, what);
	stage_settle(what);
	client_drop(c);
}

/* The reader of a stream takes nothing, and then all, or goes. */
static void
stop_reading(const struct verb *v, bool goes)
{
	struct client *c = client_new();
	const char *what =
		place(v, ", whose reader stopped%s", goes ? ", and went" : "");

	client_small(c);
	verbs_ask(v, c);
	stage_calm();
	if (!goes)
		await(v, c, what);
	client_drop(c);
	stage_settle(what);
}

/* A server for each: it is not one any more when it has been stopped. */
static bool
stop_after(unsigned way, enum verb_limit l, unsigned k)
{
	struct verb v;
	bool more;

	begin(&stage_plain);
	verbs_limit(&v, way, l);
	(void)place(&v, ", and the server stopped after %u steps", k);
	verbs_ask(&v, client_new());
	more = stage_steps(k) && stage_away();
	stage_stop(false); /* with grace it may wait for somebody */
	stage_end();
	return more;
}

static void
stop_each(unsigned way, enum verb_limit l)
{
	for (unsigned k = 0; k < STEPS; k++)
		if (!stop_after(way, l, k))
			break;
}

static void
cut_off(const struct verb *v)
{
	unsigned n = length(v);

	drop_amidst(v);
	for (unsigned k = 0; k <= n; k++)
		drop_after(v, k);
	for (unsigned k = 0; k <= n; k++)
		expire_after(v, k);
}

static void
stop_all_readers(void)
{
	struct verb v;

	begin(&(struct stage_how){ .high = 16384, .low = 4096 });
	for (unsigned way = 0; way < verbs_n(); way++)
		for (unsigned kind = 0; kind < KINDS; kind++) {
			if (!(verbs_is(way) & EWB_OWN_STREAMS))
				continue;
			make(&v, way, kind);
			stop_reading(&v, false);
			stop_reading(&v, true);
		}
	stage_close();
}

void
check_own_ends(void)
{
	struct verb v;
	unsigned n;

	begin(&(struct stage_how){ .deadline_ms = DEADLINE_MS });
	n = verbs_n();
	for (unsigned way = 0; way < n; way++)
		for (unsigned kind = 0; kind < KINDS; kind++) {
			make(&v, way, kind);
			cut_off(&v);
		}
	KIT_NEED(atomic_load(&stage.core->orphans) == 0,
	         "commands were never notified");
	stage_close();
	stop_all_readers();
	for (unsigned way = 0; way < n; way++)
		if (verbs_first(way)) {
			stop_each(way, VERB_STORED);
			stop_each(way, VERB_LARGE);
		}
}

/* Many at once, of which half are cut off. */

struct saying {
	struct verb v;
	struct client *c;
};
static struct saying *sayings;

static void
say_many(unsigned n)
{
	sayings = calloc(n, sizeof *sayings);
	EWB_MUST(sayings);
	for (unsigned i = 0; i < n; i++) {
		struct saying *s = &sayings[i];

		make(&s->v, i % verbs_n(), i / verbs_n());
		s->c = client_new();
		(void)place(&s->v, ", among others");
		verbs_ask(&s->v, s->c);
	}
}

static void
hear_half(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (kit_below(2))
			client_drop(sayings[i].c);
		else if (!verbs_heard(&sayings[i].v, sayings[i].c))
			kit_skip("a command does not come home; see "
			         "own/answers and own/ends");
	free(sayings);
}

static void
live(void)
{
	unsigned n;

	begin(&stage_plain);
	n = KINDS * verbs_n() < MANY ? KINDS * verbs_n() : MANY;
	say_many(n);
	(void)stage_steps(10);
	hear_half(n);
	stage_settle_or_skip();
	stage_close();
}

void
check_own_leaks(void)
{
	uint64_t mark;

	if (!kit_memory_works())
		kit_skip("a sanitizer has its own malloc");
	live(); /* what is allocated once for all is no leak */
	live();
	mark = kit_memory_mark();
	for (unsigned i = 0; i < 4; i++)
		live();
	kit_memory_need_freed(mark);
}
