/* SPDX-License-Identifier: BSD-2-Clause */
/* When a front end that sleeps is woken for the pieces of a stream. */
#include "config.h"

#include "t/cookie_reader.h"

#define KIB 1024

static struct reader r;
static struct script *s;

static void
open_stream(bool own, unsigned records, unsigned per_run)
{
	struct ewb_limits limits = ewb_limits_default;

	limits.high = 256 * KIB;
	limits.low = 64 * KIB;
	limits.buffer_memory = 1024 * KIB;
	play_begin_with(&limits, &script_engine);
	s = script_for("s");
	s->own = own;
	s->records = records;
	s->record_size = 1000;
	s->per_run = per_run;
	reader_begin(&r, 0, s);
	play_turn(0);
}

static uint64_t
letters(void)
{
	return atomic_load(&play.d[0].inbox.posted);
}

static void
sleep_now(void)
{
	ck_assert_int_eq(ewb_inbox_sleep(&play.d[0].inbox), 1);
}

static void
wake_up(void)
{
	ewb_inbox_awake(&play.d[0].inbox);
}

/* The producer, as threads of an engine's own: makes one record. */
static void
record(void)
{
	s->records = s->made + 1;
	ck_assert_int_eq(script_produce(s), 1);
}

/* Records, until one more piece is sealed. */
static void
piece(void)
{
	uint32_t before = atomic_load(&r.stream->sealed);

	while (atomic_load(&r.stream->sealed) == before)
		record();
}

static void
end(void)
{
	wake_up();
	if (s->own)
		script_notify(s, EWB_OK);
	while (!r.k->done)
		if (!play_task() && !play_letter(0) && !reader_drain(&r))
			ck_abort_msg("it stands still");
	reader_end(&r);
	ck_assert_msg(r.wrong == NULL, "%s", r.wrong);
	ck_assert_uint_eq(r.next, s->made);
	play.keep = false;
	play_settle();
	play_end();
}

START_TEST(the_first_pieces_wake_it)
{
	uint64_t before;

	open_stream(true, 0, 0);
	for (unsigned i = 0; i < EWB_STREAM_EAGER; i++) {
		before = letters();
		sleep_now();
		piece();
		ck_assert_uint_eq(letters() - before, 1);
		ck_assert_int_eq(ewb_inbox_asleep(&play.d[0].inbox), 0);
		play_letter(0);
		reader_drain(&r);
	}
	end();
}
END_TEST

/* Past the first pieces, and just told. */
static void
get_going(void)
{
	open_stream(true, 0, 0);
	for (unsigned i = 0; i < EWB_STREAM_EAGER; i++) {
		piece();
		play_letter(0);
		reader_drain(&r);
	}
}

START_TEST(asleep_it_is_woken_when_half_of_the_high_mark_waits)
{
	size_t waited = 0;
	uint64_t before;

	get_going();
	sleep_now();
	before = letters();
	do {
		waited = r.stream->untold;
		piece();
	} while (letters() == before);
	ck_assert_uint_le(waited, 128 * KIB);
	ck_assert_uint_ge(waited, 64 * KIB); /* the largest piece less */
	ck_assert_int_eq(ewb_inbox_asleep(&play.d[0].inbox), 0);
	end();
}
END_TEST

START_TEST(awake_it_is_told_of_each_piece)
{
	uint64_t before;

	get_going();
	for (unsigned i = 0; i < 5; i++) {
		before = letters();
		piece();
		ck_assert_uint_eq(letters() - before, 1);
		play_letter(0);
		reader_drain(&r);
	}
	end();
}
END_TEST

START_TEST(a_slow_producers_piece_wakes_it_at_once)
{
	uint64_t before;

	get_going();
	sleep_now();
	before = letters();
	piece();
	ck_assert_uint_eq(letters(), before);
	play_pass(EWB_STREAM_QUIET_US);
	sleep_now();
	piece();
	ck_assert_uint_eq(letters() - before, 1);
	end();
}
END_TEST

/* Its producer sealed a piece and then stands still. */
START_TEST(what_was_not_told_is_found_by_looking)
{
	uint64_t before;
	unsigned data;

	get_going();
	ewb_now_on_front(play.d[0].thread);
	sleep_now();
	before = letters();
	data = r.k->data;
	piece();
	ck_assert_uint_eq(letters(), before);
	ck_assert_uint_le(ewb_dispatch_next(&play.d[0]), EWB_STREAM_QUIET_US);
	play_pass(EWB_STREAM_QUIET_US);
	ck_assert_uint_eq(letters(), before);
	ck_assert_uint_eq(r.k->data - data, 1);
	ck_assert_uint_gt(reader_drain(&r), 0);
	/* and it does not look for ever */
	play_pass(EWB_STREAM_QUIET_US);
	play_pass(EWB_STREAM_QUIET_US);
	ck_assert_uint_gt(ewb_dispatch_next(&play.d[0]), 2 * EWB_STREAM_QUIET_US);
	end();
}
END_TEST

START_TEST(a_flush_tells)
{
	uint64_t before;

	get_going();
	sleep_now();
	before = letters();
	record();
	ewb_stream_flush(r.k->cookie);
	ck_assert_uint_eq(letters() - before, 1);
	end();
}
END_TEST

START_TEST(a_task_that_stops_for_now_tells)
{
	uint64_t before;

	open_stream(false, 1200, 100);
	for (unsigned run = 0; run < 10; run++) {
		before = letters();
		sleep_now();
		play_task();
		/* each run sealed something, and nothing is kept back */
		ck_assert_uint_ge(letters() - before, 1);
		ck_assert_uint_eq(r.stream->untold, 0);
		while (play_letter(0))
			;
		reader_drain(&r);
	}
	end();
}
END_TEST

START_TEST(a_producer_that_is_refused_tells)
{
	get_going();
	sleep_now();
	s->records = s->made + 1000;
	ck_assert_int_eq(script_produce(s), 0);
	ck_assert_uint_eq(r.stream->untold, 0);
	ck_assert_int_eq(ewb_inbox_asleep(&play.d[0].inbox), 0);
	while (script_produce(s) == 0) {
		ck_assert(play_letter(0) || reader_drain(&r));
		sleep_now();
		wake_up();
	}
	end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cookie stream told");
	TCase *t = tcase_create("told");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, the_first_pieces_wake_it);
	tcase_add_test(t, asleep_it_is_woken_when_half_of_the_high_mark_waits);
	tcase_add_test(t, awake_it_is_told_of_each_piece);
	tcase_add_test(t, a_slow_producers_piece_wakes_it_at_once);
	tcase_add_test(t, what_was_not_told_is_found_by_looking);
	tcase_add_test(t, a_flush_tells);
	tcase_add_test(t, a_task_that_stops_for_now_tells);
	tcase_add_test(t, a_producer_that_is_refused_tells);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
