/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that come together: the engine is told of each before the first of
 * them begins, and nothing else is different. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/front_play.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct play p;
static struct client *c;

/* What the engine saw: ~key it was told of, key it ran. */
static char seen[1024];

static void
note(const char *mark, const struct ewb_request *r)
{
	size_t n = strlen(seen);

	snprintf(seen + n, sizeof seen - n, "%s%.*s ", mark, (int)r->nkey,
	         (const char *)r->key);
}

static void
coming(struct ewb_request *r)
{
	note("~", r);
	ck_assert_uint_eq(r->hint[0], 0);
	ck_assert_uint_eq(r->hint[1], 0);
	r->hint[0] = r->hash;
	r->hint[1] = r->nkey;
}

static void
running(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)cookie;
	note("", r);
}

static const struct ewb_engine *filter; /* around it; null: none */

static void
begin_with(const struct ewb_engine *e, const struct ewb_server_options *o)
{
	char why[200] = "";

	play_server(&p, e, o);
	if (filter)
		ck_assert_msg(!ewb_server_filter_here(p.server, filter, NULL, 0,
		                                      why, sizeof why),
		              "%s", why);
	play_fronts(&p, 1);
	tiny.coming = coming;
	tiny.seen = running;
	*seen = '\0';
	tiny_put("a", "A", 1);
	tiny_put("b", "B", 1);
	tiny_put("h", "H", 1);
	c = client_open(&p, 0);
}

static void
begin(void)
{
	begin_with(&tiny_engine, NULL);
}

START_TEST(the_engine_is_told_of_all_before_the_first_begins)
{
	begin();
	say(c, "get a\r\nset b 0 0 1\r\nx\r\ndelete a\r\nget b a\r\n");
	play_run(&p);
	ck_assert_str_eq(seen, "~a ~b ~a ~b ~a a b a b a ");
	hear(c, "VALUE a 0 1\r\nA\r\nEND\r\nSTORED\r\nDELETED\r\n"
	        "VALUE b 0 1\r\nx\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(it_is_told_of_a_few_at_a_time)
{
	unsigned told = 0, most = 0;

	begin();
	say_times(c, 40, "get a\r\n");
	play_run(&p);
	for (const char *s = seen; *s; s = strchr(s, ' ') + 1) {
		told = *s == '~' ? told + 1 : 0;
		most = told > most ? told : most;
	}
	ck_assert_uint_gt(most, 1);
	ck_assert_uint_le(most, EWB_GATHER);
	ck_assert_uint_eq(tiny.runs, 40);
	for (unsigned i = 0; i < 40; i++)
		hear(c, "VALUE a 0 1\r\nA\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(of_a_command_that_comes_alone_it_is_not_told)
{
	begin();
	say(c, "gat 0 a\r\n");
	play_run(&p);
	say(c, "delete b\r\n");
	play_run(&p);
	ck_assert_ptr_null(strchr(seen, '~'));
	hear(c, "VALUE a 0 1\r\nA\r\nEND\r\nDELETED\r\n");
	play_close(&p);
}
END_TEST

static uint64_t hints;

static void
add_hint(struct ewb_cookie *cookie, const struct ewb_request *r)
{
	(void)cookie;
	ck_assert(r->hint[0] == r->hash || r->hint[0] == 0);
	ck_assert(r->hint[1] == r->nkey || r->hint[1] == 0);
	hints += r->hint[1];
}

START_TEST(what_it_leaves_is_in_that_commands_request)
{
	begin();
	tiny.seen = add_hint;
	hints = 0;
	say(c, "get a\r\nget bb\r\nget ccc\r\nversion\r\n");
	play_run(&p);
	ck_assert_uint_eq(hints, 6);
	say(c, "get bb\r\n");
	play_run(&p);
	ck_assert_uint_eq(hints, 6);
	(void)hear_all(c);
	play_close(&p);
}
END_TEST

START_TEST(a_barrier_begins_when_they_have_ended)
{
	begin();
	say(c, "get a\r\nget b\r\nflush_all\r\nget a\r\nversion\r\n");
	play_run(&p);
	hear(c, "VALUE a 0 1\r\nA\r\nEND\r\nVALUE b 0 1\r\nB\r\nEND\r\n"
	        "OK\r\nEND\r\n");
	hear(c, "VERSION 1.6.18-ewb-" PACKAGE_VERSION "\r\n");
	play_close(&p);
}
END_TEST

START_TEST(those_behind_one_that_blocks_are_answered_after_it)
{
	begin();
	say(c, "get a\r\nget h\r\nset h 0 0 1\r\nz\r\nget b\r\nget h\r\n");
	play_run(&p);
	/* the later ones on its key have not begun */
	ck_assert_str_eq(seen, "~a ~h ~h ~b ~h a h b ");
	hear(c, "VALUE a 0 1\r\nA\r\nEND\r\n");
	hear_nothing(c);
	tiny_let("h", EWB_OK);
	play_run(&p);
	tiny_let("h", EWB_OK);
	play_run(&p);
	tiny_let("h", EWB_OK);
	play_run(&p);
	hear(c, "VALUE h 0 1\r\nH\r\nEND\r\nSTORED\r\n"
	        "VALUE b 0 1\r\nB\r\nEND\r\nVALUE h 0 1\r\nz\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(no_more_of_them_are_in_flight_than_may_be)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 2;
	begin_with(&tiny_engine, &o);
	say(c, "get h1\r\nget h2\r\nget h3\r\nget h4\r\n");
	play_run(&p);
	ck_assert_uint_eq(tiny_blocked(), 2);
	while (tiny_blocked()) {
		tiny_let_all();
		play_run(&p);
		ck_assert_uint_le(tiny_blocked(), 2);
	}
	hear(c, "END\r\nEND\r\nEND\r\nEND\r\n");
	play_close(&p);
}
END_TEST

#define VALUE 65536

START_TEST(with_much_unread_those_that_are_left_wait)
{
	struct ewb_server_options o;
	static char value[VALUE];

	play_defaults(&o);
	o.max_unread = VALUE + VALUE / 2;
	begin_with(&tiny_engine, &o);
	memset(value, 'v', sizeof value);
	tiny_put("a", value, sizeof value);
	client_small(c, 4096);
	say_times(c, 7, "get a\r\n");
	play_run(&p);
	/* two are above the limit; some of the first was taken by the socket */
	ck_assert_uint_ge(tiny.runs, 2);
	ck_assert_uint_le(tiny.runs, 3);
	for (unsigned i = 0; i < 7; i++) {
		hear(c, "VALUE a 0 65536\r\n");
		hear_bytes(c, value, sizeof value);
		hear(c, "\r\nEND\r\n");
	}
	ck_assert_uint_eq(tiny.runs, 7);
	play_close(&p);
}
END_TEST

START_TEST(an_engine_that_may_wait_is_not_told)
{
	struct ewb_engine e = tiny_engine;

	e.model = EWB_BLOCKING;
	begin_with(&e, NULL);
	tiny.seen = NULL;
	say(c, "get a\r\nget b\r\n");
	play_run(&p);
	ck_assert_str_eq(seen, "");
	hear(c, "VALUE a 0 1\r\nA\r\nEND\r\nVALUE b 0 1\r\nB\r\nEND\r\n");
	play_close(&p);
}
END_TEST

START_TEST(an_engine_without_prefetch_gets_the_commands_alone)
{
	struct ewb_engine e = tiny_engine;

	e.prefetch = NULL;
	begin_with(&e, NULL);
	say(c, "get a\r\nget b\r\n");
	play_run(&p);
	ck_assert_str_eq(seen, "a b ");
	hear(c, "VALUE a 0 1\r\nA\r\nEND\r\nVALUE b 0 1\r\nB\r\nEND\r\n");
	play_close(&p);
}
END_TEST

static enum ewb_status
pass_get(void *self, struct ewb_cookie *cookie, const struct ewb_request *r)
{
	static struct ewb_request other;

	(void)self;
	other = *r;
	/* the hint is of this key alone */
	return ewb_next_get(cookie, r->nkey == 3 ? &other : r);
}

static const struct ewb_engine passes = { .abi = EWB_ABI,
	                                  .size = sizeof passes,
	                                  .api = EWB_API,
	                                  .name = "passes",
	                                  .kind = EWB_KIND_FILTER,
	                                  .get = pass_get };

START_TEST(an_engine_is_told_through_a_filter_that_does_not_want_to_know)
{
	filter = &passes;
	begin();
	say(c, "get a\r\nset b 0 0 1\r\nx\r\nget b\r\n");
	play_run(&p);
	ck_assert_str_eq(seen, "~a ~b ~b a b b ");
	hear(c, "VALUE a 0 1\r\nA\r\nEND\r\nSTORED\r\n"
	        "VALUE b 0 1\r\nx\r\nEND\r\n");
	play_close(&p);
	filter = NULL;
}
END_TEST

START_TEST(what_it_leaves_goes_through_with_the_request_as_it_is)
{
	filter = &passes;
	begin();
	tiny.seen = add_hint;
	hints = 0;
	say(c, "get a\r\nget bb\r\nget ccc\r\nversion\r\n");
	play_run(&p);
	ck_assert_uint_eq(hints, 3); /* not with a request of the filter's */
	(void)hear_all(c);
	play_close(&p);
	filter = NULL;
}
END_TEST

static void
leave_a_note(void *self, struct ewb_request *r)
{
	(void)self;
	r->hint[0] = r->hint[1] = 1;
}

static const struct ewb_engine leaves = { .abi = EWB_ABI,
	                                  .size = sizeof leaves,
	                                  .api = EWB_API,
	                                  .name = "leaves",
	                                  .kind = EWB_KIND_FILTER,
	                                  .prefetch = leave_a_note };

START_TEST(what_a_filter_leaves_is_not_taken_for_the_engines)
{
	filter = &leaves;
	begin();
	tiny.seen = add_hint;
	hints = 0;
	say(c, "get a\r\nset b 0 0 1\r\nx\r\nincr b 1\r\nversion\r\n");
	play_run(&p);
	ck_assert_uint_eq(hints, 0);
	(void)hear_all(c);
	play_close(&p);
	filter = NULL;
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend gather");
	TCase *t = tcase_create("gather");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, the_engine_is_told_of_all_before_the_first_begins);
	tcase_add_test(t, it_is_told_of_a_few_at_a_time);
	tcase_add_test(t, of_a_command_that_comes_alone_it_is_not_told);
	tcase_add_test(t, what_it_leaves_is_in_that_commands_request);
	tcase_add_test(t, a_barrier_begins_when_they_have_ended);
	tcase_add_test(t, those_behind_one_that_blocks_are_answered_after_it);
	tcase_add_test(t, no_more_of_them_are_in_flight_than_may_be);
	tcase_add_test(t, with_much_unread_those_that_are_left_wait);
	tcase_add_test(t, an_engine_that_may_wait_is_not_told);
	tcase_add_test(t, an_engine_without_prefetch_gets_the_commands_alone);
	tcase_add_test(t, what_a_filter_leaves_is_not_taken_for_the_engines);
	tcase_add_test(
		t, an_engine_is_told_through_a_filter_that_does_not_want_to_know);
	tcase_add_test(t, what_it_leaves_goes_through_with_the_request_as_it_is);
	suite_add_tcase(s, t);
	return unit_run(s);
}
