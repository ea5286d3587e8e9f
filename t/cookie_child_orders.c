/* SPDX-License-Identifier: BSD-2-Clause */
/* All orders of what can happen to a parent and its children, on one front end
 * and on two. */
#include "config.h"

#include "t/cookie_parent.h"
#include "t/explore.h"

static struct {
	unsigned n; /* front ends */
	struct parent *p[PLAY_FRONTS];
	bool hung[PLAY_FRONTS];
} race;

static void *
race_begin(void)
{
	play_begin();
	for (unsigned i = 0; i < race.n; i++) {
		race.p[i] = parent_begin(i);
		race.hung[i] = false;
	}
	return &race;
}

static void
race_end(void *x)
{
	(void)x;
	play_end();
}

static bool
is_blocked(unsigned i)
{
	return parent_blocks(race.p[i]) > race.p[i]->notified;
}

static bool
is_blocked_0(void *x)
{
	(void)x;
	return is_blocked(0);
}

static bool
is_blocked_1(void *x)
{
	(void)x;
	return is_blocked(1);
}

static void
notify_0(void *x)
{
	(void)x;
	parent_notify(race.p[0]);
}

static void
notify_1(void *x)
{
	(void)x;
	parent_notify(race.p[1]);
}

static bool
has_letter_0(void *x)
{
	(void)x;
	return ewb_inbox_waiting(&play.d[0].inbox);
}

static bool
has_letter_1(void *x)
{
	(void)x;
	return ewb_inbox_waiting(&play.d[1].inbox);
}

static void
letter_0(void *x)
{
	(void)x;
	play_letter(0);
}

static void
letter_1(void *x)
{
	(void)x;
	play_letter(1);
}

static void
hang_up(void *x)
{
	(void)x;
	race.hung[0] = true;
	play_hang_up(race.p[0]->k);
}

static void
deadline(void *x)
{
	(void)x;
	play_pass(PARENT_DEADLINE);
}

static void
stop(void *x)
{
	(void)x;
	play_stop();
}

static void
settle(void *x)
{
	bool moved = true;

	(void)x;
	while (moved) {
		play_settle();
		moved = false;
		for (unsigned i = 0; i < race.n; i++) {
			if (!is_blocked(i))
				continue;
			parent_notify(race.p[i]);
			moved = true;
		}
	}
}

static const char *
check_one(const struct parent *p, bool hung)
{
	if (p->k->done > 1 || (p->k->done == 0 && !hung))
		return "it was not answered once";
	if (!p->k->released)
		return "it did not come home";
	if (p->destroys != 1 || p->get->destroys != p->get->ntickets ||
	    p->set->destroys != p->set->ntickets)
		return "a state was not destroyed once";
	if (p->own->cancels > p->ntickets || p->get->cancels > 1 ||
	    p->set->cancels > 1)
		return "an engine was told twice of one block";
	if (p->k->done && p->k->status == EWB_OK && parent_blocks(p) != 4)
		return "it was answered too early";
	return NULL;
}

static const char *
check(void *x)
{
	(void)x;
	for (unsigned i = 0; i < race.n; i++) {
		const char *wrong = check_one(race.p[i], race.hung[i]);

		if (wrong)
			return wrong;
	}
	return play_left();
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
	{ "notify", notify_0, is_blocked_0, true },
	{ "letter", letter_0, has_letter_0, true },
	{ "second notify", notify_0, is_blocked_0, true },
	{ "second letter", letter_0, has_letter_0, true },
	{ "third notify", notify_0, is_blocked_0, true },
	{ "third letter", letter_0, has_letter_0, true },
	{ "hang up", hang_up, NULL, true },
	{ "deadline", deadline, NULL, true },
	{ "stop", stop, NULL, true },
};

START_TEST(in_any_order_parent_and_children_come_home_once)
{
	race.n = 1;
	ck_assert_uint_gt(EXPLORE("one front end", one), EWB_EXPLORED(10000));
}
END_TEST

static const struct ewb_event two[] = {
	{ "notify 0", notify_0, is_blocked_0, true },
	{ "letter 0", letter_0, has_letter_0, true },
	{ "notify 0 again", notify_0, is_blocked_0, true },
	{ "letter 0 again", letter_0, has_letter_0, true },
	{ "notify 1", notify_1, is_blocked_1, true },
	{ "letter 1", letter_1, has_letter_1, true },
	{ "hang up 0", hang_up, NULL, true },
	{ "deadline", deadline, NULL, true },
};

START_TEST(in_any_order_two_parents_come_home_once)
{
	race.n = 2;
	ck_assert_uint_gt(EXPLORE("two front ends", two), EWB_EXPLORED(5000));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: orders of children");
	TCase *t = tcase_create("all orders");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, in_any_order_parent_and_children_come_home_once);
	tcase_add_test(t, in_any_order_two_parents_come_home_once);
	suite_add_tcase(s, t);
	return unit_run(s);
}
