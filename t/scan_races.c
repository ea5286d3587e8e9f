/* SPDX-License-Identifier: BSD-2-Clause */
/* Two connections and one scan; hanging up, cancelling, age and stop at every
 * step of it, in all orders, with one front end and with two. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "t/explore.h"
#include "t/scan_play.h"
#include "t/unit.h"

#define RECORDS 40u

/* One order of a race. */
static struct race {
	unsigned nfronts;
	struct ear *a, *b; /* a creates */
	uint8_t id[ID];
	bool has_id, continued, closed, cancelled, stopped;
	unsigned jobs, letters[2];
	unsigned cancel_status; /* what b was told; 0xffff: nothing */
	bool stops;        /* the server does, in this scenario */
	const char *wrong;
} r;

static struct haul of_a, of_b;
static unsigned fronts; /* of the scenario */

static void
set_up(void)
{
	r = (struct race){ .nfronts = fronts, .cancel_status = 0xffff };
	haul_empty(&of_a);
	haul_empty(&of_b);
	stage_reset();
	table.n = RECORDS;
	table.size = 1500;
	stage.server.high = 16384; /* so that it parks */
	stage.server.low = 4096;
	stage_open(fronts, &table_engine);
	r.a = ear_small(0);
	r.b = ear_small(fronts - 1);
}

/* The server reads what was said. */
static void
listen_to(void)
{
	play_sockets(&stage.p);
	play_settle(&stage.p);
}

/* Scenarios begin with a create that was said, or with a scan that is
 * continued by a, or by b. */
static void *
begin_created(void)
{
	set_up();
	say_create(r.a, "{}", 0);
	listen_to();
	return &r;
}

static void *
begin_continued(void)
{
	set_up();
	create(r.a, "{}", r.id);
	r.has_id = r.continued = true;
	say_continue(r.a, r.id, 0, 0, 0);
	listen_to();
	return &r;
}

static void *
begin_continued_by_b(void)
{
	set_up();
	create(r.a, "{}", r.id);
	r.has_id = r.continued = true;
	say_continue(r.b, r.id, 0, 0, 0);
	listen_to();
	return &r;
}

/* Events.  Of the same kind one is like the other: they come in one order. */

static bool
has_job(void)
{
	return ewb_pool_backlog(stage.p.core->pool, EWB_AUX) > 0;
}

static bool
has_letter(unsigned front)
{
	struct ewb_front *f = stage.p.front[front];

	ewb_now_on_front(f->d.thread);
	return ewb_inbox_waiting(&f->d.inbox) != 0;
}

#define NTH_JOB(n)                                       \
	static bool can_job_##n(void *ctx)               \
	{                                                \
		(void)ctx;                               \
		return r.jobs == (n) && has_job();       \
	}
NTH_JOB(0)
NTH_JOB(1)
NTH_JOB(2)
NTH_JOB(3)

static void
job(void *ctx)
{
	(void)ctx;
	r.jobs++;
	stage_job_of(EWB_AUX);
}

#define NTH_LETTER(front, n)                                            \
	static bool can_letter_##front##n(void *ctx)                    \
	{                                                               \
		(void)ctx;                                              \
		return r.letters[front] == (n) && has_letter(front);    \
	}
NTH_LETTER(0, 0)
NTH_LETTER(0, 1)
NTH_LETTER(0, 2)
NTH_LETTER(1, 0)
NTH_LETTER(1, 1)

static void
letter_0(void *ctx)
{
	(void)ctx;
	r.letters[0]++;
	play_letter(&stage.p, 0);
	play_settle(&stage.p);
}

static void
letter_1(void *ctx)
{
	(void)ctx;
	r.letters[1]++;
	play_letter(&stage.p, 1);
	play_settle(&stage.p);
}

static bool
two_fronts(void *ctx)
{
	(void)ctx;
	return r.nfronts == 2;
}

static bool
can_letter_10_(void *ctx)
{
	return two_fronts(ctx) && can_letter_10(ctx);
}

static bool
can_letter_11_(void *ctx)
{
	return two_fronts(ctx) && can_letter_11(ctx);
}

static void
hang_up(void *ctx)
{
	(void)ctx;
	r.closed = true;
	client_close(r.a->c);
	listen_to();
}

/* Takes what is here of a continue's answer. */
static void
hear_of(struct ear *e, struct haul *h)
{
	struct said s;

	while (h->ends == 0 && hear_frame(e, &s)) {
		if (s.opcode == OP_CREATE || s.opcode == OP_CANCEL)
			continue;
		if (s.opcode != OP_CONTINUE) {
			r.wrong = "an answer to nothing";
			return;
		}
		e->from -= 24 + s.nextras + s.nvalue; /* look again */
		(void)hear_continue(e, h);
		if (h->wrong)
			r.wrong = h->wrong;
	}
}

static void
a_reads(void *ctx)
{
	(void)ctx;
	if (!r.closed)
		hear_of(r.a, &of_a);
}

static void
b_reads(void *ctx)
{
	(void)ctx;
	hear_of(r.b, &of_b);
}

/* a has heard that the scan is there, and continues it. */
static bool
can_continue(void *ctx)
{
	struct said s;

	(void)ctx;
	if (r.closed || r.continued)
		return false;
	if (!r.has_id && hear_frame(r.a, &s)) {
		if (s.opcode != OP_CREATE || s.status || s.nvalue != ID)
			return false;
		memcpy(r.id, s.value, ID);
		r.has_id = true;
	}
	return r.has_id;
}

static void
a_continues(void *ctx)
{
	(void)ctx;
	r.continued = true;
	say_continue(r.a, r.id, 0, 0, 0);
	listen_to();
}

static void
b_cancels(void *ctx)
{
	struct said s;

	(void)ctx;
	say_cancel(r.b, r.id);
	listen_to();
	r.cancelled = true;
	if (hear_frame(r.b, &s) && s.opcode == OP_CANCEL)
		r.cancel_status = s.status;
	else
		r.wrong = "the cancel is not answered at once";
}

/* Its life is over, and the job that looks is due. */
static void
time_goes_by(void *ctx)
{
	(void)ctx;
	ewb_clock_advance(&stage.p.core->clock, 181 * 1000000ull);
}

static void
server_stops(void *ctx)
{
	(void)ctx;
	r.stopped = true;
	ewb_server_stop_begin(stage.p.server, 3600000);
}

static bool
is_stopping(void *ctx)
{
	bool all = r.stopped;

	(void)ctx;
	for (unsigned i = 0; i < r.nfronts; i++) {
		ewb_now_on_front(stage.p.front[i]->d.thread);
		all = all && stage.p.front[i]->stopping;
	}
	return all;
}

static void
grace_is_over(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < r.nfronts; i++) {
		ewb_now_on_front(stage.p.front[i]->d.thread);
		ewb_front_grace_over(stage.p.front[i]);
	}
}

/* Ends.  What was not done is done; who reads reads all. */

static void
settle(void *ctx)
{
	unsigned heard;

	(void)ctx;
	do {
		heard = of_a.frames + of_b.frames;
		stage_run();
		if (!r.closed)
			hear_of(r.a, &of_a);
		hear_of(r.b, &of_b);
	} while (of_a.frames + of_b.frames != heard);
}

static const char *
check_records(const struct haul *h)
{
	if (h->wrong)
		return h->wrong;
	for (unsigned i = 0; i < h->n; i++)
		if (h->record[i] != i)
			return "a record is missing or comes twice";
	if (h->ends > 1)
		return "a continue has two ends";
	if (h->ends && h->status == COMPLETE && h->n != RECORDS)
		return "complete, and not all records";
	if (h->ends && h->status != COMPLETE && h->with_end)
		return "records on an error frame";
	return NULL;
}

/* Nothing is left of a scan that has ended. */
static const char *
check_nothing_left(void)
{
	struct ewb_core *core = stage.p.core;

	if (stage_scans())
		return "the scan is still there";
	if (table.opened != table.closed)
		return "the cursor was not closed";
	if (table.off_pool)
		return "the cursor was used outside of the pool";
	if (table.together)
		return "the cursor was used by two at once";
	if (atomic_load(&core->streams) || ewb_budget_used(&core->budget))
		return "the stream's memory has not come back";
	if (stage_ended_in_all() != stage.scans->created)
		return "an end was not counted once";
	if (atomic_load(&core->cookies))
		return "a command has not come home";
	return r.wrong;
}

static const char *
check_records_of_both(void)
{
	const char *wrong = check_records(&of_a);

	return wrong ? wrong : check_records(&of_b);
}

static void
tear_down(void *ctx)
{
	(void)ctx;
	if (!r.stops)
		stage_close();
}

#define EVENT(what, fn, can) \
	{ .name = what, .run = fn, .enabled = can }
#define MAYBE(what, fn, can) \
	{ .name = what, .run = fn, .enabled = can, .optional = true }

static size_t
explore(const char *name, const struct ewb_event *events, size_t n,
        void *(*setup)(void), const char *(*check)(void *))
{
	struct ewb_scenario s = { .name = name,
		                  .events = events,
		                  .nevents = n,
		                  .setup = setup,
		                  .settle = settle,
		                  .check = check,
		                  .teardown = tear_down };

	return ewb_explore(&s);
}

/* Hanging up. */

static const char *
check_hung_up(void *ctx)
{
	const char *wrong = check_records_of_both();

	(void)ctx;
	return wrong ? wrong : check_nothing_left();
}

static const struct ewb_event hangs_up[] = {
	MAYBE("job 1", job, can_job_0),
	MAYBE("letter 1", letter_0, can_letter_00),
	MAYBE("a continues", a_continues, can_continue),
	MAYBE("job 2", job, can_job_1),
	MAYBE("letter 2", letter_0, can_letter_01),
	MAYBE("a reads", a_reads, NULL),
	MAYBE("job 3", job, can_job_2),
	MAYBE("letter 3", letter_0, can_letter_02),
	EVENT("a hangs up", hang_up, NULL),
};

START_TEST(a_scan_ends_with_its_connection_at_every_step)
{
	fronts = 1;
	ck_assert_uint_gt(explore("hangs up", hangs_up, 9, begin_created,
	                          check_hung_up),
	                  100);
}
END_TEST

/* b continues what a created. */
static const char *
check_orphaned(void *ctx)
{
	const char *wrong = check_hung_up(ctx);

	if (wrong)
		return wrong;
	if (of_b.ends != 1)
		return "b's continue has no end";
	if (of_b.status != COMPLETE && of_b.status != CANCELLED)
		return "b's continue is neither complete nor cancelled";
	return NULL;
}

static const struct ewb_event creator_hangs_up[] = {
	MAYBE("job 1", job, can_job_0),
	MAYBE("letter 1 of a", letter_0, can_letter_00),
	MAYBE("letter 1 of b", letter_1, can_letter_10_),
	MAYBE("b reads", b_reads, NULL),
	MAYBE("job 2", job, can_job_1),
	MAYBE("letter 2 of b", letter_1, can_letter_11_),
	MAYBE("job 3", job, can_job_2),
	EVENT("a hangs up", hang_up, NULL),
};

START_TEST(a_scan_ends_with_its_creator_though_another_continues_it)
{
	fronts = (unsigned)_i;
	ck_assert_uint_gt(explore("creator hangs up", creator_hangs_up, 8,
	                          begin_continued_by_b, check_orphaned),
	                  20);
}
END_TEST

/* Cancelling. */

static const char *
check_cancelled(void *ctx)
{
	const char *wrong = check_records_of_both();

	(void)ctx;
	if (wrong)
		return wrong;
	if (r.cancel_status != 0 && r.cancel_status != EWB_NOT_FOUND)
		return "the cancel has another answer";
	if (of_a.ends != 1)
		return "the continue has no end";
	if (r.cancel_status == 0 && of_a.status != CANCELLED)
		return "cancelled, and its continue does not say so";
	if (r.cancel_status && of_a.status != COMPLETE)
		return "not cancelled, and not complete";
	if (stage_ended(EWB_CAUSE_cancelled) != (r.cancel_status == 0))
		return "another cause was counted";
	return check_nothing_left();
}

static const struct ewb_event cancels[] = {
	MAYBE("job 1", job, can_job_0),
	MAYBE("letter 1", letter_0, can_letter_00),
	MAYBE("a reads", a_reads, NULL),
	MAYBE("job 2", job, can_job_1),
	MAYBE("letter 2", letter_0, can_letter_01),
	MAYBE("job 3", job, can_job_2),
	MAYBE("letter 3", letter_0, can_letter_02),
	MAYBE("job 4", job, can_job_3),
	EVENT("b cancels", b_cancels, NULL),
};

START_TEST(a_cancel_from_elsewhere_ends_the_continue_once)
{
	fronts = (unsigned)_i;
	ck_assert_uint_gt(explore("cancels", cancels, 9, begin_continued,
	                          check_cancelled),
	                  100);
}
END_TEST

static const char *
check_both(void *ctx)
{
	const char *wrong = check_hung_up(ctx);

	return wrong ? wrong : of_a.ends > 1 ? "two ends" : NULL;
}

static const struct ewb_event cancels_and_hangs_up[] = {
	MAYBE("job 1", job, can_job_0),
	MAYBE("letter 1", letter_0, can_letter_00),
	MAYBE("a reads", a_reads, NULL),
	MAYBE("job 2", job, can_job_1),
	MAYBE("letter 2", letter_0, can_letter_01),
	EVENT("b cancels", b_cancels, NULL),
	EVENT("a hangs up", hang_up, NULL),
};

START_TEST(a_cancel_and_a_hang_up_together_end_it_once)
{
	fronts = (unsigned)_i;
	ck_assert_uint_gt(explore("cancels and hangs up", cancels_and_hangs_up,
	                          7, begin_continued, check_both),
	                  100);
}
END_TEST

/* Age. */

static const char *
check_aged(void *ctx)
{
	const char *wrong = check_records_of_both();

	(void)ctx;
	if (wrong)
		return wrong;
	if (of_a.ends != 1)
		return "the continue has no end";
	if (of_a.status == CANCELLED &&
	    stage_ended(EWB_CAUSE_lifetime) != 1)
		return "cancelled, and not by its age";
	if (of_a.status != CANCELLED && of_a.status != COMPLETE)
		return "neither cancelled nor complete";
	return check_nothing_left();
}

static const struct ewb_event ages[] = {
	MAYBE("job 1", job, can_job_0),
	MAYBE("letter 1", letter_0, can_letter_00),
	MAYBE("a reads", a_reads, NULL),
	MAYBE("job 2", job, can_job_1),
	MAYBE("letter 2", letter_0, can_letter_01),
	MAYBE("job 3", job, can_job_2),
	EVENT("its life is over", time_goes_by, NULL),
};

START_TEST(age_ends_a_continue_once)
{
	fronts = 1;
	ck_assert_uint_gt(
		explore("ages", ages, 7, begin_continued, check_aged), 20);
}
END_TEST

/* The server stops. */

static const char *
check_stopped(void *ctx)
{
	const char *wrong = check_records_of_both();

	r.stops = true;
	if (wrong)
		return wrong;
	/* who waits for a reader that does not read has had the grace */
	while (is_stopping(ctx) && (r.a || r.b)) {
		grace_is_over(ctx);
		r.a = r.b = NULL;
		stage_run();
	}
	wrong = check_nothing_left();
	if (wrong)
		return wrong;
	if (ewb_server_stopped(stage.p.server) != EWB_OK)
		return "the server has not stopped";
	stage_close();
	return NULL;
}

static const struct ewb_event stops[] = {
	MAYBE("job 1", job, can_job_0),
	MAYBE("letter 1", letter_0, can_letter_00),
	MAYBE("a reads", a_reads, NULL),
	MAYBE("job 2", job, can_job_1),
	MAYBE("letter 2", letter_0, can_letter_01),
	EVENT("the server stops", server_stops, NULL),
	MAYBE("its grace is over", grace_is_over, is_stopping),
};

START_TEST(a_stop_of_the_server_ends_it_at_every_step)
{
	fronts = 1;
	ck_assert_uint_gt(explore("stops", stops, 7, begin_continued,
	                          check_stopped),
	                  50);
}
END_TEST

/* Within a run of the task. */

static unsigned when;

static void
cancel_within(unsigned i)
{
	if (i == when && !r.cancelled && r.continued)
		b_cancels(NULL);
}

static const unsigned moments[] = { 0, 1, RECORDS - 1, RECORDS };

START_TEST(a_cancel_in_the_middle_of_a_run_ends_it_there)
{
	fronts = 2;
	when = moments[_i];
	set_up();
	stage.p.core->limits.high = 16u << 20; /* one run would do all */
	create(r.a, "{}", r.id);
	table.within = cancel_within;
	table.offers = 0;
	r.continued = true;
	say_continue(r.a, r.id, 0, 0, 0);
	settle(NULL);
	ck_assert_uint_eq(r.cancel_status, 0);
	ck_assert_uint_eq(of_a.ends, 1);
	ck_assert_uint_eq(of_a.status, CANCELLED);
	ck_assert_uint_le(table.offers, when + 1);
	ck_assert_ptr_null(check_nothing_left());
	stage_close();
}
END_TEST

static void
deadline_within(unsigned i)
{
	if (i == when && !r.cancelled && r.continued) {
		r.cancelled = true;
		play_pass(&stage.p, 2500);
	}
}

START_TEST(a_deadline_in_the_middle_of_a_run_ends_it_there)
{
	fronts = 1;
	when = 0;
	set_up();
	create(r.a, "{}", r.id);
	table.within = deadline_within;
	table.offers = 0;
	r.continued = true;
	say_continue(r.a, r.id, 0, 0, 0);
	settle(NULL);
	ck_assert_uint_eq(of_a.ends, 1);
	ck_assert_uint_eq(of_a.status, EWB_TEMPORARY);
	ck_assert_uint_le(table.offers, 1);
	ck_assert_ptr_null(check_nothing_left());
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
	fronts = (unsigned)_i;
	begin_continued();
	stage_run(); /* it waits for its reader */
	say_continue(r.b, r.id, 0, 0, 0);
	say_get(r.b, "k");
	stage_run();
	ck_assert_str_eq(hear_status(r.b, OP_CONTINUE, EWB_BUSY),
	                 "the scan is being continued");
	hear_status(r.b, 0, EWB_NOT_FOUND);
	run_and_hear(r.a, &of_a);
	ck_assert_uint_eq(of_a.status, COMPLETE);
	must_be(&of_a, 0, RECORDS);
	stage_close();
}
END_TEST

START_TEST(a_scan_may_be_continued_in_turns_by_two)
{
	struct ear *e[2];

	fronts = (unsigned)_i;
	set_up();
	e[0] = r.a;
	e[1] = r.b;
	create(r.a, "{}", r.id);
	for (unsigned i = 0; i < 4; i++) {
		say_continue(e[i % 2], r.id, RECORDS / 4, 0, 0);
		run_and_hear(e[i % 2], &of_a);
		ck_assert_uint_eq(of_a.status, i < 3 ? MORE : COMPLETE);
	}
	must_be(&of_a, 0, RECORDS);
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
	tcase_add_loop_test(
		t, a_second_continue_is_busy_and_its_connection_lives, 1, 3);
	tcase_add_loop_test(t, a_scan_may_be_continued_in_turns_by_two, 1, 3);
	suite_add_tcase(s, t);
	return unit_run(s);
}
