/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl_sample.h"
#include "daemon/ctl_source.h"
#include "t/unit.h"

#define NSOURCES 7
#define NKEYS 500

/* Appends a record with that key, and as value the key again. */
static void
feed(struct ewb_ctl_source *s, const char *key)
{
	struct ewb_bin_record r = {
		.key = (const uint8_t *)key,
		.nkey = strlen(key),
		.value = (const uint8_t *)key,
		.nvalue = strlen(key),
	};
	size_t n = ewb_bin_record_size(&r, 0);

	ck_assert_int_eq(ewb_ctl_buf_reserve(&s->in, n), 0);
	ewb_bin_record_put(s->in.at + s->in.len, &r, 0);
	s->in.len += n;
	ewb_ctl_source_look(s, false);
}

/* A fixed deal of NKEYS keys, uneven, the last source without any, in whichever
 * order each has them. */
static void
merge(bool descending)
{
	struct ewb_ctl_source source[NSOURCES] = { 0 };
	struct ewb_ctl_merge m;
	struct ewb_ctl_source *s;
	char key[16];
	int i, n = 0;

	for (i = 0; i < NKEYS; i++) {
		snprintf(key, sizeof(key), "k%05d",
		         descending ? NKEYS - 1 - i : i);
		feed(&source[i * i % 11 % (NSOURCES - 1)], key);
	}
	ck_assert_int_eq(ewb_ctl_merge_init(&m, NSOURCES, descending), 0);
	for (i = 0; i < NSOURCES; i++)
		if (source[i].nnow)
			ewb_ctl_merge_add(&m, &source[i]);
	while ((s = ewb_ctl_merge_first(&m))) {
		snprintf(key, sizeof(key), "k%05d",
		         descending ? NKEYS - 1 - n : n);
		n++;
		ck_assert_uint_eq(s->now.nkey, strlen(key));
		ck_assert_int_eq(memcmp(s->now.key, key, s->now.nkey), 0);
		ewb_ctl_source_drop(s, false);
		ewb_ctl_merge_settle(&m);
	}
	ck_assert_int_eq(n, NKEYS);
	ewb_ctl_merge_fini(&m);
	for (i = 0; i < NSOURCES; i++)
		ewb_ctl_buf_fini(&source[i].in);
}

START_TEST(a_merge_gives_all_records_in_key_order)
{
	merge(false);
}
END_TEST

START_TEST(a_descending_merge_gives_them_the_other_way_round)
{
	merge(true);
}
END_TEST

START_TEST(keys_compare_as_unsigned_bytes_then_by_length)
{
	ck_assert_int_lt(ewb_ctl_key_compare("a", 1, "\xff", 1), 0);
	ck_assert_int_lt(ewb_ctl_key_compare("a", 1, "ab", 2), 0);
	ck_assert_int_lt(ewb_ctl_key_compare("a\0", 2, "a\0\0", 3), 0);
	ck_assert_int_eq(ewb_ctl_key_compare("ab", 2, "ab", 2), 0);
	ck_assert_int_gt(ewb_ctl_key_compare("b", 1, "ab", 2), 0);
}
END_TEST

START_TEST(a_record_cut_short_is_none_until_the_rest_comes)
{
	struct ewb_ctl_source s = { 0 };
	size_t n;

	feed(&s, "key");
	n = s.in.len--;
	ewb_ctl_source_look(&s, false);
	ck_assert_uint_eq(s.nnow, 0);
	s.in.len = n;
	ewb_ctl_source_look(&s, false);
	ck_assert_uint_eq(s.nnow, n);
	ewb_ctl_buf_fini(&s.in);
}
END_TEST

/* Goes on until the source has no record: each is whole, and has the next number
 * as its key and its value.  Returns the number after the last. */
static int
numbers(struct ewb_ctl_source *s, int n)
{
	char key[16];

	while (s->nnow) {
		ck_assert_int_eq(ewb_ctl_source_load(s, false), 0);
		snprintf(key, sizeof(key), "k%05d", n++);
		ck_assert_uint_eq(s->now.nkey, 6);
		ck_assert_mem_eq(s->now.key, key, 6);
		ck_assert_uint_ge(s->now.nvalue, 6);
		ck_assert_mem_eq(s->now.value, key, 6);
		ck_assert_int_eq(ewb_ctl_source_drop(s, false), 0);
	}
	return n;
}

/* Records from one number to another, every 16th of 100000 bytes. */
static void
feed_numbers(struct ewb_ctl_source *s, int from, int to)
{
	static uint8_t value[100000], bytes[sizeof(value) + 64];
	char key[16];

	for (; from < to; from++) {
		struct ewb_bin_record r = { .key = (uint8_t *)key,
			                    .nkey = 6,
			                    .value = value };

		snprintf(key, sizeof(key), "k%05d", from);
		memcpy(value, key, 6);
		r.nvalue = from % 16 ? 6 : sizeof(value);
		ck_assert_int_eq(
			ewb_ctl_source_add(s, bytes,
		                           ewb_bin_record_put(bytes, &r, 0)),
			0);
	}
	ck_assert_int_eq(ewb_ctl_source_look(s, false), 0);
}

START_TEST(records_in_a_file_come_as_they_would_from_memory)
{
	struct ewb_ctl_source s = { .vbucket = 3 };
	struct ewb_ctl_spill file = { 0 };

	feed_numbers(&s, 0, 100);
	ck_assert_int_eq(ewb_ctl_source_spill(&s, &file), 0);
	feed_numbers(&s, 100, 1000);
	ck_assert_uint_lt(s.in.cap, 10000);
	ck_assert_int_eq(numbers(&s, 0), 1000);
	/* empty, it is in memory again, and may go once more */
	ck_assert_ptr_null(s.spill);
	feed_numbers(&s, 1000, 1001);
	ck_assert_int_eq(numbers(&s, 1000), 1001);
	ck_assert_int_eq(ewb_ctl_source_spill(&s, &file), 0);
	feed_numbers(&s, 1001, 1040);
	ck_assert_int_eq(numbers(&s, 1001), 1040);
	ck_assert_uint_lt(s.in.cap, 10000);
	ewb_ctl_buf_fini(&s.in);
	ewb_ctl_spill_fini(&file);
}
END_TEST

START_TEST(two_sources_in_one_file_keep_apart)
{
	struct ewb_ctl_source a = { .vbucket = 0 }, b = { .vbucket = 1023 };
	struct ewb_ctl_spill file = { 0 };

	ck_assert_int_eq(ewb_ctl_source_spill(&a, &file), 0);
	ck_assert_int_eq(ewb_ctl_source_spill(&b, &file), 0);
	feed_numbers(&a, 0, 40);
	feed_numbers(&b, 5000, 5040);
	ck_assert_int_eq(numbers(&a, 0), 40);
	ck_assert_int_eq(numbers(&b, 5000), 5040);
	ewb_ctl_buf_fini(&a.in);
	ewb_ctl_buf_fini(&b.in);
	ewb_ctl_spill_fini(&file);
}
END_TEST

/* The keys chosen out of n, as one string. */
static void
choose(size_t k, uint64_t seed, int n, char *out)
{
	struct ewb_ctl_sample s = { .k = k, .seed = seed };
	char key[16];
	size_t at;
	int i;

	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "k%05d", i);
		ck_assert_int_eq(ewb_ctl_sample_add(&s, key, 6, key, 6), 0);
	}
	ewb_ctl_sample_end(&s);
	for (at = 0; at < s.n; at++, out += 6) {
		memcpy(out, s.at[at].line, 6);
		ck_assert(!at || memcmp(out - 6, out, 6) < 0);
	}
	*out = 0;
	ewb_ctl_sample_fini(&s);
}

START_TEST(a_sample_has_exactly_k_in_order_and_again_with_its_seed)
{
	char first[1024], again[1024], other[1024];

	choose(100, 7, 10000, first);
	choose(100, 7, 10000, again);
	choose(100, 8, 10000, other);
	ck_assert_uint_eq(strlen(first), 600);
	ck_assert_str_eq(first, again);
	ck_assert_str_ne(first, other);
}
END_TEST

START_TEST(a_sample_of_fewer_than_k_has_them_all)
{
	char all[1024];

	choose(100, 1, 99, all);
	ck_assert_uint_eq(strlen(all), 99 * 6);
	choose(1, 1, 0, all);
	ck_assert_str_eq(all, "");
}
END_TEST

START_TEST(a_sample_takes_from_all_parts_alike)
{
	char chosen[6 * 1000 + 1], *p;
	int low = 0;

	choose(1000, 42, 10000, chosen);
	for (p = chosen; *p; p += 6)
		low += memcmp(p, "k05000", 6) < 0;
	/* 500 are to be expected; 8 standard deviations */
	ck_assert_int_gt(low, 380);
	ck_assert_int_lt(low, 620);
}
END_TEST

START_TEST(each_vbucket_is_asked_for_a_little_more_than_its_part)
{
	ck_assert_uint_eq(ewb_ctl_sample_each(16, 1), 16 + 16 + 12);
	ck_assert_uint_eq(ewb_ctl_sample_each(6400, 64), 100 + 40 + 12);
	ck_assert_uint_eq(ewb_ctl_sample_each(1, 1024), 1 + 4 + 12);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ctl_source");
	TCase *t = tcase_create("source");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_merge_gives_all_records_in_key_order);
	tcase_add_test(t, a_descending_merge_gives_them_the_other_way_round);
	tcase_add_test(t, keys_compare_as_unsigned_bytes_then_by_length);
	tcase_add_test(t, a_record_cut_short_is_none_until_the_rest_comes);
	tcase_add_test(t, records_in_a_file_come_as_they_would_from_memory);
	tcase_add_test(t, two_sources_in_one_file_keep_apart);
	tcase_add_test(t,
	               a_sample_has_exactly_k_in_order_and_again_with_its_seed);
	tcase_add_test(t, a_sample_of_fewer_than_k_has_them_all);
	tcase_add_test(t, a_sample_takes_from_all_parts_alike);
	tcase_add_test(t,
	               each_vbucket_is_asked_for_a_little_more_than_its_part);
	suite_add_tcase(s, t);
	return unit_run(s);
}
