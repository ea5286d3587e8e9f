/* SPDX-License-Identifier: BSD-2-Clause */
/* In steady state a command allocates nothing. */
#include "config.h"

#include <string.h>

#include "t/alloc.h"
#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define BATCH 50
#define COMMANDS 1000

static struct play p;
static struct client *c;

/* A batch of that, and its answers thrown away. */
static void
play_batch(const char *text, size_t n)
{
	say_bytes(c, text, n);
	play_run(&p);
	while (c->conn->first) {
		tiny_let_all();
		play_pass(&p, tiny.delay_us / 1000);
		play_run(&p);
	}
	(void)hear_all(c);
}

static const struct {
	const char *command;
	bool copies;
	uint64_t delay_us;
} kinds[] = {
	{ "get k\r\n", false, 0 },     { "get k\r\n", true, 0 },
	{ "get k n k\r\n", false, 0 }, { "delete n\r\n", false, 0 },
	{ "bogus\r\n", false, 0 },     { "get h\r\n", false, 0 },
	{ "delete h2\r\n", false, 0 }, { "incr h2 1\r\n", false, 0 },
	{ "get l\r\n", false, 0 },     { "delete l2\r\n", false, 0 },
	{ "get l\r\n", true, 2000 },
};

START_TEST(a_thousand_commands_allocate_nothing)
{
	char text[BATCH * 16] = "";
	uint64_t before, blocked;
	size_t n;

	play_open(&p, 1, &tiny_engine, NULL);
	tiny_put("k", "value", 5);
	tiny_put("h", "value", 5);
	tiny_put("l", "value", 5);
	tiny.copies = kinds[_i].copies;
	tiny.delay_us = kinds[_i].delay_us;
	for (unsigned i = 0; i < BATCH; i++)
		strcat(text, kinds[_i].command);
	n = strlen(text);
	c = client_open(&p, 0);
	for (unsigned i = 0; i < COMMANDS; i += BATCH)
		play_batch(text, n);
	before = ewb_alloc_count();
	blocked = play_count(&p, commands_blocked);
	for (unsigned i = 0; i < COMMANDS; i += BATCH)
		play_batch(text, n);
	ck_assert_uint_eq(ewb_alloc_count() - before, 0);
	if (strpbrk(kinds[_i].command, "hl") == kinds[_i].command + 4)
		ck_assert_uint_eq(play_count(&p, commands_blocked) - blocked,
		                  COMMANDS);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend alloc");
	TCase *t = tcase_create("alloc");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, a_thousand_commands_allocate_nothing, 0,
	                    (int)(sizeof kinds / sizeof *kinds));
	suite_add_tcase(s, t);
	return unit_run(s);
}
