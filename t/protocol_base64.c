/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/base64.h"
#include "t/unit.h"

static const struct {
	const char *bytes, *text;
} rows[] = { /* RFC 4648, section 10 */
	     { "", "" },           { "f", "Zg==" },
	     { "fo", "Zm8=" },     { "foo", "Zm9v" },
	     { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	     { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "+//+" }
};
#define NROWS ((int)(sizeof rows / sizeof *rows))

START_TEST(bytes_become_text)
{
	size_t n = strlen(rows[_i].bytes);
	char out[32];

	n = ewb_base64_encode(out, rows[_i].bytes, n);
	out[n] = '\0';
	ck_assert_str_eq(out, rows[_i].text);
	ck_assert_uint_eq(n, EWB_BASE64_LEN(strlen(rows[_i].bytes)));
}
END_TEST

START_TEST(text_becomes_bytes_padded_or_not)
{
	const char *text = rows[_i].text;
	size_t n = strlen(text), want = strlen(rows[_i].bytes);
	char out[32];

	for (int padded = 0; padded < 2; padded++) {
		ck_assert_uint_eq(ewb_base64_decode(out, sizeof out, text, n),
		                  want);
		ck_assert_mem_eq(out, rows[_i].bytes, want);
		while (n && text[n - 1] == '=')
			n--;
	}
}
END_TEST

START_TEST(it_may_be_where_the_text_was)
{
	char both[] = "Zm9vYmFy";

	ck_assert_uint_eq(ewb_base64_decode(both, 8, both, 8), 6);
	ck_assert_mem_eq(both, "foobar", 6);
}
END_TEST

START_TEST(no_more_is_written_than_there_is_room_for)
{
	char out[5] = "....";

	ck_assert_uint_eq(ewb_base64_decode(out, 2, "Zm9v", 4), 3);
	ck_assert_str_eq(out, "fo..");
	ck_assert_uint_eq(ewb_base64_decode(NULL, 0, "Zm9v", 4), 3);
}
END_TEST

START_TEST(what_is_none_is_none)
{
	static const char *const wrong[] = { "Z",     "Zm9vY", "Zm9=v", "Zg=",
		                             "Zg===", "====",  "Zm 9v", "Zm9-",
		                             "Zm9_",  "Zm9v=", "\xff\xff" };

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_uint_eq(ewb_base64_decode(NULL, 0, wrong[i],
		                                    strlen(wrong[i])),
		                  SIZE_MAX);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base64");
	TCase *t = tcase_create("text");

	tcase_add_loop_test(t, bytes_become_text, 0, NROWS);
	tcase_add_loop_test(t, text_becomes_bytes_padded_or_not, 0, NROWS);
	tcase_add_test(t, it_may_be_where_the_text_was);
	tcase_add_test(t, no_more_is_written_than_there_is_room_for);
	tcase_add_test(t, what_is_none_is_none);
	suite_add_tcase(s, t);
	return unit_run(s);
}
