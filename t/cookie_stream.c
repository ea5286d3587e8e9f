/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams: what the reader gets, what a slow one can hold, who is woken. */
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

START_TEST(records_arrive_in_order_and_none_is_lost)
{
	static const struct {
		unsigned n;
		size_t size;
		unsigned per_run;
		bool flush;
	} how[] = { { 1, 4, 0, false },      { 1000, 100, 0, false },
		    { 1000, 100, 7, false }, { 300, 5000, 0, false },
		    { 100, 100, 0, true },   { 50, 30000, 1, false },
		    { 2000, 4, 100, true },  { 0, 4, 0, false } };

	begin();
	s->per_run = how[_i].per_run;
	s->flush = how[_i].flush;
	stream_of(how[_i].n, how[_i].size);
	read_all();
	ck_assert_int_eq(r.k->status, EWB_OK);
	ck_assert_uint_eq(r.k->done, 1);
	ck_assert_uint_eq(s->runs, 2); /* the callback, and once more */
	reader_end(&r);
	ck_assert_uint_eq(r.next, how[_i].n);
	end();
}
END_TEST

START_TEST(the_first_record_leaves_early)
{
	begin();
	s->flush = true;
	s->per_run = 1;
	stream_of(10, 10);
	play_task();
	ck_assert_int_eq(play_letter(0), 1);
	ck_assert_uint_eq(r.k->data, 1);
	ck_assert_int_eq(reader_take(&r), 1);
	ck_assert_uint_eq(r.next, 1);
	ck_assert_uint_eq(r.held[0]->cap, EWB_CHUNK_MIN);
	read_all();
	end();
}
END_TEST

START_TEST(extras_are_in_every_frame)
{
	const uint8_t extras[4] = { 0, 0, 0, 9 };

	ewb_now_on_front(pthread_self());
	begin();
	stream_of(1000, 100);
	ewb_stream_extras(r.k->cookie, extras, 4);
	r.nextras = 4;
	ck_assert_uint_eq(r.stream->nhead, 28);
	read_all();
	ck_assert_uint_gt(r.frames, 1);
	reader_end(&r);
	ck_assert_uint_eq(r.next, 1000);
	end();
}
END_TEST

/* The high mark. */

static const struct bound {
	size_t high, low, record, cap; /* cap: that a record's chunk has */
} bounds[] = {
	{ 8 * KIB, 4 * KIB, 10, 4 * KIB },
	{ 8 * KIB, 4 * KIB, 3000, 4 * KIB },
	{ 12 * KIB, 4 * KIB, 2000, 4 * KIB },
	{ 64 * KIB, 16 * KIB, 100, 4 * KIB },
	{ 64 * KIB, 16 * KIB, 5000, 8 * KIB },
	{ 64 * KIB, 16 * KIB, 40000, 64 * KIB },
	{ 1024 * KIB, 256 * KIB, 1000, 4 * KIB },
	/* one record is more than the mark */
	{ 16 * KIB, 4 * KIB, 40000, 64 * KIB },
	{ 16 * KIB, 4 * KIB, 300000, 300 * KIB },
};
#define NBOUNDS (int)(sizeof bounds / sizeof *bounds)

/* Above the mark only by what a single record needs, and only once all but
 * the low mark has gone. */
static bool
within(const struct bound *b)
{
	size_t held = reader_held(&r);

	return held <= b->high ||
	       (b->cap > b->high - b->low && held <= b->low + b->cap);
}

START_TEST(a_stopped_reader_holds_no_more_than_the_high_mark)
{
	const struct bound *b = &bounds[_i];

	begin_with(b->high, b->low, 4096 * KIB);
	stream_of(5000, b->record);
	run();
	ck_assert_msg(within(b), "%zu bytes", reader_held(&r));
	ck_assert_uint_eq(r.k->done, 0);
	/* and if it goes on slowly, piece by piece, neither */
	for (unsigned i = 0; i < 300; i++) {
		while (reader_take(&r))
			;
		reader_give(&r);
		ck_assert_msg(within(b), "%zu bytes", reader_held(&r));
		run();
		ck_assert_msg(within(b), "%zu bytes after piece %u",
		              reader_held(&r), i);
	}
	ck_assert_uint_le(r.stream->most, b->high > b->low + b->cap
	                                          ? b->high
	                                          : b->low + b->cap);
	play_hang_up(r.k);
	while (reader_give(&r))
		;
	run();
	ck_assert_msg(r.wrong == NULL, "%s", r.wrong);
	play_end();
}
END_TEST

START_TEST(a_parked_producer_holds_no_thread_and_wakes_at_the_low_mark)
{
	struct ewb_class_stats stats;
	unsigned before;

	begin();
	stream_of(100000, 100);
	run();
	ewb_pool_stats(play.core.pool, EWB_AUX, &stats);
	ck_assert_uint_eq(stats.parked, 1);
	ck_assert_int_eq(ewb_pool_quiet(play.core.pool), 1);
	ck_assert_uint_gt(reader_held(&r), 48 * KIB);
	before = s->task_runs;
	while (reader_take(&r))
		;
	while (reader_held(&r) > 16 * KIB) {
		ck_assert_int_eq(ewb_pool_quiet(play.core.pool), 1);
		ck_assert_int_eq(reader_give(&r), 1);
	}
	ck_assert_int_eq(ewb_pool_quiet(play.core.pool), 0);
	play_task();
	ck_assert_uint_eq(s->task_runs, before + 1);
	ck_assert_uint_eq(PLAY_COUNT(stream_waits), 1);
	s->records = s->made;
	read_all();
	end();
}
END_TEST

START_TEST(a_record_above_the_high_mark_waits_for_the_low_one)
{
	begin_with(16 * KIB, 4 * KIB, 1024 * KIB);
	stream_of(3, 100000);
	run();
	ck_assert_uint_eq(s->made, 1);
	ck_assert_uint_eq(reader_held(&r), 128 * KIB);
	reader_take(&r);
	run();
	ck_assert_uint_eq(s->made, 1);
	reader_give(&r);
	run();
	ck_assert_uint_eq(s->made, 2);
	read_all();
	ck_assert_uint_eq(s->made, 3);
	reader_end(&r);
	ck_assert_uint_eq(r.next, 3);
	end();
}
END_TEST

START_TEST(a_full_ring_stops_the_producer_until_a_piece_has_gone)
{
	begin_with(4096 * KIB, 1024 * KIB, 8192 * KIB);
	s->flush = true;
	stream_of(200, 10);
	run();
	ck_assert_uint_eq(s->made, EWB_STREAM_RING);
	ck_assert_int_eq(ewb_pool_quiet(play.core.pool), 1);
	reader_take(&r);
	reader_give(&r);
	run();
	ck_assert_uint_eq(s->made, EWB_STREAM_RING + 1);
	read_all();
	reader_end(&r);
	ck_assert_uint_eq(r.next, 200);
	end();
}
END_TEST

/* Letters. */

START_TEST(one_data_letter_at_most_is_on_its_way)
{
	uint64_t before;

	begin_with(4096 * KIB, 1024 * KIB, 8192 * KIB);
	before = atomic_load(&play.d[0].inbox.posted);
	s->flush = true;
	s->per_run = 5;
	stream_of(30, 10);
	for (unsigned i = 0; i < 4; i++)
		play_task();
	ck_assert_uint_eq(s->made, 20);
	ck_assert_uint_eq(atomic_load(&play.d[0].inbox.posted) - before, 1);
	play_letter(0);
	ck_assert_int_eq(play_letter(0), 0);
	play_task();
	ck_assert_uint_eq(atomic_load(&play.d[0].inbox.posted) - before, 2);
	read_all();
	end();
}
END_TEST

START_TEST(the_last_letter_comes_after_the_data)
{
	begin();
	stream_of(30, 1000);
	while (play_task())
		;
	ck_assert_int_eq(play_letter(0), 1);
	ck_assert_uint_eq(r.k->data, 1);
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_int_eq(play_letter(0), 1);
	ck_assert_uint_eq(s->runs, 2);
	ck_assert_uint_eq(r.k->done, 1);
	ck_assert_int_eq(play_letter(0), 0);
	reader_end(&r);
	ck_assert_uint_eq(r.next, 30);
	end();
}
END_TEST

START_TEST(the_ticket_is_armed_until_the_last_letter)
{
	struct ewb_ticket t;

	begin();
	stream_of(1000, 1000);
	ewb_now_on_front(play.d[0].thread);
	t = ewb_cookie_ticket(r.k->cookie);
	run();
	ck_assert_int_eq(ewb_cookie_armed(r.k->cookie), 1);
	ck_assert_int_eq(ewb_notify(t, EWB_OK), EWB_FILLING);
	ck_assert_uint_eq(r.k->cookie->away, 1);
	read_all();
	ck_assert_int_eq(ewb_notify(t, EWB_OK), EWB_STALE);
	end();
}
END_TEST

/* Sizes. */

START_TEST(pieces_grow_while_the_reader_keeps_up)
{
	unsigned idle = 0; /* turns in which nothing came */
	size_t largest = 0;

	begin_with((_i ? 4096 : 256) * KIB, 64 * KIB, 8192 * KIB);
	s->per_run = 3;
	stream_of(5000, 1000);
	for (; !r.k->done; idle++) {
		ck_assert_uint_lt(idle, 100);
		play_task();
		play_letter(0);
		for (; reader_take(&r); idle = 0) {
			const struct ewb_chunk *ch = r.held[r.taken - 1];

			ck_assert_uint_le(ch->cap,
			                  largest ? 2 * largest : 4 * KIB);
			if (ch->cap > largest)
				largest = ch->cap;
			reader_give(&r);
		}
	}
	/* a quarter of the high mark, or 256 KiB */
	ck_assert_uint_eq(largest, (_i ? 256 : 64) * KIB);
	end();
}
END_TEST

START_TEST(pieces_stay_small_while_the_reader_is_slow)
{
	begin_with(1024 * KIB, 256 * KIB, 8192 * KIB);
	stream_of(1000, 1000);
	run();
	/* the first two found nothing waiting */
	ck_assert_uint_le(r.stream->next_cap, 16 * KIB);
	read_all();
	end();
}
END_TEST

START_TEST(a_steady_stream_allocates_no_chunks)
{
	uint64_t before;

	begin();
	stream_of(20000, 100);
	while (s->made < 10000)
		ck_assert_uint_gt(run() + reader_drain(&r), 0);
	before = atomic_load(&play.core.chunks.mallocs);
	read_all();
	ck_assert_uint_eq(atomic_load(&play.core.chunks.mallocs), before);
	end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cookie: streams");
	TCase *t = tcase_create("stepped");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, records_arrive_in_order_and_none_is_lost, 0, 8);
	tcase_add_test(t, the_first_record_leaves_early);
	tcase_add_test(t, extras_are_in_every_frame);
	tcase_add_loop_test(t,
	                    a_stopped_reader_holds_no_more_than_the_high_mark,
	                    0, NBOUNDS);
	tcase_add_test(
		t, a_parked_producer_holds_no_thread_and_wakes_at_the_low_mark);
	tcase_add_test(t, a_record_above_the_high_mark_waits_for_the_low_one);
	tcase_add_test(t,
	               a_full_ring_stops_the_producer_until_a_piece_has_gone);
	tcase_add_test(t, one_data_letter_at_most_is_on_its_way);
	tcase_add_test(t, the_last_letter_comes_after_the_data);
	tcase_add_test(t, the_ticket_is_armed_until_the_last_letter);
	tcase_add_loop_test(t, pieces_grow_while_the_reader_keeps_up, 0, 2);
	tcase_add_test(t, pieces_stay_small_while_the_reader_is_slow);
	tcase_add_test(t, a_steady_stream_allocates_no_chunks);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
