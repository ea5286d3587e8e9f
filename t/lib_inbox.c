/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "lib/inbox.h"
#include "t/explore.h"
#include "t/unit.h"

#define SENDERS 4
#define LETTERS 20000 /* from each */

struct note {
	struct ewb_letter letter; /* first */
	unsigned from, number;
};

static struct ewb_inbox box;
static unsigned wakes;
static unsigned order[8], norder;

static void
count_wake(void *arg)
{
	ck_assert_ptr_eq(arg, &box);
	wakes++;
}

static void
deliver(struct ewb_letter *l)
{
	order[norder++] = ((struct note *)l)->number;
}

static void
open_box(void)
{
	wakes = norder = 0;
	ewb_inbox_init(&box, count_wake, &box);
}

static void
close_box(void)
{
	ewb_inbox_fini(&box);
}

START_TEST(letters_come_in_the_order_of_posting)
{
	struct note n[4];

	for (unsigned i = 0; i < 4; i++) {
		n[i] = (struct note){ { NULL, deliver }, 0, i };
		ewb_inbox_post(&box, &n[i].letter);
		if (i == 1)
			ck_assert_int_eq(ewb_inbox_step(&box), 1);
	}
	ck_assert_uint_eq(ewb_inbox_run(&box, 100), 3);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(order[i], i);
	ck_assert_int_eq(ewb_inbox_step(&box), 0);
}
END_TEST

START_TEST(a_run_stops_at_its_limit)
{
	struct note n[3];

	for (unsigned i = 0; i < 3; i++) {
		n[i] = (struct note){ { NULL, deliver }, 0, i };
		ewb_inbox_post(&box, &n[i].letter);
	}
	ck_assert_uint_eq(ewb_inbox_run(&box, 2), 2);
	ck_assert_int_eq(ewb_inbox_waiting(&box), 1);
	ck_assert_uint_eq(ewb_inbox_run(&box, 2), 1);
	ck_assert_int_eq(ewb_inbox_waiting(&box), 0);
}
END_TEST

static void
post_again_once(struct ewb_letter *l)
{
	deliver(l);
	if (norder < 2)
		ewb_inbox_post(&box, l);
}

START_TEST(a_letter_can_be_posted_again_from_within)
{
	struct note n = { { NULL, post_again_once }, 0, 7 };

	ewb_inbox_post(&box, &n.letter);
	ck_assert_uint_eq(ewb_inbox_run(&box, 100), 2);
}
END_TEST

START_TEST(an_owner_who_is_awake_is_not_woken)
{
	struct note n = { { NULL, deliver }, 0, 1 };

	ewb_inbox_post(&box, &n.letter);
	ck_assert_uint_eq(wakes, 0);
	ewb_inbox_run(&box, 1);
	ck_assert_int_eq(ewb_inbox_sleep(&box), 1);
	ewb_inbox_awake(&box);
	ewb_inbox_post(&box, &n.letter);
	ck_assert_uint_eq(wakes, 0);
	ewb_inbox_run(&box, 1);
}
END_TEST

START_TEST(an_owner_who_sleeps_is_woken_once_for_many_letters)
{
	struct note n[3];

	ck_assert_int_eq(ewb_inbox_sleep(&box), 1);
	for (unsigned i = 0; i < 3; i++) {
		n[i] = (struct note){ { NULL, deliver }, 0, i };
		ewb_inbox_post(&box, &n[i].letter);
	}
	ck_assert_uint_eq(wakes, 1);
	ck_assert_uint_eq(box.wakes, 1);
	ck_assert_uint_eq(box.posted, 3);
	ewb_inbox_awake(&box);
	ewb_inbox_run(&box, 3);
}
END_TEST

START_TEST(nobody_goes_to_sleep_over_a_letter)
{
	struct note n = { { NULL, deliver }, 0, 1 };

	ewb_inbox_post(&box, &n.letter);
	ck_assert_int_eq(ewb_inbox_sleep(&box), 0);
	ewb_inbox_run(&box, 1);
	ewb_inbox_post(&box, &n.letter);
	ck_assert_uint_eq(wakes, 0); /* it had not gone to sleep */
	ewb_inbox_run(&box, 1);
}
END_TEST

/* Two posts, and an owner who takes what there is and goes to sleep: after
 * any order of these he is awake or was woken, or there is nothing to read. */
static struct note race[2];
static int sleeps;

static void *
race_begin(void)
{
	open_box();
	sleeps = 0;
	for (unsigned i = 0; i < 2; i++)
		race[i] = (struct note){ { NULL, deliver }, 0, i };
	return &box;
}

static void
post_first(void *ctx)
{
	ewb_inbox_post(ctx, &race[0].letter);
}

static void
post_second(void *ctx)
{
	ewb_inbox_post(ctx, &race[1].letter);
}

static void
read_all(void *ctx)
{
	ewb_inbox_run(ctx, 100);
}

static void
go_to_sleep(void *ctx)
{
	sleeps = ewb_inbox_sleep(ctx);
}

static const char *
race_check(void *ctx)
{
	if (sleeps && !wakes && ewb_inbox_waiting(ctx))
		return "asleep, with a letter, and nobody wakes him";
	if (wakes > 1)
		return "woken twice";
	return NULL;
}

static void
race_end(void *ctx)
{
	ewb_inbox_awake(ctx);
	ewb_inbox_run(ctx, 100);
	close_box();
}

START_TEST(no_order_of_post_and_sleep_loses_a_wake)
{
	const struct ewb_event e[] = {
		{ "post first", post_first, NULL, false },
		{ "post second", post_second, NULL, true },
		{ "read", read_all, NULL, true },
		{ "sleep", go_to_sleep, NULL, false }
	};
	const struct ewb_scenario s = {
		.name = "post and sleep",
		.events = e,
		.nevents = 4,
		.setup = race_begin,
		.check = race_check,
		.teardown = race_end,
	};

	ck_assert_uint_eq(ewb_explore(&s), 24 + 6 + 6 + 2);
}
END_TEST

/* With threads: the owner sleeps on a condition, and its waker sets it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int awake;
static unsigned next_of[SENDERS], got, wrong;

static void
wake_owner(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	awake = 1;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

static void
check_order(struct ewb_letter *l)
{
	const struct note *n = (struct note *)l;

	got++;
	wrong += n->number != next_of[n->from];
	next_of[n->from] = n->number + 1;
}

static void *
send_all(void *arg)
{
	struct note *n = arg;

	for (unsigned i = 0; i < LETTERS; i++)
		ewb_inbox_post(&box, &n[i].letter);
	return NULL;
}

static void
read_until_all_came(void)
{
	while (got < SENDERS * LETTERS) {
		if (ewb_inbox_run(&box, 64))
			continue;
		if (!ewb_inbox_sleep(&box))
			continue;
		pthread_mutex_lock(&lock);
		while (!awake)
			pthread_cond_wait(&cond, &lock);
		awake = 0;
		pthread_mutex_unlock(&lock);
		ewb_inbox_awake(&box);
	}
}

START_TEST(many_senders_lose_nothing_and_keep_their_order)
{
	struct note *all = calloc(SENDERS * LETTERS, sizeof(*all));
	pthread_t t[SENDERS];

	ck_assert_ptr_nonnull(all);
	ewb_inbox_init(&box, wake_owner, NULL);
	for (unsigned i = 0; i < SENDERS * LETTERS; i++)
		all[i] = (struct note){ { NULL, check_order },
			                i / LETTERS,
			                i % LETTERS };
	for (unsigned i = 0; i < SENDERS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, send_all,
		                                &all[i * LETTERS]),
		                 0);
	read_until_all_came();
	ewb_inbox_fini(&box); /* the last sender may not have left yet */
	for (unsigned i = 0; i < SENDERS; i++)
		ck_assert_int_eq(pthread_join(t[i], NULL), 0);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(got, SENDERS * LETTERS);
	free(all);
}
END_TEST

/* The last sender is still within its post when the letter was delivered. */
static _Atomic int in_wake, fini_begun, fini_done;
static unsigned too_soon;

static void
dawdle(void *arg)
{
	(void)arg;
	atomic_store(&in_wake, 1);
	while (!atomic_load(&fini_begun))
		sched_yield();
	/* time enough for one who does not wait */
	for (unsigned i = 0; i < 1000; i++) {
		too_soon += atomic_load(&fini_done) != 0;
		sched_yield();
	}
}

static void *
send_one(void *letter)
{
	ewb_inbox_post(&box, letter);
	return NULL;
}

START_TEST(an_inbox_does_not_go_before_its_senders_have_left)
{
	struct note n = { { NULL, deliver }, 0, 0 };
	pthread_t t;

	atomic_store(&in_wake, 0);
	atomic_store(&fini_begun, 0);
	atomic_store(&fini_done, 0);
	too_soon = 0;
	ewb_inbox_init(&box, dawdle, NULL);
	ck_assert_int_eq(ewb_inbox_sleep(&box), 1);
	ck_assert_int_eq(pthread_create(&t, NULL, send_one, &n.letter), 0);
	while (!atomic_load(&in_wake))
		sched_yield();
	ck_assert_uint_eq(ewb_inbox_run(&box, 1), 1);
	atomic_store(&fini_begun, 1);
	ewb_inbox_fini(&box);
	atomic_store(&fini_done, 1);
	ck_assert_int_eq(pthread_join(t, NULL), 0);
	ck_assert_uint_eq(too_soon, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("lib/inbox");
	TCase *one = tcase_create("one thread");
	TCase *many = tcase_create("many");

	tcase_set_timeout(one, UNIT_SECONDS);
	tcase_add_checked_fixture(one, open_box, close_box);
	tcase_add_test(one, letters_come_in_the_order_of_posting);
	tcase_add_test(one, a_run_stops_at_its_limit);
	tcase_add_test(one, a_letter_can_be_posted_again_from_within);
	tcase_add_test(one, an_owner_who_is_awake_is_not_woken);
	tcase_add_test(one, an_owner_who_sleeps_is_woken_once_for_many_letters);
	tcase_add_test(one, nobody_goes_to_sleep_over_a_letter);
	suite_add_tcase(s, one);
	tcase_set_timeout(many, UNIT_SECONDS);
	tcase_add_test(many, no_order_of_post_and_sleep_loses_a_wake);
	tcase_add_test(many, many_senders_lose_nothing_and_keep_their_order);
	tcase_add_test(many, an_inbox_does_not_go_before_its_senders_have_left);
	suite_add_tcase(s, many);
	return unit_run(s);
}
