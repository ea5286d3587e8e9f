/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of the engines' own commands: what is refused, with one line that
 * says why, and who is where. */
#include "config.h"

#include <stdio.h>

#include "cookie/own.h"
#include "t/cookie_play.h"

#define NAME_31 "abcdefghijklmnopqrstuvwxyz01234"

static char why[300];

static enum ewb_status
run(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)c;
	(void)r;
	return EWB_OK;
}

/* A filter with that table, and nothing else. */
static struct ewb_engine
with(const char *name, const struct ewb_own *own)
{
	return (struct ewb_engine){ .abi = EWB_ABI,
		                    .size = sizeof(struct ewb_engine),
		                    .api = EWB_API,
		                    .name = name,
		                    .kind = EWB_KIND_FILTER,
		                    .own_size = sizeof *own,
		                    .own = own };
}

static struct ewb_instance *
wrap(const struct ewb_engine *e)
{
	struct ewb_instance *i = ewb_filter_open(&play.core, play.instance, e,
	                                         NULL, 0, why, sizeof why);

	if (i)
		play.instance = i;
	return i;
}

static void
refused_all(const struct ewb_own *own, const char *text)
{
	struct ewb_engine e = with("f", own);
	unsigned n = play.core.own_rules.n;

	why[0] = '\0';
	ck_assert_ptr_null(wrap(&e));
	ck_assert_str_eq(why, text);
	ck_assert_uint_eq(play.core.own_rules.n, n);
}

static void
refused(struct ewb_own one, const char *text)
{
	const struct ewb_own own[] = { one, { .name = NULL } };

	refused_all(own, text);
}

static void
taken(const char *name, struct ewb_own one)
{
	struct ewb_own own[] = { one, { .name = NULL } };
	struct ewb_engine e = with(name, own);

	ck_assert_msg(wrap(&e) != NULL, "%s", why);
}

START_TEST(a_name_is_refused_for_its_form)
{
	refused((struct ewb_own){ .name = "Echo", .run = run },
	        "its command Echo: a name is 1 to 31 of a-z, 0-9, _ and -");
	refused((struct ewb_own){ .name = "", .run = run },
	        "its command : a name is 1 to 31 of a-z, 0-9, _ and -");
	refused((struct ewb_own){ .name = NAME_31 "5", .run = run },
	        "its command " NAME_31
	        "5: a name is 1 to 31 of a-z, 0-9, _ and -");
}
END_TEST

START_TEST(the_longest_name_and_help_are_taken)
{
	char help[400];

	memset(help, 'h', sizeof help - 1);
	help[sizeof help - 1] = '\0';
	taken("f",
	      (struct ewb_own){ .name = NAME_31, .help = help, .run = run });
	ck_assert_str_eq(play.core.own_rules.at[0].name, NAME_31);
	ck_assert_str_eq(play.core.own[0].what.name, NAME_31);
	ck_assert_uint_eq(strlen(play.core.own[0].what.help), EWB_OWN_HELP - 1);
}
END_TEST

START_TEST(what_cannot_be_run_or_read_is_refused)
{
	refused((struct ewb_own){ .name = "x" },
	        "its command x: it has no .run");
	refused((struct ewb_own){ .name = "x", .help = "a\r\nb", .run = run },
	        "its command x: its .help is not one line");
	refused((struct ewb_own){ .name = "x", .is = 256, .run = run },
	        "its command x: its .is has bits that are none of EWB_OWN_...");
	refused((struct ewb_own){ .name = "x",
	                          .is = EWB_OWN_KEYED | EWB_OWN_BARRIER,
	                          .run = run },
	        "its command x: it is keyed, or a barrier, not both");
	refused((struct ewb_own){ .name = "x",
	                          .is = EWB_OWN_NO_TEXT,
	                          .run = run },
	        "its command x: it is in neither protocol: it needs an "
	        ".opcode");
}
END_TEST

START_TEST(the_protocols_own_are_refused)
{
	refused((struct ewb_own){ .name = "incr", .run = run },
	        "its command incr: that is a command of the text protocol");
	refused((struct ewb_own){ .name = "gets", .run = run },
	        "its command gets: that is a command of the text protocol");
	refused((struct ewb_own){ .name = "x", .opcode = 0x05, .run = run },
	        "its command x: its opcode is one of the binary protocol, or "
	        "above 0xff");
	refused((struct ewb_own){ .name = "x", .opcode = 0x100, .run = run },
	        "its command x: its opcode is one of the binary protocol, or "
	        "above 0xff");
	/* where there is no text, its verbs are free */
	taken("f", (struct ewb_own){ .name = "incr",
	                             .opcode = 0xe0,
	                             .is = EWB_OWN_NO_TEXT,
	                             .run = run });
}
END_TEST

START_TEST(two_of_one_engine_may_not_clash)
{
	static const struct ewb_own names[] = {
		{ .name = "a", .run = run },
		{ .name = "b", .run = run },
		{ .name = "a", .run = run },
		{ .name = NULL },
	};
	static const struct ewb_own opcodes[] = {
		{ .name = "a", .opcode = 0xe0, .run = run },
		{ .name = "b", .opcode = 0xe0, .run = run },
		{ .name = NULL },
	};

	refused_all(names,
	            "its command a: its name or its opcode is there twice");
	refused_all(opcodes,
	            "its command b: its name or its opcode is there twice");
}
END_TEST

START_TEST(nor_two_of_different_ones)
{
	taken("first",
	      (struct ewb_own){ .name = "a", .opcode = 0xe0, .run = run });
	refused((struct ewb_own){ .name = "a", .run = run },
	        "its command a: first has one of that name, or opcode 0x00");
	refused((struct ewb_own){ .name = "b", .opcode = 0xe0, .run = run },
	        "its command b: first has one of that name, or opcode 0xe0");
	/* those without an opcode have none in common */
	taken("second", (struct ewb_own){ .name = "b", .run = run });
	taken("third", (struct ewb_own){ .name = "c", .run = run });
}
END_TEST

/* n of them, c0 to c63 and then the end. */
static const struct ewb_own *
many(unsigned n)
{
	static struct ewb_own own[EWB_OWN_MAX + 2];
	static char names[EWB_OWN_MAX + 2][16];

	memset(own, 0, sizeof own);
	for (unsigned i = 0; i < n; i++) {
		snprintf(names[i], sizeof names[i], "c%u", i);
		own[i] = (struct ewb_own){ .name = names[i], .run = run };
	}
	return own;
}

START_TEST(there_are_64_in_all)
{
	struct ewb_engine e;

	refused_all(many(EWB_OWN_MAX + 1),
	            "its command c64: there are 64 such commands");
	e = with("all", many(EWB_OWN_MAX));
	ck_assert_msg(wrap(&e) != NULL, "%s", why);
	ck_assert_uint_eq(play.core.own_rules.n, EWB_OWN_MAX);
	refused((struct ewb_own){ .name = "x", .run = run },
	        "its command x: there are 64 such commands");
}
END_TEST

/* As a reload does it: under a filter that stays. */
START_TEST(the_places_of_one_that_has_gone_serve_again)
{
	struct ewb_engine e;
	struct ewb_instance *below = play.instance, *i;

	for (unsigned round = 0; round < 3; round++) {
		e = with("below", many(EWB_OWN_MAX / 2));
		i = ewb_filter_open(&play.core, below, &e, NULL, 0, why,
		                    sizeof why);
		ck_assert_msg(i != NULL, "%s", why);
		if (round == 0)
			taken("stays",
			      (struct ewb_own){ .name = "stays", .run = run });
		ck_assert_uint_eq(play.core.own_rules.n, EWB_OWN_MAX / 2 + 1);
		ck_assert_str_eq(play.core.own_rules.at[EWB_OWN_MAX / 2].name,
		                 "stays");
		i->below = NULL; /* it alone */
		ck_assert_int_eq(ewb_instance_close(i, why, sizeof why),
		                 EWB_OK);
		ck_assert_str_eq(play.core.own_rules.at[0].name, "");
	}
}
END_TEST

START_TEST(another_releases_struct_is_walked_by_its_own_size)
{
	struct {
		struct ewb_own o;
		uint64_t more[3]; /* as a later release's might have */
	} own[] = { { { .name = "a", .run = run }, { 0 } },
		    { { .name = "b", .opcode = 0xe0, .run = run }, { 0 } },
		    { { .name = NULL }, { 0 } } };
	struct ewb_engine e = with("f", &own[0].o);

	e.own_size = sizeof own[0];
	ck_assert_msg(wrap(&e) != NULL, "%s", why);
	ck_assert_uint_eq(play.core.own_rules.n, 2);
	ck_assert_str_eq(play.core.own_rules.at[1].name, "b");
	e.own_size = 8;
	e.name = "g";
	ck_assert_ptr_null(wrap(&e));
	ck_assert_str_eq(why, "its struct ewb_own is cut short: use "
	                      "EWB_ENGINE()");
}
END_TEST

START_TEST(one_that_does_not_open_leaves_nothing)
{
	static const struct ewb_own own[] = { { .name = "a", .run = run },
		                              { .name = NULL } };
	struct ewb_engine e = with("f", own);
	struct ewb_setting s = { "none", "1" };

	ck_assert_ptr_null(ewb_filter_open(&play.core, play.instance, &e, &s, 1,
	                                   why, sizeof why));
	ck_assert_uint_eq(play.core.own_rules.n, 0);
}
END_TEST

static enum ewb_status
open_badly(struct ewb_host *host, const struct ewb_setting *s, size_t n,
           void **self)
{
	(void)s;
	(void)n;
	(void)self;
	ewb_host_error(host, "not today");
	return EWB_INTERNAL;
}

START_TEST(nor_one_that_fails_to)
{
	static const struct ewb_own own[] = { { .name = "a", .run = run },
		                              { .name = NULL } };
	struct ewb_engine e = with("f", own);

	e.open = open_badly;
	ck_assert_ptr_null(wrap(&e));
	ck_assert_uint_eq(play.core.own_rules.n, 0);
	e.open = NULL;
	ck_assert_msg(wrap(&e) != NULL, "%s", why);
}
END_TEST

START_TEST(what_a_rule_says_is_what_the_engine_said)
{
	static const struct {
		uint32_t is;
		uint8_t key, value, keyed, barrier, mutates, streams, terminal;
	} table[] = {
		{ 0, 0, 0, 0, 0, 0, 0, 0 },
		{ EWB_OWN_KEY, 1, 0, 0, 0, 0, 0, 0 },
		{ EWB_OWN_KEYED, 1, 0, 1, 0, 0, 0, 0 },
		{ EWB_OWN_VALUE, 0, 1, 0, 0, 0, 0, 0 },
		{ EWB_OWN_BARRIER, 0, 0, 0, 1, 0, 0, 0 },
		{ EWB_OWN_MUTATES, 0, 0, 0, 0, 1, 0, 0 },
		{ EWB_OWN_STREAMS, 0, 0, 0, 0, 0, 1, 0 },
		{ EWB_OWN_TERMINAL_ERROR, 0, 0, 0, 0, 0, 0, 1 },
	};
	const struct ewb_own_rule *r;
	const struct ewb_command *c;

	taken("f",
	      (struct ewb_own){ .name = "x", .is = table[_i].is, .run = run });
	r = &play.core.own_rules.at[0];
	c = &play.core.own[0].command;
	ck_assert_uint_eq(r->key, table[_i].key);
	ck_assert_uint_eq(r->value, table[_i].value);
	ck_assert_uint_eq(r->text, 1);
	ck_assert_uint_eq(c->keyed, table[_i].keyed);
	ck_assert_uint_eq(c->barrier, table[_i].barrier);
	ck_assert_uint_eq(c->mutates, table[_i].mutates);
	ck_assert_uint_eq(c->streams, table[_i].streams);
	ck_assert_uint_eq(c->terminal_error, table[_i].terminal);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie own");
	TCase *t = play_case("own");

	tcase_add_test(t, a_name_is_refused_for_its_form);
	tcase_add_test(t, the_longest_name_and_help_are_taken);
	tcase_add_test(t, what_cannot_be_run_or_read_is_refused);
	tcase_add_test(t, the_protocols_own_are_refused);
	tcase_add_test(t, two_of_one_engine_may_not_clash);
	tcase_add_test(t, nor_two_of_different_ones);
	tcase_add_test(t, there_are_64_in_all);
	tcase_add_test(t, the_places_of_one_that_has_gone_serve_again);
	tcase_add_test(t, another_releases_struct_is_walked_by_its_own_size);
	tcase_add_test(t, one_that_does_not_open_leaves_nothing);
	tcase_add_test(t, nor_one_that_fails_to);
	tcase_add_loop_test(t, what_a_rule_says_is_what_the_engine_said, 0, 8);
	suite_add_tcase(s, t);
	return unit_run(s);
}
