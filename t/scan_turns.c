/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans take turns, and nobody else waits for them. */
#include "config.h"

#include <string.h>

#include "t/scan_play.h"
#include "t/unit.h"

#define TURN 65536u /* bytes */

static struct ear *a, *b;
static uint8_t id[ID], other[ID];

static void
begin(void)
{
	stage_reset();
	table.n = 1000;
	table.size = 1000;
	/* nothing but turns makes it stop */
	stage.server.high = 16u << 20;
	stage.server.low = 4u << 20;
}

static void
open_two(const char *json)
{
	stage_open(1, &table_engine);
	a = ear_open(0);
	b = ear_open(0);
	create(a, json, id);
	create(b, json, other);
	table.nexts = 0;
	table.offers = 0;
	say_continue(a, id, 0, 0, 0);
	stage_run_fronts();
	say_continue(b, other, 0, 0, 0);
	stage_run_fronts();
}

START_TEST(two_scans_with_one_thread_take_turns)
{
	unsigned offers;

	open_two("{}");
	for (unsigned i = 0; i < 16; i++) {
		offers = table.offers;
		ck_assert(stage_job_of(EWB_AUX));
		ck_assert_uint_eq(table.turn[i], i % 2);
		/* about as many bytes each */
		ck_assert_uint_ge((table.offers - offers) * 1033, TURN);
		ck_assert_uint_le((table.offers - offers - 2) * 1033, TURN);
	}
	stage_run();
	ck_assert(hear_continue(a, &haul));
	must_be(&haul, 0, 1000);
	haul_empty(&haul);
	ck_assert(hear_continue(b, &haul));
	must_be(&haul, 0, 1000);
	stage_close();
}
END_TEST

START_TEST(records_that_a_sample_passes_over_take_its_turn_too)
{
	table.n = 100000;
	table.size = 0;
	open_two("{\"sampling\":{\"samples\":1,\"seed\":1}}");
	for (unsigned i = 0; i < 8; i++) {
		ck_assert(stage_job_of(EWB_AUX));
		ck_assert_uint_eq(table.turn[i], i % 2);
	}
	stage_close();
}
END_TEST

START_TEST(a_scan_alone_does_not_stop_for_turns)
{
	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, "{}", id);
	table.nexts = 0;
	say_continue(a, id, 0, 0, 0);
	stage_run_fronts();
	ck_assert(stage_job_of(EWB_AUX));
	ck_assert_uint_eq(table.nexts, 1);
	ck_assert(!stage_job_of(EWB_AUX));
	stage_run();
	ck_assert(hear_continue(a, &haul));
	must_be(&haul, 0, 1000);
	stage_close();
}
END_TEST

START_TEST(gets_do_not_wait_for_scans)
{
	struct ear *c;

	open_two("{}");
	c = ear_open(0);
	say_get(c, "k");
	stage_run_fronts();
	/* no job of a scan has run, and none runs */
	ck_assert_uint_eq(ewb_pool_backlog(stage.p.core->pool, EWB_AUX), 2);
	ck_assert(stage_job_of(EWB_READER));
	stage_run_fronts();
	hear_status(c, 0, EWB_NOT_FOUND);
	ck_assert_uint_eq(ewb_pool_backlog(stage.p.core->pool, EWB_AUX), 2);
	stage_run();
	stage_close();
}
END_TEST

START_TEST(another_scan_may_be_created_while_one_is_under_way)
{
	struct ear *c;
	uint8_t third[ID];
	unsigned jobs = 0;
	struct said s;

	open_two("{}");
	ck_assert(stage_job_of(EWB_AUX));
	c = ear_open(0);
	say_create(c, "{}", 0);
	stage_run_fronts();
	/* it waits for the turns of the two, once each */
	do {
		ck_assert(stage_job_of(EWB_AUX));
		stage_run_fronts();
		ck_assert_uint_le(++jobs, 4);
	} while (!hear_frame(c, &s));
	ck_assert_uint_eq(s.status, 0);
	memcpy(third, s.value, ID);
	ck_assert_uint_eq(go_on(c, third, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 1000);
	stage_close();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_turns");
	TCase *t = tcase_create("turns");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, NULL);
	tcase_add_test(t, two_scans_with_one_thread_take_turns);
	tcase_add_test(t, records_that_a_sample_passes_over_take_its_turn_too);
	tcase_add_test(t, a_scan_alone_does_not_stop_for_turns);
	tcase_add_test(t, gets_do_not_wait_for_scans);
	tcase_add_test(t, another_scan_may_be_created_while_one_is_under_way);
	suite_add_tcase(s, t);
	return unit_run(s);
}
