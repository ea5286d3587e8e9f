/* SPDX-License-Identifier: BSD-2-Clause */
/* Who holds a blocked command: what the front end leaves alone until the
 * notify's letter is here, and for how long a ticket is worth nothing. */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>

#include "t/cookie_play.h"

#define DEADLINE (2500 * 1000)
#define BODY 100000

static void
cancel(struct call *k, enum ewb_cancel_reason why)
{
	ewb_now_on_front(play.d[0].thread);
	switch (why) {
	case EWB_CANCEL_GONE: play_hang_up(k); break;
	case EWB_CANCEL_CLIENT:
		ewb_ticket_cancel(ewb_cookie_ticket(k->cookie));
		play_letter(0);
		break;
	case EWB_CANCEL_DEADLINE: play_pass(DEADLINE); break;
	case EWB_CANCEL_ENGINE:
		ewb_dispatch_cancel_all(&play.d[0], why, play.instance);
		break;
	case EWB_CANCEL_STOP: play_stop(); break;
	}
}

#define FOR_EACH_REASON(t, test) \
	tcase_add_loop_test(t, test, EWB_CANCEL_GONE, EWB_CANCEL_STOP + 1)

/* The lent part, but for what the pool has of it. */
#define LENT_FROM offsetof(struct ewb_cookie, request)
#define LENT_TO offsetof(struct ewb_cookie, task)
#define LENT_FROM_2 offsetof(struct ewb_cookie, note)
#define LENT_TO_2 sizeof(struct ewb_cookie)

static struct ewb_cookie before;
static unsigned releases;

static void
count_release(void *arg)
{
	(void)arg;
	releases++;
}

static void
lend(struct ewb_cookie *c)
{
	const struct ewb_item lent = { .size = sizeof lent,
		                       .value = "lent",
		                       .nvalue = 4 };

	releases = 0;
	ck_assert_int_eq(ewb_reply_item(c, &lent, count_release, NULL), EWB_OK);
}

static void
expect_untouched(const struct ewb_cookie *c)
{
	const char *is = (const char *)c, *was = (const char *)&before;
	const uint8_t *body = c->body;

	ck_assert_mem_eq(is + LENT_FROM, was + LENT_FROM, LENT_TO - LENT_FROM);
	ck_assert_mem_eq(is + LENT_FROM_2, was + LENT_FROM_2,
	                 LENT_TO_2 - LENT_FROM_2);
	ck_assert_uint_eq(body[0], 7);
	ck_assert_uint_eq(body[BODY - 1], 7);
}

/* Whatever ends the command, and however long it takes. */
START_TEST(the_front_end_leaves_alone_what_the_background_holds)
{
	struct script *s = script_for("k");
	struct ewb_cookie *c;
	struct call *k;

	s->block_for = 1;
	play.body = malloc(BODY);
	memset(play.body, 7, BODY);
	k = play_set(0, "k", "v");
	c = k->cookie;
	lend(c);
	before = *c;
	cancel(k, (enum ewb_cancel_reason)_i);
	play_settle();
	expect_untouched(c);
	for (unsigned i = 0; i < 3; i++)
		play_pass(DEADLINE); /* answered, if it was not; an orphan */
	for (unsigned i = 0; i < 100; i++)
		play_set(i % 2, "other", "x");
	play_settle();
	expect_untouched(c);
	ck_assert_uint_eq(atomic_load(&play.core.orphans), 1);
	ck_assert_uint_eq(s->destroys, 0);
	ck_assert_uint_eq(releases, 0);
	script_notify(s, EWB_OK);
	expect_untouched(c); /* the letter is still on its way */
	play_settle();
	ck_assert_uint_eq(s->destroys, 1);
	ck_assert_uint_eq(releases, 1);
	ck_assert_int_eq(k->released, true);
}
END_TEST

/* As if 1 to 2^59 blocks of other commands had come in between. */
START_TEST(a_ticket_is_stale_for_sixty_bits_of_generations)
{
	const uint64_t later = (uint64_t)1 << _i;
	struct script *s = script_for("k");
	struct ewb_ticket old;
	struct call *k;

	s->block_for = 1;
	play_get(0, "k");
	old = s->ticket;
	script_notify(s, EWB_OK);
	play_settle();
	atomic_store(&old.slot->word, old.word + later - EWB_WORD_BITS - 1);
	k = play_get(0, "k");
	ck_assert_ptr_eq(k->cookie, old.slot);
	ck_assert_uint_eq(s->ticket.word, old.word + later);
	ck_assert_int_eq(ewb_notify(old, EWB_INTERNAL), EWB_STALE);
	ck_assert_int_eq(ewb_ticket_cancel(old), EWB_STALE);
	ck_assert_int_eq(ewb_cancelled(old), 1);
	ck_assert_int_eq(ewb_cancelled(s->ticket), 0);
	play_settle();
	ck_assert_uint_eq(k->done, 0);
	ck_assert_int_eq(script_notify(s, EWB_NOT_FOUND), EWB_OK);
	play_settle();
	ck_assert_int_eq(k->status, EWB_NOT_FOUND);
}
END_TEST

static enum ewb_status
look_at_the_wait(struct script *s, struct ewb_cookie *c)
{
	ck_assert_uint_eq(c->wait, EWB_WAIT_NOTHING);
	if (s->runs > 2)
		return EWB_OK;
	s->ticket = ewb_cookie_block(c, s);
	return EWB_WOULDBLOCK;
}

START_TEST(a_command_waits_for_a_notify_only_while_it_is_away)
{
	struct script *s = script_for("k");
	struct call *k;

	s->instead = look_at_the_wait;
	play.keep = true;
	k = play_get(0, "k");
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_uint_eq(k->cookie->wait, EWB_WAIT_NOTIFY);
		script_notify(s, EWB_OK);
		ck_assert_uint_eq(k->cookie->wait, EWB_WAIT_NOTIFY);
		play_letter(0);
	}
	ck_assert_uint_eq(k->done, 1);
	ck_assert_uint_eq(k->cookie->wait, EWB_WAIT_NOTHING);
	play.keep = false;
	play_settle();
}
END_TEST

/* A task that is cancelled in the middle of a run. */

static enum ewb_cancel_reason why;
static struct call *victim;
static unsigned saw;

static void
be_cancelled(struct script *s, struct ewb_cookie *c)
{
	ewb_now_on_front(play.d[0].thread);
	if (s->task_runs == 1)
		cancel(victim, why);
	saw += ewb_cancelled(ewb_cookie_ticket(c)) != 0;
}

static const enum script_step ways_to_wait[] = { SCRIPT_AGAIN, SCRIPT_PARK,
	                                         SCRIPT_SLEEP, SCRIPT_NOTHING };

START_TEST(a_task_that_is_cancelled_while_it_runs_runs_again)
{
	struct script *s = script_for("k");

	why = (enum ewb_cancel_reason)(_i / 4 + 1);
	saw = 0;
	s->offload = true;
	s->plan[s->nplan++] = ways_to_wait[_i % 4];
	s->sleep_us = 3600 * 1000000ull;
	s->within = be_cancelled;
	victim = play_get(0, "k");
	play_settle();
	ck_assert_uint_eq(s->task_runs, 2);
	ck_assert_uint_eq(saw, 2);
	ck_assert_uint_eq(s->cancels, 1);
	ck_assert_int_eq(s->why, why);
	ck_assert_int_eq(victim->released, true);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: who holds it");
	TCase *t = play_case("stepped");

	FOR_EACH_REASON(t,
	                the_front_end_leaves_alone_what_the_background_holds);
	tcase_add_loop_test(t, a_ticket_is_stale_for_sixty_bits_of_generations,
	                    4, 64);
	tcase_add_test(t, a_command_waits_for_a_notify_only_while_it_is_away);
	tcase_add_loop_test(
		t, a_task_that_is_cancelled_while_it_runs_runs_again, 0, 20);
	suite_add_tcase(s, t);
	return unit_run(s);
}
