/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <string.h>

#include "cookie/stream.h"
#include "t/frontend_pieces.h"
#include "t/frontend_tiny.h"

struct pieces pieces;

static void
count_wake(void *arg)
{
	(void)arg;
	pieces.wakes++;
}

static enum ewb_status
run_stream(struct ewb_cookie *cookie)
{
	if (ewb_cookie_resumed(cookie) == EWB_NEW)
		ck_assert_int_eq(ewb_stream_open(cookie, count_wake, NULL),
		                 EWB_OK);
	else if (pieces.again-- == 0)
		return EWB_SCAN_COMPLETE;
	pieces.ticket = ewb_cookie_block(cookie, NULL);
	return EWB_WOULDBLOCK;
}

void
pieces_begin(bool terminal_error)
{
	static const uint8_t extras[28];
	static struct frames ask;

	play_server(&pieces.p, &tiny_engine, NULL);
	pieces.p.core->commands[EWB_OP_SCAN_CONTINUE] = (struct ewb_command){
		.run = run_stream,
		.streams = 1,
		.terminal_error = terminal_error,
	};
	play_fronts(&pieces.p, 1);
	pieces.c = client_open(&pieces.p, 0);
	pieces.ticket.word = 0;
	pieces.wakes = pieces.again = 0;
	ask.n = pieces.want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = PIECES_OPCODE,
	                                  .opaque = 1,
	                                  .extras = extras,
	                                  .nextras = sizeof extras });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP, .opaque = 2 });
	frames_say(pieces.c, &ask);
	play_run(&pieces.p);
	ck_assert_uint_ne(pieces.ticket.word, 0);
}

bool
pieces_produce(char what)
{
	void *at = ewb_stream_reserve(pieces.ticket.slot, PIECES_RECORD);

	if (at == NULL)
		return false;
	memset(at, what, PIECES_RECORD);
	ewb_stream_commit(pieces.ticket.slot, PIECES_RECORD);
	ewb_stream_flush(pieces.ticket.slot);
	return true;
}

void
pieces_leave(char what)
{
	void *at = ewb_stream_reserve(pieces.ticket.slot, PIECES_RECORD);

	ck_assert_ptr_nonnull(at);
	memset(at, what, PIECES_RECORD);
	ewb_stream_commit(pieces.ticket.slot, PIECES_RECORD);
}

bool
pieces_reader_is_slow(void)
{
	ewb_now_on_front(pieces.p.front[0]->d.thread);
	return ewb_stream_full(pieces.c->conn->first->stream);
}

void
pieces_want(char what, uint16_t status)
{
	char body[PIECES_RECORD];

	memset(body, what, sizeof body);
	frames_answer(&pieces.want, &(struct frame){ .opcode = PIECES_OPCODE,
	                                             .opaque = 1,
	                                             .status = status,
	                                             .value = body,
	                                             .nvalue = sizeof body });
}

void
pieces_want_empty(uint16_t status)
{
	frames_answer(&pieces.want, &(struct frame){ .opcode = PIECES_OPCODE,
	                                             .opaque = 1,
	                                             .status = status });
}

void
pieces_want_noop(void)
{
	frames_answer(&pieces.want,
	              &(struct frame){ .opcode = BIN_NOOP, .opaque = 2 });
}

void
pieces_hear(void)
{
	frames_hear(pieces.c, &pieces.want);
	pieces.want.n = 0;
}
