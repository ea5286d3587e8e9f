/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine with many threads in it: writers, scans and the task that
 * cleans up behind them.  A sanitizer sees what these asserts don't. */
#include "config.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "t/fake_host.h"
#include "t/unit.h"

const struct ewb_engine *ewb_engine_entry(void);

#define KEYS 3000u
#define WRITES UNIT_TIMES(60000u)
#define SCANS UNIT_TIMES(1000u)

static const struct ewb_engine *engine;
static struct ewb_host host;
static void *self;
static unsigned seed;
static _Atomic unsigned complete, cancelled;

static void
open_with(const char *limit, const char *full)
{
	struct ewb_setting s[] = { { "limit", limit }, { "full", full } };

	seed = (unsigned)time(NULL);
	printf("seed %u\n", seed);
	atomic_store(&complete, 0);
	atomic_store(&cancelled, 0);
	engine = ewb_engine_entry();
	fake_host_init(&host, 4);
	ck_assert_int_eq(engine->open(&host, s, 2, &self), EWB_OK);
	fake_task_start(host.task);
}

/* What goes wrong on a thread is only counted there. */
static _Atomic unsigned wrong;
#define RIGHT(cond) ((void)((cond) || atomic_fetch_add(&wrong, 1)))

static void
close_and_check(void)
{
	fake_task_stop(host.task);
	engine->close(self);
	ck_assert_uint_eq(atomic_load(&wrong), 0);
}

/* The value is the key, many times over. */
static size_t
fill_in(char *key, char *value, unsigned k, unsigned times)
{
	size_t n = (size_t)sprintf(key, "key%05u", k);
	unsigned i;

	for (i = 0; i < times; i++)
		memcpy(value + i * n, key, n);
	return n;
}

static bool
of_one_piece(const struct ewb_item *it, const void *key, size_t nkey)
{
	size_t i;

	for (i = 0; i < it->nvalue; i += nkey)
		if (memcmp((const char *)it->value + i, key, nkey) != 0)
			return false;
	return it->nvalue % nkey == 0;
}

static enum ewb_status
store(unsigned k, unsigned times)
{
	char key[32], value[1024];
	struct ewb_cookie c;
	size_t n = fill_in(key, value, k, times);
	enum ewb_status status;

	fake_cookie_init(&c, &host, key, n);
	fake_cookie_value(&c, value, times * n);
	status = engine->store(self, &c, &c.request);
	while (status == EWB_WOULDBLOCK) {
		sched_yield();
		status = fake_offload_run(&c);
	}
	return status;
}

static void
read_one(unsigned k)
{
	char key[32];
	struct ewb_cookie c;

	fake_cookie_init(&c, &host, key, (size_t)sprintf(key, "key%05u", k));
	if (engine->get(self, &c, &c.request) == EWB_OK) {
		store(k, 3); /* what was lent stays as it is */
		RIGHT(of_one_piece(&c.item, key, c.request.nkey));
	}
	fake_cookie_fini(&c);
}

static void
remove_one(unsigned k)
{
	char key[32];
	struct ewb_cookie c;

	fake_cookie_init(&c, &host, key, (size_t)sprintf(key, "key%05u", k));
	engine->remove(self, &c, &c.request);
}

static void *
writer(void *arg)
{
	unsigned mine = seed + *(unsigned *)arg, i;

	for (i = 0; i < WRITES; i++) {
		unsigned k = (unsigned)rand_r(&mine) % KEYS;

		switch (rand_r(&mine) % 8) {
		case 0: remove_one(k); break;
		case 1: read_one(k); break;
		default: RIGHT(store(k, 1 + k % 60) == EWB_OK);
		}
		if (i == WRITES / 2)
			engine->flush(self, NULL);
	}
	return NULL;
}

static enum ewb_status
look(struct ewb_sink *sink, const struct ewb_item *item)
{
	char *last = sink->arg;

	RIGHT(memcmp(item->key, last, item->nkey) > 0);
	RIGHT(of_one_piece(item, item->key, item->nkey));
	memcpy(last, item->key, item->nkey);
	return EWB_OK;
}

static void
scan(uint16_t vbucket)
{
	struct ewb_range r = { .size = sizeof r, .vbucket = vbucket };
	struct ewb_sink sink = { .put = look };
	enum ewb_status status;
	char last[32] = "";
	uint64_t count;
	void *cursor;

	RIGHT(engine->scan_open(self, &r, &cursor, &count) == EWB_OK);
	sink.arg = last;
	do {
		sink.room = 50;
		status = engine->scan_next(self, cursor, &sink);
		sched_yield();
	} while (status == EWB_OK);
	if (status == EWB_END) {
		RIGHT(sink.n == count);
		atomic_fetch_add(&complete, 1);
	} else {
		RIGHT(status == EWB_SCAN_CANCELLED);
		atomic_fetch_add(&cancelled, 1);
	}
	engine->scan_close(self, cursor);
}

static void *
scanner(void *arg)
{
	unsigned mine = seed + *(unsigned *)arg, i;

	for (i = 0; i < SCANS; i++)
		scan((uint16_t)(rand_r(&mine) % 4));
	return NULL;
}

static void
run_all(void)
{
	unsigned number[4] = { 0, 1, 2, 3 }, i;
	pthread_t t[4];

	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, i < 2 ? writer : scanner,
		               &number[i]);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
}

START_TEST(writers_and_scans_do_not_disturb_each_other)
{
	open_with("1G", "refuse");
	run_all();
	close_and_check();
	ck_assert_uint_eq(atomic_load(&complete), 2 * SCANS);
}
END_TEST

/* In each vbucket a scan that was begun and not continued. */
static void
open_stopped(void *cursor[4])
{
	struct ewb_sink none = { .room = 0 };
	uint64_t count;
	unsigned i;

	for (i = 0; i < 4; i++) {
		struct ewb_range r = { .size = sizeof r,
			               .vbucket = (uint16_t)i };

		ck_assert_int_eq(
			engine->scan_open(self, &r, &cursor[i], &count),
			EWB_OK);
		ck_assert_int_eq(engine->scan_next(self, cursor[i], &none),
		                 EWB_OK);
	}
}

static void
close_stopped(void *cursor[4])
{
	struct ewb_sink any = { .room = 1 };
	unsigned i;

	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(engine->scan_next(self, cursor[i], &any),
		                 EWB_SCAN_CANCELLED);
		engine->scan_close(self, cursor[i]);
	}
}

START_TEST(writers_that_are_short_of_memory_take_it_from_scans)
{
	void *stopped[4];
	unsigned i;

	open_with("1500k", "refuse");
	for (i = 0; i < KEYS; i++)
		ck_assert_int_eq(store(i, 1 + i % 60), EWB_OK);
	open_stopped(stopped);
	run_all();
	close_stopped(stopped);
	close_and_check();
	printf("%u scans complete, %u cancelled\n", atomic_load(&complete),
	       atomic_load(&cancelled));
}
END_TEST

START_TEST(writers_that_are_short_of_memory_have_others_evicted)
{
	struct ewb_cookie c = { 0 };

	open_with("200k", "evict"); /* whenever the others flush */
	run_all();
	ck_assert_int_eq(engine->stats(self, &c), EWB_OK);
	ck_assert_int_gt(fake_stat(&c, "evictions"), 0);
	ck_assert_int_le(fake_stat(&c, "bytes"), (200 << 10) + 8192);
	close_and_check();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/threads");
	TCase *t = tcase_create("threads");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, writers_and_scans_do_not_disturb_each_other);
	tcase_add_test(t, writers_that_are_short_of_memory_take_it_from_scans);
	tcase_add_test(t, writers_that_are_short_of_memory_have_others_evicted);
	suite_add_tcase(s, t);
	return unit_run(s);
}
