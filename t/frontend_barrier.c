/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands without one key: they wait for all and hold all. */
#include "config.h"

#include <string.h>

#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c;

/* Barriers. */

static const struct barrier {
	const char *text, *answer;
} barriers[] = {
	{ "flush_all\r\n", "OK\r\n" },
	{ "stats pool\r\n", NULL },
	{ "stats cookies\r\n", NULL },
};

START_TEST(a_barrier_waits_for_all_and_holds_all)
{
	const struct barrier *b = &barriers[_i];
	char got[8192];
	unsigned runs;

	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say(c, "get h1\r\nget h2\r\nset k 0 0 1\r\nK\r\n");
	say(c, b->text);
	say(c, "get k\r\n");
	play_run(&p);
	/* not begun: neither the barrier nor the get behind it */
	ck_assert_uint_eq(tiny.runs, 3);
	ck_assert_int_eq(c->conn->last->prev->wait, EWB_WAIT_TURN);
	tiny_let("h1", EWB_OK);
	play_run(&p);
	hear(c, "END\r\n");
	hear_nothing(c);
	ck_assert_uint_eq(tiny.runs, 3);
	/* now the barrier itself is held, or answers at once */
	tiny.how = TINY_HOLD;
	tiny_let("h2", EWB_OK);
	runs = tiny.runs;
	play_run(&p);
	if (b->answer) {
		ck_assert_uint_eq(tiny.runs, runs + 1);
		ck_assert_ptr_nonnull(tiny_held("", 0));
		ck_assert_ptr_null(tiny_held("k", 0));
		tiny.how = TINY_AT_ONCE;
		tiny_let("", EWB_OK);
		play_run(&p);
		hear(c, "END\r\nSTORED\r\nOK\r\nEND\r\n");
	} else {
		hear(c, "END\r\nSTORED\r\n");
		ck_assert_uint_gt(hear_some(c, got, sizeof got), 0);
		ck_assert_ptr_nonnull(tiny_held("k", 0));
		tiny_let("k", EWB_OK);
		play_run(&p);
		hear(c, "VALUE k 0 1\r\nK\r\nEND\r\n");
	}
	play_close(&p);
}
END_TEST

START_TEST(quit_waits_for_all_and_nothing_behind_it_is_run)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	say(c, "get h1\r\nget h2\r\nquit\r\nset k 0 0 1\r\nK\r\nget k\r\n");
	play_run(&p);
	tiny_let("h2", EWB_OK);
	play_run(&p);
	hear_nothing(c);
	tiny_let("h1", EWB_OK);
	play_run(&p);
	hear(c, "END\r\nEND\r\n");
	hear_end(c);
	ck_assert_uint_eq(tiny.runs, 2);
	ck_assert(!client_served(c));
	play_close(&p);
}
END_TEST

/* Commands that another room adds: as the scans do. */

static struct ewb_ticket added;

static enum ewb_status
run_added(struct ewb_cookie *cookie)
{
	if (ewb_cookie_resumed(cookie) != EWB_NEW)
		return EWB_OK;
	added = ewb_cookie_block(cookie, NULL);
	return EWB_WOULDBLOCK;
}

START_TEST(an_added_barrier_waits_for_all_and_holds_all)
{
	static const uint8_t range[] = "{}", extras[28] = { 0 };
	static struct frames ask, want;

	play_server(&p, &tiny_engine, NULL);
	p.core->commands[EWB_OP_SCAN_CREATE] =
		(struct ewb_command){ .run = run_added, .barrier = 1 };
	play_fronts(&p, 1);
	c = client_open(&p, 0);
	ask.n = want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET, .key = "h" });
	frames_ask(&ask, &(struct frame){ .opcode = 0xda,
	                                  .opaque = 7,
	                                  .value = range,
	                                  .nvalue = 2 });
	frames_ask(&ask, &(struct frame){ .opcode = 0xdb,
	                                  .extras = extras,
	                                  .nextras = 28 });
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET, .key = "k" });
	added.word = 0;
	frames_say(c, &ask);
	play_run(&p);
	ck_assert_uint_eq(added.word, 0);
	tiny_let("h", EWB_OK);
	play_run(&p);
	ck_assert_uint_ne(added.word, 0);
	ck_assert_uint_eq(tiny.runs, 1);
	ck_assert_int_eq(ewb_notify(added, EWB_OK), EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(tiny.runs, 2);
	frames_error(&want, BIN_GET, 0, EWB_NOT_FOUND, NULL);
	frames_answer(&want, &(struct frame){ .opcode = 0xda, .opaque = 7 });
	frames_error(&want, 0xdb, 0, EWB_NOT_SUPPORTED,
	             "this server has no such commands");
	frames_error(&want, BIN_GET, 0, EWB_NOT_FOUND, NULL);
	frames_hear(c, &want);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend barrier");
	TCase *t = tcase_create("barrier");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, a_barrier_waits_for_all_and_holds_all, 0, 3);
	tcase_add_test(t, quit_waits_for_all_and_nothing_behind_it_is_run);
	tcase_add_test(t, an_added_barrier_waits_for_all_and_holds_all);
	suite_add_tcase(s, t);
	return unit_run(s);
}
