/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/ctl_escape.h"
#include "t/unit.h"

static struct ewb_ctl_buf out;

static void
empty(void)
{
	out = (struct ewb_ctl_buf){ 0 };
}

static void
let_go(void)
{
	ewb_ctl_buf_fini(&out);
}

/* What out holds since the last look, as a string. */
static const char *
text(void)
{
	ck_assert_int_eq(ewb_ctl_buf_add(&out, "", 1), 0);
	out.len = 0;
	return (const char *)out.at;
}

static const char *
escape(const char *data, size_t n)
{
	ck_assert_int_eq(ewb_ctl_escape(&out, data, n), 0);
	return text();
}

static const char *
json(const char *data, size_t n)
{
	ck_assert_int_eq(ewb_ctl_json_string(&out, data, n), 0);
	return text();
}

static const char *
base64(const char *data)
{
	ck_assert_int_eq(ewb_ctl_base64(&out, data, strlen(data)), 0);
	return text();
}

START_TEST(control_characters_and_backslashes_are_escaped)
{
	ck_assert_str_eq(escape("a\tb\nc\rd\\e", 9), "a\\tb\\nc\\rd\\\\e");
	ck_assert_str_eq(escape("\0\x1f\x7f", 3), "\\x00\\x1f\\x7f");
}
END_TEST

START_TEST(bytes_above_ascii_stay_as_they_are)
{
	ck_assert_str_eq(escape("\xc3\xa4\x80\xff", 4), "\xc3\xa4\x80\xff");
}
END_TEST

START_TEST(every_byte_comes_back_from_its_escape)
{
	char data[256];
	size_t bad = 0;
	int i;

	for (i = 0; i < 256; i++)
		data[i] = (char)i;
	ck_assert_int_eq(ewb_ctl_escape(&out, data, 256), 0);
	ck_assert_ptr_null(memchr(out.at, '\n', out.len));
	ck_assert_ptr_null(memchr(out.at, '\t', out.len));
	ck_assert_int_eq(ewb_ctl_unescape((char *)out.at, out.len, &bad), 256);
	ck_assert_int_eq(memcmp(out.at, data, 256), 0);
}
END_TEST

START_TEST(hexadecimal_escapes_take_either_case)
{
	char s[] = "\\xfF\\x4a";
	size_t bad = 0;

	ck_assert_int_eq(ewb_ctl_unescape(s, 8, &bad), 2);
	ck_assert_int_eq(memcmp(s, "\xff\x4a", 2), 0);
}
END_TEST

START_TEST(what_is_no_escape_is_refused_with_its_place)
{
	static const char *const wrong[] = { "ab\\",   "ab\\q",   "ab\\x",
		                             "ab\\x1", "ab\\x1g", "ab\\xg1" };
	size_t i, bad;
	char s[16];

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bad = 99;
		strcpy(s, wrong[i]);
		ck_assert_int_eq(ewb_ctl_unescape(s, strlen(s), &bad), -1);
		ck_assert_uint_eq(bad, 2);
	}
}
END_TEST

START_TEST(utf8_is_told_from_other_bytes)
{
	static const char *const right[] = {
		"",
		"plain",
		"\xc2\x80",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
	};
	static const char *const wrong[] = {
		"\x80",             /* a continuation alone */
		"\xc1\xbf",         /* overlong */
		"\xe0\x9f\xbf",     /* overlong */
		"\xf0\x8f\xbf\xbf", /* overlong */
		"\xed\xa0\x80",     /* a surrogate */
		"\xf4\x90\x80\x80", /* above the last character */
		"\xf8\x88\x80\x80", /* five bytes' start */
		"\xe2\x82",         /* cut short */
		"\xc3(",            /* not continued */
		"\xe2\x82(",        /* not continued */
	};
	size_t i;

	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		ck_assert(ewb_ctl_is_utf8(right[i], strlen(right[i])));
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert(!ewb_ctl_is_utf8(wrong[i], strlen(wrong[i])));
}
END_TEST

START_TEST(a_json_string_escapes_what_json_forbids)
{
	ck_assert_str_eq(json("a\"b\\c\n\t\r\x01\0z\x7f", 12),
	                 "\"a\\\"b\\\\c\\n\\t\\r\\u0001\\u0000z\\u007f\"");
	ck_assert_str_eq(json("\xc3\xa4/", 3), "\"\xc3\xa4/\"");
	ck_assert_str_eq(json("", 0), "\"\"");
}
END_TEST

START_TEST(base64_is_padded)
{
	ck_assert_str_eq(base64(""), "");
	ck_assert_str_eq(base64("f"), "Zg==");
	ck_assert_str_eq(base64("fo"), "Zm8=");
	ck_assert_str_eq(base64("foo"), "Zm9v");
	ck_assert_str_eq(base64("\xff\xfe\xfd\xfc"), "//79/A==");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ctl_escape");
	TCase *t = tcase_create("escape");

	tcase_add_checked_fixture(t, empty, let_go);
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, control_characters_and_backslashes_are_escaped);
	tcase_add_test(t, bytes_above_ascii_stay_as_they_are);
	tcase_add_test(t, every_byte_comes_back_from_its_escape);
	tcase_add_test(t, hexadecimal_escapes_take_either_case);
	tcase_add_test(t, what_is_no_escape_is_refused_with_its_place);
	tcase_add_test(t, utf8_is_told_from_other_bytes);
	tcase_add_test(t, a_json_string_escapes_what_json_forbids);
	tcase_add_test(t, base64_is_padded);
	suite_add_tcase(s, t);
	return unit_run(s);
}
