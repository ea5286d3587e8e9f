/* SPDX-License-Identifier: BSD-2-Clause */
/* What a create's JSON says. */
#include "config.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "scan/request.h"
#include "t/unit.h"

static struct ewb_scan_request r;
static const char *why;

static enum ewb_status
parse(const char *json)
{
	return ewb_scan_parse(&r, json, strlen(json), &why);
}

static void
bound_is(const struct ewb_scan_bound *b, const char *bytes, size_t n,
         int excluded)
{
	ck_assert_int_eq(b->there, 1);
	ck_assert_int_eq(b->excluded, excluded);
	ck_assert_uint_eq(b->n, n);
	ck_assert_int_eq(memcmp(b->data, bytes, n), 0);
}

START_TEST(nothing_said_is_everything)
{
	ck_assert_int_eq(parse("{}"), EWB_OK);
	ck_assert_int_eq(r.keys_only, 0);
	ck_assert_int_eq(r.start.there, 0);
	ck_assert_int_eq(r.end.there, 0);
	ck_assert_int_eq(r.sampling, 0);
	ck_assert_int_eq(parse("{\"range\":{}}"), EWB_OK);
	ck_assert_int_eq(r.start.there, 0);
	ck_assert_int_eq(r.end.there, 0);
}
END_TEST

/* What a client of Couchbase sends, to the byte. */
START_TEST(what_the_clients_send_is_understood)
{
	static const char end[] = "\xf4\x8f\xfb\xfb";

	ck_assert_int_eq(parse("{\"key_only\":true,\"range\":"
	                       "{\"end\":\"9I/7+w==\",\"start\":\"\"}}"),
	                 EWB_OK);
	ck_assert_int_eq(r.keys_only, 1);
	bound_is(&r.start, "", 0, 0);
	bound_is(&r.end, end, 4, 0);
	ck_assert_int_eq(parse("{\"range\":{\"excl_end\":\"azAyMA==\","
	                       "\"excl_start\":\"azAxMA==\"}}"),
	                 EWB_OK);
	ck_assert_int_eq(r.keys_only, 0);
	bound_is(&r.start, "k010", 4, 1);
	bound_is(&r.end, "k020", 4, 1);
	ck_assert_int_eq(
		parse("{\"key_only\":true,\"sampling\":{\"samples\":20,"
	              "\"seed\":11411868284859760451}}"),
		EWB_OK);
	ck_assert_int_eq(r.sampling, 1);
	ck_assert_uint_eq(r.samples, 20);
	ck_assert_uint_eq(r.seed, 11411868284859760451u);
	ck_assert_int_eq(parse("{\"collection\":\"0\",\"name\":\"x\","
	                       "\"include_xattrs\":false,\"later\":[1,2]}"),
	                 EWB_OK);
}
END_TEST

START_TEST(a_collection_is_a_hexadecimal_number)
{
	ck_assert_int_eq(parse("{\"collection\":\"1f4\"}"), EWB_OK);
	ck_assert_uint_eq(r.collection, 0x1f4);
	ck_assert_int_eq(parse("{\"collection\":\"FFFFFFFF\"}"), EWB_OK);
	ck_assert_uint_eq(r.collection, UINT32_MAX);
	ck_assert_int_eq(parse("{}"), EWB_OK);
	ck_assert_uint_eq(r.collection, 0);
}
END_TEST

START_TEST(a_resume_has_its_token_and_the_last_key)
{
	ck_assert_int_eq(parse("{\"resumable\":true}"), EWB_OK);
	ck_assert_int_eq(r.resumable, 1);
	ck_assert_int_eq(r.resumes, 0);
	ck_assert_int_eq(
		parse("{\"resume\":\"AAECAwQFBgcICQoLDA0ODwAAAAAAAAAH\","
	              "\"after\":\"azAx\",\"descending\":true}"),
		EWB_OK);
	ck_assert_int_eq(r.resumes, 1);
	ck_assert_int_eq(r.resumable, 0);
	ck_assert_int_eq(r.descending, 1);
	ck_assert_uint_eq(r.token[15], 15);
	ck_assert_uint_eq(r.token[23], 7);
	bound_is(&r.after, "k01", 3, 1);
}
END_TEST

/* The key is the last of its range. */
START_TEST(nothing_can_lie_behind_the_end)
{
	static const char token[] =
		"\"resume\":\"AAECAwQFBgcICQoLDA0ODwAAAAAAAAAH\"";
	char json[200];

	snprintf(json, sizeof json,
	         "{%s,\"after\":\"azAx\",\"range\":{\"end\":\"azAx\"}}",
	         token);
	ck_assert_int_eq(parse(json), EWB_NOT_FOUND);
	snprintf(json, sizeof json,
	         "{%s,\"after\":\"azAx\",\"range\":{\"start\":\"azAx\"},"
	         "\"descending\":true}",
	         token);
	ck_assert_int_eq(parse(json), EWB_NOT_FOUND);
	snprintf(json, sizeof json,
	         "{%s,\"after\":\"azAx\",\"range\":{\"start\":\"azAx\"}}",
	         token);
	ck_assert_int_eq(parse(json), EWB_OK);
}
END_TEST

START_TEST(a_seed_is_any_number_of_64_bits)
{
	static const uint64_t seeds[] = { 0,
		                          1,
		                          INT64_MAX,
		                          (uint64_t)INT64_MAX + 1,
		                          UINT64_MAX - 1,
		                          UINT64_MAX };
	char json[100];

	for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
		snprintf(json, sizeof json,
		         "{\"sampling\":{\"seed\":%" PRIu64
		         ",\"samples\":%" PRIu64 "}}",
		         seeds[i], seeds[i] ? seeds[i] : 1);
		ck_assert_int_eq(parse(json), EWB_OK);
		ck_assert_uint_eq(r.seed, seeds[i]);
		ck_assert_uint_eq(r.samples, seeds[i] ? seeds[i] : 1);
	}
}
END_TEST

START_TEST(base64_is_decoded_with_padding_and_without)
{
	ck_assert_int_eq(parse("{\"range\":{\"start\":\"YQ==\"}}"), EWB_OK);
	bound_is(&r.start, "a", 1, 0);
	ck_assert_int_eq(parse("{\"range\":{\"start\":\"YQ\"}}"), EWB_OK);
	bound_is(&r.start, "a", 1, 0);
	ck_assert_int_eq(parse("{\"range\":{\"start\":\"YWI=\"}}"), EWB_OK);
	bound_is(&r.start, "ab", 2, 0);
	ck_assert_int_eq(parse("{\"range\":{\"start\":\"YWJj\"}}"), EWB_OK);
	bound_is(&r.start, "abc", 3, 0);
	ck_assert_int_eq(parse("{\"range\":{\"start\":\"AP/+\"}}"), EWB_OK);
	bound_is(&r.start, "\0\xff\xfe", 3, 0);
}
END_TEST

/* 256 bytes: 85 times three, and one. */
START_TEST(a_bound_may_be_longer_than_a_key_but_not_much)
{
	char json[500] = "{\"range\":{\"end\":\"";
	size_t n = strlen(json);

	memset(json + n, 'A', 4 * 85);
	strcpy(json + n + 4 * 85, "AA==\"}}");
	ck_assert_int_eq(parse(json), EWB_OK);
	ck_assert_uint_eq(r.end.n, 256);
	strcpy(json + n + 4 * 85, "AAA=\"}}");
	ck_assert_int_eq(parse(json), EWB_INVALID);
}
END_TEST

START_TEST(more_than_a_range_can_need_is_not_looked_at)
{
	static char json[16386] = "{}";

	memset(json + 2, ' ', sizeof json - 3);
	json[16384] = '\0';
	ck_assert_int_eq(parse(json), EWB_OK);
	json[16384] = ' ';
	ck_assert_int_eq(parse(json), EWB_INVALID);
	ck_assert_str_eq(why, "the value is longer than 16 KiB");
}
END_TEST

START_TEST(what_has_many_parts_is_not_taken_apart)
{
	static char json[16000];
	size_t n = (size_t)sprintf(json, "{\"x\":[");

	for (unsigned i = 0; i < 60; i++)
		n += (size_t)sprintf(json + n, "%s[]", i ? "," : "");
	strcpy(json + n, "]}");
	ck_assert_int_eq(parse(json), EWB_OK);
	for (unsigned i = 60; i < 5000; i++)
		n += (size_t)sprintf(json + n, ",{}");
	strcpy(json + n, "]}");
	ck_assert_int_eq(parse(json), EWB_INVALID);
	ck_assert_str_eq(why, "the value has more parts than a scan can need");
}
END_TEST

START_TEST(blanks_around_it_are_no_fault)
{
	ck_assert_int_eq(parse(" \t\r\n{ } \t\r\n"), EWB_OK);
}
END_TEST

#define REQUIRES(what) "{\"snapshot_requirements\":{" what "}}"
#define NO_UUID \
	"snapshot_requirements: vb_uuid is not a number, or text of one"
#define NO_SEQNO \
	"snapshot_requirements: seqno is not a number from 0 to 2^64 - 1"

static const struct {
	const char *json;
	enum ewb_status status;
	const char *why;
} refused[] = {
	{ "", EWB_INVALID, "the value is not JSON" },
	{ " ", EWB_INVALID, "the value is not JSON" },
	{ "{", EWB_INVALID, "the value is not JSON" },
	{ "{}}", EWB_INVALID, "the value is not JSON" },
	{ "{} x", EWB_INVALID, "the value is not JSON" },
	{ "{\"key_only\":tru}", EWB_INVALID, "the value is not JSON" },
	{ "[[[[[[[[[[[[]]]]]]]]]]]]", EWB_INVALID, "the value is not JSON" },
	{ "[]", EWB_INVALID, "the value is not a JSON object" },
	{ "\"x\"", EWB_INVALID, "the value is not a JSON object" },
	{ "{\"range\":[]}", EWB_INVALID, "range: not an object" },
	{ "{\"range\":null}", EWB_INVALID, "range: not an object" },
	{ "{\"range\":{\"start\":\"\",\"excl_start\":\"\"}}", EWB_INVALID,
	  "range: a bound is both inclusive and exclusive" },
	{ "{\"range\":{\"end\":\"\",\"excl_end\":\"\"}}", EWB_INVALID,
	  "range: a bound is both inclusive and exclusive" },
	{ "{\"range\":{\"start\":1}}", EWB_INVALID,
	  "range: a bound is not base64 of 256 bytes at most" },
	{ "{\"range\":{\"start\":null}}", EWB_INVALID,
	  "range: a bound is not base64 of 256 bytes at most" },
	{ "{\"range\":{\"end\":\"a\"}}", EWB_INVALID,
	  "range: a bound is not base64 of 256 bytes at most" },
	{ "{\"range\":{\"end\":\"YQ-_\"}}", EWB_INVALID,
	  "range: a bound is not base64 of 256 bytes at most" },
	{ "{\"range\":{\"end\":\"Y=Q=\"}}", EWB_INVALID,
	  "range: a bound is not base64 of 256 bytes at most" },
	{ "{\"range\":{\"end\":\"YQ==\\u0000YQ==\"}}", EWB_INVALID,
	  "range: a bound is not base64 of 256 bytes at most" },
	{ "{\"sampling\":1}", EWB_INVALID, "sampling: not an object" },
	{ "{\"sampling\":null}", EWB_INVALID, "sampling: not an object" },
	{ "{\"sampling\":{}}", EWB_INVALID,
	  "sampling: samples is not a number of 1 or more" },
	{ "{\"sampling\":{\"samples\":0}}", EWB_INVALID,
	  "sampling: samples is not a number of 1 or more" },
	{ "{\"sampling\":{\"samples\":-1}}", EWB_INVALID,
	  "sampling: samples is not a number of 1 or more" },
	{ "{\"sampling\":{\"samples\":1.5}}", EWB_INVALID,
	  "sampling: samples is not a number of 1 or more" },
	{ "{\"sampling\":{\"samples\":\"1\"}}", EWB_INVALID,
	  "sampling: samples is not a number of 1 or more" },
	{ "{\"sampling\":{\"samples\":1,\"seed\":-1}}", EWB_INVALID,
	  "sampling: seed is not a number from 0 to 2^64 - 1" },
	{ "{\"sampling\":{\"samples\":1,\"seed\":1e3}}", EWB_INVALID,
	  "sampling: seed is not a number from 0 to 2^64 - 1" },
	{ "{\"key_only\":1}", EWB_INVALID, "key_only: neither true nor false" },
	{ "{\"key_only\":null}", EWB_INVALID,
	  "key_only: neither true nor false" },
	{ "{\"descending\":1}", EWB_INVALID,
	  "descending: neither true nor false" },
	{ "{\"resumable\":0}", EWB_INVALID,
	  "resumable: neither true nor false" },
	{ "{\"resume\":\"AAAA\"}", EWB_INVALID,
	  "resume: not base64 of a token's 24 bytes" },
	{ "{\"resume\":1}", EWB_INVALID,
	  "resume: not base64 of a token's 24 bytes" },
	{ "{\"after\":\"AAAA\"}", EWB_INVALID,
	  "after: there is no resume beside it" },
	{ "{\"resume\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"after\":1}",
	  EWB_INVALID, "after: not base64 of 256 bytes at most" },
	{ "{\"resume\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
	  "\"snapshot_requirements\":{\"vb_uuid\":1,\"seqno\":1}}",
	  EWB_INVALID,
	  "resume: it has its snapshot: snapshot_requirements are for another" },
	{ "{\"snapshot_requirements\":1}", EWB_INVALID,
	  "snapshot_requirements: not an object" },
	{ REQUIRES("\"seqno\":1"), EWB_INVALID, NO_UUID },
	{ REQUIRES("\"seqno\":1,\"vb_uuid\":\"\""), EWB_INVALID, NO_UUID },
	{ REQUIRES("\"seqno\":1,\"vb_uuid\":\"0x7\""), EWB_INVALID, NO_UUID },
	{ REQUIRES("\"seqno\":1,\"vb_uuid\":\"-7\""), EWB_INVALID, NO_UUID },
	{ REQUIRES("\"seqno\":1,\"vb_uuid\":-7"), EWB_INVALID, NO_UUID },
	{ REQUIRES("\"seqno\":1,\"vb_uuid\":\"18446744073709551616\""),
	  EWB_INVALID, NO_UUID },
	{ REQUIRES("\"seqno\":1,\"vb_uuid\":null"), EWB_INVALID, NO_UUID },
	{ REQUIRES("\"vb_uuid\":\"7\""), EWB_INVALID, NO_SEQNO },
	{ REQUIRES("\"vb_uuid\":\"7\",\"seqno\":-1"), EWB_INVALID, NO_SEQNO },
	{ REQUIRES("\"vb_uuid\":\"7\",\"seqno\":\"1\""), EWB_INVALID,
	  NO_SEQNO },
	{ REQUIRES("\"vb_uuid\":\"7\",\"seqno\":1,\"timeout_ms\":4294967296"),
	  EWB_INVALID,
	  "snapshot_requirements: timeout_ms is not a number from 0 to 2^32 - "
	  "1" },
	{ REQUIRES("\"vb_uuid\":\"7\",\"seqno\":1,\"seqno_exists\":1"),
	  EWB_INVALID,
	  "snapshot_requirements: seqno_exists is neither true nor false" },
	{ "{\"collection\":\"zz\"}", EWB_INVALID,
	  "collection: not a hexadecimal number of 32 bits" },
	{ "{\"collection\":\"123456789\"}", EWB_INVALID,
	  "collection: not a hexadecimal number of 32 bits" },
	{ "{\"collection\":\"\"}", EWB_INVALID,
	  "collection: not a hexadecimal number of 32 bits" },
	{ "{\"collection\":0}", EWB_INVALID,
	  "collection: not a hexadecimal number of 32 bits" },
};

/* As a client of Couchbase sends it, and with all that there is. */
START_TEST(what_a_snapshot_must_have_is_understood)
{
	ck_assert_int_eq(parse("{}"), EWB_OK);
	ck_assert_int_eq(r.requires, 0);
	ck_assert_int_eq(parse(REQUIRES("\"seqno\":1,\"timeout_ms\":75000,"
	                                "\"vb_uuid\":\"29369128381748\"")),
	                 EWB_OK);
	ck_assert_int_eq(r.requires, 1);
	ck_assert_uint_eq(r.uuid, 29369128381748);
	ck_assert_uint_eq(r.seqno, 1);
	ck_assert_uint_eq(r.timeout_ms, 75000);
	ck_assert_int_eq(r.seqno_exists, 0);
	ck_assert_int_eq(
		parse(REQUIRES("\"vb_uuid\":18446744073709551615,"
	                       "\"seqno\":18446744073709551615,"
	                       "\"seqno_exists\":true")),
		EWB_OK);
	ck_assert_uint_eq(r.uuid, UINT64_MAX);
	ck_assert_uint_eq(r.seqno, UINT64_MAX);
	ck_assert_uint_eq(r.timeout_ms, 0);
	ck_assert_int_eq(r.seqno_exists, 1);
	ck_assert_int_eq(
		parse(REQUIRES("\"vb_uuid\":\"18446744073709551615\","
	                       "\"seqno\":0,\"seqno_exists\":false")),
		EWB_OK);
	ck_assert_uint_eq(r.uuid, UINT64_MAX);
	ck_assert_int_eq(r.seqno_exists, 0);
}
END_TEST

START_TEST(what_is_wrong_is_said)
{
	ck_assert_int_eq(parse(refused[_i].json), refused[_i].status);
	ck_assert_ptr_nonnull(why);
	ck_assert_str_eq(why, refused[_i].why);
}
END_TEST

static const struct {
	const char *range;
	bool empty;
} ranges[] = {
	{ "\"start\":\"YQ==\",\"end\":\"YQ==\"", false },     /* [a, a] */
	{ "\"start\":\"YQ==\",\"excl_end\":\"YQ==\"", true }, /* [a, a) */
	{ "\"excl_start\":\"YQ==\",\"end\":\"YQ==\"", true }, /* (a, a] */
	{ "\"excl_start\":\"YQ==\",\"excl_end\":\"YQ==\"", true },
	{ "\"start\":\"Yg==\",\"end\":\"YQ==\"", true },  /* [b, a] */
	{ "\"start\":\"YWI=\",\"end\":\"YQ==\"", true },  /* [ab, a] */
	{ "\"start\":\"YQ==\",\"end\":\"YWI=\"", false }, /* [a, ab] */
	{ "\"start\":\"/w==\",\"end\":\"fw==\"", true },  /* unsigned */
	{ "\"start\":\"\",\"excl_end\":\"\"", true },
	{ "\"excl_start\":\"\"", false },
	{ "\"excl_end\":\"\"", false }, /* only the keys can tell */
};

START_TEST(a_range_that_nothing_can_lie_in_is_empty)
{
	char json[200];

	snprintf(json, sizeof json, "{\"range\":{%s}}", ranges[_i].range);
	ck_assert_int_eq(parse(json),
	                 ranges[_i].empty ? EWB_NOT_FOUND : EWB_OK);
}
END_TEST

/* Whatever the bytes are: it must not matter where they end. */
START_TEST(a_text_cut_anywhere_is_not_json)
{
	static const char json[] =
		"{\"key_only\":true,\"range\":{\"start\":\"YQ==\"},"
		"\"sampling\":{\"samples\":20,\"seed\":114}}";

	for (size_t n = 0; n + 1 < sizeof json; n++) {
		char *copy = malloc(n); /* its end is seen by a sanitizer */

		ck_assert(copy || n == 0);
		if (n)
			memcpy(copy, json, n);
		ck_assert_int_eq(ewb_scan_parse(&r, copy, n, &why),
		                 EWB_INVALID);
		free(copy);
	}
	ck_assert_int_eq(parse(json), EWB_OK);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_json");
	TCase *t = tcase_create("json");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, nothing_said_is_everything);
	tcase_add_test(t, what_the_clients_send_is_understood);
	tcase_add_test(t, a_collection_is_a_hexadecimal_number);
	tcase_add_test(t, a_resume_has_its_token_and_the_last_key);
	tcase_add_test(t, nothing_can_lie_behind_the_end);
	tcase_add_test(t, a_seed_is_any_number_of_64_bits);
	tcase_add_test(t, base64_is_decoded_with_padding_and_without);
	tcase_add_test(t, a_bound_may_be_longer_than_a_key_but_not_much);
	tcase_add_test(t, more_than_a_range_can_need_is_not_looked_at);
	tcase_add_test(t, what_has_many_parts_is_not_taken_apart);
	tcase_add_test(t, blanks_around_it_are_no_fault);
	tcase_add_test(t, what_a_snapshot_must_have_is_understood);
	tcase_add_loop_test(t, what_is_wrong_is_said, 0,
	                    sizeof refused / sizeof *refused);
	tcase_add_loop_test(t, a_range_that_nothing_can_lie_in_is_empty, 0,
	                    sizeof ranges / sizeof *ranges);
	tcase_add_test(t, a_text_cut_anywhere_is_not_json);
	suite_add_tcase(s, t);
	return unit_run(s);
}
