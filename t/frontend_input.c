/* SPDX-License-Identifier: BSD-2-Clause */
/* What is received: in pieces, and wrong. */
#include "config.h"

#include <string.h>

#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c;

static void
begin(void)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
}

/* A conversation: all in one go, and byte by byte. */

static const struct talk {
	const char *say, *hear;
	unsigned malformed, too_large;
} talks[] = {
	/* noreply */
	{ "set h 0 0 1 noreply\r\nV\r\nget h\r\nget k\r\n",
	  "VALUE h 0 1\r\nV\r\nEND\r\nEND\r\n", 0, 0 },
	{ "set k 0 0 1 noreply\r\nV\r\nadd k 0 0 1 noreply\r\nW\r\n"
	  "incr k 1 noreply\r\ndelete n noreply\r\ntouch n 0 noreply\r\n"
	  "flush_all noreply\r\nverbosity 1 noreply\r\nget k\r\n",
	  "END\r\n", 0, 0 },
	{ "set k 0 0 x noreply\r\nget k\r\n", "END\r\n", 0, 0 },
	{ "set f 0 0 1 noreply\r\nV\r\nget k\r\n", "END\r\n", 0, 0 },
	/* errors among others */
	{ "get k\r\nbogus\r\nset k 0 0 1\r\nV\r\n\r\nget k\r\nget\r\nget k\r\n",
	  "END\r\nERROR\r\nSTORED\r\nERROR\r\nVALUE k 0 1\r\nV\r\nEND\r\n"
	  "ERROR\r\nVALUE k 0 1\r\nV\r\nEND\r\n",
	  3, 0 },
	{ "get h\r\nbogus\r\nget k\r\n", "END\r\nERROR\r\nEND\r\n", 1, 0 },
	{ "set k a 0 3\r\nget\r\nget k\r\n",
	  "CLIENT_ERROR bad command line format\r\nEND\r\n", 1, 0 },
	/* a value that does not end where it should */
	{ "set k 0 0 3\r\nabcd\r\nget k\r\n",
	  "CLIENT_ERROR bad data chunk\r\nEND\r\n", 1, 0 },
	{ "set k 0 0 3\r\nabcdefgh get k\r\nget k\r\n",
	  "CLIENT_ERROR bad data chunk\r\nEND\r\n", 1, 0 },
	{ "set k 0 0 3\r\nabc\nget k\r\n",
	  "CLIENT_ERROR bad data chunk\r\nEND\r\n", 1, 0 },
	{ "set k 0 0 3\r\nabc\n\r\nget k\r\n",
	  "CLIENT_ERROR bad data chunk\r\nERROR\r\nEND\r\n", 2, 0 },
	{ "set k 0 0 3 noreply\r\nabcd\r\nget k\r\n", "END\r\n", 0, 0 },
	/* and the rest */
	{ "quit\r\n", "", 0, 0 },
	{ "version\r\nquit now\r\nget k\r\n",
	  "VERSION " EWB_PROTOCOL_VERSION "-ewb-" PACKAGE_VERSION "\r\n", 0,
	  0 },
	{ "verbosity 1\r\nstats nosuch\r\nflush_all 0\r\n",
	  "OK\r\nERROR\r\nOK\r\n", 0, 0 },
};
#define TALKS ((int)(sizeof talks / sizeof *talks))

static void
converse(const struct talk *t, size_t piece)
{
	size_t n = strlen(t->say), part;

	begin();
	for (size_t i = 0; i < n && client_served(c); i += part) {
		part = n - i < piece ? n - i : piece;
		say_bytes(c, t->say + i, part);
		play_run(&p);
	}
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
	}
	hear(c, t->hear);
	if (strstr(t->say, "quit"))
		hear_end(c);
	else
		hear_nothing(c);
	ck_assert_uint_eq(play_count(&p, frames_malformed), t->malformed);
	ck_assert_uint_eq(play_count(&p, too_large), t->too_large);
	play_close(&p);
}

START_TEST(a_conversation_is_the_same_in_pieces_of_every_size)
{
	size_t n = strlen(talks[_i].say);

	for (size_t piece = 1; piece <= n; piece++)
		converse(&talks[_i], piece);
}
END_TEST

/* A silent connection holds no input buffer. */
START_TEST(half_a_command_is_kept_aside)
{
	begin();
	say(c, "get k\r\nget lon");
	play_run(&p);
	hear(c, "END\r\n");
	ck_assert_ptr_null(c->conn->in);
	ck_assert_uint_eq(c->conn->npart, 7);
	say(c, "ger\r\n");
	play_run(&p);
	ck_assert_ptr_null(c->conn->in);
	ck_assert_uint_eq(c->conn->npart, 0);
	play_pass(&p, 2500);
	play_run(&p);
	hear(c, "END\r\n");
	play_close(&p);
}
END_TEST

START_TEST(a_slice_that_ends_with_the_input_keeps_no_buffer)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.requests_per_turn = 10;
	play_open(&p, 1, &tiny_engine, &o);
	c = client_open(&p, 0);
	say_times(c, 5, "get k\r\n");
	play_run(&p);
	ck_assert_ptr_null(c->conn->in);
	ck_assert_uint_eq(play_count(&p, slices_used), 0);
	ck_assert_uint_eq(hear_all(c), 25);
	play_close(&p);
}
END_TEST

/* Nothing sensible can follow. */

static void
check_closed(struct frames *ask)
{
	static struct frames want;

	begin();
	want.n = 0;
	frames_say(c, ask);
	play_run(&p);
	/* what came before is answered first */
	hear_nothing(c);
	ck_assert(client_served(c));
	ck_assert_uint_eq(play_count(&p, frames_fatal), 1);
	tiny_let("h", EWB_OK);
	play_run(&p);
	frames_error(&want, BIN_GET, 1, EWB_NOT_FOUND, NULL);
	frames_answer(&want, &(struct frame){ .opcode = BIN_NOOP });
	frames_hear(c, &want);
	hear_end(c);
	ck_assert(!client_served(c));
	play_close(&p);
}

START_TEST(a_frame_that_makes_no_sense_closes_after_what_came_before)
{
	static struct frames ask;
	size_t at;

	ask.n = 0;
	frames_ask(&ask, &(struct frame){
				 .opcode = BIN_GET, .opaque = 1, .key = "h" });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP });
	at = ask.n;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET, .key = "k" });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP });
	switch (_i) {
	case 0: ask.at[at] = 0x42; break;      /* unknown magic */
	case 1: ask.at[at + 3] = 200; break;   /* key longer than the body */
	case 2: ask.at[at + 4] = 20; break;    /* extras longer than that */
	default: ask.at[at + 8] = 0x10; break; /* a body of 256 MiB */
	}
	check_closed(&ask);
}
END_TEST

START_TEST(a_malformed_frame_is_answered_and_the_connection_stays)
{
	static struct frames ask, want;

	begin();
	ask.n = want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = 0x77,
	                                  .opaque = 1,
	                                  .key = "k",
	                                  .value = "v",
	                                  .nvalue = 1 });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET, .opaque = 2 });
	frames_ask(&ask, &(struct frame){
				 .opcode = BIN_NOOP, .opaque = 3, .key = "k" });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP, .opaque = 4 });
	frames_say(c, &ask);
	play_run(&p);
	frames_error(&want, 0x77, 1, EWB_UNKNOWN_COMMAND, "unknown command");
	frames_error(&want, BIN_GET, 2, EWB_INVALID, "no key");
	frames_error(&want, BIN_NOOP, 3, EWB_INVALID,
	             "a key where there is none");
	frames_answer(&want,
	              &(struct frame){ .opcode = BIN_NOOP, .opaque = 4 });
	frames_hear(c, &want);
	hear_nothing(c);
	ck_assert_uint_eq(play_count(&p, frames_malformed), 3);
	ck_assert_uint_eq(play_count(&p, frames_fatal), 0);
	play_close(&p);
}
END_TEST

START_TEST(a_line_without_an_end_closes_the_connection)
{
	char line[4000];

	begin();
	memset(line, 'x', sizeof line);
	say(c, "get k\r\n");
	say_bytes(c, line, sizeof line);
	play_run(&p);
	hear(c, "END\r\nCLIENT_ERROR line too long\r\n");
	hear_end(c);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend input");
	TCase *t = tcase_create("input");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t,
	                    a_conversation_is_the_same_in_pieces_of_every_size,
	                    0, TALKS);
	tcase_add_test(t, half_a_command_is_kept_aside);
	tcase_add_test(t, a_slice_that_ends_with_the_input_keeps_no_buffer);
	tcase_add_loop_test(
		t, a_frame_that_makes_no_sense_closes_after_what_came_before, 0,
		4);
	tcase_add_test(t,
	               a_malformed_frame_is_answered_and_the_connection_stays);
	tcase_add_test(t, a_line_without_an_end_closes_the_connection);
	suite_add_tcase(s, t);
	return unit_run(s);
}
