/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom a push wakes. */
#include "config.h"

#include <string.h>

#include "engines/durable/rest.h"
#include "t/explore.h"
#include "t/unit.h"

static struct dur_rest r;

static void
begin(void)
{
	memset(&r, 0, sizeof r);
}

START_TEST(each_who_rests_is_claimed_once)
{
	unsigned i;

	begin();
	for (i = 0; i < DUR_REST_MOST; i++)
		dur_rest_begin(&r, i);
	for (i = 0; i < DUR_REST_MOST; i++)
		ck_assert_int_eq(dur_rest_claim(&r), (int)i);
	ck_assert_int_eq(dur_rest_claim(&r), -1);
}
END_TEST

START_TEST(who_ends_its_rest_is_not_claimed)
{
	begin();
	dur_rest_begin(&r, 63);
	dur_rest_begin(&r, 5);
	dur_rest_end(&r, 5);
	ck_assert_int_eq(dur_rest_claim(&r), 63);
	ck_assert_int_eq(dur_rest_claim(&r), -1);
}
END_TEST

/* Two pushes beside a task that has found nothing and is about to rest. */

static struct {
	unsigned queued, pushed[2];
	bool claimed[2], woken, rests, looked;
} race;

static void *
race_begins(void)
{
	begin();
	memset(&race, 0, sizeof race);
	return &race;
}

static void
push(unsigned which)
{
	race.queued++;
	race.pushed[which] = 1;
}

static void
claim(unsigned which)
{
	race.claimed[which] = true;
	if (dur_rest_claim(&r) == 3)
		race.woken = true;
}

static void
push_a(void *ctx)
{
	(void)ctx;
	push(0);
}

static void
push_b(void *ctx)
{
	(void)ctx;
	push(1);
}

static void
claim_a(void *ctx)
{
	(void)ctx;
	claim(0);
}

static void
claim_b(void *ctx)
{
	(void)ctx;
	claim(1);
}

static bool
pushed_a(void *ctx)
{
	(void)ctx;
	return race.pushed[0];
}

static bool
pushed_b(void *ctx)
{
	(void)ctx;
	return race.pushed[1];
}

static void
rests(void *ctx)
{
	(void)ctx;
	dur_rest_begin(&r, 3);
	race.rests = true;
}

static bool
has_said_so(void *ctx)
{
	(void)ctx;
	return race.rests;
}

static void
looks(void *ctx)
{
	(void)ctx;
	race.looked = true;
	if (race.queued == 0)
		return;
	dur_rest_end(&r, 3);
	race.queued = 0; /* it takes them */
	dur_rest_begin(&r, 3);
}

static void
race_ends(void *ctx)
{
	(void)ctx;
}

static const char *
check(void *ctx)
{
	(void)ctx;
	if (race.queued && !race.woken)
		return "something waits, and nobody comes";
	return NULL;
}

static struct ewb_event events[] = { { "push a", push_a, NULL, false },
	                             { "claim a", claim_a, pushed_a, false },
	                             { "push b", push_b, NULL, false },
	                             { "claim b", claim_b, pushed_b, false },
	                             { "rests", rests, NULL, false },
	                             { "looks", looks, has_said_so, false } };

static const struct ewb_scenario scenario = { .name = "a push beside a rest",
	                                      .events = events,
	                                      .nevents = 6,
	                                      .setup = race_begins,
	                                      .check = check,
	                                      .teardown = race_ends };

START_TEST(in_no_order_does_something_wait_with_nobody_to_come)
{
	/* 6! orders, of which each of the three pairs leaves half */
	ck_assert_uint_eq(ewb_explore(&scenario), 90);
}
END_TEST

/* That the scenario would see it. */
START_TEST(a_look_before_the_rest_would_be_found)
{
	struct ewb_event early[6];
	struct ewb_scenario s = scenario;
	const char *wrong;

	memcpy(early, events, sizeof early);
	early[4].enabled = NULL;
	early[5].enabled = NULL;
	s.events = early;
	ewb_explore_find(&s, &wrong);
	ck_assert_str_eq(wrong, "something waits, and nobody comes");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rest");
	TCase *t = tcase_create("wakes");

	tcase_add_test(t, each_who_rests_is_claimed_once);
	tcase_add_test(t, who_ends_its_rest_is_not_claimed);
	tcase_add_test(t, in_no_order_does_something_wait_with_nobody_to_come);
	tcase_add_test(t, a_look_before_the_rest_would_be_found);
	suite_add_tcase(s, t);
	return unit_run(s);
}
