/* SPDX-License-Identifier: BSD-2-Clause */
/* The plugin "slow-blocking": late, in callbacks that simply wait. */
#include "config.h"

#include <check.h>
#include <string.h>
#include <time.h>

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

static uint64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static enum ewb_status
set(const char *key, const char *value, size_t n)
{
	struct ewb_cookie c;

	fake_cookie_init(&c, &host, key, strlen(key));
	fake_cookie_value(&c, value, n);
	return engine->store(self, &c, &c.request);
}

static enum ewb_status
get(const char *key)
{
	struct ewb_cookie c;
	enum ewb_status status;

	fake_cookie_init(&c, &host, key, strlen(key));
	status = engine->get(self, &c, &c.request);
	fake_cookie_fini(&c);
	return status;
}

START_TEST(its_callbacks_are_made_to_wait)
{
	ck_assert_int_eq(ewb_engine_entry()->model, EWB_BLOCKING);
}
END_TEST

START_TEST(each_second_command_takes_the_delay)
{
	uint64_t t0;

	open_with("3ms", "2");
	ck_assert_int_eq(set("k", "v", 1), EWB_OK);
	t0 = now_us();
	ck_assert_int_eq(get("k"), EWB_OK);
	ck_assert_uint_ge(now_us() - t0, 3000);
	ck_assert_int_eq(get("none"), EWB_NOT_FOUND);
	t0 = now_us();
	ck_assert_int_eq(get("k"), EWB_OK);
	ck_assert_uint_ge(now_us() - t0, 3000);
	engine->close(self);
}
END_TEST

START_TEST(a_store_that_finds_no_room_waits_for_it)
{
	static char big[300000];

	open_with("0", "1");
	fake_task_start(host.task);
	ck_assert_int_eq(set("a", big, sizeof big), EWB_OK);
	ck_assert_int_eq(set("b", big, sizeof big), EWB_OK);
	ck_assert_int_eq(set("c", big, sizeof big), EWB_OK);
	ck_assert_int_eq(set("d", big, sizeof big), EWB_NO_MEMORY);
	ck_assert_int_eq(engine->flush(self, NULL), EWB_OK);
	ck_assert_int_eq(set("d", big, sizeof big), EWB_OK);
	fake_task_stop(host.task);
	engine->close(self);
}
END_TEST

START_TEST(room_is_not_made_where_a_store_may_wait_for_it)
{
	open_with("0", "1");
	ck_assert_int_ne(host.task->where, EWB_WRITER);
	engine->close(self);
}
END_TEST

START_TEST(a_wrong_setting_is_named)
{
	struct ewb_setting s = { "delay", "x" };
	void *none;

	fake_host_init(&host, 4);
	ck_assert_int_eq(ewb_engine_entry()->open(&host, &s, 1, &none),
	                 EWB_INVALID);
	ck_assert_str_eq(host.error, "delay=x: not a time "
	                             "(2ms, 50us, 3s)");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/slow-blocking");
	TCase *t = tcase_create("slow-blocking");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, its_callbacks_are_made_to_wait);
	tcase_add_test(t, each_second_command_takes_the_delay);
	tcase_add_test(t, a_store_that_finds_no_room_waits_for_it);
	tcase_add_test(t, room_is_not_made_where_a_store_may_wait_for_it);
	tcase_add_test(t, a_wrong_setting_is_named);
	suite_add_tcase(s, t);
	return unit_run(s);
}
