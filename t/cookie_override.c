/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that brings commands which are made of get and store otherwise. */
#include "config.h"

#include <stdio.h>

#include "t/cookie_play.h"

static struct {
	_Atomic unsigned runs;
	struct ewb_count count;
	char value[32];
	uint32_t expiry;
	bool waits, silent;
	struct ewb_ticket ticket;
} seen;

static enum ewb_status
count(void *self, struct ewb_cookie *c, const struct ewb_request *r,
      const struct ewb_count *n)
{
	(void)self;
	(void)r;
	seen.runs++;
	seen.count = *n;
	if (seen.waits && ewb_cookie_resumed(c) == EWB_NEW) {
		seen.ticket = ewb_cookie_block(c, NULL);
		return EWB_WOULDBLOCK;
	}
	if (!seen.silent)
		ewb_reply_number(c, 42);
	return EWB_OK;
}

static enum ewb_status
add(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)c;
	seen.runs++;
	seen.expiry = r->expiry;
	snprintf(seen.value, sizeof seen.value, "%.*s", (int)r->nvalue,
	         r->value ? (const char *)r->value : "");
	return EWB_OK;
}

static enum ewb_status
store_by_filter(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	return ewb_next_store(c, NULL);
}

static void
begin_with(enum ewb_model model)
{
	struct ewb_engine e = script_engine;

	memset(&seen, 0, sizeof seen);
	e.model = model;
	e.append = e.prepend = e.touch = e.get_and_touch = add;
	e.count = count;
	play_begin_with(&ewb_limits_default, &e);
}

static void
begin(void)
{
	begin_with(EWB_NONBLOCKING);
}

static void
wrap(const struct ewb_engine *filter)
{
	char why[200] = "";
	struct ewb_instance *i = ewb_filter_open(
		&play.core, play.instance, filter, NULL, 0, why, sizeof why);

	ck_assert_msg(i != NULL, "%s", why);
	play.instance = i;
	play.session[0].instance = i;
}

static struct call *
count_call(enum ewb_op op)
{
	struct ewb_frame f = play_frame(op, "n", NULL);

	f.delta = 7;
	f.initial = 5;
	f.is = EWB_IS_CREATE;
	return play_frame_call(0, &f, NULL);
}

static void
expect_42(const struct call *k)
{
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert(k->cookie->reply.has_number);
	ck_assert_uint_eq(k->cookie->reply.number, 42);
}

START_TEST(a_counter_is_the_engines_own)
{
	struct call *k;

	play.keep = true;
	k = count_call(_i ? EWB_OP_DECR : EWB_OP_INCR);
	play_settle();
	expect_42(k);
	ck_assert_uint_eq(seen.runs, 1);
	ck_assert_uint_eq(seen.count.down, (unsigned)_i);
	ck_assert_uint_eq(seen.count.create, 1);
	ck_assert_uint_eq(seen.count.delta, 7);
	ck_assert_uint_eq(seen.count.initial, 5);
	ck_assert_ptr_null(script_text("n"));
	play.keep = false;
	play_settle();
}
END_TEST

START_TEST(it_may_wait)
{
	struct call *k;

	seen.waits = true;
	play.keep = true;
	k = count_call(EWB_OP_INCR);
	ck_assert_int_eq(ewb_notify(seen.ticket, EWB_OK), EWB_OK);
	play_settle();
	expect_42(k);
	ck_assert_uint_eq(seen.runs, 2);
	play.keep = false;
	play_settle();
}
END_TEST

START_TEST(it_may_be_a_blocking_engines)
{
	struct call *k;

	play_end();
	begin_with(EWB_BLOCKING);
	play.keep = true;
	k = count_call(EWB_OP_INCR);
	ck_assert_uint_eq(seen.runs, 0);
	play_settle();
	expect_42(k);
	play.keep = false;
	play_settle();
}
END_TEST

START_TEST(a_counter_without_a_number_is_named)
{
	struct call *k;

	seen.silent = true;
	k = count_call(EWB_OP_INCR);
	play_settle();
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	ck_assert_uint_eq(play_logged("incr: count() answered without"), 1);
}
END_TEST

static const enum ewb_op others[] = { EWB_OP_APPEND, EWB_OP_PREPEND,
	                              EWB_OP_TOUCH, EWB_OP_GAT };

START_TEST(so_are_the_others)
{
	struct ewb_frame f = play_frame(others[_i], "k", "more");
	struct call *k;

	f.exptime = 100;
	k = play_frame_call(0, &f, "more");
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(seen.runs, 1);
	ck_assert_str_eq(seen.value, "more");
	ck_assert_uint_ne(seen.expiry, 0);
}
END_TEST

START_TEST(what_a_filter_looks_at_is_made_of_get_and_store)
{
	struct ewb_engine f = { .abi = EWB_ABI,
		                .size = sizeof f,
		                .api = EWB_API,
		                .name = "f",
		                .kind = EWB_KIND_FILTER };
	struct call *k;

	play.keep = true;
	wrap(&f); /* looks at nothing */
	k = count_call(EWB_OP_INCR);
	play_settle();
	expect_42(k);
	f.store = store_by_filter;
	wrap(&f);
	script_put("n", "1");
	k = count_call(EWB_OP_INCR);
	play_settle();
	ck_assert_uint_eq(seen.runs, 1);
	ck_assert_str_eq(script_text("n"), "8");
	ck_assert_uint_eq(k->cookie->compose.number, 8);
	play.keep = false;
	play_settle();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie_override");
	TCase *t = tcase_create("override");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin, play_end);
	tcase_add_loop_test(t, a_counter_is_the_engines_own, 0, 2);
	tcase_add_test(t, it_may_wait);
	tcase_add_test(t, it_may_be_a_blocking_engines);
	tcase_add_test(t, a_counter_without_a_number_is_named);
	tcase_add_loop_test(t, so_are_the_others, 0,
	                    sizeof others / sizeof *others);
	tcase_add_test(t, what_a_filter_looks_at_is_made_of_get_and_store);
	suite_add_tcase(s, t);
	return unit_run(s);
}
