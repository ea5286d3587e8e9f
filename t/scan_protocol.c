/* SPDX-License-Identifier: BSD-2-Clause */
/* Create, continue and cancel, as the protocol has them. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "scan/place.h"
#include "t/scan_play.h"
#include "t/unit.h"

static struct ear *a;
static uint8_t id[ID];
static const uint8_t unknown[ID] = "nobody's";

static void
open_one(void)
{
	stage_open(1, &table_engine);
	a = ear_open(0);
}

/* What a scan gives. */

START_TEST(every_record_comes_once_and_in_order)
{
	table.n = 5000;
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 5000);
	ck_assert(!haul.keys_only);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_completed), 1);
	stage_close();
}
END_TEST

START_TEST(keys_only_has_keys_only)
{
	table.n = 5000;
	open_one();
	create(a, "{\"key_only\":true}", id);
	ck_assert_uint_eq(table.range.keys_only, 1);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 5000);
	ck_assert(haul.keys_only);
	ck_assert_uint_eq(haul.bytes, 5000 * 7);
	stage_close();
}
END_TEST

START_TEST(empty_values_and_large_ones_are_records_too)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 16383, 16384, 1048576 };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		stage_reset();
		table.n = 3;
		table.size = sizes[i];
		open_one();
		create(a, "{}", id);
		ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
		must_be(&haul, 0, 3);
		stage_close();
	}
}
END_TEST

START_TEST(the_first_records_leave_before_the_scan_ends)
{
	table.n = 2000;
	table.size = 1000;
	open_one();
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_run_fronts();
	ck_assert(stage_job());
	stage_run_fronts();
	ck_assert(!hear_continue(a, &haul));
	ck_assert_uint_gt(haul.n, 0);
	do
		stage_run();
	while (!hear_continue(a, &haul));
	must_be(&haul, 0, 2000);
	stage_close();
}
END_TEST

/* Bounds. */

/* Of ten, 000000 to 000009; in base64 000003 is MDAwMDAz, 000006 MDAwMDA2. */
static const struct {
	const char *range;
	unsigned first, n;
} ranges[] = {
	{ "", 0, 10 },
	{ "\"start\":\"\"", 0, 10 },
	{ "\"start\":\"MDAwMDAz\"", 3, 7 },
	{ "\"excl_start\":\"MDAwMDAz\"", 4, 6 },
	{ "\"end\":\"MDAwMDA2\"", 0, 7 },
	{ "\"excl_end\":\"MDAwMDA2\"", 0, 6 },
	{ "\"start\":\"MDAwMDAz\",\"end\":\"MDAwMDA2\"", 3, 4 },
	{ "\"start\":\"MDAwMDAz\",\"excl_end\":\"MDAwMDA2\"", 3, 3 },
	{ "\"excl_start\":\"MDAwMDAz\",\"end\":\"MDAwMDA2\"", 4, 3 },
	{ "\"excl_start\":\"MDAwMDAz\",\"excl_end\":\"MDAwMDA2\"", 4, 2 },
	{ "\"start\":\"MDAwMDAz\",\"end\":\"MDAwMDAz\"", 3, 1 },
	/* what is no key: "00000", "0000030", "1" */
	{ "\"start\":\"MDAwMDA=\",\"end\":\"MQ==\"", 0, 10 },
	{ "\"start\":\"MDAwMDAzMA==\"", 4, 6 },
	{ "\"end\":\"MDAwMDAzMA==\"", 0, 4 },
	/* as a client of Couchbase says "all" */
	{ "\"start\":\"\",\"end\":\"9I/7+w==\"", 0, 10 },
};

START_TEST(bounds_are_inclusive_or_exclusive_as_they_say)
{
	char json[200];

	snprintf(json, sizeof json, "{\"range\":{%s}}", ranges[_i].range);
	open_one();
	create(a, json, id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, ranges[_i].first, ranges[_i].n);
	stage_close();
}
END_TEST

START_TEST(the_engine_gets_the_bounds_as_they_were_meant)
{
	open_one();
	say_create(a, "{}", 0);
	stage_run();
	hear_status(a, OP_CREATE, 0);
	ck_assert_ptr_null(table.range.start);
	ck_assert_ptr_null(table.range.end);
	ck_assert_uint_eq(table.range.size, EWB_RANGE_ASCENDING);
	ck_assert_uint_eq(table.range.keys_only, 0);
	say_create(a, "{\"range\":{\"excl_start\":\"AA==\",\"end\":\"/w==\"}}",
	           0);
	stage_run();
	hear_status(a, OP_CREATE, 0);
	ck_assert_uint_eq(table.range.nstart, 1);
	ck_assert_uint_eq(table.start[0], 0);
	ck_assert_uint_eq(table.range.start_excluded, 1);
	ck_assert_uint_eq(table.range.nend, 1);
	ck_assert_uint_eq(table.end[0], 0xff);
	ck_assert_uint_eq(table.range.end_excluded, 0);
	stage_close();
}
END_TEST

START_TEST(the_engine_gets_the_vbucket_of_the_frame)
{
	stage.server.vbuckets = 64;
	open_one();
	for (unsigned vb = 0; vb < 64; vb += 9) {
		say_create(a, "{}", vb);
		stage_run();
		hear_status(a, OP_CREATE, 0);
		ck_assert_uint_eq(table.range.vbucket, vb);
	}
	stage_close();
}
END_TEST

/* Create: what is refused. */

START_TEST(a_range_without_records_is_not_found)
{
	table.n = 0;
	open_one();
	say_create(a, "{}", 0);
	stage_run();
	hear_status(a, OP_CREATE, EWB_NOT_FOUND);
	ck_assert_uint_eq(table.opened, 1);
	ck_assert_uint_eq(table.closed, 1);
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_empty), 1);
	stage_close();
}
END_TEST

START_TEST(a_range_in_which_nothing_can_lie_is_not_found)
{
	open_one();
	say_create(a, "{\"range\":{\"start\":\"Yg==\",\"end\":\"YQ==\"}}", 0);
	stage_run();
	hear_status(a, OP_CREATE, EWB_NOT_FOUND);
	ck_assert_uint_eq(table.opened, 0);
	stage_close();
}
END_TEST

START_TEST(what_is_wrong_with_the_json_is_said)
{
	open_one();
	say_create(a, "{\"range\":1}", 0);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CREATE, EWB_INVALID),
	                 "range: not an object");
	say_create(a, "{", 0);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CREATE, EWB_INVALID),
	                 "the value is not JSON");
	say_create(a, "{\"collection\":\"8\"}", 0);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CREATE, 0x88),
	                 "unknown collection");
	ck_assert_uint_eq(table.opened, 0);
	ck_assert_uint_eq(stage_scans(), 0);
	stage_close();
}
END_TEST

START_TEST(datatypes_0_and_1_are_accepted_and_no_others)
{
	open_one();
	for (unsigned type = 0; type < 256; type++) {
		say_frame(a, OP_CREATE, (uint8_t)type, 0, "", 0, "{}", 2);
		stage_run();
		hear_status(a, OP_CREATE, type > 1 ? EWB_INVALID : 0);
	}
	ck_assert_uint_eq(table.opened, 2);
	stage_close();
}
END_TEST

START_TEST(a_vbucket_that_is_not_there_is_not_ours)
{
	static const unsigned vbuckets[] = { 8, 9, 1024, 65535 };

	stage.server.vbuckets = 8;
	open_one();
	for (unsigned i = 0; i < 4; i++) {
		say_create(a, "{}", vbuckets[i]);
		stage_run();
		hear_status(a, OP_CREATE, EWB_NOT_MY_VBUCKET);
	}
	stage_close();
}
END_TEST

START_TEST(an_engine_without_cursors_cannot_scan)
{
	stage_open(1, &bare_engine);
	a = ear_open(0);
	say_create(a, "{}", 0);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CREATE, EWB_NOT_SUPPORTED),
	                 "this engine cannot scan");
	say_continue(a, unknown, 0, 0, 0);
	stage_run();
	hear_status(a, OP_CONTINUE, EWB_NOT_FOUND);
	stage_close();
}
END_TEST

START_TEST(a_scan_that_is_one_too_many_is_refused_and_the_others_live)
{
	uint8_t other[ID];

	stage.scan.max_scans = 2;
	open_one();
	create(a, "{}", id);
	create(a, "{}", other);
	say_create(a, "{}", 0);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CREATE, EWB_BUSY),
	                 EWB_SCANS_FULL);
	ck_assert_uint_eq(stage.scans->refused, 1);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	/* one has ended */
	create(a, "{}", id);
	stage_close();
}
END_TEST

START_TEST(scans_that_have_ended_do_not_count)
{
	stage.scan.max_scans = 2;
	open_one();
	for (unsigned i = 0; i < 30; i++) {
		create(a, "{}", id);
		if (i % 3 == 0) {
			go_on(a, id, 0, 0, 0);
		} else {
			say_cancel(a, id);
			stage_run();
			hear_status(a, OP_CANCEL, 0);
		}
		ck_assert_uint_eq(stage_scans(), 0);
	}
	stage_close();
}
END_TEST

/* Continue and cancel: what is refused. */

START_TEST(a_scan_that_nobody_knows_is_not_found)
{
	open_one();
	say_continue(a, unknown, 0, 0, 0);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CONTINUE, EWB_NOT_FOUND),
	                 "no such scan");
	say_cancel(a, unknown);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CANCEL, EWB_NOT_FOUND),
	                 "no such scan");
	stage_close();
}
END_TEST

START_TEST(a_scan_that_is_complete_is_not_found)
{
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	say_continue(a, id, 0, 0, 0);
	say_cancel(a, id);
	stage_run();
	hear_status(a, OP_CONTINUE, EWB_NOT_FOUND);
	hear_status(a, OP_CANCEL, EWB_NOT_FOUND);
	stage_close();
}
END_TEST

START_TEST(a_scan_that_was_cancelled_is_not_found)
{
	open_one();
	create(a, "{}", id);
	say_cancel(a, id);
	say_continue(a, id, 0, 0, 0);
	say_cancel(a, id);
	stage_run();
	hear_status(a, OP_CANCEL, 0);
	hear_status(a, OP_CONTINUE, EWB_NOT_FOUND);
	hear_status(a, OP_CANCEL, EWB_NOT_FOUND);
	ck_assert_uint_eq(table.closed, 1);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_cancelled), 1);
	stage_close();
}
END_TEST

static const struct {
	uint8_t opcode;
	uint8_t datatype;
	size_t nextras, nvalue;
} malformed[] = {
	{ OP_CREATE, 1, 4, 2 },    { OP_CREATE, 1, 16, 0 },
	{ OP_CONTINUE, 0, 0, 0 },  { OP_CONTINUE, 0, 16, 0 },
	{ OP_CONTINUE, 0, 27, 0 }, { OP_CONTINUE, 0, 29, 0 },
	{ OP_CONTINUE, 0, 28, 1 }, { OP_CONTINUE, 1, 28, 0 },
	{ OP_CANCEL, 0, 0, 0 },    { OP_CANCEL, 0, 15, 0 },
	{ OP_CANCEL, 0, 17, 0 },   { OP_CANCEL, 0, 16, 1 },
};

START_TEST(a_frame_of_the_wrong_form_is_refused_and_the_scan_lives)
{
	uint8_t extras[32] = { 0 };
	const char *text;

	open_one();
	create(a, "{}", id);
	memcpy(extras, id, ID);
	say_frame(a, malformed[_i].opcode, malformed[_i].datatype, 0, extras,
	          malformed[_i].nextras, "{}", malformed[_i].nvalue);
	stage_run();
	text = hear_status(a, malformed[_i].opcode, EWB_INVALID);
	ck_assert_str_ne(text, "");
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 10);
	stage_close();
}
END_TEST

START_TEST(
	a_continue_without_memory_for_its_stream_is_refused_and_the_scan_lives)
{
	struct ear *b;
	uint8_t other[ID];

	table.n = 1000;
	table.size = 1000;
	stage.server.high = 65536;
	stage.server.low = 16384;
	open_one();
	b = ear_small(0);
	create(a, "{}", id);
	create(b, "{}", other);
	stage.p.core->limits.max_streams = 1;
	say_continue(b, other, 0, 0, 0);
	stage_run(); /* it waits for its reader */
	say_continue(a, id, 0, 0, 0);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CONTINUE, EWB_BUSY),
	                 EWB_STREAMS_FULL);
	do
		stage_run();
	while (!hear_continue(b, &haul));
	must_be(&haul, 0, 1000);
	haul_empty(&haul);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 1000);
	stage_close();
}
END_TEST

START_TEST(
	a_continue_over_the_limit_of_blocked_commands_is_refused_and_the_scan_lives)
{
	struct ear *b;

	stage.server.max_cookies = 1;
	open_one();
	b = ear_open(0);
	create(a, "{}", id);
	say_get(b, "k"); /* blocks, and has the place */
	play_sockets(&stage.p);
	play_settle(&stage.p);
	say_continue(a, id, 0, 0, 0);
	stage_run_fronts();
	ck_assert_str_eq(hear_status(a, OP_CONTINUE, EWB_BUSY),
	                 "too many blocked commands");
	stage_run();
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 10);
	stage_close();
}
END_TEST

/* Statistics. */

static unsigned
stat_of(struct ear *e, const char *name)
{
	uint8_t head[24] = { 0x80, 0x10, 0, 5, 0, 0, 0, 0, 0, 0, 0, 5 };
	char all[65536], *at;
	size_t n;

	say_bytes(e->c, head, sizeof head);
	say_bytes(e->c, "scans", 5);
	stage_run();
	n = hear_some(e->c, all, sizeof all - 1);
	for (size_t i = 0; i < n; i++)
		if (all[i] == '\0')
			all[i] = ' ';
	all[n] = '\0';
	at = strstr(all, name);
	ck_assert_msg(at != NULL, "no statistic %s", name);
	return (unsigned)strtoul(at + strlen(name), NULL, 10);
}

START_TEST(a_reset_counts_scans_anew)
{
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	ewb_scan_reset(stage.scans);
	ck_assert_uint_eq(stat_of(a, "scans_created"), 0);
	ck_assert_uint_eq(stat_of(a, "scans_completed"), 0);
	ck_assert_uint_eq(stat_of(a, "scans_items"), 0);
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	ck_assert_uint_eq(stat_of(a, "scans_created"), 1);
	ck_assert_uint_eq(stat_of(a, "scans_items"), 3);
	stage_close();
}
END_TEST

START_TEST(statistics_count_scans_and_list_those_that_are_open)
{
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	ck_assert_uint_eq(stat_of(a, "scans_open"), 1);
	ck_assert_uint_eq(stat_of(a, "scans_created"), 1);
	ck_assert_uint_eq(stat_of(a, "scans_continues"), 1);
	ck_assert_uint_eq(stat_of(a, "scans_items"), 3);
	ck_assert_uint_eq(
		stat_of(a, "vbucket=0 state=idle age_ms=0 continues="), 1);
	ck_assert_uint_eq(stat_of(a, "continues=1 items="), 3);
	ck_assert_uint_eq(stat_of(a, "continues=1 items=3 bytes="), haul.bytes);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	ck_assert_uint_eq(stat_of(a, "scans_open"), 0);
	ck_assert_uint_eq(stat_of(a, "scans_completed"), 1);
	ck_assert_uint_eq(stat_of(a, "scans_items"), 10);
	ck_assert_uint_eq(stat_of(a, "scans_bytes"), haul.bytes);
	stage_close();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_protocol");
	TCase *t = tcase_create("protocol");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, stage_reset, NULL);
	tcase_add_test(t, every_record_comes_once_and_in_order);
	tcase_add_test(t, keys_only_has_keys_only);
	tcase_add_test(t, empty_values_and_large_ones_are_records_too);
	tcase_add_test(t, the_first_records_leave_before_the_scan_ends);
	tcase_add_loop_test(t, bounds_are_inclusive_or_exclusive_as_they_say, 0,
	                    sizeof ranges / sizeof *ranges);
	tcase_add_test(t, the_engine_gets_the_bounds_as_they_were_meant);
	tcase_add_test(t, the_engine_gets_the_vbucket_of_the_frame);
	tcase_add_test(t, a_range_without_records_is_not_found);
	tcase_add_test(t, a_range_in_which_nothing_can_lie_is_not_found);
	tcase_add_test(t, what_is_wrong_with_the_json_is_said);
	tcase_add_test(t, datatypes_0_and_1_are_accepted_and_no_others);
	tcase_add_test(t, a_vbucket_that_is_not_there_is_not_ours);
	tcase_add_test(t, an_engine_without_cursors_cannot_scan);
	tcase_add_test(
		t, a_scan_that_is_one_too_many_is_refused_and_the_others_live);
	tcase_add_test(t, scans_that_have_ended_do_not_count);
	tcase_add_test(t, a_scan_that_nobody_knows_is_not_found);
	tcase_add_test(t, a_scan_that_is_complete_is_not_found);
	tcase_add_test(t, a_scan_that_was_cancelled_is_not_found);
	tcase_add_loop_test(
		t, a_frame_of_the_wrong_form_is_refused_and_the_scan_lives, 0,
		sizeof malformed / sizeof *malformed);
	tcase_add_test(
		t,
		a_continue_without_memory_for_its_stream_is_refused_and_the_scan_lives);
	tcase_add_test(
		t,
		a_continue_over_the_limit_of_blocked_commands_is_refused_and_the_scan_lives);
	tcase_add_test(t, a_reset_counts_scans_anew);
	tcase_add_test(t, statistics_count_scans_and_list_those_that_are_open);
	suite_add_tcase(s, t);
	return unit_run(s);
}
