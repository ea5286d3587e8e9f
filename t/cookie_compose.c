/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands made out of a get and a store, on an engine with cas and on one
 * without, answered at once and with both of their halves blocked. */
#include "config.h"

#include "t/cookie_play.h"

/* A row's way to run: the bits of the loop's number. */
#define BLOCKS(i) ((i)&1)
#define NO_CAS(i) ((i)&2)
#define WAYS 4

static struct script *s;

static void
begin(int way)
{
	struct ewb_engine e = script_engine;

	if (NO_CAS(way))
		e.can &= ~EWB_CAN_CAS;
	play_begin_with(&ewb_limits_default, &e);
	s = script_for("k");
	s->block_for = BLOCKS(way) ? 1 : 0;
}

/* Notifies all blocks, one after the other. */
static void
unblock(void)
{
	unsigned n = 0;

	for (play_settle(); n < s->ntickets; play_settle())
		script_notify_nth(s, n++, EWB_OK);
}

/* What is there before; the command; what it answers; what is there after. */
static const struct row {
	enum ewb_op op;
	const char *before, *value;
	uint64_t delta, initial;
	uint32_t is;
	enum ewb_status status;
	uint64_t number;
	const char *after;
} rows[] = {
	{ EWB_OP_APPEND, "old", "new", 0, 0, 0, EWB_OK, 0, "oldnew" },
	{ EWB_OP_PREPEND, "old", "new", 0, 0, 0, EWB_OK, 0, "newold" },
	{ EWB_OP_APPEND, "", "new", 0, 0, 0, EWB_OK, 0, "new" },
	{ EWB_OP_APPEND, "old", "", 0, 0, 0, EWB_OK, 0, "old" },
	{ EWB_OP_APPEND, "", "", 0, 0, 0, EWB_OK, 0, "" },
	{ EWB_OP_APPEND, NULL, "x", 0, 0, 0, EWB_NOT_STORED, 0, NULL },
	{ EWB_OP_PREPEND, NULL, "x", 0, 0, 0, EWB_NOT_STORED, 0, NULL },
	{ EWB_OP_INCR, "41", NULL, 1, 0, 0, EWB_OK, 42, "42" },
	{ EWB_OP_INCR, "99", NULL, 1, 0, 0, EWB_OK, 100, "100" },
	{ EWB_OP_INCR, "7", NULL, 0, 0, 0, EWB_OK, 7, "7" },
	/* as long as it was, with blanks */
	{ EWB_OP_INCR, "007 ", NULL, 1, 0, 0, EWB_OK, 8, "8   " },
	{ EWB_OP_INCR, "0000000000000000000000000000000000000041", NULL, 1, 0,
	  0, EWB_OK, 42, "42                                      " },
	/* wraps at 2^64 */
	{ EWB_OP_INCR, "18446744073709551615", NULL, 1, 0, 0, EWB_OK, 0,
	  "0                   " },
	{ EWB_OP_INCR, "18446744073709551610", NULL, 10, 0, 0, EWB_OK, 4,
	  "4                   " },
	{ EWB_OP_INCR, "2", NULL, UINT64_MAX, 0, 0, EWB_OK, 1, "1" },
	/* floor at 0 */
	{ EWB_OP_DECR, "10", NULL, 1, 0, 0, EWB_OK, 9, "9 " },
	{ EWB_OP_DECR, "10", NULL, 10, 0, 0, EWB_OK, 0, "0 " },
	{ EWB_OP_DECR, "10", NULL, 11, 0, 0, EWB_OK, 0, "0 " },
	{ EWB_OP_DECR, "0", NULL, UINT64_MAX, 0, 0, EWB_OK, 0, "0" },
	/* no numbers */
	{ EWB_OP_INCR, "", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0, "" },
	{ EWB_OP_INCR, "x", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0, "x" },
	{ EWB_OP_INCR, "-1", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0, "-1" },
	{ EWB_OP_INCR, "+", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0, "+" },
	{ EWB_OP_INCR, "1x", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0, "1x" },
	{ EWB_OP_INCR, "1:", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0, "1:" },
	{ EWB_OP_INCR, "1/", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0, "1/" },
	{ EWB_OP_DECR, " ", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0, " " },
	/* blanks and a plus before it, a blank and anything behind it */
	{ EWB_OP_INCR, "+1", NULL, 1, 0, 0, EWB_OK, 2, "2 " },
	{ EWB_OP_INCR, " \t1", NULL, 1, 0, 0, EWB_OK, 2, "2  " },
	{ EWB_OP_INCR, "1 x", NULL, 1, 0, 0, EWB_OK, 2, "2  " },
	/* 2^64 does not fit */
	{ EWB_OP_DECR, "18446744073709551615", NULL, 5, 0, 0, EWB_OK,
	  UINT64_MAX - 5, "18446744073709551610" },
	{ EWB_OP_INCR, "18446744073709551616", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0,
	  "18446744073709551616" },
	{ EWB_OP_INCR, "99999999999999999999", NULL, 1, 0, 0, EWB_NOT_NUMBER, 0,
	  "99999999999999999999" },
	/* missing, and made */
	{ EWB_OP_INCR, NULL, NULL, 1, 5, 0, EWB_NOT_FOUND, 0, NULL },
	{ EWB_OP_DECR, NULL, NULL, 1, 5, 0, EWB_NOT_FOUND, 0, NULL },
	{ EWB_OP_INCR, NULL, NULL, 1, 5, EWB_IS_CREATE, EWB_OK, 5, "5" },
	{ EWB_OP_DECR, NULL, NULL, 1, UINT64_MAX, EWB_IS_CREATE, EWB_OK,
	  UINT64_MAX, "18446744073709551615" },
	{ EWB_OP_INCR, "1", NULL, 1, 5, EWB_IS_CREATE, EWB_OK, 2, "2" },
	{ EWB_OP_TOUCH, NULL, NULL, 0, 0, 0, EWB_NOT_FOUND, 0, NULL },
	{ EWB_OP_TOUCH, NULL, NULL, 0, 5, EWB_IS_CREATE, EWB_NOT_FOUND, 0,
	  NULL },
	{ EWB_OP_TOUCH, "old", NULL, 0, 0, 0, EWB_OK, 0, "old" },
	{ EWB_OP_GAT, NULL, NULL, 0, 0, 0, EWB_NOT_FOUND, 0, NULL },
	{ EWB_OP_GAT, "old", NULL, 0, 0, 0, EWB_OK, 0, "old" },
};
#define NROWS (sizeof rows / sizeof *rows)

static struct call *
start(const struct row *r)
{
	struct ewb_frame f = play_frame(r->op, "k", r->value);

	f.delta = r->delta;
	f.initial = r->initial;
	f.is = r->is;
	return play_frame_call(0, &f, r->value);
}

static void
check_row(const struct row *r, const struct call *k, int way)
{
	const char *after = script_text("k");

	ck_assert_msg(k->done == 1 && k->status == r->status,
	              "op %d on %s: status %x, not %x", r->op, r->before,
	              k->status, r->status);
	ck_assert_msg((after == NULL) == (r->after == NULL) &&
	                      (after == NULL || strcmp(after, r->after) == 0),
	              "op %d on %s: %s is left, not %s", r->op, r->before,
	              after, r->after);
	if (r->op == EWB_OP_INCR || r->op == EWB_OP_DECR)
		ck_assert_msg(r->status != EWB_OK || k->number == r->number,
		              "op %d on %s: answers another number", r->op,
		              r->before);
	if (r->op == EWB_OP_GAT && r->status == EWB_OK)
		ck_assert_str_eq(k->reply, r->before);
	if (r->status == EWB_OK)
		ck_assert_uint_eq(k->cas, script_item("k")->cas);
	if (BLOCKS(way))
		ck_assert_uint_ge(s->ntickets, 1 + (r->status == EWB_OK));
}

START_TEST(each_command_does_what_the_protocol_says)
{
	for (unsigned i = 0; i < NROWS; i++) {
		struct call *k;

		begin(_i);
		if (rows[i].before)
			script_put("k", rows[i].before);
		k = start(&rows[i]);
		unblock();
		check_row(&rows[i], k, _i);
		play_end();
	}
}
END_TEST

/* A store that the engine checks and does in one step. */
static const struct {
	enum ewb_op op;
	uint64_t cas;
	enum ewb_status absent, present;
} stores[] = {
	{ EWB_OP_SET, 0, EWB_OK, EWB_OK },
	{ EWB_OP_ADD, 0, EWB_OK, EWB_EXISTS },
	{ EWB_OP_REPLACE, 0, EWB_NOT_FOUND, EWB_OK },
	{ EWB_OP_SET, 99999, EWB_NOT_FOUND, EWB_EXISTS },
};
#define NSTORES 4

START_TEST(a_store_is_done_when_the_key_is_as_expected)
{
	int present = _i / NSTORES;
	struct ewb_frame f = play_frame(stores[_i % NSTORES].op, "k", "new");
	enum ewb_status status = present ? stores[_i % NSTORES].present
	                                 : stores[_i % NSTORES].absent;
	struct call *k;

	begin(0);
	if (present)
		script_put("k", "old");
	f.cas = stores[_i % NSTORES].cas;
	k = play_frame_call(0, &f, "new");
	unblock();
	ck_assert_int_eq(k->status, status);
	if (status == EWB_OK)
		ck_assert_str_eq(script_text("k"), "new");
	else if (present)
		ck_assert_str_eq(script_text("k"), "old");
	else
		ck_assert_ptr_null(script_item("k"));
	play_end();
}
END_TEST

static struct call *
touch(enum ewb_op op, uint32_t exptime)
{
	struct ewb_frame f = play_frame(op, "k", NULL);

	f.exptime = exptime;
	return play_frame_call(0, &f, NULL);
}

static void
put_with_flags(void)
{
	struct ewb_frame f = play_frame(EWB_OP_SET, "k", "12");

	f.flags = 0xabcd;
	f.exptime = 1000;
	play_frame_call(0, &f, "12");
	unblock();
}

START_TEST(touch_changes_the_expiry_and_nothing_else)
{
	const struct ewb_item *it;
	struct call *k;

	begin(_i % WAYS);
	put_with_flags();
	k = touch(_i < WAYS ? EWB_OP_TOUCH : EWB_OP_GAT, 77);
	unblock();
	ck_assert_int_eq(k->status, EWB_OK);
	it = script_item("k");
	ck_assert_uint_eq(it->expiry, ewb_clock_wall(&play.core.clock) + 77);
	ck_assert_uint_eq(it->flags, 0xabcd);
	ck_assert_str_eq(script_text("k"), "12");
	if (_i >= WAYS)
		ck_assert_uint_eq(k->flags, 0xabcd);
	ck_assert_str_eq(k->reply, _i < WAYS ? "" : "12");
	play_end();
}
END_TEST

START_TEST(a_change_keeps_flags_and_expiry)
{
	const struct ewb_item *it;
	uint32_t expiry;

	begin(_i);
	put_with_flags();
	expiry = script_item("k")->expiry;
	ck_assert_uint_ne(expiry, 0);
	start(&(struct row){ .op = EWB_OP_INCR, .delta = 1 });
	unblock();
	start(&(struct row){ .op = EWB_OP_APPEND, .value = "4" });
	unblock();
	ck_assert_str_eq(script_text("k"), "134");
	it = script_item("k");
	ck_assert_uint_eq(it->flags, 0xabcd);
	ck_assert_uint_eq(it->expiry, expiry);
	play_end();
}
END_TEST

START_TEST(a_made_counter_gets_the_requests_expiry)
{
	struct ewb_frame f = play_frame(EWB_OP_INCR, "k", NULL);

	begin(_i);
	f.is = EWB_IS_CREATE;
	f.initial = 3;
	f.exptime = 60;
	play_frame_call(0, &f, NULL);
	unblock();
	ck_assert_uint_eq(script_item("k")->expiry,
	                  ewb_clock_wall(&play.core.clock) + 60);
	play_end();
}
END_TEST

/* With a cas of the client's. */
START_TEST(a_clients_cas_is_compared)
{
	const enum ewb_op op[] = { EWB_OP_APPEND, EWB_OP_INCR };
	struct ewb_frame f = play_frame(op[_i / 2], "k", "5");
	struct call *k;

	begin(_i % 2);
	script_put("k", "1");
	f.cas = script_item("k")->cas + 1;
	k = play_frame_call(0, &f, "5");
	unblock();
	ck_assert_int_eq(k->status, EWB_EXISTS);
	ck_assert_str_eq(script_text("k"), "1");
	f.cas--;
	f.delta = 14;
	k = play_frame_call(0, &f, "5");
	unblock();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_str_eq(script_text("k"), "15");
	play_end();
}
END_TEST

START_TEST(an_empty_value_is_no_number_whatever_the_cas)
{
	struct ewb_frame f = play_frame(_i / 2 ? EWB_OP_DECR : EWB_OP_INCR, "k",
	                                NULL);
	struct call *k;

	begin(_i % 2);
	script_put("k", "");
	f.cas = script_item("k")->cas + 1;
	k = play_frame_call(0, &f, NULL);
	unblock();
	ck_assert_int_eq(k->status, EWB_NOT_NUMBER);
	play_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cookie: commands made of others");
	TCase *t = tcase_create("stepped");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, a_store_is_done_when_the_key_is_as_expected, 0,
	                    2 * NSTORES);
	tcase_add_loop_test(t, each_command_does_what_the_protocol_says, 0,
	                    WAYS);
	tcase_add_loop_test(t, touch_changes_the_expiry_and_nothing_else, 0,
	                    2 * WAYS);
	tcase_add_loop_test(t, a_change_keeps_flags_and_expiry, 0, WAYS);
	tcase_add_loop_test(t, a_made_counter_gets_the_requests_expiry, 0,
	                    WAYS);
	tcase_add_loop_test(t, a_clients_cas_is_compared, 0, 4);
	tcase_add_loop_test(t, an_empty_value_is_no_number_whatever_the_cas, 0,
	                    4);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
