/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <time.h>

#include "lib/clock.h"
#include "t/unit.h"

START_TEST(a_zero_filled_clock_is_the_machines)
{
	struct ewb_clock c = { 0 };
	struct timespec t;
	uint64_t before = ewb_clock_us(&c), between;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	between = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
	ck_assert_uint_le(before, between);
	ck_assert_uint_le(between, ewb_clock_us(&c));
	ck_assert_uint_le((uint64_t)time(NULL), ewb_clock_wall(&c));
}
END_TEST

START_TEST(a_clock_that_was_set_stands_still)
{
	struct ewb_clock c = { 0 };

	ewb_clock_set(&c, 42);
	ck_assert_uint_eq(ewb_clock_us(&c), 42);
	ck_assert_uint_eq(ewb_clock_us(&c), 42);
	ck_assert_uint_eq(ewb_clock_wall(&c), 1000000000);
}
END_TEST

START_TEST(a_clock_can_be_stopped_at_0)
{
	struct ewb_clock c = { 0 };

	ewb_clock_set(&c, 0);
	ck_assert_uint_eq(ewb_clock_us(&c), 0);
}
END_TEST

START_TEST(advancing_moves_both_clocks)
{
	struct ewb_clock c = { 0 };

	ewb_clock_set(&c, 999999);
	ewb_clock_advance(&c, 1);
	ck_assert_uint_eq(ewb_clock_us(&c), 1000000);
	ck_assert_uint_eq(ewb_clock_wall(&c), 1000000001);
}
END_TEST

START_TEST(a_second_is_the_last_ticks)
{
	struct ewb_clock c = { 0 };
	uint32_t before = ewb_clock_wall(&c);

	c.ticked = 17; /* long ago */
	ck_assert_uint_eq(ewb_clock_second(&c), 17);
	ewb_clock_tick(&c);
	ck_assert_uint_le(ewb_clock_second(&c), ewb_clock_wall(&c));
	ck_assert_uint_ge(ewb_clock_second(&c), before);
}
END_TEST

START_TEST(without_a_tick_a_second_is_now)
{
	struct ewb_clock c = { 0 };
	uint32_t before = ewb_clock_wall(&c);

	ck_assert_uint_le(before, ewb_clock_second(&c));
	c.ticked = 17;
	ewb_clock_untick(&c);
	ck_assert_uint_le(before, ewb_clock_second(&c));
}
END_TEST

START_TEST(a_second_of_a_clock_that_was_set_is_exact)
{
	struct ewb_clock c = { 0 };

	ewb_clock_tick(&c);
	ewb_clock_set(&c, 1000000);
	ck_assert_uint_eq(ewb_clock_second(&c), 1000000001);
	ewb_clock_advance(&c, 1000000);
	ck_assert_uint_eq(ewb_clock_second(&c), 1000000002);
}
END_TEST

START_TEST(its_nanoseconds_are_those_of_its_microseconds)
{
	struct ewb_clock c = { 0 };
	uint64_t before = ewb_clock_us(&c), ns = ewb_clock_ns(&c);

	ck_assert_uint_le(before, ns / 1000);
	ck_assert_uint_le(ns / 1000, ewb_clock_us(&c));
	ewb_clock_set(&c, 42);
	ck_assert_uint_eq(ewb_clock_ns(&c), 42000);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lib/clock");
	TCase *t = tcase_create("clock");

	tcase_add_test(t, a_zero_filled_clock_is_the_machines);
	tcase_add_test(t, a_clock_that_was_set_stands_still);
	tcase_add_test(t, a_clock_can_be_stopped_at_0);
	tcase_add_test(t, advancing_moves_both_clocks);
	tcase_add_test(t, a_second_is_the_last_ticks);
	tcase_add_test(t, without_a_tick_a_second_is_now);
	tcase_add_test(t, a_second_of_a_clock_that_was_set_is_exact);
	tcase_add_test(t, its_nanoseconds_are_those_of_its_microseconds);
	suite_add_tcase(s, t);
	return unit_run(s);
}
