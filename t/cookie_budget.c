/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory that all streams share: by itself, and with streams. */
#include "config.h"

#include "t/cookie_reader.h"

#define KIB 1024

/* By itself. */

static struct ewb_budget b;
static char trail[32];

struct asker {
	struct ewb_ask ask; /* first */
	char name;
};
static struct asker x, y, z;

static void
note(struct ewb_ask *a)
{
	char name[2] = { ((struct asker *)a)->name, '\0' };

	strcat(trail, name);
}

static void
begin(void)
{
	ewb_budget_init(&b, 100);
	trail[0] = '\0';
	x = (struct asker){ .ask = { .wake = note }, .name = 'x' };
	y = (struct asker){ .ask = { .wake = note }, .name = 'y' };
	z = (struct asker){ .ask = { .wake = note }, .name = 'z' };
}

static void
finish(void)
{
	ewb_budget_leave(&b, &x.ask);
	ewb_budget_leave(&b, &y.ask);
	ewb_budget_leave(&b, &z.ask);
	ck_assert_uint_eq(ewb_budget_used(&b), 0);
	ewb_budget_fini(&b);
}

START_TEST(what_is_left_is_granted_at_once)
{
	ck_assert_int_eq(ewb_budget_take(&b, &x.ask, 60), 1);
	ck_assert_int_eq(ewb_budget_take(&b, &y.ask, 40), 1);
	ck_assert_uint_eq(ewb_budget_used(&b), 100);
	ck_assert_int_eq(ewb_budget_take(&b, &z.ask, 1), 0);
	ewb_budget_give(&b, 100);
	ck_assert_str_eq(trail, "z");
	ck_assert_uint_eq(atomic_load(&z.ask.granted), 1);
}
END_TEST

START_TEST(grants_are_in_order_of_asking)
{
	ck_assert_int_eq(ewb_budget_take(&b, &x.ask, 100), 1);
	ck_assert_int_eq(ewb_budget_take(&b, &y.ask, 50), 0);
	ck_assert_int_eq(ewb_budget_take(&b, &z.ask, 10), 0);
	ck_assert_int_eq(ewb_budget_take(&b, &x.ask, 20), 0);
	ewb_budget_give(&b, 40); /* enough for all but the first */
	ck_assert_str_eq(trail, "");
	ewb_budget_give(&b, 10);
	ck_assert_str_eq(trail, "y");
	ewb_budget_give(&b, 30);
	ck_assert_str_eq(trail, "yzx");
	ewb_budget_give(&b, 20);
}
END_TEST

START_TEST(nobody_overtakes_those_who_wait)
{
	ck_assert_int_eq(ewb_budget_take(&b, &x.ask, 60), 1);
	ck_assert_int_eq(ewb_budget_take(&b, &y.ask, 50), 0);
	ck_assert_int_eq(ewb_budget_take(&b, &z.ask, 10), 0);
	ck_assert_uint_eq(ewb_budget_used(&b), 60);
	ewb_budget_give(&b, 60);
	ck_assert_str_eq(trail, "yz");
}
END_TEST

/* The first, the one between, the last. */
START_TEST(who_leaves_is_not_granted_anything)
{
	struct asker *all[] = { &x, &y, &z };
	const char *rest[] = { "yzw", "xzw", "xyw" };
	struct asker last = { .ask = { .wake = note }, .name = 'w' };

	ck_assert_int_eq(ewb_budget_take(&b, &(struct ewb_ask){ 0 }, 100), 1);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ewb_budget_take(&b, &all[i]->ask, 20), 0);
	ewb_budget_leave(&b, &all[_i]->ask);
	/* and the queue is whole */
	ck_assert_int_eq(ewb_budget_take(&b, &last.ask, 20), 0);
	ewb_budget_give(&b, 100);
	ck_assert_str_eq(trail, rest[_i]);
	ewb_budget_leave(&b, &last.ask);
}
END_TEST

START_TEST(who_leaves_gives_back_what_it_did_not_take)
{
	ewb_budget_take(&b, &x.ask, 100);
	ewb_budget_take(&b, &y.ask, 100);
	ewb_budget_take(&b, &z.ask, 50);
	ewb_budget_give(&b, 100);
	ck_assert_str_eq(trail, "y");
	ewb_budget_leave(&b, &y.ask);
	ck_assert_str_eq(trail, "yz");
	ck_assert_uint_eq(ewb_budget_used(&b), 50);
}
END_TEST

START_TEST(the_first_ones_leaving_lets_the_next_in)
{
	ewb_budget_take(&b, &x.ask, 50);
	ewb_budget_take(&b, &y.ask, 80);
	ewb_budget_take(&b, &z.ask, 50);
	ewb_budget_leave(&b, &y.ask);
	ck_assert_str_eq(trail, "z");
	ewb_budget_give(&b, 50);
}
END_TEST

START_TEST(more_than_there_is_is_never_waited_for)
{
	ck_assert_int_eq(ewb_budget_take(&b, &x.ask, 101), 0);
	ck_assert_int_eq(x.ask.queued, 0);
	ck_assert_int_eq(ewb_budget_take(&b, &y.ask, 100), 1);
	ewb_budget_give(&b, 100);
}
END_TEST

/* With streams.  A high mark of 16 KiB keeps all pieces at 4 KiB. */

static struct reader r[4];
static struct script *s[4];

static void
begin_streams(size_t budget)
{
	struct ewb_limits limits = ewb_limits_default;

	limits.high = 16 * KIB;
	limits.low = 4 * KIB;
	limits.buffer_memory = budget;
	play_begin_with(&limits, &script_engine);
	for (unsigned i = 0; i < 4; i++) {
		s[i] = script_for((const char *[]){ "a", "b", "c", "d" }[i]);
		s[i]->records = 1000;
		s[i]->record_size = 3000; /* one in a piece */
	}
}

static void
run(void)
{
	while (play_task() || play_letter(0) || play_letter(1))
		;
}

static void
open_stream(unsigned i)
{
	reader_begin(&r[i], i % 2, s[i]);
	play_turn(i % 2);
	run();
}

static void
hang_up(unsigned i)
{
	while (reader_give(&r[i]))
		;
	play_hang_up(r[i].k);
	run();
}

START_TEST(the_budget_is_granted_to_streams_in_order_of_asking)
{
	begin_streams(12 * KIB);
	for (unsigned i = 0; i < 4; i++)
		open_stream(i);
	/* the first has its own piece and all of the budget */
	ck_assert_uint_eq(reader_held(&r[0]), 16 * KIB);
	for (unsigned i = 1; i < 4; i++)
		ck_assert_uint_eq(reader_held(&r[i]), 4 * KIB);
	ck_assert_uint_eq(ewb_budget_used(&play.core.budget), 12 * KIB);
	while (reader_take(&r[0]))
		;
	reader_give(&r[0]); /* its own: nobody gains */
	run();
	ck_assert_uint_eq(reader_held(&r[1]), 4 * KIB);
	for (unsigned i = 1; i < 3; i++) {
		reader_give(&r[0]);
		run();
		ck_assert_uint_eq(reader_held(&r[i]), 8 * KIB);
		ck_assert_uint_eq(reader_held(&r[i + 1]), 4 * KIB);
	}
	hang_up(0);
	ck_assert_uint_eq(reader_held(&r[3]), 8 * KIB);
	for (unsigned i = 1; i < 4; i++)
		hang_up(i);
	play_end();
}
END_TEST

START_TEST(a_stream_moves_by_its_own_piece_when_the_budget_is_used_up)
{
	begin_streams(_i ? 12 * KIB : 0);
	if (_i)
		open_stream(0);
	s[1]->records = 50;
	open_stream(1);
	ck_assert_uint_eq(reader_held(&r[1]), 4 * KIB);
	while (!r[1].k->done) {
		ck_assert_int_eq(reader_take(&r[1]), 1);
		reader_give(&r[1]);
		run();
	}
	reader_end(&r[1]);
	ck_assert_uint_eq(r[1].next, 50);
	ck_assert_msg(r[1].wrong == NULL, "%s", r[1].wrong);
	hang_up(1);
	if (_i)
		hang_up(0);
	play_end();
}
END_TEST

/* Its pieces have grown beyond what is left; its own is small. */
START_TEST(a_stream_that_has_grown_falls_back_to_its_own_piece)
{
	begin_streams(12 * KIB);
	play.core.limits.high = 64 * KIB;
	s[0]->records = 200;
	s[0]->flush = true;
	open_stream(0);
	for (unsigned i = 0; i < 200; i++) {
		run();
		reader_drain(&r[0]);
	}
	ck_assert_uint_gt(r[0].stream->next_cap, 12 * KIB);
	ck_assert_uint_eq(r[0].k->done, 1);
	reader_end(&r[0]);
	ck_assert_uint_eq(r[0].next, 200);
	hang_up(0);
	play_end();
}
END_TEST

START_TEST(one_that_waits_for_the_budget_and_goes_leaves_the_queue)
{
	begin_streams(12 * KIB);
	for (unsigned i = 0; i < 3; i++)
		open_stream(i);
	hang_up(1);
	ck_assert_ptr_eq(play.core.budget.first, &r[2].stream->ask);
	hang_up(0);
	ck_assert_uint_eq(reader_held(&r[2]), 16 * KIB);
	hang_up(2);
	play_end();
}
END_TEST

START_TEST(what_was_granted_and_not_taken_goes_back_with_the_stream)
{
	begin_streams(12 * KIB);
	open_stream(0);
	open_stream(1);
	while (reader_take(&r[0]))
		;
	reader_give(&r[0]);
	reader_give(&r[0]); /* granted to the second, whose task has not run */
	ck_assert_uint_eq(atomic_load(&r[1].stream->ask.granted), 4 * KIB);
	hang_up(1);
	hang_up(0);
	ck_assert_uint_eq(ewb_budget_used(&play.core.budget), 0);
	play_end();
}
END_TEST

START_TEST(who_fills_by_itself_is_woken_on_its_front_end_by_a_grant)
{
	begin_streams(12 * KIB);
	open_stream(0);
	s[1]->own = true;
	open_stream(1); /* of the other front end */
	ck_assert_int_eq(script_produce(s[1]), 0);
	run();
	ck_assert_uint_eq(reader_held(&r[1]), 4 * KIB);
	while (reader_take(&r[0]))
		;
	reader_give(&r[0]);
	reader_give(&r[0]);
	ck_assert_uint_eq(s[1]->wakes, 0); /* never inline */
	play_letter(1);
	ck_assert_uint_eq(s[1]->wakes, 1);
	ck_assert_int_eq(script_produce(s[1]), 0);
	ck_assert_uint_eq(reader_held(&r[1]), 8 * KIB);
	script_notify(s[1], EWB_OK);
	run();
	hang_up(1);
	hang_up(0);
	play_end();
}
END_TEST

START_TEST(who_waits_for_memory_that_others_hold_is_not_late)
{
	begin_streams(12 * KIB);
	open_stream(0);
	open_stream(1);
	while (reader_take(&r[1]))
		;
	while (reader_give(&r[1]))
		;
	run();
	while (reader_take(&r[1]))
		;
	for (unsigned i = 0; i < 10; i++)
		play_pass(2500 * 1000);
	ck_assert_uint_eq(r[1].k->done, 0);
	hang_up(0);
	hang_up(1);
	play_end();
}
END_TEST

START_TEST(a_record_beyond_the_whole_budget_fails_by_its_deadline)
{
	begin_streams(12 * KIB);
	s[0]->record_size = 13 * KIB;
	open_stream(0);
	ck_assert_uint_eq(s[0]->made, 0);
	play_pass(2500 * 1000);
	ck_assert_uint_eq(r[0].k->done, 1);
	ck_assert_int_eq(r[0].k->status, EWB_TEMPORARY);
	play.keep = false;
	play_settle();
	ck_assert_int_eq(r[0].k->released, true);
	play_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cookie: the budget");
	TCase *alone = tcase_create("by itself");
	TCase *t = tcase_create("of streams");

	tcase_set_timeout(alone, UNIT_SECONDS);
	tcase_add_checked_fixture(alone, begin, finish);
	tcase_add_test(alone, what_is_left_is_granted_at_once);
	tcase_add_test(alone, grants_are_in_order_of_asking);
	tcase_add_test(alone, nobody_overtakes_those_who_wait);
	tcase_add_loop_test(alone, who_leaves_is_not_granted_anything, 0, 3);
	tcase_add_test(alone, who_leaves_gives_back_what_it_did_not_take);
	tcase_add_test(alone, the_first_ones_leaving_lets_the_next_in);
	tcase_add_test(alone, more_than_there_is_is_never_waited_for);
	suite_add_tcase(suite, alone);
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, the_budget_is_granted_to_streams_in_order_of_asking);
	tcase_add_loop_test(
		t, a_stream_moves_by_its_own_piece_when_the_budget_is_used_up,
		0, 2);
	tcase_add_test(t, a_stream_that_has_grown_falls_back_to_its_own_piece);
	tcase_add_test(t,
	               one_that_waits_for_the_budget_and_goes_leaves_the_queue);
	tcase_add_test(
		t, what_was_granted_and_not_taken_goes_back_with_the_stream);
	tcase_add_test(
		t, who_fills_by_itself_is_woken_on_its_front_end_by_a_grant);
	tcase_add_test(t, who_waits_for_memory_that_others_hold_is_not_late);
	tcase_add_test(t,
	               a_record_beyond_the_whole_budget_fails_by_its_deadline);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
