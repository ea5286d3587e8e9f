/* SPDX-License-Identifier: BSD-2-Clause */
/* What hand-overs cost: one lock for a turn's tasks of a class, none for a
 * notify, no wake for each. */
#include "config.h"

#include <pthread.h>

#include "t/cookie_play.h"

#define MANY 100

/* Linked with --wrap=pthread_mutex_lock. */
static unsigned locks;

int __real_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);

int
__wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
	locks++;
	return __real_pthread_mutex_lock(m);
}

static unsigned
locks_of(void (*what)(void))
{
	unsigned before = locks;

	what();
	return locks - before;
}

static void
end_the_turn(void)
{
	play_turn(0);
}

/* All of one class; of two. */
START_TEST(a_turns_tasks_cost_one_lock_for_each_class)
{
	script_for("*")->offload = true;
	for (unsigned i = 0; i < MANY; i++) {
		if (_i && i % 2)
			play_set(0, "b", "v");
		else
			play_get(0, "a");
	}
	ck_assert_uint_gt(locks, 0);
	ck_assert_uint_eq(locks_of(end_the_turn), _i ? 2 : 1);
	play_settle();
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_uint_eq(play_calls[i].done, 1);
}
END_TEST

static void
notify_all(void)
{
	for (unsigned i = 0; i < MANY; i++)
		script_notify_nth(script_for("*"), i, EWB_OK);
}

static void
look_up_all(void)
{
	for (unsigned i = 0; i < MANY; i++)
		(void)script_for("*");
}

static void
deliver_all(void)
{
	while (play_letter(0))
		;
}

START_TEST(a_notify_and_its_letter_cost_no_lock)
{
	script_for("*")->block_for = 1;
	script_for("*")->status = EWB_NOT_FOUND;
	for (unsigned i = 0; i < MANY; i++)
		play_get(0, "a");
	ck_assert_uint_eq(locks_of(notify_all), locks_of(look_up_all));
	script_for("*")->block_for = 0;
	/* the engine's own: it looks for its script, and gives its state back */
	ck_assert_uint_eq(locks_of(deliver_all), 2 * MANY);
	play_settle();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: locks");
	TCase *t = play_case("counted");

	tcase_add_loop_test(t, a_turns_tasks_cost_one_lock_for_each_class, 0,
	                    2);
	tcase_add_test(t, a_notify_and_its_letter_cost_no_lock);
	suite_add_tcase(s, t);
	return unit_run(s);
}
