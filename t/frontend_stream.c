/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies that come in pieces, on their way to the socket. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "t/frontend_pieces.h"
#include "t/unit.h"

START_TEST(each_piece_leaves_as_a_frame_and_the_last_has_the_status)
{
	pieces_begin(true);
	ck_assert(pieces_produce('a'));
	play_run(&pieces.p);
	pieces_want('a', EWB_OK);
	pieces_hear();
	ck_assert(pieces_produce('b'));
	play_run(&pieces.p);
	pieces_want('b', EWB_OK);
	pieces_hear();
	hear_nothing(pieces.c);
	/* what was not sealed is the last frame */
	pieces_leave('c');
	ewb_notify(pieces.ticket, EWB_OK);
	play_run(&pieces.p);
	pieces_want('c', EWB_SCAN_COMPLETE);
	pieces_want_noop();
	pieces_hear();
	play_close(&pieces.p);
}
END_TEST

START_TEST(without_a_rest_the_last_frame_is_empty)
{
	pieces_begin(true);
	ck_assert(pieces_produce('a'));
	ewb_notify(pieces.ticket, EWB_OK);
	play_run(&pieces.p);
	pieces_want('a', EWB_OK);
	pieces_want_empty(EWB_SCAN_COMPLETE);
	pieces_want_noop();
	pieces_hear();
	play_close(&pieces.p);
}
END_TEST

START_TEST(an_error_frame_carries_no_records)
{
	pieces_begin(true);
	ck_assert(pieces_produce('a'));
	pieces_leave('b');
	ewb_notify(pieces.ticket, EWB_NO_MEMORY);
	play_run(&pieces.p);
	pieces_want('a', EWB_OK);
	pieces_want('b', EWB_OK);
	frames_error(&pieces.want, PIECES_OPCODE, 1, EWB_NO_MEMORY, NULL);
	pieces_want_noop();
	pieces_hear();
	play_close(&pieces.p);
}
END_TEST

/* A piece is freed when it is sent, though its command is over. */
START_TEST(pieces_still_unsent_outlive_their_command)
{
	char got[1000];

	pieces_begin(true);
	client_small(pieces.c, 4096);
	for (unsigned i = 0; i < 30 && pieces_produce((char)('a' + i)); i++)
		pieces_want((char)('a' + i), EWB_OK);
	ewb_notify(pieces.ticket, EWB_OK);
	play_run(&pieces.p);
	ck_assert_ptr_null(pieces.c->conn->first);
	ck_assert_uint_gt(pieces.c->conn->out.bytes, 0);
	ck_assert_uint_eq(atomic_load(&pieces.p.core->streams), 1);
	if (_i == 0) {
		pieces_want_empty(EWB_SCAN_COMPLETE);
		pieces_want_noop();
		pieces_hear();
	} else {
		/* or the client goes half-way */
		(void)hear_some(pieces.c, got, sizeof got);
		client_close(pieces.c);
	}
	play_run(&pieces.p);
	ck_assert_uint_eq(atomic_load(&pieces.p.core->streams), 0);
	ck_assert_uint_eq(pieces.p.front[0]->d.nused, 0);
	play_close(&pieces.p);
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
	suite_add_tcase(s, t);
	return unit_run(s);
}
