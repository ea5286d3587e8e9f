/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/ctl_document.h"
#include "t/unit.h"

static struct ewb_ctl_document d;

static void
setup(void)
{
	ck_assert_int_eq(ewb_ctl_document_init(&d), 0);
}

static void
teardown(void)
{
	ewb_ctl_document_fini(&d);
}

static void
is(const char *line, const char *key, size_t nkey, const char *value,
   size_t nvalue)
{
	int err = ewb_ctl_document_parse(&d, line, strlen(line));

	ck_assert_msg(!err, "%s: %s", line, d.why);
	ck_assert_uint_eq(d.record.nkey, nkey);
	ck_assert_mem_eq(d.record.key, key, nkey);
	ck_assert_uint_eq(d.record.nvalue, nvalue);
	ck_assert_mem_eq(d.record.value, value, nvalue);
}

START_TEST(bytes_are_text_or_base64)
{
	is("{\"key\":\"a\",\"value\":\"b\"}", "a", 1, "b", 1);
	is("{\"value\":\"\",\"key\":\"\\u0000\\u00e9\\ud83d\\ude00\"} ",
	   "\0\xc3\xa9\xf0\x9f\x98\x80", 7, "", 0);
	is("{\"key\":\"\\\\ud800:\\\"\",\"value\":\"{:\\u005c\"}", "\\ud800:\"", 8, "{:\\",
	   3);
	is("{\"key64\":\"AP8=\",\"value64\":\"\"}", "\0\xff", 2, "", 0);
}
END_TEST

START_TEST(numbers_that_are_not_there_are_0)
{
	is("{\"key\":\"a\",\"value\":\"b\",\"flags\":4294967295,\"expiry\":7,"
	   "\"datatype\":255,\"cas\":18446744073709551615}",
	   "a", 1, "b", 1);
	ck_assert_uint_eq(d.record.flags, 4294967295u);
	ck_assert_uint_eq(d.record.expiry, 7);
	ck_assert_uint_eq(d.record.datatype, 255);
	is("{\"key\":\"a\",\"value\":\"b\"}", "a", 1, "b", 1);
	ck_assert_uint_eq(d.record.flags, 0);
	ck_assert_uint_eq(d.record.expiry, 0);
	ck_assert_uint_eq(d.record.datatype, 0);
}
END_TEST

START_TEST(a_document_may_say_its_collection)
{
	is("{\"collection\":\"a.b\",\"key\":\"a\",\"value\":\"b\"}", "a", 1, "b", 1);
	ck_assert_str_eq(d.collection, "a.b");
	is("{\"key\":\"a\",\"value\":\"b\"}", "a", 1, "b", 1);
	ck_assert_ptr_null(d.collection);
}
END_TEST

#define KV "\"key\":\"a\",\"value\":\"b\""

static const struct {
	const char *line, *why;
} bad[] = {
	{ "", "it is empty" },
	{ "{\"key\":\"a\",\"va", "it is cut short" },
	{ "{\"key\":\"a\" \"value\"}", "column 12: " },
	{ "{" KV "} {", "column 25: " },
	{ "{\"key\":\"\xff\",\"value\":\"b\"}", "column 9: " },
	{ "[]", "it is no JSON object" },
	{ "null ", "it is no JSON object" },
	{ "null", "it is no JSON object" },
	{ "12", "it is no JSON object" },
	{ " \t", "it is empty" },
	{ "{\"key\":\"\\ud800\",\"value\":\"b\"}", "column 9: half of a" },
	{ "{\"key\":\"a\\udc00\",\"value\":\"b\"}", "column 10: half of a" },
	{ "{\"key\":\"\\ud800\\ud800\",\"value\":\"b\"}", "column 9: half" },
	{ "{\"key\":\"\\\\\\udbff\\\\\",\"value\":\"b\"}", "column 11: half" },
	{ "{" KV ",\"key\":\"c\"}", "a member is there twice" },
	{ "{\"value\":\"b\"}", "it has no \"key\" that is a string" },
	{ "{\"key\":1,\"value\":\"b\"}", "it has no \"key\" that is a string" },
	{ "{\"key\":\"a\"}", "it has no \"value\" that is a string" },
	{ "{" KV ",\"key64\":\"\"}", "it has \"key\" and \"key64\"" },
	{ "{\"key\":\"a\",\"value64\":\"A\"}", "\"value64\" is no base64" },
	{ "{" KV ",\"vaule\":\"b\"}", "unknown member \"vaule\"" },
	{ "{" KV ",\"flags\":-1}", "\"flags\" wants a number from 0 to 42949" },
	{ "{" KV ",\"flags\":1.5}", "\"flags\" wants a number" },
	{ "{" KV ",\"expiry\":4294967296}", "\"expiry\" wants a number" },
	{ "{" KV ",\"datatype\":256}", "\"datatype\" wants a number from 0 to 255" },
	{ "{" KV ",\"collection\":\"a\"}", "\"collection\" wants \"SCOPE" },
	{ "{" KV ",\"collection\":7}", "\"collection\" wants \"SCOPE" },
	{ "{\"key\":\"\",\"value\":\"b\"}", "the key is empty" },
};

START_TEST(what_is_wrong_with_a_line_is_said)
{
	size_t n = strlen(bad[_i].why);

	ck_assert_int_eq(ewb_ctl_document_parse(&d, bad[_i].line,
	                                        strlen(bad[_i].line)),
	                 -1);
	ck_assert_msg(!strncmp(d.why, bad[_i].why, n), "%s: %s", bad[_i].line,
	              d.why);
	/* and it does for the next one */
	is("{" KV "}", "a", 1, "b", 1);
}
END_TEST

START_TEST(a_key_may_have_250_bytes)
{
	char line[300], key[252] = { 0 };
	int n;

	memset(key, 'k', 250);
	n = snprintf(line, sizeof(line), "{\"key\":\"%s\",\"value\":\"\"}", key);
	ck_assert_int_eq(ewb_ctl_document_parse(&d, line, (size_t)n), 0);
	key[250] = 'k';
	n = snprintf(line, sizeof(line), "{\"key\":\"%s\",\"value\":\"\"}", key);
	ck_assert_int_eq(ewb_ctl_document_parse(&d, line, (size_t)n), -1);
	ck_assert_str_eq(d.why,
	                 "the key is too long: 251 bytes, 250 at most");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ctl_document");
	TCase *t = tcase_create("document");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, bytes_are_text_or_base64);
	tcase_add_test(t, numbers_that_are_not_there_are_0);
	tcase_add_test(t, a_document_may_say_its_collection);
	tcase_add_loop_test(t, what_is_wrong_with_a_line_is_said, 0,
	                    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, a_key_may_have_250_bytes);
	suite_add_tcase(s, t);
	return unit_run(s);
}
