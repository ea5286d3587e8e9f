/* SPDX-License-Identifier: BSD-2-Clause */
/* Two connections and one scan; hanging up, cancelling, age and stop at every
 * step of it, in all orders, with one front end and with two. */
#include "config.h"

#include <string.h>

#include "t/scan_race.h"
#include "t/unit.h"

#define RECORDS RACE_RECORDS

#define EVENT(what, fn, can)                            \
	{                                               \
		.name = what, .run = fn, .enabled = can \
	}
#define MAYBE(what, fn, can)                                              \
	{                                                                 \
		.name = what, .run = fn, .enabled = can, .optional = true \
	}

/* Hanging up. */

static const char *
check_hung_up(void *ctx)
{
	const char *wrong = race_check_records();

	(void)ctx;
	return wrong ? wrong : race_check_nothing_left();
}

static const struct ewb_event hangs_up[] = {
	MAYBE("job 1", race_job, race_can_job_0),
	MAYBE("letter 1", race_letter_0, race_can_letter_00),
	MAYBE("a continues", race_a_continues, race_can_continue),
	MAYBE("job 2", race_job, race_can_job_1),
	MAYBE("letter 2", race_letter_0, race_can_letter_01),
	MAYBE("a reads", race_a_reads, NULL),
	MAYBE("job 3", race_job, race_can_job_2),
	MAYBE("letter 3", race_letter_0, race_can_letter_02),
	EVENT("a hangs up", race_hang_up, NULL),
};

START_TEST(a_scan_ends_with_its_connection_at_every_step)
{
	race_fronts = 1;
	ck_assert_uint_gt(race_explore("hangs up", hangs_up, 9, race_created,
	                               check_hung_up),
	                  EWB_EXPLORED(100));
}
END_TEST

/* b continues what a created. */
static const char *
check_orphaned(void *ctx)
{
	const char *wrong = check_hung_up(ctx);

	if (wrong)
		return wrong;
	if (race_heard_b.ends != 1)
		return "b's continue has no end";
	if (race_heard_b.status != COMPLETE && race_heard_b.status != CANCELLED)
		return "b's continue is neither complete nor cancelled";
	return NULL;
}

static const struct ewb_event creator_hangs_up[] = {
	MAYBE("job 1", race_job, race_can_job_0),
	MAYBE("letter 1 of a", race_letter_0, race_can_letter_00),
	MAYBE("letter 1 of b", race_letter_1, race_can_letter_10),
	MAYBE("b reads", race_b_reads, NULL),
	MAYBE("job 2", race_job, race_can_job_1),
	MAYBE("letter 2 of b", race_letter_1, race_can_letter_11),
	MAYBE("job 3", race_job, race_can_job_2),
	EVENT("a hangs up", race_hang_up, NULL),
};

START_TEST(a_scan_ends_with_its_creator_though_another_continues_it)
{
	race_fronts = (unsigned)_i;
	ck_assert_uint_gt(race_explore("creator hangs up", creator_hangs_up, 8,
	                               race_continued_by_b, check_orphaned),
	                  EWB_EXPLORED(20));
}
END_TEST

/* Cancelling. */

static const char *
check_cancelled(void *ctx)
{
	const char *wrong = race_check_records();

	(void)ctx;
	if (wrong)
		return wrong;
	if (race.cancel_status != 0 && race.cancel_status != EWB_NOT_FOUND)
		return "the cancel has another answer";
	if (race_heard_a.ends != 1)
		return "the continue has no end";
	if (race.cancel_status == 0 && race_heard_a.status != CANCELLED)
		return "cancelled, and its continue does not say so";
	if (race.cancel_status && race_heard_a.status != COMPLETE)
		return "not cancelled, and not complete";
	if (stage_ended(EWB_CAUSE_cancelled) != (race.cancel_status == 0))
		return "another cause was counted";
	return race_check_nothing_left();
}

static const struct ewb_event cancels[] = {
	MAYBE("job 1", race_job, race_can_job_0),
	MAYBE("letter 1", race_letter_0, race_can_letter_00),
	MAYBE("a reads", race_a_reads, NULL),
	MAYBE("job 2", race_job, race_can_job_1),
	MAYBE("letter 2", race_letter_0, race_can_letter_01),
	MAYBE("job 3", race_job, race_can_job_2),
	MAYBE("letter 3", race_letter_0, race_can_letter_02),
	MAYBE("job 4", race_job, race_can_job_3),
	EVENT("b cancels", race_b_cancels, NULL),
};

START_TEST(a_cancel_from_elsewhere_ends_the_continue_once)
{
	race_fronts = (unsigned)_i;
	ck_assert_uint_gt(race_explore("cancels", cancels, 9, race_continued,
	                               check_cancelled),
	                  EWB_EXPLORED(100));
}
END_TEST

static const char *
check_both(void *ctx)
{
	const char *wrong = check_hung_up(ctx);

	return wrong ? wrong : race_heard_a.ends > 1 ? "two ends" : NULL;
}

static const struct ewb_event cancels_and_hangs_up[] = {
	MAYBE("job 1", race_job, race_can_job_0),
	MAYBE("letter 1", race_letter_0, race_can_letter_00),
	MAYBE("a reads", race_a_reads, NULL),
	MAYBE("job 2", race_job, race_can_job_1),
	MAYBE("letter 2", race_letter_0, race_can_letter_01),
	EVENT("b cancels", race_b_cancels, NULL),
	EVENT("a hangs up", race_hang_up, NULL),
};

START_TEST(a_cancel_and_a_hang_up_together_end_it_once)
{
	race_fronts = (unsigned)_i;
	ck_assert_uint_gt(race_explore("cancels and hangs up",
	                               cancels_and_hangs_up, 7, race_continued,
	                               check_both),
	                  EWB_EXPLORED(100));
}
END_TEST

/* Age. */

static const char *
check_aged(void *ctx)
{
	const char *wrong = race_check_records();

	(void)ctx;
	if (wrong)
		return wrong;
	if (race_heard_a.ends != 1)
		return "the continue has no end";
	if (race_heard_a.status == CANCELLED &&
	    stage_ended(EWB_CAUSE_lifetime) != 1)
		return "cancelled, and not by its age";
	if (race_heard_a.status != CANCELLED && race_heard_a.status != COMPLETE)
		return "neither cancelled nor complete";
	return race_check_nothing_left();
}

static const struct ewb_event ages[] = {
	MAYBE("job 1", race_job, race_can_job_0),
	MAYBE("letter 1", race_letter_0, race_can_letter_00),
	MAYBE("a reads", race_a_reads, NULL),
	MAYBE("job 2", race_job, race_can_job_1),
	MAYBE("letter 2", race_letter_0, race_can_letter_01),
	MAYBE("job 3", race_job, race_can_job_2),
	EVENT("its life is over", race_time_goes_by, NULL),
};

START_TEST(age_ends_a_continue_once)
{
	race_fronts = 1;
	ck_assert_uint_gt(
		race_explore("ages", ages, 7, race_continued, check_aged),
		EWB_EXPLORED(20));
}
END_TEST

/* The server stops. */

static const char *
check_stopped(void *ctx)
{
	const char *wrong = race_check_records();

	race.stops = true;
	if (wrong)
		return wrong;
	/* who waits for a reader that does not read has had the grace */
	while (race_is_stopping(ctx) && (race.a || race.b)) {
		race_grace_is_over(ctx);
		race.a = race.b = NULL;
		stage_run();
	}
	wrong = race_check_nothing_left();
	if (wrong)
		return wrong;
	if (ewb_server_stopped(stage.p.server) != EWB_OK)
		return "the server has not stopped";
	stage_close();
	return NULL;
}

static const struct ewb_event stops[] = {
	MAYBE("job 1", race_job, race_can_job_0),
	MAYBE("letter 1", race_letter_0, race_can_letter_00),
	MAYBE("a reads", race_a_reads, NULL),
	MAYBE("job 2", race_job, race_can_job_1),
	MAYBE("letter 2", race_letter_0, race_can_letter_01),
	EVENT("the server stops", race_server_stops, NULL),
	MAYBE("its grace is over", race_grace_is_over, race_is_stopping),
};

START_TEST(a_stop_of_the_server_ends_it_at_every_step)
{
	race_fronts = 1;
	ck_assert_uint_gt(
		race_explore("stops", stops, 7, race_continued, check_stopped),
		EWB_EXPLORED(50));
}
END_TEST

/* A scan in text is one command, which has two cursors. */

static const char *
check_text_left(void *ctx)
{
	const char *wrong = race_check_text();

	(void)ctx;
	return wrong ? wrong : race_check_nothing_left();
}

START_TEST(a_text_scan_ends_with_its_client_at_every_step)
{
	static const struct ewb_event text_hangs_up[] = {
		MAYBE("job 1", race_job, race_can_job_0),
		MAYBE("letter 1", race_letter_0, race_can_letter_00),
		MAYBE("a reads", race_a_reads, NULL),
		MAYBE("job 2", race_job, race_can_job_1),
		MAYBE("letter 2", race_letter_0, race_can_letter_01),
		MAYBE("job 3", race_job, race_can_job_2),
		MAYBE("letter 3", race_letter_0, race_can_letter_02),
		EVENT("a hangs up", race_hang_up, NULL),
	};

	race_fronts = 1;
	ck_assert_uint_gt(race_explore("text hangs up", text_hangs_up, 8,
	                               race_texted, check_text_left),
	                  EWB_EXPLORED(100));
}
END_TEST

static const char *
check_text_aged(void *ctx)
{
	const char *wrong = check_text_left(ctx);

	if (wrong)
		return wrong;
	if (race.end == NULL)
		return "the scan has no end";
	if (strcmp(race.end, "END\r\n") == 0)
		return stage_ended(EWB_CAUSE_completed) == 1 ?
		               NULL :
		               "END, and not completed";
	if (strcmp(race.end, "SERVER_ERROR scan cancelled\r\n"))
		return "cancelled, and another end";
	return stage_ended(EWB_CAUSE_lifetime) == 1 ?
	               NULL :
	               "cancelled, and not by its age";
}

START_TEST(age_ends_a_text_scan_once)
{
	static const struct ewb_event text_ages[] = {
		MAYBE("job 1", race_job, race_can_job_0),
		MAYBE("letter 1", race_letter_0, race_can_letter_00),
		MAYBE("a reads", race_a_reads, NULL),
		MAYBE("job 2", race_job, race_can_job_1),
		MAYBE("letter 2", race_letter_0, race_can_letter_01),
		MAYBE("job 3", race_job, race_can_job_2),
		EVENT("its life is over", race_time_goes_by, NULL),
	};

	race_fronts = 1;
	ck_assert_uint_gt(race_explore("text ages", text_ages, 7, race_texted,
	                               check_text_aged),
	                  EWB_EXPLORED(20));
}
END_TEST

static const char *
check_text_stopped(void *ctx)
{
	const char *wrong = race_check_text();

	return wrong ? wrong : check_stopped(ctx);
}

START_TEST(a_stop_of_the_server_ends_a_text_scan_at_every_step)
{
	race_fronts = 1;
	ck_assert_uint_gt(race_explore("stops text", stops, 7, race_texted,
	                               check_text_stopped),
	                  EWB_EXPLORED(50));
}
END_TEST

/* Within a run of the task. */

static unsigned when;

static void
cancel_within(unsigned i)
{
	if (i == when && !race.cancelled && race.continued)
		race_b_cancels(NULL);
}

static const unsigned moments[] = { 0, 1, RECORDS - 1, RECORDS };

START_TEST(a_cancel_in_the_middle_of_a_run_ends_it_there)
{
	race_fronts = 2;
	when = moments[_i];
	race_set_up();
	stage.p.core->limits.high = 16u << 20; /* one run would do all */
	create(race.a, "{}", race.id);
	table.within = cancel_within;
	table.offers = 0;
	race.continued = true;
	say_continue(race.a, race.id, 0, 0, 0);
	race_settle(NULL);
	ck_assert_uint_eq(race.cancel_status, 0);
	ck_assert_uint_eq(race_heard_a.ends, 1);
	ck_assert_uint_eq(race_heard_a.status, CANCELLED);
	ck_assert_uint_le(table.offers, when + 1);
	ck_assert_ptr_null(race_check_nothing_left());
	stage_close();
}
END_TEST

static void
deadline_within(unsigned i)
{
	if (i == when && !race.cancelled && race.continued) {
		race.cancelled = true;
		play_pass(&stage.p, 2500);
	}
}

START_TEST(a_deadline_in_the_middle_of_a_run_ends_it_there)
{
	race_fronts = 1;
	when = 0;
	race_set_up();
	create(race.a, "{}", race.id);
	table.within = deadline_within;
	table.offers = 0;
	race.continued = true;
	say_continue(race.a, race.id, 0, 0, 0);
	race_settle(NULL);
	ck_assert_uint_eq(race_heard_a.ends, 1);
	ck_assert_uint_eq(race_heard_a.status, EWB_TEMPORARY);
	ck_assert_uint_le(table.offers, 1);
	ck_assert_ptr_null(race_check_nothing_left());
	stage_close();
}
END_TEST

/* Its first record is offered, and nobody is there any more. */
static void
hang_up_within(unsigned i)
{
	(void)i;
	if (race.closed)
		return;
	race_hang_up(NULL);
	play_pass(&stage.p, 1000); /* a hang-up is looked for so often */
}

START_TEST(a_hang_up_in_the_middle_of_the_opening_ends_it_there)
{
	race_fronts = 1;
	race_set_up();
	table.within = hang_up_within;
	say_create(race.a, "{}", 0);
	race_listen();
	while (!race.closed)
		ck_assert(stage_job_of(EWB_AUX));
	ck_assert_uint_eq(table.opened, 1);
	ck_assert_uint_eq(table.closed, 1); /* by the task that opened it */
	race_settle(NULL);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_gone), 1);
	ck_assert_ptr_null(race_check_nothing_left());
	stage_close();
}
END_TEST

/* Two continues. */

static void
run_and_hear(struct ear *e, struct haul *h)
{
	unsigned rounds = 0;

	do {
		stage_run();
		ck_assert_uint_lt(++rounds, 1000);
	} while (!hear_continue(e, h));
}

START_TEST(a_second_continue_is_busy_and_its_connection_lives)
{
	race_fronts = (unsigned)_i;
	race_continued();
	stage_run(); /* it waits for its reader */
	say_continue(race.b, race.id, 0, 0, 0);
	say_get(race.b, "k");
	stage_run();
	ck_assert_str_eq(hear_status(race.b, OP_CONTINUE, EWB_BUSY),
	                 "the scan is being continued");
	hear_status(race.b, 0, EWB_NOT_FOUND);
	run_and_hear(race.a, &race_heard_a);
	ck_assert_uint_eq(race_heard_a.status, COMPLETE);
	must_be(&race_heard_a, 0, RECORDS);
	stage_close();
}
END_TEST

START_TEST(a_scan_may_be_continued_in_turns_by_two)
{
	struct ear *e[2];

	race_fronts = (unsigned)_i;
	race_set_up();
	e[0] = race.a;
	e[1] = race.b;
	create(race.a, "{}", race.id);
	for (unsigned i = 0; i < 4; i++) {
		say_continue(e[i % 2], race.id, RECORDS / 4, 0, 0);
		run_and_hear(e[i % 2], &race_heard_a);
		ck_assert_uint_eq(race_heard_a.status, i < 3 ? MORE : COMPLETE);
	}
	must_be(&race_heard_a, 0, RECORDS);
	stage_close();
}
END_TEST

START_TEST(a_client_that_leaves_within_a_run_ends_its_text_scan)
{
	race_fronts = 1;
	race_texted();
	table.within = hang_up_within;
	while (!race.closed)
		ck_assert(stage_job_of(EWB_AUX));
	/* both were open, and were closed by the task that opened them */
	ck_assert_uint_eq(table.opened, 2);
	ck_assert_uint_eq(table.closed, 2);
	race_settle(NULL);
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_gone), 1);
	ck_assert_ptr_null(race_check_nothing_left());
	stage_close();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_races");
	TCase *t = tcase_create("races");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_scan_ends_with_its_connection_at_every_step);
	tcase_add_loop_test(
		t, a_scan_ends_with_its_creator_though_another_continues_it, 1,
		3);
	tcase_add_loop_test(t, a_cancel_from_elsewhere_ends_the_continue_once,
	                    1, 3);
	tcase_add_loop_test(t, a_cancel_and_a_hang_up_together_end_it_once, 1,
	                    3);
	tcase_add_test(t, age_ends_a_continue_once);
	tcase_add_test(t, a_stop_of_the_server_ends_it_at_every_step);
	tcase_add_loop_test(t, a_cancel_in_the_middle_of_a_run_ends_it_there, 0,
	                    sizeof moments / sizeof *moments);
	tcase_add_test(t, a_deadline_in_the_middle_of_a_run_ends_it_there);
	tcase_add_test(t, a_hang_up_in_the_middle_of_the_opening_ends_it_there);
	tcase_add_loop_test(
		t, a_second_continue_is_busy_and_its_connection_lives, 1, 3);
	tcase_add_loop_test(t, a_scan_may_be_continued_in_turns_by_two, 1, 3);
	suite_add_tcase(s, t);
	t = tcase_create("text");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_text_scan_ends_with_its_client_at_every_step);
	tcase_add_test(t, a_client_that_leaves_within_a_run_ends_its_text_scan);
	tcase_add_test(t, age_ends_a_text_scan_once);
	tcase_add_test(t, a_stop_of_the_server_ends_a_text_scan_at_every_step);
	suite_add_tcase(s, t);
	return unit_run(s);
}
