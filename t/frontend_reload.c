/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine is closed and opened again while clients stay connected. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/reload.h"
#include "protocol/binary.h"
#include "t/front_play.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define BIN_RELOAD 0xde
#define MOST_MS 60000u /* nobody waits for it */

static struct play p;
static struct client *admin, *c, *d;
static struct frames f;
static unsigned opened, closed;
static bool opens = true;

/* tiny, counted. */

static enum ewb_status
open_it(struct ewb_host *host, const struct ewb_setting *s, size_t n,
        void **self)
{
	if (!opens) {
		ewb_host_error(host, "no such shelf");
		return EWB_INTERNAL;
	}
	opened++;
	return tiny_engine.open(host, s, n, self);
}

static void
close_it(void *self)
{
	ck_assert_uint_eq(tiny_blocked(), 0);
	closed++;
	tiny_engine.close(self);
}

static enum ewb_status
run_echo(void *self, struct ewb_cookie *k, const struct ewb_request *r)
{
	(void)self;
	return ewb_reply_value(k, r->value, r->nvalue);
}

static const struct ewb_own own[] = {
	{ .name = "echo",
	  .opcode = 0xe0,
	  .is = EWB_OWN_VALUE,
	  .help = "says it again",
	  .run = run_echo },
	{ 0 },
};

static void
open_play(unsigned nfronts)
{
	static struct ewb_engine e;

	e = tiny_engine;
	e.open = open_it;
	e.close = close_it;
	e.own = own;
	e.own_size = sizeof *own;
	opened = closed = 0;
	opens = true;
	play_open(&p, nfronts, &e, NULL);
	admin = client_open(&p, 0);
	c = client_open(&p, nfronts - 1);
}

static void
ask_with(struct client *from, uint32_t ms)
{
	uint8_t grace[4];

	ewb_put32(grace, ms);
	f.n = 0;
	frames_ask(&f, &(struct frame){ .opcode = BIN_RELOAD,
	                                .extras = grace,
	                                .nextras = 4 });
	frames_say(from, &f);
	play_run(&p);
}

static void
ask_reload(struct client *from)
{
	ask_with(from, MOST_MS);
}

static void
time_over(void)
{
	for (unsigned i = 0; i < p.nfronts; i++) {
		ewb_now_on_front(p.front[i]->d.thread);
		ewb_reload_grace_over(p.front[i]);
	}
	play_run(&p);
}

/* The answer's status; text has what it says. */
static char text[1024];

static unsigned
answer(struct client *from)
{
	uint8_t all[1024];
	size_t n = hear_some(from, all, sizeof all);

	ck_assert_uint_ge(n, EWB_BIN_HEAD);
	ck_assert_uint_eq(all[1], BIN_RELOAD);
	ck_assert_uint_eq(n, EWB_BIN_HEAD + ewb_be32(all + 8));
	memcpy(text, all + EWB_BIN_HEAD, n - EWB_BIN_HEAD);
	text[n - EWB_BIN_HEAD] = '\0';
	return (unsigned)(all[6] << 8 | all[7]);
}

static void
says(const char *what)
{
	ck_assert_msg(strstr(text, what) != NULL, "%s: not in: %s", what, text);
}

START_TEST(the_engine_is_closed_and_opened_and_clients_stay)
{
	open_play(2);
	tiny_put("k", "old", 3);
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "VALUE k 0 3\r\nold\r\nEND\r\n");
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	says("engine tiny: closed and opened again");
	ck_assert_uint_eq(closed, 1);
	ck_assert_uint_eq(opened, 2);
	tiny_put("k", "new", 3);
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "VALUE k 0 3\r\nnew\r\nEND\r\n");
	ck_assert_uint_eq(play_count(&p, engine_reloads), 1);
	play_close(&p);
}
END_TEST

START_TEST(what_is_blocked_is_waited_for)
{
	open_play(2);
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload(admin);
	hear_nothing(admin);
	ck_assert_uint_eq(closed, 0);
	ck_assert_uint_eq(tiny.cancels, 0);
	tiny_let("h", EWB_NOT_FOUND);
	play_run(&p);
	hear(c, "END\r\n");
	ck_assert_uint_eq(answer(admin), EWB_OK);
	ck_assert_uint_eq(closed, 1);
	play_close(&p);
}
END_TEST

START_TEST(what_comes_meanwhile_waits_and_meets_the_new_engine)
{
	open_play(2);
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload(admin);
	say(c, "get k\r\nset k 0 0 1\r\nV\r\n");
	d = client_open(&p, 1);
	say(d, "get k\r\n");
	play_run(&p);
	hear_nothing(d);
	hear_nothing(c);
	ck_assert_uint_eq(tiny.runs, 1);
	tiny_let("h", EWB_NOT_FOUND);
	play_run(&p);
	ck_assert_uint_eq(opened, 2);
	hear(c, "END\r\nEND\r\nSTORED\r\n");
	ck_assert_uint_eq(hear_all(d) > 0, 1);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	play_close(&p);
}
END_TEST

START_TEST(after_the_grace_it_is_cancelled_and_answered)
{
	open_play(2);
	say(c, "get h\r\nset h 0 0 1\r\nV\r\n");
	play_run(&p);
	ask_reload(admin);
	time_over();
	ck_assert_uint_eq(tiny.cancels, 1);
	ck_assert_int_eq(tiny_held("h", 0)->why, EWB_CANCEL_ENGINE);
	/* the store had not begun */
	hear(c, "SERVER_ERROR temporary failure\r\n"
	        "SERVER_ERROR temporary failure\r\n");
	hear_nothing(admin);
	ck_assert_uint_eq(closed, 0);
	tiny_let("h", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(closed, 1);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	ck_assert_uint_eq(play_count(&p, cancelled_engine), 1);
	play_close(&p);
}
END_TEST

START_TEST(what_does_not_come_home_is_named_and_the_engine_stays)
{
	open_play(2);
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload(admin);
	time_over();
	hear_all(c);
	time_over();
	ck_assert_uint_eq(answer(admin), EWB_BUSY);
	says("in the way");
	says("engine=tiny opcode=get");
	ck_assert_uint_eq(closed, 0);
	/* it serves on */
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "END\r\n");
	tiny_let("h", EWB_OK);
	play_run(&p);
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	ck_assert_uint_eq(closed, 1);
	play_close(&p);
}
END_TEST

START_TEST(a_lent_value_that_is_not_read_is_named)
{
	char *v = calloc(1, 1 << 20);

	ck_assert_ptr_nonnull(v);
	open_play(1);
	tiny_put("k", v, 1 << 20);
	client_small(c, 4096);
	say(c, "get k\r\n");
	play_run(&p);
	ck_assert_uint_gt(tiny.lent, tiny.released);
	ask_reload(admin);
	time_over();
	time_over();
	ck_assert_uint_eq(answer(admin), EWB_BUSY);
	says("does not read its answers");
	ck_assert_uint_eq(closed, 0);
	ck_assert_uint_eq(hear_all(c), (1 << 20) + 26);
	play_run(&p);
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	free(v);
	play_close(&p);
}
END_TEST

START_TEST(without_an_engine_the_server_waits_for_the_next_reload)
{
	open_play(2);
	opens = false;
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_INTERNAL);
	says("no such shelf");
	says("without an engine");
	say(c, "get k\r\nset k 0 0 1\r\nV\r\n");
	play_run(&p);
	hear(c, "SERVER_ERROR temporary failure\r\n"
	        "SERVER_ERROR outcome unknown\r\n");
	opens = true;
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "END\r\n");
	play_close(&p);
}
END_TEST

/* A reload and a get in one piece. */
static void
ask_and_get(struct client *from)
{
	uint8_t grace[4];

	ewb_put32(grace, MOST_MS);
	f.n = 0;
	frames_ask(&f, &(struct frame){ .opcode = BIN_RELOAD,
	                                .extras = grace,
	                                .nextras = 4 });
	frames_ask(&f, &(struct frame){ .opcode = BIN_GET,
	                                .key = "k" });
	frames_say(from, &f);
	play_run(&p);
}

static void
must_have_both(struct client *from)
{
	uint8_t all[1024];
	size_t n = hear_some(from, all, sizeof all);
	const uint8_t *get = all + EWB_BIN_HEAD + ewb_be32(all + 8);

	ck_assert_uint_ge(n, 2 * EWB_BIN_HEAD);
	ck_assert_uint_eq(all[1], BIN_RELOAD);
	ck_assert_uint_eq(all[6] << 8 | all[7], EWB_OK);
	ck_assert_ptr_eq(get + EWB_BIN_HEAD + ewb_be32(get + 8), all + n);
	ck_assert_uint_eq(get[1], BIN_GET);
	ck_assert_uint_eq(get[6] << 8 | get[7], EWB_TEMPORARY);
}

START_TEST(what_was_said_behind_it_is_refused_and_not_in_its_way)
{
	open_play(1);
	ask_and_get(admin);
	must_have_both(admin);
	ck_assert_uint_eq(closed, 1);
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "END\r\n");
	play_close(&p);
}
END_TEST

START_TEST(it_is_not_cancelled_by_itself_where_there_is_no_engine)
{
	open_play(1);
	opens = false;
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_INTERNAL);
	opens = true;
	ask_and_get(admin);
	time_over();
	must_have_both(admin);
	ck_assert_uint_eq(play_count(&p, engine_reloads), 1);
	play_close(&p);
}
END_TEST

START_TEST(it_has_no_deadline_but_its_own)
{
	open_play(2);
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload(admin);
	play_pass(&p, 60000);
	play_run(&p);
	hear(c, "SERVER_ERROR temporary failure\r\n");
	hear_nothing(admin);
	tiny_let("h", EWB_OK);
	play_run(&p);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	play_close(&p);
}
END_TEST

START_TEST(a_cursor_that_is_not_closed_is_named)
{
	struct ewb_instance *i;

	open_play(2);
	i = p.server->instance;
	atomic_fetch_add(&i->cursors, 1);
	ask_reload(admin);
	hear_nothing(admin);
	play_pass(&p, 2000);
	play_run(&p);
	ck_assert_uint_eq(answer(admin), EWB_BUSY);
	says("1 cursors");
	ck_assert_uint_eq(closed, 0);
	atomic_fetch_sub(&i->cursors, 1);
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	play_close(&p);
}
END_TEST

START_TEST(a_second_one_is_refused_while_the_first_waits)
{
	open_play(2);
	d = client_open(&p, 0);
	say(c, "get h\r\n");
	play_run(&p);
	/* both are read before either pauses its front end */
	f.n = 0;
	frames_ask(&f, &(struct frame){ .opcode = BIN_RELOAD,
	                                .extras = "\0\0\003\350",
	                                .nextras = 4 });
	frames_say(admin, &f);
	frames_say(d, &f);
	play_run(&p);
	/* whoever was read first waits */
	ck_assert_uint_eq(closed, 0);
	tiny_let("h", EWB_NOT_FOUND);
	play_run(&p);
	if (answer(d) == EWB_OK) {
		ck_assert_uint_eq(answer(admin), EWB_BUSY);
	} else {
		says("being reloaded");
		ck_assert_uint_eq(answer(admin), EWB_OK);
	}
	ck_assert_uint_eq(closed, 1);
	play_close(&p);
}
END_TEST

START_TEST(it_goes_on_when_the_one_who_asked_has_gone)
{
	open_play(2);
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload(admin);
	client_close(admin);
	play_run(&p);
	tiny_let("h", EWB_NOT_FOUND);
	play_run(&p);
	ck_assert_uint_eq(closed, 1);
	ck_assert_uint_eq(opened, 2);
	hear(c, "END\r\n");
	say(c, "get k\r\n");
	play_run(&p);
	hear(c, "END\r\n");
	play_close(&p);
}
END_TEST

START_TEST(a_stop_in_the_middle_ends_both)
{
	open_play(2);
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload(admin);
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_WOULDBLOCK);
	tiny_let("h", EWB_NOT_FOUND);
	play_run(&p);
	hear(c, "END\r\n");
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	play_fronts_free(&p);
	play_free(&p);
	ck_assert_uint_eq(opened, closed);
}
END_TEST

START_TEST(the_grace_of_a_stop_ends_what_a_reload_waits_for)
{
	open_play(2);
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload(admin);
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
	play_run(&p);
	play_grace_over(&p);
	play_run(&p);
	tiny_let("h", EWB_OK);
	play_run(&p);
	ck_assert_int_eq(ewb_server_stopped(p.server), EWB_OK);
	play_fronts_free(&p);
	play_free(&p);
	ck_assert_uint_eq(opened, closed);
}
END_TEST

START_TEST(a_front_end_that_has_stopped_has_no_part_in_a_reload)
{
	struct client *blocked;

	open_play(2);
	blocked = client_open(&p, 0);
	say(blocked, "get h\r\n");
	client_close(c);
	play_run(&p);
	ask_reload(admin);
	ewb_server_stop_begin(p.server, PLAY_GRACE_MS);
	play_run(&p);
	ck_assert_uint_eq(p.front[1]->stopped, 1);
	ck_assert_ptr_null(p.front[1]->reload);
	tiny_let("h", EWB_OK);
	play_run(&p); /* the reload is done, and gone */
	play_settle(&p);
	play_fronts_free(&p);
	play_free(&p);
	ck_assert_uint_eq(opened, closed);
}
END_TEST

START_TEST(an_open_connection_that_has_said_all_is_answered_first)
{
	open_play(2);
	say(c, "get h\r\n");
	play_run(&p);
	ask_reload(admin);
	say(c, "get k\r\n");
	client_shut(c);
	play_run(&p);
	ck_assert(client_served(c));
	tiny_let("h", EWB_NOT_FOUND);
	play_run(&p);
	hear(c, "END\r\nEND\r\n");
	hear_end(c);
	play_close(&p);
}
END_TEST

/* Its place in the table may be another command's afterwards. */
START_TEST(half_a_command_of_the_engines_own_is_not_taken_for_anothers)
{
	static char half[40000];

	open_play(2);
	memset(half, 'v', sizeof half);
	say(c, "echo 65536\r\n");
	say_bytes(c, half, sizeof half);
	play_run(&p);
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	hear_end(c);
	d = client_open(&p, 1);
	say(d, "echo 1\r\nv\r\n");
	play_run(&p);
	ck_assert_uint_gt(hear_all(d), 0);
	play_close(&p);
}
END_TEST

START_TEST(half_a_store_goes_to_the_new_engine)
{
	static char half[40000];

	open_play(2);
	memset(half, 'v', sizeof half);
	say(c, "set k 0 0 65536\r\n");
	say_bytes(c, half, sizeof half);
	play_run(&p);
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	ck_assert_uint_eq(tiny.runs, 0);
	say_bytes(c, half, 65536 - sizeof half);
	say(c, "\r\n");
	play_run(&p);
	hear(c, "STORED\r\n");
	ck_assert_uint_eq(tiny.runs, 1);
	play_close(&p);
}
END_TEST

START_TEST(commands_of_its_own_are_there_again)
{
	open_play(1);
	ask_reload(admin);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	say(c, "stats commands\r\n");
	play_run(&p);
	hear(c, "STAT echo says it again (0xe0, engine tiny)\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(many_reloads_leave_nothing)
{
	open_play(2);
	for (unsigned i = 0; i < 50; i++) {
		say(c, "get h\r\n");
		play_run(&p);
		ask_reload(admin);
		tiny_let("h", EWB_NOT_FOUND);
		play_run(&p);
		hear(c, "END\r\n");
		ck_assert_uint_eq(answer(admin), EWB_OK);
	}
	ck_assert_uint_eq(closed, 50);
	play_close(&p);
	ck_assert_uint_eq(closed, opened);
}
END_TEST

/* All of its clients would wait so long. */
START_TEST(a_grace_of_more_than_a_minute_is_refused)
{
	static const uint32_t ms[] = { MOST_MS + 1, 600000, UINT32_MAX };

	open_play(2);
	for (size_t i = 0; i < sizeof ms / sizeof *ms; i++) {
		ask_with(admin, ms[i]);
		ck_assert_uint_eq(answer(admin), EWB_INVALID);
		says("blocked commands can be given 60000 ms at most");
	}
	ck_assert_uint_eq(closed, 0);
	ask_with(admin, MOST_MS);
	ck_assert_uint_eq(answer(admin), EWB_OK);
	ck_assert_uint_eq(closed, 1);
	play_close(&p);
}
END_TEST

/* Without the time it is asked for, it is no reload. */
START_TEST(a_frame_without_its_grace_is_malformed)
{
	open_play(1);
	f.n = 0;
	frames_ask(&f, &(struct frame){ .opcode = BIN_RELOAD });
	frames_say(admin, &f);
	play_run(&p);
	ck_assert_uint_eq(answer(admin), EWB_INVALID);
	ck_assert_uint_eq(closed, 0);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend reload");
	TCase *t = tcase_create("reload");

	suite_add_tcase(s, t);
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, the_engine_is_closed_and_opened_and_clients_stay);
	tcase_add_test(t, what_is_blocked_is_waited_for);
	tcase_add_test(t, what_comes_meanwhile_waits_and_meets_the_new_engine);
	tcase_add_test(t, after_the_grace_it_is_cancelled_and_answered);
	tcase_add_test(t,
	               what_does_not_come_home_is_named_and_the_engine_stays);
	tcase_add_test(t, a_lent_value_that_is_not_read_is_named);
	tcase_add_test(t,
	               without_an_engine_the_server_waits_for_the_next_reload);
	tcase_add_test(t, what_was_said_behind_it_is_refused_and_not_in_its_way);
	tcase_add_test(t, it_is_not_cancelled_by_itself_where_there_is_no_engine);
	tcase_add_test(t, it_has_no_deadline_but_its_own);
	tcase_add_test(t, a_cursor_that_is_not_closed_is_named);
	tcase_add_test(t, a_second_one_is_refused_while_the_first_waits);
	tcase_add_test(t, it_goes_on_when_the_one_who_asked_has_gone);
	tcase_add_test(t, a_stop_in_the_middle_ends_both);
	tcase_add_test(t, the_grace_of_a_stop_ends_what_a_reload_waits_for);
	tcase_add_test(t, a_front_end_that_has_stopped_has_no_part_in_a_reload);
	tcase_add_test(t,
	               an_open_connection_that_has_said_all_is_answered_first);
	tcase_add_test(
		t, half_a_command_of_the_engines_own_is_not_taken_for_anothers);
	tcase_add_test(t, half_a_store_goes_to_the_new_engine);
	tcase_add_test(t, commands_of_its_own_are_there_again);
	tcase_add_test(t, many_reloads_leave_nothing);
	tcase_add_test(t, a_grace_of_more_than_a_minute_is_refused);
	tcase_add_test(t, a_frame_without_its_grace_is_malformed);
	return unit_run(s);
}
