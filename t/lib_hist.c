/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>

#include "lib/hist.h"
#include "t/unit.h"

static struct ewb_hist h;

static void
clear(void)
{
	h = (struct ewb_hist){ 0 };
}

START_TEST(an_empty_histogram_has_quantile_0)
{
	ck_assert_uint_eq(ewb_hist_quantile(&h, 0.5), 0);
}
END_TEST

START_TEST(a_quantile_is_at_most_a_quarter_above_the_value)
{
	for (uint64_t v = 1; v < (uint64_t)1 << 40; v = v * 3 + 1) {
		uint64_t q;

		clear();
		ewb_hist_add(&h, v);
		ewb_hist_add(&h, v * 2); /* so that max does not cut it */
		q = ewb_hist_quantile(&h, 0.5);
		ck_assert_uint_ge(q, v);
		ck_assert_uint_le(q, v + v / 4);
	}
}
END_TEST

START_TEST(no_quantile_is_above_the_maximum)
{
	ewb_hist_add(&h, 1000);
	ck_assert_uint_eq(ewb_hist_quantile(&h, 0.5), 1000);
	ck_assert_uint_eq(ewb_hist_quantile(&h, 1), 1000);
}
END_TEST

START_TEST(a_quantile_holds_its_part_of_the_values)
{
	for (uint64_t v = 0; v < 4; v++)
		ewb_hist_add(&h, v);
	ck_assert_uint_eq(ewb_hist_quantile(&h, 0.25), 0);
	ck_assert_uint_eq(ewb_hist_quantile(&h, 0.26), 1);
	ck_assert_uint_eq(ewb_hist_quantile(&h, 0.75), 2);
	ck_assert_uint_eq(ewb_hist_quantile(&h, 1), 3);
}
END_TEST

START_TEST(bucket_edges_meet_without_a_gap)
{
	uint64_t last = 0;

	/* Each value that begins a bucket is above the end of the last. */
	for (uint64_t v = 1; v < UNIT_TIMES(1 << 20); v++) {
		uint64_t q;

		clear();
		ewb_hist_add(&h, v);
		ewb_hist_add(&h, UINT64_MAX);
		q = ewb_hist_quantile(&h, 0.5);
		ck_assert(q == last || v == last + 1);
		last = q;
	}
}
END_TEST

START_TEST(the_largest_value_there_is_is_counted)
{
	ewb_hist_add(&h, UINT64_MAX);
	ck_assert_uint_eq(h.count, 1);
	ck_assert_uint_eq(h.at[EWB_HIST_BUCKETS - 1], 1);
	ck_assert_uint_eq(ewb_hist_quantile(&h, 1), UINT64_MAX);
}
END_TEST

START_TEST(a_merge_is_as_if_all_had_been_added_to_one)
{
	struct ewb_hist a = { 0 }, b = { 0 };

	for (uint64_t v = 0; v < 3000; v++) {
		ewb_hist_add(v % 3 ? &a : &b, v);
		ewb_hist_add(&h, v);
	}
	ewb_hist_merge(&a, &b);
	ck_assert_mem_eq(&a, &h, sizeof(h));
}
END_TEST

START_TEST(a_sample_for_n_is_as_if_n_had_been_added)
{
	struct ewb_hist a = { 0 };

	for (int i = 0; i < 127; i++)
		ewb_hist_add(&h, 1234);
	ewb_hist_add(&h, 7);
	ewb_hist_add_n(&a, 1234, 127);
	ewb_hist_add_n(&a, 7, 1);
	ck_assert_mem_eq(&a, &h, sizeof(h));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lib/hist");
	TCase *t = tcase_create("hist");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, clear, NULL);
	tcase_add_test(t, an_empty_histogram_has_quantile_0);
	tcase_add_test(t, a_quantile_is_at_most_a_quarter_above_the_value);
	tcase_add_test(t, no_quantile_is_above_the_maximum);
	tcase_add_test(t, a_quantile_holds_its_part_of_the_values);
	tcase_add_test(t, bucket_edges_meet_without_a_gap);
	tcase_add_test(t, the_largest_value_there_is_is_counted);
	tcase_add_test(t, a_merge_is_as_if_all_had_been_added_to_one);
	tcase_add_test(t, a_sample_for_n_is_as_if_n_had_been_added);
	suite_add_tcase(s, t);
	return unit_run(s);
}
