/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine's callbacks. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/fake_host.h"
#include "t/unit.h"

const struct ewb_engine *ewb_engine_entry(void);

static const struct ewb_engine *engine;
static struct ewb_host host;
static void *self;

static void
open_with(uint32_t vbuckets, const char *limit)
{
	struct ewb_setting s = { "limit", limit };

	engine = ewb_engine_entry();
	fake_host_init(&host, vbuckets);
	ck_assert_int_eq(engine->open(&host, &s, 1, &self), EWB_OK);
}

static void
setup(void)
{
	open_with(8, "64M");
}

static void
teardown(void)
{
	engine->close(self);
}

static void
begin(struct ewb_cookie *c, const char *key)
{
	fake_cookie_init(c, &host, key, strlen(key));
}

static enum ewb_status
store(const char *key, const char *value, enum ewb_expect expect, uint64_t *cas)
{
	struct ewb_cookie c;
	enum ewb_status status;

	begin(&c, key);
	fake_cookie_value(&c, value, strlen(value));
	c.request.expect = expect;
	c.request.cas = *cas;
	status = engine->store(self, &c, &c.request);
	if (status == EWB_OK)
		*cas = c.cas;
	fake_cookie_fini(&c);
	return status;
}

static uint64_t
set(const char *key, const char *value)
{
	uint64_t cas = 0;

	ck_assert_int_eq(store(key, value, EWB_EXPECT_ANY, &cas), EWB_OK);
	return cas;
}

static void
set_until(const char *key, const char *value, uint32_t expiry)
{
	struct ewb_cookie c;

	begin(&c, key);
	fake_cookie_value(&c, value, strlen(value));
	c.request.expiry = expiry;
	ck_assert_int_eq(engine->store(self, &c, &c.request), EWB_OK);
	fake_cookie_fini(&c);
}

static enum ewb_status
get(struct ewb_cookie *c, const char *key)
{
	begin(c, key);
	return engine->get(self, c, &c->request);
}

static void
has(const char *key, const char *value)
{
	struct ewb_cookie c;

	ck_assert_int_eq(get(&c, key), EWB_OK);
	ck_assert_uint_eq(c.item.nvalue, strlen(value));
	ck_assert_mem_eq(c.item.value, value, strlen(value));
	fake_cookie_fini(&c);
}

static void
has_not(const char *key)
{
	struct ewb_cookie c;

	ck_assert_int_eq(get(&c, key), EWB_NOT_FOUND);
}

static enum ewb_status
take(const char *key, uint64_t cas)
{
	struct ewb_cookie c;

	begin(&c, key);
	c.request.cas = cas;
	return engine->remove(self, &c, &c.request);
}

static int64_t
stat(const char *name)
{
	struct ewb_cookie c = { 0 };

	ck_assert_int_eq(engine->stats(self, &c), EWB_OK);
	ck_assert_int_ge(fake_stat(&c, name), 0);
	return fake_stat(&c, name);
}

START_TEST(a_get_answers_what_was_stored)
{
	struct ewb_cookie c;
	uint64_t cas;

	begin(&c, "k");
	fake_cookie_value(&c, "value", 5);
	c.request.flags = 0xdeadbeef;
	c.request.expiry = 5000;
	c.request.datatype = 1;
	ck_assert_int_eq(engine->store(self, &c, &c.request), EWB_OK);
	cas = c.cas;
	ck_assert_int_eq(get(&c, "k"), EWB_OK);
	ck_assert_uint_eq(c.item.size, sizeof c.item);
	ck_assert_uint_eq(c.item.flags, 0xdeadbeef);
	ck_assert_uint_eq(c.item.expiry, 5000);
	ck_assert_uint_eq(c.item.datatype, 1);
	ck_assert_uint_eq(c.item.cas, cas);
	ck_assert_uint_ne(c.item.seqno, 0);
	ck_assert_uint_eq(c.item.nvalue, 5);
	ck_assert_mem_eq(c.item.value, "value", 5);
	fake_cookie_fini(&c);
}
END_TEST

static struct ewb_vbucket
vbucket_of(const struct ewb_cookie *c)
{
	struct ewb_vbucket v = { .size = sizeof v };

	ck_assert_int_eq(engine->vbucket(self, c->request.vbucket, &v), EWB_OK);
	return v;
}

START_TEST(a_mutation_is_told_where_it_stands_in_its_vbucket)
{
	struct ewb_cookie c, gotten, *k = &gotten;
	struct ewb_vbucket v;
	uint64_t uuid;

	begin(&c, "k");
	v = vbucket_of(&c);
	uuid = v.uuid;
	ck_assert_uint_ne(uuid, 0);
	ck_assert_uint_le(uuid, INT64_MAX);
	ck_assert_uint_eq(v.seqno, 0);
	for (unsigned i = 1; i < 4; i++) {
		begin(&c, "k");
		ck_assert_int_eq(engine->store(self, &c, &c.request), EWB_OK);
		ck_assert_uint_eq(c.uuid, uuid);
		ck_assert_uint_eq(c.seqno, i);
		v = vbucket_of(&c);
		ck_assert_uint_eq(v.seqno, i);
		ck_assert_uint_eq(v.items, 1);
		ck_assert_int_eq(get(k, "k"), EWB_OK);
		ck_assert_uint_eq(k->item.seqno, i);
		fake_cookie_fini(k);
	}
	begin(&c, "k");
	ck_assert_int_eq(engine->remove(self, &c, &c.request), EWB_OK);
	ck_assert_uint_eq(c.uuid, uuid);
	ck_assert_uint_eq(c.seqno, 4);
	v = vbucket_of(&c);
	ck_assert_uint_eq(v.seqno, 4);
	ck_assert_uint_eq(v.uuid, uuid);
	ck_assert_uint_eq(v.items, 0);
	ck_assert_int_eq(engine->vbucket(self, 8, &v), EWB_NOT_MY_VBUCKET);
	/* another run is another history */
	teardown();
	setup();
	ck_assert_uint_ne(vbucket_of(&c).uuid, uuid);
}
END_TEST

START_TEST(an_empty_value_is_a_value)
{
	set("k", "");
	has("k", "");
}
END_TEST

/* What a store says to an expectation, with no key, one of this cas, and one
 * of another. */
static const struct {
	enum ewb_expect expect;
	enum ewb_status absent, same, other;
} matrix[] = {
	{ EWB_EXPECT_ANY, EWB_OK, EWB_OK, EWB_OK },
	{ EWB_EXPECT_ABSENT, EWB_OK, EWB_EXISTS, EWB_EXISTS },
	{ EWB_EXPECT_PRESENT, EWB_NOT_FOUND, EWB_OK, EWB_OK },
	{ EWB_EXPECT_CAS, EWB_NOT_FOUND, EWB_OK, EWB_EXISTS },
};

START_TEST(a_store_is_done_when_its_expectation_holds_and_only_then)
{
	uint64_t cas = 12345, old, other;

	ck_assert_int_eq(store("k", "new", matrix[_i].expect, &cas),
	                 matrix[_i].absent);
	if (matrix[_i].absent == EWB_OK)
		has("k", "new");
	else
		has_not("k");

	cas = old = set("k", "old");
	ck_assert_int_eq(store("k", "new", matrix[_i].expect, &cas),
	                 matrix[_i].same);
	has("k", matrix[_i].same == EWB_OK ? "new" : "old");
	ck_assert_int_eq(cas != old, matrix[_i].same == EWB_OK);

	other = set("k", "old") + 1;
	ck_assert_int_eq(store("k", "new", matrix[_i].expect, &other),
	                 matrix[_i].other);
	has("k", matrix[_i].other == EWB_OK ? "new" : "old");
}
END_TEST

START_TEST(to_a_store_an_expired_item_is_absent)
{
	uint64_t cas = 0;

	set_until("k", "old", 1000);
	ck_assert_int_eq(store("k", "new", EWB_EXPECT_PRESENT, &cas),
	                 EWB_NOT_FOUND);
	ck_assert_int_eq(store("k", "new", EWB_EXPECT_CAS, &cas),
	                 EWB_NOT_FOUND);
	ck_assert_int_eq(take("k", 0), EWB_NOT_FOUND);
	ck_assert_int_eq(store("k", "new", EWB_EXPECT_ABSENT, &cas), EWB_OK);
	has("k", "new");
	ck_assert_int_eq(stat("curr_items"), 1);
	ck_assert_int_eq(stat("expired"), 1);
}
END_TEST

START_TEST(a_remove_compares_the_cas_unless_it_is_zero)
{
	uint64_t cas = set("k", "v");

	ck_assert_int_eq(take("k", cas + 1), EWB_EXISTS);
	has("k", "v");
	ck_assert_int_eq(take("k", cas), EWB_OK);
	has_not("k");
	ck_assert_int_eq(take("k", 0), EWB_NOT_FOUND);
	set("k", "v");
	ck_assert_int_eq(take("k", 0), EWB_OK);
	has_not("k");
}
END_TEST

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(no_two_mutations_in_a_server_have_the_same_cas)
{
	static uint64_t cas[4000];
	size_t i, n = sizeof cas / sizeof *cas;

	for (i = 0; i < n; i++) {
		char key[32];

		snprintf(key, sizeof key, "k%zu", i / 2);
		if (i % 7 == 0) {
			struct ewb_cookie c;

			begin(&c, key);
			set(key, "v");
			engine->remove(self, &c, &c.request);
			cas[i] = c.cas;
		} else {
			cas[i] = set(key, "v");
		}
		ck_assert_uint_ne(cas[i], 0);
	}
	qsort(cas, n, sizeof *cas, by_value);
	for (i = 1; i < n; i++)
		ck_assert_uint_ne(cas[i], cas[i - 1]);
}
END_TEST

START_TEST(a_lent_value_stays_though_its_item_is_replaced_or_removed)
{
	struct ewb_cookie first, second;

	set("k", "one");
	ck_assert_int_eq(get(&first, "k"), EWB_OK);
	set("k", "two");
	ck_assert_int_eq(get(&second, "k"), EWB_OK);
	ck_assert_int_eq(take("k", 0), EWB_OK);
	engine->flush(self, &second);
	fake_task_settle(host.task);
	ck_assert_mem_eq(first.item.value, "one", 3);
	ck_assert_mem_eq(second.item.value, "two", 3);
	fake_cookie_fini(&first);
	fake_cookie_fini(&second);
}
END_TEST

/* A request whose value was received into a buffer of its own. */
static char *
take_over(struct ewb_cookie *c, const char *key)
{
	char *buffer = malloc(1000);

	memset(buffer, 'b', 1000);
	begin(c, key);
	fake_cookie_value(c, buffer + 10, 900);
	c->taken = buffer;
	return buffer;
}

START_TEST(a_value_with_a_buffer_of_its_own_is_not_copied)
{
	struct ewb_cookie c, reader;
	char *buffer = take_over(&c, "k");

	atomic_store(&fake_values_freed, 0);
	ck_assert_int_eq(engine->store(self, &c, &c.request), EWB_OK);
	ck_assert_int_eq(get(&reader, "k"), EWB_OK);
	ck_assert_ptr_eq(reader.item.value, buffer + 10);
	ck_assert_uint_eq(reader.item.nvalue, 900);
	set("k", "another");
	ck_assert_uint_eq(atomic_load(&fake_values_freed), 0);
	fake_cookie_fini(&reader);
	ck_assert_uint_eq(atomic_load(&fake_values_freed), 1);
}
END_TEST

START_TEST(a_buffer_that_was_taken_for_nothing_is_given_back)
{
	struct ewb_cookie c;

	set("k", "there");
	take_over(&c, "k");
	c.request.expect = EWB_EXPECT_ABSENT;
	atomic_store(&fake_values_freed, 0);
	ck_assert_int_eq(engine->store(self, &c, &c.request), EWB_EXISTS);
	ck_assert_uint_eq(atomic_load(&fake_values_freed), 1);
}
END_TEST

START_TEST(an_item_is_there_until_its_expiry)
{
	set_until("k", "v", 1001);
	has("k", "v");
	atomic_store(&host.now, 1001);
	has_not("k");
}
END_TEST

START_TEST(the_task_removes_what_has_expired)
{
	char key[32];
	unsigned i;

	fake_task_settle(host.task);
	for (i = 0; i < 3000; i++) {
		snprintf(key, sizeof key, "k%u", i);
		set_until(key, "v", i % 3 ? 1005 : i % 2 ? 1030 : 0);
	}
	atomic_store(&host.now, 1009);
	ewb_task_wake(host.task);
	fake_task_settle(host.task);
	ck_assert_int_eq(stat("curr_items"), 3000); /* not yet time */
	ck_assert_uint_eq(host.task->sleep_us, 10000000);
	atomic_store(&host.now, 1010);
	ewb_task_wake(host.task);
	fake_task_settle(host.task);
	ck_assert_int_eq(stat("curr_items"), 1000);
	ck_assert_int_eq(stat("expired"), 2000);
	atomic_store(&host.now, 1040);
	ewb_task_wake(host.task);
	fake_task_settle(host.task);
	ck_assert_int_eq(stat("curr_items"), 500);
}
END_TEST

START_TEST(a_flush_empties_at_once_and_frees_later)
{
	char key[32];
	unsigned i;

	for (i = 0; i < 3000; i++) {
		snprintf(key, sizeof key, "k%u", i);
		set(key, "v");
	}
	ck_assert_int_eq(engine->flush(self, NULL), EWB_OK);
	ck_assert_int_eq(stat("curr_items"), 0);
	has_not("k1");
	set("k1", "again");
	ck_assert_int_gt(stat("bytes"), 100000);
	fake_task_settle(host.task);
	has("k1", "again");
	ck_assert_int_eq(stat("curr_items"), 1);
	ck_assert_int_lt(stat("bytes"), 1000);
}
END_TEST

START_TEST(the_statistics_count)
{
	set("a", "v");
	set("b", "v");
	has("a", "v");
	has_not("c");
	take("b", 0);
	ck_assert_int_eq(stat("curr_items"), 1);
	ck_assert_int_eq(stat("gets"), 2);
	ck_assert_int_eq(stat("hits"), 1);
	ck_assert_int_eq(stat("stores"), 2);
	ck_assert_int_eq(stat("removes"), 1);
	ck_assert_int_eq(stat("limit"), 64 << 20);
	ck_assert_int_eq(stat("snapshots"), 0);
	ck_assert_int_eq(stat("snapshot_bytes"), 0);
	ck_assert_int_eq(stat("snapshots_revoked"), 0);
}
END_TEST

static const struct {
	const char *limit, *error;
} wrong[] = {
	{ "abc", "limit=abc: not a size (64M, 1G)" },
	{ "", "limit=: not a size (64M, 1G)" },
	{ "1k", "limit=1k: too small (64k at least)" },
};

START_TEST(a_wrong_limit_is_named)
{
	struct ewb_setting s = { "limit", wrong[_i].limit };
	struct ewb_host h;
	void *none;

	fake_host_init(&h, 8);
	ck_assert_int_eq(ewb_engine_entry()->open(&h, &s, 1, &none),
	                 EWB_INVALID);
	ck_assert_str_eq(h.error, wrong[_i].error);
}
END_TEST

START_TEST(without_a_setting_the_limit_is_the_one_in_the_table)
{
	struct ewb_cookie c = { 0 };
	uint64_t limit;
	struct ewb_host h;
	void *e;

	fake_host_init(&h, 8);
	ck_assert_int_eq(ewb_engine_entry()->open(&h, NULL, 0, &e), EWB_OK);
	ck_assert_int_eq(ewb_engine_entry()->stats(e, &c), EWB_OK);
	ck_assert_str_eq(ewb_engine_entry()->params[0].name, "limit");
	ck_assert_int_eq(
		ewb_parse_size(ewb_engine_entry()->params[0].fallback, &limit),
		0);
	ck_assert_int_eq(fake_stat(&c, "limit"), (int64_t)limit);
	ewb_engine_entry()->close(e);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/memory");
	TCase *t = tcase_create("memory"), *o = tcase_create("open");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_get_answers_what_was_stored);
	tcase_add_test(t, a_mutation_is_told_where_it_stands_in_its_vbucket);
	tcase_add_test(t, an_empty_value_is_a_value);
	tcase_add_loop_test(
		t, a_store_is_done_when_its_expectation_holds_and_only_then, 0,
		sizeof matrix / sizeof *matrix);
	tcase_add_test(t, to_a_store_an_expired_item_is_absent);
	tcase_add_test(t, a_remove_compares_the_cas_unless_it_is_zero);
	tcase_add_test(t, no_two_mutations_in_a_server_have_the_same_cas);
	tcase_add_test(
		t, a_lent_value_stays_though_its_item_is_replaced_or_removed);
	tcase_add_test(t, a_value_with_a_buffer_of_its_own_is_not_copied);
	tcase_add_test(t, a_buffer_that_was_taken_for_nothing_is_given_back);
	tcase_add_test(t, an_item_is_there_until_its_expiry);
	tcase_add_test(t, the_task_removes_what_has_expired);
	tcase_add_test(t, a_flush_empties_at_once_and_frees_later);
	tcase_add_test(t, the_statistics_count);
	suite_add_tcase(s, t);

	tcase_add_loop_test(o, a_wrong_limit_is_named, 0,
	                    sizeof wrong / sizeof *wrong);
	tcase_add_test(o, without_a_setting_the_limit_is_the_one_in_the_table);
	suite_add_tcase(s, o);
	return unit_run(s);
}
