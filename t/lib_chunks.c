/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

#include "lib/chunks.h"
#include "t/alloc.h"
#include "t/unit.h"

#define KEEP ((size_t)1 << 20)
#define THREADS 4
#define ROUNDS 5000

static struct ewb_chunks store;

static void
open_store(void)
{
	ewb_chunks_init(&store, KEEP);
}

static void
close_store(void)
{
	ewb_chunks_fini(&store);
}

static uint32_t
cap_for(size_t n)
{
	struct ewb_chunk *c = ewb_chunk_take(&store, n);
	uint32_t cap;

	ck_assert_ptr_nonnull(c);
	cap = c->cap;
	memset(c->data, 0xa5, cap); /* all of it is ours */
	ewb_chunk_give(&store, c);
	return cap;
}

START_TEST(a_chunk_has_the_next_power_of_two)
{
	ck_assert_uint_eq(cap_for(0), EWB_CHUNK_MIN);
	ck_assert_uint_eq(cap_for(1), EWB_CHUNK_MIN);
	ck_assert_uint_eq(cap_for(4096), 4096);
	ck_assert_uint_eq(cap_for(4097), 8192);
	ck_assert_uint_eq(cap_for(EWB_CHUNK_MAX), EWB_CHUNK_MAX);
}
END_TEST

START_TEST(a_chunk_above_the_largest_size_has_whole_pages)
{
	ck_assert_uint_eq(cap_for(EWB_CHUNK_MAX + 1), EWB_CHUNK_MAX + 4096);
	ck_assert_uint_eq(cap_for(1000000), 1003520);
}
END_TEST

START_TEST(what_was_used_comes_back_as_new)
{
	struct ewb_chunk *c = ewb_chunk_take(&store, 100);

	c->start = 5;
	c->len = 10;
	c->refs = 3;
	c->next = c;
	c->owner = c;
	ewb_chunk_give(&store, c);
	ck_assert_ptr_eq(ewb_chunk_take(&store, 100), c);
	ck_assert_uint_eq(c->start + c->len, 0);
	ck_assert_uint_eq(c->refs, 1);
	ck_assert_ptr_null(c->next);
	ck_assert_ptr_null(c->owner);
	ewb_chunk_give(&store, c);
}
END_TEST

START_TEST(what_is_out_is_counted_in_capacity)
{
	struct ewb_chunk *a = ewb_chunk_take(&store, 1);
	struct ewb_chunk *b = ewb_chunk_take(&store, 300000);

	ck_assert_uint_eq(store.out, a->cap + b->cap);
	ewb_chunk_give(&store, a);
	ewb_chunk_give(&store, b);
	ck_assert_uint_eq(store.out, 0);
}
END_TEST

START_TEST(no_more_is_kept_than_was_said)
{
	struct ewb_chunk *c[6];

	for (int i = 0; i < 6; i++)
		c[i] = ewb_chunk_take(&store, EWB_CHUNK_MAX);
	for (int i = 0; i < 6; i++)
		ewb_chunk_give(&store, c[i]);
	ck_assert_uint_eq(store.kept, KEEP);
}
END_TEST

START_TEST(steady_state_allocates_nothing)
{
	uint64_t before, mallocs;

	for (size_t n = 1; n <= EWB_CHUNK_MAX; n *= 2)
		cap_for(n);
	before = ewb_alloc_count();
	mallocs = store.mallocs;
	for (int i = 0; i < 100; i++) {
		struct ewb_chunk *c;

		c = ewb_chunk_take(&store, (size_t)1 << i % 18);
		ewb_chunk_give(&store, c);
	}
	ck_assert_uint_eq(ewb_alloc_count(), before);
	ck_assert_uint_eq(store.mallocs, mallocs);
}
END_TEST

START_TEST(what_no_chunk_can_hold_is_refused)
{
	ck_assert_ptr_null(ewb_chunk_take(&store, SIZE_MAX));
	ck_assert_ptr_null(ewb_chunk_take(&store, UINT32_MAX));
	ck_assert_uint_eq(store.out, 0);
}
END_TEST

static void *
churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct ewb_chunk *c;

		seed = seed * 1103515245u + 12345u;
		c = ewb_chunk_take(&store, seed >> 14);
		if (!c)
			return &store; /* no memory */
		memset(c->data, (int)i, 64);
		ewb_chunk_give(&store, c);
	}
	return NULL;
}

START_TEST(many_threads_use_one_store)
{
	pthread_t t[THREADS];
	void *wrong;

	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, churn, (void *)i),
		                 0);
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(t[i], &wrong), 0);
		ck_assert_ptr_null(wrong);
	}
	ck_assert_uint_eq(store.out, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lib/chunks");
	TCase *t = tcase_create("chunks");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, open_store, close_store);
	tcase_add_test(t, a_chunk_has_the_next_power_of_two);
	tcase_add_test(t, a_chunk_above_the_largest_size_has_whole_pages);
	tcase_add_test(t, what_was_used_comes_back_as_new);
	tcase_add_test(t, what_is_out_is_counted_in_capacity);
	tcase_add_test(t, no_more_is_kept_than_was_said);
	tcase_add_test(t, steady_state_allocates_nothing);
	tcase_add_test(t, what_no_chunk_can_hold_is_refused);
	tcase_add_test(t, many_threads_use_one_store);
	suite_add_tcase(s, t);
	return unit_run(s);
}
