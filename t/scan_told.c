/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever status an engine says, a client is told one that the command has, and
 * its connection lives. */
#include "config.h"

#include <string.h>

#include "scan/told.h"
#include "t/scan_play.h"
#include "t/unit.h"

/* What the protocol's tables have, and what is ours beside them. */
static const unsigned creates[] = { 0,    0x01, 0x04, 0x05, 0x07,
	                            0x22, 0x24, 0x82, 0x83, 0x84,
	                            0x85, 0x86, 0x88, 0xa8 };
static const unsigned continues[] = { 0x01, 0x03, 0x04, 0x07, 0x24, 0x82, 0x83,
	                              0x84, 0x85, 0x86, 0x88, 0xa5, 0xa6, 0xa7 };
/* Each of enum ewb_status. */
static const enum ewb_status all[] = {
	EWB_OK,          EWB_NOT_FOUND,     EWB_EXISTS,
	EWB_TOO_BIG,     EWB_INVALID,       EWB_NOT_STORED,
	EWB_NOT_NUMBER,  EWB_NOT_MY_VBUCKET, EWB_RANGE,
	EWB_NO_ACCESS,   EWB_UNKNOWN_COMMAND, EWB_NO_MEMORY,
	EWB_NOT_SUPPORTED, EWB_INTERNAL,    EWB_BUSY,
	EWB_TEMPORARY,   EWB_SCAN_CANCELLED, EWB_SCAN_MORE,
	EWB_SCAN_COMPLETE,
#ifndef EWB_STRICT /* it would not survive these */
	EWB_WOULDBLOCK,  EWB_NEW,           EWB_STALE,
	EWB_FILLING,
#endif
};
#define NALL ((int)(sizeof all / sizeof *all))

static struct ear *a;
static uint8_t id[ID];

static bool
has(const unsigned *set, size_t n, unsigned status)
{
	for (size_t i = 0; i < n; i++)
		if (set[i] == status)
			return true;
	return false;
}
#define HAS(set, status) has(set, sizeof(set) / sizeof *(set), status)

START_TEST(each_number_comes_to_a_status_of_the_command)
{
	for (unsigned s = 0; s <= 0x10010; s++) {
		enum ewb_status in = (enum ewb_status)s;
		unsigned create = ewb_scan_told_create(in);
		unsigned go_on = ewb_scan_told_continue(in);
		unsigned failure = ewb_scan_told_failure(in);

		ck_assert(HAS(creates, create));
		ck_assert(HAS(continues, go_on));
		ck_assert(HAS(continues, failure));
		ck_assert_uint_ne(failure, 0);
		ck_assert_uint_eq(create, HAS(creates, s) ? s :
		                          s == 0xa5       ? 0x86 :
		                                            0x84);
		ck_assert_uint_eq(go_on, HAS(continues, s) ? s : 0x84);
	}
}
END_TEST

static void
open_one(void)
{
	stage_open(1, &table_engine);
	a = ear_open(0);
}

/* It can be asked for something else. */
static void
must_live(void)
{
	table.open_says = table.fail = EWB_OK;
	create(a, "{}", id);
	haul_empty(&haul);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, table.n);
	ck_assert_uint_eq(stage_scans(), 0);
	stage_close();
}

START_TEST(whatever_the_opening_says_is_answered)
{
	struct said s;

	open_one();
	table.open_says = all[_i];
	say_create(a, "{}", 0);
	stage_run();
	must_hear(a, OP_CREATE, &s);
	ck_assert(HAS(creates, s.status));
	ck_assert_uint_eq(s.status == 0, all[_i] == EWB_OK);
	if (s.status == 0) {
		say_cancel(a, s.value);
		stage_run();
		hear_status(a, OP_CANCEL, 0);
	}
	must_live();
}
END_TEST

START_TEST(whatever_the_first_look_says_is_answered)
{
	struct said s;

	open_one();
	table.fail = all[_i];
	if (all[_i] == EWB_OK)
		table.fail_at = 1000;
	say_create(a, "{}", 0);
	stage_run();
	must_hear(a, OP_CREATE, &s);
	ck_assert(HAS(creates, s.status));
	ck_assert_uint_eq(s.status == 0, all[_i] == EWB_OK);
	/* that nothing is there is not for it to say so */
	ck_assert_uint_ne(s.status, 0x01);
	if (s.status == 0) {
		say_cancel(a, s.value);
		stage_run();
		hear_status(a, OP_CANCEL, 0);
	}
	must_live();
}
END_TEST

/* Never as if it were over, or went on. */
START_TEST(whatever_is_said_in_the_middle_ends_the_continue_as_an_error)
{
	unsigned status;

	open_one();
	create(a, "{}", id);
	table.fail = all[_i];
	table.fail_at = 5;
	status = go_on(a, id, 0, 0, 0);
	ck_assert(HAS(continues, status));
	if (all[_i] == EWB_OK)
		ck_assert_uint_eq(status, COMPLETE);
	else
		ck_assert(status != COMPLETE && status != MORE);
	must_be(&haul, 0, all[_i] == EWB_OK ? 10 : 5);
	must_live();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_told");
	TCase *t = tcase_create("told");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, stage_reset, NULL);
	tcase_add_test(t, each_number_comes_to_a_status_of_the_command);
	tcase_add_loop_test(t, whatever_the_opening_says_is_answered, 0, NALL);
	tcase_add_loop_test(t, whatever_the_first_look_says_is_answered, 0,
	                    NALL);
	tcase_add_loop_test(
		t, whatever_is_said_in_the_middle_ends_the_continue_as_an_error,
		0, NALL);
	suite_add_tcase(s, t);
	return unit_run(s);
}
