/* SPDX-License-Identifier: BSD-2-Clause */
/* Readers of scans that are slow, have stopped, or have gone. */
#include "config.h"

#include <string.h>

#include "cookie/stream.h"
#include "t/scan_play.h"
#include "t/unit.h"

#define HIGH 65536u
#define LOW 16384u
#define RECORDS 2000u
#define SIZE 1000u

static struct ear *a, *b;
static uint8_t id[ID], other[ID];

static void
begin(void)
{
	stage_reset();
	table.n = RECORDS;
	table.size = SIZE;
	stage.server.high = HIGH;
	stage.server.low = LOW;
	stage.server.max_item = SIZE; /* so that little memory will do */
}

/* A continue under way, whose reader does not read. */
static void
stop_reading(struct ear **e, uint8_t which[ID])
{
	*e = ear_small(0);
	create(*e, "{}", which);
	say_continue(*e, which, 0, 0, 0);
	stage_run();
}

/* What streams hold. */
static size_t
held(void)
{
	struct ewb_core *core = stage.p.core;

	return ewb_budget_used(&core->budget) +
	       atomic_load(&core->streams) * EWB_CHUNK_MIN;
}

/* The rest, from the reader of e; the continue's status. */
static unsigned
read_on(struct ear *e)
{
	unsigned rounds = 0;

	while (!hear_continue(e, &haul)) {
		stage_run();
		ck_assert_uint_lt(++rounds, 100000);
	}
	return haul.status;
}

/* Bounds of memory. */

START_TEST(a_stopped_reader_holds_no_more_than_the_high_mark)
{
	stage_open(1, &table_engine);
	stop_reading(&a, id);
	ck_assert_uint_gt(held(), LOW);
	ck_assert_uint_le(held(), HIGH + EWB_CHUNK_MIN);
	/* and no thread */
	ck_assert(!stage_job());
	stage_close();
}
END_TEST

static size_t
large_ones(unsigned i)
{
	return i % 5 == 4 ? 3 * HIGH : 500;
}

START_TEST(a_record_larger_than_the_high_mark_exceeds_it_by_itself_alone)
{
	table.n = 50;
	table.size_of = large_ones;
	stage_open(1, &table_engine);
	stop_reading(&a, id);
	for (unsigned rounds = 0; !hear_continue(a, &haul); rounds++) {
		stage_run();
		ck_assert_uint_le(held(), HIGH + 3 * HIGH + 2 * EWB_CHUNK_MIN);
		ck_assert_uint_lt(rounds, 100000);
	}
	ck_assert_uint_eq(haul.status, COMPLETE);
	must_be(&haul, 0, 50);
	stage_close();
}
END_TEST

START_TEST(many_stopped_readers_hold_no_more_than_their_high_marks)
{
	enum { MANY = 20 };
	static struct ear *e[MANY];

	stage_open(1, &table_engine);
	for (unsigned i = 0; i < MANY; i++)
		stop_reading(&e[i], id);
	ck_assert_uint_le(held(), MANY * (HIGH + EWB_CHUNK_MIN));
	for (unsigned i = 0; i < MANY; i++) {
		haul_empty(&haul);
		ck_assert_uint_eq(read_on(e[i]), COMPLETE);
		must_be(&haul, 0, RECORDS);
	}
	stage_close();
}
END_TEST

START_TEST(continues_of_one_connection_run_one_after_the_other)
{
	enum { MANY = 20 };
	uint8_t ids[MANY][ID];

	stage_open(1, &table_engine);
	a = ear_small(0);
	for (unsigned i = 0; i < MANY; i++)
		create(a, "{}", ids[i]);
	for (unsigned i = 0; i < MANY; i++)
		say_continue(a, ids[i], 0, 0, 0);
	stage_run();
	ck_assert_uint_eq(atomic_load(&stage.p.core->streams), 1);
	ck_assert_uint_le(held(), HIGH + EWB_CHUNK_MIN);
	for (unsigned i = 0; i < MANY; i++) {
		haul_empty(&haul);
		ck_assert_uint_eq(read_on(a), COMPLETE);
		must_be(&haul, 0, RECORDS);
	}
	stage_close();
}
END_TEST

START_TEST(all_streams_together_hold_no_more_than_the_server_allows)
{
	enum { MANY = 8 };
	static struct ear *e[MANY];

	stage.server.buffer_memory = 2 * HIGH;
	stage_open(1, &table_engine);
	for (unsigned i = 0; i < MANY; i++)
		stop_reading(&e[i], id);
	ck_assert_uint_le(held(), 2 * HIGH + MANY * EWB_CHUNK_MIN);
	/* each moves all the same */
	for (unsigned i = MANY; i-- > 0;) {
		haul_empty(&haul);
		ck_assert_uint_eq(read_on(e[i]), COMPLETE);
		must_be(&haul, 0, RECORDS);
	}
	stage_close();
}
END_TEST

START_TEST(the_least_memory_that_is_accepted_passes_the_largest_item)
{
	table.n = 20;
	table.size_of = large_ones;
	stage.server.max_item = 3 * HIGH;
	stage.server.buffer_memory = ewb_stream_needs(3 * HIGH);
	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 20);
	stage_close();
}
END_TEST

START_TEST(a_record_that_the_server_has_no_room_for_is_the_end_of_its_scan)
{
	table.n = 20;
	table.size_of = large_ones;
	stage.server.buffer_memory = HIGH;
	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_run(); /* at once, not at its deadline */
	ck_assert(hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, EWB_TOO_BIG);
	ck_assert_ptr_nonnull(strstr(haul.why, "a record is larger than the "
	                                       "server's buffer memory"));
	must_be(&haul, 0, 4); /* those before it */
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_failed), 1);
	stage_close();
}
END_TEST

/* What it does to others, and what becomes of it. */

START_TEST(a_stopped_reader_hurts_no_other_connection)
{
	struct said s;

	stage_open(1, &table_engine);
	stop_reading(&a, id);
	b = ear_open(0);
	say_get(b, "k");
	stage_run();
	must_hear(b, 0, &s);
	ck_assert_uint_eq(s.status, EWB_NOT_FOUND);
	create(b, "{}", other);
	ck_assert_uint_eq(go_on(b, other, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, RECORDS);
	stage_close();
}
END_TEST

START_TEST(a_reader_that_goes_on_gets_the_rest_exactly)
{
	stage_open(1, &table_engine);
	stop_reading(&a, id);
	stage_pass(1000);
	b = ear_open(0);
	create(b, "{}", other);
	ck_assert_uint_eq(go_on(b, other, 0, 0, 0), COMPLETE);
	haul_empty(&haul);
	ck_assert_uint_eq(read_on(a), COMPLETE);
	must_be(&haul, 0, RECORDS);
	stage_close();
}
END_TEST

START_TEST(a_reader_that_stops_again_and_again_gets_all)
{
	uint8_t bit[700];
	size_t n;

	stage_open(1, &table_engine);
	stop_reading(&a, id);
	/* a few bytes at a time: what is heard here is put into the ear */
	while (!hear_continue(a, &haul)) {
		n = hear_some(a->c, bit, sizeof bit);
		stage_run();
		ck_assert_uint_le(a->len + n, a->cap);
		memcpy(a->at + a->len, bit, n);
		a->len += n;
		ck_assert_uint_le(held(), HIGH + EWB_CHUNK_MIN);
	}
	must_be(&haul, 0, RECORDS);
	stage_close();
}
END_TEST

/* Deadlines. */

START_TEST(the_deadline_does_not_hit_a_slow_reader)
{
	stage.server.no_progress_s = 0;
	stage.scan.lifetime_s = 0;
	stage_open(1, &table_engine);
	stop_reading(&a, id);
	for (unsigned i = 0; i < 50; i++)
		stage_pass(2500);
	ck_assert_uint_eq(play_count(&stage.p, deadlines_passed), 0);
	ck_assert_uint_eq(read_on(a), COMPLETE);
	must_be(&haul, 0, RECORDS);
	stage_close();
}
END_TEST

START_TEST(the_deadline_does_not_hit_one_that_waits_for_memory)
{
	stage.server.no_progress_s = 0;
	stage.scan.lifetime_s = 0;
	stage.server.buffer_memory = HIGH;
	stage_open(1, &table_engine);
	stop_reading(&a, id);
	stop_reading(&b, other);
	for (unsigned i = 0; i < 50; i++)
		stage_pass(2500);
	ck_assert_uint_eq(play_count(&stage.p, deadlines_passed), 0);
	ck_assert_uint_eq(read_on(b), COMPLETE);
	must_be(&haul, 0, RECORDS);
	haul_empty(&haul);
	ck_assert_uint_eq(read_on(a), COMPLETE);
	must_be(&haul, 0, RECORDS);
	stage_close();
}
END_TEST

START_TEST(the_deadline_hits_an_engine_that_brings_nothing)
{
	struct said s;

	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_run_fronts();
	/* its job is queued and does not run */
	play_pass(&stage.p, 2499);
	stage_run_fronts();
	ck_assert(!hear_frame(a, &s));
	play_pass(&stage.p, 1);
	stage_run_fronts();
	hear_status(a, OP_CONTINUE, EWB_TEMPORARY);
	ck_assert_uint_eq(play_count(&stage.p, deadlines_passed), 1);
	stage_run();
	ck_assert(!hear_frame(a, &s));
	stage_close();
}
END_TEST

/* Begun, so that its cursor is the task's to close. */
START_TEST(the_deadline_in_mid_scan_is_one_error_frame_after_whole_ones)
{
	table.n = 100;
	table.pause_every = 5;
	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_run_fronts();
	ck_assert(stage_job_of(EWB_AUX));
	ck_assert(stage_job_of(EWB_AUX));
	/* twice: at the first it sees that it had moved */
	play_pass(&stage.p, 2500);
	play_pass(&stage.p, 2500);
	stage_run_fronts();
	ck_assert(hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, EWB_TEMPORARY);
	stage_run();
	ck_assert_uint_eq(table.closed, 1);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_failed), 1);
	ck_assert_uint_eq(stage_scans(), 0);
	say_get(a, "k"); /* the connection lives */
	stage_run();
	hear_status(a, 0, EWB_NOT_FOUND);
	stage_close();
}
END_TEST

START_TEST(a_continues_own_time_replaces_the_default_deadline)
{
	struct said s;

	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, "{}", id);
	say_continue(a, id, 0, 10000, 0);
	stage_run_fronts();
	play_pass(&stage.p, 9999);
	stage_run_fronts();
	ck_assert(!hear_frame(a, &s));
	play_pass(&stage.p, 1);
	stage_run_fronts();
	hear_status(a, OP_CONTINUE, EWB_TEMPORARY);
	stage_run();
	stage_close();
}
END_TEST

START_TEST(a_continues_own_time_is_no_deadline_where_there_is_none)
{
	struct said s;

	stage.server.deadline_ms = 0;
	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, "{}", id);
	say_continue(a, id, 0, 10000, 0);
	stage_run_fronts();
	/* its job is queued for long */
	play_pass(&stage.p, 30000);
	stage_run_fronts();
	ck_assert(!hear_frame(a, &s));
	ck_assert_uint_eq(play_count(&stage.p, deadlines_passed), 0);
	ck_assert_uint_eq(read_on(a), MORE); /* its time is over */
	stage_close();
}
END_TEST

/* The end of a reader. */

START_TEST(a_reader_without_progress_is_cut_off_and_its_memory_comes_back)
{
	stage.server.no_progress_s = 60;
	stage_open(1, &table_engine);
	stop_reading(&a, id);
	stage_pass(59000);
	ck_assert(client_served(a->c));
	stage_pass(1000);
	ck_assert(!client_served(a->c));
	ck_assert_uint_eq(play_count(&stage.p, closed_no_progress), 1);
	ck_assert_uint_eq(held(), 0);
	ck_assert_uint_eq(table.closed, 1);
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_gone), 1);
	stage_close();
}
END_TEST

START_TEST(a_reader_that_reads_a_little_is_not_cut_off)
{
	uint8_t bit[20000]; /* more than the kernel holds */

	stage.server.no_progress_s = 60;
	stage.scan.lifetime_s = 0;
	stage_open(1, &table_engine);
	stop_reading(&a, id);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_gt(hear_some(a->c, bit, sizeof bit), 10000);
		stage_run();
		stage_pass(50000);
	}
	ck_assert(client_served(a->c));
	stage_close();
}
END_TEST

START_TEST(a_reader_that_hangs_up_leaves_nothing)
{
	stage_open(1, &table_engine);
	stop_reading(&a, id);
	client_close(a->c);
	stage_run();
	ck_assert_uint_eq(held(), 0);
	ck_assert_uint_eq(atomic_load(&stage.p.core->cookies), 0);
	ck_assert_uint_eq(table.closed, 1);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_gone), 1);
	stage_close();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_reader");
	TCase *t = tcase_create("memory");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, a_stopped_reader_holds_no_more_than_the_high_mark);
	tcase_add_test(
		t,
		a_record_larger_than_the_high_mark_exceeds_it_by_itself_alone);
	tcase_add_test(t,
	               many_stopped_readers_hold_no_more_than_their_high_marks);
	tcase_add_test(t, continues_of_one_connection_run_one_after_the_other);
	tcase_add_test(
		t, the_least_memory_that_is_accepted_passes_the_largest_item);
	tcase_add_test(
		t,
		a_record_that_the_server_has_no_room_for_is_the_end_of_its_scan);
	tcase_add_test(
		t, all_streams_together_hold_no_more_than_the_server_allows);
	tcase_add_test(t, a_stopped_reader_hurts_no_other_connection);
	tcase_add_test(t, a_reader_that_goes_on_gets_the_rest_exactly);
	tcase_add_test(t, a_reader_that_stops_again_and_again_gets_all);
	suite_add_tcase(s, t);
	t = tcase_create("time");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, the_deadline_does_not_hit_a_slow_reader);
	tcase_add_test(t, the_deadline_does_not_hit_one_that_waits_for_memory);
	tcase_add_test(t, the_deadline_hits_an_engine_that_brings_nothing);
	tcase_add_test(
		t,
		the_deadline_in_mid_scan_is_one_error_frame_after_whole_ones);
	tcase_add_test(t, a_continues_own_time_replaces_the_default_deadline);
	tcase_add_test(t,
	               a_continues_own_time_is_no_deadline_where_there_is_none);
	tcase_add_test(
		t,
		a_reader_without_progress_is_cut_off_and_its_memory_comes_back);
	tcase_add_test(t, a_reader_that_reads_a_little_is_not_cut_off);
	tcase_add_test(t, a_reader_that_hangs_up_leaves_nothing);
	suite_add_tcase(s, t);
	return unit_run(s);
}
