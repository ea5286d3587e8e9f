/* SPDX-License-Identifier: BSD-2-Clause */
/* The records that are asked for often: what is kept is never older than what
 * somebody has seen. */
#include "config.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engines/rocksdb/hot.h"
#include "t/fake_host.h"
#include "t/unit.h"

#define NOW 1000u

static struct ewb_host host;
static struct rdb_hot hot;

static void
begin(uint64_t limit)
{
	fake_host_init(&host, 64);
	ck_assert_int_eq(rdb_hot_open(&hot, limit), EWB_OK);
}

/* What get answers; it is copied. */
static enum ewb_status
get(const char *key, char *value, uint64_t *version)
{
	struct ewb_cookie c;
	enum ewb_status status;

	fake_cookie_init(&c, &host, key, strlen(key));
	status = rdb_hot_get(&hot, &c, &c.request, NOW, version);
	if (status == EWB_OK && value) {
		memcpy(value, c.item.value, c.item.nvalue);
		value[c.item.nvalue] = '\0';
	}
	fake_cookie_fini(&c);
	return status;
}

static void
keep_until(const char *key, const char *value, uint64_t version, uint32_t expiry)
{
	struct ewb_cookie c;
	struct ewb_item i = { .size = sizeof i, .value = value };

	i.nvalue = strlen(value);
	i.expiry = expiry;
	fake_cookie_init(&c, &host, key, strlen(key));
	rdb_hot_keep(&hot, &c.request, &i, version);
}

static void
keep(const char *key, const char *value, uint64_t version)
{
	keep_until(key, value, version, 0);
}

static void
write_begins(const char *key)
{
	struct ewb_cookie c;

	fake_cookie_init(&c, &host, key, strlen(key));
	rdb_hot_begin(&hot, &c.request);
}

static void
write_ends(const char *key)
{
	struct ewb_cookie c;

	fake_cookie_init(&c, &host, key, strlen(key));
	rdb_hot_end(&hot, &c.request);
}

static void
write_one(const char *key)
{
	write_begins(key);
	write_ends(key);
}

START_TEST(what_was_read_is_answered_from_then_on)
{
	uint64_t version;
	char value[32];

	begin(1 << 20);
	ck_assert_int_eq(get("a", NULL, &version), EWB_NOT_FOUND);
	keep("a", "one", version);
	ck_assert_int_eq(get("a", value, &version), EWB_OK);
	ck_assert_str_eq(value, "one");
	ck_assert_int_eq(get("b", NULL, &version), EWB_NOT_FOUND);
	rdb_hot_close(&hot);
}
END_TEST

START_TEST(what_was_read_before_a_write_and_comes_after_is_not_kept)
{
	uint64_t before, version;
	char value[32];

	begin(1 << 20);
	ck_assert_int_eq(get("a", NULL, &before), EWB_NOT_FOUND);
	write_one("a");
	ck_assert_int_eq(get("a", NULL, &version), EWB_NOT_FOUND);
	keep("a", "new", version);
	keep("a", "old", before);
	ck_assert_int_eq(get("a", value, &version), EWB_OK);
	ck_assert_str_eq(value, "new");
	write_one("a");
	keep("a", "old", before);
	ck_assert_int_eq(get("a", NULL, &version), EWB_NOT_FOUND);
	rdb_hot_close(&hot);
}
END_TEST

START_TEST(while_it_is_written_it_is_not_here_and_nothing_of_it_is_kept)
{
	uint64_t version, before;

	begin(1 << 20);
	(void)get("a", NULL, &version);
	keep("a", "5", version);
	write_begins("a");
	ck_assert_int_eq(get("a", NULL, &before), EWB_NOT_FOUND);
	keep("a", "5", before);
	ck_assert_int_eq(get("a", NULL, &version), EWB_NOT_FOUND);
	write_ends("a");
	keep("a", "5", before);
	ck_assert_int_eq(get("a", NULL, &version), EWB_NOT_FOUND);
	keep("a", "6", version);
	ck_assert_int_eq(get("a", NULL, &version), EWB_OK);
	rdb_hot_close(&hot);
}
END_TEST

START_TEST(a_flush_leaves_nothing_and_nothing_of_before_comes_in)
{
	char key[16], value[32];
	uint64_t version, before[100];

	begin(1 << 20);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "%u", i);
		(void)get(key, NULL, &before[i]);
		keep(key, "x", before[i]);
	}
	rdb_hot_begin(&hot, NULL);
	rdb_hot_end(&hot, NULL);
	ck_assert_uint_eq(rdb_hot_bytes(&hot), 0);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "%u", i);
		keep(key, "x", before[i]);
		ck_assert_int_eq(get(key, value, &version), EWB_NOT_FOUND);
	}
	rdb_hot_close(&hot);
}
END_TEST

START_TEST(what_has_expired_is_not_answered)
{
	uint64_t version;

	begin(1 << 20);
	(void)get("a", NULL, &version);
	keep_until("a", "x", version, NOW);
	ck_assert_int_eq(get("a", NULL, &version), EWB_NOT_FOUND);
	keep_until("b", "x", version, NOW + 1);
	rdb_hot_close(&hot);
}
END_TEST

/* What is not there is read so often. */
static void
ask(unsigned number, unsigned times)
{
	char key[16], value[128];
	uint64_t version;

	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	snprintf(key, sizeof key, "%u", number);
	(void)get(key, NULL, &version);
	for (; times; times--)
		keep(key, value, version);
	ck_assert_uint_le(rdb_hot_bytes(&hot), 1 << 20);
}

static unsigned
there_are(unsigned from, unsigned past)
{
	uint64_t version;
	char key[16];
	unsigned n = 0;

	for (unsigned i = from; i < past; i++) {
		snprintf(key, sizeof key, "%u", i);
		n += get(key, NULL, &version) == EWB_OK;
	}
	return n;
}

START_TEST(it_holds_no_more_than_its_limit_and_keeps_what_is_asked_for)
{
	uint64_t version;

	begin(1 << 20);
	(void)get("often", NULL, &version);
	keep("often", "x", version);
	for (unsigned i = 0; i < 20000; i++) {
		ask(i, 2);
		ck_assert_int_eq(get("often", NULL, &version), EWB_OK);
	}
	ck_assert_uint_gt(there_are(0, 20000), 1000);
	/* the last ones */
	ck_assert_uint_gt(there_are(19000, 20000), 990);
	rdb_hot_close(&hot);
}
END_TEST

START_TEST(when_it_is_full_what_is_read_once_pushes_nothing_out)
{
	unsigned before;

	begin(1 << 20);
	for (unsigned i = 0; i < 20000; i++)
		ask(i, 1);
	before = there_are(0, 20000);
	ck_assert_uint_gt(before, 1000);
	for (unsigned i = 20000; i < 60000; i++)
		ask(i, 1);
	ck_assert_uint_eq(there_are(0, 20000), before);
	ck_assert_uint_eq(there_are(20000, 60000), 0);
	/* but what comes again does */
	ask(60000, 2);
	ck_assert_uint_eq(there_are(60000, 60001), 1);
	rdb_hot_close(&hot);
}
END_TEST

START_TEST(a_record_that_is_sent_stays_while_it_is_forgotten)
{
	struct ewb_cookie c;
	uint64_t version;

	begin(1 << 20);
	(void)get("a", NULL, &version);
	keep("a", "still", version);
	fake_cookie_init(&c, &host, "a", 1);
	ck_assert_int_eq(rdb_hot_get(&hot, &c, &c.request, NOW, &version), EWB_OK);
	rdb_hot_begin(&hot, NULL);
	rdb_hot_end(&hot, NULL);
	ck_assert_mem_eq(c.item.value, "still", 5);
	fake_cookie_fini(&c);
	rdb_hot_close(&hot);
}
END_TEST

START_TEST(without_memory_for_it_nothing_is_kept)
{
	uint64_t version;

	begin(0);
	(void)get("a", NULL, &version);
	keep("a", "x", version);
	ck_assert_int_eq(get("a", NULL, &version), EWB_NOT_FOUND);
	rdb_hot_close(&hot);
}
END_TEST

/* One writer, who counts, and readers who never see it go back: the number is
 * what the database has. */
#define READERS 3
#define ROUNDS UNIT_TIMES(200000)

static _Atomic uint64_t database, written;
static _Atomic bool over;

static void *
read_it(void *arg)
{
	uint64_t version, seen = 0, n;
	char value[32];

	(void)arg;
	while (!atomic_load(&over)) {
		uint64_t least = atomic_load(&written);

		if (get("counter", value, &version) == EWB_OK) {
			n = strtoull(value, NULL, 10);
		} else {
			n = atomic_load(&database);
			snprintf(value, sizeof value, "%" PRIu64, n);
			keep("counter", value, version);
		}
		/* neither what was answered before, nor what was there
		 * before a writer was answered */
		ck_assert_uint_ge(n, seen);
		ck_assert_uint_ge(n, least);
		seen = n;
	}
	return NULL;
}

START_TEST(nobody_sees_what_was_there_before_what_was_seen)
{
	pthread_t t[READERS];

	begin(1 << 20);
	atomic_store(&database, 0);
	atomic_store(&written, 0);
	atomic_store(&over, false);
	for (unsigned i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, read_it, NULL), 0);
	for (uint64_t n = 1; n <= ROUNDS; n++) {
		write_begins("counter");
		atomic_store(&database, n);
		write_ends("counter");
		atomic_store(&written, n);
	}
	atomic_store(&over, true);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(t[i], NULL);
	rdb_hot_close(&hot);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engine_hot");
	TCase *t = tcase_create("hot");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, what_was_read_is_answered_from_then_on);
	tcase_add_test(t, what_was_read_before_a_write_and_comes_after_is_not_kept);
	tcase_add_test(t, while_it_is_written_it_is_not_here_and_nothing_of_it_is_kept);
	tcase_add_test(t, a_flush_leaves_nothing_and_nothing_of_before_comes_in);
	tcase_add_test(t, what_has_expired_is_not_answered);
	tcase_add_test(t, it_holds_no_more_than_its_limit_and_keeps_what_is_asked_for);
	tcase_add_test(
		t, when_it_is_full_what_is_read_once_pushes_nothing_out);
	tcase_add_test(t, a_record_that_is_sent_stays_while_it_is_forgotten);
	tcase_add_test(t, without_memory_for_it_nothing_is_kept);
	tcase_add_test(t, nobody_sees_what_was_there_before_what_was_seen);
	suite_add_tcase(s, t);
	return unit_run(s);
}
