/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a scan lives, and what ends all of them. */
#include "config.h"

#include <pthread.h>
#include <string.h>

#include "t/scan_play.h"
#include "t/unit.h"

static struct ear *a;
static uint8_t id[ID];

static void
open_one(void)
{
	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, "{}", id);
}

/* The scan is there, or not. */
static void
is_there(bool there)
{
	ck_assert_uint_eq(stage_scans(), there ? 1 : 0);
	ck_assert_uint_eq(table.opened - table.closed, there ? 1 : 0);
}

/* A reload's hand on them. */

START_TEST(when_the_engine_is_to_be_closed_all_scans_end)
{
	open_one();
	is_there(true);
	stage.p.core->end_cursors(stage.p.core->end_cursors_arg);
	stage_run();
	is_there(false);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_reloaded), 1);
	say_continue(a, id, 0, 0, 0);
	stage_run();
	hear_status(a, OP_CONTINUE, EWB_NOT_FOUND);
	create(a, "{}", id);
	is_there(true);
	stage_close();
}
END_TEST

/* Age. */

START_TEST(an_idle_scan_ends_after_its_idle_time)
{
	stage.scan.idle_s = 60;
	open_one();
	stage_pass(59999);
	is_there(true);
	stage_pass(1);
	is_there(false);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_idle), 1);
	say_continue(a, id, 0, 0, 0);
	stage_run();
	hear_status(a, OP_CONTINUE, EWB_NOT_FOUND);
	stage_close();
}
END_TEST

START_TEST(a_continue_begins_the_idle_time_anew)
{
	stage.scan.idle_s = 60;
	stage.scan.lifetime_s = 0;
	open_one();
	for (unsigned i = 0; i < 9; i++) {
		stage_pass(59000);
		ck_assert_uint_eq(go_on(a, id, 1, 0, 0), MORE);
	}
	stage_pass(59999);
	is_there(true);
	stage_pass(101); /* it is looked at ten times a second, no oftener */
	is_there(false);
	stage_close();
}
END_TEST

START_TEST(a_scan_under_way_is_not_idle)
{
	table.n = 1000;
	table.size = 1000;
	stage.server.high = 16384;
	stage.server.low = 4096;
	stage.server.no_progress_s = 0;
	stage.scan.idle_s = 60;
	stage.scan.lifetime_s = 0;
	stage_open(1, &table_engine);
	a = ear_small(0);
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	for (unsigned i = 0; i < 10; i++)
		stage_pass(60000);
	is_there(true);
	do
		stage_run();
	while (!hear_continue(a, &haul));
	must_be(&haul, 0, 1000);
	stage_close();
}
END_TEST

START_TEST(a_scan_ends_at_its_lifetime_though_it_is_continued)
{
	stage.scan.lifetime_s = 180;
	table.n = 1000;
	open_one();
	for (unsigned i = 0; i < 17; i++) {
		stage_pass(10000);
		ck_assert_uint_eq(go_on(a, id, 1, 0, 0), MORE);
	}
	stage_pass(9999);
	is_there(true);
	stage_pass(1);
	is_there(false);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_lifetime), 1);
	stage_close();
}
END_TEST

START_TEST(a_scan_whose_reader_has_stopped_ends_at_its_lifetime_too)
{
	table.n = 1000;
	table.size = 1000;
	stage.server.high = 16384;
	stage.server.low = 4096;
	stage.server.no_progress_s = 0;
	stage_open(1, &table_engine);
	a = ear_small(0);
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_pass(179000);
	is_there(true);
	stage_pass(1000);
	ck_assert_uint_eq(table.closed, 1);
	do
		stage_run();
	while (!hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, CANCELLED);
	ck_assert_str_eq(haul.why, "the scan was cancelled");
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_lifetime), 1);
	stage_close();
}
END_TEST

START_TEST(times_of_0_are_none)
{
	stage.scan.idle_s = stage.scan.lifetime_s = 0;
	open_one();
	for (unsigned i = 0; i < 100; i++)
		stage_pass(3600000);
	is_there(true);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	stage_close();
}
END_TEST

START_TEST(each_scan_has_its_own_age)
{
	uint8_t ids[5][ID];

	stage.scan.idle_s = 60;
	stage_open(1, &table_engine);
	a = ear_open(0);
	for (unsigned i = 0; i < 5; i++) {
		create(a, "{}", ids[i]);
		stage_pass(10000);
	}
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(stage_scans(), 5 - i);
		stage_pass(10000);
	}
	ck_assert_uint_eq(stage_scans(), 0);
	/* and one more, when nobody has looked for a while */
	create(a, "{}", id);
	stage_pass(59999);
	ck_assert_uint_eq(stage_scans(), 1);
	stage_pass(1);
	ck_assert_uint_eq(stage_scans(), 0);
	stage_close();
}
END_TEST

/* Where a cursor is closed. */

START_TEST(a_cursor_is_closed_by_a_job_and_never_by_a_front_end)
{
	open_one();
	client_close(a->c);
	stage_run_fronts();
	ck_assert_uint_eq(table.closed, 0);
	ck_assert(stage_job_of(EWB_AUX));
	ck_assert_uint_eq(table.closed, 1);
	stage_close();
}
END_TEST

/* Of an engine that wants one callback at a time, a close is one too. */
START_TEST(a_serial_engine_is_not_closed_beside_another_callback)
{
	struct ear *b;

	stage_open(1, &serial_engine);
	a = ear_open(0);
	b = ear_open(0);
	create(a, "{}", id);
	say_get(b, "k");
	stage_run_fronts(); /* it waits for a thread, and is the next */
	ck_assert_uint_eq(ewb_pool_backlog(stage.p.core->pool, EWB_READER), 1);
	client_close(a->c);
	stage_run_fronts();
	ck_assert(!stage_job_of(EWB_AUX));
	ck_assert_uint_eq(table.closed, 0);
	ck_assert(stage_job_of(EWB_READER));
	ck_assert(stage_job_of(EWB_AUX));
	ck_assert_uint_eq(table.closed, 1);
	stage_close();
}
END_TEST

/* The end of all. */

START_TEST(a_stop_of_the_server_ends_idle_scans)
{
	stage_open(1, &table_engine);
	a = ear_open(0);
	for (unsigned i = 0; i < 10; i++)
		create(a, "{}", id);
	ewb_server_stop_begin(stage.p.server, 3600000);
	stage_run();
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(table.closed, 10);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_stopped), 10);
	ck_assert_int_eq(ewb_server_stopped(stage.p.server), EWB_OK);
	stage_close();
}
END_TEST

/* Steps the pool, once somebody waits for it. */
static void *
step(void *done)
{
	bool waits = false;

	while (!waits) {
		ck_assert_int_eq(pthread_mutex_lock(&stage.scans->lock), 0);
		waits = stage.scans->freeing;
		ck_assert_int_eq(pthread_mutex_unlock(&stage.scans->lock), 0);
	}
	while (!atomic_load((_Atomic int *)done))
		(void)ewb_pool_step(stage.p.core->pool, EWB_AUX);
	return NULL;
}

START_TEST(freeing_the_scans_waits_until_their_cursors_are_closed)
{
	_Atomic int done = 0;
	pthread_t thread;

	stage_open(1, &table_engine);
	a = ear_open(0);
	for (unsigned i = 0; i < 100; i++)
		create(a, "{}", id);
	client_close(a->c);
	stage_run_fronts();
	ck_assert_uint_eq(table.closed, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, step, &done), 0);
	ewb_scans_free(stage.scans);
	ck_assert_uint_eq(table.closed, 100);
	atomic_store(&done, 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	play_close(&stage.p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_life");
	TCase *t = tcase_create("life");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, stage_reset, NULL);
	tcase_add_test(t,
	               when_the_engine_is_to_be_closed_all_scans_end);
	tcase_add_test(t, an_idle_scan_ends_after_its_idle_time);
	tcase_add_test(t, a_continue_begins_the_idle_time_anew);
	tcase_add_test(t, a_scan_under_way_is_not_idle);
	tcase_add_test(t, a_scan_ends_at_its_lifetime_though_it_is_continued);
	tcase_add_test(
		t, a_scan_whose_reader_has_stopped_ends_at_its_lifetime_too);
	tcase_add_test(t, times_of_0_are_none);
	tcase_add_test(t, each_scan_has_its_own_age);
	tcase_add_test(t, a_cursor_is_closed_by_a_job_and_never_by_a_front_end);
	tcase_add_test(t,
	               a_serial_engine_is_not_closed_beside_another_callback);
	tcase_add_test(t, a_stop_of_the_server_ends_idle_scans);
	tcase_add_test(t,
	               freeing_the_scans_waits_until_their_cursors_are_closed);
	suite_add_tcase(s, t);
	return unit_run(s);
}
