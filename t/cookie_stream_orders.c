/* SPDX-License-Identifier: BSD-2-Clause */
/* All orders of a stream's producer and consumer, on one front end and on two
 * that share a budget which is too small. */
#include "config.h"

#include "t/cookie_reader.h"
#include "t/explore.h"

#define KIB 1024
#define HIGH (16 * KIB)

static struct {
	unsigned n; /* streams */
	size_t budget;
	bool own; /* no task makes the records */
	struct reader r[2];
	struct script *s[2];
	bool hung[2];
	bool notified;
	unsigned wakes; /* seen by the producer of its own */
	const char *wrong;
} race;

static void *
race_begin(void)
{
	static const char *const keys[] = { "s0", "s1" };
	struct ewb_limits limits = ewb_limits_default;

	limits.high = HIGH;
	limits.low = 4 * KIB;
	limits.buffer_memory = race.budget;
	play_begin_with(&limits, &script_engine);
	race.wrong = NULL;
	race.notified = false;
	race.wakes = 0;
	for (unsigned i = 0; i < race.n; i++) {
		race.s[i] = script_for(keys[i]);
		race.s[i]->records = 7;
		race.s[i]->record_size = 3000; /* one in a piece */
		race.s[i]->per_run = 2;
		race.s[i]->own = race.own;
		race.hung[i] = false;
		reader_begin(&race.r[i], i, race.s[i]);
		play_turn(i);
	}
	return &race;
}

static void
look(void)
{
	for (unsigned i = 0; i < race.n; i++) {
		struct reader *r = &race.r[i];

		if (r->wrong)
			race.wrong = r->wrong;
		if (!race.hung[i] && reader_held(r) > HIGH)
			race.wrong = "it holds more than the high mark";
	}
}

static void
step(void *x)
{
	(void)x;
	play_task();
	look();
}

static void
letter(unsigned i)
{
	play_letter(i);
	look();
}

/* As a socket that takes one piece. */
static void
read_one(unsigned i)
{
	struct reader *r = &race.r[i];

	if (race.hung[i])
		return;
	if (!reader_take(r))
		reader_give(r);
	else if (r->taken > 1)
		reader_give(r);
	look();
}

static void
hang_up(unsigned i)
{
	struct reader *r = &race.r[i];

	while (reader_give(r)) /* the output goes first */
		;
	race.hung[i] = true;
	play_hang_up(r->k);
}

static void
letter_0(void *x)
{
	(void)x;
	letter(0);
}
static void
letter_1(void *x)
{
	(void)x;
	letter(1);
}
static void
read_0(void *x)
{
	(void)x;
	read_one(0);
}
static void
read_1(void *x)
{
	(void)x;
	read_one(1);
}
static void
hang_up_0(void *x)
{
	(void)x;
	hang_up(0);
}

/* The producer of its own: goes on if it was told to, or has not begun. */
static void
produce(void *x)
{
	struct script *s = race.s[0];

	(void)x;
	if (race.notified || (s->made && race.wakes == s->wakes))
		return;
	race.wakes = s->wakes;
	if (!script_produce(s))
		return;
	race.notified = true;
	script_notify(s, EWB_OK);
}

static bool
move(unsigned i)
{
	bool moved = play_letter(i);

	if (race.hung[i] || race.r[i].k->cookie == NULL)
		return moved;
	moved |= reader_take(&race.r[i]) || reader_give(&race.r[i]);
	look();
	return moved;
}

static void
finish(unsigned i)
{
	struct reader *r = &race.r[i];

	if (race.hung[i])
		return;
	if (!r->k->done || r->k->cookie->away) {
		race.wrong = "it stands still";
		return;
	}
	reader_end(r);
	if (r->next != race.s[i]->records)
		race.wrong = "a record was lost";
	look();
}

static void
settle(void *x)
{
	bool moved = true;

	while (moved) {
		moved = play_task();
		for (unsigned i = 0; i < race.n; i++)
			moved |= move(i);
		if (race.own && !race.notified &&
		    (race.s[0]->wakes != race.wakes || !race.s[0]->made)) {
			produce(x);
			moved = true;
		}
	}
	/* hung up, and told so by its cancel */
	if (race.own && race.hung[0] && !race.notified)
		script_notify(race.s[0], EWB_TEMPORARY);
	for (unsigned i = 0; i < race.n; i++)
		finish(i);
	if (race.wrong)
		return;
	play.keep = false;
	play_settle();
}

static const char *
check(void *x)
{
	(void)x;
	if (race.wrong)
		return race.wrong;
	for (unsigned i = 0; i < race.n; i++) {
		if (race.r[i].k->done > 1)
			return "it was answered twice";
		if (!race.r[i].k->released)
			return "it was not released";
	}
	return play_left();
}

static void
race_end(void *x)
{
	(void)x;
	play_end();
}

static size_t
explore(const char *name, const struct ewb_event *events, size_t n)
{
	const struct ewb_scenario s = { .name = name,
		                        .sampled = true,
		                        .events = events,
		                        .nevents = n,
		                        .setup = race_begin,
		                        .settle = settle,
		                        .check = check,
		                        .teardown = race_end };

	return ewb_explore(&s);
}
#define EXPLORE(name, events) \
	explore(name, events, sizeof events / sizeof *events)

static const struct ewb_event one[] = {
	{ "step", step, NULL, false },
	{ "second step", step, NULL, false },
	{ "third step", step, NULL, true },
	{ "letter", letter_0, NULL, false },
	{ "read", read_0, NULL, false },
	{ "read again", read_0, NULL, false },
	{ "read a third", read_0, NULL, true },
	{ "hang up", hang_up_0, NULL, true },
};

/* With enough of a budget, and with none at all. */
START_TEST(in_any_order_a_reader_gets_all_and_holds_little)
{
	race.n = 1;
	race.own = false;
	race.budget = _i ? 0 : 1024 * KIB;
	ck_assert_uint_gt(EXPLORE("one stream", one), EWB_EXPLORED(40000));
}
END_TEST

static const struct ewb_event two[] = {
	{ "step", step, NULL, false },
	{ "second step", step, NULL, false },
	{ "third step", step, NULL, false },
	{ "letter 0", letter_0, NULL, true },
	{ "letter 1", letter_1, NULL, true },
	{ "read 0", read_0, NULL, false },
	{ "read 1", read_1, NULL, false },
	{ "hang up 0", hang_up_0, NULL, true },
};

START_TEST(in_any_order_two_front_ends_share_the_budget)
{
	race.n = 2;
	race.own = false;
	race.budget = 4 * KIB;
	ck_assert_uint_gt(EXPLORE("two streams", two), EWB_EXPLORED(40000));
}
END_TEST

static const struct ewb_event by_itself[] = {
	{ "produce", produce, NULL, false },
	{ "produce again", produce, NULL, false },
	{ "letter", letter_0, NULL, false },
	{ "letter again", letter_0, NULL, true },
	{ "read", read_0, NULL, false },
	{ "read again", read_0, NULL, false },
	{ "hang up", hang_up_0, NULL, true },
};

START_TEST(in_any_order_who_fills_by_itself_is_woken)
{
	race.n = 1;
	race.own = true;
	race.budget = _i ? 4 * KIB : 1024 * KIB;
	ck_assert_uint_gt(EXPLORE("a thread of its own", by_itself),
	                  EWB_EXPLORED(5000));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: orders of streams");
	TCase *t = tcase_create("all orders");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, in_any_order_a_reader_gets_all_and_holds_little,
	                    0, 2);
	tcase_add_test(t, in_any_order_two_front_ends_share_the_budget);
	tcase_add_loop_test(t, in_any_order_who_fills_by_itself_is_woken, 0, 2);
	suite_add_tcase(s, t);
	return unit_run(s);
}
