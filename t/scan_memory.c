/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans of the memory engine: what their snapshots cost, and what becomes of
 * them when memory is short. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/alloc.h"
#include "t/scan_play.h"
#include "t/unit.h"

#define KEYS 500u
#define SIZE 1000u

/* Of engines/memory/plugin.c. */
const struct ewb_engine *ewb_engine_entry(void);

static const char *limit;
static struct ewb_engine memory;
static struct ear *a, *b;
static uint8_t id[ID];
static char expected;

static enum ewb_status
open_limited(struct ewb_host *host, const struct ewb_setting *s, size_t n,
             void **self)
{
	const struct ewb_setting mine = { "limit", limit };

	(void)s, (void)n;
	return ewb_engine_entry()->open(host, &mine, 1, self);
}

static const char *
is_expected(unsigned i, const uint8_t *value, size_t n)
{
	(void)i;
	if (n != SIZE)
		return "a value has another length";
	for (size_t k = 0; k < n; k++)
		if (value[k] != (uint8_t)expected)
			return "a value is of another version";
	return NULL;
}

static void
open_memory(const char *with_limit)
{
	limit = with_limit;
	memory = *ewb_engine_entry();
	memory.open = open_limited;
	table.other = is_expected;
	stage.server.high = 65536;
	stage.server.low = 16384;
	stage.server.no_progress_s = 0;
	stage_open(1, &memory);
}

/* Stores version c of each key; every one must succeed. */
static void
write_all(struct ear *e, char c)
{
	char *line = malloc(SIZE + 100);
	char answer[9];
	size_t n, got;

	ck_assert_ptr_nonnull(line);
	for (unsigned i = 0; i < KEYS; i++) {
		n = (size_t)sprintf(line, "set %06u 0 0 %u\r\n", i, SIZE);
		memset(line + n, c, SIZE);
		strcpy(line + n + SIZE, "\r\n");
		say(e->c, line);
		stage_run();
		/* it may have to wait until room is made */
		for (unsigned ms = 0; (got = hear_some(e->c, answer, 8)) == 0;
		     ms++) {
			ck_assert_uint_lt(ms, 1000);
			stage_pass(1);
		}
		answer[got] = '\0';
		ck_assert_str_eq(answer, "STORED\r\n");
	}
	free(line);
}

/* Pressure. */

START_TEST(a_stopped_scan_gives_way_to_writers_and_they_see_no_lack_of_memory)
{
	open_memory("1M");
	a = ear_small(0);
	b = ear_open(0);
	expected = 'a';
	write_all(b, 'a');
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_run(); /* it waits for its reader */
	for (char c = 'b'; c < 'b' + 20; c++)
		write_all(b, c);
	do
		stage_run();
	while (!hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, CANCELLED);
	ck_assert_uint_lt(haul.n, KEYS);
	for (unsigned i = 0; i < haul.n; i++)
		ck_assert_uint_eq(haul.record[i], i);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_pressure), 1);
	ck_assert_uint_eq(stage_scans(), 0);
	stage_close();
}
END_TEST

START_TEST(an_idle_scan_gives_way_to_writers_too)
{
	open_memory("1M");
	a = ear_open(0);
	b = ear_open(0);
	expected = 'a';
	write_all(b, 'a');
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 10, 0, 0), MORE);
	for (char c = 'b'; c < 'b' + 20; c++)
		write_all(b, c);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), CANCELLED);
	must_be(&haul, 0, 10);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_pressure), 1);
	stage_close();
}
END_TEST

START_TEST(a_stopped_scan_that_has_room_is_the_version_before)
{
	open_memory("64M");
	a = ear_small(0);
	b = ear_open(0);
	expected = 'a';
	write_all(b, 'a');
	create(a, "{}", id);
	say_continue(a, id, 0, 0, 0);
	stage_run();
	for (char c = 'b'; c < 'b' + 20; c++)
		write_all(b, c);
	do
		stage_run();
	while (!hear_continue(a, &haul));
	ck_assert_uint_eq(haul.status, COMPLETE);
	must_be(&haul, 0, KEYS);
	haul_empty(&haul);
	expected = 'a' + 20;
	create(a, "{}", id);
	ck_assert_uint_eq(go_on(a, id, 0, 0, 0), COMPLETE);
	must_be(&haul, 0, KEYS);
	stage_close();
}
END_TEST

/* Cost. */

#define MANY 1000000u
#define LOT 1000u /* quiet sets that are said at once */

static void
load_many(struct ear *e)
{
	uint8_t lot[LOT * (24 + 8 + 6 + 1)], *p;
	char key[8];

	for (unsigned i = 0; i < MANY; i += LOT) {
		memset(lot, 0, sizeof lot);
		for (unsigned k = 0; k < LOT; k++) {
			p = lot + k * 39;
			p[0] = 0x80;
			p[1] = 0x11;
			p[3] = 6;
			p[4] = 8;
			p[11] = 15;
			snprintf(key, sizeof key, "%06u", i + k);
			memcpy(p + 32, key, 6);
			p[38] = 'v';
		}
		say_bytes(e->c, lot, sizeof lot);
		stage_run_fronts();
	}
}

START_TEST(creating_a_scan_of_a_million_keys_allocates_next_to_nothing)
{
	uint64_t before, calls;

	if (!ewb_alloc_counts())
		return;
	open_memory("1G");
	a = ear_open(0);
	load_many(a);
	create(a, "{\"sampling\":{\"samples\":1}}", id); /* warm */
	before = ewb_alloc_bytes();
	calls = ewb_alloc_count();
	create(a, "{}", id);
	ck_assert_uint_gt(ewb_alloc_count(), calls); /* it does count */
	ck_assert_uint_lt(ewb_alloc_bytes() - before, 65536);
	stage_close();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_memory");
	TCase *t = tcase_create("memory");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, stage_reset, NULL);
	tcase_add_test(
		t,
		a_stopped_scan_gives_way_to_writers_and_they_see_no_lack_of_memory);
	tcase_add_test(t, an_idle_scan_gives_way_to_writers_too);
	tcase_add_test(t, a_stopped_scan_that_has_room_is_the_version_before);
	tcase_add_test(
		t, creating_a_scan_of_a_million_keys_allocates_next_to_nothing);
	suite_add_tcase(s, t);
	return unit_run(s);
}
