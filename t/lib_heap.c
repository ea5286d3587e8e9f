/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lib/heap.h"
#include "t/alloc.h"
#include "t/unit.h"

#define MANY 500

static struct ewb_timer timers[MANY];

static void
add_all(struct ewb_heap *h, unsigned seed)
{
	srand(seed);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(
			ewb_heap_add(h, &timers[i], (uint64_t)rand() % 1000),
			0);
}

static void
empty(struct ewb_heap *h)
{
	while (ewb_heap_due(h, UINT64_MAX))
		;
	ewb_heap_fini(h);
}

START_TEST(timers_come_out_in_order_of_time)
{
	struct ewb_heap h = { 0 };
	unsigned seed = (unsigned)time(NULL);
	uint64_t last = 0;
	struct ewb_timer *t;
	size_t n = 0;

	printf("seed %u\n", seed);
	add_all(&h, seed);
	while ((t = ewb_heap_due(&h, UINT64_MAX))) {
		ck_assert_uint_ge(t->when, last);
		ck_assert_uint_eq(t->place, 0);
		last = t->when;
		n++;
	}
	ck_assert_uint_eq(n, MANY);
	ewb_heap_fini(&h);
}
END_TEST

START_TEST(any_timer_can_be_dropped_and_the_rest_stays_in_order)
{
	struct ewb_heap h = { 0 };
	unsigned seed = (unsigned)time(NULL);
	uint64_t last = 0;
	struct ewb_timer *t;
	size_t n = 0;

	printf("seed %u\n", seed);
	add_all(&h, seed);
	for (size_t i = 0; i < MANY; i += 3) {
		ewb_heap_drop(&h, &timers[i]);
		ck_assert_uint_eq(timers[i].place, 0);
		n++;
	}
	for (; (t = ewb_heap_due(&h, UINT64_MAX)); n++) {
		ck_assert_uint_ne((size_t)(t - timers) % 3, 0);
		ck_assert_uint_ge(t->when, last);
		last = t->when;
	}
	ck_assert_uint_eq(n, MANY);
	ewb_heap_fini(&h);
}
END_TEST

START_TEST(a_timer_is_due_at_its_time_and_not_before)
{
	struct ewb_heap h = { 0 };

	ck_assert_int_eq(ewb_heap_add(&h, &timers[0], 10), 0);
	ck_assert_ptr_eq(ewb_heap_first(&h), &timers[0]);
	ck_assert_ptr_null(ewb_heap_due(&h, 9));
	ck_assert_ptr_eq(ewb_heap_due(&h, 10), &timers[0]);
	ck_assert_ptr_null(ewb_heap_first(&h));
	ewb_heap_fini(&h);
}
END_TEST

/* However many there are, the heap has none of them to sort. */
START_TEST(timers_of_one_duration_stand_in_a_row)
{
	struct ewb_heap h = { 0 };
	struct ewb_timer early = { 0 };

	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(ewb_heap_add(&h, &timers[i], 10 + i / 2), 0);
	ck_assert_uint_eq(h.n, MANY);
	ck_assert_uint_eq(h.nheap, 0);
	ck_assert_int_eq(ewb_heap_add(&h, &early, 5), 0);
	ck_assert_uint_eq(h.nheap, 1);
	/* one in the middle, the first, the last */
	ewb_heap_drop(&h, &timers[MANY / 2]);
	ewb_heap_drop(&h, &timers[0]);
	ewb_heap_drop(&h, &timers[MANY - 1]);
	ck_assert_ptr_eq(ewb_heap_due(&h, UINT64_MAX), &early);
	for (size_t i = 1; i < MANY - 1; i++)
		if (i != MANY / 2)
			ck_assert_ptr_eq(ewb_heap_due(&h, UINT64_MAX),
			                 &timers[i]);
	ck_assert_ptr_null(ewb_heap_first(&h));
	ewb_heap_fini(&h);
}
END_TEST

START_TEST(dropping_a_timer_that_is_in_no_heap_does_nothing)
{
	struct ewb_heap h = { 0 };

	ck_assert_int_eq(ewb_heap_add(&h, &timers[0], 10), 0);
	ewb_heap_drop(&h, &timers[1]);
	ck_assert_uint_eq(h.n, 1);
	empty(&h);
}
END_TEST

START_TEST(what_was_reserved_is_added_without_memory)
{
	struct ewb_heap h = { 0 };
	uint64_t at_first = ewb_alloc_count(), reserved, added;
	int err = ewb_heap_reserve(&h, MANY);

	reserved = ewb_alloc_count();
	for (size_t i = 0; i < MANY && !err; i++)
		err = ewb_heap_add(&h, &timers[i], MANY - i);
	added = ewb_alloc_count();
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(reserved - at_first, ewb_alloc_counts() ? 1 : 0);
	ck_assert_uint_eq(added, reserved);
	empty(&h);
}
END_TEST

START_TEST(too_much_room_is_refused_and_changes_nothing)
{
	struct ewb_heap h = { 0 };

	ck_assert_int_lt(ewb_heap_reserve(&h, SIZE_MAX / 2), 0);
	ck_assert_int_eq(ewb_heap_add(&h, &timers[0], 1), 0);
	empty(&h);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lib/heap");
	TCase *t = tcase_create("heap");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, timers_come_out_in_order_of_time);
	tcase_add_test(t, any_timer_can_be_dropped_and_the_rest_stays_in_order);
	tcase_add_test(t, a_timer_is_due_at_its_time_and_not_before);
	tcase_add_test(t, timers_of_one_duration_stand_in_a_row);
	tcase_add_test(t, dropping_a_timer_that_is_in_no_heap_does_nothing);
	tcase_add_test(t, what_was_reserved_is_added_without_memory);
	tcase_add_test(t, too_much_room_is_refused_and_changes_nothing);
	suite_add_tcase(s, t);
	return unit_run(s);
}
