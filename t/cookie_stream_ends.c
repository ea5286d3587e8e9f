/* SPDX-License-Identifier: BSD-2-Clause */
/* How streams end: readers that go, producers that are late, threads of the
 * engine's own, refusals. */
#include "config.h"

#include "t/cookie_reader.h"

#define DEADLINE (2500 * 1000)
#define KIB 1024

static struct reader r; /* of most tests */
static struct script *s;

static void
begin_with(size_t high, size_t low, size_t budget)
{
	struct ewb_limits limits = ewb_limits_default;

	limits.high = high;
	limits.low = low;
	limits.buffer_memory = budget;
	play_begin_with(&limits, &script_engine);
	s = script_for("s");
}

static void
begin(void)
{
	begin_with(64 * KIB, 16 * KIB, 1024 * KIB);
}

static void
stream_of(unsigned records, size_t size)
{
	s->records = records;
	s->record_size = size;
	reader_begin(&r, 0, s);
	play_turn(0);
}

/* Tasks and letters, without the reader; how many. */
static unsigned
run(void)
{
	unsigned n = 0;

	while (play_task() || play_letter(0) || play_letter(1))
		n++;
	return n;
}

static void
read_all(void)
{
	unsigned moved;

	do {
		moved = run();
		moved += reader_drain(&r);
		ck_assert_msg(moved, "it stands still");
	} while (!r.k->done);
}

static void
end(void)
{
	reader_end(&r);
	ck_assert_msg(r.wrong == NULL, "%s", r.wrong);
	play.keep = false;
	play_settle();
	play_end();
}

START_TEST(an_abandoned_reader_lets_the_producer_end)
{
	begin();
	stream_of(100000, 100);
	run();
	if (_i)
		reader_take(&r);
	while (reader_give(&r)) /* the output goes first */
		;
	play_hang_up(r.k);
	run();
	ck_assert_uint_lt(s->made, 100000);
	ck_assert_int_eq(r.k->released, true);
	ck_assert_uint_eq(PLAY_COUNT(cancelled_gone), 1);
	play_end();
}
END_TEST

/* That does not look whether it is cancelled: nobody reads, so all is dropped. */
START_TEST(what_is_made_for_nobody_is_dropped)
{
	begin();
	s->own = true;
	stream_of(5000, 100);
	if (_i)
		play_pass(DEADLINE); /* answered, and the rest is of no use */
	else
		play_hang_up(r.k);
	ck_assert_uint_eq(r.k->done, (unsigned)_i);
	while (!script_produce(s)) {
		unsigned wakes = s->wakes;

		run();
		ck_assert_uint_gt(s->wakes, wakes);
	}
	script_notify(s, EWB_OK);
	run();
	ck_assert_uint_eq(s->made, 5000);
	play.keep = false;
	play_settle();
	ck_assert_int_eq(r.k->released, true);
	play_end();
}
END_TEST

/* That waits for the reader; its pieces were not even taken. */
START_TEST(a_reader_that_goes_lets_a_waiting_producer_go_on)
{
	begin();
	s->own = true;
	stream_of(100000, 100);
	ck_assert_int_eq(script_produce(s), 0);
	run();
	ck_assert_uint_eq(s->wakes, 0);
	play_hang_up(r.k);
	ck_assert_uint_eq(s->wakes, 1);
	ck_assert_uint_eq(reader_held(&r), 0);
	script_notify(s, EWB_OK);
	run();
	ck_assert_int_eq(r.k->released, true);
	play_end();
}
END_TEST

START_TEST(a_slow_reader_is_no_failure_of_the_producers)
{
	begin();
	stream_of(100000, 100);
	run();
	for (unsigned i = 0; i < 100; i++)
		play_pass(DEADLINE);
	ck_assert_uint_eq(r.k->done, 0);
	s->records = s->made;
	read_all();
	ck_assert_int_eq(r.k->status, EWB_OK);
	end();
}
END_TEST

START_TEST(a_producer_that_goes_on_is_not_late)
{
	begin();
	s->per_run = 1;
	stream_of(20, 10);
	for (unsigned i = 0; i < 19; i++) {
		play_task();
		play_pass(DEADLINE - 1);
		ck_assert_uint_eq(r.k->done, 0);
	}
	read_all();
	end();
}
END_TEST

START_TEST(a_producer_that_stands_still_is_late)
{
	begin();
	s->per_run = 5;
	stream_of(20, 10);
	play_task();
	play_pass(DEADLINE); /* it had moved since */
	ck_assert_uint_eq(r.k->done, 0);
	play_pass(DEADLINE);
	ck_assert_uint_eq(r.k->done, 1);
	ck_assert_int_eq(r.k->status, EWB_TEMPORARY);
	ck_assert_int_eq(r.k->done_away, true);
	play.keep = false;
	play_settle();
	ck_assert_int_eq(r.k->released, true);
	play_end();
}
END_TEST

START_TEST(the_streams_status_is_the_last_runs)
{
	begin();
	s->status = EWB_NO_ACCESS;
	stream_of(10, 10);
	read_all();
	ck_assert_int_eq(r.k->status, EWB_NO_ACCESS);
	reader_end(&r);
	end();
}
END_TEST

/* Own threads. */

START_TEST(whoever_fills_by_itself_is_woken_on_the_front_end_at_low)
{
	begin();
	s->own = true;
	stream_of(100000, 100);
	ck_assert_int_eq(script_produce(s), 0);
	run();
	ck_assert_uint_eq(s->wakes, 0);
	while (reader_take(&r))
		;
	while (reader_held(&r) > 16 * KIB) {
		ck_assert_uint_eq(s->wakes, 0);
		reader_give(&r);
	}
	ck_assert_uint_eq(s->wakes, 1);
	s->records = s->made;
	ck_assert_int_eq(script_produce(s), 1);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	read_all();
	reader_end(&r);
	ck_assert_uint_eq(r.next, s->made);
	end();
}
END_TEST

/* It was told to wait, and has ended instead. */
START_TEST(nobody_is_woken_after_the_notify)
{
	begin();
	s->own = true;
	stream_of(100000, 100);
	ck_assert_int_eq(script_produce(s), 0);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	read_all();
	reader_end(&r);
	ck_assert_uint_eq(s->wakes, 0);
	end();
}
END_TEST

/* The task makes one more just when the front end has emptied the ring, and
 * still looks at that letter: the record has a letter of its own. */
static void
read_and_make_another(struct call *k)
{
	while (reader_take(&r))
		reader_give(&r);
	if (k->data > 1)
		return;
	s->records = 2;
	ck_assert_int_eq(script_produce(s), 1);
}

START_TEST(what_is_made_while_the_ring_is_emptied_is_not_left_in_it)
{
	begin();
	s->own = s->flush = true;
	play.on_data = read_and_make_another;
	stream_of(1, 10);
	ck_assert_int_eq(script_produce(s), 1);
	run();
	ck_assert_uint_eq(r.k->data, 2);
	ck_assert_uint_eq(r.next, 2);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_OK);
	read_all();
	end();
}
END_TEST

/* Refusals. */

START_TEST(a_stream_over_the_limit_is_busy)
{
	struct call *k;

	begin();
	play.core.limits.max_streams = 1;
	s->per_run = 1;
	stream_of(10, 10);
	k = play_call(1, READER_OP, "s", NULL);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_BUSY);
	ck_assert_uint_eq(atomic_load(&play.core.streams), 1);
	read_all();
	end();
}
END_TEST

START_TEST(a_stream_whose_command_may_not_block_is_given_back)
{
	struct call *k;

	begin();
	play.core.limits.max_cookies = 0;
	s->own = _i;
	reader_begin(&r, 0, s);
	k = r.k;
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_BUSY);
	play.keep = false;
	play_settle();
	ck_assert_uint_eq(atomic_load(&play.core.streams), 0);
	play_end();
}
END_TEST

static enum ewb_status
try_to_stream(struct script *who, struct ewb_cookie *c)
{
	(void)who;
	return ewb_stream_open(c, NULL, NULL);
}

START_TEST(a_command_whose_reply_is_one_piece_has_no_stream)
{
	struct call *k;

	begin();
	s->instead = try_to_stream;
	k = play_get(0, "s");
	ck_assert_int_eq(k->status, EWB_NOT_SUPPORTED);
	play_settle();
	play_end();
}
END_TEST

/* Nobody could be woken when its reader is slow. */
static enum ewb_status
block_without_wake(struct script *who, struct ewb_cookie *c)
{
	ck_assert_int_eq(ewb_stream_open(c, NULL, NULL), EWB_OK);
	ck_assert_uint_eq(ewb_cookie_block(c, who).word, 0);
	return EWB_INTERNAL;
}

static enum ewb_status
open_after_block(struct script *who, struct ewb_cookie *c)
{
	who->ticket = ewb_cookie_block(c, who);
	ck_assert_int_eq(ewb_stream_open(c, NULL, NULL), EWB_INTERNAL);
	return EWB_WOULDBLOCK;
}

START_TEST(a_stream_without_wake_is_an_offloaded_tasks)
{
	begin();
	s->instead = _i ? open_after_block : block_without_wake;
	reader_begin(&r, 0, s);
	if (_i)
		script_notify(s, EWB_INTERNAL);
	play.keep = false;
	play_settle();
	ck_assert_int_eq(r.k->status, EWB_INTERNAL);
	ck_assert_uint_eq(play_logged(_i ? "ewb_stream_open() after the block"
	                                 : "with a stream that has no wake()"),
	                  1);
	ck_assert_uint_eq(atomic_load(&play.core.streams), 0);
	play_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cookie: ends of streams");
	TCase *t = tcase_create("stepped");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, an_abandoned_reader_lets_the_producer_end, 0, 2);
	tcase_add_loop_test(t, what_is_made_for_nobody_is_dropped, 0, 2);
	tcase_add_test(t, a_reader_that_goes_lets_a_waiting_producer_go_on);
	tcase_add_test(t, a_slow_reader_is_no_failure_of_the_producers);
	tcase_add_test(t, a_producer_that_goes_on_is_not_late);
	tcase_add_test(t, a_producer_that_stands_still_is_late);
	tcase_add_test(t, the_streams_status_is_the_last_runs);
	tcase_add_test(
		t, whoever_fills_by_itself_is_woken_on_the_front_end_at_low);
	tcase_add_test(t, nobody_is_woken_after_the_notify);
	tcase_add_test(
		t, what_is_made_while_the_ring_is_emptied_is_not_left_in_it);
	tcase_add_test(t, a_stream_over_the_limit_is_busy);
	tcase_add_loop_test(
		t, a_stream_whose_command_may_not_block_is_given_back, 0, 2);
	tcase_add_test(t, a_command_whose_reply_is_one_piece_has_no_stream);
	tcase_add_loop_test(t, a_stream_without_wake_is_an_offloaded_tasks, 0,
	                    2);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
