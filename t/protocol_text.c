/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "protocol/status.h"
#include "protocol/text.h"
#include "t/protocol_play.h"
#include "t/unit.h"

#define MAX_VALUE 1000
#define BAD_FORMAT "CLIENT_ERROR bad command line format"
#define FORMAT_ERROR "error 4 \"" BAD_FORMAT "\""
#define SKIPPED "error 4 \"the rest of a refused line\" noreply\n"
#define CHARS_10 "kkkkkkkkkk"
#define CHARS_50 CHARS_10 CHARS_10 CHARS_10 CHARS_10 CHARS_10
#define KEY_250 CHARS_50 CHARS_50 CHARS_50 CHARS_50 CHARS_50
#define KEY_251 KEY_250 "k"

static void
says_bytes(const char *in, size_t n, const char *want)
{
	char *said = play(PLAY_TEXT, in, n, MAX_VALUE);

	ck_assert_str_eq(said, want);
	free(said);
}

/* What the parser makes of the stream, however it is cut. */
static void
says(const char *in, const char *want)
{
	says_bytes(in, strlen(in), want);
}

/* The same, for n times the character c between two texts. */
static void
says_long(const char *before, char c, size_t n, const char *after,
          const char *want)
{
	size_t nbefore = strlen(before), nafter = strlen(after);
	char *in = malloc(nbefore + n + nafter);

	memcpy(in, before, nbefore);
	memset(in + nbefore, c, n);
	memcpy(in + nbefore + n, after, nafter);
	says_bytes(in, nbefore + n + nafter, want);
	free(in);
}

/* Lines. */

START_TEST(a_line_ends_with_a_newline_or_with_return_and_newline)
{
	says("version\nversion\r\n", "version\nversion\n");
	says("get a\nget a\r\n", "get a multi\nend multi\n"
	                         "get a multi\nend multi\n");
}
END_TEST

START_TEST(blanks_may_stand_before_between_and_after_words)
{
	says("  delete  a  noreply  \r\n", "delete a noreply\n");
	says("  get  a  b  \r\n", "get a multi\nget b multi\nend multi\n");
}
END_TEST

START_TEST(only_a_blank_separates_words)
{
	says("delete a\tb\r\n", "delete a\tb\n");
	says("delete a\rb\r\n", "delete a\rb\n");
	says("get a\r\r\n", "get a\r multi\nend multi\n");
}
END_TEST

START_TEST(an_empty_line_is_an_error)
{
	says("\r\n", "error 81 \"ERROR\"\n");
	says("\n", "error 81 \"ERROR\"\n");
	says("   \r\n", "error 81 \"ERROR\"\n");
}
END_TEST

START_TEST(a_command_that_is_not_known_is_an_error_and_the_next_one_runs)
{
	says("bogus a b\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("GET a\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("geta\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("\1\2\377\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says_bytes("get\0 a\nversion\n", 15, "error 81 \"ERROR\"\nversion\n");
}
END_TEST

START_TEST(more_words_than_any_command_has_are_an_error)
{
	says("set a b c d e f g h i j k l m n o p q noreply\r\nversion\r\n",
	     "error 81 \"ERROR\"\nversion\n");
	says("version a b c d e f g h i j k l m n o p\r\n", "version\n");
}
END_TEST

START_TEST(a_line_may_have_2048_bytes_before_its_newline)
{
	says_long("version", ' ', EWB_LINE_MAX - 7, "\nversion\n",
	          "version\nversion\n");
}
END_TEST

START_TEST(a_longer_line_is_answered_and_the_connection_closed)
{
	static const char want[] =
		"error 4 \"CLIENT_ERROR line too long\" last\n";

	says_long("version", ' ', EWB_LINE_MAX - 6, "\nversion\n", want);
	says_long("", 'x', EWB_LINE_MAX + 1, "", want);
	says_long("", ' ', EWB_LINE_MAX + 1, "", want);
	says_long("set ", 'x', 3000, " 0 0 1\r\nx\r\n", want);
	says_long("get ", ' ', 3000, "a\r\n", want);
	says_long("gat 0 ", ' ', 3000, "a\r\n", want);
	says_long("gat ", '1', 3000, " a\r\n", want);
}
END_TEST

START_TEST(a_line_of_2048_bytes_without_a_newline_waits_for_more)
{
	says_long("", 'x', EWB_LINE_MAX, "", "");
}
END_TEST

START_TEST(no_part_of_a_line_is_enough)
{
	static const char *const lines[] = {
		"set a 5 -1 3\r\n",
		"cas a 5 6 3 99 noreply\r\n",
		"delete a 0 noreply\r\n",
		"incr a 7\r\n",
		"touch a 60\r\n",
		"flush_all 10 noreply\r\n",
		"verbosity 1\r\n",
		"stats items\r\n",
		"version\r\n",
		"quit\r\n",
		"get a\r\n",
		"gats 60 a\r\n",
		"bogus\r\n",
		"set " KEY_251 " 0 0 1\r\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct ewb_text t = { 0 };
		struct ewb_frame f;
		size_t n = strlen(lines[i]), whole = n;

		/* A get's first frame ends where its key does. */
		if (strncmp(lines[i], "ga", 2) == 0 ||
		    strncmp(lines[i], "ge", 2) == 0)
			whole = n - 1;
		for (size_t cut = 0; cut <= n; cut++) {
			struct ewb_text now = t;
			char *in = malloc(cut);
			enum ewb_parse p;

			if (cut)
				memcpy(in, lines[i], cut);
			p = ewb_text_parse(&now, (uint8_t *)in, cut, 100, &f);
			if (cut < whole) {
				ck_assert_int_eq(p, EWB_PARSE_MORE);
				ck_assert_uint_eq(f.head, 0);
				ck_assert_uint_eq(now.in_get, 0);
				ck_assert_uint_eq(now.in_skip, 0);
			}
			if (cut == n)
				ck_assert_int_eq(p, EWB_PARSE_OK);
			free(in);
		}
	}
}
END_TEST

/* Storing. */

START_TEST(a_storage_command_says_key_flags_exptime_and_length)
{
	says("set a 5 60 3\r\nxyz\r\n", "set a flags=5 exptime=60 value=3\n");
	says("add a 5 60 3\r\nxyz\r\n", "add a flags=5 exptime=60 value=3\n");
	says("replace a 5 60 3\r\nxyz\r\n",
	     "replace a flags=5 exptime=60 value=3\n");
	says("append a 5 60 3\r\nxyz\r\n",
	     "append a flags=5 exptime=60 value=3\n");
	says("prepend a 5 60 3\r\nxyz\r\n",
	     "prepend a flags=5 exptime=60 value=3\n");
}
END_TEST

START_TEST(a_value_may_be_of_any_bytes_and_of_none)
{
	says("set a 0 0 6\r\n\r\nget \r\nversion\r\n",
	     "set a value=6\nversion\n");
	says("set a 0 0 0\r\n\r\nversion\r\n", "set a\nversion\n");
}
END_TEST

START_TEST(a_storage_command_may_ask_for_no_reply)
{
	says("set a 0 0 1 noreply\r\nx\r\n", "set a noreply value=1\n");
	says("prepend a 0 0 1 noreply\r\nx\r\n", "prepend a noreply value=1\n");
	says("cas a 0 0 1 9 noreply\r\nx\r\n",
	     "set a noreply compare cas=9 value=1\n");
}
END_TEST

START_TEST(another_last_word_than_noreply_is_ignored)
{
	says("set a 0 0 1 foo\r\nx\r\n", "set a value=1\n");
	says("incr a 1 foo\r\n", "incr a delta=1\n");
	says("touch a 0 foo\r\n", "touch a\n");
	says("flush_all 0 foo\r\n", "flush_all\n");
	says("verbosity 1 foo\r\n", "verbosity flags=1\n");
}
END_TEST

START_TEST(cas_is_a_set_that_compares_also_with_0)
{
	says("cas a 0 0 1 18446744073709551615\r\nx\r\n",
	     "set a compare cas=18446744073709551615 value=1\n");
	says("cas a 0 0 1 0\r\nx\r\n", "set a compare value=1\n");
}
END_TEST

START_TEST(a_negative_exptime_survives)
{
	says("set a 0 -1 1\r\nx\r\n", "set a exptime=-1 value=1\n");
	says("touch a -1\r\n", "touch a exptime=-1\n");
	says("gat -1 a\r\n", "gat a multi exptime=-1\nend multi\n");
}
END_TEST

START_TEST(an_exptime_beyond_32_bits_is_the_nearest_one)
{
	says("touch a 2147483647\r\n", "touch a exptime=2147483647\n");
	says("touch a 4294967296\r\n", "touch a exptime=2147483647\n");
	says("touch a -2147483647\r\n", "touch a exptime=-2147483647\n");
	says("touch a -2147483648\r\n", "touch a exptime=-2147483648\n");
	says("touch a -4294967297\r\n", "touch a exptime=-2147483648\n");
}
END_TEST

START_TEST(flags_have_32_bits)
{
	says("set a 4294967295 0 1\r\nx\r\n",
	     "set a flags=4294967295 value=1\n");
	says("set a 4294967296 0 1\r\nx\r\nversion\r\n",
	     FORMAT_ERROR " skip value=1\nversion\n");
}
END_TEST

START_TEST(the_value_of_a_refused_line_is_skipped)
{
	says("set a x 0 1\r\ny\r\nversion\r\n",
	     FORMAT_ERROR " skip value=1\nversion\n");
	says("set a -1 0 1\r\ny\r\nversion\r\n",
	     FORMAT_ERROR " skip value=1\nversion\n");
	says("set a 0 x 1\r\ny\r\nversion\r\n",
	     FORMAT_ERROR " skip value=1\nversion\n");
	says("cas a 0 0 1 x\r\ny\r\nversion\r\n",
	     FORMAT_ERROR " skip value=1\nversion\n");
	says("cas a 0 0 1 18446744073709551616\r\ny\r\nversion\r\n",
	     FORMAT_ERROR " skip value=1\nversion\n");
	says("set " KEY_251 " 0 0 1\r\ny\r\nversion\r\n",
	     FORMAT_ERROR " skip value=1\nversion\n");
	says("set " KEY_251 " 0 0 1 noreply\r\ny\r\nversion\r\n",
	     FORMAT_ERROR " noreply skip value=1\nversion\n");
}
END_TEST

START_TEST(a_line_without_a_length_is_all_that_is_refused)
{
	says("set a 0 0 x\r\nversion\r\n", FORMAT_ERROR "\nversion\n");
	says("set a 0 0 -1\r\nversion\r\n", FORMAT_ERROR "\nversion\n");
	says("set a 0 0 1x\r\nversion\r\n", FORMAT_ERROR "\nversion\n");
	says("set a 0 0 noreply\r\nversion\r\n",
	     FORMAT_ERROR " noreply\nversion\n");
	says("set a 0 0\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("set\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("cas a 0 0 1\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("set a 0 0 1 noreply x\r\n", "error 81 \"ERROR\"\n");
}
END_TEST

START_TEST(a_value_over_the_limit_is_skipped)
{
	says_long("set a 0 0 1000\r\n", 'x', 1000, "\r\nversion\r\n",
	          "set a value=1000\nversion\n");
	says_long("set a 0 0 1001\r\n", 'x', 1001, "\r\nversion\r\n",
	          "error 3 \"SERVER_ERROR object too large for cache\" skip"
	          " value=1001\nversion\n");
	says_long("set a 0 0 1001 noreply\r\n", 'x', 1001, "\r\nversion\r\n",
	          "error 3 \"SERVER_ERROR object too large for cache\" noreply"
	          " skip value=1001\nversion\n");
}
END_TEST

START_TEST(a_value_that_is_too_much_to_skip_closes_the_connection)
{
	static const char too_big[] =
		"error 3 \"SERVER_ERROR object too large for cache\" last\n";

	says("set a 0 0 67108864\r\n",
	     "error 3 \"SERVER_ERROR object too large for cache\" skip"
	     " value=67108864\n");
	says("set a 0 0 67108865\r\n", too_big);
	says("set a 0 0 18446744073709551615\r\n", too_big);
	says("set a 0 0 18446744073709551617\r\n", too_big);
	says("set a 0 0 99999999999999999999999\r\n", too_big);
}
END_TEST

START_TEST(up_to_four_times_the_limit_is_skipped)
{
	char *said = play(PLAY_TEXT, "set a 0 0 400000000\r\n", 21, 100000000);

	ck_assert_ptr_nonnull(strstr(said, "skip value=400000000"));
	free(said);
	said = play(PLAY_TEXT, "set a 0 0 400000001\r\n", 21, 100000000);
	ck_assert_ptr_nonnull(strstr(said, "last"));
	free(said);
}
END_TEST

START_TEST(a_limit_near_the_end_of_the_numbers_does_not_wrap)
{
	struct ewb_text t = { 0 };
	struct ewb_frame f;
	const char *line = "set a 0 0 68000000\r\n";

	ck_assert_int_eq(ewb_text_parse(&t, (const uint8_t *)line, strlen(line),
	                                SIZE_MAX, &f),
	                 EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_SET);
	ck_assert_uint_eq(f.nvalue, 68000000);
}
END_TEST

START_TEST(a_key_has_up_to_250_bytes)
{
	says("delete " KEY_250 "\r\n", "delete " KEY_250 "\n");
	says("delete " KEY_251 "\r\n", FORMAT_ERROR "\n");
	says("delete " KEY_251 " noreply\r\n", FORMAT_ERROR " noreply\n");
	says("incr " KEY_251 " 1\r\n", FORMAT_ERROR "\n");
	says("touch " KEY_251 " 1\r\n", FORMAT_ERROR "\n");
	says("set " KEY_250 " 0 0 1\r\nx\r\n", "set " KEY_250 " value=1\n");
}
END_TEST

/* The end of a value. */

START_TEST(a_value_ends_with_return_and_newline)
{
	ck_assert_int_eq(ewb_text_tail_ok((const uint8_t *)"\r\n", 2), 1);
	ck_assert_int_eq(ewb_text_tail_ok((const uint8_t *)"\n\n", 2), 0);
	ck_assert_int_eq(ewb_text_tail_ok((const uint8_t *)"\rx", 2), 0);
	ck_assert_int_eq(ewb_text_tail_ok((const uint8_t *)"x\n", 2), 0);
	ck_assert_int_eq(ewb_text_tail_ok((const uint8_t *)"\r", 1), 0);
	ck_assert_int_eq(ewb_text_tail_ok((const uint8_t *)"\r\n\n", 3), 0);
}
END_TEST

START_TEST(a_value_longer_than_said_is_never_run_as_a_command)
{
	says("set a 0 0 1\r\nxyz\r\nversion\r\n",
	     "set a value=1\nbad data chunk\n" SKIPPED "version\n");
	says("set a 0 0 1\r\nxyzdelete a\r\nversion\r\n",
	     "set a value=1\nbad data chunk\n" SKIPPED "version\n");
	says("set a 0 0 1\r\nxy\r\nversion\r\n",
	     "set a value=1\nbad data chunk\n" SKIPPED "version\n");
}
END_TEST

START_TEST(the_line_after_a_bad_chunk_is_whole_when_the_chunk_ended_a_line)
{
	says("set a 0 0 1\r\nxy\nversion\r\n",
	     "set a value=1\nbad data chunk\nversion\n");
	says("set a 0 0 1\r\nx\nversion\r\n",
	     "set a value=1\nbad data chunk\nversion\n");
	says("set a 0 0 1\r\nx\n\nversion\r\n",
	     "set a value=1\nbad data chunk\nerror 81 \"ERROR\"\nversion\n");
}
END_TEST

START_TEST(what_follows_a_bad_chunk_is_thrown_away_however_long_it_is)
{
	says_long("set a 0 0 1\r\nx", 'y', 10000, "\r\nversion\r\n",
	          "set a value=1\nbad data chunk\n" SKIPPED "version\n");
	says_long("set a 0 0 1\r\nx", ' ', 10000, "\nget a\n",
	          "set a value=1\nbad data chunk\n" SKIPPED
	          "get a multi\nend multi\n");
}
END_TEST

START_TEST(what_is_thrown_away_may_be_taken_off_at_once_or_with_its_newline)
{
	static const uint8_t in[] = "rest\nversion\n";
	struct ewb_text t = { .in_skip = 1 };
	struct ewb_frame f;

	ck_assert_int_eq(ewb_text_parse(&t, in, 3, 9, &f), EWB_PARSE_MORE);
	ck_assert_uint_eq(f.head, 3);
	ck_assert_int_eq(ewb_text_parse(&t, in, 13, 9, &f), EWB_PARSE_OK);
	ck_assert_uint_eq(f.is, EWB_IS_NOREPLY);
	ck_assert_uint_eq(f.head, 5);
	ck_assert_uint_eq(t.in_skip, 0);
}
END_TEST

START_TEST(a_frame_is_the_same_when_it_is_parsed_again_with_its_value)
{
	static const uint8_t in[] = "set b 0 0 5\r\nhello\r\n";
	struct ewb_text t = { 0 };
	struct ewb_frame f;

	for (size_t n = 13; n <= 20; n++) {
		ck_assert_int_eq(ewb_text_parse(&t, in, n, 9, &f),
		                 EWB_PARSE_OK);
		ck_assert_int_eq(f.op, EWB_OP_SET);
		ck_assert_uint_eq(f.head, 13);
	}
	says("set a 0 0 1\r\nxyz\r\nset b 0 0 5\r\nhello\r\n",
	     "set a value=1\nbad data chunk\n" SKIPPED "set b value=5\n");
}
END_TEST

/* Getting. */

START_TEST(each_key_of_a_get_is_a_frame_and_the_end_another)
{
	says("get a\r\n", "get a multi\nend multi\n");
	says("get a bb ccc\r\nversion\r\n", "get a multi\nget bb multi\n"
	                                    "get ccc multi\nend multi\n"
	                                    "version\n");
}
END_TEST

START_TEST(gets_wants_the_cas)
{
	says("gets a b\r\n", "get a want_cas multi\nget b want_cas multi\n"
	                     "end want_cas multi\n");
}
END_TEST

START_TEST(gat_has_its_exptime_for_each_key)
{
	says("gat 60 a b\r\n", "gat a multi exptime=60\n"
	                       "gat b multi exptime=60\n"
	                       "end multi\n");
	says("gats 60 a\r\n", "gat a want_cas multi exptime=60\n"
	                      "end want_cas multi\n");
}
END_TEST

START_TEST(the_exptime_of_a_gat_is_not_that_of_the_next_get)
{
	says("gat 60 a\r\nget b\r\n", "gat a multi exptime=60\n"
	                              "end multi\n"
	                              "get b multi\nend multi\n");
}
END_TEST

START_TEST(a_get_without_a_key_is_an_error)
{
	says("get\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("get \nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("gets  \r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
	says("gat\r\nversion\r\n", "error 81 \"ERROR\"\nversion\n");
}
END_TEST

/* As memcached has it. */
START_TEST(a_gat_without_a_key_is_an_end)
{
	says("gat 0\r\nversion\r\n", "noop multi\nversion\n");
	says("gats 0 \nversion\r\n", "noop want_cas multi\nversion\n");
}
END_TEST

START_TEST(a_gat_without_a_number_is_refused_with_its_line)
{
	says("gat x a b\r\nversion\r\n",
	     "error 4 \"CLIENT_ERROR invalid exptime argument\"\n" SKIPPED
	     "version\n");
	says("gat x\r\nversion\r\n",
	     "error 4 \"CLIENT_ERROR invalid exptime argument\"\n" SKIPPED
	     "version\n");
}
END_TEST

START_TEST(the_keys_of_a_get_have_up_to_250_bytes)
{
	says("get " KEY_250 "\r\n", "get " KEY_250 " multi\nend multi\n");
	says("get " KEY_250 " a\n",
	     "get " KEY_250 " multi\nget a multi\nend multi\n");
	says("get a " KEY_250 "\n",
	     "get a multi\nget " KEY_250 " multi\nend multi\n");
	says("get " KEY_250 "\r \n", FORMAT_ERROR "\n" SKIPPED);
}
END_TEST

START_TEST(a_key_too_long_ends_a_get_and_its_line)
{
	says("get " KEY_251 "\r\nversion\r\n",
	     FORMAT_ERROR "\n" SKIPPED "version\n");
	says("get " KEY_251 "\nversion\r\n",
	     FORMAT_ERROR "\n" SKIPPED "version\n");
	says("get a " KEY_251 " b\r\nversion\r\n",
	     "get a multi\n" FORMAT_ERROR "\n" SKIPPED "version\n");
	says("gat 5 a " KEY_251 " b\r\nversion\r\n",
	     "gat a multi exptime=5\n" FORMAT_ERROR "\n" SKIPPED "version\n");
	says_long("get ", 'x', 10000, " b\r\nversion\r\n",
	          FORMAT_ERROR "\n" SKIPPED "version\n");
	says_long("get a ", 'x', 10000, " b\r\nversion\r\n",
	          "get a multi\n" FORMAT_ERROR "\n" SKIPPED "version\n");
}
END_TEST

START_TEST(a_get_may_be_longer_than_any_other_line)
{
	const size_t nkeys = EWB_LINE_MAX / 4 + 100;
	char *in = malloc(4 + nkeys * 4 + 3), *p = in;
	char *said, *s;

	p += sprintf(p, "gets");
	for (size_t i = 0; i < nkeys; i++)
		p += sprintf(p, " abc");
	p += sprintf(p, "\r\n");
	said = s = play(PLAY_TEXT, in, (size_t)(p - in), MAX_VALUE);
	for (size_t i = 0; i < nkeys; i++) {
		ck_assert_int_eq(strncmp(s, "get abc want_cas multi\n", 23), 0);
		s += 23;
	}
	ck_assert_str_eq(s, "end want_cas multi\n");
	free(said);
	free(in);
}
END_TEST

START_TEST(any_number_of_blanks_may_stand_between_two_keys)
{
	says_long("get a", ' ', 10000, "b\r\n",
	          "get a multi\nget b multi\nend multi\n");
	says_long("get a", ' ', 10000, "\r\n", "get a multi\nend multi\n");
}
END_TEST

START_TEST(a_key_is_within_the_bytes_that_its_frame_takes_off)
{
	static const uint8_t in[] = "get a bb\r\n";
	struct ewb_text t = { 0 };
	struct ewb_frame f;

	ewb_text_parse(&t, in, 10, 9, &f);
	ck_assert_uint_eq(f.head, 5);
	ck_assert_ptr_eq(f.key, in + 4);
	ck_assert_uint_eq(t.in_get, 1);
	ewb_text_parse(&t, in + 5, 5, 9, &f);
	ck_assert_uint_eq(f.head, 3);
	ck_assert_ptr_eq(f.key, in + 6);
	ewb_text_parse(&t, in + 8, 2, 9, &f);
	ck_assert_int_eq(f.op, EWB_OP_END);
	ck_assert_uint_eq(f.head, 2);
	ck_assert_uint_eq(t.in_get, 0);
}
END_TEST

/* The others. */

START_TEST(delete_takes_a_0_as_old_clients_send_it)
{
	says("delete a\r\n", "delete a\n");
	says("delete a 0\r\n", "delete a\n");
	says("delete a noreply\r\n", "delete a noreply\n");
	says("delete a 0 noreply\r\n", "delete a noreply\n");
	says("delete noreply\r\n", "delete noreply\n");
}
END_TEST

START_TEST(delete_takes_nothing_else)
{
	static const char usage[] =
		"error 4 \"" BAD_FORMAT ".  Usage: delete <key> [noreply]\"\n";

	says("delete a 1\r\n", usage);
	says("delete a b\r\n", usage);
	says("delete a 0 x\r\n", usage);
	says("delete a noreply 0\r\n", usage);
	says("delete a 1 noreply\r\n",
	     "error 4 \"" BAD_FORMAT ".  Usage: delete <key> [noreply]\""
	     " noreply\n");
	says("delete\r\n", "error 81 \"ERROR\"\n");
	says("delete a 0 0 noreply\r\n", "error 81 \"ERROR\"\n");
}
END_TEST

START_TEST(incr_and_decr_take_a_64_bit_number)
{
	says("incr a 1\r\n", "incr a delta=1\n");
	says("decr a 18446744073709551615 noreply\r\n",
	     "decr a noreply delta=18446744073709551615\n");
	says("incr a 0\r\n", "incr a\n");
	says("incr a +007\r\n", "incr a delta=7\n");
}
END_TEST

START_TEST(incr_of_no_number_is_refused)
{
	static const char want[] =
		"error 4 \"CLIENT_ERROR invalid numeric delta argument\"\n";

	says("incr a x\r\n", want);
	says("incr a -1\r\n", want);
	says("incr a 1x\r\n", want);
	says("incr a +\r\n", want);
	says("decr a 18446744073709551616\r\n", want);
	says("incr a 99999999999999999999999999999999999999999\r\n", want);
	says("incr a x noreply\r\n",
	     "error 4 \"CLIENT_ERROR invalid numeric delta argument\""
	     " noreply\n");
	says("incr a\r\n", "error 81 \"ERROR\"\n");
	says("incr a 1 2 3\r\n", "error 81 \"ERROR\"\n");
}
END_TEST

START_TEST(touch_takes_a_key_and_an_exptime)
{
	says("touch a 60\r\n", "touch a exptime=60\n");
	says("touch a 60 noreply\r\n", "touch a noreply exptime=60\n");
	says("touch a x\r\n",
	     "error 4 \"CLIENT_ERROR invalid exptime argument\"\n");
	says("touch a --1\r\n",
	     "error 4 \"CLIENT_ERROR invalid exptime argument\"\n");
	says("touch a -\r\n",
	     "error 4 \"CLIENT_ERROR invalid exptime argument\"\n");
	says("touch a\r\n", "error 81 \"ERROR\"\n");
}
END_TEST

START_TEST(flush_all_takes_a_delay_or_none)
{
	says("flush_all\r\n", "flush_all\n");
	says("flush_all 10\r\n", "flush_all exptime=10\n");
	says("flush_all -1\r\n", "flush_all exptime=-1\n");
	says("flush_all noreply\r\n", "flush_all noreply\n");
	says("flush_all 10 noreply\r\n", "flush_all noreply exptime=10\n");
	says("flush_all x\r\n",
	     "error 4 \"CLIENT_ERROR invalid exptime argument\"\n");
	says("flush_all 0 noreply x\r\n", "error 81 \"ERROR\"\n");
}
END_TEST

START_TEST(verbosity_takes_a_level)
{
	says("verbosity 2\r\n", "verbosity flags=2\n");
	says("verbosity 2 noreply\r\n", "verbosity noreply flags=2\n");
	says("verbosity x\r\n", FORMAT_ERROR "\n");
	says("verbosity noreply\r\n", FORMAT_ERROR " noreply\n");
	says("verbosity\r\n", "error 81 \"ERROR\"\n");
}
END_TEST

START_TEST(stats_takes_the_rest_of_its_line_as_a_group)
{
	says("stats\r\n", "stats\n");
	says("stats items \r\n", "stats items\n");
	says("stats  detail  on\r\n", "stats detail  on\n");
	says("stats noreply\r\n", "stats noreply\n");
	says("stats " KEY_251 "\r\n", FORMAT_ERROR "\n");
}
END_TEST

START_TEST(quit_is_the_last_and_has_no_answer)
{
	says("quit\r\nversion\r\n", "quit noreply last\n");
	says("quit now\r\n", "quit noreply last\n");
}
END_TEST

/* Replies. */

static void
replies(enum ewb_op op, uint32_t status, const char *want)
{
	size_t n;
	const char *line = ewb_text_status(op, status, &n);

	ck_assert_str_eq(line, want);
	ck_assert_uint_eq(n, strlen(want));
}

START_TEST(success_reads_as_the_command_has_it)
{
	replies(EWB_OP_SET, EWB_WIRE_OK, "STORED\r\n");
	replies(EWB_OP_ADD, EWB_WIRE_OK, "STORED\r\n");
	replies(EWB_OP_REPLACE, EWB_WIRE_OK, "STORED\r\n");
	replies(EWB_OP_APPEND, EWB_WIRE_OK, "STORED\r\n");
	replies(EWB_OP_PREPEND, EWB_WIRE_OK, "STORED\r\n");
	replies(EWB_OP_DELETE, EWB_WIRE_OK, "DELETED\r\n");
	replies(EWB_OP_TOUCH, EWB_WIRE_OK, "TOUCHED\r\n");
	replies(EWB_OP_FLUSH, EWB_WIRE_OK, "OK\r\n");
	replies(EWB_OP_VERBOSITY, EWB_WIRE_OK, "OK\r\n");
	replies(EWB_OP_END, EWB_WIRE_OK, "END\r\n");
	replies(EWB_OP_STATS, EWB_WIRE_OK, "END\r\n");
}
END_TEST

START_TEST(success_of_a_command_with_a_value_has_no_line)
{
	replies(EWB_OP_GET, EWB_WIRE_OK, "");
	replies(EWB_OP_GAT, EWB_WIRE_OK, "");
	replies(EWB_OP_INCR, EWB_WIRE_OK, "");
	replies(EWB_OP_DECR, EWB_WIRE_OK, "");
	replies(EWB_OP_VERSION, EWB_WIRE_OK, "");
	replies(EWB_OP_QUIT, EWB_WIRE_OK, "");
}
END_TEST

START_TEST(a_miss_reads_as_the_command_has_it)
{
	replies(EWB_OP_GET, EWB_WIRE_NOT_FOUND, "");
	replies(EWB_OP_GAT, EWB_WIRE_NOT_FOUND, "");
	replies(EWB_OP_SET, EWB_WIRE_NOT_FOUND, "NOT_FOUND\r\n");
	replies(EWB_OP_REPLACE, EWB_WIRE_NOT_FOUND, "NOT_STORED\r\n");
	replies(EWB_OP_APPEND, EWB_WIRE_NOT_FOUND, "NOT_STORED\r\n");
	replies(EWB_OP_PREPEND, EWB_WIRE_NOT_FOUND, "NOT_STORED\r\n");
	replies(EWB_OP_DELETE, EWB_WIRE_NOT_FOUND, "NOT_FOUND\r\n");
	replies(EWB_OP_INCR, EWB_WIRE_NOT_FOUND, "NOT_FOUND\r\n");
	replies(EWB_OP_DECR, EWB_WIRE_NOT_FOUND, "NOT_FOUND\r\n");
	replies(EWB_OP_TOUCH, EWB_WIRE_NOT_FOUND, "NOT_FOUND\r\n");
}
END_TEST

START_TEST(a_condition_that_does_not_hold_reads_as_the_command_has_it)
{
	replies(EWB_OP_SET, EWB_WIRE_EXISTS, "EXISTS\r\n");
	replies(EWB_OP_ADD, EWB_WIRE_EXISTS, "NOT_STORED\r\n");
	replies(EWB_OP_APPEND, EWB_WIRE_NOT_STORED, "NOT_STORED\r\n");
	replies(EWB_OP_INCR, EWB_WIRE_NOT_NUMBER,
	        "CLIENT_ERROR cannot increment or decrement non-numeric "
	        "value\r\n");
}
END_TEST

START_TEST(a_mutation_that_timed_out_has_an_unknown_outcome)
{
	static const enum ewb_op mutations[] = {
		EWB_OP_SET,     EWB_OP_ADD,    EWB_OP_REPLACE, EWB_OP_APPEND,
		EWB_OP_PREPEND, EWB_OP_DELETE, EWB_OP_INCR,    EWB_OP_DECR,
		EWB_OP_TOUCH,   EWB_OP_GAT,    EWB_OP_FLUSH,
	};

	for (size_t i = 0; i < sizeof(mutations) / sizeof(*mutations); i++)
		replies(mutations[i], EWB_WIRE_TEMPORARY,
		        "SERVER_ERROR outcome unknown\r\n");
	replies(EWB_OP_GET, EWB_WIRE_TEMPORARY,
	        "SERVER_ERROR temporary failure\r\n");
	replies(EWB_OP_STATS, EWB_WIRE_TEMPORARY,
	        "SERVER_ERROR temporary failure\r\n");
}
END_TEST

START_TEST(trouble_is_a_server_error)
{
	replies(EWB_OP_SET, EWB_WIRE_TOO_BIG,
	        "SERVER_ERROR object too large for cache\r\n");
	replies(EWB_OP_SET, EWB_WIRE_NO_MEMORY,
	        "SERVER_ERROR out of memory storing object\r\n");
	replies(EWB_OP_PREPEND, EWB_WIRE_NO_MEMORY,
	        "SERVER_ERROR out of memory storing object\r\n");
	replies(EWB_OP_GET, EWB_WIRE_NO_MEMORY,
	        "SERVER_ERROR out of memory\r\n");
	replies(EWB_OP_GET, EWB_WIRE_BUSY, "SERVER_ERROR busy\r\n");
	replies(EWB_OP_FLUSH, EWB_WIRE_NOT_SUPPORTED,
	        "SERVER_ERROR not supported\r\n");
	replies(EWB_OP_GET, EWB_WIRE_INTERNAL,
	        "SERVER_ERROR internal error\r\n");
}
END_TEST

START_TEST(a_status_that_is_not_known_is_an_internal_error)
{
	replies(EWB_OP_SET, 0x7777, "SERVER_ERROR internal error\r\n");
	replies(EWB_OP_GET, 0x10000, "SERVER_ERROR internal error\r\n");
	replies(EWB_OP_SET, EWB_WIRE_SCAN_MORE,
	        "SERVER_ERROR internal error\r\n");
}
END_TEST

START_TEST(every_command_has_one_line_at_most_for_every_status)
{
	for (int op = 0; op < EWB_NOPS; op++) {
		for (uint32_t status = 0; status < 0x120; status++) {
			size_t n;
			const char *line =
				ewb_text_status((enum ewb_op)op, status, &n);

			if (n > 0 && strchr(line, '\n') != line + n - 1)
				ck_abort_msg("%d %x", op, status);
		}
	}
}
END_TEST

START_TEST(a_value_line_says_key_flags_and_length)
{
	struct ewb_frame f = { .key = (const uint8_t *)"a", .nkey = 1 };
	uint8_t out[EWB_TEXT_VALUE_MAX];
	size_t n = ewb_text_value(out, &f, 0, 0, 9);

	ck_assert_uint_eq(n, 13);
	ck_assert_mem_eq(out, "VALUE a 0 0\r\n", n);
}
END_TEST

START_TEST(a_value_line_of_gets_says_the_cas_too)
{
	struct ewb_frame f = { .key = (const uint8_t *)"ab",
		               .nkey = 2,
		               .is = EWB_IS_WANT_CAS };
	uint8_t out[EWB_TEXT_VALUE_MAX];
	size_t n = ewb_text_value(out, &f, 5, 12, 345);

	ck_assert_uint_eq(n, 19);
	ck_assert_mem_eq(out, "VALUE ab 5 12 345\r\n", n);
}
END_TEST

START_TEST(the_longest_value_line_fits_exactly)
{
	struct ewb_frame f = { .key = (const uint8_t *)KEY_250,
		               .nkey = EWB_KEY_MAX,
		               .is = EWB_IS_WANT_CAS };
	size_t n = sizeof(size_t) == 8 ? EWB_TEXT_VALUE_MAX
	                               : EWB_TEXT_VALUE_MAX - 10;
	uint8_t *out = malloc(n);

	ck_assert_uint_eq(
		ewb_text_value(out, &f, UINT32_MAX, SIZE_MAX, UINT64_MAX), n);
	free(out);
}
END_TEST

START_TEST(a_number_is_a_line)
{
	uint8_t *out = malloc(EWB_TEXT_NUMBER_MAX);

	ck_assert_uint_eq(ewb_text_number(out, 0), 3);
	ck_assert_mem_eq(out, "0\r\n", 3);
	ck_assert_uint_eq(ewb_text_number(out, UINT64_MAX), 22);
	ck_assert_mem_eq(out, "18446744073709551615\r\n", 22);
	free(out);
}
END_TEST

/* Random streams. */

static const char *const seeds[] = {
	"set a 5 60 3\r\nxyz\r\n",
	"cas a 0 -1 1 99 noreply\r\nx\r\n",
	"append abc 0 0 10\r\n0123456789\r\n",
	"get a bb ccc\r\n",
	"gats 60 a b c\r\n",
	"gets " KEY_250 " a " KEY_251 " b\r\n",
	"delete a 0 noreply\r\n",
	"incr a 5\r\n",
	"decr a -5\r\n",
	"touch a 60 noreply\r\n",
	"flush_all 10\r\n",
	"verbosity 1\r\n",
	"stats items\r\n",
	"version\r\n",
	"bogus\r\n",
	"set " KEY_251 " 0 0 1\r\nx\r\n",
	"\r\n",
	"get  \r\n",
	"set a 0 0 300 noreply\r\n",
	"gat 99999999999 a\n",
};

static size_t
random_stream(uint64_t *rng, char *out, size_t cap)
{
	static const char odd[] = " \r\n\n0-1+9azgetsx\0\377";
	size_t n = 0, nseeds = sizeof(seeds) / sizeof(*seeds);

	while (n + 600 < cap && random_below(rng, 12)) {
		const char *seed = seeds[random_below(rng, (uint32_t)nseeds)];
		size_t len = strlen(seed), at;

		memcpy(out + n, seed, len);
		at = n + random_below(rng, (uint32_t)len);
		switch (random_below(rng, 4)) {
		case 0: out[at] = odd[random_below(rng, sizeof(odd))]; break;
		case 1: len = at - n; break;
		case 2: memmove(out + at, out + at + 1, n + --len - at); break;
		default: break;
		}
		n += len;
	}
	return n;
}

START_TEST(random_streams_read_the_same_however_they_are_cut)
{
	uint64_t rng = random_seed("protocol_text");
	char in[4096];

	/* t/fuzz has more of it with sanitizers */
	for (int i = 0; i < UNIT_TIMES(5000); i++) {
		size_t n = random_stream(&rng, in, sizeof(in));

		free(play_random(PLAY_TEXT, in, n, 200, &rng));
	}
}
END_TEST

static TCase *
lines(void)
{
	TCase *t = tcase_create("lines");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t,
	               a_line_ends_with_a_newline_or_with_return_and_newline);
	tcase_add_test(t, blanks_may_stand_before_between_and_after_words);
	tcase_add_test(t, only_a_blank_separates_words);
	tcase_add_test(t, an_empty_line_is_an_error);
	tcase_add_test(
		t,
		a_command_that_is_not_known_is_an_error_and_the_next_one_runs);
	tcase_add_test(t, more_words_than_any_command_has_are_an_error);
	tcase_add_test(t, a_line_may_have_2048_bytes_before_its_newline);
	tcase_add_test(t, a_longer_line_is_answered_and_the_connection_closed);
	tcase_add_test(t,
	               a_line_of_2048_bytes_without_a_newline_waits_for_more);
	tcase_add_test(t, no_part_of_a_line_is_enough);
	return t;
}

static TCase *
storing(void)
{
	TCase *t = tcase_create("storing");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_storage_command_says_key_flags_exptime_and_length);
	tcase_add_test(t, a_value_may_be_of_any_bytes_and_of_none);
	tcase_add_test(t, a_storage_command_may_ask_for_no_reply);
	tcase_add_test(t, another_last_word_than_noreply_is_ignored);
	tcase_add_test(t, cas_is_a_set_that_compares_also_with_0);
	tcase_add_test(t, a_negative_exptime_survives);
	tcase_add_test(t, an_exptime_beyond_32_bits_is_the_nearest_one);
	tcase_add_test(t, flags_have_32_bits);
	tcase_add_test(t, the_value_of_a_refused_line_is_skipped);
	tcase_add_test(t, a_line_without_a_length_is_all_that_is_refused);
	tcase_add_test(t, a_value_over_the_limit_is_skipped);
	tcase_add_test(t,
	               a_value_that_is_too_much_to_skip_closes_the_connection);
	tcase_add_test(t, up_to_four_times_the_limit_is_skipped);
	tcase_add_test(t, a_limit_near_the_end_of_the_numbers_does_not_wrap);
	tcase_add_test(t, a_key_has_up_to_250_bytes);
	tcase_add_test(t, a_value_ends_with_return_and_newline);
	tcase_add_test(t, a_value_longer_than_said_is_never_run_as_a_command);
	tcase_add_test(
		t,
		the_line_after_a_bad_chunk_is_whole_when_the_chunk_ended_a_line);
	tcase_add_test(
		t, what_follows_a_bad_chunk_is_thrown_away_however_long_it_is);
	tcase_add_test(
		t,
		what_is_thrown_away_may_be_taken_off_at_once_or_with_its_newline);
	tcase_add_test(
		t, a_frame_is_the_same_when_it_is_parsed_again_with_its_value);
	return t;
}

static TCase *
getting(void)
{
	TCase *t = tcase_create("getting");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, each_key_of_a_get_is_a_frame_and_the_end_another);
	tcase_add_test(t, gets_wants_the_cas);
	tcase_add_test(t, gat_has_its_exptime_for_each_key);
	tcase_add_test(t, the_exptime_of_a_gat_is_not_that_of_the_next_get);
	tcase_add_test(t, a_get_without_a_key_is_an_error);
	tcase_add_test(t, a_gat_without_a_key_is_an_end);
	tcase_add_test(t, a_gat_without_a_number_is_refused_with_its_line);
	tcase_add_test(t, the_keys_of_a_get_have_up_to_250_bytes);
	tcase_add_test(t, a_key_too_long_ends_a_get_and_its_line);
	tcase_add_test(t, a_get_may_be_longer_than_any_other_line);
	tcase_add_test(t, any_number_of_blanks_may_stand_between_two_keys);
	tcase_add_test(t, a_key_is_within_the_bytes_that_its_frame_takes_off);
	return t;
}

static TCase *
others(void)
{
	TCase *t = tcase_create("others");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, delete_takes_a_0_as_old_clients_send_it);
	tcase_add_test(t, delete_takes_nothing_else);
	tcase_add_test(t, incr_and_decr_take_a_64_bit_number);
	tcase_add_test(t, incr_of_no_number_is_refused);
	tcase_add_test(t, touch_takes_a_key_and_an_exptime);
	tcase_add_test(t, flush_all_takes_a_delay_or_none);
	tcase_add_test(t, verbosity_takes_a_level);
	tcase_add_test(t, stats_takes_the_rest_of_its_line_as_a_group);
	tcase_add_test(t, quit_is_the_last_and_has_no_answer);
	tcase_add_test(t, random_streams_read_the_same_however_they_are_cut);
	return t;
}

static TCase *
answers(void)
{
	TCase *t = tcase_create("answers");

	tcase_add_test(t, success_reads_as_the_command_has_it);
	tcase_add_test(t, success_of_a_command_with_a_value_has_no_line);
	tcase_add_test(t, a_miss_reads_as_the_command_has_it);
	tcase_add_test(
		t, a_condition_that_does_not_hold_reads_as_the_command_has_it);
	tcase_add_test(t, a_mutation_that_timed_out_has_an_unknown_outcome);
	tcase_add_test(t, trouble_is_a_server_error);
	tcase_add_test(t, a_status_that_is_not_known_is_an_internal_error);
	tcase_add_test(t, every_command_has_one_line_at_most_for_every_status);
	tcase_add_test(t, a_value_line_says_key_flags_and_length);
	tcase_add_test(t, a_value_line_of_gets_says_the_cas_too);
	tcase_add_test(t, the_longest_value_line_fits_exactly);
	tcase_add_test(t, a_number_is_a_line);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("protocol/text");

	suite_add_tcase(s, lines());
	suite_add_tcase(s, storing());
	suite_add_tcase(s, getting());
	suite_add_tcase(s, others());
	suite_add_tcase(s, answers());
	return unit_run(s);
}
