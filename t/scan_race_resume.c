/* SPDX-License-Identifier: BSD-2-Clause */
/* a's connection is lost, and b goes on with its scan: at every step of a's
 * continue, with all that can end it in between, in all orders, with one front end
 * and with two. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/binary.h"
#include "t/scan_race.h"
#include "t/unit.h"

#define RESUMABLE "{\"resumable\":true}"
#define AFTER 9 /* the last record that a says that it has */

#define EVENT(what, fn, can)                            \
	{                                               \
		.name = what, .run = fn, .enabled = can \
	}
#define MAYBE(what, fn, can)                                              \
	{                                                                 \
		.name = what, .run = fn, .enabled = can, .optional = true \
	}

/* What b was told. */
static struct {
	bool asked, answered, old, ended;
	unsigned status;
} b;

static void
created(struct ear *e, const struct said *s)
{
	if (e != race.b)
		return;
	if (b.answered)
		race.wrong = "b's create is answered twice";
	b.answered = true;
	b.status = s->status;
	if (s->status == 0 && (s->nextras != 4 || s->nvalue != ID))
		race.wrong = "the answer does not say which scan it is";
	if (s->status || race.wrong)
		return;
	b.old = ewb_be32(s->extras) == 1;
	if (b.old != (memcmp(s->value, race.id, ID) == 0))
		race.wrong = "the id is that of the other scan";
	memcpy(race.id, s->value, ID);
}

static void *
begin(void)
{
	memset(&b, 0, sizeof b);
	race_set_up();
	race.created = created;
	create(race.a, RESUMABLE, race.id);
	race.has_id = race.continued = true;
	return &race;
}

static void *
idle(void)
{
	begin();
	return &race;
}

static void *
continued(void)
{
	begin();
	say_continue(race.a, race.id, 0, 0, 0);
	race_listen();
	return &race;
}

/* Events. */

static void
b_resumes(void *ctx)
{
	uint8_t token[EWB_BIN_TOKEN] = { 0 };
	char text[40], key[12], json[200], last[8];
	size_t n, m;

	(void)ctx;
	memcpy(token, race.id, ID);
	n = ewb_base64_encode(text, token, sizeof token);
	snprintf(last, sizeof last, "%06u", AFTER);
	m = ewb_base64_encode(key, last, 6);
	snprintf(json, sizeof json,
	         "{\"resumable\":true,\"resume\":\"%.*s\",\"after\":\"%.*s\"}",
	         (int)n, text, (int)m, key);
	say_create(race.b, json, 0);
	race_listen();
	b.asked = true;
}

static void
engine_closes(void *ctx)
{
	struct ewb_core *core = stage.p.core;

	(void)ctx;
	b.ended = true;
	core->end_cursors(core->end_cursors_arg);
}

/* a cancels what it has created: it has the connection still. */
static bool
can_cancel(void *ctx)
{
	(void)ctx;
	return !race.closed;
}

static void
a_cancels(void *ctx)
{
	(void)ctx;
	b.ended = true;
	say_cancel(race.a, race.id);
	race_listen();
}

static void
time_goes_by(void *ctx)
{
	b.ended = true;
	race_time_goes_by(ctx);
}

static bool
b_has_asked(void *ctx)
{
	(void)ctx;
	return b.asked;
}

static void
b_hangs_up(void *ctx)
{
	(void)ctx;
	race.b_closed = true;
	client_close(race.b->c);
	race_listen();
}

/* Ends. */

/* b goes on, if it can, to the end. */
static void
go_to_end(void *ctx)
{
	if (!b.answered || b.status)
		return;
	say_continue(race.b, race.id, 0, 0, 0);
	race_settle(ctx);
}

static const char *
check_records(void)
{
	const struct haul *h = &race_heard_b;

	if (h->wrong)
		return h->wrong;
	for (unsigned i = 0; i < h->n; i++)
		if (h->record[i] != AFTER + 1 + i)
			return "a record is missing or comes twice";
	if (h->ends != 1)
		return "b's continue has no end";
	if (h->status == COMPLETE)
		return h->n == RACE_RECORDS - AFTER - 1 ?
		               NULL :
		               "complete, and not all records";
	if (h->status != CANCELLED && h->status != EWB_NOT_FOUND)
		return "b's continue ends with something else";
	return b.ended ? NULL : "it was ended, and by nobody";
}

/* What a left, and nobody took, ends with its time. */
static const char *
check(void *ctx)
{
	const char *wrong;

	go_to_end(ctx);
	wrong = race.wrong;
	if (wrong == NULL && !b.answered)
		wrong = "b is not answered";
	if (wrong == NULL && b.status == 0)
		wrong = check_records();
	else if (wrong == NULL &&
	         !(b.status == EWB_TEMPORARY && b.ended))
		wrong = "b can not go on";
	if (wrong)
		return wrong;
	race_time_goes_by(ctx);
	stage_pass(1000);
	stage_run();
	return race_check_nothing_left();
}

/* b has gone, too. */
static const char *
check_gone(void *ctx)
{
	race_time_goes_by(ctx);
	stage_pass(1000);
	stage_run();
	return race_check_nothing_left();
}

/* Races. */

static const struct ewb_event lost[] = {
	MAYBE("job 1", race_job, race_can_job_0),
	MAYBE("letter 1", race_letter_0, race_can_letter_00),
	MAYBE("job 2", race_job, race_can_job_1),
	EVENT("a hangs up", race_hang_up, NULL),
	EVENT("b resumes", b_resumes, NULL),
	MAYBE("job 3", race_job, race_can_job_2),
	MAYBE("letter 2", race_letter_0, race_can_letter_01),
	MAYBE("job 4", race_job, race_can_job_3),
};

START_TEST(b_goes_on_at_every_step_of_what_was_lost)
{
	race_fronts = (unsigned)_i;
	ck_assert_uint_gt(race_explore("lost", lost, 8, continued, check),
	                  EWB_EXPLORED(100));
}
END_TEST

START_TEST(b_takes_an_idle_scan_over_at_every_step)
{
	race_fronts = (unsigned)_i;
	ck_assert_uint_gt(race_explore("taken", lost, 8, idle, check),
	                  EWB_EXPLORED(10));
}
END_TEST

static const struct ewb_event ended[][7] = {
	{
		MAYBE("job 1", race_job, race_can_job_0),
		MAYBE("letter 1", race_letter_0, race_can_letter_00),
		EVENT("a hangs up", race_hang_up, NULL),
		EVENT("b resumes", b_resumes, NULL),
		MAYBE("job 2", race_job, race_can_job_1),
		EVENT("the engine closes", engine_closes, NULL),
		MAYBE("job 3", race_job, race_can_job_2),
	},
	{
		MAYBE("job 1", race_job, race_can_job_0),
		MAYBE("letter 1", race_letter_0, race_can_letter_00),
		EVENT("a hangs up", race_hang_up, NULL),
		EVENT("b resumes", b_resumes, NULL),
		MAYBE("job 2", race_job, race_can_job_1),
		EVENT("its time is over", time_goes_by, NULL),
		MAYBE("job 3", race_job, race_can_job_2),
	},
	{
		MAYBE("job 1", race_job, race_can_job_0),
		MAYBE("letter 1", race_letter_0, race_can_letter_00),
		EVENT("a cancels", a_cancels, can_cancel),
		EVENT("a hangs up", race_hang_up, NULL),
		EVENT("b resumes", b_resumes, NULL),
		MAYBE("job 2", race_job, race_can_job_1),
		MAYBE("job 3", race_job, race_can_job_2),
	},
};

/* With two front ends, or one; idle, or continued; by each of three. */
START_TEST(what_ends_it_meanwhile_ends_it_once_and_b_goes_on_anew)
{
	race_fronts = 1 + (unsigned)_i % 2;
	ck_assert_uint_gt(race_explore("ended", ended[_i / 4], 7,
	                               _i / 2 % 2 ? idle : continued, check),
	                  EWB_EXPLORED(20));
}
END_TEST

static const struct ewb_event both_gone[] = {
	MAYBE("job 1", race_job, race_can_job_0),
	EVENT("a hangs up", race_hang_up, NULL),
	EVENT("b resumes", b_resumes, NULL),
	MAYBE("job 2", race_job, race_can_job_1),
	MAYBE("letter 1", race_letter_0, race_can_letter_00),
	EVENT("b hangs up", b_hangs_up, b_has_asked),
	MAYBE("job 3", race_job, race_can_job_2),
};

START_TEST(a_client_that_goes_while_it_resumes_leaves_nothing_behind)
{
	race_fronts = 1 + (unsigned)_i % 2;
	ck_assert_uint_gt(race_explore("both gone", both_gone, 7,
	                               _i / 2 ? idle : continued, check_gone),
	                  EWB_EXPLORED(20));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_race_resume");
	TCase *t = tcase_create("races");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, b_goes_on_at_every_step_of_what_was_lost, 1, 3);
	tcase_add_loop_test(t, b_takes_an_idle_scan_over_at_every_step, 1, 3);
	tcase_add_loop_test(
		t, what_ends_it_meanwhile_ends_it_once_and_b_goes_on_anew, 0,
		12);
	tcase_add_loop_test(
		t, a_client_that_goes_while_it_resumes_leaves_nothing_behind, 0,
		4);
	suite_add_tcase(s, t);
	return unit_run(s);
}
