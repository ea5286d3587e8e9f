/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies that come in pieces, on their way to the socket.  The command is
 * the test's own; the test is its background. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/stream.h"
#include "protocol/binary.h"
#include "t/explore.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define OPCODE 0xdb
#define RECORD 3000u

static struct play p;
static struct client *c;
static struct frames want;

/* The command. */

static struct ewb_ticket ticket;
static unsigned wakes;

static void
count_wake(void *arg)
{
	(void)arg;
	wakes++;
}

static enum ewb_status
run_stream(struct ewb_cookie *cookie)
{
	if (ewb_cookie_resumed(cookie) != EWB_NEW)
		return EWB_SCAN_COMPLETE;
	ck_assert_int_eq(ewb_stream_open(cookie, count_wake, NULL), EWB_OK);
	ticket = ewb_cookie_block(cookie, NULL);
	return EWB_WOULDBLOCK;
}

/* One frame's worth of records. */
static bool
produce(char what)
{
	void *at = ewb_stream_reserve(ticket.slot, RECORD);

	if (at == NULL)
		return false;
	memset(at, what, RECORD);
	ewb_stream_commit(ticket.slot, RECORD);
	ewb_stream_flush(ticket.slot);
	return true;
}

static void
begin(bool terminal_error)
{
	static const uint8_t extras[28];
	static struct frames ask;

	play_server(&p, &tiny_engine, NULL);
	p.core->commands[EWB_OP_SCAN_CONTINUE] = (struct ewb_command){
		.run = run_stream,
		.streams = 1,
		.terminal_error = terminal_error,
	};
	play_fronts(&p, 1);
	c = client_open(&p, 0);
	ask.n = want.n = 0;
	ticket.word = 0;
	wakes = 0;
	frames_ask(&ask, &(struct frame){ .opcode = OPCODE,
	                                  .opaque = 1,
	                                  .extras = extras,
	                                  .nextras = 28 });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP, .opaque = 2 });
	frames_say(c, &ask);
	play_run(&p);
	ck_assert_uint_ne(ticket.word, 0);
}

static bool
reader_is_slow(void)
{
	ewb_now_on_front(p.front[0]->d.thread);
	return ewb_stream_full(c->conn->first->stream);
}

static void
want_frame(char what, uint16_t status)
{
	char body[RECORD];

	memset(body, what, sizeof body);
	frames_answer(&want, &(struct frame){ .opcode = OPCODE,
	                                      .opaque = 1,
	                                      .status = status,
	                                      .value = body,
	                                      .nvalue = sizeof body });
}

static void
want_noop(void)
{
	frames_answer(&want, &(struct frame){ .opcode = BIN_NOOP, .opaque = 2 });
}

static void
hear_wanted(void)
{
	frames_hear(c, &want);
	want.n = 0;
}

/* In time. */

START_TEST(each_piece_leaves_as_a_frame_and_the_last_has_the_status)
{
	void *at;

	begin(true);
	ck_assert(produce('a'));
	play_run(&p);
	want_frame('a', EWB_OK);
	hear_wanted();
	ck_assert(produce('b'));
	play_run(&p);
	want_frame('b', EWB_OK);
	hear_wanted();
	hear_nothing(c);
	/* what was not sealed is the last frame */
	at = ewb_stream_reserve(ticket.slot, RECORD);
	memset(at, 'c', RECORD);
	ewb_stream_commit(ticket.slot, RECORD);
	ewb_notify(ticket, EWB_OK);
	play_run(&p);
	want_frame('c', EWB_SCAN_COMPLETE);
	want_noop();
	hear_wanted();
	play_close(&p);
}
END_TEST

START_TEST(without_a_rest_the_last_frame_is_empty)
{
	begin(true);
	ck_assert(produce('a'));
	ewb_notify(ticket, EWB_OK);
	play_run(&p);
	want_frame('a', EWB_OK);
	frames_answer(&want, &(struct frame){ .opcode = OPCODE,
	                                      .opaque = 1,
	                                      .status = EWB_SCAN_COMPLETE });
	want_noop();
	hear_wanted();
	play_close(&p);
}
END_TEST

START_TEST(an_error_frame_carries_no_records)
{
	void *at;

	begin(true);
	ck_assert(produce('a'));
	at = ewb_stream_reserve(ticket.slot, RECORD);
	memset(at, 'b', RECORD);
	ewb_stream_commit(ticket.slot, RECORD);
	ewb_notify(ticket, EWB_NO_MEMORY);
	play_run(&p);
	want_frame('a', EWB_OK);
	want_frame('b', EWB_OK);
	frames_error(&want, OPCODE, 1, EWB_NO_MEMORY, NULL);
	want_noop();
	hear_wanted();
	play_close(&p);
}
END_TEST

/* A piece is freed when it is sent, though its command is over. */
START_TEST(pieces_still_unsent_outlive_their_command)
{
	char got[1000];

	begin(true);
	client_small(c, 4096);
	for (unsigned i = 0; i < 30 && produce((char)('a' + i)); i++)
		want_frame((char)('a' + i), EWB_OK);
	ewb_notify(ticket, EWB_OK);
	play_run(&p);
	ck_assert_ptr_null(c->conn->first);
	ck_assert_uint_gt(c->conn->out.bytes, 0);
	ck_assert_uint_eq(atomic_load(&p.core->streams), 1);
	if (_i == 0) {
		frames_answer(&want,
		              &(struct frame){ .opcode = OPCODE,
		                               .opaque = 1,
		                               .status = EWB_SCAN_COMPLETE });
		want_noop();
		hear_wanted();
	} else {
		/* or the client goes half-way */
		(void)hear_some(c, got, sizeof got);
		client_close(c);
	}
	play_run(&p);
	ck_assert_uint_eq(atomic_load(&p.core->streams), 0);
	ck_assert_uint_eq(p.front[0]->d.nused, 0);
	play_close(&p);
}
END_TEST

/* The deadline, after the first frame. */

START_TEST(a_stream_that_stands_still_ends_with_one_error_frame)
{
	begin(true);
	ck_assert(produce('a'));
	play_run(&p);
	/* as long as it moves it is in time */
	for (unsigned i = 0; i < 3; i++) {
		play_pass(&p, 2499);
		ck_assert(produce('b'));
		play_pass(&p, 1);
		play_run(&p);
	}
	want_frame('a', EWB_OK);
	want_frame('b', EWB_OK);
	want_frame('b', EWB_OK);
	want_frame('b', EWB_OK);
	hear_wanted();
	hear_nothing(c);
	play_pass(&p, 2500);
	play_run(&p);
	frames_error(&want, OPCODE, 1, EWB_TEMPORARY, "temporary failure");
	want_noop();
	hear_wanted();
	/* what comes now is for nobody */
	ck_assert(ewb_cancelled(ticket));
	ck_assert(produce('c'));
	play_run(&p);
	hear_nothing(c);
	ewb_notify(ticket, EWB_OK);
	play_run(&p);
	hear_nothing(c);
	ck_assert_uint_eq(atomic_load(&p.core->streams), 0);
	play_close(&p);
}
END_TEST

START_TEST(with_half_a_frame_sent_it_is_finished_first)
{
	begin(true);
	client_small(c, 4096);
	for (unsigned i = 0; i < 8 && produce('a'); i++)
		want_frame('a', EWB_OK);
	play_run(&p);
	ck_assert_uint_gt(c->conn->out.bytes, 0);
	ck_assert(!reader_is_slow());
	play_pass(&p, 2500);
	play_pass(&p, 2500);
	play_run(&p);
	ck_assert_uint_eq(play_count(&p, deadlines_passed), 1);
	frames_error(&want, OPCODE, 1, EWB_TEMPORARY, "temporary failure");
	want_noop();
	hear_wanted();
	hear_nothing(c);
	ewb_notify(ticket, EWB_OK);
	play_close(&p);
}
END_TEST

START_TEST(while_its_reader_is_the_slow_one_there_is_no_deadline)
{
	unsigned before;

	begin(true);
	client_small(c, 4096);
	do {
		before = wakes;
		while (produce('a'))
			want_frame('a', EWB_OK);
		play_run(&p);
	} while (wakes != before);
	ck_assert(reader_is_slow());
	for (unsigned i = 0; i < 4; i++)
		play_pass(&p, 2500);
	ck_assert_uint_eq(play_count(&p, deadlines_passed), 0);
	hear_wanted();
	/* it has read: from now on the background is the slow one */
	ck_assert_uint_eq(wakes, before + 1);
	for (unsigned i = 0; i < 2; i++)
		play_pass(&p, 2500);
	ck_assert_uint_eq(play_count(&p, deadlines_passed), 1);
	frames_error(&want, OPCODE, 1, EWB_TEMPORARY, "temporary failure");
	want_noop();
	hear_wanted();
	ewb_notify(ticket, EWB_OK);
	play_close(&p);
}
END_TEST

START_TEST(a_stream_whose_reader_is_slow_is_listed_as_waiting_for_it)
{
	struct client *d;
	char got[1000] = "";

	begin(true);
	d = client_open(&p, 0);
	for (unsigned i = 0; i < 2; i++) {
		say(d, "stats cookies\r\n");
		play_run(&p);
		ck_assert_uint_gt(hear_some(d, got, sizeof got - 1), 0);
		ck_assert_ptr_nonnull(strstr(got, i ? "wait=drain" :
		                                      "wait=notify"));
		client_small(c, 4096);
		while (produce('a'))
			;
		play_run(&p);
	}
	ewb_notify(ticket, EWB_OK);
	play_run(&p);
	(void)hear_all(c);
	play_close(&p);
}
END_TEST

START_TEST(without_a_terminal_error_the_connection_is_cut)
{
	begin(false);
	ck_assert(produce('a'));
	play_run(&p);
	want_frame('a', EWB_OK);
	play_pass(&p, 2500);
	play_pass(&p, 2500);
	play_run(&p);
	/* and nothing of what is behind it */
	hear_wanted();
	hear_end(c);
	ck_assert_uint_eq(play_count(&p, closed_cut), 1);
	ewb_notify(ticket, EWB_OK);
	play_close(&p);
}
END_TEST

START_TEST(before_the_first_frame_it_is_an_error_in_its_place)
{
	begin(_i);
	play_pass(&p, 2500);
	play_run(&p);
	frames_error(&want, OPCODE, 1, EWB_TEMPORARY, "temporary failure");
	want_noop();
	hear_wanted();
	ck_assert_uint_eq(play_count(&p, closed_cut), 0);
	ewb_notify(ticket, EWB_OK);
	play_close(&p);
}
END_TEST

/* All orders of a piece, its letters, the last notify and the deadline. */

static bool notified, in_time, passed;

static void *
one_is_sent(void)
{
	begin(true);
	ck_assert(produce('a'));
	play_run(&p);
	/* the deadline looks whether it moved */
	play_pass(&p, 2500);
	notified = in_time = passed = false;
	return &p;
}

static void
seal(void *ctx)
{
	(void)ctx;
	ck_assert(produce('b'));
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
	ck_assert_int_eq(ewb_notify(ticket, EWB_OK), EWB_OK);
	notified = true;
	in_time = !passed;
}

static void
take_letter(void *ctx)
{
	(void)ctx;
	(void)play_letter(&p, 0);
	play_settle(&p);
}

static void
pass(void *ctx)
{
	(void)ctx;
	play_pass(&p, 2500);
	passed = play_count(&p, deadlines_passed) > 0;
}

static const char *
one_terminal_frame(void *ctx)
{
	static uint8_t got[65536];
	struct ewb_bin_reply r;
	size_t n, at = 0;
	unsigned last = 0, noops = 0;

	(void)ctx;
	play_run(&p);
	n = hear_some(c, got, sizeof got);
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
	play_run(&p);
	ck_assert_uint_eq(p.front[0]->d.nused, 0);
	play_close(&p);
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
	Suite *s = suite_create("frontend stream");
	TCase *t = tcase_create("stream");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(
		t, each_piece_leaves_as_a_frame_and_the_last_has_the_status);
	tcase_add_test(t, without_a_rest_the_last_frame_is_empty);
	tcase_add_test(t, an_error_frame_carries_no_records);
	tcase_add_loop_test(t, pieces_still_unsent_outlive_their_command, 0, 2);
	tcase_add_test(t, a_stream_that_stands_still_ends_with_one_error_frame);
	tcase_add_test(t, with_half_a_frame_sent_it_is_finished_first);
	tcase_add_test(t, while_its_reader_is_the_slow_one_there_is_no_deadline);
	tcase_add_test(
		t, a_stream_whose_reader_is_slow_is_listed_as_waiting_for_it);
	tcase_add_test(t, without_a_terminal_error_the_connection_is_cut);
	tcase_add_loop_test(
		t, before_the_first_frame_it_is_an_error_in_its_place, 0, 2);
	tcase_add_test(t, there_is_one_terminal_frame_in_all_orders);
	suite_add_tcase(s, t);
	return unit_run(s);
}
