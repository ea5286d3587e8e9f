/* SPDX-License-Identifier: BSD-2-Clause */
/* scan and lru_crawler metadump, of an engine that has the same records in each
 * of three vbuckets. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/stream.h"
#include "t/scan_play.h"
#include "t/unit.h"

#define VBUCKETS 3
#define HIGH 65536u
#define LOW 16384u

static struct client *a, *b;
/* What is to be heard. */
static char *want;
static size_t nwant, cap;

static void
begin(void)
{
	stage_reset();
	stage.server.vbuckets = VBUCKETS;
	table.size = 0;
	nwant = 0;
}

static void
open_with(const struct ewb_engine *e)
{
	stage_open(1, e);
	a = ear_open(0)->c;
}

static void
open_table(void)
{
	open_with(&table_engine);
}

static void
end(void)
{
	free(want);
	want = NULL;
	cap = 0;
	stage_close();
}

static char *
more(size_t n)
{
	if (nwant + n > cap) {
		cap = 2 * (nwant + n);
		want = realloc(want, cap);
		ck_assert_ptr_nonnull(want);
	}
	nwant += n;
	return want + nwant - n;
}

static void
add(const char *text)
{
	memcpy(more(strlen(text)), text, strlen(text));
}

/* Record i of the table with its value, so many times. */
static void
add_values(unsigned i, unsigned times)
{
	size_t size = table.size_of ? table.size_of(i) : table.size;
	char line[64];

	while (times--) {
		snprintf(line, sizeof line, "VALUE %06u %u %zu\r\n", i, i + 1,
		         size);
		add(line);
		table_value(i, more(size), size);
		add("\r\n");
	}
}

static void
add_keys(unsigned first, unsigned past, unsigned times)
{
	char line[64];

	for (unsigned i = first; i < past; i++)
		for (unsigned k = 0; k < times; k++) {
			snprintf(line, sizeof line, "KEY %06u\r\n", i);
			add(line);
		}
}

/* All that was added, and no more, from one who reads a bit at a time. */
static void
hear_added(struct client *c, void (*between)(void))
{
	static char bit[30000];
	size_t n, at = 0;

	while (at < nwant) {
		n = hear_some(c, bit, sizeof bit);
		if (n == 0 || n > nwant - at || memcmp(bit, want + at, n))
			break;
		at += n;
		stage_run();
		if (between)
			between();
	}
	if (at < nwant)
		hear_bytes(c, want + at, nwant - at); /* which says what is */
	hear_nothing(c);
	nwant = 0;
}

/* Says it, and hears what was added. */
static void
answers(const char *line)
{
	say(a, line);
	stage_run();
	hear_added(a, NULL);
}

/* What is asked for. */

START_TEST(it_is_in_the_order_of_keys_over_all_vbuckets)
{
	open_table();
	add_keys(0, 10, VBUCKETS);
	add("END\r\n");
	answers("scan keys\r\n");
	ck_assert_uint_eq(table.opened, VBUCKETS);
	ck_assert_uint_eq(table.range.keys_only, 1);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_completed), 1);
	end();
}
END_TEST

START_TEST(values_are_as_a_get_has_them)
{
	table.n = 2;
	table.size = 5;
	open_table();
	add_values(0, VBUCKETS);
	add_values(1, VBUCKETS);
	add("END\r\n");
	answers("scan\r\n");
	ck_assert_uint_eq(table.range.keys_only, 0);
	table.size = 0;
	add("VALUE 000001 2 0 5\r\n\r\nEND\r\n");
	answers("scan cas start=000001 vbucket=1\r\n");
	end();
}
END_TEST

START_TEST(a_limit_gives_the_first_ones)
{
	open_table();
	add_keys(0, 2, VBUCKETS);
	add_keys(2, 3, 1);
	add("END\r\n");
	answers("scan keys limit=7\r\n");
	add_keys(0, 10, VBUCKETS);
	add("END\r\n");
	answers("scan keys limit=30\r\n");
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_completed), 2);
	ck_assert_uint_eq(table.closed, 2 * VBUCKETS);
	end();
}
END_TEST

START_TEST(pages_follow_each_other_by_their_last_key)
{
	open_table();
	add_keys(0, 4, 1);
	add("END\r\n");
	answers("scan keys vbucket=0 limit=4\r\n");
	add_keys(4, 8, 1);
	add("END\r\n");
	answers("scan keys vbucket=0 limit=4 after=000003\r\n");
	add_keys(8, 10, 1);
	add("END\r\n");
	answers("scan keys vbucket=0 limit=4 after=000007\r\n");
	add("END\r\n");
	answers("scan keys vbucket=0 limit=4 after=000009\r\n");
	end();
}
END_TEST

static void
ranges(const char *words, const char *start, bool start_excluded,
       const char *bound, bool end_excluded)
{
	char line[300];
	unsigned opened = table.opened;

	snprintf(line, sizeof line, "scan vbucket=2 keys limit=1 %s\r\n", words);
	say(a, line);
	stage_run();
	hear_all(a);
	ck_assert_uint_eq(table.opened, opened + 1);
	ck_assert_uint_eq(table.range.vbucket, 2);
	ck_assert_int_eq(table.range.start != NULL, start != NULL);
	ck_assert_int_eq(table.range.end != NULL, bound != NULL);
	if (start) {
		ck_assert_uint_eq(table.range.nstart, strlen(start));
		ck_assert_mem_eq(table.start, start, strlen(start));
		ck_assert_int_eq(table.range.start_excluded, start_excluded);
	}
	if (bound) {
		ck_assert_uint_eq(table.range.nend, strlen(bound));
		ck_assert_mem_eq(table.end, bound, strlen(bound));
		ck_assert_int_eq(table.range.end_excluded, end_excluded);
	}
}

START_TEST(an_engine_is_asked_for_the_range_that_all_words_leave)
{
	open_table();
	ranges("", NULL, 0, NULL, 0);
	ranges("start=a end=c", "a", false, "c", false);
	ranges("after=a before=c", "a", true, "c", true);
	ranges("prefix=ab", "ab", false, "ac", true);
	ranges("prefix=a\377", "a\377", false, "b", true);
	ranges("prefix=\377\377", "\377\377", false, NULL, 0);
	ranges("prefix=", "", false, NULL, 0);
	ranges("prefix=a after=ab", "ab", true, "b", true);
	ranges("prefix=a after=a", "a", true, "b", true);
	ranges("prefix=a start=A end=aa", "a", false, "aa", false);
	ranges("prefix=a end=c", "a", false, "b", true);
	ranges("prefix=a end=b", "a", false, "b", true);
	ranges("prefix=YWI= after=YWJj base64", "abc", true, "ac", true);
	end();
}
END_TEST

START_TEST(a_range_that_is_empty_asks_no_engine)
{
	open_table();
	add("END\r\n");
	answers("scan start=b end=a\r\n");
	add("END\r\n");
	answers("scan after=a end=a\r\n");
	add("END\r\n");
	answers("scan prefix=a start=b\r\n");
	ck_assert_uint_eq(table.opened, 0);
	ck_assert_uint_eq(stage.scans->created, 0);
	/* this one has nothing in it, which is not known before */
	add("END\r\n");
	answers("scan start=a end=b\r\n");
	ck_assert_uint_eq(table.opened, VBUCKETS);
	end();
}
END_TEST

static unsigned most_open;

static void
count_open(unsigned i)
{
	(void)i;
	if (table.opened - table.closed > most_open)
		most_open = table.opened - table.closed;
}

START_TEST(a_metadump_is_one_vbucket_after_the_other)
{
	table.n = 2;
	table.size = 3;
	table.within = count_open;
	most_open = 0;
	open_table();
	for (unsigned i = 0; i < VBUCKETS; i++)
		add("key=000000 exp=2 la=0 cas=4 fetch=no cls=1 size=9\n"
		    "key=000001 exp=3 la=0 cas=5 fetch=no cls=1 size=9\n");
	add("END\r\n");
	answers("lru_crawler metadump all\r\n");
	ck_assert_uint_eq(table.opened, VBUCKETS);
	ck_assert_uint_eq(most_open, 1);
	add("END\r\n");
	answers("lru_crawler metadump 2,3\r\n");
	ck_assert_uint_eq(table.opened, VBUCKETS);
	end();
}
END_TEST

START_TEST(it_waits_for_what_was_said_before_and_what_follows_waits_for_it)
{
	table.n = 1;
	open_table();
	say(a, "get x\r\nscan keys vbucket=0\r\nget x\r\nmn\r\n");
	stage_run_fronts();
	hear_nothing(a);
	ck_assert_uint_eq(stage.scans->created, 0);
	stage_run();
	hear(a, "END\r\nKEY 000000\r\nEND\r\nEND\r\nMN\r\n");
	end();
}
END_TEST

/* Engines. */

START_TEST(an_engine_that_pauses_loses_nothing)
{
	table.pause_every = 2;
	table.dawdle = 7;
	open_table();
	add_keys(0, 10, VBUCKETS);
	add("END\r\n");
	answers("scan keys\r\n");
	end();
}
END_TEST

START_TEST(one_callback_at_a_time_will_do)
{
	open_with(&serial_engine);
	add_keys(0, 10, VBUCKETS);
	add("END\r\n");
	answers("scan keys\r\n");
	end();
}
END_TEST

START_TEST(an_engine_that_cannot_scan_is_named_in_one_line)
{
	open_with(&bare_engine);
	add("SERVER_ERROR this engine cannot scan\r\n");
	answers("scan\r\n");
	add("SERVER_ERROR this engine cannot scan\r\n");
	answers("lru_crawler metadump all\r\n");
	end();
}
END_TEST

START_TEST(an_error_in_the_middle_is_a_line_in_place_of_end)
{
	table.fail_at = 4;
	table.fail = EWB_TEMPORARY;
	open_table();
	add_keys(0, 3, VBUCKETS);
	add_keys(3, 4, 1); /* and the same vbucket's next one fails */
	add("SERVER_ERROR temporary failure\r\n");
	answers("scan keys\r\n");
	ck_assert_uint_eq(table.closed, VBUCKETS);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_failed), 1);
	add("MN\r\n");
	answers("mn\r\n");
	end();
}
END_TEST

START_TEST(one_at_the_opening_too_and_it_is_the_servers)
{
	table.open_says = EWB_NOT_FOUND;
	open_table();
	add("SERVER_ERROR internal error\r\n");
	answers("scan keys\r\n");
	table.open_says = EWB_END;
	add("SERVER_ERROR internal error\r\n");
	answers("scan keys\r\n");
	table.open_says = EWB_SCAN_CANCELLED;
	add("SERVER_ERROR scan cancelled\r\n");
	answers("scan keys\r\n");
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_pressure), 1);
	end();
}
END_TEST

START_TEST(an_engine_that_heeds_no_refusal_leaves_nothing_out_unsaid)
{
	table.goes_on = true;
	open_table();
	add("SERVER_ERROR internal error\r\n");
	answers("scan keys\r\n");
	table.goes_on = false;
	table.ends_refused = true;
	table.n = 1;
	add("SERVER_ERROR internal error\r\n");
	answers("scan keys\r\n");
	end();
}
END_TEST

/* Limits. */

START_TEST(where_scans_are_fewer_than_vbuckets_it_says_what_goes)
{
	stage.scan.max_scans = VBUCKETS - 1;
	open_table();
	add("CLIENT_ERROR the server may open fewer scans than it has "
	    "vbuckets: say vbucket=N\r\n");
	answers("scan keys\r\n");
	add_keys(0, 10, 1);
	add("END\r\n");
	answers("scan keys vbucket=1\r\n");
	ck_assert_uint_eq(stage_scans(), 0);
	say(a, "lru_crawler metadump all\r\n");
	stage_run();
	ck_assert_uint_gt(hear_all(a), 1000);
	end();
}
END_TEST

START_TEST(no_such_vbucket_is_said)
{
	open_table();
	add("CLIENT_ERROR scan: no such vbucket\r\n");
	answers("scan vbucket=3\r\n");
	end();
}
END_TEST

static size_t
large_ones(unsigned i)
{
	return i == 4 ? 3 * HIGH : 500;
}

START_TEST(a_record_that_there_is_no_room_for_is_named)
{
	stage.server.high = HIGH;
	stage.server.low = LOW;
	stage.server.max_item = HIGH / 2;
	stage.server.buffer_memory = HIGH;
	table.size_of = large_ones;
	open_table();
	for (unsigned i = 0; i < 4; i++)
		add_values(i, VBUCKETS);
	add("SERVER_ERROR a record is larger than the server's buffer memory\r\n");
	answers("scan\r\n");
	end();
}
END_TEST

START_TEST(the_least_memory_that_is_accepted_passes_the_largest_item)
{
	table.n = 8;
	table.size_of = large_ones;
	stage.server.high = HIGH;
	stage.server.low = LOW;
	stage.server.max_item = 3 * HIGH;
	stage.server.buffer_memory = ewb_stream_needs(3 * HIGH);
	open_table();
	for (unsigned i = 0; i < 8; i++)
		add_values(i, VBUCKETS);
	add("END\r\n");
	answers("scan\r\n");
	end();
}
END_TEST

/* What streams hold. */
static size_t
held(void)
{
	struct ewb_core *core = stage.p.core;

	return ewb_budget_used(&core->budget) +
	       atomic_load(&core->streams) * EWB_CHUNK_MIN;
}

/* A scan of 3 MB, whose reader does not read. */
static void
stop_reading(void)
{
	stage.server.high = HIGH;
	stage.server.low = LOW;
	stage.server.no_progress_s = 0;
	table.n = 1000;
	table.size = 1000;
	open_table();
	client_small(a, 4096);
	for (unsigned i = 0; i < table.n; i++)
		add_values(i, VBUCKETS);
	add("END\r\n");
	say(a, "scan\r\n");
	stage_run();
}

START_TEST(a_stopped_reader_holds_no_more_than_the_high_mark)
{
	stop_reading();
	ck_assert_uint_gt(held(), LOW);
	ck_assert_uint_le(held(), HIGH + EWB_CHUNK_MIN);
	ck_assert(!stage_job()); /* and no thread */
	/* nor anybody else */
	b = ear_open(0)->c;
	say(b, "mn\r\n");
	stage_run();
	hear(b, "MN\r\n");
	end();
}
END_TEST

static void
hold_little(void)
{
	ck_assert_uint_le(held(), HIGH + EWB_CHUNK_MIN);
}

START_TEST(a_slow_reader_gets_all_of_it)
{
	stop_reading();
	hear_added(a, hold_little);
	end();
}
END_TEST

START_TEST(the_deadline_does_not_hit_a_slow_reader)
{
	stage.scan.lifetime_s = 0;
	stop_reading();
	for (unsigned i = 0; i < 20; i++)
		stage_pass(2500);
	ck_assert_uint_eq(play_count(&stage.p, deadlines_passed), 0);
	end();
}
END_TEST

START_TEST(the_deadline_hits_an_engine_that_brings_nothing)
{
	open_table();
	say(a, "scan\r\n");
	stage_run_fronts();
	play_pass(&stage.p, 2499);
	stage_run_fronts();
	hear_nothing(a);
	play_pass(&stage.p, 1);
	stage_run_fronts();
	add("SERVER_ERROR temporary failure\r\n");
	hear_bytes(a, want, nwant);
	stage_run();
	hear_nothing(a);
	ck_assert_uint_eq(table.opened, 0);
	end();
}
END_TEST

/* Longer than the deadline for each record that is offered for the first time. */
static void
take_time(unsigned i)
{
	if (i == 0 && table.nexts <= VBUCKETS)
		play_pass(&stage.p, 2600);
}

START_TEST(the_deadline_does_not_hit_one_that_looks_for_its_first_record)
{
	table.within = take_time;
	open_table();
	add_keys(0, 10, VBUCKETS);
	add("END\r\n");
	answers("scan keys\r\n");
	ck_assert_uint_eq(play_count(&stage.p, deadlines_passed), 0);
	end();
}
END_TEST

START_TEST(it_is_listed_with_its_vbuckets)
{
	char answer[4000];
	size_t n;

	stop_reading();
	b = ear_open(0)->c;
	say(b, "stats scans\r\n");
	stage_run();
	n = hear_some(b, answer, sizeof answer - 1);
	answer[n] = '\0';
	ck_assert_ptr_nonnull(strstr(answer, "STAT scans_open 3\r\n"));
	ck_assert_ptr_nonnull(strstr(answer, " vbucket=0-2 state=continuing "));
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_text");
	TCase *t = tcase_create("range");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, it_is_in_the_order_of_keys_over_all_vbuckets);
	tcase_add_test(t, values_are_as_a_get_has_them);
	tcase_add_test(t, a_limit_gives_the_first_ones);
	tcase_add_test(t, pages_follow_each_other_by_their_last_key);
	tcase_add_test(t, an_engine_is_asked_for_the_range_that_all_words_leave);
	tcase_add_test(t, a_range_that_is_empty_asks_no_engine);
	tcase_add_test(t, a_metadump_is_one_vbucket_after_the_other);
	tcase_add_test(
		t,
		it_waits_for_what_was_said_before_and_what_follows_waits_for_it);
	suite_add_tcase(s, t);
	t = tcase_create("engine");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, an_engine_that_pauses_loses_nothing);
	tcase_add_test(t, one_callback_at_a_time_will_do);
	tcase_add_test(t, an_engine_that_cannot_scan_is_named_in_one_line);
	tcase_add_test(t, an_error_in_the_middle_is_a_line_in_place_of_end);
	tcase_add_test(t, one_at_the_opening_too_and_it_is_the_servers);
	tcase_add_test(
		t, an_engine_that_heeds_no_refusal_leaves_nothing_out_unsaid);
	suite_add_tcase(s, t);
	t = tcase_create("limits");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, where_scans_are_fewer_than_vbuckets_it_says_what_goes);
	tcase_add_test(t, no_such_vbucket_is_said);
	tcase_add_test(t, a_record_that_there_is_no_room_for_is_named);
	tcase_add_test(
		t, the_least_memory_that_is_accepted_passes_the_largest_item);
	tcase_add_test(t, a_stopped_reader_holds_no_more_than_the_high_mark);
	tcase_add_test(t, a_slow_reader_gets_all_of_it);
	tcase_add_test(t, the_deadline_does_not_hit_a_slow_reader);
	tcase_add_test(t, the_deadline_hits_an_engine_that_brings_nothing);
	tcase_add_test(
		t,
		the_deadline_does_not_hit_one_that_looks_for_its_first_record);
	tcase_add_test(t, it_is_listed_with_its_vbuckets);
	suite_add_tcase(s, t);
	return unit_run(s);
}
