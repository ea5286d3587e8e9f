/* SPDX-License-Identifier: BSD-2-Clause */
/* Many commands on few keys, blocked and let go in any order: what is begun before
 * what is over, and answered before what, keeps the rules that clients rely on. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cookie/cookie.h"
#include "protocol/binary.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define COMMANDS 400
#define KEYS 6

/* A command, and when it was begun, over and answered: 0, not yet. */
struct event {
	uint8_t opcode;
	unsigned key;
	bool barrier, quiet;
	unsigned begun, over, answered;
};

static struct play p;
static struct client *c;
static struct event events[COMMANDS];
static unsigned said, now;
static uint64_t rng;

static unsigned
below(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)((rng >> 33) % n);
}

static void
seed_it(void)
{
	unsigned seed = getenv("EWB_SEED") ? (unsigned)atoi(getenv("EWB_SEED"))
	                                   : (unsigned)time(NULL);

	printf("EWB_SEED=%u\n", seed);
	rng = seed * 2654435761ull + 1;
}

/* The command that it is says its opaque. */
static struct event *
event_of(const struct ewb_cookie *cookie)
{
	return &events[cookie->frame.opaque];
}

static void
begins(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)r;
	event_of(cookie)->begun = ++now;
}

static void
say_one(struct frames *f)
{
	static const uint8_t extras[8];
	struct event *e = &events[said];
	char key[8];
	unsigned kind = below(10);

	e->key = below(KEYS);
	e->barrier = below(12) == 0;
	e->opcode = kind < 5 ? BIN_GET : kind < 8 ? BIN_SET : BIN_SETQ;
	e->quiet = e->opcode == BIN_SETQ;
	/* half of the keys are held, the others answered at once */
	snprintf(key, sizeof key, "%c%u", e->key % 2 ? 'h' : 'k', e->key);
	if (kind == 9)
		frames_ask(f, &(struct frame){ .opcode = e->opcode = BIN_NOOP,
		                               .opaque = said,
		                               .barrier = e->barrier });
	else if (e->opcode == BIN_GET)
		frames_ask(f, &(struct frame){ .opcode = BIN_GET,
		                               .opaque = said,
		                               .barrier = e->barrier,
		                               .key = key });
	else
		frames_ask(f, &(struct frame){ .opcode = e->opcode,
		                               .opaque = said,
		                               .barrier = e->barrier,
		                               .key = key,
		                               .extras = extras,
		                               .nextras = 8,
		                               .value = "V",
		                               .nvalue = 1 });
	said++;
}

static void
say_some(void)
{
	static struct frames f;

	f.n = 0;
	for (unsigned n = 1 + below(6); n && said < COMMANDS; n--)
		say_one(&f);
	frames_say(c, &f);
	play_run(&p);
}

/* One of those that are blocked. */
static void
let_one(void)
{
	unsigned n = tiny_blocked(), at = n ? below(n) : 0;

	for (unsigned i = 0; i < tiny.nheld; i++) {
		struct tiny_held *h = &tiny.held[i];

		if (h->let || at-- > 0)
			continue;
		event_of(h->cookie)->over = ++now;
		ck_assert_int_eq(tiny_let(h->key, below(4) ? EWB_OK : EWB_NO_MEMORY),
		                 EWB_OK);
		break;
	}
	play_run(&p);
}

static void
hear_some_answers(void)
{
	static uint8_t got[65536];
	size_t n = hear_some(c, got, sizeof got), at = 0;
	struct ewb_bin_reply r;

	while (at < n) {
		ck_assert_int_eq(ewb_bin_response(got + at, n - at, &r),
		                 EWB_BIN_HEAD);
		ck_assert_uint_eq(events[r.opaque].answered, 0);
		events[r.opaque].answered = ++now;
		at += EWB_BIN_HEAD + r.nbody;
	}
	ck_assert_uint_eq(at, n);
}

static bool
on_one_key(const struct event *a, const struct event *b)
{
	return a->opcode != BIN_NOOP && b->opcode != BIN_NOOP && a->key == b->key;
}

/* When the first of two was over, as far as it is known: one that is answered at
 * once is over before the next begins, and a noop when it is answered. */
static unsigned
over(const struct event *e)
{
	if (e->opcode == BIN_NOOP)
		return e->answered;
	return e->over ? e->over : e->begun;
}

/* A noop has no other beginning than its answer. */
static unsigned
begun(const struct event *e)
{
	return e->opcode == BIN_NOOP ? e->answered : e->begun;
}

static void
check_two(const struct event *a, const struct event *b, bool unordered)
{
	if (on_one_key(a, b))
		ck_assert_uint_lt(over(a), b->begun);
	/* what begins in one step with a barrier noop's answer is heard with it */
	if (unordered && (a->barrier || b->barrier) && a->opcode != BIN_NOOP)
		ck_assert_uint_lt(over(a), begun(b));
	if (a->quiet || b->quiet)
		;
	else if (!unordered || on_one_key(a, b) || a->barrier || b->barrier)
		ck_assert_uint_lt(a->answered, b->answered);
	if (unordered && a->quiet && b->opcode == BIN_NOOP)
		ck_assert_uint_lt(a->answered ? a->answered : over(a),
		                  b->answered);
}

/* How many were answered before one that had come before them. */
static unsigned
overtaken(void)
{
	unsigned n = 0;

	for (unsigned j = 1; j < COMMANDS; j++)
		n += !events[j].quiet && !events[j - 1].quiet &&
		     events[j].answered < events[j - 1].answered;
	return n;
}

static void
play_history(bool unordered)
{
	static const uint8_t feature[] = { 0, 0x0e };
	static struct frames f;

	memset(events, 0, sizeof events);
	said = now = 0;
	play_open(&p, 1, &tiny_engine, NULL);
	tiny.seen = begins;
	c = client_open(&p, 0);
	f.n = 0;
	if (unordered) {
		frames_ask(&f, &(struct frame){ .opcode = BIN_HELLO,
		                                .value = feature,
		                                .nvalue = 2 });
		frames_say(c, &f);
		play_run(&p);
		ck_assert_uint_eq(hear_all(c), 26);
	}
	while (said < COMMANDS || tiny_blocked()) {
		if (said < COMMANDS && below(3))
			say_some();
		else
			let_one();
		hear_some_answers();
	}
	for (unsigned j = 0; j < COMMANDS; j++) {
		ck_assert(events[j].quiet || events[j].answered);
		for (unsigned i = 0; i < j; i++)
			check_two(&events[i], &events[j], unordered);
	}
	if (unordered)
		ck_assert_uint_gt(overtaken(), 10);
	else
		ck_assert_uint_eq(overtaken(), 0);
	play_close(&p);
}

START_TEST(in_order_a_key_s_commands_and_all_answers_keep_it)
{
	seed_it();
	play_history(false);
}
END_TEST

START_TEST(unordered_a_key_s_commands_barriers_and_noops_keep_it)
{
	seed_it();
	play_history(true);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend history");
	TCase *t = tcase_create("history");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, in_order_a_key_s_commands_and_all_answers_keep_it,
	                    0, 5);
	tcase_add_loop_test(t,
	                    unordered_a_key_s_commands_barriers_and_noops_keep_it,
	                    0, 5);
	suite_add_tcase(s, t);
	return unit_run(s);
}
