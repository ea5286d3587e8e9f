/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine at its limit, when it evicts.  Its task is run by hand, and
 * chance is the same in each run. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/fake_host.h"
#include "t/unit.h"

const struct ewb_engine *ewb_engine_entry(void);

#define LIMIT (2 << 20)
#define VALUE 200

static const struct ewb_engine *engine;
static struct ewb_host host;
static void *self;
static char filler[LIMIT + 1];
static unsigned waited; /* stores */

static void
setup(void)
{
	struct ewb_setting s[] = { { "limit", "2M" }, { "full", "evict" } };

	memset(filler, 'f', sizeof filler);
	waited = 0;
	engine = ewb_engine_entry();
	fake_host_init(&host, 4);
	ck_assert_int_eq(engine->open(&host, s, 2, &self), EWB_OK);
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

static enum ewb_status
begin(struct ewb_cookie *c, const char *key, size_t nvalue, uint32_t expiry)
{
	fake_cookie_init(c, &host, key, strlen(key));
	fake_cookie_value(c, filler, nvalue);
	c->request.expiry = expiry;
	return engine->store(self, c, &c->request);
}

/* The task runs until it has nothing to do. */
static void
store(const char *kind, unsigned k, size_t nvalue, uint32_t expiry)
{
	struct ewb_cookie c;
	enum ewb_status status;
	char key[32];

	sprintf(key, "%s%06u", kind, k);
	status = begin(&c, key, nvalue, expiry);
	waited += status == EWB_WOULDBLOCK;
	ck_assert_int_eq(fake_finish(&host, &c, status), EWB_OK);
	fake_task_settle(host.task);
}

static bool
get(const char *kind, unsigned k)
{
	struct ewb_cookie c;
	char key[32];
	enum ewb_status status;

	sprintf(key, "%s%06u", kind, k);
	fake_cookie_init(&c, &host, key, strlen(key));
	status = engine->get(self, &c, &c.request);
	fake_cookie_fini(&c);
	return status == EWB_OK;
}

static unsigned
get_all(const char *kind, unsigned n)
{
	unsigned k, hits = 0;

	for (k = 0; k < n; k++)
		hits += get(kind, k);
	return hits;
}

/* Until something had to go; how many are there. */
static unsigned
fill(const char *kind, size_t nvalue)
{
	unsigned k = 0;

	while (k % 8 || stat("evictions") == 0)
		store(kind, k++, nvalue, 0);
	return k;
}

static void
seconds_pass(unsigned s)
{
	atomic_store(&host.now, atomic_load(&host.now) + s);
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
take_all(void *cursor, uint64_t *n)
{
	struct ewb_sink sink = { .room = UINT64_MAX };
	enum ewb_status status = engine->scan_next(self, cursor, &sink);

	*n = sink.n;
	return status;
}

/* Of as many as have room, those that are used. */
static const unsigned parts[] = { 3, 5, 20 };

START_TEST(what_is_asked_for_again_and_again_outlives_a_stream_of_others)
{
	unsigned n = fill("warm", VALUE), hot = n / parts[_i], k;

	engine->flush(self, NULL);
	fake_task_settle(host.task);
	for (k = 0; k < hot; k++)
		store("hot", k, VALUE, 0);
	/* three times what fits */
	for (k = 0; k < 3 * n; k++) {
		if (k % (n / 10) == 0)
			seconds_pass(1);
		get("hot", k % hot);
		store("cold", k, VALUE, 0);
	}
	ck_assert_int_gt(stat("evictions"), n);
	ck_assert_uint_gt(get_all("hot", hot), hot * 95 / 100);
}
END_TEST

START_TEST(of_what_is_asked_for_no_more_the_oldest_goes_first)
{
	unsigned n = fill("warm", VALUE), k, young = 0, old = 0;

	engine->flush(self, NULL);
	fake_task_settle(host.task);
	for (k = 0; k < 2 * n; k++) {
		if (k % (n / 20) == 0)
			seconds_pass(1);
		store("k", k, VALUE, 0);
	}
	for (k = 0; k < n / 2; k++)
		old += get("k", n / 2 + k);
	for (; k < n; k++)
		young += get("k", n + k);
	ck_assert_uint_gt(young, n / 2 * 95 / 100);
	ck_assert_uint_lt(old, n / 2 * 10 / 100);
}
END_TEST

START_TEST(in_the_same_second_what_was_fetched_is_younger)
{
	unsigned n = fill("warm", VALUE), k;

	engine->flush(self, NULL);
	fake_task_settle(host.task);
	for (k = 0; k < n / 4; k++)
		store("hot", k, VALUE, 0);
	ck_assert_uint_eq(get_all("hot", n / 4), n / 4);
	for (k = 0; k < 2 * n; k++)
		store("cold", k, VALUE, 0);
	ck_assert_uint_gt(get_all("hot", n / 4), n / 4 * 95 / 100);
}
END_TEST

START_TEST(no_more_goes_than_makes_a_few_percent_of_room)
{
	int64_t least = LIMIT;
	unsigned k;

	for (k = fill("a", VALUE); k < 15000; k++) {
		int64_t bytes;

		store("a", k, VALUE, 0);
		bytes = stat("bytes");
		if (bytes < least)
			least = bytes;
		ck_assert_int_le(bytes, LIMIT);
	}
	ck_assert_int_gt(least, LIMIT - LIMIT / 25);
	ck_assert_int_gt(stat("curr_items") * (VALUE + 64), LIMIT * 3 / 4);
}
END_TEST

START_TEST(the_task_begins_before_a_store_has_to_wait)
{
	struct ewb_cookie c;
	char key[32];
	unsigned k;

	for (k = 0; k < 30000; k++) {
		sprintf(key, "key%06u", k);
		waited += begin(&c, key, VALUE, 0) == EWB_WOULDBLOCK;
		if (k % 16 == 0)
			fake_task_settle(host.task);
	}
	ck_assert_int_gt(stat("evictions"), 15000);
	ck_assert_uint_eq(waited, 0);
}
END_TEST

START_TEST(a_store_that_finds_no_room_waits_until_the_task_has_made_some)
{
	struct ewb_cookie c;
	char key[32];
	enum ewb_status status = EWB_OK;
	unsigned k;

	for (k = 0; status == EWB_OK; k++) {
		sprintf(key, "key%06u", k); /* the task does not run */
		status = begin(&c, key, VALUE, 0);
	}
	ck_assert_int_eq(status, EWB_WOULDBLOCK);
	ck_assert_int_eq(fake_offload_run(&c), EWB_WOULDBLOCK);
	ck_assert_uint_eq(c.task.sleep_us, 1000);
	ck_assert_int_eq(stat("evictions"), 0); /* never on the front end */
	fake_task_settle(host.task);
	ck_assert_int_gt(stat("evictions"), 0);
	ck_assert_int_eq(fake_offload_run(&c), EWB_OK);
}
END_TEST

START_TEST(a_large_item_has_as_many_small_ones_go_as_it_needs)
{
	unsigned n = fill("small", VALUE);
	int64_t before = stat("curr_items"), left;

	store("large", 0, LIMIT / 4, 0);
	left = stat("curr_items");
	ck_assert_int_lt(left, before);
	ck_assert_int_gt(left, before * 70 / 100);
	ck_assert(get("large", 0));
	ck_assert_uint_gt(n, 0);
}
END_TEST

START_TEST(what_has_expired_goes_first)
{
	unsigned n = fill("warm", VALUE), k;

	engine->flush(self, NULL);
	fake_task_settle(host.task);
	for (k = 0; k < n / 2; k++)
		store("old", k, VALUE, 0);
	seconds_pass(5); /* the younger ones expire */
	for (k = 0; k < n / 4; k++)
		store("short", k, VALUE, atomic_load(&host.now) + 1);
	seconds_pass(2);
	for (k = 0; k < n / 3; k++)
		store("new", k, VALUE, 0);
	ck_assert_int_eq(stat("expired"), n / 4);
	ck_assert_uint_eq(get_all("old", n / 2), n / 2);
	ck_assert_uint_eq(get_all("new", n / 3), n / 3);
}
END_TEST

START_TEST(a_scan_of_one_vbucket_sees_all_of_it_though_others_are_evicted)
{
	unsigned n = fill("a", VALUE), k;
	struct ewb_range r = { .size = sizeof r, .vbucket = 1 };
	uint64_t count, seen;
	void *cursor;

	ck_assert_int_eq(engine->scan_open(self, &r, &cursor, &count), EWB_OK);
	for (k = 0; k < n / 2; k++) {
		if (k % 100 == 0)
			seconds_pass(1);
		store("b", k, VALUE, 0);
	}
	ck_assert_int_eq(stat("snapshots_revoked"), 0);
	ck_assert_int_eq(take_all(cursor, &seen), EWB_END);
	ck_assert_uint_eq(seen, count);
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(a_scan_is_revoked_before_the_young_go_instead_of_the_old_it_sees)
{
	unsigned n = fill("old", VALUE), k, i;
	void *cursor[4];
	uint64_t seen;

	seconds_pass(5);
	for (i = 0; i < 4; i++)
		cursor[i] = open_cursor((uint16_t)i);
	for (k = 0; k < n / 2; k++)
		store("new", k, VALUE, 0);
	ck_assert_uint_eq(waited, 0);
	ck_assert_int_gt(stat("snapshots_revoked"), 0);
	ck_assert_int_eq(take_all(cursor[0], &seen), EWB_SCAN_CANCELLED);
	ck_assert_uint_gt(get_all("new", n / 2), n / 2 * 95 / 100);
	ck_assert_int_le(stat("bytes"), LIMIT);
	for (i = 0; i < 4; i++)
		engine->scan_close(self, cursor[i]);
}
END_TEST

START_TEST(statistics_count_what_went)
{
	unsigned n = fill("a", VALUE), k;

	seconds_pass(7);
	for (k = 0; k < n; k++)
		store("b", k, VALUE, atomic_load(&host.now) + 1000);
	ck_assert_int_eq(stat("evictions") + stat("curr_items"), 2 * n);
	ck_assert_int_eq(stat("evicted_unfetched"), stat("evictions"));
	ck_assert_int_eq(stat("limit_maxbytes"), LIMIT);
	ck_assert_int_eq(stat("total_items"), 2 * n);
}
END_TEST

static int64_t
item_stat(const char *name)
{
	struct ewb_cookie c;

	fake_cookie_init(&c, &host, "items", 5);
	ck_assert_int_eq(engine->stats(self, &c), EWB_OK);
	return fake_stat(&c, name);
}

START_TEST(the_group_items_has_memcacheds_names)
{
	unsigned n, k;

	ck_assert_int_eq(item_stat("items:1:number"), -1); /* nothing there */
	n = fill("a", VALUE);
	ck_assert_int_eq(item_stat("items:1:age"), 0);
	seconds_pass(7);
	for (k = 0; k < n / 10; k++)
		store("b", k, VALUE, 0);
	ck_assert_int_eq(item_stat("items:1:number"), stat("curr_items"));
	ck_assert_int_eq(item_stat("items:1:age"), 7);
	ck_assert_int_eq(item_stat("items:1:evicted"), stat("evictions"));
	ck_assert_int_eq(item_stat("items:1:evicted_nonzero"), 0);
	ck_assert_int_eq(item_stat("items:1:evicted_time"), 7);
	ck_assert_int_eq(item_stat("items:1:outofmemory"), 0);
	ck_assert_int_eq(item_stat("curr_items"), -1);
}
END_TEST

START_TEST(there_is_nothing_else_to_do_when_full)
{
	struct ewb_setting s = { "full", "wait" };
	void *other;

	ck_assert_int_eq(engine->open(&host, &s, 1, &other), EWB_INVALID);
	ck_assert_str_eq(host.error, "full=wait: not refuse or evict");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engine_evict");
	TCase *t = tcase_create("evict");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
		t, what_is_asked_for_again_and_again_outlives_a_stream_of_others,
		0, sizeof parts / sizeof *parts);
	tcase_add_test(t, of_what_is_asked_for_no_more_the_oldest_goes_first);
	tcase_add_test(t, in_the_same_second_what_was_fetched_is_younger);
	tcase_add_test(t, no_more_goes_than_makes_a_few_percent_of_room);
	tcase_add_test(t, the_task_begins_before_a_store_has_to_wait);
	tcase_add_test(
		t, a_store_that_finds_no_room_waits_until_the_task_has_made_some);
	tcase_add_test(t,
	               a_large_item_has_as_many_small_ones_go_as_it_needs);
	tcase_add_test(t, what_has_expired_goes_first);
	tcase_add_test(
		t, a_scan_of_one_vbucket_sees_all_of_it_though_others_are_evicted);
	tcase_add_test(
		t,
		a_scan_is_revoked_before_the_young_go_instead_of_the_old_it_sees);
	tcase_add_test(t, statistics_count_what_went);
	tcase_add_test(t, the_group_items_has_memcacheds_names);
	tcase_add_test(t, there_is_nothing_else_to_do_when_full);
	suite_add_tcase(s, t);
	return unit_run(s);
}
