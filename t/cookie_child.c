/* SPDX-License-Identifier: BSD-2-Clause */
/* A parent that blocks itself and runs children that block, as a filter would:
 *
 *      block ─▶ child get ─▶ block ─▶ child set ─▶ done
 *
 * Four waits; in each the client may go, the deadline may pass, and so on. */
#include "config.h"

#include "t/cookie_play.h"
#include "t/explore.h"

#define DEADLINE (2500 * 1000)
#define PARENT EWB_OP_VERBOSITY /* it has no other use here */

static struct {
	struct script *own;       /* of the parent's own blocks */
	struct script *get, *set; /* of its children */
	unsigned runs, destroys;
	enum ewb_status resumed[8];
	struct ewb_ticket tickets[4];
	unsigned ntickets, notified;
	char seen[64]; /* what the child's get answered */
} parent;

static void
destroy(void *p)
{
	(void)p;
	parent.destroys++;
}

static enum ewb_status
block(struct ewb_cookie *c)
{
	parent.tickets[parent.ntickets++] = ewb_cookie_block(c, parent.own);
	return EWB_WOULDBLOCK;
}

static enum ewb_status
run_child(struct ewb_cookie *c, enum ewb_op op, const char *key) EWB_ON_FRONT
{
	struct ewb_cookie *child = ewb_child_take(c, op);

	ck_assert_ptr_nonnull(child);
	child->request.key = key;
	child->request.nkey = strlen(key);
	child->request.value = "new";
	child->request.nvalue = op == EWB_OP_SET ? 3 : 0;
	return ewb_child_run(child);
}

static void
drop_child(struct ewb_cookie *c) EWB_ON_FRONT
{
	memcpy(parent.seen, ewb_reply_data(&c->child->reply),
	       c->child->reply.len);
	ewb_cookie_release(c->child);
	c->child = NULL;
}

/* note: how many waits are over. */
static enum ewb_status
run_parent(struct ewb_cookie *c)
{
	enum ewb_status status = EWB_OK;

	ewb_now_on_front(c->dispatch->thread);
	parent.resumed[parent.runs++] = ewb_cookie_resumed(c);
	if (c->note == 0)
		ewb_cookie_set_state(c, &parent, destroy);
	for (;;) {
		if (c->child) {
			status = c->child->status;
			drop_child(c);
			if (status != EWB_OK)
				return status;
		}
		switch (c->note++) {
		case 0: return block(c);
		case 1: status = run_child(c, EWB_OP_GET, "get"); break;
		case 2: return block(c);
		case 3: status = run_child(c, EWB_OP_SET, "set"); break;
		default: return EWB_OK;
		}
		if (status == EWB_WOULDBLOCK)
			return status;
	}
}

static struct call *
begin(void)
{
	memset(&parent, 0, sizeof parent);
	play.core.commands[PARENT] =
		(struct ewb_command){ .run = run_parent, .mutates = 1 };
	parent.own = script_for("own");
	parent.get = script_for("get");
	parent.set = script_for("set");
	parent.get->block_for = parent.set->block_for = 1;
	script_put("get", "old");
	return play_call(0, PARENT, NULL, NULL);
}

/* Whose block it is that it waits for now. */
static struct script *
waits_for(unsigned wait)
{
	return wait == 1 ? parent.get : wait == 3 ? parent.set : parent.own;
}

static struct ewb_ticket
ticket_of(unsigned wait)
{
	struct script *s = waits_for(wait);

	return s == parent.own ? parent.tickets[wait / 2] : s->ticket;
}

static void
end_wait(unsigned wait)
{
	ck_assert_int_eq(ewb_notify(ticket_of(wait), EWB_OK), EWB_OK);
}

START_TEST(parent_and_children_may_all_block)
{
	struct call *k = begin();

	for (unsigned wait = 0; wait < 4; wait++) {
		ck_assert_uint_eq(k->done, 0);
		ck_assert_uint_eq(k->cookie->wait, EWB_WAIT_NOTIFY);
		end_wait(wait);
		play_settle();
	}
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_uint_eq(parent.runs, 5);
	ck_assert_uint_eq(parent.destroys, 1);
	ck_assert_uint_eq(parent.get->runs, 2);
	ck_assert_uint_eq(parent.set->runs, 2);
	ck_assert_uint_eq(parent.get->destroys + parent.set->destroys, 2);
	ck_assert_str_eq(parent.seen, "old");
	ck_assert_int_eq(memcmp(script_item("set")->value, "new", 3), 0);
	ck_assert_uint_eq(PLAY_COUNT(commands_blocked), 4);
}
END_TEST

START_TEST(a_parent_is_told_its_childs_status)
{
	struct call *k = begin();

	end_wait(0);
	play_letter(0);
	ck_assert_int_eq(ewb_notify(ticket_of(1), EWB_NO_ACCESS), EWB_OK);
	play_settle();
	ck_assert_int_eq(parent.resumed[2], EWB_NO_ACCESS);
	ck_assert_int_eq(k->status, EWB_NO_ACCESS);
	ck_assert_uint_eq(parent.get->runs, 1);
}
END_TEST

START_TEST(a_child_that_answers_at_once_does_not_block_its_parent)
{
	struct call *k = begin();

	parent.get->block_for = parent.set->block_for = 0;
	end_wait(0);
	play_letter(0);
	ck_assert_uint_eq(parent.get->runs, 1);
	ck_assert_uint_eq(parent.ntickets, 2);
	end_wait(2);
	play_settle();
	ck_assert_uint_eq(parent.runs, 3);
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

static void
reach(unsigned wait)
{
	for (unsigned i = 0; i < wait; i++) {
		end_wait(i);
		play_settle();
	}
}

static const char *
end_at(struct call *k, enum ewb_cancel_reason why)
{
	ewb_now_on_front(play.d[0].thread);
	if (why == EWB_CANCEL_GONE)
		play_hang_up(k);
	else if (why == EWB_CANCEL_DEADLINE)
		play_pass(DEADLINE);
	else if (why == EWB_CANCEL_STOP)
		play_stop();
	else
		ewb_dispatch_cancel_all(&play.d[0], why, play.instance);
	return NULL;
}

/* In each of the four waits, for each reason that ends the command. */
START_TEST(what_ends_a_parent_tells_the_engine_of_the_armed_block_once)
{
	static const enum ewb_cancel_reason why[] = { EWB_CANCEL_GONE,
		                                      EWB_CANCEL_DEADLINE,
		                                      EWB_CANCEL_ENGINE,
		                                      EWB_CANCEL_STOP };
	unsigned wait = (unsigned)_i / 4;
	struct call *k = begin();
	struct script *s;

	reach(wait);
	s = waits_for(wait);
	end_at(k, why[_i % 4]);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(s->why, why[_i % 4]);
	ck_assert_uint_eq(s->cancelled.word, ticket_of(wait).word);
	ck_assert_uint_eq(parent.own->cancels + parent.get->cancels +
	                          parent.set->cancels,
	                  1);
	ck_assert_uint_eq(k->done, why[_i % 4] != EWB_CANCEL_GONE);
	if (k->done)
		ck_assert_int_eq(k->status, EWB_TEMPORARY);
	play_settle();
	ck_assert_int_eq(k->released, false);
	end_wait(wait);
	play_settle();
	ck_assert_int_eq(k->released, true);
	ck_assert_uint_eq(parent.runs, wait + 1);
	ck_assert_uint_eq(parent.destroys, 1);
	ck_assert_uint_eq(parent.get->destroys, parent.get->ntickets);
	ck_assert_uint_eq(parent.set->destroys, parent.set->ntickets);
}
END_TEST

START_TEST(a_childs_notify_that_came_in_time_wins_though_its_letter_waits)
{
	struct call *k = begin();

	reach(1);
	end_wait(1);
	play_pass(2 * DEADLINE);
	if (_i)
		play_stop();
	ck_assert_uint_eq(k->done, 0);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 0);
	play_letter(0);
	ck_assert_uint_eq(parent.runs, 3); /* and blocks again */
	play_pass(0);
	ck_assert_uint_eq(k->done, 1);
	end_wait(2);
	play_settle();
}
END_TEST

START_TEST(a_childs_ticket_may_be_cancelled_by_the_client)
{
	struct call *k = begin();

	reach(1);
	ck_assert_int_eq(ewb_ticket_cancel(ticket_of(1)), EWB_OK);
	play_letter(0);
	ck_assert_uint_eq(parent.get->cancels, 1);
	ck_assert_int_eq(parent.get->why, EWB_CANCEL_CLIENT);
	ewb_notify(ticket_of(1), EWB_TEMPORARY);
	play_settle();
	ck_assert_uint_eq(k->done, 1);
	ck_assert_int_eq(k->status, EWB_TEMPORARY);
}
END_TEST

START_TEST(all_waits_of_parent_and_children_share_one_deadline)
{
	struct call *k = begin();

	for (unsigned wait = 0; wait < 3; wait++) {
		play_pass(800 * 1000);
		end_wait(wait);
		play_settle();
	}
	play_pass(100 * 1000 - 1);
	ck_assert_uint_eq(k->done, 0);
	play_pass(1);
	ck_assert_uint_eq(k->done, 1);
	ck_assert_uint_eq(PLAY_COUNT(deadlines_passed), 1);
	ck_assert_uint_eq(parent.set->cancels, 1);
	end_wait(3);
	play_settle();
}
END_TEST

START_TEST(a_parent_whose_child_is_lost_is_the_orphan)
{
	struct call *k = begin();

	reach(1);
	play_pass(DEADLINE);
	play_pass(DEADLINE);
	ck_assert_uint_eq(play_logged("verbosity of connection client-0: not "
	                              "notified for 5.0 s"),
	                  1);
	ck_assert_uint_eq(atomic_load(&play.core.orphans), 1);
	end_wait(1);
	play_settle();
	ck_assert_uint_eq(PLAY_COUNT(orphans_home), 1);
	ck_assert_uint_eq(k->done, 1);
}
END_TEST

START_TEST(a_child_whose_first_run_forgets_the_ticket_fails_its_parent)
{
	struct call *k;

#ifdef EWB_STRICT
	return;
#endif
	k = begin();
	end_wait(0);
	parent.get->block_for = 0;
	parent.get->status = EWB_WOULDBLOCK;
	play_settle();
	ck_assert_int_eq(k->status, EWB_INTERNAL);
	ck_assert_uint_eq(PLAY_COUNT(engine_mistakes), 1);
}
END_TEST

/* All orders. */

static struct {
	struct call *k;
	bool hung;
} race;

static void *
race_begin(void)
{
	play_begin();
	race.k = begin();
	race.hung = false;
	return &race;
}

static unsigned
blocks(void)
{
	return parent.ntickets + parent.get->ntickets + parent.set->ntickets;
}

static bool
is_blocked(void *x)
{
	(void)x;
	return blocks() > parent.notified;
}

static void
race_notify(void *x)
{
	(void)x;
	end_wait(parent.notified++);
}

static bool
has_letter(void *x)
{
	(void)x;
	return ewb_inbox_waiting(&play.d[0].inbox);
}

static void
race_letter(void *x)
{
	(void)x;
	play_letter(0);
}

static void
race_hang_up(void *x)
{
	(void)x;
	race.hung = true;
	play_hang_up(race.k);
}

static void
race_deadline(void *x)
{
	(void)x;
	play_pass(DEADLINE);
}

static void
race_stop(void *x)
{
	(void)x;
	play_stop();
}

static void
race_settle(void *x)
{
	for (play_settle(); is_blocked(x); play_settle())
		race_notify(x);
}

static const char *
race_check(void *x)
{
	(void)x;
	if (race.k->done > 1 || (race.k->done == 0 && !race.hung))
		return "it was not answered once";
	if (!race.k->released)
		return "it did not come home";
	if (parent.destroys != 1 ||
	    parent.get->destroys != parent.get->ntickets ||
	    parent.set->destroys != parent.set->ntickets)
		return "a state was not destroyed once";
	if (parent.own->cancels > parent.ntickets || parent.get->cancels > 1 ||
	    parent.set->cancels > 1)
		return "an engine was told twice of one block";
	if (race.k->done && race.k->status == EWB_OK && blocks() != 4)
		return "it was answered too early";
	return play_left();
}

static void
race_end(void *x)
{
	(void)x;
	play_end();
}

#define NOTIFY(n)                                          \
	{                                                  \
		"notify " n, race_notify, is_blocked, true \
	}
#define LETTER(n)                                          \
	{                                                  \
		"letter " n, race_letter, has_letter, true \
	}

static const struct ewb_event events[] = {
	NOTIFY("1"),
	LETTER("1"),
	NOTIFY("2"),
	LETTER("2"),
	NOTIFY("3"),
	LETTER("3"),
	{ "hang up", race_hang_up, NULL, true },
	{ "deadline", race_deadline, NULL, true },
	{ "stop", race_stop, NULL, true },
};

START_TEST(in_any_order_parent_and_children_come_home_once)
{
	const struct ewb_scenario s = { .name = "parent and children",
		                        .events = events,
		                        .nevents = 9,
		                        .setup = race_begin,
		                        .settle = race_settle,
		                        .check = race_check,
		                        .teardown = race_end };

	ck_assert_uint_gt(ewb_explore(&s), 10000);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: children");
	TCase *t = play_case("stepped"), *orders = tcase_create("all orders");

	tcase_add_test(t, parent_and_children_may_all_block);
	tcase_add_test(t, a_parent_is_told_its_childs_status);
	tcase_add_test(t,
	               a_child_that_answers_at_once_does_not_block_its_parent);
	tcase_add_loop_test(
		t, what_ends_a_parent_tells_the_engine_of_the_armed_block_once,
		0, 16);
	tcase_add_loop_test(
		t,
		a_childs_notify_that_came_in_time_wins_though_its_letter_waits,
		0, 2);
	tcase_add_test(t, a_childs_ticket_may_be_cancelled_by_the_client);
	tcase_add_test(t, all_waits_of_parent_and_children_share_one_deadline);
	tcase_add_test(t, a_parent_whose_child_is_lost_is_the_orphan);
	tcase_add_test(
		t, a_child_whose_first_run_forgets_the_ticket_fails_its_parent);
	suite_add_tcase(s, t);
	tcase_set_timeout(orders, UNIT_SECONDS);
	tcase_add_test(orders, in_any_order_parent_and_children_come_home_once);
	suite_add_tcase(s, orders);
	return unit_run(s);
}
