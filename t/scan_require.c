/* SPDX-License-Identifier: BSD-2-Clause */
/* A create that requires something of its snapshot waits for the mutation that
 * makes it so. */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "t/explore.h"
#include "t/scan_play.h"
#include "t/unit.h"

#define UUID 77u
#define OTHER 0xa8u
#define WANTED 5u
/* The table's record i has the seqno i + 3. */
#define RECORD "\"seqno_exists\":true,"

static struct ewb_engine engine;
static _Atomic uint64_t made; /* the last mutation */
static uint64_t opened_at;    /* what it was when a cursor was opened */
static void (*before_looking)(void);
static struct ear *a;
static struct client *b;

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self, (void)r;
	atomic_fetch_add(&made, 1);
	ewb_reply_token(c, UUID, made);
	return EWB_OK;
}

static enum ewb_status
vbucket(void *self, uint16_t vb, struct ewb_vbucket *v)
{
	void (*fn)(void) = before_looking;

	(void)self;
	ck_assert_uint_eq(vb, 0);
	ck_assert_uint_eq(v->size, sizeof *v);
	before_looking = NULL;
	v->uuid = UUID;
	v->seqno = made;
	if (fn)
		fn(); /* after it has looked */
	return EWB_OK;
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *r, void **cursor, uint64_t *count)
{
	opened_at = made;
	return table_engine.scan_open(self, r, cursor, count);
}

/* Of vbucket 0 and those that share its list. */
static unsigned
waiting(void)
{
	struct ewb_await_list *l = &stage.p.core->awaits.lists[0];
	unsigned n = 0;

	for (const struct ewb_await *w = l->first; w; w = w->next)
		n++;
	ck_assert_int_eq(n == 0, atomic_load(&l->lowest) == UINT64_MAX);
	return n;
}

/* a scans, b mutates. */
static void
begin(unsigned nfronts)
{
	stage_reset();
	made = WANTED - 1;
	opened_at = 0;
	before_looking = NULL;
	engine = table_engine;
	engine.store = store;
	engine.vbucket = vbucket;
	engine.scan_open = scan_open;
	stage_open(nfronts, &engine);
	a = ear_open(0);
	b = client_open(&stage.p, nfronts - 1);
}

/* The server sees it. */
static void
hang_up(void)
{
	client_close(a->c);
	play_sockets(&stage.p);
	play_settle(&stage.p);
	play_pass(&stage.p, 1000); /* it is looked for so often */
	play_settle(&stage.p);
}

static void
end(void)
{
	hang_up();
	stage_run();
	ck_assert_uint_eq(waiting(), 0);
	stage_close();
}

static void
require(unsigned uuid, unsigned seqno, const char *more)
{
	char json[200];

	snprintf(json, sizeof json,
	         "{\"snapshot_requirements\":{%s\"vb_uuid\":\"%u\","
	         "\"seqno\":%u}}",
	         more, uuid, seqno);
	say_create(a, json, 0);
}

static void
mutate(void)
{
	say(b, "set k 0 0 1 noreply\r\nv\r\n");
	play_sockets(&stage.p);
	play_settle(&stage.p);
}

static void
must_be_told(unsigned status, const char *why)
{
	ck_assert_str_eq(hear_status(a, OP_CREATE, status), why);
	ck_assert_uint_eq(stage_scans(), status == 0);
	ck_assert_uint_eq(table.closed, table.opened - (status == 0));
}

/* Does the create's task wait, and no thread with it? */
static bool
is_parked(void)
{
	struct ewb_class_stats s;

	ewb_pool_stats(stage.p.core->pool, EWB_AUX, &s);
	return s.parked == 1 && s.running == 0;
}

START_TEST(a_scan_of_what_is_there_begins_at_once)
{
	begin(1);
	for (unsigned seqno = 0; seqno < WANTED; seqno++) {
		require(UUID, seqno, "");
		stage_run();
		hear_status(a, OP_CREATE, EWB_OK);
	}
	end();
}
END_TEST

START_TEST(another_history_is_said_so)
{
	begin(1);
	require(UUID + 1, 1, "");
	stage_run();
	must_be_told(OTHER, "the vbucket has another history");
	ck_assert_uint_eq(stage.scans->created, 0);
	end();
}
END_TEST

START_TEST(an_engine_without_tokens_says_so)
{
	begin(1);
	stage.p.server->instance->engine.vbucket = NULL;
	require(UUID, 1, "");
	stage_run();
	must_be_told(EWB_NOT_SUPPORTED, "this engine has no mutation tokens");
	end();
}
END_TEST

START_TEST(who_will_not_wait_is_told_at_once)
{
	begin(1);
	require(UUID, WANTED, "");
	stage_run();
	must_be_told(EWB_TEMPORARY, "the seqno is not reached");
	ck_assert_uint_eq(stage.scans->created, 0);
	end();
}
END_TEST

START_TEST(a_create_waits_for_the_mutation_without_a_thread)
{
	struct said s;

	begin(1);
	require(UUID, WANTED + 1, "\"timeout_ms\":60000,");
	stage_run();
	ck_assert(is_parked());
	ck_assert_uint_eq(waiting(), 1);
	/* the usual deadline is not its own */
	stage_pass(50000);
	mutate();
	stage_run();
	ck_assert(!hear_frame(a, &s));
	ck_assert(is_parked());
	ck_assert_uint_eq(table.opened, 0);
	mutate();
	ck_assert(!is_parked());
	stage_run();
	must_be_told(EWB_OK, "");
	ck_assert_uint_eq(opened_at, WANTED + 1);
	ck_assert_uint_eq(waiting(), 0);
	end();
}
END_TEST

/* It is a search, then, that may take long. */
START_TEST(what_is_reached_already_has_its_own_time_too)
{
	struct said s;

	begin(1);
	require(UUID, WANTED - 1, "\"timeout_ms\":60000,");
	stage_run_fronts();
	play_pass(&stage.p, 50000);
	stage_run_fronts();
	ck_assert(!hear_frame(a, &s));
	stage_run();
	must_be_told(EWB_OK, "");
	end();
}
END_TEST

START_TEST(its_time_is_over_though_the_usual_is_not)
{
	struct said s;

	begin(1);
	require(UUID, WANTED, "\"timeout_ms\":100,");
	stage_run();
	stage_pass(99);
	ck_assert(!hear_frame(a, &s));
	stage_pass(1);
	must_be_told(EWB_TEMPORARY, "temporary failure");
	ck_assert_uint_eq(waiting(), 0);
	end();
}
END_TEST

START_TEST(a_scan_may_grow_too_old_while_it_waits)
{
	begin(1);
	require(UUID, WANTED, "\"timeout_ms\":4294967295,");
	stage_run();
	stage_pass(181 * 1000);
	must_be_told(EWB_TEMPORARY, "");
	ck_assert_uint_eq(stage_ended(EWB_CAUSE_lifetime), 1);
	end();
}
END_TEST

/* It has looked, and is not among those yet whom a mutation wakes; or it is. */
START_TEST(a_mutation_between_look_and_park_is_not_missed)
{
	begin(1);
	before_looking = _i ? NULL : mutate;
	require(UUID, WANTED, "\"timeout_ms\":100,");
	stage_run_fronts();
	before_looking = _i ? mutate : NULL;
	stage_run();
	must_be_told(EWB_OK, "");
	ck_assert_uint_eq(opened_at, WANTED);
	end();
}
END_TEST

START_TEST(the_record_must_be_there)
{
	static const struct {
		unsigned seqno, status;
	} rows[] = { { 2, EWB_NOT_STORED },
		     { 3, EWB_OK },
		     { 12, EWB_OK },
		     { 13, EWB_NOT_STORED } };

	begin(1);
	made = 100;
	table.pause_every = _i ? 4 : 0;
	for (unsigned i = 0; i < 4; i++) {
		require(UUID, rows[i].seqno, RECORD);
		stage_run();
		ck_assert_str_eq(hear_status(a, OP_CREATE, rows[i].status),
		                 rows[i].status ? "no record has that seqno" :
		                                  "");
		ck_assert_uint_eq(table.opened, 2 * (i + 1));
	}
	ck_assert_uint_eq(table.closed, table.opened - 2);
	ck_assert_uint_eq(stage_scans(), 2);
	end();
}
END_TEST

/* Whatever the scan's own range is. */
START_TEST(the_record_may_be_outside_of_the_range)
{
	begin(1);
	made = 100;
	say_create(a,
	           "{\"range\":{\"start\":\"MDAwMDAz\"},"
	           "\"snapshot_requirements\":{\"seqno_exists\":true,"
	           "\"vb_uuid\":77,\"seqno\":3}}",
	           0);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CREATE, EWB_OK), "");
	end();
}
END_TEST

START_TEST(a_failure_while_the_record_is_looked_for_is_the_create_s)
{
	begin(1);
	made = 100;
	table.fail = EWB_INTERNAL;
	table.fail_at = 3;
	require(UUID, 12, RECORD);
	stage_run();
	ck_assert_str_eq(hear_status(a, OP_CREATE, EWB_INTERNAL), "");
	ck_assert_uint_eq(table.closed, table.opened);
	ck_assert_uint_eq(stage_scans(), 0);
	end();
}
END_TEST

/* The search gives way to others, and looks whether it is still wanted. */
START_TEST(a_search_ends_with_its_client)
{
	begin(1);
	made = 100000;
	table.n = 20000;
	require(UUID, 90000, RECORD);
	stage_run_fronts();
	table.pause_every = 100;
	for (unsigned i = 0; i < 5; i++)
		ck_assert(stage_job());
	hang_up();
	stage_run();
	ck_assert_uint_lt(table.offers, 2000);
	ck_assert_uint_eq(table.closed, table.opened);
	ck_assert_uint_eq(stage_scans(), 0);
	end();
}
END_TEST

/* All orders. */

#define PATIENCE 5000u /* ms: more than it takes to see a hang-up */
#define PATIENT "\"timeout_ms\":5000,"

static struct {
	bool mutated, late, gone, closed;
	unsigned jobs, letters;
} did;

static unsigned fronts;

static void *
required(void)
{
	memset(&did, 0, sizeof did);
	begin(fronts);
	require(UUID, WANTED, PATIENT);
	play_sockets(&stage.p);
	play_settle(&stage.p);
	ck_assert(stage_job_of(EWB_AUX)); /* who looks for old scans */
	return &did;
}

static bool
has_job(void)
{
	return ewb_pool_backlog(stage.p.core->pool, EWB_AUX) > 0;
}

static bool
can_job_1(void *ctx)
{
	(void)ctx;
	return did.jobs == 0 && has_job();
}

static bool
can_job_2(void *ctx)
{
	(void)ctx;
	return did.jobs == 1 && has_job();
}

static void
job(void *ctx)
{
	(void)ctx;
	did.jobs++;
	stage_job_of(EWB_AUX);
}

static bool
can_letter(void *ctx)
{
	struct ewb_front *f = stage.p.front[0];

	(void)ctx;
	ewb_now_on_front(f->d.thread);
	return ewb_inbox_waiting(&f->d.inbox) != 0;
}

static void
letter(void *ctx)
{
	(void)ctx;
	play_letter(&stage.p, 0);
	play_settle(&stage.p);
}

static void
makes_it(void *ctx)
{
	(void)ctx;
	did.mutated = true;
	mutate();
}

/* Deadlines, and nothing else. */
static void
its_time_is_over(void *ctx)
{
	(void)ctx;
	did.late = true;
	ewb_clock_advance(&stage.p.core->clock, PATIENCE * 1000ull);
	for (unsigned i = 0; i < stage.p.nfronts; i++) {
		ewb_now_on_front(stage.p.front[i]->d.thread);
		ewb_dispatch_tick(&stage.p.front[i]->d);
	}
	play_settle(&stage.p);
}

static void
hangs_up(void *ctx)
{
	(void)ctx;
	did.gone = true;
	hang_up();
}

/* As before a reload: cursors first, then what is away. */
static void
engine_closes(void *ctx)
{
	(void)ctx;
	did.closed = true;
	stage.p.core->end_cursors(stage.p.core->end_cursors_arg);
	for (unsigned i = 0; i < stage.p.nfronts; i++) {
		ewb_now_on_front(stage.p.front[i]->d.thread);
		ewb_dispatch_cancel_all(&stage.p.front[i]->d,
		                        EWB_CANCEL_ENGINE, NULL);
	}
	play_settle(&stage.p);
}

static void
settle(void *ctx)
{
	(void)ctx;
	stage_run();
}

/* What the client is told. */
static const char *
check_status(unsigned status)
{
	switch (status) {
	case EWB_OK:
		if (!did.mutated)
			return "a scan, though nothing was made";
		if (opened_at < WANTED)
			return "opened before it was made";
		return NULL;
	case EWB_TEMPORARY:
		return did.late || did.closed ? NULL : "86, and nothing ended it";
	case CANCELLED: return did.closed ? NULL : "a5, and nobody cancelled";
	default: return "another status";
	}
}

static const char *
check_told(void)
{
	struct said s;

	if (!hear_frame(a, &s)) {
		if (did.mutated || did.late || did.closed)
			return "it was not answered";
		return is_parked() ? NULL : "it waits, and has not parked";
	}
	if (s.opcode != OP_CREATE || hear_frame(a, &(struct said){ 0 }))
		return "other answers than one to the create";
	return check_status(s.status);
}

static const char *
check(void *ctx)
{
	const char *wrong = did.gone ? NULL : check_told();

	(void)ctx;
	if (wrong)
		return wrong;
	/* of those that neither came nor were ended, one waits: it goes now */
	if (!did.gone)
		hang_up();
	stage_run();
	if (stage_scans())
		return "the scan is still there";
	if (table.opened != table.closed)
		return "the cursor was not closed";
	if (waiting())
		return "somebody is still to be woken";
	if (atomic_load(&stage.p.core->cookies))
		return "a command has not come home";
	return NULL;
}

static void
tear_down(void *ctx)
{
	(void)ctx;
	end();
}

static const struct ewb_event events[] = {
	{ .name = "job 1", .run = job, .enabled = can_job_1, .optional = true },
	{ .name = "it is made", .run = makes_it, .optional = true },
	{ .name = "job 2", .run = job, .enabled = can_job_2, .optional = true },
	{ .name = "letter", .run = letter, .enabled = can_letter, .optional = true },
	{ .name = "its time is over", .run = its_time_is_over, .optional = true },
	{ .name = "the client goes", .run = hangs_up, .optional = true },
	{ .name = "the engine closes", .run = engine_closes, .optional = true },
};

START_TEST(whatever_comes_first_it_ends_once)
{
	struct ewb_scenario s = { .name = "requires",
		                  .sampled = true,
		                  .events = events,
		                  .nevents = sizeof events / sizeof *events,
		                  .setup = required,
		                  .settle = settle,
		                  .check = check,
		                  .teardown = tear_down };

	fronts = (unsigned)_i;
	ck_assert_uint_gt(ewb_explore(&s), EWB_EXPLORED(500));
}
END_TEST

START_TEST(a_mutation_knows_the_lowest_that_is_awaited)
{
	static struct ewb_awaits all;
	struct ewb_await w[3] = { { .seqno = 9 },
		                  { .seqno = 5 },
		                  { .seqno = 1, .vbucket = 1 } };
	const _Atomic uint64_t *lowest = &all.lists[0].lowest;

	ewb_awaits_init(&all);
	for (unsigned i = 0; i < 3; i++)
		ewb_await_add(&all, &w[i], NULL);
	ck_assert_uint_eq(atomic_load(lowest), 5);
	/* whoever looked further would wait for it */
	ck_assert_int_eq(pthread_mutex_lock(&all.lists[0].lock), 0);
	ewb_awaits_made(&all, 0, 4);
	ck_assert_int_eq(pthread_mutex_unlock(&all.lists[0].lock), 0);
	ewb_await_drop(&all, &w[1]);
	ck_assert_uint_eq(atomic_load(lowest), 9);
	ewb_await_drop(&all, &w[1]);
	ewb_await_drop(&all, &w[0]);
	ck_assert_uint_eq(atomic_load(lowest), UINT64_MAX);
	ck_assert_uint_eq(atomic_load(&all.lists[1].lowest), 1);
	ewb_await_drop(&all, &w[2]);
	ewb_awaits_fini(&all);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_require");
	TCase *t = tcase_create("requirements");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_mutation_knows_the_lowest_that_is_awaited);
	tcase_add_test(t, a_scan_of_what_is_there_begins_at_once);
	tcase_add_test(t, another_history_is_said_so);
	tcase_add_test(t, an_engine_without_tokens_says_so);
	tcase_add_test(t, who_will_not_wait_is_told_at_once);
	tcase_add_test(t, a_create_waits_for_the_mutation_without_a_thread);
	tcase_add_test(t, what_is_reached_already_has_its_own_time_too);
	tcase_add_test(t, its_time_is_over_though_the_usual_is_not);
	tcase_add_test(t, a_scan_may_grow_too_old_while_it_waits);
	tcase_add_loop_test(t, a_mutation_between_look_and_park_is_not_missed, 0,
	                    2);
	tcase_add_loop_test(t, the_record_must_be_there, 0, 2);
	tcase_add_test(t, the_record_may_be_outside_of_the_range);
	tcase_add_test(t,
	               a_failure_while_the_record_is_looked_for_is_the_create_s);
	tcase_add_test(t, a_search_ends_with_its_client);
	tcase_add_loop_test(t, whatever_comes_first_it_ends_once, 1, 3);
	suite_add_tcase(s, t);
	return unit_run(s);
}
