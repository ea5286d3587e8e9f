/* SPDX-License-Identifier: BSD-2-Clause */
/* Filters around script_engine: whose reply it is, who is run again, and what
 * goes down to the engine. */
#include "config.h"

#include "t/cookie_play.h"

/* What the filters of this test do, and did. */
static struct {
	bool waits;       /* blocks before it passes the command on */
	bool hasty;       /* answers though the command below is not over */
	bool twice;       /* asks for two at once */
	bool blocks_amid; /* blocks while the command below is not over */
	const char *key;  /* asks for this one instead */
	uint64_t hint;    /* ... with that in its request */
	_Atomic unsigned runs;
	struct ewb_ticket ticket;
	struct ewb_host *host;
	struct ewb_item seen;
	unsigned waits_below;
} f;

static enum ewb_status
open_filter(struct ewb_host *host, const struct ewb_setting *s, size_t n,
            void **self)
{
	(void)s;
	(void)n;
	f.host = host;
	*self = &f;
	return EWB_OK;
}

static enum ewb_status
misbehave(struct ewb_cookie *c, enum ewb_status status)
{
	if (f.blocks_amid)
		SCRIPT_MUST(ewb_cookie_block(c, NULL).word == 0);
	if (f.twice)
		return ewb_next_remove(c, NULL);
	return f.hasty ? EWB_OK : status;
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	static struct ewb_request other;
	enum ewb_status status;

	SCRIPT_MUST(self == &f);
	if (f.runs++ == 0 && f.waits) {
		f.ticket = ewb_cookie_block(c, NULL);
		return EWB_WOULDBLOCK;
	}
	other = *r;
	if (f.key) {
		other.key = f.key;
		other.nkey = strlen(f.key);
		other.hint[0] = other.hint[1] = f.hint;
	}
	status = ewb_next_get(c, f.key ? &other : NULL);
	if (status == EWB_WOULDBLOCK)
		return misbehave(c, status);
	ewb_next_reply(c, &f.seen);
	f.waits_below = ewb_next_waits(c);
	return status;
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	f.runs++;
	return ewb_next_store(c, NULL);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	(void)self;
	if (ewb_cookie_resumed(c) == EWB_NEW)
		ewb_reply_stat(c, "mine", "1");
	return ewb_next_stats(c);
}

static struct ewb_engine
filter(void)
{
	return (struct ewb_engine){ .abi = EWB_ABI,
		                    .size = sizeof(struct ewb_engine),
		                    .api = EWB_API,
		                    .name = "f",
		                    .kind = EWB_KIND_FILTER,
		                    .open = open_filter,
		                    .get = get,
		                    .store = store,
		                    .stats = stats };
}

static void
wrap(struct ewb_engine e)
{
	char why[200] = "";
	struct ewb_instance *i = ewb_filter_open(&play.core, play.instance, &e,
	                                         NULL, 0, why, sizeof why);

	ck_assert_msg(i != NULL, "%s", why);
	play.instance = i;
	for (unsigned n = 0; n < PLAY_FRONTS; n++)
		play.session[n].instance = i;
}

static void
begin_filter(void)
{
	memset(&f, 0, sizeof f);
	play_begin();
	wrap(filter());
	script_put("k", "old");
}

static void
expect(const struct call *k, enum ewb_status status, const char *reply)
{
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, status);
	ck_assert(k->released);
	ck_assert_str_eq(k->reply, reply);
}

START_TEST(what_a_filter_has_no_callback_for_passes_without_a_child)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	k = play_call(0, EWB_OP_DELETE, "k", NULL);
	ck_assert_uint_eq(play.d[0].nused, 1);
	ck_assert_str_eq(k->cookie->instance->host.name, script_engine.name);
	script_notify(s, EWB_OK);
	play_settle();
	expect(k, EWB_OK, "");
	ck_assert_uint_eq(f.runs, 0);
}
END_TEST

START_TEST(what_is_answered_at_once_below_is_answered_at_once)
{
	struct call *k = play_get(0, "k");

	play_turn(0);
	expect(k, EWB_OK, "old");
	ck_assert_uint_eq(f.runs, 1);
	ck_assert_uint_eq(f.seen.nvalue, 3);
	ck_assert_uint_eq(f.waits_below, 0);
}
END_TEST

static enum ewb_status
expect_no_hint(struct script *s, struct ewb_cookie *c)
{
	const struct ewb_request *r = ewb_cookie_request(c);

	s->runs++;
	ck_assert_uint_eq(r->hint[0], 0);
	ck_assert_uint_eq(r->hint[1], 0);
	return EWB_NOT_FOUND;
}

START_TEST(a_filters_hint_is_not_taken_for_the_engines)
{
	struct script *s = script_for("other");
	struct call *k;

	s->instead = expect_no_hint;
	f.key = "other";
	f.hint = 7;
	k = play_call(0, EWB_OP_GET, "k", NULL);
	play_settle();
	ck_assert_uint_gt(s->runs, 0);
	expect(k, EWB_NOT_FOUND, "");
}
END_TEST

START_TEST(a_filter_is_run_again_with_the_result_from_below)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 2;
	k = play_get(0, "k");
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(k->done, 0);
	script_notify(s, EWB_OK);
	play_settle();
	expect(k, EWB_OK, "old");
	ck_assert_uint_eq(s->runs, 3);
	ck_assert_uint_eq(f.runs, 2); /* not for each of the engine's waits */
	ck_assert_uint_eq(f.waits_below, 2);
}
END_TEST

START_TEST(an_error_from_below_is_the_filters_to_answer)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	k = play_get(0, "k");
	script_notify(s, EWB_NO_MEMORY);
	play_settle();
	expect(k, EWB_NO_MEMORY, "");
	ck_assert_uint_eq(f.runs, 2);
}
END_TEST

START_TEST(a_filter_may_wait_before_and_wait_below)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	f.waits = true;
	k = play_get(0, "k");
	ck_assert_uint_eq(s->runs, 0);
	ck_assert_int_eq(ewb_notify(f.ticket, EWB_OK), EWB_OK);
	play_settle();
	ck_assert_uint_eq(s->runs, 1);
	ck_assert_int_eq(ewb_notify(f.ticket, EWB_OK), EWB_STALE);
	script_notify(s, EWB_OK);
	play_settle();
	expect(k, EWB_OK, "old");
}
END_TEST

START_TEST(a_lent_value_goes_through_uncopied_and_is_released_once)
{
	struct script *s = script_for("k");
	struct call *k;

	s->lend = true;
	s->block_for = 1;
	play.keep = true;
	k = play_get(0, "k");
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_ptr_nonnull(k->cookie->reply.lent);
	ck_assert_str_eq(k->cookie->reply.lender->host.name,
	                 script_engine.name);
	ck_assert_uint_eq(s->releases, 0);
	play.keep = false;
	play_settle();
	expect(k, EWB_OK, "old");
	ck_assert_uint_eq(s->releases, 1);
}
END_TEST

START_TEST(filters_stack_under_what_is_made_of_get_and_store)
{
	struct script *s = script_for("n");
	struct call *k;
	struct ewb_frame frame = play_frame(EWB_OP_INCR, "n", NULL);

	wrap(filter());
	wrap(filter());
	script_put("n", "41");
	s->block_for = 1;
	frame.delta = 1;
	k = play_frame_call(0, &frame, NULL);
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(atomic_load(&play.instance->cookies), 1);
		script_notify(s, EWB_OK);
		play_settle();
	}
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(k->number, 42);
	ck_assert_str_eq(script_text("n"), "42");
}
END_TEST

START_TEST(a_filter_may_ask_for_another_key)
{
	struct call *k;

	script_put("other", "thing");
	f.key = "other";
	k = play_get(0, "k");
	play_turn(0);
	expect(k, EWB_OK, "thing");
}
END_TEST

START_TEST(statistics_are_added_to_those_of_the_engine)
{
	struct call *k = play_call(0, EWB_OP_STATS, NULL, NULL);

	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_str_eq(k->reply, "mine");
	ck_assert_uint_gt(k->nreply, sizeof "mine" + sizeof "1");
}
END_TEST

static const enum ewb_model models[][2] = {
	{ EWB_BLOCKING, EWB_NONBLOCKING },
	{ EWB_NONBLOCKING, EWB_BLOCKING },
	{ EWB_BLOCKING, EWB_BLOCKING },
	{ EWB_BLOCKING_SERIAL, EWB_BLOCKING_SERIAL },
};

START_TEST(all_models_go_together)
{
	struct ewb_engine e = script_engine, g = filter();
	struct call *k;

	play_end();
	memset(&f, 0, sizeof f);
	e.model = models[_i][1];
	g.model = models[_i][0];
	play_begin_with(&ewb_limits_default, &e);
	wrap(g);
	script_put("k", "old");
	k = play_get(0, "k");
	play_settle();
	expect(k, EWB_OK, "old");
	ck_assert_uint_eq(f.runs, 2); /* one side or the other waits */
	k = play_set(0, "k", "new");
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_str_eq(script_text("k"), "new");
}
END_TEST

START_TEST(a_blocking_filter_meets_an_engine_that_blocks)
{
	struct ewb_engine g = filter();
	struct script *s = script_for("k");
	struct call *k;

	g.model = EWB_BLOCKING;
	wrap(g);
	s->block_for = 1;
	k = play_get(0, "k");
	play_settle();
	ck_assert_uint_eq(k->done, 0);
	script_notify(s, EWB_OK);
	play_settle();
	expect(k, EWB_OK, "old");
}
END_TEST

START_TEST(a_hang_up_goes_down_to_the_engine)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	k = play_get(0, "k");
	play_hang_up(k);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(s->why, EWB_CANCEL_GONE);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert(k->released);
	ck_assert_uint_eq(f.runs, 1);
}
END_TEST

START_TEST(a_deadline_goes_down_to_the_engine)
{
	struct script *s = script_for("k");
	struct call *k;

	wrap(filter());
	s->block_for = 1;
	k = play_get(0, "k");
	play_pass(3000000);
	play_settle();
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(s->why, EWB_CANCEL_DEADLINE);
	play_pass(3000000);
	ck_assert_uint_eq(play_logged("not notified for"), 1);
	ck_assert_uint_eq(play_logged(script_engine.name), 1);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert(k->released);
}
END_TEST

START_TEST(a_notify_on_its_way_from_below_beats_the_deadline)
{
	struct script *s = script_for("k");
	struct call *k;

	wrap(filter());
	s->block_for = 1;
	k = play_get(0, "k");
	script_notify(s, EWB_OK);
	play_pass(3000000);
	play_settle();
	expect(k, EWB_OK, "old");
	ck_assert_uint_eq(s->cancels, 0);
}
END_TEST

START_TEST(a_hasty_answer_is_named_and_nothing_is_lost)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	f.hasty = true;
	k = play_get(0, "k");
	play_turn(0);
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	ck_assert_uint_eq(play_logged("filter f: get: answered though the "
	                              "command below is not over"),
	                  1);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert(k->released);
}
END_TEST

START_TEST(two_commands_at_once_are_refused_and_named)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	f.twice = true;
	k = play_get(0, "k");
	play_turn(0);
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	ck_assert_uint_eq(play_logged("ewb_next_...() for another command"), 1);
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert(k->released);
}
END_TEST

START_TEST(a_block_while_the_command_below_is_not_over_is_refused)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	f.blocks_amid = true;
	k = play_get(0, "k");
	ck_assert_uint_eq(play_logged("while the command below"), 1);
	script_notify(s, EWB_OK);
	play_settle();
	expect(k, EWB_OK, "old");
}
END_TEST

START_TEST(an_engine_that_asks_below_itself_is_refused)
{
	struct ewb_engine e = script_engine;
	struct call *k;

	play_end();
	memset(&f, 0, sizeof f);
	e.get = get;
	e.open = open_filter;
	play_begin_with(&ewb_limits_default, &e);
	k = play_get(0, "k");
	play_turn(0);
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	ck_assert_uint_eq(play_logged("nothing is below"), 1);
}
END_TEST

START_TEST(a_filter_narrows_what_the_stack_can)
{
	struct ewb_engine g = { .abi = EWB_ABI,
		                .size = sizeof g,
		                .api = EWB_API,
		                .name = "narrow",
		                .kind = EWB_KIND_FILTER,
		                .can = EWB_CAN_FLAGS,
		                .max_key = 4,
		                .max_value = 4 };
	struct ewb_frame frame = play_frame(EWB_OP_SET, "k", "new");
	struct call *k;

	wrap(g);
	frame.cas = 1;
	k = play_frame_call(0, &frame, "new");
	play_turn(0);
	ck_assert_int_eq(k->status, EWB_NOT_SUPPORTED);
	ck_assert_str_eq(k->context, "this engine has no cas");
	k = play_set(0, "k", "longer");
	ck_assert_int_eq(k->status, EWB_TOO_BIG);
	k = play_get(0, "a key");
	ck_assert_int_eq(k->status, EWB_TOO_BIG);
	frame.cas = 0;
	frame.flags = 7;
	k = play_frame_call(0, &frame, "new");
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
}
END_TEST

static enum ewb_status
open_none(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	(void)self;
	(void)range;
	(void)cursor;
	(void)count;
	return EWB_NOT_SUPPORTED;
}

static enum ewb_status
next_none(void *self, void *cursor, struct ewb_sink *sink)
{
	(void)self;
	(void)cursor;
	(void)sink;
	return EWB_NOT_SUPPORTED;
}

static void
close_none(void *self, void *cursor)
{
	(void)self;
	(void)cursor;
}

START_TEST(a_filter_from_before_directions_passes_none_on)
{
	struct ewb_engine g = { .abi = EWB_ABI,
		                .size = sizeof g,
		                .api = EWB_API,
		                .name = "old",
		                .kind = EWB_KIND_FILTER,
		                .scan_open = open_none,
		                .scan_next = next_none,
		                .scan_close = close_none };

	play.instance->engine.can |= EWB_CAN_DESCEND;
	wrap(g);
	ck_assert(play.instance->engine.can & EWB_CAN_DESCEND);
	g.name = "older";
	g.size = offsetof(struct ewb_engine, scan_seek);
	wrap(g);
	ck_assert(!(play.instance->engine.can & EWB_CAN_DESCEND));
}
END_TEST

static void *taken;

static enum ewb_status
take(struct script *s, struct ewb_cookie *c)
{
	(void)s;
	taken = ewb_value_take(c);
	return EWB_OK;
}

START_TEST(the_engine_may_keep_a_large_value_that_came_through)
{
	struct call *k;

	play.body = malloc(4);
	memcpy(play.body, "body", 4);
	script_for("k")->instead = take;
	taken = NULL;
	k = play_set(0, "k", "body");
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_ptr_nonnull(taken);
	ewb_value_free(taken);
}
END_TEST

START_TEST(a_stack_is_not_closed_while_a_filter_waits_below)
{
	struct script *s = script_for("k");
	char why[200] = "";

	s->block_for = 1;
	play_get(0, "k");
	ck_assert_int_eq(ewb_instance_close(play.instance, why, sizeof why),
	                 EWB_BUSY);
	ck_assert_str_eq(why, "filter f: not closed: 1 commands, 0 cursors and "
	                      "0 lent values are left");
	script_notify(s, EWB_OK);
	play_settle();
}
END_TEST

/* Of this test's filters; other tests of the process have counted too. */
static uint64_t
stale_of(const char *name)
{
	return atomic_load(&ewb_blame_of(name)->stale[EWB_OP_GET]);
}

START_TEST(a_stale_notify_is_blamed_on_who_blocked)
{
	struct script *s = script_for("k");
	uint64_t filters = stale_of("f"), engines = stale_of("script");
	struct ewb_ticket t;

	wrap(filter());
	s->block_for = 1;
	play_get(0, "k");
	t = s->ticket;
	script_notify(s, EWB_OK);
	play_settle();
	/* its slot serves a filter meanwhile, now that another is taken */
	script_for("other")->block_for = 1;
	play_call(0, EWB_OP_DELETE, "other", NULL);
	play_get(0, "none");
	play_settle();
	ck_assert_int_eq(ewb_notify(t, EWB_OK), EWB_STALE);
	ck_assert_uint_eq(stale_of("f"), filters);
	ck_assert_uint_eq(stale_of("script"), engines + 1);
	f.runs = 0;
	f.waits = true;
	play_get(0, "k");
	ck_assert_int_eq(ewb_notify(f.ticket, EWB_OK), EWB_OK);
	ck_assert_int_eq(ewb_notify(f.ticket, EWB_OK), EWB_STALE);
	ck_assert_uint_eq(stale_of("f"), filters + 1);
	play_settle();
	script_notify(s, EWB_OK);
	script_notify(script_for("other"), EWB_OK);
	play_settle();
}
END_TEST

START_TEST(a_stale_notify_is_named_at_the_next_that_comes_home)
{
	struct script *s = script_for("k");

	play.core.log.level = EWB_LOG_INFO;
	s->block_for = 1;
	play_get(0, "k");
	script_notify(s, EWB_OK);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_STALE);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_STALE);
	ck_assert_uint_eq(play_logged("stale"), 0);
	play_settle();
	ck_assert_uint_eq(play_logged("engine script: get: notified with a "
	                              "stale ticket, 2 more times"),
	                  1);
	play_get(0, "k");
	script_notify(s, EWB_OK);
	play_settle();
	ck_assert_uint_eq(play_logged("stale"), 1); /* once */
	play_get(0, "k");
	script_notify(s, EWB_OK);
	ck_assert_int_eq(script_notify(s, EWB_OK), EWB_STALE);
	play_settle();
	ck_assert_uint_eq(play_logged("stale ticket, 1 more times"), 1);
}
END_TEST

START_TEST(who_asks_is_known)
{
	struct script *s = script_for("k");
	struct ewb_frame frame = play_frame(EWB_OP_INCR, "k", NULL);
	char name[32] = "";

	script_put("k", "1");
	s->block_for = 1;
	play_frame_call(1, &frame, NULL);
	/* its get, below the filter */
	ck_assert_int_eq(s->cookie->op, EWB_OP_GET);
	ck_assert_str_eq(ewb_cookie_command(s->cookie), "incr");
	ck_assert_uint_eq(ewb_cookie_client(s->cookie, name, sizeof name), 1);
	ck_assert_str_eq(name, "client-1");
	for (unsigned i = 0; i < 2; i++) {
		script_notify(s, EWB_OK);
		play_settle();
	}
}
END_TEST

START_TEST(a_filter_is_no_engine_and_an_engine_no_filter)
{
	struct ewb_engine g = filter();
	char why[200] = "";

	ck_assert_ptr_null(
		ewb_instance_open(&play.core, &g, NULL, 0, why, sizeof why));
	ck_assert_str_eq(why, "it is a filter: name it as one, and an engine "
	                      "for it");
	ck_assert_ptr_null(ewb_filter_open(&play.core, play.instance,
	                                   &script_engine, NULL, 0, why,
	                                   sizeof why));
	ck_assert_str_eq(why, "it is an engine, not a filter");
	g.kind = 7;
	ck_assert_ptr_null(ewb_filter_open(&play.core, play.instance, &g, NULL,
	                                   0, why, sizeof why));
	ck_assert_str_eq(why, "its .kind is none of enum ewb_kind's");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie_filter");
	TCase *t = tcase_create("filter");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, begin_filter, play_end);
	tcase_add_test(
		t, what_a_filter_has_no_callback_for_passes_without_a_child);
	tcase_add_test(t, what_is_answered_at_once_below_is_answered_at_once);
	tcase_add_test(t, a_filters_hint_is_not_taken_for_the_engines);
	tcase_add_test(t, a_filter_is_run_again_with_the_result_from_below);
	tcase_add_test(t, an_error_from_below_is_the_filters_to_answer);
	tcase_add_test(t, a_filter_may_wait_before_and_wait_below);
	tcase_add_test(t,
	               a_lent_value_goes_through_uncopied_and_is_released_once);
	tcase_add_test(t, filters_stack_under_what_is_made_of_get_and_store);
	tcase_add_test(t, a_filter_may_ask_for_another_key);
	tcase_add_test(t, statistics_are_added_to_those_of_the_engine);
	tcase_add_loop_test(t, all_models_go_together, 0,
	                    sizeof models / sizeof *models);
	tcase_add_test(t, a_blocking_filter_meets_an_engine_that_blocks);
	tcase_add_test(t, a_hang_up_goes_down_to_the_engine);
	tcase_add_test(t, a_deadline_goes_down_to_the_engine);
	tcase_add_test(t, a_notify_on_its_way_from_below_beats_the_deadline);
	tcase_add_test(t, a_hasty_answer_is_named_and_nothing_is_lost);
	tcase_add_test(t, two_commands_at_once_are_refused_and_named);
	tcase_add_test(t,
	               a_block_while_the_command_below_is_not_over_is_refused);
	tcase_add_test(t, an_engine_that_asks_below_itself_is_refused);
	tcase_add_test(t, a_filter_narrows_what_the_stack_can);
	tcase_add_test(t, a_filter_from_before_directions_passes_none_on);
	tcase_add_test(t, the_engine_may_keep_a_large_value_that_came_through);
	tcase_add_test(t, a_stack_is_not_closed_while_a_filter_waits_below);
	tcase_add_test(t, a_stale_notify_is_blamed_on_who_blocked);
	tcase_add_test(t, a_stale_notify_is_named_at_the_next_that_comes_home);
	tcase_add_test(t, who_asks_is_known);
	tcase_add_test(t, a_filter_is_no_engine_and_an_engine_no_filter);
	suite_add_tcase(s, t);
	return unit_run(s);
}
