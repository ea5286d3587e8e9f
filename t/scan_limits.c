/* SPDX-License-Identifier: BSD-2-Clause */
/* How much a continue gives, and what a sample is. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/scan_play.h"
#include "t/unit.h"

#define RECORD (25 + 1 + 6 + 1 + 100) /* bytes of one on the wire */

static struct ear *a;
static uint8_t id[ID];

static void
open_one(const char *json)
{
	stage_open(1, &table_engine);
	a = ear_open(0);
	create(a, json, id);
}

/* Small marks and a reader that reads only when it must: parks often. */
static void
open_narrow(const char *json)
{
	stage.server.high = 65536;
	stage.server.low = 16384;
	stage_open(1, &table_engine);
	a = ear_small(0);
	create(a, json, id);
}

/* Items. */

START_TEST(a_continue_gives_as_many_records_as_it_may)
{
	open_one("{}");
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(go_on(a, id, 3, 0, 0), MORE);
		must_be(&haul, 0, 3 * (i + 1));
		ck_assert_uint_eq(haul.frames, i + 1);
		ck_assert_uint_eq(haul.with_end, 3);
	}
	ck_assert_uint_eq(go_on(a, id, 3, 0, 0), COMPLETE);
	must_be(&haul, 0, 10);
	ck_assert_uint_eq(haul.with_end, 1);
	stage_close();
}
END_TEST

static const uint32_t divisors[] = { 1, 2, 5, 10 };

START_TEST(a_limit_on_the_last_record_is_complete)
{
	uint32_t by = divisors[_i];

	open_one("{}");
	for (unsigned i = by; i < 10; i += by)
		ck_assert_uint_eq(go_on(a, id, by, 0, 0), MORE);
	ck_assert_uint_eq(go_on(a, id, by, 0, 0), COMPLETE);
	must_be(&haul, 0, 10);
	ck_assert_uint_eq(haul.with_end, by);
	stage_close();
}
END_TEST

START_TEST(a_limit_of_bytes_on_the_last_record_is_complete)
{
	open_one("{}");
	ck_assert_uint_eq(go_on(a, id, 0, 0, 10 * RECORD), COMPLETE);
	must_be(&haul, 0, 10);
	stage_close();
}
END_TEST

START_TEST(a_limit_no_record_reaches_is_none)
{
	open_one("{}");
	ck_assert_uint_eq(go_on(a, id, UINT32_MAX, UINT32_MAX, UINT32_MAX),
	                  COMPLETE);
	must_be(&haul, 0, 10);
	stage_close();
}
END_TEST

/* Bytes. */

static const struct {
	uint32_t bytes;
	unsigned n;
} sizes[] = {
	{ 1, 1 },          { RECORD, 1 },
	{ RECORD + 1, 2 }, { 3 * RECORD - 1, 3 },
	{ 3 * RECORD, 3 }, { 3 * RECORD + 1, 4 },
};

START_TEST(a_continue_ends_with_the_record_that_reaches_its_bytes)
{
	open_one("{}");
	ck_assert_uint_eq(go_on(a, id, 0, 0, sizes[_i].bytes), MORE);
	must_be(&haul, 0, sizes[_i].n);
	stage_close();
}
END_TEST

/* Time. */

START_TEST(a_continue_whose_time_is_over_gives_one_record_at_least)
{
	open_one("{}");
	for (unsigned i = 1; i < 10; i++) {
		say_continue(a, id, 0, 1, 0);
		stage_run_fronts();
		stage_pass(5);
		ck_assert(hear_continue(a, &haul));
		ck_assert_uint_eq(haul.status, MORE);
		must_be(&haul, 0, i);
	}
	say_continue(a, id, 0, 1, 0);
	stage_run_fronts();
	stage_pass(5);
	ck_assert(hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, COMPLETE);
	must_be(&haul, 0, 10);
	stage_close();
}
END_TEST

START_TEST(a_continue_that_has_time_is_not_ended_by_it)
{
	open_one("{}");
	say_continue(a, id, 0, 2000, 0);
	stage_run_fronts();
	stage_pass(1999);
	ck_assert(hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, COMPLETE);
	must_be(&haul, 0, 10);
	stage_close();
}
END_TEST

/* Limits and parks. */

START_TEST(a_limit_of_items_survives_parks)
{
	table.n = 1000;
	table.size = 2000;
	open_narrow("{}");
	for (unsigned i = 1; i < 3; i++) {
		unsigned nexts = table.nexts;

		ck_assert_uint_eq(go_on(a, id, 400, 0, 0), MORE);
		must_be(&haul, 0, 400 * i);
		ck_assert_uint_gt(table.nexts - nexts, 5); /* it parked */
	}
	ck_assert_uint_eq(go_on(a, id, 400, 0, 0), COMPLETE);
	must_be(&haul, 0, 1000);
	stage_close();
}
END_TEST

START_TEST(a_limit_of_bytes_survives_parks)
{
	unsigned nexts;

	table.n = 1000;
	table.size = 2000;
	open_narrow("{}");
	nexts = table.nexts;
	ck_assert_uint_eq(go_on(a, id, 0, 0, 400 * (RECORD + 1901) - 1), MORE);
	must_be(&haul, 0, 400);
	ck_assert_uint_gt(table.nexts - nexts, 5);
	stage_close();
}
END_TEST

START_TEST(a_limit_of_time_survives_parks)
{
	unsigned n;

	table.n = 1000;
	table.size = 2000;
	open_narrow("{}");
	say_continue(a, id, 0, 10000, 0);
	stage_run(); /* until the reader is to read */
	stage_pass(9999);
	ck_assert(!hear_continue(a, &haul));
	stage_run();
	n = haul.n;
	ck_assert_uint_gt(n, 0);
	stage_pass(1);
	do
		stage_run();
	while (!hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, MORE);
	ck_assert_uint_lt(haul.n, 1000);
	ck_assert_uint_gt(haul.n, n);
	n = haul.n;
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 1000);
	stage_close();
}
END_TEST

START_TEST(parks_lose_nothing_and_repeat_nothing)
{
	table.n = 2000;
	table.size = 2000;
	open_narrow("{}");
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, 2000);
	ck_assert_uint_gt(play_count(&stage.p, stream_waits), 10);
	stage_close();
}
END_TEST

/* The end. */

START_TEST(the_end_is_seen_without_an_empty_frame)
{
	for (table.n = 1; table.n < 300; table.n += 7) {
		unsigned n = table.n;

		open_one("{}");
		ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
		must_be(&haul, 0, n);
		ck_assert_uint_gt(haul.with_end, 0);
		stage_close();
		table.n = n;
	}
}
END_TEST

/* Sampling. */

static void
sample(struct haul *h, uint64_t samples, uint64_t seed, uint32_t items)
{
	char json[120];
	unsigned status;

	snprintf(json, sizeof json,
	         "{\"key_only\":true,\"sampling\":{\"samples\":%" PRIu64
	         ",\"seed\":%" PRIu64 "}}",
	         samples, seed);
	haul_empty(&haul);
	create(a, json, id);
	while ((status = go_on(a, id, items, 0, 0)) == MORE)
		ck_assert_uint_eq(haul.with_end, items);
	ck_assert_uint_eq(status, COMPLETE);
	for (unsigned i = 1; i < haul.n; i++)
		ck_assert_uint_gt(haul.record[i], haul.record[i - 1]);
	*h = haul;
}

static bool
same(const struct haul *x, const struct haul *y)
{
	return x->n == y->n &&
	       memcmp(x->record, y->record, x->n * sizeof *x->record) == 0;
}

static const uint64_t seeds[] = { 0, 1, 114, (uint64_t)INT64_MAX + 1,
	                          UINT64_MAX };

START_TEST(a_sample_is_about_as_large_as_asked_for)
{
	static struct haul h;

	table.n = 10000;
	table.size = 0;
	stage_open(1, &table_engine);
	a = ear_open(0);
	sample(&h, 1000, seeds[_i], 0);
	/* five times the deviation that it has by nature */
	ck_assert_uint_gt(h.n, 850);
	ck_assert_uint_lt(h.n, 1150);
	stage_close();
}
END_TEST

START_TEST(the_same_seed_gives_the_same_sample_and_another_another)
{
	static struct haul h, again, other;

	table.n = 10000;
	table.size = 0;
	stage_open(1, &table_engine);
	a = ear_open(0);
	sample(&h, 1000, seeds[_i], 0);
	sample(&again, 1000, seeds[_i], 0);
	ck_assert(same(&h, &again));
	sample(&other, 1000, seeds[_i] ^ 1, 0);
	ck_assert(!same(&h, &other));
	/* one in the high half is seen too */
	sample(&other, 1000, seeds[_i] ^ (uint64_t)1 << 63, 0);
	ck_assert(!same(&h, &other));
	stage_close();
}
END_TEST

START_TEST(a_sample_is_the_same_in_portions_and_its_end_is_complete)
{
	static struct haul h, again;

	table.n = 10000;
	table.size = 0;
	stage_open(1, &table_engine);
	a = ear_open(0);
	sample(&h, 1000, seeds[_i], 0);
	sample(&again, 1000, seeds[_i], 7);
	ck_assert(same(&h, &again));
	/* a limit on the last one that was drawn */
	sample(&again, 1000, seeds[_i], h.n);
	ck_assert(same(&h, &again));
	ck_assert_uint_eq(again.ends, 1);
	stage_close();
}
END_TEST

START_TEST(a_sample_is_the_same_when_the_reader_is_slow)
{
	static struct haul h;
	unsigned status;

	table.n = 4000;
	table.size = 1000;
	open_narrow("{\"sampling\":{\"samples\":2000,\"seed\":5}}");
	status = go_on(a, id, 0, 0, 0);
	ck_assert_uint_eq(status, COMPLETE);
	ck_assert_uint_gt(play_count(&stage.p, stream_waits), 10);
	h = haul;
	stage_close();
	table.n = 4000;
	table.size = 1000;
	open_one("{\"sampling\":{\"samples\":2000,\"seed\":5}}");
	status = go_on(a, id, 0, 0, 0);
	ck_assert_uint_eq(status, COMPLETE);
	ck_assert(same(&h, &haul));
	stage_close();
}
END_TEST

START_TEST(a_sample_of_no_fewer_than_there_are_is_all)
{
	static struct haul h;

	stage_open(1, &table_engine);
	a = ear_open(0);
	sample(&h, 10, 1, 0);
	must_be(&h, 0, 10);
	sample(&h, UINT64_MAX, 1, 0);
	must_be(&h, 0, 10);
	stage_close();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_limits");
	TCase *t = tcase_create("limits");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, stage_reset, NULL);
	tcase_add_test(t, a_continue_gives_as_many_records_as_it_may);
	tcase_add_loop_test(t, a_limit_on_the_last_record_is_complete, 0,
	                    sizeof divisors / sizeof *divisors);
	tcase_add_test(t, a_limit_of_bytes_on_the_last_record_is_complete);
	tcase_add_test(t, a_limit_no_record_reaches_is_none);
	tcase_add_loop_test(
		t, a_continue_ends_with_the_record_that_reaches_its_bytes, 0,
		sizeof sizes / sizeof *sizes);
	tcase_add_test(t,
	               a_continue_whose_time_is_over_gives_one_record_at_least);
	tcase_add_test(t, a_continue_that_has_time_is_not_ended_by_it);
	tcase_add_test(t, a_limit_of_items_survives_parks);
	tcase_add_test(t, a_limit_of_bytes_survives_parks);
	tcase_add_test(t, a_limit_of_time_survives_parks);
	tcase_add_test(t, parks_lose_nothing_and_repeat_nothing);
	tcase_add_test(t, the_end_is_seen_without_an_empty_frame);
	suite_add_tcase(s, t);
	t = tcase_create("samples");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, stage_reset, NULL);
	tcase_add_loop_test(t, a_sample_is_about_as_large_as_asked_for, 0, 5);
	tcase_add_loop_test(
		t, the_same_seed_gives_the_same_sample_and_another_another, 0,
		5);
	tcase_add_loop_test(
		t, a_sample_is_the_same_in_portions_and_its_end_is_complete, 0,
		5);
	tcase_add_test(t, a_sample_is_the_same_when_the_reader_is_slow);
	tcase_add_test(t, a_sample_of_no_fewer_than_there_are_is_all);
	suite_add_tcase(s, t);
	return unit_run(s);
}
