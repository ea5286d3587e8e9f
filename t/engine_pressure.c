/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine at its limit, and what snapshots may cost. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/fake_host.h"
#include "t/unit.h"

const struct ewb_engine *ewb_engine_entry(void);

#define LIMIT (4 << 20)

static const struct ewb_engine *engine;
static struct ewb_host host;
static void *self;
static char filler[LIMIT + 1];

static void
setup(void)
{
	struct ewb_setting s = { "limit", "4M" };

	memset(filler, 'f', sizeof filler);
	engine = ewb_engine_entry();
	fake_host_init(&host, 4);
	ck_assert_int_eq(engine->open(&host, &s, 1, &self), EWB_OK);
	fake_task_settle(host.task);
}

static void
teardown(void)
{
	engine->close(self);
}

static int64_t
stat(const char *name)
{
	struct ewb_cookie c = { 0 };

	ck_assert_int_eq(engine->stats(self, &c), EWB_OK);
	ck_assert_int_ge(fake_stat(&c, name), 0);
	return fake_stat(&c, name);
}

static size_t
name(char *key, unsigned k)
{
	return (size_t)sprintf(key, "key%05u", k);
}

/* The callback's own answer. */
static enum ewb_status
begin_store(struct ewb_cookie *c, char *key, unsigned k, size_t nvalue)
{
	fake_cookie_init(c, &host, key, name(key, k));
	fake_cookie_value(c, filler, nvalue);
	return engine->store(self, c, &c->request);
}

static enum ewb_status
store(unsigned k, size_t nvalue)
{
	struct ewb_cookie c;
	char key[32];

	return fake_finish(&host, &c, begin_store(&c, key, k, nvalue));
}

static void
store_range(unsigned from, unsigned to, size_t nvalue)
{
	for (; from < to; from++)
		ck_assert_int_eq(store(from, nvalue), EWB_OK);
}

/* Until no key of that size fits; how many there are. */
static unsigned
fill(size_t nvalue)
{
	unsigned k = 0;

	while (store(k, nvalue) == EWB_OK)
		k++;
	return k;
}

static uint16_t
vbucket_of(unsigned k)
{
	struct ewb_cookie c;
	char key[32];

	fake_cookie_init(&c, &host, key, name(key, k));
	return c.request.vbucket;
}

static void *
open_cursor(uint16_t vbucket)
{
	struct ewb_range r = { .size = sizeof r, .vbucket = vbucket };
	uint64_t count;
	void *cursor;

	ck_assert_int_eq(engine->scan_open(self, &r, &cursor, &count), EWB_OK);
	return cursor;
}

static enum ewb_status
take_some(void *cursor, uint64_t n)
{
	struct ewb_sink sink = { .room = n };

	return engine->scan_next(self, cursor, &sink);
}

/* How often the task runs by itself: never, or now and then. */
static const unsigned turns[] = { 0, 1, 10, 100 };

#define TIMES (UNIT_TIMES(200) / 10)

START_TEST(with_a_stopped_scan_all_keys_can_be_rewritten_twenty_times)
{
	unsigned n = fill(200) * 9 / 10, k, i;
	void *cursor[4];

	engine->flush(self, NULL);
	fake_task_settle(host.task);
	store_range(0, n, 200);
	for (i = 0; i < 4; i++) {
		cursor[i] = open_cursor((uint16_t)i);
		ck_assert_int_eq(take_some(cursor[i], 10), EWB_OK);
	}
	for (i = 0; i < TIMES; i++)
		for (k = 0; k < n; k++) {
			ck_assert_int_eq(store(k, 200), EWB_OK);
			ck_assert_int_le(stat("bytes"), LIMIT + 8192);
			if (turns[_i] && k % turns[_i] == 0)
				fake_task_step(host.task);
		}
	ck_assert_int_eq(stat("snapshots_revoked"), 4);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(take_some(cursor[i], 10), EWB_SCAN_CANCELLED);
		engine->scan_close(self, cursor[i]);
	}
	fake_task_settle(host.task);
	ck_assert_int_eq(stat("curr_items"), n);
}
END_TEST

START_TEST(what_snapshots_keep_is_bounded_by_an_eighth_of_the_limit)
{
	void *cursor[4];
	unsigned i, k, n = 8000;

	store_range(0, n, 100);
	for (i = 0; i < 4; i++)
		cursor[i] = open_cursor((uint16_t)i);
	for (k = 0; k < n; k++) {
		ck_assert_int_eq(store(k, 100), EWB_OK);
		fake_task_settle(host.task);
		ck_assert_int_le(stat("snapshot_bytes"), LIMIT / 8);
	}
	ck_assert_int_gt(stat("snapshots_revoked"), 0);
	for (i = 0; i < 4; i++)
		engine->scan_close(self, cursor[i]);
}
END_TEST

START_TEST(a_revoked_scan_costs_nothing_though_its_client_is_silent)
{
	int64_t before;
	void *cursor;
	unsigned k;

	store_range(0, 8000, 250);
	before = stat("bytes");
	cursor = open_cursor(0);
	take_some(cursor, 10);
	for (k = 0; stat("snapshots") == 1; k++) {
		ck_assert_uint_lt(k, 8000);
		if (vbucket_of(k) == 0)
			store(k, 250);
		fake_task_step(host.task);
	}
	fake_task_settle(host.task);
	ck_assert_int_eq(stat("snapshot_bytes"), 0);
	ck_assert_int_le(stat("bytes"), before + 1000);
	engine->scan_close(self, cursor);
}
END_TEST

/* A sink during whose first record everything is written anew. */
static enum ewb_status
rewrite(struct ewb_sink *sink, const struct ewb_item *item)
{
	(void)item;
	if (sink->n == 0) {
		store_range(0, 8000, 250);
		fake_task_settle(host.task);
	}
	return EWB_OK;
}

START_TEST(a_running_scan_that_is_revoked_stops_at_the_next_record)
{
	struct ewb_sink sink = { .put = rewrite, .room = UINT64_MAX };
	void *cursor;

	store_range(0, 8000, 250);
	cursor = open_cursor(0);
	ck_assert_int_eq(engine->scan_next(self, cursor, &sink),
	                 EWB_SCAN_CANCELLED);
	ck_assert_uint_eq(sink.n, 1);
	ck_assert_int_gt(stat("snapshot_bytes"), 0);
	fake_task_settle(host.task);
	ck_assert_int_eq(stat("snapshot_bytes"), 0);
	ck_assert_int_eq(take_some(cursor, 1), EWB_SCAN_CANCELLED);
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(the_oldest_snapshot_is_revoked_first)
{
	void *old, *young;
	unsigned k;

	store_range(0, 8000, 250);
	old = open_cursor(2);
	young = open_cursor(1);
	for (k = 0; stat("snapshots") == 2; k++) {
		store(k, 250);
		fake_task_settle(host.task);
	}
	ck_assert_int_eq(take_some(old, 1), EWB_SCAN_CANCELLED);
	ck_assert_int_eq(take_some(young, 1), EWB_OK);
	engine->scan_close(self, old);
	engine->scan_close(self, young);
}
END_TEST

START_TEST(a_scan_that_costs_nothing_outlives_one_that_does)
{
	void *idle, *costly;
	unsigned k;

	store_range(0, 8000, 250);
	idle = open_cursor(2);
	costly = open_cursor(1);
	for (k = 0; stat("snapshots") == 2; k++) {
		ck_assert_uint_lt(k, 8000);
		if (vbucket_of(k) == 1)
			store(k, 250);
		fake_task_settle(host.task);
	}
	ck_assert_int_eq(take_some(costly, 1), EWB_SCAN_CANCELLED);
	ck_assert_int_eq(take_some(idle, 1), EWB_OK);
	engine->scan_close(self, idle);
	engine->scan_close(self, costly);
}
END_TEST

START_TEST(a_full_store_without_anything_to_reclaim_says_so_at_once)
{
	struct ewb_cookie c;
	char key[32];
	unsigned n = fill(1000);

	ck_assert_int_eq(begin_store(&c, key, n, 1000), EWB_NO_MEMORY);
	ck_assert_int_le(stat("bytes"), LIMIT + 1000);
	ck_assert_int_ge(stat("bytes"), LIMIT - 2000);
}
END_TEST

START_TEST(no_store_is_refused_before_every_snapshot_was_revoked)
{
	unsigned n = fill(1000), i;
	void *cursor[4];

	for (i = 0; i < 4; i++)
		cursor[i] = open_cursor((uint16_t)i);
	ck_assert_int_eq(store(n, 1000), EWB_NO_MEMORY);
	ck_assert_int_eq(stat("snapshots"), 0);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(take_some(cursor[i], 1), EWB_SCAN_CANCELLED);
		engine->scan_close(self, cursor[i]);
	}
}
END_TEST

START_TEST(after_a_refusal_new_snapshots_are_left_alone)
{
	unsigned n = fill(1000);
	void *cursor = open_cursor(0);

	ck_assert_int_eq(store(n, 1000), EWB_NO_MEMORY);
	engine->scan_close(self, cursor);
	cursor = open_cursor(0);
	ewb_task_wake(host.task);
	fake_task_settle(host.task);
	ck_assert_int_eq(take_some(cursor, 1), EWB_OK);
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(in_a_full_store_an_item_gives_way_to_one_of_its_size)
{
	unsigned n = fill(1000), k;

	for (k = 0; k < n; k++)
		ck_assert_int_eq(store(k, 1000), EWB_OK);
	ck_assert_int_eq(store(0, 2000), EWB_NO_MEMORY);
	ck_assert_int_eq(store(0, 10), EWB_OK);
}
END_TEST

START_TEST(expired_items_make_room)
{
	struct ewb_cookie c;
	char key[32];
	unsigned k;

	for (k = 0;; k++) {
		fake_cookie_init(&c, &host, key, name(key, k));
		fake_cookie_value(&c, filler, 1000);
		c.request.expiry = 1002;
		if (engine->store(self, &c, &c.request) != EWB_OK)
			break;
	}
	ck_assert_int_eq(store(k, 1000), EWB_NO_MEMORY);
	atomic_store(&host.now, 1002);
	ck_assert_int_eq(begin_store(&c, key, k, 1000), EWB_WOULDBLOCK);
	ck_assert_int_eq(fake_finish(&host, &c, EWB_WOULDBLOCK), EWB_OK);
	ck_assert_int_eq(stat("expired"), k);
	ck_assert_int_eq(stat("curr_items"), 1);
}
END_TEST

START_TEST(a_store_waits_for_what_a_flush_has_left)
{
	struct ewb_cookie c;
	char key[32];
	unsigned n = fill(1000);

	engine->flush(self, NULL);
	ck_assert_int_eq(begin_store(&c, key, n, 1000), EWB_WOULDBLOCK);
	ck_assert_int_eq(fake_offload_run(&c), EWB_WOULDBLOCK);
	ck_assert_uint_eq(c.task.sleep_us, 1000);
	ck_assert_int_eq(fake_finish(&host, &c, EWB_WOULDBLOCK), EWB_OK);
}
END_TEST

START_TEST(a_waiting_store_ends_when_nobody_wants_its_answer)
{
	struct ewb_cookie c;
	char key[32];
	unsigned n = fill(1000);

	engine->flush(self, NULL);
	ck_assert_int_eq(begin_store(&c, key, n, 1000), EWB_WOULDBLOCK);
	c.cancelled = true;
	ck_assert_int_eq(fake_offload_run(&c), EWB_TEMPORARY);
	ck_assert_int_eq(stat("curr_items"), 0);
}
END_TEST

START_TEST(what_is_larger_than_the_limit_is_too_big)
{
	ck_assert_int_eq(store(0, LIMIT), EWB_TOO_BIG);
	ck_assert_int_eq(stat("curr_items"), 0);
}
END_TEST

START_TEST(in_a_full_store_the_expectation_is_looked_at_first)
{
	struct ewb_cookie c;
	char key[32];

	fill(1000);
	fake_cookie_init(&c, &host, key, name(key, 0));
	fake_cookie_value(&c, filler, 5000);
	c.request.expect = EWB_EXPECT_ABSENT;
	ck_assert_int_eq(engine->store(self, &c, &c.request), EWB_EXISTS);
}
END_TEST

START_TEST(removing_makes_room)
{
	struct ewb_cookie c;
	char key[32];
	unsigned n = fill(1000);

	fake_cookie_init(&c, &host, key, name(key, 0));
	ck_assert_int_eq(engine->remove(self, &c, &c.request), EWB_OK);
	ck_assert_int_eq(store(n, 1000), EWB_OK);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/pressure");
	TCase *t = tcase_create("pressure");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
		t, with_a_stopped_scan_all_keys_can_be_rewritten_twenty_times,
		0, sizeof turns / sizeof *turns);
	tcase_add_test(
		t, what_snapshots_keep_is_bounded_by_an_eighth_of_the_limit);
	tcase_add_test(
		t, a_revoked_scan_costs_nothing_though_its_client_is_silent);
	tcase_add_test(t,
	               a_running_scan_that_is_revoked_stops_at_the_next_record);
	tcase_add_test(t, the_oldest_snapshot_is_revoked_first);
	tcase_add_test(t, a_scan_that_costs_nothing_outlives_one_that_does);
	tcase_add_test(
		t, a_full_store_without_anything_to_reclaim_says_so_at_once);
	tcase_add_test(t,
	               no_store_is_refused_before_every_snapshot_was_revoked);
	tcase_add_test(t, after_a_refusal_new_snapshots_are_left_alone);
	tcase_add_test(t, in_a_full_store_an_item_gives_way_to_one_of_its_size);
	tcase_add_test(t, expired_items_make_room);
	tcase_add_test(t, a_store_waits_for_what_a_flush_has_left);
	tcase_add_test(t, a_waiting_store_ends_when_nobody_wants_its_answer);
	tcase_add_test(t, what_is_larger_than_the_limit_is_too_big);
	tcase_add_test(t, in_a_full_store_the_expectation_is_looked_at_first);
	tcase_add_test(t, removing_makes_room);
	suite_add_tcase(s, t);
	return unit_run(s);
}
