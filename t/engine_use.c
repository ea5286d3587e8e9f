/* SPDX-License-Identifier: BSD-2-Clause */
/* What the memory engine knows of when its items were asked for. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "t/fake_host.h"
#include "t/unit.h"

const struct ewb_engine *ewb_engine_entry(void);

static const struct ewb_engine *engine;
static struct ewb_host host;
static void *self;

static void
setup(void)
{
	engine = ewb_engine_entry();
	fake_host_init(&host, 1);
	ck_assert_int_eq(engine->open(&host, NULL, 0, &self), EWB_OK);
}

static void
teardown(void)
{
	engine->close(self);
}

static enum ewb_status
store(const char *key, enum ewb_expect expect, enum ewb_use use)
{
	struct ewb_cookie c;
	enum ewb_status status;

	fake_cookie_init(&c, &host, key, strlen(key));
	fake_cookie_value(&c, "v", 1);
	c.request.expect = expect;
	c.request.use = use;
	status = engine->store(self, &c, &c.request);
	fake_cookie_fini(&c);
	return status;
}

static void
set(const char *key)
{
	ck_assert_int_eq(store(key, EWB_EXPECT_ANY, EWB_USE_USUAL), EWB_OK);
}

static void
get_for(const char *key, enum ewb_use use, struct ewb_item *item)
{
	struct ewb_cookie c;

	fake_cookie_init(&c, &host, key, strlen(key));
	c.request.use = use;
	ck_assert_int_eq(engine->get(self, &c, &c.request), EWB_OK);
	*item = c.item;
	fake_cookie_fini(&c);
}

static void
get(const char *key, struct ewb_item *item)
{
	get_for(key, EWB_USE_USUAL, item);
}

/* Without changing it. */
static void
is(const char *key, uint32_t accessed, enum ewb_fetched fetched)
{
	struct ewb_item item;

	get_for(key, EWB_USE_UNSEEN, &item);
	ck_assert_uint_eq(item.accessed, accessed);
	ck_assert_int_eq(item.fetched, fetched);
}

START_TEST(a_get_is_told_of_the_time_before_it)
{
	struct ewb_item item;

	set("a"); /* at 1000 */
	atomic_store(&host.now, 1005);
	get("a", &item);
	ck_assert_uint_eq(item.accessed, 1000);
	ck_assert_int_eq(item.fetched, EWB_FETCHED_NO);
	atomic_store(&host.now, 1007);
	get("a", &item);
	ck_assert_uint_eq(item.accessed, 1005);
	ck_assert_int_eq(item.fetched, EWB_FETCHED_YES);
}
END_TEST

START_TEST(an_unseen_get_changes_nothing)
{
	set("a");
	atomic_store(&host.now, 1005);
	is("a", 1000, EWB_FETCHED_NO);
	is("a", 1000, EWB_FETCHED_NO);
}
END_TEST

START_TEST(what_is_stored_anew_was_not_fetched)
{
	struct ewb_item item;

	set("a");
	get("a", &item);
	atomic_store(&host.now, 1005);
	set("a");
	is("a", 1005, EWB_FETCHED_NO);
}
END_TEST

START_TEST(a_changed_item_was_fetched_if_the_store_says_so)
{
	set("a");
	ck_assert_int_eq(store("a", EWB_EXPECT_ANY, EWB_USE_FETCHED), EWB_OK);
	is("a", 1000, EWB_FETCHED_YES);
}
END_TEST

START_TEST(an_add_of_what_is_there_is_an_access_and_no_fetch)
{
	struct ewb_item item;

	set("new");
	set("old");
	get("old", &item);
	atomic_store(&host.now, 1005);
	ck_assert_int_eq(store("new", EWB_EXPECT_ABSENT, EWB_USE_USUAL),
	                 EWB_EXISTS);
	ck_assert_int_eq(store("old", EWB_EXPECT_ABSENT, EWB_USE_USUAL),
	                 EWB_EXISTS);
	is("new", 1005, EWB_FETCHED_NO);
	is("old", 1005, EWB_FETCHED_YES);
}
END_TEST

/* A sink that keeps the records' use. */
struct uses {
	struct ewb_item item[3];
};

static enum ewb_status
keep(struct ewb_sink *sink, const struct ewb_item *item)
{
	struct uses *u = sink->arg;

	ck_assert_uint_lt(sink->n, 3);
	u->item[sink->n] = *item;
	return EWB_OK;
}

START_TEST(a_scan_tells_it_of_what_is_there_and_not_of_what_is_gone)
{
	struct ewb_range r = { .size = sizeof r };
	struct uses u;
	struct ewb_sink sink = { .put = keep, .arg = &u, .room = UINT64_MAX };
	struct ewb_item item;
	uint64_t count;
	void *cursor;

	set("a");
	set("b");
	set("c");
	atomic_store(&host.now, 1005);
	get("a", &item);
	ck_assert_int_eq(engine->scan_open(self, &r, &cursor, &count), EWB_OK);
	set("b"); /* the scan sees those before */
	set("c");
	ck_assert_int_eq(engine->scan_next(self, cursor, &sink), EWB_END);
	engine->scan_close(self, cursor);
	ck_assert_uint_eq(sink.n, 3);
	ck_assert_uint_eq(u.item[0].accessed, 1005);
	ck_assert_int_eq(u.item[0].fetched, EWB_FETCHED_YES);
	for (unsigned i = 1; i < 3; i++) {
		ck_assert_uint_eq(u.item[i].accessed, 0);
		ck_assert_int_eq(u.item[i].fetched, EWB_FETCHED_UNKNOWN);
	}
	is("b", 1005, EWB_FETCHED_NO);
	is("a", 1005, EWB_FETCHED_YES); /* a scan is no access */
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engine_use");
	TCase *t = tcase_create("use");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_get_is_told_of_the_time_before_it);
	tcase_add_test(t, an_unseen_get_changes_nothing);
	tcase_add_test(t, what_is_stored_anew_was_not_fetched);
	tcase_add_test(t, a_changed_item_was_fetched_if_the_store_says_so);
	tcase_add_test(t, an_add_of_what_is_there_is_an_access_and_no_fetch);
	tcase_add_test(
		t, a_scan_tells_it_of_what_is_there_and_not_of_what_is_gone);
	suite_add_tcase(s, t);
	return unit_run(s);
}
