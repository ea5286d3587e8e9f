/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans that outlive their connection, and how one goes on with them. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/binary.h"
#include "t/scan_play.h"
#include "t/unit.h"

#define OP_HELLO 0x1f
#define RESUMABLE "{\"resumable\":true}"

static struct ear *a, *b;
static uint8_t id[ID];

static void
hello(struct ear *e)
{
	struct said s;

	say_frame(e, OP_HELLO, 0, 0, "", 0, "\xeb\x01", 2);
	stage_run();
	must_hear(e, OP_HELLO, &s);
	ck_assert_uint_eq(s.nvalue, 2);
}

static void
open_two(void)
{
	stage_open(2, &table_engine);
	a = ear_open(0);
	b = ear_open(1);
	hello(a);
	hello(b);
}

/* What the last frame says of the way. */
static struct ewb_bin_place
place(void)
{
	struct ewb_bin_place p;

	ck_assert_int_eq(ewb_bin_place_get(haul.framing, haul.nframing, &p), 0);
	return p;
}

static void
hang_up(struct ear *e)
{
	client_close(e->c);
	stage_run();
}

/* Behind record n, or from the beginning. */
static void
say_resume(struct ear *e, const uint8_t scan[ID], int after, const char *more)
{
	uint8_t token[EWB_BIN_TOKEN] = { 0 };
	char text[64] = "", key[8], json[300];
	size_t n;

	memcpy(token, scan, ID);
	ewb_put64(token + ID, (uint64_t)(after + 1));
	n = ewb_base64_encode(text, token, sizeof token);
	n = (size_t)sprintf(json, "{\"resumable\":true,\"resume\":\"%.*s\"",
	                    (int)n, text);
	if (after >= 0) {
		snprintf(key, sizeof key, "%06u", (unsigned)after % 1000000);
		sprintf(json + n, ",\"after\":\"%.*s\"",
		        (int)ewb_base64_encode(text, key, 6), text);
	}
	strcat(json, more);
	strcat(json, "}");
	say_create(e, json, 0);
}

/* The answer: was it the old snapshot? */
static bool
hear_resumed(struct ear *e, uint8_t to[ID])
{
	struct said s;

	must_hear(e, OP_CREATE, &s);
	ck_assert_uint_eq(s.status, 0);
	ck_assert_uint_eq(s.nextras, 4);
	ck_assert_uint_le(ewb_be32(s.extras), 1);
	ck_assert_uint_eq(s.nvalue, ID);
	memcpy(to, s.value, ID);
	return ewb_be32(s.extras) == 1;
}

static bool
resume(struct ear *e, uint8_t scan[ID], int after)
{
	say_resume(e, scan, after, "");
	stage_run();
	return hear_resumed(e, scan);
}

/* It has all of the scan. */
static void
forget(struct ear *e, const uint8_t scan[ID])
{
	say_cancel(e, scan);
	stage_run();
	hear_status(e, OP_CANCEL, EWB_OK);
}

static void
must_complete(struct ear *e, unsigned first)
{
	haul_empty(&haul);
	ck_assert_uint_eq(go_on(e, id, 0, 0, 0), COMPLETE);
	must_be(&haul, first, table.n - first);
	forget(e, id);
}

static unsigned
stat_of(struct ear *e, const char *name)
{
	uint8_t head[24] = { 0x80, 0x10, 0, 5, 0, 0, 0, 0, 0, 0, 0, 5 };
	static char all[65536];
	const char *at;
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

/* All that is left ends with time. */
static void
close_all(void)
{
	stage_pass(200000);
	stage_pass(200000);
	stage_close();
}

/* Frames. */

START_TEST(who_has_asked_is_told_how_far_a_scan_is)
{
	struct ewb_bin_place p;
	unsigned last = 0;

	open_two();
	create(a, "{}", id);
	for (unsigned i = 1; i < 10; i++) {
		ck_assert_uint_eq(go_on(a, id, 1, 0, 0), MORE);
		p = place();
		ck_assert_mem_eq(p.token, id, ID);
		ck_assert_uint_eq(ewb_be64(p.token + ID), i);
		ck_assert_uint_eq(p.progress, i * 1000);
		ck_assert_uint_gt(p.progress, last);
		last = p.progress;
	}
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	p = place();
	ck_assert_uint_eq(p.progress, 10000);
	ck_assert_uint_eq(ewb_be64(p.token + ID), 10);
	must_be(&haul, 0, 10);
	stage_close();
}
END_TEST

START_TEST(who_has_not_asked_hears_what_he_always_heard)
{
	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	ck_assert_uint_eq(haul.nframing, 0);
	ck_assert_uint_eq(haul.with_end, 3);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	ck_assert_uint_eq(haul.nframing, 0);
	forget(a, id);
	stage_close();
}
END_TEST

START_TEST(a_frame_with_a_token_has_no_records)
{
	open_two();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	ck_assert_uint_eq(haul.frames, 2);
	ck_assert_uint_eq(haul.with_end, 0);
	must_be(&haul, 0, 3);
	stage_close();
}
END_TEST

START_TEST(an_error_has_no_token)
{
	struct said s;

	table.fail = EWB_INTERNAL;
	table.fail_at = 0;
	open_two();
	table.fail_at = 5;
	create(a, "{}", id);
	say_continue(a, id, 5, 0, 0);
	stage_run();
	must_hear(a, OP_CONTINUE, &s);
	must_hear(a, OP_CONTINUE, &s);
	ck_assert_uint_eq(s.status, EWB_INTERNAL);
	ck_assert_uint_eq(s.nframing, 0);
	stage_close();
}
END_TEST

/* With the server's duration, which is asked for by itself. */
START_TEST(a_token_and_a_duration_are_in_one_frame)
{
	struct said s;

	stage_open(1, &table_engine);
	a = ear_open(0);
	say_frame(a, OP_HELLO, 0, 0, "", 0, "\x00\x0f\xeb\x01", 4);
	stage_run();
	must_hear(a, OP_HELLO, &s);
	say_create(a, "{}", 0);
	stage_run();
	must_hear(a, OP_CREATE, &s);
	memcpy(id, s.value, ID);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	ck_assert_uint_eq(haul.nframing, EWB_BIN_PLACE + EWB_BIN_DURATION);
	ck_assert_uint_eq(place().progress, 3000);
	stage_close();
}
END_TEST

START_TEST(in_a_range_the_estimate_is_the_place_of_the_key)
{
	/* 000000 to 000010, without the latter: ten of 100 */
	static const char json[] = "{\"range\":{\"start\":\"MDAwMDAw\","
				   "\"excl_end\":\"MDAwMDEw\"}}";
	unsigned last = 0;

	table.n = 100;
	open_two();
	create(a, json, id);
	for (unsigned i = 0; i < 9; i++) {
		ck_assert_uint_eq(go_on(a, id, 1, 0, 0), MORE);
		ck_assert_uint_ge(place().progress, last);
		last = place().progress;
		ck_assert_uint_lt(last, 10000);
	}
	ck_assert_uint_gt(last, 0);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	ck_assert_uint_eq(place().progress, 10000);
	stage_close();
}
END_TEST

/* Going on. */

START_TEST(a_scan_goes_on_after_its_connection_was_lost)
{
	uint8_t was[ID];

	open_two();
	create(a, RESUMABLE, id);
	memcpy(was, id, ID);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	hang_up(a);
	ck_assert_uint_eq(stage_scans(), 1);
	ck_assert(resume(b, id, 2));
	ck_assert_mem_eq(id, was, ID);
	must_complete(b, 3);
	ck_assert_uint_eq(ewb_be64(place().token + ID), table.n);
	ck_assert_uint_eq(table.opened, 1);
	ck_assert_uint_eq(table.sought, 1);
	ck_assert_uint_eq(stage.scans->resumed, 1);
	stage_close();
}
END_TEST

START_TEST(what_was_sent_and_did_not_arrive_comes_again)
{
	open_two();
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 7, 0, 0), MORE);
	hang_up(a);
	ck_assert(resume(b, id, 1));
	must_complete(b, 2);
	stage_close();
}
END_TEST

START_TEST(a_client_that_has_nothing_yet_begins_at_the_beginning)
{
	open_two();
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 7, 0, 0), MORE);
	hang_up(a);
	ck_assert(resume(b, id, -1));
	must_complete(b, 0);
	stage_close();
}
END_TEST

START_TEST(an_end_that_was_lost_comes_again)
{
	open_two();
	create(a, RESUMABLE, id);
	haul_empty(&haul);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, table.n);
	hang_up(a);
	ck_assert_uint_eq(stage_scans(), 1);
	/* the end alone, or some records, too */
	ck_assert(resume(b, id, (int)table.n - 1));
	haul_empty(&haul);
	ck_assert_uint_eq(go_on(b, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 0);
	ck_assert(resume(b, id, 4));
	must_complete(b, 5);
	ck_assert_uint_eq(table.opened, 1);
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_completed), 1);
	stage_close();
}
END_TEST

START_TEST(nothing_left_is_said_at_once_by_a_new_one)
{
	open_two();
	memset(id, 7, ID);
	say_resume(b, id, 9, "");
	stage_run();
	hear_status(b, OP_CREATE, EWB_NOT_FOUND);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_empty), 1);
	stage_close();
}
END_TEST

START_TEST(the_range_is_what_the_resume_says)
{
	/* up to 000006 */
	open_two();
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 2, 0, 0), MORE);
	hang_up(a);
	say_resume(b, id, 1, ",\"range\":{\"end\":\"MDAwMDA2\"}");
	stage_run();
	ck_assert(hear_resumed(b, id));
	haul_empty(&haul);
	ck_assert_uint_eq(go_on(b, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 2, 5);
	forget(b, id);
	stage_close();
}
END_TEST

START_TEST(a_scan_is_taken_over_from_a_connection_that_lives)
{
	open_two();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	ck_assert(resume(b, id, 2));
	hang_up(a); /* it is not its any more */
	ck_assert_uint_eq(stage_scans(), 1);
	must_complete(b, 3);
	stage_close();
}
END_TEST

START_TEST(a_scan_goes_on_as_often_as_it_must)
{
	open_two();
	create(a, RESUMABLE, id);
	hang_up(a);
	for (int i = 0; i < 9; i++) {
		ck_assert(resume(b, id, i - 1));
		haul_empty(&haul);
		ck_assert_uint_eq(go_on(b, id, 1, 0, 0), MORE);
		must_be(&haul, (unsigned)i, 1);
		hang_up(b);
		b = ear_open((unsigned)i % 2);
		hello(b);
	}
	ck_assert(resume(b, id, 8));
	must_complete(b, 9);
	ck_assert_uint_eq(table.opened, 1);
	stage_close();
}
END_TEST

/* A continue is under way when its client goes: the cursor is waited for. */
START_TEST(a_resume_waits_for_the_end_of_a_lost_continue)
{
	struct said s;

	table.n = 1000;
	table.size = 1000;
	stage.server.high = 16384;
	stage.server.low = 4096;
	stage_open(2, &table_engine);
	a = ear_small(0);
	b = ear_open(1);
	hello(b);
	create(a, RESUMABLE, id);
	say_continue(a, id, 0, 0, 0);
	stage_run(); /* it is parked: a does not read */
	client_close(a->c);
	play_sockets(&stage.p);
	play_settle(&stage.p);
	say_resume(b, id, 99, "");
	play_sockets(&stage.p);
	play_settle(&stage.p);
	ck_assert(!hear_frame(b, &s));
	stage_run();
	ck_assert(hear_resumed(b, id));
	must_complete(b, 100);
	ck_assert_uint_eq(table.opened, 1);
	stage_close();
}
END_TEST

/* Anew. */

/* Its connection is still there, as far as the server knows. */
START_TEST(a_continue_that_is_under_way_ends_for_who_resumes)
{
	table.n = 1000;
	table.size = 1000;
	stage.server.high = 16384;
	stage.server.low = 4096;
	stage_open(2, &table_engine);
	a = ear_small(0);
	b = ear_open(1);
	create(a, _i ? RESUMABLE : "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_run();
	ck_assert(resume(b, id, 99));
	do
		stage_run();
	while (!hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, CANCELLED);
	must_be(&haul, 0, haul.n);
	must_complete(b, 100);
	ck_assert_uint_eq(table.opened, 1);
	stage_close();
}
END_TEST

/* The continue is just moving the cursor, on another thread. */
static void
resume_within(unsigned i)
{
	if (i != 5)
		return;
	table.within = NULL;
	say_resume(b, id, 2, "");
	play_sockets(&stage.p);
	play_settle(&stage.p);
	/* its task comes too early */
	ck_assert(ewb_pool_step(stage.p.core->pool, EWB_AUX));
	ck_assert_uint_eq(table.sought, 0);
}

START_TEST(a_resume_waits_for_a_cursor_that_is_being_moved)
{
	struct said s;

	open_two();
	create(a, RESUMABLE, id);
	table.within = resume_within;
	say_continue(a, id, 0, 0, 0);
	stage_run();
	must_hear(a, OP_CONTINUE, &s);
	ck_assert_uint_eq(s.status, 0);
	hear_status(a, OP_CONTINUE, CANCELLED);
	ck_assert(hear_resumed(b, id));
	ck_assert_uint_eq(table.sought, 1);
	must_complete(b, 3);
	stage_close();
}
END_TEST

START_TEST(a_scan_that_nobody_knows_is_made_anew)
{
	open_two();
	memset(id, 7, ID);
	ck_assert(!resume(a, id, 3));
	must_complete(a, 4);
	ck_assert_uint_eq(ewb_be64(place().token + ID), table.n);
	ck_assert_uint_eq(stage.scans->resumed_anew, 1);
	ck_assert_uint_eq(stage.scans->resumed, 0);
	stage_close();
}
END_TEST

START_TEST(anothers_scan_is_not_gone_on_with)
{
	uint8_t other[ID];

	open_two();
	create(a, RESUMABLE, id);
	stage.scans->first->user = "somebody";
	memcpy(other, id, ID);
	ck_assert(!resume(b, other, -1));
	say_continue(b, id, 0, 0, 0);
	stage_run();
	ck_assert_str_eq(hear_status(b, OP_CONTINUE, EWB_NO_ACCESS),
	                 "the scan is another user's");
	say_cancel(b, id);
	stage_run();
	hear_status(b, OP_CANCEL, EWB_NO_ACCESS);
	ck_assert_uint_eq(stage_scans(), 2);
	hang_up(a);
	close_all();
}
END_TEST

START_TEST(a_vbucket_goes_on_with_its_own_scan_only)
{
	stage.server.vbuckets = 2;
	open_two();
	say_create(a, RESUMABLE, 1);
	stage_run();
	{
		struct said s;

		must_hear(a, OP_CREATE, &s);
		memcpy(id, s.value, ID);
	}
	hang_up(a);
	ck_assert(!resume(b, id, -1)); /* 0 */
	ck_assert_uint_eq(stage_scans(), 2);
	close_all();
}
END_TEST

/* Its snapshot was taken away, or it cannot seek; and then, by a new one. */
START_TEST(a_cursor_that_cannot_go_on_is_replaced)
{
	static const enum ewb_status says[] = { EWB_SCAN_CANCELLED,
		                                EWB_NOT_SUPPORTED,
		                                EWB_NO_MEMORY };

	open_two();
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	hang_up(a);
	table.seek_says = says[_i];
	ck_assert(!resume(b, id, 2));
	must_complete(b, 3);
	ck_assert_uint_eq(table.opened, 2);
	ck_assert_uint_eq(stage_scans(), 0);
	stage_close();
}
END_TEST

START_TEST(an_engine_that_cannot_seek_has_it_anew)
{
	stage_open(2, &serial_engine);
	a = ear_open(0);
	b = ear_open(1);
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	hang_up(a);
	ck_assert(!resume(b, id, 2));
	must_complete(b, 3);
	close_all();
}
END_TEST

/* Ends. */

START_TEST(a_scan_that_is_not_resumable_ends_with_its_connection)
{
	open_two();
	create(a, "{}", id);
	hang_up(a);
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_gone), 1);
	stage_close();
}
END_TEST

START_TEST(a_detached_scan_is_not_continued_and_can_be_cancelled)
{
	open_two();
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	hang_up(a);
	say_continue(b, id, 0, 0, 0);
	stage_run();
	hear_status(b, OP_CONTINUE, EWB_NOT_FOUND);
	say_cancel(b, id);
	stage_run();
	hear_status(b, OP_CANCEL, EWB_OK);
	ck_assert_uint_eq(stage_scans(), 0);
	stage_close();
}
END_TEST

START_TEST(a_detached_scan_ends_when_it_was_idle_for_long)
{
	open_two();
	create(a, RESUMABLE, id);
	stage_pass(30000);
	hang_up(a);
	stage_pass(29000);
	ck_assert_uint_eq(stage_scans(), 1);
	stage_pass(1101);
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_idle), 1);
	ck_assert(!resume(b, id, 3));
	must_complete(b, 4);
	stage_close();
}
END_TEST

START_TEST(a_deadline_leaves_a_resumable_scan_to_be_resumed)
{
	struct said s;

	open_two();
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	table.dawdle = 1000000;
	say_continue(a, id, 0, 0, 0);
	stage_run_fronts();
	for (unsigned i = 0; i < 5; i++)
		ck_assert(stage_job_of(EWB_AUX));
	play_pass(&stage.p, 2500);
	stage_run();
	must_hear(a, OP_CONTINUE, &s);
	ck_assert_uint_eq(s.status, EWB_TEMPORARY);
	table.dawdle = 0;
	say_continue(a, id, 0, 0, 0);
	stage_run();
	hear_status(a, OP_CONTINUE, EWB_NOT_FOUND);
	ck_assert(resume(a, id, 2));
	must_complete(a, 3);
	stage_close();
}
END_TEST

START_TEST(statistics_tell_what_outlives_and_what_was_resumed)
{
	open_two();
	create(b, "{}", id);
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(stat_of(b, "scans_resumable"), 1);
	ck_assert_uint_eq(stat_of(b, "scans_detached"), 0);
	hang_up(a);
	ck_assert_uint_eq(stat_of(b, "scans_resumable"), 1);
	ck_assert_uint_eq(stat_of(b, "scans_detached"), 1);
	stat_of(b, "connection=none vbucket=0 state=idle");
	ck_assert(resume(b, id, 1));
	memset(id, 1, ID);
	ck_assert(!resume(b, id, 1));
	ck_assert_uint_eq(stat_of(b, "scans_detached"), 0);
	ck_assert_uint_eq(stat_of(b, "scans_resumed"), 1);
	ck_assert_uint_eq(stat_of(b, "scans_resumed_anew"), 1);
	hang_up(b);
	close_all();
}
END_TEST

START_TEST(a_detached_scan_counts_as_open)
{
	stage.scan.max_scans = 1;
	open_two();
	create(a, RESUMABLE, id);
	hang_up(a);
	say_create(b, "{}", 0);
	stage_run();
	hear_status(b, OP_CREATE, EWB_BUSY);
	ck_assert(resume(b, id, -1));
	must_complete(b, 0);
	stage_close();
}
END_TEST

START_TEST(one_that_begins_anew_has_the_place_of_the_old_one)
{
	stage.scan.max_scans = 1;
	open_two();
	create(a, RESUMABLE, id);
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
	hang_up(a);
	table.seek_says = EWB_NO_MEMORY;
	ck_assert(!resume(b, id, 2));
	must_complete(b, 3);
	stage_close();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_resume");
	TCase *t = tcase_create("resume");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, stage_reset, NULL);
	tcase_add_test(t, who_has_asked_is_told_how_far_a_scan_is);
	tcase_add_test(t, who_has_not_asked_hears_what_he_always_heard);
	tcase_add_test(t, a_frame_with_a_token_has_no_records);
	tcase_add_test(t, an_error_has_no_token);
	tcase_add_test(t, a_token_and_a_duration_are_in_one_frame);
	tcase_add_test(t, in_a_range_the_estimate_is_the_place_of_the_key);
	tcase_add_test(t, a_scan_goes_on_after_its_connection_was_lost);
	tcase_add_test(t, what_was_sent_and_did_not_arrive_comes_again);
	tcase_add_test(t, a_client_that_has_nothing_yet_begins_at_the_beginning);
	tcase_add_test(t, an_end_that_was_lost_comes_again);
	tcase_add_test(t, nothing_left_is_said_at_once_by_a_new_one);
	tcase_add_test(t, the_range_is_what_the_resume_says);
	tcase_add_test(t, a_scan_is_taken_over_from_a_connection_that_lives);
	tcase_add_test(t, a_scan_goes_on_as_often_as_it_must);
	tcase_add_test(t, a_resume_waits_for_the_end_of_a_lost_continue);
	tcase_add_loop_test(
		t, a_continue_that_is_under_way_ends_for_who_resumes, 0, 2);
	tcase_add_test(t, a_resume_waits_for_a_cursor_that_is_being_moved);
	tcase_add_test(t, a_scan_that_nobody_knows_is_made_anew);
	tcase_add_test(t, anothers_scan_is_not_gone_on_with);
	tcase_add_test(t, a_vbucket_goes_on_with_its_own_scan_only);
	tcase_add_loop_test(t, a_cursor_that_cannot_go_on_is_replaced, 0, 3);
	tcase_add_test(t, an_engine_that_cannot_seek_has_it_anew);
	tcase_add_test(t, a_scan_that_is_not_resumable_ends_with_its_connection);
	tcase_add_test(t,
	               a_detached_scan_is_not_continued_and_can_be_cancelled);
	tcase_add_test(t, a_detached_scan_ends_when_it_was_idle_for_long);
	tcase_add_test(t, a_deadline_leaves_a_resumable_scan_to_be_resumed);
	tcase_add_test(t,
	               statistics_tell_what_outlives_and_what_was_resumed);
	tcase_add_test(t, a_detached_scan_counts_as_open);
	tcase_add_test(t, one_that_begins_anew_has_the_place_of_the_old_one);
	suite_add_tcase(s, t);
	return unit_run(s);
}
