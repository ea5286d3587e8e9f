/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <string.h>

#include "lib/log.h"
#include "t/unit.h"

static char last[2000];
static unsigned lines;

static void
keep(void *arg, const char *line)
{
	ck_assert_ptr_eq(arg, last);
	lines++;
	strcpy(last, line);
}

static const struct ewb_log info = { EWB_LOG_INFO, keep, last };

static void
clear(void)
{
	lines = 0;
	last[0] = '\0';
}

START_TEST(a_line_is_written_as_it_was_formatted)
{
	ewb_log(&info, EWB_LOG_ERROR, "listen %s: %d", "here", 7);
	ck_assert_str_eq(last, "listen here: 7");
	ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(what_is_above_the_level_is_not_written)
{
	ewb_log(&info, EWB_LOG_DEBUG, "no");
	ck_assert_uint_eq(lines, 0);
	ewb_log(&info, EWB_LOG_INFO, "yes");
	ck_assert_uint_eq(lines, 1);
}
END_TEST

START_TEST(a_long_line_is_cut_at_1000_bytes)
{
	char text[1500];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ewb_log(&info, EWB_LOG_ERROR, "%s", text);
	ck_assert_uint_eq(strlen(last), 1000);
}
END_TEST

START_TEST(a_peers_bytes_make_no_line_of_their_own)
{
	ewb_log(&info, EWB_LOG_ERROR, "key %s: no", "a\nb\x1b[2J\x7f");
	ck_assert_str_eq(last, "key a?b?[2J?: no");
}
END_TEST

START_TEST(what_the_system_says_begins_with_a_small_letter)
{
	char text[EWB_LOG_TEXT];
	char big[EWB_LOG_TEXT * 2];

	ck_assert_str_eq(ewb_log_text(text, "Name or service not known"),
	                 "name or service not known");
	ck_assert_str_eq(ewb_log_text(text, "RPC struct is bad"),
	                 "RPC struct is bad");
	ck_assert_str_eq(ewb_log_text(text, ""), "");
	memset(big, 'X', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	ck_assert_uint_eq(strlen(ewb_log_text(text, big)), EWB_LOG_TEXT - 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lib/log");
	TCase *t = tcase_create("log");

	tcase_add_checked_fixture(t, clear, NULL);
	tcase_add_test(t, a_line_is_written_as_it_was_formatted);
	tcase_add_test(t, what_is_above_the_level_is_not_written);
	tcase_add_test(t, a_long_line_is_cut_at_1000_bytes);
	tcase_add_test(t, a_peers_bytes_make_no_line_of_their_own);
	tcase_add_test(t, what_the_system_says_begins_with_a_small_letter);
	suite_add_tcase(s, t);
	return unit_run(s);
}
