/* SPDX-License-Identifier: BSD-2-Clause */
/* The deadline of a reply in pieces, before and after its first frame. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "protocol/binary.h"
#include "t/explore.h"
#include "t/frontend_pieces.h"
#include "t/unit.h"

START_TEST(a_stream_that_stands_still_ends_with_one_error_frame)
{
	pieces_begin(true);
	ck_assert(pieces_produce('a'));
	play_run(&pieces.p);
	/* as long as it moves it is in time */
	for (unsigned i = 0; i < 3; i++) {
		play_pass(&pieces.p, 2499);
		ck_assert(pieces_produce('b'));
		play_pass(&pieces.p, 1);
		play_run(&pieces.p);
	}
	pieces_want('a', EWB_OK);
	pieces_want('b', EWB_OK);
	pieces_want('b', EWB_OK);
	pieces_want('b', EWB_OK);
	pieces_hear();
	hear_nothing(pieces.c);
	play_pass(&pieces.p, 2500);
	play_run(&pieces.p);
	frames_error(&pieces.want, PIECES_OPCODE, 1, EWB_TEMPORARY,
	             "temporary failure");
	pieces_want_noop();
	pieces_hear();
	/* what comes now is for nobody */
	ck_assert(ewb_cancelled(pieces.ticket));
	ck_assert(pieces_produce('c'));
	play_run(&pieces.p);
	hear_nothing(pieces.c);
	ewb_notify(pieces.ticket, EWB_OK);
	play_run(&pieces.p);
	hear_nothing(pieces.c);
	ck_assert_uint_eq(atomic_load(&pieces.p.core->streams), 0);
	play_close(&pieces.p);
}
END_TEST

START_TEST(with_half_a_frame_sent_it_is_finished_first)
{
	pieces_begin(true);
	client_small(pieces.c, 4096);
	for (unsigned i = 0; i < 8 && pieces_produce('a'); i++)
		pieces_want('a', EWB_OK);
	play_run(&pieces.p);
	ck_assert_uint_gt(pieces.c->conn->out.bytes, 0);
	ck_assert(!pieces_reader_is_slow());
	play_pass(&pieces.p, 2500);
	play_pass(&pieces.p, 2500);
	play_run(&pieces.p);
	ck_assert_uint_eq(play_count(&pieces.p, deadlines_passed), 1);
	frames_error(&pieces.want, PIECES_OPCODE, 1, EWB_TEMPORARY,
	             "temporary failure");
	pieces_want_noop();
	pieces_hear();
	hear_nothing(pieces.c);
	ewb_notify(pieces.ticket, EWB_OK);
	play_close(&pieces.p);
}
END_TEST

/* A slow reader's command is blocked once more when the time of one has passed. */
START_TEST(a_stream_that_moves_spends_none_of_its_time)
{
	pieces_begin(true);
	pieces.again = 2;
	client_small(pieces.c, 4096);
	for (unsigned i = 0; i < 2; i++) {
		while (pieces_produce('a'))
			pieces_want('a', EWB_OK);
		play_run(&pieces.p);
		for (unsigned j = 0; j < 3; j++)
			play_pass(&pieces.p, 2500);
		ck_assert_int_eq(ewb_notify(pieces.ticket, EWB_OK), EWB_OK);
		play_run(&pieces.p);
	}
	pieces_hear();
	play_pass(&pieces.p, 2499);
	ck_assert_uint_eq(play_count(&pieces.p, deadlines_passed), 0);
	ck_assert_int_eq(ewb_notify(pieces.ticket, EWB_OK), EWB_OK);
	play_run(&pieces.p);
	pieces_want_empty(EWB_SCAN_COMPLETE);
	pieces_want_noop();
	pieces_hear();
	play_close(&pieces.p);
}
END_TEST

START_TEST(while_its_reader_is_the_slow_one_there_is_no_deadline)
{
	unsigned before;

	pieces_begin(true);
	client_small(pieces.c, 4096);
	do {
		before = pieces.wakes;
		while (pieces_produce('a'))
			pieces_want('a', EWB_OK);
		play_run(&pieces.p);
	} while (pieces.wakes != before);
	ck_assert(pieces_reader_is_slow());
	for (unsigned i = 0; i < 4; i++)
		play_pass(&pieces.p, 2500);
	ck_assert_uint_eq(play_count(&pieces.p, deadlines_passed), 0);
	pieces_hear();
	/* it has read: from now on the background is the slow one */
	ck_assert_uint_eq(pieces.wakes, before + 1);
	for (unsigned i = 0; i < 2; i++)
		play_pass(&pieces.p, 2500);
	ck_assert_uint_eq(play_count(&pieces.p, deadlines_passed), 1);
	frames_error(&pieces.want, PIECES_OPCODE, 1, EWB_TEMPORARY,
	             "temporary failure");
	pieces_want_noop();
	pieces_hear();
	ewb_notify(pieces.ticket, EWB_OK);
	play_close(&pieces.p);
}
END_TEST

START_TEST(a_stream_whose_reader_is_slow_is_listed_as_waiting_for_it)
{
	struct client *d;
	char got[1000] = "";

	pieces_begin(true);
	d = client_open(&pieces.p, 0);
	for (unsigned i = 0; i < 2; i++) {
		say(d, "stats cookies\r\n");
		play_run(&pieces.p);
		ck_assert_uint_gt(hear_some(d, got, sizeof got - 1), 0);
		ck_assert_ptr_nonnull(
			strstr(got, i ? "wait=drain" : "wait=notify"));
		client_small(pieces.c, 4096);
		while (pieces_produce('a'))
			;
		play_run(&pieces.p);
	}
	ewb_notify(pieces.ticket, EWB_OK);
	play_run(&pieces.p);
	(void)hear_all(pieces.c);
	play_close(&pieces.p);
}
END_TEST

START_TEST(without_a_terminal_error_the_connection_is_cut)
{
	pieces_begin(false);
	ck_assert(pieces_produce('a'));
	play_run(&pieces.p);
	pieces_want('a', EWB_OK);
	play_pass(&pieces.p, 2500);
	play_pass(&pieces.p, 2500);
	play_run(&pieces.p);
	/* and nothing of what is behind it */
	pieces_hear();
	hear_end(pieces.c);
	ck_assert_uint_eq(play_count(&pieces.p, closed_cut), 1);
	ewb_notify(pieces.ticket, EWB_OK);
	play_close(&pieces.p);
}
END_TEST

START_TEST(before_the_first_frame_it_is_an_error_in_its_place)
{
	pieces_begin(_i);
	play_pass(&pieces.p, 2500);
	play_run(&pieces.p);
	frames_error(&pieces.want, PIECES_OPCODE, 1, EWB_TEMPORARY,
	             "temporary failure");
	pieces_want_noop();
	pieces_hear();
	ck_assert_uint_eq(play_count(&pieces.p, closed_cut), 0);
	ewb_notify(pieces.ticket, EWB_OK);
	play_close(&pieces.p);
}
END_TEST

/* All orders of a piece, its letters, the last notify and the deadline. */

static bool notified, in_time, passed;

static void *
one_is_sent(void)
{
	pieces_begin(true);
	ck_assert(pieces_produce('a'));
	play_run(&pieces.p);
	/* the deadline looks whether it moved */
	play_pass(&pieces.p, 2500);
	notified = in_time = passed = false;
	return &pieces.p;
}

static void
seal(void *ctx)
{
	(void)ctx;
	ck_assert(pieces_produce('b'));
}

static bool
can_seal(void *ctx)
{
	(void)ctx;
	return !notified;
}

static void
notify(void *ctx)
{
	(void)ctx;
	ck_assert_int_eq(ewb_notify(pieces.ticket, EWB_OK), EWB_OK);
	notified = true;
	in_time = !passed;
}

static void
take_letter(void *ctx)
{
	(void)ctx;
	(void)play_letter(&pieces.p, 0);
	play_settle(&pieces.p);
}

static void
pass(void *ctx)
{
	(void)ctx;
	play_pass(&pieces.p, 2500);
	passed = play_count(&pieces.p, deadlines_passed) > 0;
}

static const char *
one_terminal_frame(void *ctx)
{
	static uint8_t got[65536];
	struct ewb_bin_reply r;
	size_t n, at = 0;
	unsigned last = 0, noops = 0;

	(void)ctx;
	play_run(&pieces.p);
	n = hear_some(pieces.c, got, sizeof got);
	while (at < n && ewb_bin_response(got + at, n - at, &r) > 0) {
		at += 24 + r.nbody;
		if (r.opcode == BIN_NOOP) {
			noops++;
			continue;
		}
		if (noops)
			return "a frame after the noop";
		if (r.status == EWB_OK)
			continue;
		if (r.status != (passed ? EWB_TEMPORARY : EWB_SCAN_COMPLETE))
			return "another status";
		last++;
	}
	if (at != n)
		return "half a frame";
	if (last != 1)
		return "not one terminal frame";
	if (passed && in_time)
		return "past the deadline though notified before";
	return noops == 1 ? NULL : "not one noop";
}

static void
put_away(void *ctx)
{
	(void)ctx;
	play_run(&pieces.p);
	ck_assert_uint_eq(pieces.p.front[0]->d.nused, 0);
	play_close(&pieces.p);
}

START_TEST(there_is_one_terminal_frame_in_all_orders)
{
	static const struct ewb_event events[] = {
		{ .name = "piece", .run = seal, .enabled = can_seal },
		{ .name = "notify", .run = notify },
		{ .name = "letter", .run = take_letter },
		{ .name = "another letter", .run = take_letter },
		{ .name = "deadline", .run = pass },
	};
	static const struct ewb_scenario s = { .name = "stream",
		                               .events = events,
		                               .nevents = 5,
		                               .setup = one_is_sent,
		                               .check = one_terminal_frame,
		                               .teardown = put_away };

	ck_assert_uint_eq(ewb_explore(&s), 60);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend stream late");
	TCase *t = tcase_create("stream");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_stream_that_stands_still_ends_with_one_error_frame);
	tcase_add_test(t, with_half_a_frame_sent_it_is_finished_first);
	tcase_add_test(t, a_stream_that_moves_spends_none_of_its_time);
	tcase_add_test(t,
	               while_its_reader_is_the_slow_one_there_is_no_deadline);
	tcase_add_test(
		t, a_stream_whose_reader_is_slow_is_listed_as_waiting_for_it);
	tcase_add_test(t, without_a_terminal_error_the_connection_is_cut);
	tcase_add_loop_test(
		t, before_the_first_frame_it_is_an_error_in_its_place, 0, 2);
	tcase_add_test(t, there_is_one_terminal_frame_in_all_orders);
	suite_add_tcase(s, t);
	return unit_run(s);
}
