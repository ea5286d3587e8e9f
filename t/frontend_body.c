/* SPDX-License-Identifier: BSD-2-Clause */
/* Values: received in place, in pieces, and too large. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define MIB (1u << 20)

static struct play p;
static struct client *c;

static void
begin(void)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
}

static char *
a_value(size_t n)
{
	char *v = malloc(n + 3);

	ck_assert_ptr_nonnull(v);
	for (size_t i = 0; i < n; i++)
		v[i] = (char)('a' + i % 24);
	memcpy(v + n, "\r\n", 3);
	return v;
}

/* A wrong end of a value that is received in a buffer of its own. */
START_TEST(a_large_value_with_a_wrong_end_is_not_stored)
{
	static const struct {
		const char *end, *hear;
	} ends[] = {
		{ "xx\r\nget k\r\n", "CLIENT_ERROR bad data chunk\r\nEND\r\n" },
		{ "xxget k\r\nget k\r\n",
		  "CLIENT_ERROR bad data chunk\r\nEND\r\n" },
		{ "\nget k\r\n", "CLIENT_ERROR bad data chunk\r\nEND\r\n" },
		{ "x\nget k\r\n", "CLIENT_ERROR bad data chunk\r\nEND\r\n" },
	};
	char *v = a_value(100000);

	begin();
	say(c, "set k 0 0 100000\r\n");
	say_bytes(c, v, 50000);
	play_run(&p);
	say_bytes(c, v + 50000, 50000);
	for (const char *e = ends[_i].end; *e; e++) {
		say_bytes(c, e, 1);
		play_run(&p);
	}
	hear(c, ends[_i].hear);
	hear_nothing(c);
	ck_assert_uint_eq(tiny.runs, 1);
	free(v);
	play_close(&p);
}
END_TEST

/* Too large. */

static void
say_much(size_t n)
{
	char *v = a_value(65536);
	size_t part;

	for (; n; n -= part) {
		part = n < 65536 ? n : 65536;
		say_bytes(c, v, part);
		play_run(&p);
	}
	free(v);
}

START_TEST(a_value_too_large_is_refused_without_a_buffer_for_it)
{
	size_t out, n = _i ? 3 * MIB : MIB + 1;
	char line[64];

	begin();
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "END\r\n");
	out = atomic_load(&p.core->chunks.out);
	snprintf(line, sizeof line, "set k 0 0 %zu\r\n", n);
	say(c, line);
	play_run(&p);
	hear(c, "SERVER_ERROR object too large for cache\r\n");
	ck_assert_ptr_null(c->conn->body);
	say_much(n);
	ck_assert_ptr_null(c->conn->body);
	ck_assert_uint_le(atomic_load(&p.core->chunks.out), out);
	say(c, "\r\nget k\r\n");
	play_run(&p);
	hear(c, "END\r\n");
	ck_assert_uint_eq(play_count(&p, too_large), 1);
	play_close(&p);
}
END_TEST

START_TEST(a_binary_value_too_large_is_refused_without_a_buffer_for_it)
{
	static struct frames ask, want;

	begin();
	ask.n = want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_SET,
	                                  .opaque = 2,
	                                  .extras = "\0\0\0\0\0\0\0\0",
	                                  .nextras = 8,
	                                  .key = "k" });
	/* as long as it says */
	ask.at[9] = 0x30;
	frames_say(c, &ask);
	play_run(&p);
	frames_error(&want, BIN_SET, 2, EWB_TOO_BIG, "value too large");
	frames_hear(c, &want);
	ck_assert_ptr_null(c->conn->body);
	say_much(3 * MIB);
	ask.n = want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP });
	frames_answer(&want, &(struct frame){ .opcode = BIN_NOOP });
	frames_say(c, &ask);
	play_run(&p);
	frames_hear(c, &want);
	ck_assert_uint_eq(play_count(&p, too_large), 1);
	play_close(&p);
}
END_TEST

START_TEST(a_value_far_too_large_closes_the_connection)
{
	begin();
	say(c, "get k\r\nset k 0 0 70000000\r\n");
	play_run(&p);
	hear(c, "END\r\nSERVER_ERROR object too large for cache\r\n");
	hear_end(c);
	play_close(&p);
}
END_TEST

/* Many that are slow with theirs. */

static void
begin_with_memory_for(size_t bytes)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.max_item = 100000;
	o.high = 16384;
	o.low = 0;
	o.buffer_memory = bytes;
	play_open(&p, 1, &tiny_engine, &o);
}

#define RECEIVING() atomic_load(&p.server->receiving)

START_TEST(slow_large_values_above_the_buffer_memory_are_refused)
{
	char *v = a_value(100000);
	struct client *slow[3];

	begin_with_memory_for(200000);
	for (unsigned i = 0; i < 3; i++) {
		slow[i] = client_open(&p, 0);
		say(slow[i], "set k 0 0 100000\r\n");
		say_bytes(slow[i], v, 70000);
		play_run(&p);
	}
	/* that is the one that made it too much */
	hear(slow[2], "SERVER_ERROR out of memory storing object\r\n");
	ck_assert_uint_eq(RECEIVING(), 140000);
	/* what follows of it is thrown away */
	say_bytes(slow[2], v + 70000, 30002);
	say(slow[2], "get k\r\n");
	play_run(&p);
	hear(slow[2], "END\r\n");
	for (unsigned i = 0; i < 2; i++) {
		say_bytes(slow[i], v + 70000, 30002);
		play_run(&p);
		hear(slow[i], "STORED\r\n");
	}
	ck_assert_uint_eq(RECEIVING(), 0);
	free(v);
	play_close(&p);
}
END_TEST

START_TEST(who_falls_silent_within_one_is_cut_off_when_memory_for_them_is_short)
{
	char *v = a_value(100000);
	struct client *slow[2];
	struct ewb_server_options o;

	play_defaults(&o);
	begin_with_memory_for(_i ? 200000 : 400000);
	for (unsigned i = 0; i < 2; i++) {
		slow[i] = client_open(&p, 0);
		say(slow[i], "set k 0 0 100000\r\n");
		say_bytes(slow[i], v, 70000);
		play_run(&p);
	}
	play_pass(&p, o.no_progress_s * 1000 - 1000);
	say_bytes(slow[0], v, 1);
	play_run(&p);
	play_pass(&p, 1000);
	ck_assert(client_served(slow[0]));
	ck_assert_int_eq(client_served(slow[1]), !_i);
	ck_assert_uint_eq(play_count(&p, closed_no_progress), _i);
	free(v);
	play_close(&p);
}
END_TEST

START_TEST(a_binary_one_is_refused_as_one)
{
	static struct frames ask, want;
	char *v = a_value(100000);
	struct client *slow;

	begin_with_memory_for(132000);
	slow = client_open(&p, 0);
	say(slow, "set k 0 0 100000\r\n");
	say_bytes(slow, v, 70000);
	play_run(&p);
	c = client_open(&p, 0);
	ask.n = want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_SET,
	                                  .opaque = 2,
	                                  .extras = "\0\0\0\0\0\0\0\0",
	                                  .nextras = 8,
	                                  .key = "k" });
	memcpy(ask.at + 8, "\0\1\x00\x09", 4); /* 65536 bytes of value */
	frames_say(c, &ask);
	say_bytes(c, v, 64000);
	play_run(&p);
	frames_error(&want, BIN_SET, 2, EWB_NO_MEMORY,
	             "too many large values are being received");
	frames_hear(c, &want);
	say_bytes(c, v, 1536);
	ask.n = want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_NOOP });
	frames_answer(&want, &(struct frame){ .opcode = BIN_NOOP });
	frames_say(c, &ask);
	play_run(&p);
	frames_hear(c, &want);
	/* one that goes is none that receives */
	client_close(slow);
	play_run(&p);
	ck_assert_uint_eq(RECEIVING(), 0);
	free(v);
	play_close(&p);
}
END_TEST

/* Not what others have sent, in the same arena. */
START_TEST(a_large_value_that_is_slow_holds_no_more_than_itself)
{
	char *v = a_value(100000);
	struct client *slow[8];
	size_t out;

	begin();
	for (unsigned i = 0; i < 8; i++) {
		slow[i] = client_open(&p, 0);
		say(slow[i], "set k 0 0 100000\r\n");
		say_bytes(slow[i], v, 1000);
		play_run(&p);
		if (i == 0)
			out = atomic_load(&p.core->chunks.out);
		/* others fill the arena */
		for (unsigned n = 0; n < 2; n++) {
			say(c, "set o 0 0 100000\r\n");
			say_bytes(c, v, 100002);
			play_run(&p);
			hear(c, "STORED\r\n");
		}
	}
	/* a small chunk each, and one for answers */
	ck_assert_uint_le(atomic_load(&p.core->chunks.out),
	                  out + 8 * EWB_CHUNK_MIN + EWB_OUT_COPY);
	for (unsigned i = 0; i < 8; i++) {
		say_bytes(slow[i], v + 1000, 99002);
		play_run(&p);
		hear(slow[i], "STORED\r\n");
	}
	free(v);
	play_close(&p);
}
END_TEST

/* What the heap holds of it when all is over, a job gives back. */
START_TEST(when_much_has_ebbed_the_heap_is_trimmed_once)
{
	begin();
	play_pass(&p, 1000);
	ck_assert(!play_job(&p));
	atomic_fetch_add(&p.server->receiving, 80 * MIB);
	play_pass(&p, 1000);
	ck_assert(!play_job(&p));
	atomic_fetch_sub(&p.server->receiving, 80 * MIB);
	play_pass(&p, 1000);
	play_pass(&p, 1000);
	ck_assert_int_eq(atomic_load(&p.server->trim.busy), 1);
	if (_i) { /* or the server ends before */
		ck_assert(play_job(&p));
		ck_assert(!play_job(&p));
		ck_assert_int_eq(atomic_load(&p.server->trim.busy), 0);
	}
	play_close(&p);
}
END_TEST

/* Received in place. */

static const size_t pieces[] = { 1000, 4096, 16384, 65535, 200000 };

START_TEST(a_large_value_is_received_where_the_engine_keeps_it)
{
	char *v = a_value(MIB);
	size_t part, n = MIB + 2;
	const uint8_t *at = NULL;

	begin();
	say(c, "set k 5 0 1048576\r\n");
	play_run(&p);
	for (size_t i = 0; i < n; i += part) {
		part = n - i < pieces[_i] ? n - i : pieces[_i];
		say_bytes(c, v + i, part);
		play_sockets(&p);
		if (c->conn->body)
			at = c->conn->body;
	}
	play_run(&p);
	hear(c, "STORED\r\n");
	ck_assert_uint_eq(atomic_load(&tiny.taken), 1);
	ck_assert_ptr_nonnull(at);
	ck_assert_ptr_eq(atomic_load(&tiny.value_at), at);
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "VALUE k 5 1048576\r\n");
	hear_bytes(c, v, MIB + 2);
	hear(c, "END\r\n");
	free(v);
	play_close(&p);
}
END_TEST

START_TEST(a_value_is_whole_in_pieces_of_every_size)
{
	static const size_t sizes[] = { 100, 4095, 16383, 16384, 17000, 40000 };
	size_t n = sizes[_i], part;
	char *v = a_value(n), head[64], want[64];

	snprintf(head, sizeof head, "set k 0 0 %zu\r\n", n);
	snprintf(want, sizeof want, "VALUE k 0 %zu\r\n", n);
	begin();
	for (size_t piece = n / 9 + 1; piece < n + 2; piece += n / 5 + 1) {
		say(c, head);
		for (size_t i = 0; i < n + 2; i += part) {
			part = n + 2 - i < piece ? n + 2 - i : piece;
			say_bytes(c, v + i, part);
			play_run(&p);
		}
		say(c, "get k\r\n");
		play_run(&p);
		hear(c, "STORED\r\n");
		hear(c, want);
		hear_bytes(c, v, n + 2);
		hear(c, "END\r\n");
		v[0]++;
	}
	free(v);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend body");
	TCase *t = tcase_create("body");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, a_large_value_with_a_wrong_end_is_not_stored, 0,
	                    4);
	tcase_add_loop_test(
		t, a_value_too_large_is_refused_without_a_buffer_for_it, 0, 2);
	tcase_add_test(
		t, a_binary_value_too_large_is_refused_without_a_buffer_for_it);
	tcase_add_test(t, a_value_far_too_large_closes_the_connection);
	tcase_add_test(t,
	               slow_large_values_above_the_buffer_memory_are_refused);
	tcase_add_loop_test(
		t,
		who_falls_silent_within_one_is_cut_off_when_memory_for_them_is_short,
		0, 2);
	tcase_add_test(t, a_binary_one_is_refused_as_one);
	tcase_add_loop_test(t, when_much_has_ebbed_the_heap_is_trimmed_once, 0,
	                    2);
	tcase_add_test(t,
	               a_large_value_that_is_slow_holds_no_more_than_itself);
	tcase_add_loop_test(t,
	                    a_large_value_is_received_where_the_engine_keeps_it,
	                    0, (int)(sizeof pieces / sizeof *pieces));
	tcase_add_loop_test(t, a_value_is_whole_in_pieces_of_every_size, 0, 6);
	suite_add_tcase(s, t);
	return unit_run(s);
}
