/* SPDX-License-Identifier: BSD-2-Clause */
/* Binary clients that have asked for no order: whose answer leaves when, and who
 * waits for whom still. */
#include "config.h"

#include <string.h>

#include "protocol/binary.h"
#include "t/frontend_frames.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

#define UNORDERED "\x00\x0e"
#define TRACING "\x00\x0f"

static struct play p;
static struct client *c;
static struct frames ask, want;

/* Asks for that many features, and is answered with those accepted. */
static void
hello(const char *features, size_t n, const char *accepted, size_t naccepted)
{
	ask.n = want.n = 0;
	frames_ask(&ask, &(struct frame){ .opcode = BIN_HELLO,
	                                  .opaque = 1,
	                                  .key = "test",
	                                  .value = features,
	                                  .nvalue = n });
	frames_answer(&want, &(struct frame){ .opcode = BIN_HELLO,
	                                      .opaque = 1,
	                                      .value = accepted,
	                                      .nvalue = naccepted });
	frames_say(c, &ask);
	play_run(&p);
	frames_hear(c, &want);
	ask.n = want.n = 0;
}

static void
begin_with(const struct ewb_server_options *o)
{
	ask.n = want.n = 0;
	play_open(&p, 1, &tiny_engine, o);
	tiny_put("k", "K", 1);
	c = client_open(&p, 0);
}

static void
begin(void)
{
	begin_with(NULL);
	hello(UNORDERED, 2, UNORDERED, 2);
}

static void
get(const char *key, uint32_t opaque)
{
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET,
	                                  .opaque = opaque,
	                                  .key = key });
}

static void
set(uint8_t opcode, const char *key, uint32_t opaque)
{
	static const uint8_t extras[8];

	frames_ask(&ask, &(struct frame){ .opcode = opcode,
	                                  .opaque = opaque,
	                                  .key = key,
	                                  .extras = extras,
	                                  .nextras = sizeof extras,
	                                  .value = "V",
	                                  .nvalue = 1 });
}

static void
simple(uint8_t opcode, uint32_t opaque)
{
	frames_ask(&ask, &(struct frame){ .opcode = opcode, .opaque = opaque });
}

static void
say_all(void)
{
	frames_say(c, &ask);
	ask.n = 0;
	play_run(&p);
}

static void
let(const char *key)
{
	ck_assert_int_eq(tiny_let(key, EWB_OK), EWB_OK);
	play_run(&p);
}

static void
hear_miss(uint32_t opaque)
{
	want.n = 0;
	frames_error(&want, BIN_GET, opaque, EWB_NOT_FOUND, NULL);
	frames_hear(c, &want);
}

static void
hear_k(uint32_t opaque)
{
	want.n = 0;
	frames_answer(&want, &(struct frame){ .opcode = BIN_GET,
	                                      .opaque = opaque,
	                                      .cas = 1,
	                                      .extras = "\0\0\0\0",
	                                      .nextras = 4,
	                                      .value = "K",
	                                      .nvalue = 1 });
	frames_hear(c, &want);
}

static void
hear_ok(uint8_t opcode, uint32_t opaque, uint64_t cas)
{
	want.n = 0;
	frames_answer(&want, &(struct frame){ .opcode = opcode,
	                                      .opaque = opaque,
	                                      .cas = cas });
	frames_hear(c, &want);
}

START_TEST(an_answer_leaves_when_it_is_ready)
{
	begin();
	get("h1", 11);
	get("h2", 12);
	get("h3", 13);
	get("k", 14);
	say_all();
	hear_k(14);
	hear_nothing(c);
	let("h2");
	hear_miss(12);
	let("h3");
	hear_miss(13);
	get("k", 15);
	say_all();
	hear_k(15);
	let("h1");
	hear_miss(11);
	play_close(&p);
}
END_TEST

START_TEST(who_has_not_asked_for_it_is_answered_in_order)
{
	begin_with(NULL);
	get("h1", 11);
	get("k", 12);
	simple(BIN_NOOP, 13);
	say_all();
	hear_nothing(c);
	let("h1");
	hear_miss(11);
	hear_k(12);
	hear_ok(BIN_NOOP, 13, 0);
	play_close(&p);
}
END_TEST

START_TEST(the_commands_of_one_key_keep_their_order)
{
	begin();
	set(BIN_SET, "h1", 11);
	get("h1", 12);
	get("k", 13);
	say_all();
	hear_k(13);
	ck_assert_uint_eq(tiny.runs, 2); /* the get of h1 has not begun */
	let("h1");
	hear_ok(BIN_SET, 11, 2);
	ck_assert_ptr_nonnull(tiny_held("h1", 0));
	hear_nothing(c);
	let("h1");
	want.n = 0;
	frames_answer(&want, &(struct frame){ .opcode = BIN_GET,
	                                      .opaque = 12,
	                                      .cas = 2,
	                                      .extras = "\0\0\0\0",
	                                      .nextras = 4,
	                                      .value = "V",
	                                      .nvalue = 1 });
	frames_hear(c, &want);
	play_close(&p);
}
END_TEST

static void
get_barrier(const char *key, uint32_t opaque)
{
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GET,
	                                  .opaque = opaque,
	                                  .barrier = true,
	                                  .key = key });
}

START_TEST(a_barrier_frame_waits_for_all_and_holds_all)
{
	begin();
	get("h1", 11);
	get("h2", 12);
	get_barrier("h3", 13);
	get("k", 14);
	simple(BIN_VERSION, 15);
	say_all();
	ck_assert_uint_eq(tiny.runs, 2);
	let("h2");
	hear_miss(12);
	ck_assert_uint_eq(tiny.runs, 2);
	let("h1");
	hear_miss(11);
	ck_assert_ptr_nonnull(tiny_held("h3", 0));
	ck_assert_uint_eq(tiny.runs, 3);
	hear_nothing(c);
	let("h3");
	hear_miss(13);
	hear_k(14);
	ck_assert_uint_gt(hear_all(c), 24);
	play_close(&p);
}
END_TEST

START_TEST(a_barrier_frame_means_nothing_where_there_is_an_order)
{
	begin_with(NULL);
	get("h1", 11);
	get_barrier("k", 12);
	get("h2", 13);
	say_all();
	ck_assert_uint_eq(tiny.runs, 3);
	let("h1");
	hear_miss(11);
	hear_k(12);
	let("h2");
	hear_miss(13);
	play_close(&p);
}
END_TEST

START_TEST(a_barrier_frame_that_says_more_is_refused)
{
	static const uint8_t bad[] = { 0x08, BIN_GET, 2, 1, 0, 0, 0, 0, 0, 0, 0, 3,
		                       0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0,
		                       0x01, 0xff, 'k' };

	begin();
	say_bytes(c, bad, sizeof bad);
	play_run(&p);
	frames_error(&want, BIN_GET, 0, EWB_INVALID,
	             "framing extras that make no sense");
	memcpy(want.at + 12, bad + 12, 4);
	frames_hear(c, &want);
	ck_assert_uint_eq(tiny.runs, 0);
	play_close(&p);
}
END_TEST

START_TEST(a_noop_says_that_the_quiet_before_it_are_over)
{
	begin();
	get("h1", 11); /* for which it does not wait */
	set(BIN_SETQ, "h2", 12);
	frames_ask(&ask, &(struct frame){ .opcode = BIN_GETQ,
	                                  .opaque = 13,
	                                  .key = "h3" });
	simple(BIN_NOOP, 14);
	simple(BIN_VERSION, 15);
	say_all();
	ck_assert_uint_gt(hear_all(c), 24); /* the version */
	let("h3");
	hear_nothing(c);
	ck_assert_int_eq(tiny_let("h2", EWB_NO_MEMORY), EWB_OK);
	play_run(&p);
	want.n = 0;
	frames_error(&want, BIN_SETQ, 12, EWB_NO_MEMORY, NULL);
	frames_answer(&want, &(struct frame){ .opcode = BIN_NOOP, .opaque = 14 });
	frames_hear(c, &want);
	let("h1");
	hear_miss(11);
	play_close(&p);
}
END_TEST

static const uint8_t always[] = { BIN_FLUSH, BIN_HELLO };

START_TEST(what_is_a_barrier_by_itself_is_one_still)
{
	begin();
	get("h1", 11);
	frames_ask(&ask, &(struct frame){ .opcode = always[_i],
	                                  .opaque = 12,
	                                  .value = UNORDERED,
	                                  .nvalue = _i ? 2 : 0 });
	get("k", 13);
	say_all();
	ck_assert_uint_eq(tiny.runs, 1);
	hear_nothing(c);
	let("h1");
	hear_miss(11);
	want.n = 0;
	frames_answer(&want, &(struct frame){ .opcode = always[_i],
	                                      .opaque = 12,
	                                      .value = UNORDERED,
	                                      .nvalue = _i ? 2 : 0 });
	frames_hear(c, &want);
	if (_i)
		hear_k(13);
	else
		hear_miss(13);
	play_close(&p);
}
END_TEST

START_TEST(a_quit_is_the_last_to_be_answered)
{
	begin();
	get("h1", 11);
	get("h2", 12);
	simple(BIN_QUIT, 13);
	get("k", 14);
	say_all();
	let("h2");
	hear_miss(12);
	hear_nothing(c);
	let("h1");
	hear_miss(11);
	hear_ok(BIN_QUIT, 13, 0);
	hear_end(c);
	play_close(&p);
}
END_TEST

/* Hello among others, in one piece. */

START_TEST(hello_parts_the_modes)
{
	begin_with(NULL);
	get("h1", 11);
	get("k", 12);
	frames_ask(&ask, &(struct frame){ .opcode = BIN_HELLO,
	                                  .opaque = 13,
	                                  .value = UNORDERED,
	                                  .nvalue = 2 });
	get("h2", 14);
	get("k", 15);
	frames_ask(&ask, &(struct frame){ .opcode = BIN_HELLO, .opaque = 16 });
	get("h3", 17);
	get("k", 18);
	say_all();
	hear_nothing(c); /* in order, so far */
	let("h1");
	hear_miss(11);
	hear_k(12);
	want.n = 0;
	frames_answer(&want, &(struct frame){ .opcode = BIN_HELLO,
	                                      .opaque = 13,
	                                      .value = UNORDERED,
	                                      .nvalue = 2 });
	frames_hear(c, &want);
	hear_k(15); /* in any order */
	hear_nothing(c);
	let("h2");
	hear_miss(14);
	hear_ok(BIN_HELLO, 16, 0);
	hear_nothing(c); /* in order again */
	let("h3");
	hear_miss(17);
	hear_k(18);
	play_close(&p);
}
END_TEST

START_TEST(what_was_asked_before_hello_is_answered_without_durations)
{
	uint8_t got[256];

	begin_with(NULL);
	get("h1", 11);
	frames_ask(&ask, &(struct frame){ .opcode = BIN_HELLO,
	                                  .opaque = 12,
	                                  .value = TRACING,
	                                  .nvalue = 2 });
	simple(BIN_VERSION, 13); /* it waits for nobody */
	simple(BIN_NOOP, 14);
	say_all();
	let("h1");
	hear_miss(11);
	want.n = 0;
	frames_answer(&want, &(struct frame){ .opcode = BIN_HELLO,
	                                      .opaque = 12,
	                                      .value = TRACING,
	                                      .nvalue = 2 });
	frames_hear(c, &want);
	ck_assert_uint_gt(hear_some(c, got, sizeof got), 27 + 27);
	ck_assert_uint_eq(got[0], 0x18);
	play_close(&p);
}
END_TEST

/* What is done, and not written yet, when more comes in the same turn. */

static enum ewb_status ends_as;

static void
let_h1(struct ev_loop *loop, ev_check *w, int events)
{
	(void)events;
	ev_check_stop(loop, w);
	ck_assert_int_eq(tiny_let("h1", ends_as), EWB_OK);
	ck_assert(play_letter(&p, 0));
}

static const uint8_t newcomers[] = { BIN_QUIT, BIN_GET, BIN_NOOP };

START_TEST(what_comes_does_not_overtake_an_answer_that_is_ready)
{
	ev_check check;

	begin();
	ends_as = newcomers[_i] == BIN_NOOP ? EWB_NO_MEMORY : EWB_OK;
	if (newcomers[_i] == BIN_NOOP)
		set(BIN_SETQ, "h1", 11);
	else
		get("h1", 11);
	get("h2", 12);
	say_all();
	frames_ask(&ask, &(struct frame){ .opcode = newcomers[_i],
	                                  .opaque = 13,
	                                  .key = newcomers[_i] == BIN_GET ?
	                                                 "k" :
	                                                 NULL });
	if (newcomers[_i] == BIN_QUIT)
		let("h2"), hear_miss(12);
	frames_say(c, &ask);
	/* behind the front end's own check, before the sockets */
	ev_check_init(&check, let_h1);
	ev_set_priority(&check, 1);
	ev_check_start(p.loop[0], &check);
	play_run(&p);
	if (newcomers[_i] == BIN_NOOP) {
		want.n = 0;
		frames_error(&want, BIN_SETQ, 11, EWB_NO_MEMORY, NULL);
		frames_hear(c, &want);
	} else {
		hear_miss(11);
	}
	if (newcomers[_i] == BIN_GET)
		hear_k(13);
	else
		hear_ok(newcomers[_i], 13, 0);
	tiny_let_all();
	play_run(&p);
	play_close(&p);
}
END_TEST

START_TEST(hello_accepts_what_there_is_in_the_order_asked_for_and_once)
{
	begin_with(NULL);
	hello("\x00\x0f\x00\x11\x00\x0e\xff\xff\x00\x0f\x00\x03", 12,
	      "\x00\x0f\x00\x0e\x00\x03", 6);
	play_close(&p);
}
END_TEST

START_TEST(half_a_feature_is_refused_and_changes_nothing)
{
	begin();
	frames_ask(&ask, &(struct frame){ .opcode = BIN_HELLO,
	                                  .opaque = 2,
	                                  .value = "\x00\x0e\x00",
	                                  .nvalue = 3 });
	frames_error(&want, BIN_HELLO, 2, EWB_INVALID, "half a feature");
	say_all();
	frames_hear(c, &want);
	get("h1", 11);
	get("k", 12);
	say_all();
	hear_k(12);
	let("h1");
	hear_miss(11);
	play_close(&p);
}
END_TEST

/* Commands that another room adds, as the scans do: here each waits until it is
 * told to end. */

static struct ewb_ticket added[2];
static unsigned nadded;

static enum ewb_status
run_added(struct ewb_cookie *cookie)
{
	if (ewb_cookie_resumed(cookie) != EWB_NEW)
		return EWB_OK;
	added[nadded++] = ewb_cookie_block(cookie, NULL);
	return EWB_WOULDBLOCK;
}

static enum ewb_status
run_cancel(struct ewb_cookie *cookie)
{
	(void)cookie;
	return EWB_OK;
}

START_TEST(scans_hold_up_nothing_and_are_cancelled_among_others)
{
	static const uint8_t extras[28] = { 0 };

	play_server(&p, &tiny_engine, NULL);
	p.core->commands[EWB_OP_SCAN_CONTINUE] = (struct ewb_command){
		.run = run_added, .barrier = EWB_BARRIER_IN_ORDER
	};
	p.core->commands[EWB_OP_SCAN_CANCEL] = (struct ewb_command){
		.run = run_cancel, .barrier = EWB_BARRIER_IN_ORDER
	};
	play_fronts(&p, 1);
	tiny_put("k", "K", 1);
	c = client_open(&p, 0);
	nadded = 0;
	hello(UNORDERED, 2, UNORDERED, 2);
	for (uint32_t i = 0; i < 2; i++)
		frames_ask(&ask, &(struct frame){ .opcode = 0xdb,
		                                  .opaque = 11 + i,
		                                  .extras = extras,
		                                  .nextras = 28 });
	simple(BIN_NOOP, 13);
	get("k", 14);
	frames_ask(&ask, &(struct frame){ .opcode = 0xdc,
	                                  .opaque = 15,
	                                  .extras = extras,
	                                  .nextras = 16 });
	say_all();
	ck_assert_uint_eq(nadded, 2);
	hear_ok(BIN_NOOP, 13, 0);
	hear_k(14);
	hear_ok(0xdc, 15, 0);
	ck_assert_int_eq(ewb_notify(added[1], EWB_OK), EWB_OK);
	play_run(&p);
	hear_ok(0xdb, 12, 0);
	ck_assert_int_eq(ewb_notify(added[0], EWB_OK), EWB_OK);
	play_run(&p);
	hear_ok(0xdb, 11, 0);
	play_close(&p);
}
END_TEST

START_TEST(as_many_are_in_flight_as_may_be)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.in_flight = 2;
	begin_with(&o);
	hello(UNORDERED, 2, UNORDERED, 2);
	get("h1", 11);
	get("h2", 12);
	get("k", 13);
	get("k", 14);
	say_all();
	ck_assert_uint_eq(tiny.runs, 2);
	hear_nothing(c);
	let("h2");
	hear_miss(12);
	hear_k(13);
	hear_k(14);
	let("h1");
	hear_miss(11);
	play_close(&p);
}
END_TEST

START_TEST(what_is_late_leaves_its_place_to_nobody)
{
	struct ewb_server_options o;

	play_defaults(&o);
	o.deadline_ms = 1000;
	begin_with(&o);
	hello(UNORDERED, 2, UNORDERED, 2);
	get("h1", 11);
	set(BIN_SET, "h2", 12);
	get("k", 13);
	say_all();
	hear_k(13);
	play_pass(&p, 1001);
	play_run(&p);
	want.n = 0;
	frames_error(&want, BIN_GET, 11, EWB_TEMPORARY, "temporary failure");
	frames_error(&want, BIN_SET, 12, EWB_TEMPORARY, "outcome unknown");
	frames_hear(c, &want);
	get("h2", 14); /* behind the set, which is away still */
	get("k", 15);
	say_all();
	hear_k(15);
	let("h2");
	let("h2");
	hear_miss(14);
	tiny_let_all();
	play_close(&p);
}
END_TEST

START_TEST(a_client_that_goes_takes_all_along)
{
	begin_with(NULL);
	c = client_tcp(&p, 0);
	hello(UNORDERED, 2, UNORDERED, 2);
	set(BIN_SET, "h0", 10);
	get("h1", 11);
	get_barrier("h2", 12);
	get("h3", 13);
	simple(BIN_NOOP, 14);
	say_all();
	client_reset(c);
	play_run(&p);
	ck_assert_uint_eq(tiny.runs, 2);
	ck_assert_uint_eq(tiny.cancels, 2);
	tiny_let_all();
	play_run(&p);
	play_close(&p);
	ck_assert_uint_eq(atomic_load(&tiny.lent), atomic_load(&tiny.released));
}
END_TEST

/* A get that took a second here. */
START_TEST(an_answer_says_how_long_the_command_took)
{
	static const uint8_t slow[] = { 0x18, BIN_GET, 3, 0, 0, 0, 0, 1, 0, 0, 0, 3,
		                        0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0,
		                        0x02, 0x10, 0x55 };
	uint8_t got[64];

	begin_with(NULL);
	hello(TRACING, 2, TRACING, 2);
	get("h1", 0);
	memcpy(ask.at + 12, slow + 12, 4);
	say_all();
	play_pass(&p, 1000);
	let("h1");
	ck_assert_uint_eq(hear_some(c, got, sizeof got), sizeof slow);
	/* (2 * 1000000) ^ (1 / 1.74) = 4181 */
	ck_assert_uint_eq(ewb_be16(got + 25), 4181);
	ck_assert_mem_eq(got, slow, 25);
	simple(BIN_NOOP, 0);
	say_all();
	ck_assert_uint_eq(hear_some(c, got, sizeof got), 27);
	ck_assert_uint_eq(got[0], 0x18);
	ck_assert_uint_eq(got[2], 3);
	play_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend unordered");
	TCase *t = tcase_create("unordered");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, an_answer_leaves_when_it_is_ready);
	tcase_add_test(t, who_has_not_asked_for_it_is_answered_in_order);
	tcase_add_test(t, the_commands_of_one_key_keep_their_order);
	tcase_add_test(t, a_barrier_frame_waits_for_all_and_holds_all);
	tcase_add_test(t, a_barrier_frame_means_nothing_where_there_is_an_order);
	tcase_add_test(t, a_barrier_frame_that_says_more_is_refused);
	tcase_add_test(t, a_noop_says_that_the_quiet_before_it_are_over);
	tcase_add_loop_test(t, what_is_a_barrier_by_itself_is_one_still, 0, 2);
	tcase_add_test(t, a_quit_is_the_last_to_be_answered);
	tcase_add_test(t, hello_parts_the_modes);
	tcase_add_test(t, what_was_asked_before_hello_is_answered_without_durations);
	tcase_add_loop_test(t, what_comes_does_not_overtake_an_answer_that_is_ready,
	                    0, 3);
	tcase_add_test(t, hello_accepts_what_there_is_in_the_order_asked_for_and_once);
	tcase_add_test(t, half_a_feature_is_refused_and_changes_nothing);
	tcase_add_test(t, scans_hold_up_nothing_and_are_cancelled_among_others);
	tcase_add_test(t, as_many_are_in_flight_as_may_be);
	tcase_add_test(t, what_is_late_leaves_its_place_to_nobody);
	tcase_add_test(t, a_client_that_goes_takes_all_along);
	tcase_add_test(t, an_answer_says_how_long_the_command_took);
	suite_add_tcase(s, t);
	return unit_run(s);
}
