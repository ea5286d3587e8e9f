/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin "slow": late, without a thread that waits. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "t/alloc.h"
#include "t/fake_host.h"
#include "t/unit.h"

const struct ewb_engine *ewb_engine_entry(void);

static const struct ewb_engine *engine;
static struct ewb_host host;
static void *self;

static void
open_with(const char *delay, const char *every)
{
	struct ewb_setting s[] = { { "delay", delay },
		                   { "every", every },
		                   { "limit", "1M" } };

	engine = ewb_engine_entry();
	fake_host_init(&host, 4);
	ck_assert_int_eq(engine->open(&host, s, 3, &self), EWB_OK);
}

static void
setup(void)
{
	open_with("7ms", "1");
}

static void
teardown(void)
{
	engine->close(self);
}

static enum ewb_status
begin_set(struct ewb_cookie *c, const char *key, const char *value, size_t n)
{
	fake_cookie_init(c, &host, key, strlen(key));
	fake_cookie_value(c, value, n);
	return engine->store(self, c, &c->request);
}

static enum ewb_status
begin_get(struct ewb_cookie *c, const char *key)
{
	fake_cookie_init(c, &host, key, strlen(key));
	return engine->get(self, c, &c->request);
}

/* The command sleeps once, for the delay, and is then answered. */
static enum ewb_status
late(struct ewb_cookie *c, enum ewb_status status)
{
	ck_assert_int_eq(status, EWB_WOULDBLOCK);
	ck_assert_int_eq(fake_offload_run(c), EWB_WOULDBLOCK);
	ck_assert_uint_eq(c->task.sleep_us, 7000);
	return fake_offload_run(c);
}

START_TEST(every_kind_of_command_is_late)
{
	struct ewb_cookie c;

	ck_assert_int_eq(late(&c, begin_set(&c, "k", "v", 1)), EWB_OK);
	ck_assert_uint_ne(c.cas, 0);
	ck_assert_int_eq(late(&c, begin_get(&c, "k")), EWB_OK);
	ck_assert_mem_eq(c.item.value, "v", 1);
	fake_cookie_fini(&c);
	ck_assert_int_eq(late(&c, begin_get(&c, "none")), EWB_NOT_FOUND);
	fake_cookie_init(&c, &host, "k", 1);
	ck_assert_int_eq(late(&c, engine->remove(self, &c, &c.request)),
	                 EWB_OK);
	fake_cookie_init(&c, &host, "k", 1);
	ck_assert_int_eq(late(&c, engine->flush(self, &c)), EWB_OK);
	fake_cookie_init(&c, &host, "k", 1);
	ck_assert_int_eq(late(&c, engine->stats(self, &c)), EWB_OK);
	ck_assert_int_eq(fake_stat(&c, "stores"), 1);
	ck_assert_int_eq(fake_stat(&c, "removes"), 1);
	ck_assert_int_eq(fake_stat(&c, "limit"), 1 << 20);
}
END_TEST

START_TEST(nothing_is_done_before_the_delay_is_over)
{
	struct ewb_cookie set, get;

	ck_assert_int_eq(begin_set(&set, "k", "v", 1), EWB_WOULDBLOCK);
	ck_assert_int_eq(fake_offload_run(&set), EWB_WOULDBLOCK);
	ck_assert_int_eq(late(&get, begin_get(&get, "k")), EWB_NOT_FOUND);
	ck_assert_int_eq(fake_offload_run(&set), EWB_OK);
	ck_assert_int_eq(late(&get, begin_get(&get, "k")), EWB_OK);
	fake_cookie_fini(&get);
}
END_TEST

START_TEST(a_command_that_nobody_waits_for_is_not_done)
{
	struct ewb_cookie c;

	ck_assert_int_eq(begin_set(&c, "k", "v", 1), EWB_WOULDBLOCK);
	ck_assert_int_eq(fake_offload_run(&c), EWB_WOULDBLOCK);
	c.cancelled = true;
	ck_assert_int_eq(fake_offload_run(&c), EWB_TEMPORARY);
	ck_assert_int_eq(late(&c, begin_get(&c, "k")), EWB_NOT_FOUND);
}
END_TEST

START_TEST(each_third_command_is_late_and_the_others_are_not)
{
	struct ewb_cookie c;
	unsigned i;

	open_with("7ms", "3");
	for (i = 1; i <= 9; i++) {
		enum ewb_status status = begin_get(&c, "none");

		if (i % 3 == 0)
			status = late(&c, status);
		ck_assert_int_eq(status, EWB_NOT_FOUND);
	}
	teardown();
}
END_TEST

START_TEST(without_a_delay_nothing_is_late)
{
	struct ewb_cookie c;

	open_with("0", "1");
	ck_assert_int_eq(begin_set(&c, "k", "v", 1), EWB_OK);
	ck_assert_int_eq(begin_get(&c, "k"), EWB_OK);
	fake_cookie_fini(&c);
	teardown();
}
END_TEST

START_TEST(being_late_allocates_nothing)
{
	struct ewb_cookie c;
	uint64_t before = ewb_alloc_count(), after;

	begin_get(&c, "none");
	fake_offload_run(&c);
	fake_offload_run(&c);
	after = ewb_alloc_count();
	ck_assert_uint_eq(after, before);
	ck_assert_uint_eq(c.task.runs, 2);
}
END_TEST

START_TEST(a_late_store_that_finds_no_room_waits_for_it)
{
	static char big[300000];
	struct ewb_cookie c;

	late(&c, begin_set(&c, "a", big, sizeof big));
	late(&c, begin_set(&c, "b", big, sizeof big));
	late(&c, begin_set(&c, "c", big, sizeof big));
	fake_cookie_init(&c, &host, "k", 1);
	late(&c, engine->flush(self, &c));
	ck_assert_int_eq(late(&c, begin_set(&c, "d", big, sizeof big)),
	                 EWB_WOULDBLOCK);
	ck_assert_uint_eq(c.task.sleep_us, 1000);
	ck_assert_int_eq(fake_finish(&host, &c, EWB_WOULDBLOCK), EWB_OK);
}
END_TEST

START_TEST(scans_are_not_late)
{
	struct ewb_range r = { .size = sizeof r };
	struct ewb_sink sink = { .room = 10 };
	uint64_t count;
	void *cursor;

	ck_assert_int_eq(engine->scan_open(self, &r, &cursor, &count), EWB_OK);
	ck_assert_int_eq(engine->scan_next(self, cursor, &sink), EWB_END);
	engine->scan_close(self, cursor);
}
END_TEST

static const struct {
	struct ewb_setting setting;
	const char *error;
} wrong[] = {
	{ { "delay", "soon" }, "delay=soon: not a time (2ms, 50us, 3s)" },
	{ { "every", "0" }, "every=0: not a number from 1 up" },
	{ { "every", "x" }, "every=x: not a number from 1 up" },
	{ { "limit", "x" }, "limit=x: not a size (64M, 1G)" },
};

START_TEST(a_wrong_setting_is_named)
{
	struct ewb_host h;
	void *none;

	fake_host_init(&h, 4);
	ck_assert_int_eq(
		ewb_engine_entry()->open(&h, &wrong[_i].setting, 1, &none),
		EWB_INVALID);
	ck_assert_str_eq(h.error, wrong[_i].error);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/slow");
	TCase *t = tcase_create("slow"), *o = tcase_create("open");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_kind_of_command_is_late);
	tcase_add_test(t, nothing_is_done_before_the_delay_is_over);
	tcase_add_test(t, a_command_that_nobody_waits_for_is_not_done);
	tcase_add_test(t, being_late_allocates_nothing);
	tcase_add_test(t, a_late_store_that_finds_no_room_waits_for_it);
	tcase_add_test(t, scans_are_not_late);
	suite_add_tcase(s, t);

	tcase_add_test(o, each_third_command_is_late_and_the_others_are_not);
	tcase_add_test(o, without_a_delay_nothing_is_late);
	tcase_add_loop_test(o, a_wrong_setting_is_named, 0,
	                    sizeof wrong / sizeof *wrong);
	suite_add_tcase(s, o);
	return unit_run(s);
}
