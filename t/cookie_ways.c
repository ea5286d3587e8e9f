/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways to write an engine, on one machine: blocking, blocking one at a
 * time, offload, tickets of its own; and an engine's own tasks. */
#include "config.h"

#include "t/cookie_play.h"

static struct script *s;

static void
begin_as(enum ewb_model model)
{
	struct ewb_engine e = script_engine;

	e.model = model;
	play_begin_with(&ewb_limits_default, &e);
	s = script_for("k");
	script_put("k", "5");
}

static unsigned
ran_in(enum ewb_class where)
{
	struct ewb_class_stats stats;

	ewb_pool_stats(play.core.pool, where, &stats);
	return (unsigned)stats.ran;
}

/* Blocking. */

static const enum ewb_model blocking[] = { EWB_BLOCKING, EWB_BLOCKING_SERIAL };

static const struct {
	enum ewb_op op;
	enum ewb_class where;
} callbacks[] = {
	{ EWB_OP_GET, EWB_READER },    { EWB_OP_SET, EWB_WRITER },
	{ EWB_OP_ADD, EWB_WRITER },    { EWB_OP_REPLACE, EWB_WRITER },
	{ EWB_OP_DELETE, EWB_WRITER }, { EWB_OP_FLUSH, EWB_WRITER },
	{ EWB_OP_STATS, EWB_READER },
};
#define NCALLBACKS 7

START_TEST(a_blocking_engines_callbacks_run_on_the_pool_once)
{
	enum ewb_op op = callbacks[_i % NCALLBACKS].op;
	int keyed = op != EWB_OP_FLUSH && op != EWB_OP_STATS;
	struct call *k;

	begin_as(blocking[_i / NCALLBACKS]);
	s = script_for(keyed ? "k" : "");
	k = play_call(0, op, keyed ? "k" : NULL, "v");
	ck_assert_uint_eq(s->runs, 0);
	play_turn(0);
	ck_assert_uint_eq(s->runs, 0);
	ck_assert_int_eq(play_task(), 1);
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_uint_eq(ran_in(callbacks[_i % NCALLBACKS].where), 1);
	play_settle();
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, op == EWB_OP_ADD ? EWB_EXISTS : EWB_OK);
	if (op == EWB_OP_GET)
		ck_assert_str_eq(k->reply, "5");
	play_end();
}
END_TEST

START_TEST(a_blocking_engines_counter_runs_both_halves_on_the_pool)
{
	struct ewb_frame f = play_frame(EWB_OP_INCR, "k", NULL);
	struct call *k;

	begin_as(blocking[_i]);
	f.delta = 1;
	k = play_frame_call(0, &f, NULL);
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(k->number, 6);
	ck_assert_str_eq(script_text("k"), "6");
	ck_assert_uint_eq(ran_in(EWB_READER), 1);
	ck_assert_uint_eq(ran_in(EWB_WRITER), 1);
	play_end();
}
END_TEST

static unsigned inside, together;

/* In the middle of it a second thread looks for work. */
static enum ewb_status
let_others_run(struct script *who, struct ewb_cookie *c)
{
	(void)who;
	(void)c;
	if (inside++)
		together++;
	while (play_task())
		;
	inside--;
	return EWB_OK;
}

START_TEST(callbacks_of_a_serial_engine_never_run_together)
{
	inside = together = 0;
	begin_as(blocking[_i]);
	script_for("*")->instead = let_others_run;
	for (unsigned i = 0; i < 5; i++) {
		play_get(0, "a");
		play_set(1, "b", "v"); /* another class, another front end */
	}
	play_settle();
	if (blocking[_i] == EWB_BLOCKING_SERIAL)
		ck_assert_uint_eq(together, 0);
	else
		ck_assert_uint_gt(together, 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(play_calls[i].done, 1);
	play_end();
}
END_TEST

/* The client went while it waited for its thread. */
START_TEST(a_blocking_callback_that_nobody_waits_for_is_not_begun)
{
	struct call *k, *l;

	begin_as(EWB_BLOCKING_SERIAL);
	k = play_set(0, "k", "a");
	l = play_set(0, "k", "b");
	play_turn(0);
	play_hang_up(k);
	play_settle();
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_str_eq(script_text("k"), "b");
	ck_assert_uint_eq(l->done, 1);
	play_end();
}
END_TEST

/* Offload. */

START_TEST(an_offloads_final_status_ends_the_command_without_another_run)
{
	static const enum ewb_status final[] = { EWB_OK, EWB_NOT_FOUND,
		                                 EWB_NO_MEMORY };
	struct call *k;

	begin_as(EWB_NONBLOCKING);
	s->offload = true;
	s->status = final[_i];
	k = play_get(0, "k");
	play_settle();
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_uint_eq(s->task_runs, 1);
	ck_assert_int_eq(k->status, final[_i]);
	if (final[_i] == EWB_OK)
		ck_assert_str_eq(k->reply, "5");
	ck_assert_uint_eq(s->cancels, 0);
	play_end();
}
END_TEST

START_TEST(an_offload_may_go_again_park_and_sleep)
{
	struct call *k;

	begin_as(EWB_NONBLOCKING);
	s->offload = true;
	s->plan[s->nplan++] = SCRIPT_AGAIN;
	s->plan[s->nplan++] = SCRIPT_PARK;
	s->plan[s->nplan++] = SCRIPT_SLEEP;
	s->plan[s->nplan++] = SCRIPT_NOTHING;
	s->sleep_us = 1000;
	k = play_get(0, "k");
	play_settle();
	ck_assert_uint_eq(s->task_runs, 2);
	ewb_task_wake(&k->cookie->task);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 3);
	play_pass(999);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 3);
	play_pass(1);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 4);
	ewb_task_wake(&k->cookie->task);
	play_settle();
	ck_assert_uint_eq(s->task_runs, 5);
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_str_eq(k->reply, "5");
	play_end();
}
END_TEST

START_TEST(an_offload_goes_to_the_class_of_its_command)
{
	begin_as(EWB_NONBLOCKING);
	s->offload = true;
	play_get(0, "k");
	play_settle();
	ck_assert_uint_eq(ran_in(EWB_READER), 1);
	play_set(0, "k", "v");
	play_settle();
	ck_assert_uint_eq(ran_in(EWB_WRITER), 1);
	ck_assert_uint_eq(ran_in(EWB_AUX), 0);
	play_end();
}
END_TEST

/* Blocks with a ticket of its own first, then offloads. */
START_TEST(one_command_may_go_several_ways)
{
	struct call *k;

	begin_as(EWB_NONBLOCKING);
	s->block_for = 2;
	s->offload = true;
	k = play_get(0, "k");
	script_notify(s, EWB_OK);
	play_settle();
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(s->runs, 3);
	ck_assert_uint_eq(s->task_runs, 1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_str_eq(k->reply, "5");
	ck_assert_uint_eq(s->destroys, 1);
	play_end();
}
END_TEST

START_TEST(the_turns_tasks_are_handed_over_together)
{
	struct ewb_class_stats stats;

	begin_as(EWB_BLOCKING);
	for (unsigned i = 0; i < 10; i++)
		play_get(0, "k");
	ewb_pool_stats(play.core.pool, EWB_READER, &stats);
	ck_assert_uint_eq(stats.submitted, 0);
	ck_assert_uint_eq(play.d[0].batch.n, 10);
	play_turn(0);
	ewb_pool_stats(play.core.pool, EWB_READER, &stats);
	ck_assert_uint_eq(stats.queued, 10);
	play_settle();
	play_end();
}
END_TEST

START_TEST(what_the_engine_cannot_is_refused_by_name)
{
	static const char *const why[] = { "this engine has no cas",
		                           "this engine has no expiry",
		                           "this engine has no flags" };
	struct ewb_engine e = script_engine;
	struct ewb_frame f = play_frame(EWB_OP_SET, "k", "v");
	struct call *k;

	e.can = 0;
	play_begin_with(&ewb_limits_default, &e);
	script_put("k", "old");
	if (_i == 0)
		f.cas = 77;
	else if (_i == 1)
		f.exptime = 60;
	else
		f.flags = 5;
	k = play_frame_call(0, &f, "v");
	play_settle();
	ck_assert_int_eq(k->status, EWB_NOT_SUPPORTED);
	ck_assert_str_eq(k->context, why[_i]);
	ck_assert_str_eq(script_text("k"), "old");
	play_end();
}
END_TEST

/* One that did it regardless of the cas would lose another client's value. */
START_TEST(a_delete_with_a_cas_that_the_engine_cannot_compare_is_refused)
{
	struct ewb_engine e = script_engine;
	struct ewb_frame f = play_frame(EWB_OP_DELETE, "k", NULL);
	struct call *k;

	e.can = 0;
	e.model = _i ? EWB_BLOCKING : EWB_NONBLOCKING;
	play_begin_with(&ewb_limits_default, &e);
	s = script_for("k");
	script_put("k", "old");
	f.cas = script_item("k")->cas;
	k = play_frame_call(0, &f, NULL);
	play_settle();
	ck_assert_int_eq(k->status, EWB_NOT_SUPPORTED);
	ck_assert_str_eq(k->context, "this engine has no cas");
	ck_assert_uint_eq(s->runs, 0);
	k = play_call(0, EWB_OP_DELETE, "k", NULL); /* whatever it is */
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_ptr_null(script_item("k"));
	play_end();
}
END_TEST

START_TEST(keys_and_values_above_the_engines_limits_are_refused)
{
	struct ewb_engine e = script_engine;
	struct call *k;

	e.max_key = 3;
	e.max_value = 4;
	play_begin_with(&ewb_limits_default, &e);
	k = play_set(0, "abcd", "1");
	ck_assert_int_eq(k->status, EWB_TOO_BIG);
	k = play_get(0, "abcd");
	ck_assert_int_eq(k->status, EWB_TOO_BIG);
	k = play_set(0, "abc", "12345");
	ck_assert_int_eq(k->status, EWB_TOO_BIG);
	k = play_set(0, "abc", "1234");
	ck_assert_int_eq(k->status, EWB_OK);
	play_settle();
	play_end();
}
END_TEST

START_TEST(what_an_engine_does_not_have_is_not_supported)
{
	struct ewb_engine e = script_engine;
	struct call *k;

	e.flush = NULL;
	e.stats = NULL;
	play_begin_with(&ewb_limits_default, &e);
	k = play_call(0, EWB_OP_FLUSH, NULL, NULL);
	ck_assert_int_eq(k->status, EWB_NOT_SUPPORTED);
	k = play_call(0, EWB_OP_STATS, NULL, NULL);
	ck_assert_int_eq(k->status, EWB_OK);
	k = play_call(0, EWB_OP_SCAN_CREATE, NULL, NULL);
	ck_assert_int_eq(k->status, EWB_NOT_SUPPORTED);
	ck_assert_ptr_nonnull(k->cookie->reply.context);
	play_settle();
	play_end();
}
END_TEST

/* An engine's own tasks. */

static unsigned works;
static int go_on; /* 0: park, 1: again, 2: sleep */

static void
work(struct ewb_task *t, void *arg)
{
	ck_assert_ptr_eq(arg, &works);
	ck_assert_uint_eq(ewb_task_runs(t), works);
	works++;
	if (go_on == 1)
		ewb_task_again(t);
	else if (go_on == 2)
		ewb_task_sleep(t, 500);
	go_on = 0;
}

START_TEST(an_own_task_runs_after_each_wake)
{
	struct ewb_task *t;

	begin_as(EWB_NONBLOCKING);
	works = 0;
	t = ewb_task_new(&play.instance->host, EWB_AUX, "own", work, &works);
	play_settle();
	ck_assert_uint_eq(works, 0);
	for (unsigned i = 1; i < 4; i++) {
		ewb_task_wake(t);
		ewb_task_wake(t);
		play_settle();
		ck_assert_uint_eq(works, i);
	}
	go_on = 1;
	ewb_task_wake(t);
	play_settle();
	ck_assert_uint_eq(works, 5);
	go_on = 2;
	ewb_task_wake(t);
	play_settle();
	ck_assert_uint_eq(works, 6);
	play_pass(500);
	play_settle();
	ck_assert_uint_eq(works, 7);
	ewb_task_free(t);
	play_settle();
	play_end();
}
END_TEST

/* Never woken, queued, parked, asleep. */
START_TEST(an_own_task_can_be_freed_at_any_time)
{
	struct ewb_task *t;

	begin_as(EWB_NONBLOCKING);
	works = 0;
	t = ewb_task_new(&play.instance->host, EWB_AUX, "own", work, &works);
	go_on = _i == 3 ? 2 : 0;
	if (_i > 0)
		ewb_task_wake(t);
	if (_i > 1)
		play_settle();
	ewb_task_free(t);
	play_pass(1000000);
	play_settle();
	ck_assert_uint_eq(works, _i > 1);
	ewb_task_free(NULL);
	play_end();
}
END_TEST

/* Never woken, queued, parked. */
START_TEST(own_tasks_that_are_left_at_the_close_are_ended_and_named)
{
	struct ewb_instance *i;
	struct ewb_task *t, *u;
	char why[200];

	begin_as(EWB_NONBLOCKING);
	works = 0;
	i = ewb_instance_open(&play.core, &script_engine, NULL, 0, why,
	                      sizeof why);
	t = ewb_task_new(&i->host, EWB_AUX, "own", work, &works);
	u = ewb_task_new(&i->host, EWB_READER, "own", work, &works);
	ewb_task_free(ewb_task_new(&i->host, EWB_AUX, "freed", work, &works));
	if (_i > 0)
		ewb_task_wake(t);
	if (_i > 1)
		play_settle();
	(void)u;
	ck_assert_int_eq(ewb_instance_close(i, why, sizeof why), EWB_OK);
	ck_assert_uint_eq(play_logged("engine script: 2 tasks of its own were "
	                              "left at its close"),
	                  1);
	play_settle();
	ck_assert_uint_eq(works, _i > 1);
	play_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cookie: ways to write an engine");
	TCase *t = tcase_create("stepped");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t,
	                    a_blocking_engines_callbacks_run_on_the_pool_once,
	                    0, 2 * NCALLBACKS);
	tcase_add_loop_test(
		t, a_blocking_engines_counter_runs_both_halves_on_the_pool, 0,
		2);
	tcase_add_loop_test(t, callbacks_of_a_serial_engine_never_run_together,
	                    0, 2);
	tcase_add_test(t,
	               a_blocking_callback_that_nobody_waits_for_is_not_begun);
	tcase_add_loop_test(
		t,
		an_offloads_final_status_ends_the_command_without_another_run,
		0, 3);
	tcase_add_test(t, an_offload_may_go_again_park_and_sleep);
	tcase_add_test(t, an_offload_goes_to_the_class_of_its_command);
	tcase_add_test(t, one_command_may_go_several_ways);
	tcase_add_test(t, the_turns_tasks_are_handed_over_together);
	tcase_add_loop_test(t, what_the_engine_cannot_is_refused_by_name, 0, 3);
	tcase_add_loop_test(
		t, a_delete_with_a_cas_that_the_engine_cannot_compare_is_refused,
		0, 2);
	tcase_add_test(t, keys_and_values_above_the_engines_limits_are_refused);
	tcase_add_test(t, what_an_engine_does_not_have_is_not_supported);
	tcase_add_test(t, an_own_task_runs_after_each_wake);
	tcase_add_loop_test(t, an_own_task_can_be_freed_at_any_time, 0, 4);
	tcase_add_loop_test(
		t, own_tasks_that_are_left_at_the_close_are_ended_and_named, 0,
		3);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
