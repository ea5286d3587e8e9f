/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of an engine's own, as the parsers see them once they have refused
 * them as unknown. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/binary.h"
#include "protocol/own.h"
#include "protocol/status.h"
#include "protocol/text.h"
#include "t/unit.h"

#define MAX_VALUE 1000
#define MAX_BODY (1u << 20)
#define BAD_FORMAT "CLIENT_ERROR bad command line format"
#define TOO_BIG "SERVER_ERROR object too large for cache"
#define NAME_31 "abcdefghijklmnopqrstuvwxyz01234"

static const struct ewb_own_rule table[] = {
	{ .name = "bare", .opcode = 0xe0, .text = 1 },
	{ .name = "keyed", .opcode = 0xe1, .text = 1, .key = 1 },
	{ .name = "valued", .opcode = 0xe2, .text = 1, .value = 1 },
	{ .name = "both", .opcode = 0xe3, .text = 1, .key = 1, .value = 1 },
	{ .name = "", .opcode = 0xe4, .text = 1 }, /* gone with its engine */
	{ .name = "silent", .opcode = 0xe5 },
	{ .name = "wordy", .text = 1 },
	{ .name = NAME_31, .text = 1 },
};
static const struct ewb_own_rules rules = { table,
	                                    sizeof table / sizeof *table };

/* A copy that ends where it ends, so that a sanitizer sees a look beyond. */
static uint8_t *
exact(const void *in, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, in, n);
	return copy;
}

static void
must_be_within(const struct ewb_frame *f, const uint8_t *in, size_t n)
{
	if (f->nkey)
		ck_assert(f->key >= in && f->key + f->nkey <= in + n);
	if (f->nextras)
		ck_assert(f->extras >= in && f->extras + f->nextras <= in + n);
	ck_assert_uint_le(f->nkey, EWB_KEY_MAX);
}

/* Text. */

/* What a line of n bytes is taken for, in words:
 *
 *	own 3 key=k words=[a b] value=5+2
 *	error 4 "…" skip value=5+2
 */
static const char *
line_says_n(const char *line, size_t n)
{
	static char said[700];
	uint8_t *in = exact(line, n);
	struct ewb_frame f = { .op = EWB_OP_ERROR, .head = n };
	int is = ewb_text_own(&rules, in, MAX_VALUE, &f);
	int at = 0;

	must_be_within(&f, in, n);
	ck_assert_uint_eq(f.head, n);
	if (!is)
		at += sprintf(said, "no");
	else if (f.op == EWB_OP_ERROR)
		at += sprintf(said, "error %x \"%s\"%s%s", (unsigned)f.status,
		              f.reason, f.is & EWB_IS_SKIP ? " skip" : "",
		              f.is & EWB_IS_LAST ? " last" : "");
	else
		at += sprintf(said, "own %u", (unsigned)f.own);
	if (f.nkey)
		at += sprintf(said + at, " key=%.*s", (int)f.nkey, f.key);
	if (f.nextras)
		at += sprintf(said + at, " words=[%.*s]", (int)f.nextras,
		              f.extras);
	if (f.tail)
		sprintf(said + at, " value=%zu+%zu", f.nvalue, f.tail);
	free(in);
	return said;
}

static const char *
line_says(const char *line)
{
	return line_says_n(line, strlen(line));
}

#define LINE(line, want) ck_assert_str_eq(line_says(line), want)

START_TEST(a_line_is_its_name_and_its_words)
{
	LINE("bare\r\n", "own 0");
	LINE("bare\n", "own 0");
	LINE("  bare  a  b  \r\n", "own 0 words=[a  b]");
	LINE("bare a\tb\r\n", "own 0 words=[a\tb]");
}
END_TEST

START_TEST(a_name_is_all_of_a_word)
{
	LINE("bar\r\n", "no");
	LINE("baree\r\n", "no");
	LINE("Bare\r\n", "no");
	LINE("bare\r\r\n", "no");
	LINE("\r\n", "no");
	LINE("\n", "no");
	LINE("   \r\n", "no");
}
END_TEST

START_TEST(the_longest_name_is_found_and_no_longer_one)
{
	LINE(NAME_31 "\r\n", "own 7");
	LINE(NAME_31 "5\r\n", "no");
	ck_assert_int_eq(ewb_own_name_ok(NAME_31), 1);
	ck_assert_int_eq(ewb_own_name_ok(NAME_31 "5"), 0);
}
END_TEST

START_TEST(a_name_has_small_letters_digits_and_two_marks)
{
	static const char *const good[] = { "a", "0", "-", "_", "a-b_9" };
	static const char *const bad[] = { "",    "A",   "a b",     " a",
		                           "a\n", "a.b", "\xc3\xa4" };

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(ewb_own_name_ok(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!ewb_own_name_ok(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(what_is_gone_or_binary_alone_has_no_line)
{
	LINE("silent\r\n", "no");
	LINE("wordy x\r\n", "own 6 words=[x]");
	LINE(" \r\n", "no"); /* nor is the empty name one */
}
END_TEST

START_TEST(a_key_is_the_word_behind_the_name)
{
	LINE("keyed k\r\n", "own 1 key=k");
	LINE("keyed  k  a b \r\n", "own 1 key=k words=[a b]");
	LINE("keyed\r\n", "error 4 \"" BAD_FORMAT "\"");
	LINE("keyed   \r\n", "error 4 \"" BAD_FORMAT "\"");
}
END_TEST

/* before, n times k, after. */
static const char *
long_says(const char *before, size_t n, const char *after)
{
	static char line[4000];
	int at = sprintf(line, "%s", before);

	memset(line + at, 'k', n);
	strcpy(line + at + n, after);
	return line_says(line);
}

START_TEST(a_key_has_250_bytes_at_most)
{
	ck_assert_uint_eq(strlen(long_says("keyed ", 250, "\r\n")),
	                  strlen("own 1 key=") + 250);
	ck_assert_str_eq(long_says("keyed ", 251, "\r\n"),
	                 "error 4 \"" BAD_FORMAT "\"");
	/* with a value, that is thrown away */
	ck_assert_str_eq(long_says("both ", 251, " 7\r\n"),
	                 "error 4 \"" BAD_FORMAT "\" skip value=7+2");
}
END_TEST

START_TEST(a_value_has_its_length_at_the_lines_end)
{
	LINE("valued 5\r\n", "own 2 value=5+2");
	LINE("valued a b 5  \r\n", "own 2 words=[a b] value=5+2");
	LINE("valued 0\n", "own 2 value=0+2");
	LINE("both k 5\r\n", "own 3 key=k value=5+2");
	LINE("both k a 5\r\n", "own 3 key=k words=[a] value=5+2");
	LINE("valued +5\r\n", "own 2 value=5+2");
}
END_TEST

START_TEST(without_a_length_the_line_is_wrong)
{
	LINE("valued\r\n", "error 4 \"" BAD_FORMAT "\"");
	LINE("valued x\r\n", "error 4 \"" BAD_FORMAT "\"");
	LINE("valued -1\r\n", "error 4 \"" BAD_FORMAT "\"");
	LINE("valued 5x\r\n", "error 4 \"" BAD_FORMAT "\"");
	LINE("valued 5 x\r\n", "error 4 \"" BAD_FORMAT "\"");
	/* the one word is the key */
	LINE("both 5\r\n", "error 4 \"" BAD_FORMAT "\"");
}
END_TEST

START_TEST(a_value_that_is_too_large_is_thrown_away)
{
	LINE("valued 1000\r\n", "own 2 value=1000+2");
	LINE("valued 1001\r\n", "error 3 \"" TOO_BIG "\" skip value=1001+2");
	LINE("valued 67108864\r\n",
	     "error 3 \"" TOO_BIG "\" skip value=67108864+2");
}
END_TEST

START_TEST(one_that_is_too_large_for_that_too_ends_the_connection)
{
	LINE("valued 67108865\r\n", "error 3 \"" TOO_BIG "\" last");
	LINE("valued 18446744073709551615\r\n", "error 3 \"" TOO_BIG "\" last");
	LINE("valued 99999999999999999999999\r\n",
	     "error 3 \"" TOO_BIG "\" last");
}
END_TEST

START_TEST(bytes_of_all_kinds_may_stand_in_a_line)
{
	static const char line[] = "keyed k\0\xff a\0b\r\n";
	struct ewb_frame f = { .op = EWB_OP_ERROR, .head = sizeof line - 1 };
	uint8_t *in = exact(line, sizeof line - 1);

	ck_assert_int_eq(ewb_text_own(&rules, in, MAX_VALUE, &f), 1);
	ck_assert_uint_eq(f.nkey, 3);
	ck_assert_mem_eq(f.key, "k\0\xff", 3);
	ck_assert_uint_eq(f.nextras, 3);
	ck_assert_mem_eq(f.extras, "a\0b", 3);
	free(in);
}
END_TEST

START_TEST(no_line_is_the_protocols_own_and_an_engines_too)
{
	struct ewb_text t = { 0 };
	struct ewb_frame f;

	for (unsigned i = 0; i < rules.n; i++) {
		char line[40];
		int n = snprintf(line, sizeof line, "%s\r\n", table[i].name);

		ck_assert_int_eq(ewb_text_is_verb(table[i].name), 0);
		ck_assert_int_eq(ewb_text_parse(&t, (uint8_t *)line, (size_t)n,
		                                MAX_VALUE, &f),
		                 EWB_PARSE_OK);
		ck_assert_uint_eq(f.status, EWB_WIRE_UNKNOWN_COMMAND);
	}
	ck_assert_int_eq(ewb_text_is_verb("get"), 1);
	ck_assert_int_eq(ewb_text_is_verb("gats"), 1);
	ck_assert_int_eq(ewb_text_is_verb("set"), 1);
	ck_assert_int_eq(ewb_text_is_verb("flush_all"), 1);
	ck_assert_int_eq(ewb_text_is_verb("getk"), 0);
}
END_TEST

/* Binary. */

/* A frame: its lengths are as they are said, whatever follows. */
struct bin {
	uint8_t magic, opcode; /* magic 0: the usual one */
	size_t framing, nextras, nkey, body;
	const char *rest; /* what follows the header */
	size_t nrest;
};

static uint8_t *
head_of(const struct bin *b)
{
	uint8_t *in = malloc(EWB_BIN_HEAD + b->nrest);

	ck_assert_ptr_nonnull(in);
	memset(in, 0, EWB_BIN_HEAD);
	in[0] = b->magic ? b->magic : EWB_BIN_REQUEST;
	in[1] = b->opcode;
	if (b->magic) {
		in[2] = (uint8_t)b->framing;
		in[3] = (uint8_t)b->nkey;
	} else {
		ewb_put16(in + 2, (uint16_t)b->nkey);
	}
	in[4] = (uint8_t)b->nextras;
	ewb_put32(in + 8, (uint32_t)b->body);
	memcpy(in + 12, "\1\2\3\4", 4);
	if (b->nrest)
		memcpy(in + EWB_BIN_HEAD, b->rest, b->nrest);
	return in;
}

/* As the front end does it. */
static enum ewb_parse
take(const struct bin *b, struct ewb_frame *f, uint8_t **in)
{
	size_t n = EWB_BIN_HEAD + b->nrest;
	enum ewb_parse got;

	*in = head_of(b);
	got = ewb_bin_parse(*in, n, MAX_VALUE, MAX_BODY, f);
	if (got != EWB_PARSE_OK)
		return got;
	ck_assert_int_eq(f->op, EWB_OP_ERROR);
	ck_assert_uint_eq(f->status, EWB_WIRE_UNKNOWN_COMMAND);
	got = ewb_bin_own(&rules, *in, n, MAX_VALUE, f);
	must_be_within(f, *in, n);
	return got;
}

static void
refused(const struct bin *b, uint32_t status, const char *why)
{
	struct ewb_frame f;
	uint8_t *in;

	ck_assert_int_eq(take(b, &f, &in), EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_ERROR);
	ck_assert_uint_eq(f.is, EWB_IS_BINARY | EWB_IS_SKIP);
	ck_assert_uint_eq(f.status, status);
	ck_assert_str_eq(f.reason, why);
	/* in step: the header, then all of its body */
	ck_assert_uint_eq(f.head, EWB_BIN_HEAD);
	ck_assert_uint_eq(f.nvalue, b->body);
	ck_assert_mem_eq(&f.opaque, "\1\2\3\4", 4);
	ck_assert_uint_eq(f.opcode, b->opcode);
	free(in);
}

START_TEST(a_frame_has_extras_a_key_and_a_value)
{
	struct bin b = { 0, 0xe3, 0, 3, 2, 9, "EX\0k\0valu", 9 };
	struct ewb_frame f;
	uint8_t *in;

	ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_OWN);
	ck_assert_uint_eq(f.is, EWB_IS_BINARY);
	ck_assert_uint_eq(f.own, 3);
	ck_assert_uint_eq(f.nextras, 3);
	ck_assert_mem_eq(f.extras, "EX\0", 3);
	ck_assert_uint_eq(f.nkey, 2); /* a key may hold anything */
	ck_assert_mem_eq(f.key, "k\0", 2);
	ck_assert_uint_eq(f.nvalue, 4);
	ck_assert_uint_eq(f.head, EWB_BIN_HEAD + 5);
	ck_assert_uint_eq(f.tail, 0);
	ck_assert_mem_eq(&f.opaque, "\1\2\3\4", 4);
	free(in);
}
END_TEST

START_TEST(its_head_is_awaited_whole_and_nothing_taken_before)
{
	static const char rest[] = "EXkkkk";
	struct bin b = { 0, 0xe3, 0, 2, 4, 10, rest, 0 };
	struct ewb_frame f;
	uint8_t *in;

	for (; b.nrest < 6; b.nrest++) {
		ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_MORE);
		ck_assert_uint_eq(f.head, 0);
		free(in);
	}
	ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_OWN);
	ck_assert_uint_eq(f.nvalue, 4); /* of which nothing is here */
	free(in);
}
END_TEST

START_TEST(lengths_that_exceed_the_body_end_the_connection)
{
	static const struct bin lies[] = {
		{ 0, 0xe3, 0, 4, 0, 3, "EXT", 3 },
		{ 0, 0xe3, 0, 0, 4, 3, "key", 3 },
		{ 0, 0xe3, 0, 2, 2, 3, "EXk", 3 },
		{ 0, 0xe3, 0, 255, 250, 504, "", 0 },
		{ 0x08, 0xe3, 2, 1, 1, 3, "", 0 },
	};
	struct ewb_frame f;
	uint8_t *in;

	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		ck_assert_int_eq(take(&lies[i], &f, &in), EWB_PARSE_CLOSE);
		free(in);
	}
}
END_TEST

START_TEST(a_body_larger_than_any_ends_the_connection)
{
	struct bin b = { 0, 0xe2, 0, 0, 0, MAX_BODY + 1, "", 0 };
	struct ewb_frame f;
	uint8_t *in;

	ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_CLOSE);
	free(in);
	b.body = MAX_BODY;
	refused(&b, EWB_WIRE_TOO_BIG, "value too large");
	b.body = UINT32_MAX;
	ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_CLOSE);
	free(in);
}
END_TEST

START_TEST(a_key_is_there_where_it_belongs_and_nowhere_else)
{
	refused(&(struct bin){ 0, 0xe1, 0, 0, 0, 0, "", 0 }, EWB_WIRE_INVALID,
	        "no key");
	refused(&(struct bin){ 0, 0xe1, 0, 0, 251, 251, "", 0 },
	        EWB_WIRE_INVALID, "a key longer than 250 bytes");
	refused(&(struct bin){ 0, 0xe0, 0, 0, 1, 1, "k", 1 }, EWB_WIRE_INVALID,
	        "a key where there is none");
	refused(&(struct bin){ 0, 0xe1, 0, 0, 65535, 65535, "", 0 },
	        EWB_WIRE_INVALID, "a key longer than 250 bytes");
}
END_TEST

START_TEST(the_longest_key_and_extras_are_taken)
{
	char rest[255 + 250];
	struct bin b = { 0, 0xe1, 0, 255, 250, sizeof rest, rest, sizeof rest };
	struct ewb_frame f;
	uint8_t *in;

	memset(rest, 'x', sizeof rest);
	ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_OWN);
	ck_assert_uint_eq(f.nextras, 255);
	ck_assert_uint_eq(f.nkey, 250);
	ck_assert_uint_eq(f.nvalue, 0);
	free(in);
}
END_TEST

START_TEST(a_value_is_there_where_it_belongs_and_no_larger)
{
	struct bin b = { 0, 0xe2, 0, 0, 0, MAX_VALUE, "", 0 };
	struct ewb_frame f;
	uint8_t *in;

	refused(&(struct bin){ 0, 0xe0, 0, 0, 0, 1, "v", 1 }, EWB_WIRE_INVALID,
	        "a value where there is none");
	ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_OWN);
	ck_assert_uint_eq(f.nvalue, MAX_VALUE);
	free(in);
	b.body = MAX_VALUE + 1;
	refused(&b, EWB_WIRE_TOO_BIG, "value too large");
	b.body = 0; /* and may be empty */
	ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_OWN);
	free(in);
}
END_TEST

START_TEST(framing_extras_are_passed_over_or_refused)
{
	/* id 1, one byte; then extras E and key k */
	struct bin b = { 0x08, 0xe1, 2, 1, 1, 4, "\x11yEk", 4 };
	struct ewb_frame f;
	uint8_t *in;

	ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_OK);
	ck_assert_int_eq(f.op, EWB_OP_OWN);
	ck_assert_mem_eq(f.extras, "E", 1);
	ck_assert_mem_eq(f.key, "k", 1);
	ck_assert_uint_eq(f.nvalue, 0);
	free(in);
	b.rest = "\x19yEk"; /* nine bytes in one */
	refused(&b, EWB_WIRE_INVALID, "framing extras that make no sense");
}
END_TEST

START_TEST(what_has_no_opcode_or_is_gone_stays_unknown)
{
	struct ewb_frame f;
	uint8_t *in;

	/* opcode 0 is a get: no rule without an opcode is taken for it */
	ck_assert_int_eq(ewb_bin_is_opcode(0), 1);
	for (unsigned opcode = 0xe4; opcode <= 0xe6; opcode++) {
		struct bin b = { .opcode = (uint8_t)opcode, .rest = "" };

		ck_assert_int_eq(take(&b, &f, &in), EWB_PARSE_OK);
		if (opcode == 0xe5)
			ck_assert_int_eq(f.op, EWB_OP_OWN);
		else
			ck_assert_uint_eq(f.status, EWB_WIRE_UNKNOWN_COMMAND);
		free(in);
	}
}
END_TEST

START_TEST(an_opcode_is_a_byte_that_the_protocol_has_not)
{
	ck_assert_int_eq(ewb_bin_is_opcode(0x05), 1);
	ck_assert_int_eq(ewb_bin_is_opcode(0xda), 1);
	ck_assert_int_eq(ewb_bin_is_opcode(0xdc), 1);
	ck_assert_int_eq(ewb_bin_is_opcode(0xdd), 0);
	ck_assert_int_eq(ewb_bin_is_opcode(0xff), 0);
	ck_assert_int_eq(ewb_bin_is_opcode(0x100), 1);
	ck_assert_int_eq(ewb_bin_is_opcode(UINT32_MAX), 1);
}
END_TEST

static TCase *
text(void)
{
	TCase *t = tcase_create("text");

	tcase_add_test(t, a_line_is_its_name_and_its_words);
	tcase_add_test(t, a_name_is_all_of_a_word);
	tcase_add_test(t, the_longest_name_is_found_and_no_longer_one);
	tcase_add_test(t, a_name_has_small_letters_digits_and_two_marks);
	tcase_add_test(t, what_is_gone_or_binary_alone_has_no_line);
	tcase_add_test(t, a_key_is_the_word_behind_the_name);
	tcase_add_test(t, a_key_has_250_bytes_at_most);
	tcase_add_test(t, a_value_has_its_length_at_the_lines_end);
	tcase_add_test(t, without_a_length_the_line_is_wrong);
	tcase_add_test(t, a_value_that_is_too_large_is_thrown_away);
	tcase_add_test(t,
	               one_that_is_too_large_for_that_too_ends_the_connection);
	tcase_add_test(t, bytes_of_all_kinds_may_stand_in_a_line);
	tcase_add_test(t, no_line_is_the_protocols_own_and_an_engines_too);
	return t;
}

static TCase *
binary(void)
{
	TCase *t = tcase_create("binary");

	tcase_add_test(t, a_frame_has_extras_a_key_and_a_value);
	tcase_add_test(t, its_head_is_awaited_whole_and_nothing_taken_before);
	tcase_add_test(t, lengths_that_exceed_the_body_end_the_connection);
	tcase_add_test(t, a_body_larger_than_any_ends_the_connection);
	tcase_add_test(t, a_key_is_there_where_it_belongs_and_nowhere_else);
	tcase_add_test(t, the_longest_key_and_extras_are_taken);
	tcase_add_test(t, a_value_is_there_where_it_belongs_and_no_larger);
	tcase_add_test(t, framing_extras_are_passed_over_or_refused);
	tcase_add_test(t, what_has_no_opcode_or_is_gone_stays_unknown);
	tcase_add_test(t, an_opcode_is_a_byte_that_the_protocol_has_not);
	return t;
}

int
main(void)
{
	Suite *s = suite_create("protocol own");

	suite_add_tcase(s, text());
	suite_add_tcase(s, binary());
	return unit_run(s);
}
