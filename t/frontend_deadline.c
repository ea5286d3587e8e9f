/* SPDX-License-Identifier: BSD-2-Clause */
/* A deadline against a notify: one reply, in its place. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "t/explore.h"
#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define DEADLINE 2500u

static struct play p;
static struct client *c;
static unsigned nfronts;

static void
begin(unsigned n)
{
	play_open(&p, n, &tiny_engine, NULL);
	nfronts = n;
	c = client_open(&p, n - 1);
}

static void
end(void)
{
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
	}
	play_close(&p);
}

static const struct race {
	const char *say, *in_time, *late;
} races[] = {
	{ "get h\r\n", "VALUE h 0 1\r\nO\r\nEND\r\n",
	  "SERVER_ERROR temporary failure\r\n" },
	{ "get k h k\r\n", "VALUE h 0 1\r\nO\r\nEND\r\n",
	  "SERVER_ERROR temporary failure\r\n" },
	{ "set h 0 0 1\r\nN\r\n", "STORED\r\n",
	  "SERVER_ERROR outcome unknown\r\n" },
	{ "delete h\r\n", "DELETED\r\n", "SERVER_ERROR outcome unknown\r\n" },
	{ "touch h 1\r\n", "TOUCHED\r\n", "SERVER_ERROR outcome unknown\r\n" },
	{ "append h 0 0 1\r\nN\r\n", "STORED\r\n",
	  "SERVER_ERROR outcome unknown\r\n" },
	{ "set h 0 0 1 noreply\r\nN\r\n", "", "" },
};

static const struct race *race;
static bool was_let, in_time, passed;

static void *
the_race_begins(void)
{
	begin(nfronts);
	tiny_put("h", "O", 1);
	was_let = in_time = passed = false;
	say(c, race->say);
	say(c, "get k\r\n");
	play_run(&p);
	/* all but the last of its blocks */
	if (race->say[0] == 't' || race->say[0] == 'a') {
		tiny_let_all();
		play_run(&p);
	}
	ck_assert_uint_eq(tiny_blocked(), 1);
	return &p;
}

static void
let_it(void *ctx)
{
	(void)ctx;
	/* accepted, though perhaps too late */
	ck_assert_int_eq(tiny_let("h", EWB_OK), EWB_OK);
	in_time = !passed;
	was_let = true;
}

static void
take_it(void *ctx)
{
	(void)ctx;
	while (play_letter(&p, nfronts - 1))
		;
	play_settle(&p);
}

static bool
can_take_it(void *ctx)
{
	(void)ctx;
	return was_let;
}

static void
pass_it(void *ctx)
{
	(void)ctx;
	play_pass(&p, DEADLINE);
	passed = true;
}

static const char *
one_reply_in_its_place(void *ctx)
{
	const char *wrong;

	(void)ctx;
	play_run(&p);
	wrong = heard(c, in_time ? race->in_time : race->late);
	if (wrong == NULL)
		wrong = heard(c, "END\r\n");
	if (wrong == NULL)
		wrong = heard_nothing(c);
	if (wrong)
		return wrong;
	if (play_count(&p, deadlines_passed) != !in_time)
		return "the deadline is not counted as it was";
	return p.front[nfronts - 1]->d.nused ? "a cookie is left" : NULL;
}

static void
put_away(void *ctx)
{
	(void)ctx;
	end();
}

START_TEST(a_deadline_and_a_notify_give_one_reply)
{
	static const struct ewb_event events[] = {
		{ .name = "let", .run = let_it },
		{ .name = "letter", .run = take_it, .enabled = can_take_it },
		{ .name = "deadline", .run = pass_it },
	};
	static const struct ewb_scenario s = { .name = "deadline",
		                               .events = events,
		                               .nevents = 3,
		                               .setup = the_race_begins,
		                               .check = one_reply_in_its_place,
		                               .teardown = put_away };

	race = &races[_i];
	for (nfronts = 1; nfronts <= 2; nfronts++)
		ck_assert_uint_eq(ewb_explore(&s), 3);
}
END_TEST

/* What waits behind it, with half of a large reply sent before. */
static void *
half_is_sent(void)
{
	char *v = malloc(1 << 20);

	ck_assert_ptr_nonnull(v);
	memset(v, 'v', 1 << 20);
	begin(nfronts);
	tiny_put("k", v, 1 << 20);
	tiny_put("h", "O", 1);
	free(v);
	was_let = in_time = passed = false;
	client_small(c, 4096);
	say(c, "get k\r\n");
	say(c, race->say);
	say(c, "get n\r\n");
	play_run(&p);
	ck_assert_uint_gt(c->conn->out.bytes, 0);
	return &p;
}

static const char *
the_half_and_one_reply(void *ctx)
{
	size_t n = (1 << 20) + 26;
	char *all = malloc(n);
	const char *wrong = NULL;

	(void)ctx;
	ck_assert_ptr_nonnull(all);
	if (hear_some(c, all, n) != n ||
	    memcmp(all + n - 7, "\r\nEND\r\n", 7) != 0)
		wrong = "the large reply is not as it should be";
	free(all);
	return wrong ? wrong : one_reply_in_its_place(ctx);
}

START_TEST(a_deadline_with_half_of_a_reply_sent_gives_one_reply)
{
	static const struct ewb_event events[] = {
		{ .name = "let", .run = let_it },
		{ .name = "letter", .run = take_it, .enabled = can_take_it },
		{ .name = "deadline", .run = pass_it },
	};
	static const struct ewb_scenario s = { .name = "half",
		                               .events = events,
		                               .nevents = 3,
		                               .setup = half_is_sent,
		                               .check = the_half_and_one_reply,
		                               .teardown = put_away };

	race = &races[_i];
	nfronts = 1;
	ck_assert_uint_eq(ewb_explore(&s), 3);
}
END_TEST

/* A mutation that was answered by its deadline holds its key until it is home:
 * if that may be never, what waits for it is told. */
START_TEST(what_waits_behind_an_orphan_is_refused)
{
	begin(1);
	tiny_put("h", "O", 1);
	say(c, "delete h\r\nget h\r\n");
	play_run(&p);
	play_pass(&p, DEADLINE);
	play_run(&p);
	hear(c, "SERVER_ERROR outcome unknown\r\n");
	hear_nothing(c);
	play_pass(&p, DEADLINE); /* now it is called an orphan */
	play_run(&p);
	hear(c, "SERVER_ERROR temporary failure\r\n");
	say(c, "set h 0 0 1\r\nx\r\nget n\r\n");
	play_run(&p);
	hear(c, "SERVER_ERROR temporary failure\r\nEND\r\n");
	tiny_let_all();
	play_run(&p);
	say(c, "get h\r\n"); /* it is home: the key is free again */
	play_run(&p);
	tiny_let_all();
	play_run(&p);
	ck_assert_uint_gt(hear_all(c), 0);
	ck_assert_uint_eq(p.front[0]->d.nused, 0);
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend deadline");
	TCase *t = tcase_create("deadline");
	int nraces = (int)(sizeof races / sizeof *races);

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, a_deadline_and_a_notify_give_one_reply, 0,
	                    nraces);
	tcase_add_loop_test(
		t, a_deadline_with_half_of_a_reply_sent_gives_one_reply, 2, 4);
	tcase_add_test(t, what_waits_behind_an_orphan_is_refused);
	suite_add_tcase(s, t);
	return unit_run(s);
}
