/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/ctl_addr.h"
#include "daemon/ctl_range.h"
#include "protocol/binary.h"
#include "t/unit.h"

static struct ewb_ctl_range range;
static struct ewb_ctl_buf out;

static void
empty(void)
{
	range = (struct ewb_ctl_range){ 0 };
	out = (struct ewb_ctl_buf){ 0 };
}

static void
let_go(void)
{
	ewb_ctl_range_fini(&range);
	ewb_ctl_buf_fini(&out);
}

static const char *
json(void)
{
	ck_assert_int_eq(ewb_ctl_range_json(&range, NULL, "k", 1, &out), 0);
	ck_assert_int_eq(ewb_ctl_buf_add(&out, "", 1), 0);
	return (const char *)out.at;
}

static void
prefix(const char *p, size_t n)
{
	ck_assert_int_eq(ewb_ctl_range_prefix(&range, p, n), 0);
}

START_TEST(a_prefix_ends_before_its_successor)
{
	prefix("lib", 3);
	ck_assert_str_eq(
		json(),
		"{\"range\":{\"start\":\"bGli\",\"excl_end\":\"bGlj\"}}");
}
END_TEST

START_TEST(a_prefix_that_ends_in_ff_has_a_shorter_successor)
{
	prefix("a\xff\xff", 3);
	ck_assert_str_eq(
		json(),
		"{\"range\":{\"start\":\"Yf//\",\"excl_end\":\"Yg==\"}}");
}
END_TEST

START_TEST(a_prefix_of_ff_alone_has_no_end)
{
	prefix("\xff\xff", 2);
	ck_assert_str_eq(json(), "{\"range\":{\"start\":\"//8=\"}}");
}
END_TEST

START_TEST(a_collection_and_a_direction_are_said_only_where_wanted)
{
	range.keys_only = range.descending = range.has_collection = true;
	range.collection = 0x1f4;
	ck_assert_str_eq(json(),
	                 "{\"key_only\":true,\"descending\":true,"
	                 "\"collection\":\"1f4\",\"range\":{}}");
}
END_TEST

START_TEST(a_token_goes_with_the_last_key_if_there_is_one)
{
	uint8_t token[EWB_BIN_TOKEN] = { 0xff };

	range.resumable = true;
	ck_assert_int_eq(ewb_ctl_range_json(&range, token, "k", 0, &out), 0);
	ck_assert_int_eq(ewb_ctl_range_json(&range, token, "k", 1, &out), 0);
	ck_assert_int_eq(ewb_ctl_buf_add(&out, "", 1), 0);
	ck_assert_str_eq((char *)out.at,
	                 "{\"resumable\":true,"
	                 "\"resume\":\"/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
	                 "\"range\":{}}"
	                 "{\"resumable\":true,"
	                 "\"resume\":\"/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
	                 "\"after\":\"aw==\",\"range\":{}}");
}
END_TEST

START_TEST(an_empty_prefix_has_no_bounds)
{
	prefix("", 0);
	ck_assert_str_eq(json(), "{\"range\":{}}");
}
END_TEST

START_TEST(both_bounds_are_included_unless_said_otherwise)
{
	ewb_ctl_buf_add(&range.end, "b", 1);
	range.has_end = true;
	ck_assert_str_eq(json(), "{\"range\":{\"end\":\"Yg==\"}}");
	out.len = 0;
	ewb_ctl_buf_add(&range.start, "a", 1);
	range.has_start = range.end_excluded = range.keys_only = true;
	ck_assert_str_eq(json(),
	                 "{\"key_only\":true,\"range\":{\"start\":\"YQ==\","
	                 "\"excl_end\":\"Yg==\"}}");
}
END_TEST

START_TEST(a_sample_carries_the_whole_seed)
{
	range.nsamples = 12;
	range.seed = UINT64_MAX;
	ck_assert_str_eq(json(), "{\"sampling\":{\"samples\":12,"
	                         "\"seed\":18446744073709551615}}");
}
END_TEST

static void
is_addr(const char *where, const char *host, const char *port)
{
	struct ewb_ctl_addr a;

	ck_assert_int_eq(ewb_ctl_addr_parse(&a, where), 0);
	ck_assert(!a.is_path);
	ck_assert_str_eq(a.host, host);
	ck_assert_str_eq(a.port, port);
}

START_TEST(an_address_has_a_host_and_perhaps_a_port)
{
	is_addr("db", "db", EWB_CTL_PORT);
	is_addr("10.0.0.1:7", "10.0.0.1", "7");
	is_addr("[::1]:7", "::1", "7");
	is_addr("[fe80::1]", "fe80::1", EWB_CTL_PORT);
	is_addr("::1", "::1", EWB_CTL_PORT);
}
END_TEST

START_TEST(an_address_with_a_slash_is_a_path)
{
	struct ewb_ctl_addr a;

	ck_assert_int_eq(ewb_ctl_addr_parse(&a, "./s:1"), 0);
	ck_assert(a.is_path);
	ck_assert_str_eq(a.host, "./s:1");
}
END_TEST

START_TEST(an_address_that_makes_no_sense_is_refused)
{
	static const char *const wrong[] = { "",     ":1",       "a:",
		                             "a:b",  "[::1",     "[::1]x",
		                             "[]:1", "a:123456", "11211" };
	struct ewb_ctl_addr a;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(ewb_ctl_addr_parse(&a, wrong[i]) == -1, "%s",
		              wrong[i]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ctl_range");
	TCase *t = tcase_create("range");

	tcase_add_checked_fixture(t, empty, let_go);
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_prefix_ends_before_its_successor);
	tcase_add_test(t, a_prefix_that_ends_in_ff_has_a_shorter_successor);
	tcase_add_test(t, a_prefix_of_ff_alone_has_no_end);
	tcase_add_test(t,
	               a_collection_and_a_direction_are_said_only_where_wanted);
	tcase_add_test(t, a_token_goes_with_the_last_key_if_there_is_one);
	tcase_add_test(t, an_empty_prefix_has_no_bounds);
	tcase_add_test(t, both_bounds_are_included_unless_said_otherwise);
	tcase_add_test(t, a_sample_carries_the_whole_seed);
	tcase_add_test(t, an_address_has_a_host_and_perhaps_a_port);
	tcase_add_test(t, an_address_with_a_slash_is_a_path);
	tcase_add_test(t, an_address_that_makes_no_sense_is_refused);
	suite_add_tcase(s, t);
	return unit_run(s);
}
