/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to a scan with two clients, and what must be so after it. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "t/scan_race.h"

/* A scan's text: both vbuckets have all records. */
#define TEXT_MAX (2 * RACE_RECORDS * 1600 + 100)
static char text_heard[TEXT_MAX];

struct race race;
struct haul race_heard_a, race_heard_b;
unsigned race_fronts;

static void
set_up(unsigned vbuckets)
{
	race = (struct race){ .nfronts = race_fronts, .cancel_status = 0xffff };
	haul_empty(&race_heard_a);
	haul_empty(&race_heard_b);
	stage_reset();
	table.n = RACE_RECORDS;
	table.size = 1500;
	stage.server.high = 16384; /* so that it parks */
	stage.server.low = 4096;
	stage.server.vbuckets = vbuckets;
	stage_open(race_fronts, &table_engine);
	race.a = ear_small(0);
	race.b = ear_small(race_fronts - 1);
}

void
race_set_up(void)
{
	set_up(1);
}

/* The server reads what was said. */
void
race_listen(void)
{
	play_sockets(&stage.p);
	play_settle(&stage.p);
}

/* Scenarios begin with a create that was said, or with a scan that is
 * continued by a, or by b. */
void *
race_created(void)
{
	race_set_up();
	say_create(race.a, "{}", 0);
	race_listen();
	return &race;
}

void *
race_continued(void)
{
	race_set_up();
	create(race.a, "{}", race.id);
	race.has_id = race.continued = true;
	say_continue(race.a, race.id, 0, 0, 0);
	race_listen();
	return &race;
}

void *
race_continued_by_b(void)
{
	race_set_up();
	create(race.a, "{}", race.id);
	race.has_id = race.continued = true;
	say_continue(race.b, race.id, 0, 0, 0);
	race_listen();
	return &race;
}

void *
race_texted(void)
{
	set_up(2);
	race.text = true;
	race.heard = text_heard;
	say(race.a->c, "scan\r\n");
	race_listen();
	return &race;
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

#define NTH_JOB(n)                                    \
	bool race_can_job_##n(void *ctx)              \
	{                                             \
		(void)ctx;                            \
		return race.jobs == (n) && has_job(); \
	}
NTH_JOB(0)
NTH_JOB(1)
NTH_JOB(2)
NTH_JOB(3)

void
race_job(void *ctx)
{
	(void)ctx;
	race.jobs++;
	stage_job_of(EWB_AUX);
}

#define NTH_LETTER(front, n)                                                   \
	bool race_can_letter_##front##n(void *ctx)                             \
	{                                                                      \
		(void)ctx;                                                     \
		return race.nfronts > (front) && race.letters[front] == (n) && \
		       has_letter(front);                                      \
	}
NTH_LETTER(0, 0)
NTH_LETTER(0, 1)
NTH_LETTER(0, 2)

void
race_letter_0(void *ctx)
{
	(void)ctx;
	race.letters[0]++;
	play_letter(&stage.p, 0);
	play_settle(&stage.p);
}

void
race_letter_1(void *ctx)
{
	(void)ctx;
	race.letters[1]++;
	play_letter(&stage.p, 1);
	play_settle(&stage.p);
}

NTH_LETTER(1, 0)
NTH_LETTER(1, 1)

void
race_hang_up(void *ctx)
{
	(void)ctx;
	race.closed = true;
	client_close(race.a->c);
	race_listen();
}

static void
hear_text(struct haul *h)
{
	size_t n = hear_some(race.a->c, race.heard + race.nheard,
	                     TEXT_MAX - race.nheard);

	race.nheard += n;
	h->frames += n > 0;
	if (race.nheard == TEXT_MAX)
		race.wrong = "more is said than there is";
}

/* Takes what is here of a continue's answer. */
static void
hear_of(struct ear *e, struct haul *h)
{
	struct said s;

	if (race.text && e == race.a) {
		hear_text(h);
		return;
	}
	while (h->ends == 0 && hear_frame(e, &s)) {
		if (s.opcode == OP_CREATE && race.created)
			race.created(e, &s);
		if (s.opcode == OP_CREATE || s.opcode == OP_CANCEL)
			continue;
		if (s.opcode != OP_CONTINUE) {
			race.wrong = "an answer to nothing";
			return;
		}
		e->from -= 24 + s.nextras + s.nvalue; /* look again */
		(void)hear_continue(e, h);
		if (h->wrong)
			race.wrong = h->wrong;
	}
}

void
race_a_reads(void *ctx)
{
	(void)ctx;
	if (!race.closed)
		hear_of(race.a, &race_heard_a);
}

void
race_b_reads(void *ctx)
{
	(void)ctx;
	hear_of(race.b, &race_heard_b);
}

/* a has heard that the scan is there, and continues it. */
bool
race_can_continue(void *ctx)
{
	struct said s;

	(void)ctx;
	if (race.closed || race.continued)
		return false;
	if (!race.has_id && hear_frame(race.a, &s)) {
		if (s.opcode != OP_CREATE || s.status || s.nvalue != ID)
			return false;
		memcpy(race.id, s.value, ID);
		race.has_id = true;
	}
	return race.has_id;
}

void
race_a_continues(void *ctx)
{
	(void)ctx;
	race.continued = true;
	say_continue(race.a, race.id, 0, 0, 0);
	race_listen();
}

void
race_b_cancels(void *ctx)
{
	struct said s;

	(void)ctx;
	say_cancel(race.b, race.id);
	race_listen();
	race.cancelled = true;
	if (hear_frame(race.b, &s) && s.opcode == OP_CANCEL)
		race.cancel_status = s.status;
	else
		race.wrong = "the cancel is not answered at once";
}

/* Its life is over, and the job that looks is due. */
void
race_time_goes_by(void *ctx)
{
	(void)ctx;
	ewb_clock_advance(&stage.p.core->clock, 181 * 1000000ull);
}

void
race_server_stops(void *ctx)
{
	(void)ctx;
	race.stopped = true;
	ewb_server_stop_begin(stage.p.server, 3600000);
}

bool
race_is_stopping(void *ctx)
{
	bool all = race.stopped;

	(void)ctx;
	for (unsigned i = 0; i < race.nfronts; i++) {
		ewb_now_on_front(stage.p.front[i]->d.thread);
		all = all && stage.p.front[i]->stopping;
	}
	return all;
}

void
race_grace_is_over(void *ctx)
{
	(void)ctx;
	for (unsigned i = 0; i < race.nfronts; i++) {
		ewb_now_on_front(stage.p.front[i]->d.thread);
		ewb_front_grace_over(stage.p.front[i]);
	}
}

/* Ends.  What was not done is done; who reads reads all. */

void
race_settle(void *ctx)
{
	unsigned heard;

	(void)ctx;
	do {
		heard = race_heard_a.frames + race_heard_b.frames;
		stage_run();
		if (!race.closed)
			hear_of(race.a, &race_heard_a);
		if (!race.b_closed)
			hear_of(race.b, &race_heard_b);
	} while (race_heard_a.frames + race_heard_b.frames != heard);
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
	if (h->ends && h->status == COMPLETE && h->n != RACE_RECORDS)
		return "complete, and not all records";
	if (h->ends && h->status != COMPLETE && h->with_end)
		return "records on an error frame";
	return NULL;
}

/* Nothing is left of a scan that has ended. */
const char *
race_check_nothing_left(void)
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
	return race.wrong;
}

const char *
race_check_records(void)
{
	const char *wrong = check_records(&race_heard_a);

	return wrong ? wrong : check_records(&race_heard_b);
}

/* A record, as it is to be heard. */
static size_t
put_record(char *to, unsigned i)
{
	size_t n = (size_t)sprintf(to, "VALUE %06u %u %zu\r\n", i, i + 1,
	                           table.size);

	table_value(i, to + n, table.size);
	n += table.size;
	return n + (size_t)sprintf(to + n, "\r\n");
}

static bool
begins(const char *whole, const char *part, size_t n)
{
	return memcmp(whole, part, n) == 0;
}

const char *
race_check_text(void)
{
	static const char *const ends[] = { "END\r\n",
		                            "SERVER_ERROR scan cancelled\r\n",
		                            "SERVER_ERROR temporary failure\r\n" };
	static char want[2000];
	const char *left = race.heard;
	size_t nleft = race.nheard, n;
	unsigned i;

	race.end = NULL;
	for (i = 0; i < 2 * RACE_RECORDS; i++, left += n, nleft -= n) {
		n = put_record(want, i / 2);
		if (nleft < n || !begins(want, left, n))
			break;
	}
	for (unsigned k = 0; k < 3; k++)
		if (nleft == strlen(ends[k]) && begins(ends[k], left, nleft))
			race.end = ends[k];
	if (race.end == ends[0] && i < 2 * RACE_RECORDS)
		return "END, and not all records";
	if (race.end || nleft == 0 || (nleft < n && begins(want, left, nleft)))
		return NULL;
	for (unsigned k = 0; k < 3; k++)
		if (nleft < strlen(ends[k]) && begins(ends[k], left, nleft))
			return NULL;
	return "what is heard is neither records nor an end";
}

static void
tear_down(void *ctx)
{
	if (race.created) {
		/* what outlives its connection does not outlive that */
		race_time_goes_by(ctx);
		stage_pass(1000);
	}
	if (!race.stops)
		stage_close();
}

size_t
race_explore(const char *name, const struct ewb_event *events, size_t n,
             void *(*setup)(void), const char *(*check)(void *))
{
	struct ewb_scenario s = { .name = name,
		                  .sampled = true,
		                  .events = events,
		                  .nevents = n,
		                  .setup = setup,
		                  .settle = race_settle,
		                  .check = check,
		                  .teardown = tear_down };

	return ewb_explore(&s);
}
