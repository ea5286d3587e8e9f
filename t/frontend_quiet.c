/* SPDX-License-Identifier: BSD-2-Clause */
/* Quiet binary commands: which frames there are, each command answered at
 * once and blocked, with the key there and not, before a noop and before a
 * quit. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define OPAQUE 0x01020304u
#define INCR               \
	"\0\0\0\0\0\0\0\1" \
	"\0\0\0\0\0\0\0\0" \
	"\xff\xff\xff\xff"

enum { SILENT = -1, VALUE = -2, KEYED = -3 }; /* else an error's status */

static const struct row {
	const char *name;
	uint8_t opcode;
	int hit, miss;                      /* what is answered */
	const char *after_hit, *after_miss; /* the record then; null: none */
	const char *extras;
	size_t nextras;
	const char *value;
} rows[] = {
	{ "getq", 0x09, VALUE, SILENT, "5", NULL, NULL, 0, NULL },
	{ "getkq", 0x0d, KEYED, SILENT, "5", NULL, NULL, 0, NULL },
	{ "setq", 0x11, SILENT, SILENT, "7", "7", "\0\0\0\0\0\0\0\0", 8, "7" },
	{ "addq", 0x12, EWB_EXISTS, SILENT, "5", "7", "\0\0\0\0\0\0\0\0", 8,
	  "7" },
	{ "replaceq", 0x13, SILENT, EWB_NOT_FOUND, "7", NULL,
	  "\0\0\0\0\0\0\0\0", 8, "7" },
	{ "deleteq", 0x14, SILENT, EWB_NOT_FOUND, NULL, NULL, NULL, 0, NULL },
	{ "incrq", 0x15, SILENT, EWB_NOT_FOUND, "6", NULL, INCR, 20, NULL },
	{ "decrq", 0x16, SILENT, EWB_NOT_FOUND, "4", NULL, INCR, 20, NULL },
	{ "flushq", 0x18, SILENT, SILENT, NULL, NULL, NULL, 0, NULL },
	{ "appendq", 0x19, SILENT, EWB_NOT_STORED, "57", NULL, NULL, 0, "7" },
	{ "prependq", 0x1a, SILENT, EWB_NOT_STORED, "75", NULL, NULL, 0, "7" },
	{ "gatq", 0x1e, VALUE, SILENT, "5", NULL, "\0\0\0\0", 4, NULL },
	{ "gatkq", 0x24, KEYED, SILENT, "5", NULL, "\0\0\0\0", 4, NULL },
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

static struct play p;
static struct client *c;
static struct frames ask, want;

static void
begin(const char *key, bool hit)
{
	play_open(&p, 1, &tiny_engine, NULL);
	c = client_open(&p, 0);
	ask.n = want.n = 0;
	if (hit)
		tiny_put(key, "5", 1);
}

static void
ask_row(const struct row *r, const char *key)
{
	frames_ask(&ask, &(struct frame){ .opcode = r->opcode,
	                                  .opaque = OPAQUE,
	                                  .extras = r->extras,
	                                  .nextras = r->nextras,
	                                  .key = r->opcode == 0x18 ? NULL : key,
	                                  .value = r->value,
	                                  .nvalue = r->value ? 1 : 0 });
}

static void
want_row(const struct row *r, const char *key, int answer)
{
	if (answer == SILENT)
		return;
	if (answer >= 0) {
		frames_error(&want, r->opcode, OPAQUE, (uint16_t)answer, NULL);
		return;
	}
	frames_answer(&want,
	              &(struct frame){ .opcode = r->opcode,
	                               .opaque = OPAQUE,
	                               /* a touch stores, with a new cas */
	                               .cas = r->nextras ? 2 : 1,
	                               .extras = "\0\0\0\0",
	                               .nextras = 4,
	                               .key = answer == KEYED ? key : NULL,
	                               .value = "5",
	                               .nvalue = 1 });
}

static void
ask_last(uint8_t opcode)
{
	frames_ask(&ask, &(struct frame){ .opcode = opcode, .opaque = 9 });
	frames_answer(&want, &(struct frame){ .opcode = opcode, .opaque = 9 });
}

static void
let_while_blocked(void)
{
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
	}
}

/* What is stored in the end, without a command. */
static void
check_record(const char *key, const char *value)
{
	char line[64], text[128];

	tiny.how = TINY_AT_ONCE;
	c = client_open(&p, 0);
	snprintf(line, sizeof line, "get %s\r\n", key);
	say(c, line);
	play_run(&p);
	let_while_blocked();
	if (value)
		snprintf(text, sizeof text, "VALUE %s 0 %zu\r\n%s\r\nEND\r\n",
		         key, strlen(value), value);
	else
		snprintf(text, sizeof text, "END\r\n");
	hear(c, text);
}

static void
play_row(const struct row *r, bool blocked, bool hit, uint8_t last)
{
	const char *key = blocked ? "h" : "k";

	begin(key, hit);
	if (blocked && r->opcode == 0x18)
		tiny.how = TINY_HOLD;
	ask_row(r, key);
	want_row(r, key, hit ? r->hit : r->miss);
	ask_last(last);
	frames_say(c, &ask);
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), blocked);
	if (blocked)
		hear_nothing(c);
	let_while_blocked();
	frames_hear(c, &want);
	if (last == BIN_QUIT)
		hear_end(c);
	else
		hear_nothing(c);
	check_record(key, hit ? r->after_hit : r->after_miss);
	play_close(&p);
}

START_TEST(a_quiet_command_has_exactly_the_frames_of_the_table)
{
	for (int blocked = 0; blocked < 2; blocked++)
		for (int hit = 0; hit < 2; hit++) {
			play_row(&rows[_i], blocked, hit, BIN_NOOP);
			play_row(&rows[_i], blocked, hit, BIN_QUIT);
		}
}
END_TEST

START_TEST(a_quiet_command_that_fails_is_answered)
{
	const struct row *r = &rows[_i];

	if (r->opcode == 0x18)
		return; /* without a key it does not fail here */
	begin("k", false);
	ask_row(r, "f");
	frames_error(&want, r->opcode, OPAQUE, EWB_INTERNAL, NULL);
	ask_last(BIN_NOOP);
	frames_say(c, &ask);
	play_run(&p);
	frames_hear(c, &want);
	play_close(&p);
}
END_TEST

START_TEST(a_quiet_command_past_its_deadline_is_answered)
{
	const struct row *r = &rows[_i];
	bool mutates = r->opcode != 0x09 && r->opcode != 0x0d;

	begin("h", true);
	if (r->opcode == 0x18)
		tiny.how = TINY_HOLD;
	ask_row(r, "h");
	frames_error(&want, r->opcode, OPAQUE, EWB_TEMPORARY,
	             mutates ? "outcome unknown" : "temporary failure");
	ask_last(BIN_NOOP);
	frames_say(c, &ask);
	play_run(&p);
	play_pass(&p, 2500);
	frames_hear(c, &want);
	let_while_blocked();
	play_close(&p);
}
END_TEST

static enum ewb_status
refuse_with_cas(void *self, struct ewb_cookie *cookie,
                const struct ewb_request *r)
{
	(void)self;
	(void)r;
	ewb_reply_cas(cookie, 7);
	return EWB_EXISTS;
}

START_TEST(an_error_has_no_cas_whatever_the_engine_said)
{
	struct ewb_engine engine = tiny_engine;

	engine.store = refuse_with_cas;
	play_open(&p, 1, &engine, NULL);
	c = client_open(&p, 0);
	ask.n = want.n = 0;
	ask_row(&rows[2], "k");
	frames_error(&want, rows[2].opcode, OPAQUE, EWB_EXISTS, NULL);
	frames_say(c, &ask);
	play_run(&p);
	frames_hear(c, &want);
	play_close(&p);
}
END_TEST

START_TEST(quitq_says_nothing_and_closes_after_what_came_before)
{
	bool blocked = _i & 1, hit = _i & 2;
	const char *key = blocked ? "h" : "k";

	begin(key, hit);
	ask_row(&rows[0], key);
	want_row(&rows[0], key, hit ? VALUE : SILENT);
	frames_ask(&ask, &(struct frame){ .opcode = 0x17, .opaque = 3 });
	frames_ask(&ask,
	           &(struct frame){ .opcode = _i & 4 ? BIN_QUIT : BIN_NOOP,
	                            .opaque = 4 });
	frames_say(c, &ask);
	play_run(&p);
	ck_assert_int_eq(client_served(c), blocked);
	let_while_blocked();
	frames_hear(c, &want);
	hear_end(c);
	ck_assert(!client_served(c));
	play_close(&p);
}
END_TEST

/* Of what is heard; the last one's opcode. */
static unsigned
hear_frames(uint8_t *last)
{
	static uint8_t got[4096];
	size_t n = hear_some(c, got, sizeof got), at = 0;
	unsigned frames = 0;

	for (; at + 24 <= n; frames++) {
		ck_assert_uint_eq(got[at], 0x81);
		*last = got[at + 1];
		at += 24 + ((size_t)got[at + 10] << 8) + got[at + 11];
	}
	ck_assert_uint_eq(at, n);
	return frames;
}

/* The last first. */
static void
let_backwards(void)
{
	for (unsigned i = tiny.nheld; i-- > 0;)
		if (!tiny.held[i].let)
			tiny_let(tiny.held[i].key, EWB_OK);
}

/* All of them in one go, most with their key there. */
START_TEST(a_pipeline_of_quiet_commands_ends_with_its_noop)
{
	unsigned loud = 0;
	uint8_t last;
	char key[16];

	begin("k", false);
	for (int i = 0; i < ROWS; i++) {
		if (rows[i].opcode == 0x18)
			continue;
		snprintf(key, sizeof key, "h%d", i);
		if (i % 4 < 3)
			tiny_put(key, "5", 1);
		ask_row(&rows[i], key);
		loud += (i % 4 < 3 ? rows[i].hit : rows[i].miss) != SILENT;
	}
	ask_last(BIN_NOOP);
	frames_say(c, &ask);
	play_run(&p);
	while (tiny_blocked()) {
		let_backwards();
		play_run(&p);
	}
	ck_assert_uint_eq(hear_frames(&last), loud + 1);
	ck_assert_uint_eq(last, BIN_NOOP);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend quiet");
	TCase *t = tcase_create("quiet");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t,
	                    a_quiet_command_has_exactly_the_frames_of_the_table,
	                    0, ROWS);
	tcase_add_loop_test(t, a_quiet_command_that_fails_is_answered, 0, ROWS);
	tcase_add_loop_test(t, a_quiet_command_past_its_deadline_is_answered, 0,
	                    ROWS);
	tcase_add_loop_test(
		t, quitq_says_nothing_and_closes_after_what_came_before, 0, 8);
	tcase_add_test(t, an_error_has_no_cas_whatever_the_engine_said);
	tcase_add_test(t, a_pipeline_of_quiet_commands_ends_with_its_noop);
	suite_add_tcase(s, t);
	return unit_run(s);
}
