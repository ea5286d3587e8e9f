/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom the writer waits for. */
#include "config.h"

#include <string.h>

#include "engines/durable/crowd.h"
#include "t/unit.h"

#define SYNC 1000u

static struct dur_crowd w;

static void
begin(void)
{
	memset(&w, 0, sizeof w);
}

START_TEST(those_who_were_answered_are_waited_for)
{
	begin();
	dur_crowd_answered(&w, 3, 1, SYNC, 0);
	ck_assert_uint_eq(dur_crowd_wait(&w, 2, 100), SYNC / 2 - 100);
	ck_assert_uint_eq(atomic_load(&w.wanted), 4);
	ck_assert_uint_eq(dur_crowd_wait(&w, 4, 200), 0);
	ck_assert_uint_eq(atomic_load(&w.wanted), 0);
}
END_TEST

START_TEST(half_a_sync_is_the_most)
{
	begin();
	dur_crowd_answered(&w, 3, 1, SYNC, 0);
	ck_assert_uint_gt(dur_crowd_wait(&w, 2, 100), 0);
	ck_assert_uint_eq(dur_crowd_wait(&w, 2, SYNC / 2), 0);
}
END_TEST

START_TEST(one_client_is_not_held_up)
{
	begin();
	dur_crowd_answered(&w, 1, 0, SYNC, 0);
	ck_assert_uint_eq(dur_crowd_wait(&w, 1, 1), 0);
}
END_TEST

START_TEST(a_quick_disk_is_not_waited_for)
{
	begin();
	dur_crowd_answered(&w, 3, 1, 100, 0);
	ck_assert_uint_eq(dur_crowd_wait(&w, 1, 1), 0);
}
END_TEST

/* How many batches go before one is waited for again. */
static unsigned
batches_without(uint64_t now)
{
	unsigned n = 0;

	for (;; n++) {
		dur_crowd_answered(&w, 2, 1, SYNC, now);
		if (dur_crowd_wait(&w, 1, now) > 0)
			return n;
	}
}

START_TEST(those_who_do_not_come_are_waited_for_less_and_less)
{
	begin();
	ck_assert_uint_eq(batches_without(0), 0);
	ck_assert_uint_eq(dur_crowd_wait(&w, 1, SYNC), 0);
	ck_assert_uint_eq(batches_without(SYNC), 1);
	ck_assert_uint_eq(dur_crowd_wait(&w, 1, 2 * SYNC), 0);
	ck_assert_uint_eq(batches_without(2 * SYNC), 3);
	/* now they do */
	ck_assert_uint_eq(dur_crowd_wait(&w, 3, 2 * SYNC + 1), 0);
	ck_assert_uint_eq(batches_without(3 * SYNC), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("crowd");
	TCase *t = tcase_create("waits");

	tcase_add_test(t, those_who_were_answered_are_waited_for);
	tcase_add_test(t, half_a_sync_is_the_most);
	tcase_add_test(t, one_client_is_not_held_up);
	tcase_add_test(t, a_quick_disk_is_not_waited_for);
	tcase_add_test(t, those_who_do_not_come_are_waited_for_less_and_less);
	suite_add_tcase(s, t);
	return unit_run(s);
}
