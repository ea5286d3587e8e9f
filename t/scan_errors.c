/* SPDX-License-Identifier: BSD-2-Clause */
/* What the engine's failures come to. */
#include "config.h"

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
}

/* What the engine says, what the client is told, and how it counts. */
static const struct {
	enum ewb_status says;
	unsigned told;
	enum ewb_scan_cause opening, moving;
} failures[] = {
	{ EWB_NO_MEMORY, 0x82, EWB_CAUSE_failed, EWB_CAUSE_failed },
	{ EWB_INTERNAL, 0x84, EWB_CAUSE_failed, EWB_CAUSE_failed },
	{ EWB_BUSY, 0x85, EWB_CAUSE_failed, EWB_CAUSE_failed },
	{ EWB_TEMPORARY, 0x86, EWB_CAUSE_failed, EWB_CAUSE_failed },
	{ EWB_NOT_MY_VBUCKET, 0x07, EWB_CAUSE_failed, EWB_CAUSE_failed },
	{ EWB_SCAN_CANCELLED, 0xa5, EWB_CAUSE_failed, EWB_CAUSE_pressure },
	/* what is none of the protocol's */
	{ EWB_WOULDBLOCK, 0x84, EWB_CAUSE_failed, EWB_CAUSE_failed },
	{ EWB_NEW, 0x84, EWB_CAUSE_failed, EWB_CAUSE_failed },
	{ EWB_STALE, 0x84, EWB_CAUSE_failed, EWB_CAUSE_failed },
	{ (enum ewb_status)0x12345678, 0x84, EWB_CAUSE_failed,
	  EWB_CAUSE_failed },
};
#ifdef EWB_STRICT
#define NFAILURES 6 /* it would not survive the others */
#else
#define NFAILURES (sizeof failures / sizeof *failures)
#endif

/* One that is none of the protocol's is the engine's mistake, and is named. */
static void
counts_mistakes(enum ewb_status says)
{
	ck_assert_uint_eq(play_count(&stage.p, engine_mistakes),
	                  says >= EWB_WOULDBLOCK);
	ck_assert_int_eq(strstr(stage.p.log, "none of the protocol's") != NULL,
	                 says >= EWB_WOULDBLOCK);
}

/* A scan that is not there yet is not cancelled: ask again. */
static unsigned
told_at_create(unsigned told)
{
	return told == CANCELLED ? EWB_TEMPORARY : told;
}

START_TEST(a_cursor_that_will_not_open_fails_the_create)
{
	table.open_says = failures[_i].says;
	open_one();
	say_create(a, "{}", 0);
	stage_run();
	hear_status(a, OP_CREATE, told_at_create(failures[_i].told));
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(table.closed, 0);
	ck_assert_uint_eq(stage_ended(failures[_i].opening), 1);
	counts_mistakes(failures[_i].says);
	table.open_says = EWB_OK;
	create(a, "{}", id);
	stage_close();
}
END_TEST

START_TEST(a_cursor_that_fails_at_once_fails_the_create)
{
	table.fail = failures[_i].says;
	open_one();
	say_create(a, "{}", 0);
	stage_run();
	hear_status(a, OP_CREATE, told_at_create(failures[_i].told));
	ck_assert_uint_eq(stage_scans(), 0);
	ck_assert_uint_eq(table.closed, 1);
	ck_assert_uint_eq(stage_ended(failures[_i].opening), 1);
	counts_mistakes(failures[_i].says);
	stage_close();
}
END_TEST

START_TEST(what_was_read_before_a_failure_is_sent_in_a_frame_of_its_own)
{
	struct said s;

	table.fail = failures[_i].says;
	table.fail_at = 5;
	open_one();
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_run();
	must_hear(a, OP_CONTINUE, &s);
	ck_assert_uint_eq(s.status, 0);
	ck_assert_uint_eq(s.nvalue, 5 * (25 + 1 + 6 + 1 + 100));
	must_hear(a, OP_CONTINUE, &s);
	ck_assert_uint_eq(s.status, failures[_i].told);
	ck_assert_uint_eq(s.nextras, 0);
	ck_assert(!hear_frame(a, &s));
	ck_assert_uint_eq(table.closed, 1);
	ck_assert_uint_eq(stage_ended(failures[_i].moving), 1);
	counts_mistakes(failures[_i].says);
	/* it is gone */
	say_continue(a, id, 0, 0, 0);
	stage_run();
	hear_status(a, OP_CONTINUE, EWB_NOT_FOUND);
	stage_close();
}
END_TEST

START_TEST(a_failure_before_the_first_record_of_a_continue_is_one_error_frame)
{
	struct said s;

	table.fail = failures[_i].says;
	table.fail_at = 5;
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 5, 0, 0), failures[_i].told);
	ck_assert(!hear_frame(a, &s));
	stage_close();
}
END_TEST

START_TEST(a_large_scan_that_fails_has_sent_what_was_before)
{
	table.n = 3000;
	table.size = 1000;
	table.fail = EWB_INTERNAL;
	table.fail_at = 2500;
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), EWB_INTERNAL);
	must_be(&haul, 0, 2500);
	ck_assert_uint_eq(haul.with_end, 0);
	stage_close();
}
END_TEST

START_TEST(an_engine_that_stops_though_nothing_was_refused_is_asked_again)
{
	table.n = 100;
	table.pause_every = 7;
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 100);
	ck_assert_uint_ge(table.nexts, 100 / 7);
	stage_close();
}
END_TEST

START_TEST(a_create_looks_again_until_a_record_or_the_end_was_seen)
{
	table.n = _i;
	table.dawdle = 3;
	open_one();
	say_create(a, "{}", 0);
	stage_run();
	hear_status(a, OP_CREATE, _i ? EWB_OK : EWB_NOT_FOUND);
	ck_assert_uint_eq(table.opened, 1);
	ck_assert_uint_eq(table.nexts, 4);
	ck_assert_uint_eq(table.closed, _i == 0);
	stage_close();
}
END_TEST

START_TEST(a_create_that_still_looks_ends_at_its_deadline_and_is_closed_once)
{
	table.dawdle = 1000;
	open_one();
	say_create(a, "{}", 0);
	stage_run_fronts();
	while (table.nexts < (unsigned)_i)
		ck_assert(stage_job());
	play_pass(&stage.p, 2500);
	stage_run();
	hear_status(a, OP_CREATE, EWB_TEMPORARY);
	ck_assert_uint_eq(table.opened, 1);
	ck_assert_uint_eq(table.closed, 1);
	ck_assert_uint_eq(table.nexts, _i);
	ck_assert_uint_eq(stage_scans(), 0);
	stage_close();
}
END_TEST

#ifndef EWB_STRICT
/* What it leaves out would be missed by nobody. */
START_TEST(an_engine_that_does_not_heed_a_refusal_fails_its_scan)
{
	open_one();
	create(a, "{}", id);
	table.goes_on = true;
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), EWB_INTERNAL);
	must_be(&haul, 0, 3);
	ck_assert_uint_eq(play_count(&stage.p, engine_mistakes), 1);
	ck_assert_ptr_nonnull(strstr(stage.p.log, "went on after a refusal"));
	stage_close();
}
END_TEST

START_TEST(an_engine_that_does_not_heed_the_first_refusal_fails_the_create)
{
	table.goes_on = true;
	open_one();
	say_create(a, "{}", 0);
	stage_run();
	hear_status(a, OP_CREATE, EWB_INTERNAL);
	ck_assert_uint_eq(play_count(&stage.p, engine_mistakes), 1);
	stage_close();
}
END_TEST

START_TEST(an_engine_that_ends_with_a_refused_record_fails_its_scan)
{
	table.ends_refused = true;
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 9, 0, 0), EWB_INTERNAL);
	must_be(&haul, 0, 9);
	ck_assert_uint_eq(play_count(&stage.p, engine_mistakes), 1);
	ck_assert_ptr_nonnull(strstr(stage.p.log, "ended with a refused"));
	stage_close();
}
END_TEST
#endif

START_TEST(the_clients_may_go_on_after_a_scan_has_failed)
{
	table.fail = EWB_INTERNAL;
	table.fail_at = 3;
	open_one();
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), EWB_INTERNAL);
	table.fail = EWB_OK;
	haul_empty(&haul);
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 10);
	stage_close();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_errors");
	TCase *t = tcase_create("errors");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, stage_reset, NULL);
	tcase_add_loop_test(t, a_cursor_that_will_not_open_fails_the_create, 0,
	                    NFAILURES);
	tcase_add_loop_test(t, a_cursor_that_fails_at_once_fails_the_create, 0,
	                    NFAILURES);
	tcase_add_loop_test(
		t, what_was_read_before_a_failure_is_sent_in_a_frame_of_its_own,
		0, NFAILURES);
	tcase_add_loop_test(
		t,
		a_failure_before_the_first_record_of_a_continue_is_one_error_frame,
		0, NFAILURES);
	tcase_add_test(t, a_large_scan_that_fails_has_sent_what_was_before);
	tcase_add_test(
		t,
		an_engine_that_stops_though_nothing_was_refused_is_asked_again);
	tcase_add_loop_test(
		t, a_create_looks_again_until_a_record_or_the_end_was_seen, 0,
		2);
	tcase_add_loop_test(
		t,
		a_create_that_still_looks_ends_at_its_deadline_and_is_closed_once,
		1, 4);
#ifndef EWB_STRICT
	tcase_add_test(t,
	               an_engine_that_does_not_heed_a_refusal_fails_its_scan);
	tcase_add_test(
		t,
		an_engine_that_does_not_heed_the_first_refusal_fails_the_create);
	tcase_add_test(
		t, an_engine_that_ends_with_a_refused_record_fails_its_scan);
#endif
	tcase_add_test(t, the_clients_may_go_on_after_a_scan_has_failed);
	suite_add_tcase(s, t);
	return unit_run(s);
}
