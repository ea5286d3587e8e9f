/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parser makes of scan and lru_crawler, and how records are written. */
#include "config.h"

#include <string.h>

#include "protocol/text.h"
#include "protocol/text_scan.h"
#include "t/protocol_play.h"
#include "t/unit.h"

#define SCAN_ERROR(text) "error 4 \"CLIENT_ERROR scan: " text "\"\n"
#define WORDS                                                                  \
	SCAN_ERROR("there are prefix= start= after= end= before= limit= vbucket= " \
	           "keys cas base64")
#define CHARS_50 "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define KEY_250 CHARS_50 CHARS_50 CHARS_50 CHARS_50 CHARS_50

static const struct row {
	const char *in, *want;
} rows[] = {
	{ "scan\r\n", "scan\n" },
	{ "scan\n", "scan\n" },
	{ "  scan   keys  \r\n", "scan extras=4\n" },
	{ "scan prefix=a start=b before=c limit=10 vbucket=3 cas\r\n",
	  "scan extras=48\n" },
	{ "scan after=a end=b keys base64 limit=18446744073709551615\r\n",
	  "error 4 \"CLIENT_ERROR scan: a key is not base64\"\n" },
	{ "scan prefix=" KEY_250 "\r\n", "scan extras=257\n" },
	{ "scan prefix= start= end=\r\n", "scan extras=19\n" },
	{ "scan start=a=b\r\n", "scan extras=9\n" },
	/* what is wrong */
	{ "scan x\r\n", WORDS },
	{ "scan key\r\n", WORDS },
	{ "scan keysx\r\n", WORDS },
	{ "scan prefix\r\n", WORDS },
	{ "scan prefix =a\r\n", WORDS },
	{ "scan KEYS\r\n", WORDS },
	{ "scan noreply\r\n", WORDS },
	{ "scan keys keys\r\n", SCAN_ERROR("said twice: keys") },
	{ "scan cas cas\r\n", SCAN_ERROR("said twice: cas") },
	{ "scan base64 base64\r\n", SCAN_ERROR("said twice: base64") },
	{ "scan prefix=a prefix=a\r\n", SCAN_ERROR("said twice: prefix=") },
	{ "scan start=a after=a\r\n",
	  SCAN_ERROR("said twice: start=, or after=") },
	{ "scan before=a end=a\r\n", SCAN_ERROR("said twice: end=, or before=") },
	{ "scan limit=1 limit=1\r\n", SCAN_ERROR("said twice: limit=") },
	{ "scan vbucket=1 vbucket=1\r\n", SCAN_ERROR("said twice: vbucket=") },
	{ "scan keys cas\r\n", SCAN_ERROR("keys alone have no cas") },
	{ "scan limit=0\r\n", SCAN_ERROR("limit= is not a number of 1 or more") },
	{ "scan limit=\r\n", SCAN_ERROR("limit= is not a number of 1 or more") },
	{ "scan limit=1x\r\n", SCAN_ERROR("limit= is not a number of 1 or more") },
	{ "scan limit=-1\r\n", SCAN_ERROR("limit= is not a number of 1 or more") },
	{ "scan vbucket=\r\n", SCAN_ERROR("vbucket= is not a number") },
	{ "scan vbucket=x\r\n", SCAN_ERROR("vbucket= is not a number") },
	{ "scan vbucket=99999999999999999999\r\n",
	  SCAN_ERROR("vbucket= is not a number") },
	{ "scan prefix=k" KEY_250 "\r\n",
	  SCAN_ERROR("a key is longer than 250 bytes") },
	{ "scan base64 before=Zm8!\r\n", SCAN_ERROR("a key is not base64") },
	{ "scan end=Zg=== base64\r\n", SCAN_ERROR("a key is not base64") },
	/* the next line is one of its own */
	{ "scan x\r\nmn\r\nscan\r\n", WORDS "noop meta\nscan\n" },
	{ "scans\r\n", "error 81 \"ERROR\"\n" },
	/* lru_crawler */
	{ "lru_crawler metadump all\r\n", "metadump flags=1\n" },
	{ "lru_crawler  metadump  hash \r\n", "metadump flags=1\n" },
	{ "lru_crawler metadump 1\r\n", "metadump flags=1\n" },
	{ "lru_crawler metadump 3,2,1\r\n", "metadump flags=1\n" },
	{ "lru_crawler metadump 1,\r\n", "metadump flags=1\n" },
	{ "lru_crawler metadump 2,63\r\n", "metadump\n" },
	{ "lru_crawler metadump 64\r\n",
	  "error 4 \"BADCLASS invalid class id\"\n" },
	{ "lru_crawler metadump 1,0\r\n",
	  "error 4 \"BADCLASS invalid class id\"\n" },
	{ "lru_crawler metadump alll\r\n",
	  "error 4 \"BADCLASS invalid class id\"\n" },
	{ "lru_crawler metadump ,\r\n",
	  "error 4 \"NOTSTARTED no items to crawl\"\n" },
	{ "lru_crawler\r\n", "error 4 \"ERROR\"\n" },
	{ "lru_crawler x\r\n", "error 4 \"ERROR\"\n" },
	{ "lru_crawler metadump\r\n", "error 4 \"ERROR\"\n" },
	{ "lru_crawler metadump all x\r\n", "error 4 \"ERROR\"\n" },
	{ "lru_crawler mgdump all\r\n", "error 4 \"ERROR\"\n" },
	{ "lru_crawler crawl\r\n", "error 4 \"ERROR\"\n" },
	{ "lru_crawler enable x\r\n", "error 4 \"ERROR\"\n" },
	{ "lru_crawler enable\r\n",
	  "error 4 \"ERROR there is no lru crawler but for metadump\"\n" },
	{ "lru_crawler crawl all\r\n",
	  "error 4 \"ERROR there is no lru crawler but for metadump\"\n" },
};

START_TEST(a_line_is_this_frame_however_it_is_cut)
{
	const struct row *r = &rows[_i];
	char *said = play(PLAY_TEXT, r->in, strlen(r->in), 1000);

	ck_assert_str_eq(said, r->want);
	free(said);
}
END_TEST

/* Words. */

static const char *
take(const char *words, struct ewb_text_scan *s)
{
	return ewb_text_scan_take((const uint8_t *)words, strlen(words), s);
}

static void
must_be(const struct ewb_text_scan *s, const struct ewb_text_bound *b,
        const char *want, int excluded)
{
	uint8_t is[EWB_KEY_MAX];
	size_t n;

	ck_assert_ptr_nonnull(b->at);
	n = ewb_text_scan_bound(s, b, is);
	ck_assert_uint_eq(n, strlen(want));
	ck_assert_mem_eq(is, want, n);
	ck_assert_int_eq(b->excluded, excluded);
}

START_TEST(words_say_the_range_in_any_order)
{
	struct ewb_text_scan s;

	ck_assert_ptr_null(take("", &s));
	ck_assert(!s.prefix.at && !s.start.at && !s.end.at);
	ck_assert(s.limit == 0 && s.vbucket == UINT64_MAX);
	ck_assert(!s.keys && !s.cas && !s.base64);
	ck_assert_ptr_null(take("cas limit=7 after=b prefix=a=  end= vbucket=0",
	                        &s));
	must_be(&s, &s.prefix, "a=", 0);
	must_be(&s, &s.start, "b", 1);
	must_be(&s, &s.end, "", 0);
	ck_assert(s.limit == 7 && s.vbucket == 0 && s.cas && !s.keys);
	ck_assert_ptr_null(take("start=b before=c keys", &s));
	must_be(&s, &s.start, "b", 0);
	must_be(&s, &s.end, "c", 1);
	ck_assert(s.keys && !s.cas);
}
END_TEST

START_TEST(keys_in_base64_are_so_wherever_it_is_said)
{
	struct ewb_text_scan s;

	ck_assert_ptr_null(take("prefix=Zm9v base64 after=AAE= end=YQ", &s));
	must_be(&s, &s.prefix, "foo", 0);
	must_be(&s, &s.end, "a", 0);
	ck_assert_uint_eq(ewb_text_scan_bound(&s, &s.start,
	                                      (uint8_t[EWB_KEY_MAX]){ 0 }),
	                  2);
	ck_assert_ptr_null(take("base64", &s));
}
END_TEST

/* Records. */

static void
writes(enum ewb_text_form form, const struct ewb_bin_record *r, const char *want)
{
	size_t most = ewb_text_record_max(form, r);
	uint8_t *out = malloc(most);
	size_t n = ewb_text_record_put(out, form, r);

	ck_assert_uint_le(n, most);
	ck_assert_uint_eq(n, strlen(want));
	ck_assert_mem_eq(out, want, n);
	free(out);
}

START_TEST(a_record_is_written_in_each_form)
{
	struct ewb_bin_record r = { .flags = 5,
		                    .cas = 77,
		                    .key = (const uint8_t *)"a%~",
		                    .nkey = 3,
		                    .value = (const uint8_t *)"12\r\n",
		                    .nvalue = 4 };

	writes(EWB_TEXT_VALUES, &r, "VALUE a%~ 5 4\r\n12\r\n\r\n");
	writes(EWB_TEXT_VALUES_CAS, &r, "VALUE a%~ 5 4 77\r\n12\r\n\r\n");
	writes(EWB_TEXT_KEYS, &r, "KEY a%~\r\n");
	writes(EWB_TEXT_METADUMP, &r,
	       "key=a%25~ exp=-1 la=0 cas=77 fetch=no cls=1 size=7\n");
	r.expiry = 1700000000;
	r.value = NULL;
	r.nvalue = 0;
	r.accessed = 1600000000;
	r.fetched = 1;
	writes(EWB_TEXT_VALUES, &r, "VALUE a%~ 5 0\r\n\r\n");
	writes(EWB_TEXT_METADUMP, &r,
	       "key=a%25~ exp=1700000000 la=1600000000 cas=77 fetch=yes cls=1 "
	       "size=3\n");
}
END_TEST

START_TEST(a_key_that_could_not_stand_in_a_line_is_in_base64_and_marked)
{
	struct ewb_bin_record r = { .cas = 1,
		                    .key = (const uint8_t *)"a b",
		                    .nkey = 3,
		                    .value = (const uint8_t *)"x",
		                    .nvalue = 1 };

	writes(EWB_TEXT_VALUES, &r, "VALUE YSBi 0 1 b\r\nx\r\n");
	writes(EWB_TEXT_VALUES_CAS, &r, "VALUE YSBi 0 1 1 b\r\nx\r\n");
	writes(EWB_TEXT_KEYS, &r, "KEY YSBi b\r\n");
	writes(EWB_TEXT_METADUMP, &r,
	       "key=a%20b exp=-1 la=0 cas=1 fetch=no cls=1 size=4\n");
	r.key = (const uint8_t *)"\r\n\377";
	writes(EWB_TEXT_KEYS, &r, "KEY DQr/ b\r\n");
	writes(EWB_TEXT_METADUMP, &r,
	       "key=%0D%0A%FF exp=-1 la=0 cas=1 fetch=no cls=1 size=4\n");
	/* as a get has it: any byte above a blank */
	r.key = (const uint8_t *)"\177\200\377";
	writes(EWB_TEXT_KEYS, &r, "KEY \177\200\377\r\n");
}
END_TEST

START_TEST(the_largest_record_takes_no_more_than_is_said)
{
	uint8_t key[EWB_KEY_MAX], out[EWB_TEXT_DUMP_MAX];
	struct ewb_bin_record r = { .flags = UINT32_MAX,
		                    .expiry = UINT32_MAX,
		                    .cas = UINT64_MAX,
		                    .key = key,
		                    .nkey = sizeof key };

	memset(key, 1, sizeof key);
	for (int form = EWB_TEXT_VALUES; form <= EWB_TEXT_METADUMP; form++)
		ck_assert_uint_le(
			ewb_text_record_put(out, (enum ewb_text_form)form, &r),
			ewb_text_record_max((enum ewb_text_form)form, &r));
	ck_assert_uint_eq(ewb_text_record_max(EWB_TEXT_VALUES_CAS, &r),
	                  EWB_TEXT_RECORD_MORE);
	ck_assert_uint_eq(ewb_text_record_max(EWB_TEXT_METADUMP, &r),
	                  EWB_TEXT_DUMP_MAX);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("protocol_scan");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, a_line_is_this_frame_however_it_is_cut, 0,
	                    sizeof rows / sizeof *rows);
	tcase_add_test(t, words_say_the_range_in_any_order);
	tcase_add_test(t, keys_in_base64_are_so_wherever_it_is_said);
	tcase_add_test(t, a_record_is_written_in_each_form);
	tcase_add_test(
		t, a_key_that_could_not_stand_in_a_line_is_in_base64_and_marked);
	tcase_add_test(t, the_largest_record_takes_no_more_than_is_said);
	suite_add_tcase(s, t);
	return unit_run(s);
}
