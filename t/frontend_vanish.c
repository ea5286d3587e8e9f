/* SPDX-License-Identifier: BSD-2-Clause */
/* A client vanishes at each point of a command's life. */
#include "config.h"

#include "t/explore.h"
#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c;

static const char *const lives[] = {
	"get h\r\n",
	"get h h k\r\n",
	"set h 0 0 5\r\nhello\r\n",
	"set h 0 0 5 noreply\r\nhello\r\n",
	"incr h 1\r\n",
	"append h 0 0 1\r\n2\r\n",
	"get l\r\n",
	"stats cookies\r\n",
	"set h 0 0 5\r\nhello\r\nget h\r\nget k\r\nflush_all\r\nget k\r\n",
};

static const char *life;
static unsigned nfronts;
static bool was_read, was_let, was_taken, was_reset;

static void *
a_command_is_said(void)
{
	play_open(&p, nfronts, &tiny_engine, NULL);
	tiny_put("h", "1", 1);
	was_read = was_let = was_taken = was_reset = false;
	c = client_tcp(&p, nfronts - 1);
	say(c, life);
	return &p;
}

static void
read_it(void *ctx)
{
	(void)ctx;
	play_sockets(&p);
	was_read = true;
}

static void
let_it(void *ctx)
{
	(void)ctx;
	tiny_let_all();
	(void)play_job(&p);
	was_let = true;
}

static bool
can_let_it(void *ctx)
{
	(void)ctx;
	return was_read;
}

static void
take_it(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < nfronts; i++)
		while (play_letter(&p, i))
			;
	was_taken = true;
}

static bool
can_take_it(void *ctx)
{
	(void)ctx;
	return was_let;
}

static void
settle_it(void *ctx)
{
	(void)ctx;
	play_settle(&p);
}

static bool
can_settle_it(void *ctx)
{
	(void)ctx;
	return was_taken;
}

static void
reset_it(void *ctx)
{
	(void)ctx;
	if (client_served(c))
		client_reset(c);
	was_reset = true;
}

static bool
can_notice_it(void *ctx)
{
	(void)ctx;
	return was_reset;
}

static const char *
nothing_is_left(void *ctx)
{
	(void)ctx;
	play_run(&p);
	play_pass(&p, 1000);
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
		play_pass(&p, 1000);
	}
	play_run(&p);
	if (client_served(c))
		return "the connection is still there";
	if (atomic_load(&p.server->connections))
		return "the connection is still counted";
	if (p.front[nfronts - 1]->d.nused || p.front[nfronts - 1]->d.naway)
		return "a cookie is left";
	if (atomic_load(&tiny.lent) != atomic_load(&tiny.released))
		return "a value is still lent";
	if (atomic_load(&p.core->pinned))
		return "a request is still pinned";
	return NULL;
}

static void
put_away(void *ctx)
{
	(void)ctx;
	play_close(&p);
}

START_TEST(a_client_may_vanish_at_each_point_of_a_commands_life)
{
	static const struct ewb_event events[] = {
		{ .name = "read", .run = read_it },
		{ .name = "let", .run = let_it, .enabled = can_let_it },
		{ .name = "letter", .run = take_it, .enabled = can_take_it },
		{ .name = "settle",
		  .run = settle_it,
		  .enabled = can_settle_it },
		{ .name = "reset", .run = reset_it },
		{ .name = "notice", .run = read_it, .enabled = can_notice_it },
	};
	static const struct ewb_scenario s = { .name = "vanish",
		                               .events = events,
		                               .nevents = 6,
		                               .setup = a_command_is_said,
		                               .check = nothing_is_left,
		                               .teardown = put_away };

	life = lives[_i];
	for (nfronts = 1; nfronts <= 2; nfronts++)
		ck_assert_uint_ge(ewb_explore(&s), 15);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend vanish");
	TCase *t = tcase_create("vanish");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(
		t, a_client_may_vanish_at_each_point_of_a_commands_life, 0,
		(int)(sizeof lives / sizeof *lives));
	suite_add_tcase(s, t);
	return unit_run(s);
}
