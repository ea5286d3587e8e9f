/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <string.h>

#include "t/explore.h"
#include "t/unit.h"

/* What has happened, a letter for each event. */
static struct trail {
	char happened[8];
	size_t n;
} trail;
static unsigned settled, taken_down;

static void *
begin(void)
{
	trail = (struct trail){ 0 };
	return &trail;
}

static void
settle(void *ctx)
{
	(void)ctx;
	settled++;
}

static void
end(void *ctx)
{
	(void)ctx;
	taken_down++;
}

static void
happen(struct trail *t, char c)
{
	t->happened[t->n++] = c;
}

static void
a(void *ctx)
{
	happen(ctx, 'a');
}

static void
b(void *ctx)
{
	happen(ctx, 'b');
}

static void
c(void *ctx)
{
	happen(ctx, 'c');
}

static void
d(void *ctx)
{
	happen(ctx, 'd');
}

static bool
after_a(void *ctx)
{
	return strchr(((struct trail *)ctx)->happened, 'a') != NULL;
}

static bool
never(void *ctx)
{
	(void)ctx;
	return false;
}

static char seen[64][8];
static size_t nseen;

/* Each order but once. */
static const char *
is_new(void *ctx)
{
	const struct trail *t = ctx;

	for (size_t i = 0; i < nseen; i++) {
		if (strcmp(seen[i], t->happened) == 0)
			return "seen before";
	}
	memcpy(seen[nseen++], t->happened, sizeof(t->happened));
	return NULL;
}

static const char *
c_before_b(void *ctx)
{
	const struct trail *t = ctx;

	return strstr(t->happened, "cb") ? "c came right before b" : NULL;
}

static size_t
explore(const struct ewb_event *events, size_t n)
{
	const struct ewb_scenario s = {
		.name = "trail",
		.events = events,
		.nevents = n,
		.setup = begin,
		.settle = settle,
		.check = is_new,
		.teardown = end,
	};

	nseen = 0;
	settled = taken_down = 0;
	return ewb_explore(&s);
}

START_TEST(four_events_have_24_orders)
{
	const struct ewb_event e[] = { { "a", a, NULL, false },
		                       { "b", b, NULL, false },
		                       { "c", c, NULL, false },
		                       { "d", d, NULL, false } };

	ck_assert_uint_eq(explore(e, 4), 24);
	ck_assert_uint_eq(nseen, 24);
	ck_assert_uint_eq(settled, 24);
	ck_assert_uint_eq(taken_down, 24);
}
END_TEST

START_TEST(what_is_not_enabled_rules_out_its_orders)
{
	const struct ewb_event e[] = { { "b", b, after_a, false },
		                       { "a", a, NULL, false },
		                       { "c", c, after_a, false } };

	ck_assert_uint_eq(explore(e, 3), 2);
	ck_assert_str_eq(seen[0], "abc");
	ck_assert_str_eq(seen[1], "acb");
}
END_TEST

START_TEST(what_is_never_enabled_leaves_no_order)
{
	const struct ewb_event e[] = { { "a", a, NULL, false },
		                       { "b", b, never, false } };

	ck_assert_uint_eq(explore(e, 2), 0);
	ck_assert_uint_eq(taken_down, 1);
	ck_assert_uint_eq(settled, 1);
}
END_TEST

START_TEST(an_optional_event_happens_or_not)
{
	const struct ewb_event e[] = { { "a", a, NULL, false },
		                       { "b", b, NULL, false },
		                       { "c", c, NULL, true } };

	ck_assert_uint_eq(explore(e, 3), 6 + 2);
}
END_TEST

START_TEST(two_optional_events_happen_both_or_one_or_none)
{
	const struct ewb_event e[] = { { "a", a, NULL, false },
		                       { "b", b, NULL, true },
		                       { "c", c, NULL, true } };

	ck_assert_uint_eq(explore(e, 3), 6 + 2 + 2 + 1);
}
END_TEST

START_TEST(an_order_that_goes_wrong_is_found_and_named)
{
	const struct ewb_event e[] = { { "a", a, NULL, false },
		                       { "b", b, NULL, false },
		                       { "c", c, NULL, false } };
	const struct ewb_scenario s = {
		.name = "planted",
		.events = e,
		.nevents = 3,
		.setup = begin,
		.check = c_before_b,
		.teardown = end,
	};
	const char *wrong;

	ck_assert_uint_eq(ewb_explore_find(&s, &wrong), 2);
	ck_assert_str_eq(wrong, "c came right before b");
	ck_assert_str_eq(ewb_explore_order(), "a, c, b");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("t/explore");
	TCase *t = tcase_create("explore");

	tcase_add_test(t, four_events_have_24_orders);
	tcase_add_test(t, what_is_not_enabled_rules_out_its_orders);
	tcase_add_test(t, what_is_never_enabled_leaves_no_order);
	tcase_add_test(t, an_optional_event_happens_or_not);
	tcase_add_test(t, two_optional_events_happen_both_or_one_or_none);
	tcase_add_test(t, an_order_that_goes_wrong_is_found_and_named);
	suite_add_tcase(s, t);
	return unit_run(s);
}
