/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ctl_fetch.h"
#include "daemon/ctl_say.h"
#include "lib/check.h"
#include "protocol/frame.h"
#include "protocol/status.h"

#define OP_CREATE 0xda
#define OP_CONTINUE 0xdb
#define OP_CANCEL 0xdc
#define JSON 1 /* datatype */

#define HELD (4u << 20) /* bytes of all batches, within these: */
#define BATCH_MIN (16u << 10)
#define BATCH_MAX (256u << 10)
#define HELD_MAX (24u << 20) /* bytes in memory; above it records go to a file */
#define CONTINUE_MS 10000
#define WINDOW 64      /* continues under way */
#define BUSY_S 5       /* to try when the server is busy */
#define PAUSE_MIN 20   /* ms */
#define PAUSE_MAX 5000 /* ms */

static int
no_memory(void)
{
	return ewb_ctl_say("scan: out of memory here");
}

/* err of a source. */
static int
not_kept(int err)
{
	return err == -ENOMEM ? no_memory()
	                      : ewb_ctl_say("scan: the temporary file: %s",
	                                    ewb_ctl_strerror(err));
}

static int
refused(const struct ewb_ctl_source *src, const struct ewb_ctl_reply *r)
{
	char why[EWB_CTL_WHY_MAX];

	return ewb_ctl_say("scan: vbucket %u: %s", src->vbucket,
	                   ewb_ctl_reply_why(r, why));
}

int
ewb_ctl_fetch_broken(const struct ewb_ctl_source *src, const char *what)
{
	return ewb_ctl_say("scan: vbucket %u: the server sent %s", src->vbucket,
	                   what);
}

static bool
resumes(const struct ewb_ctl_fetch *f)
{
	return f->range->resumable;
}

/* Trying again. */

static void
all_is_well(struct ewb_ctl_fetch *f)
{
	f->trouble = f->pause_ms = 0;
}

/* For how long it is tried, s. */
static uint64_t
patience(const struct ewb_ctl_fetch *f)
{
	return resumes(f) && f->begun ? f->link->retry_s : BUSY_S;
}

static bool
may_try(struct ewb_ctl_fetch *f)
{
	uint64_t now = ewb_ctl_now();

	if (!f->trouble)
		f->trouble = now;
	return now - f->trouble < patience(f) * 1000000;
}

/* What is wrong is what was kept. */
static int
give_up(const struct ewb_ctl_fetch *f)
{
	return ewb_ctl_say("%s; given up after %" PRIu64 " s", ewb_ctl_held(),
	                   patience(f));
}

/* None before the first attempt, then more and more. */
static int
pause_a_while(struct ewb_ctl_fetch *f)
{
	uint64_t ms = f->pause_ms;
	struct timespec pause = { .tv_sec = (time_t)(ms / 1000),
		                  .tv_nsec = (long)(ms % 1000) * 1000000 };

	if (f->wait && f->wait(f->wait_arg))
		return EWB_CTL_STOPPED;
	nanosleep(&pause, NULL);
	f->paused = true;
	f->pause_ms = ms ? 2 * ms : PAUSE_MIN;
	if (f->pause_ms > PAUSE_MAX)
		f->pause_ms = PAUSE_MAX;
	return 0;
}

/* The source has no scan: one is to be created, or gone on with. */
static void
is_new(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	src->state = EWB_CTL_NEW;
	f->nnew++;
}

/* Whatever was under way on the connection is not any more. */
static void
forget_all(struct ewb_ctl_fetch *f)
{
	size_t i;

	for (i = 0; i < f->nsource; i++) {
		struct ewb_ctl_source *src = &f->source[i];

		src->wanted = false;
		if (src->state != EWB_CTL_DONE && src->state != EWB_CTL_NEW)
			is_new(f, src);
	}
	f->first = f->nline = f->nasked = 0;
}

static int
ask_cancel(struct ewb_ctl_fetch *f, const struct ewb_ctl_source *src)
{
	struct ewb_ctl_request q = {
		.opcode = OP_CANCEL,
		.vbucket = src->vbucket,
		.opaque = (uint32_t)(src - f->source),
		.extras = src->id,
		.nextras = sizeof(src->id),
	};

	f->nasked++;
	return ewb_ctl_conn_send(&f->link->conn, &q);
}

/* All came, and the server may forget it: also after the connection on which it was
 * told so was lost. */
static int
let_go(struct ewb_ctl_fetch *f)
{
	size_t i;

	for (i = 0; i < f->nsource; i++)
		if (f->source[i].kept && ask_cancel(f, &f->source[i]))
			return -1;
	return 0;
}

static int
connect_again(struct ewb_ctl_fetch *f)
{
	bool told = false;
	int n;

	forget_all(f);
	while (may_try(f)) {
		n = pause_a_while(f);
		if (n)
			return n;
		if (!ewb_ctl_link_again(f->link))
			return let_go(f);
		if (!told)
			ewb_ctl_say("%s; trying again for %" PRIu64 " s",
			            ewb_ctl_held(), patience(f));
		told = true;
	}
	return give_up(f);
}

/* A function of the connection has failed with -1. */
static int
mend(struct ewb_ctl_fetch *f)
{
	return f->link->conn.lost && f->link->conn.patient ? connect_again(f)
	                                                    : -1;
}

/* Sends and receives; waits if nothing is here. */
static int
turn(struct ewb_ctl_fetch *f)
{
	if (f->wait && f->wait(f->wait_arg))
		return EWB_CTL_STOPPED;
	return ewb_ctl_conn_turn(&f->link->conn) ? mend(f) : 0;
}

/* Is it worth to try again, after this status?  Then why is kept. */
static bool
is_passing(struct ewb_ctl_fetch *f, const struct ewb_ctl_source *src,
           const struct ewb_ctl_reply *r)
{
	bool passes = r->status == EWB_WIRE_BUSY ||
	              r->status == EWB_WIRE_TEMPORARY;

	if (r->opcode == OP_CONTINUE)
		passes = resumes(f) &&
		         (passes || r->status == EWB_WIRE_NOT_FOUND ||
		          r->status == EWB_WIRE_SCAN_CANCELLED);
	if (!passes || !may_try(f))
		return false;
	ewb_ctl_hold(true);
	refused(src, r);
	ewb_ctl_hold(false);
	return true;
}

static void
done(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	src->state = EWB_CTL_DONE;
	f->ndone++;
}

/* Creating. */

static int
ask_create(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	struct ewb_ctl_buf json = { 0 };
	struct ewb_ctl_request q = {
		.opcode = OP_CREATE,
		.datatype = JSON,
		.vbucket = src->vbucket,
		.opaque = (uint32_t)(src - f->source),
	};
	int err = ewb_ctl_range_json(f->range, src->has_token ? src->token : NULL,
	                             src->last, src->nlast, &json);

	q.value = ewb_ctl_buf_front(&json);
	q.nvalue = ewb_ctl_buf_used(&json);
	err = err ? no_memory() : ewb_ctl_conn_send(&f->link->conn, &q);
	ewb_ctl_buf_fini(&json);
	src->state = EWB_CTL_CREATING;
	f->nnew--;
	f->nasked++;
	return err;
}

/* The answer to a create that goes on: the old snapshot, or another one? */
static int
look_at_snapshot(struct ewb_ctl_fetch *f, const struct ewb_ctl_reply *r)
{
	if (r->status == EWB_WIRE_OK && r->nextras == 4 && ewb_be32(r->extras))
		return 0;
	if (f->one_snapshot)
		return ewb_ctl_say("%s: its snapshot is lost: begin anew",
		                   f->link->command);
	if (!f->other_snapshot)
		ewb_ctl_say("scan: it was broken off, and goes on with a new "
		            "snapshot of the rest");
	f->other_snapshot = true;
	return 0;
}

static int
created(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src,
        const struct ewb_ctl_reply *r)
{
	if (src->state != EWB_CTL_CREATING)
		return ewb_ctl_fetch_broken(src, "two answers to one create");
	f->nasked--;
	if (is_passing(f, src, r)) {
		is_new(f, src);
		return 0;
	}
	if (r->status != EWB_WIRE_OK && r->status != EWB_WIRE_NOT_FOUND) {
		f->refused = true;
		return refused(src, r);
	}
	if (src->has_token && look_at_snapshot(f, r))
		return -1;
	if (r->status == EWB_WIRE_NOT_FOUND) {
		done(f, src);
		return 0;
	}
	if (r->nvalue != sizeof(src->id))
		return ewb_ctl_fetch_broken(src, "no scan id");
	memcpy(src->id, r->value, sizeof(src->id));
	memset(src->token, 0, sizeof(src->token));
	memcpy(src->token, r->value, sizeof(src->id));
	src->has_token = resumes(f);
	src->state = EWB_CTL_OPEN;
	return 0;
}

/* Continuing. */

static void
want(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	if (src->wanted || src->state != EWB_CTL_OPEN)
		return;
	EWB_MUST(f->nline < f->nsource);
	f->line[(f->first + f->nline++) % f->nsource] = src;
	src->wanted = true;
}

void
ewb_ctl_fetch_want_all(struct ewb_ctl_fetch *f)
{
	size_t i;

	for (i = 0; i < f->nsource; i++)
		want(f, &f->source[i]);
}

static int
ask_more(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	uint8_t extras[28];
	struct ewb_ctl_request q = {
		.opcode = OP_CONTINUE,
		.vbucket = src->vbucket,
		.opaque = (uint32_t)(src - f->source),
		.extras = extras,
		.nextras = sizeof(extras),
	};

	memcpy(extras, src->id, sizeof(src->id));
	ewb_put32(extras + 16, f->items);
	ewb_put32(extras + 20, CONTINUE_MS);
	ewb_put32(extras + 24, f->batch);
	src->state = EWB_CTL_ASKED;
	src->wanted = false;
	f->nasked++;
	return ewb_ctl_conn_send(&f->link->conn, &q);
}

/* Asks for those in the line, as far as the window goes: how many, or -1. */
static int
ask_line(struct ewb_ctl_fetch *f)
{
	int n = 0;

	for (; f->nline && f->nasked < WINDOW; n++) {
		struct ewb_ctl_source *src = f->line[f->first];

		f->first = (f->first + 1) % f->nsource;
		f->nline--;
		if (ask_more(f, src))
			return -1;
	}
	return n;
}

/* The last key of what came: 0, or -1 when that is no whole records. */
static int
note_last(struct ewb_ctl_source *src, const uint8_t *in, size_t n, bool keys_only)
{
	struct ewb_bin_record r = { 0 };
	size_t took;

	for (; n; in += took, n -= took) {
		took = ewb_bin_record_get(in, n, keys_only, &r);
		if (!took || r.nkey > sizeof(src->last))
			return -1;
	}
	memcpy(src->last, r.key, r.nkey);
	src->nlast = r.nkey;
	return 0;
}

static int
records(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src,
        const struct ewb_ctl_reply *r)
{
	bool keys_only = f->range->keys_only;
	size_t cap = src->in.cap;
	int err = 0;

	if (!r->nvalue)
		return 0;
	if (r->nextras == 4 && ewb_be32(r->extras) != !keys_only)
		return ewb_ctl_fetch_broken(
			src, "another kind of records than was asked for");
	if (note_last(src, r->value, r->nvalue, keys_only))
		return ewb_ctl_fetch_broken(src, "half a record");
	all_is_well(f);
	if (!src->spill && f->held + r->nvalue > HELD_MAX)
		err = ewb_ctl_source_spill(src, &f->spill);
	if (!err)
		err = ewb_ctl_source_add(src, r->value, r->nvalue);
	if (!err)
		err = ewb_ctl_source_look(src, keys_only);
	f->held += src->in.cap - cap;
	return err ? not_kept(err) : 0;
}

/* How far it is, and from where to go on. */
static void
note_place(struct ewb_ctl_source *src, const struct ewb_ctl_reply *r)
{
	struct ewb_bin_place place;

	if (ewb_bin_place_get(r->framing, r->nframing, &place))
		return;
	memcpy(src->token, place.token, sizeof(src->token));
	src->progress = place.progress;
}

static int
continued(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src,
          const struct ewb_ctl_reply *r)
{
	if (src->state != EWB_CTL_ASKED)
		return ewb_ctl_fetch_broken(src, "two ends of one continue");
	if (r->status == EWB_WIRE_OK)
		return records(f, src, r);
	f->nasked--;
	if (r->status == EWB_WIRE_SCAN_MORE) {
		src->state = EWB_CTL_OPEN;
	} else if (r->status == EWB_WIRE_SCAN_COMPLETE) {
		done(f, src);
	} else if (is_passing(f, src, r)) {
		is_new(f, src);
		return 0;
	} else {
		f->refused = true;
		return refused(src, r);
	}
	all_is_well(f);
	note_place(src, r);
	src->kept = resumes(f) && src->state == EWB_CTL_DONE;
	if (src->kept && ask_cancel(f, src))
		return -1;
	return records(f, src, r);
}

/* Whatever the status: there was a scan, or there is none already. */
static int
cancelled(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	src->kept = false;
	f->nasked--;
	return 0;
}

static int
take_reply(struct ewb_ctl_fetch *f, const struct ewb_ctl_reply *r)
{
	struct ewb_ctl_source *src = NULL;

	if (r->opaque < f->nsource && f->nasked)
		src = &f->source[r->opaque];
	if (src && r->opcode == OP_CREATE)
		return created(f, src, r);
	if (src && r->opcode == OP_CONTINUE)
		return continued(f, src, r);
	if (src && r->opcode == OP_CANCEL)
		return cancelled(f, src);
	return ewb_ctl_say("scan: the server answered what nobody asked");
}

/* Takes in the replies that are here already. */
static int
absorb(struct ewb_ctl_fetch *f)
{
	struct ewb_ctl_reply r;
	int n;

	while ((n = ewb_ctl_conn_next(&f->link->conn, &r)) > 0)
		if (take_reply(f, &r))
			return -1;
	return n;
}

/* One attempt at all that have no scan, and the end of what is under way. */
static int
create_round(struct ewb_ctl_fetch *f)
{
	size_t i;
	int n = 0;

	for (i = 0; i < f->nsource; i++)
		if (f->source[i].state == EWB_CTL_NEW &&
		    ask_create(f, &f->source[i]))
			return -1;
	while (!n && f->nasked) {
		n = absorb(f);
		if (!n && f->nasked)
			n = turn(f);
	}
	return n;
}

/* Until all have their scan. */
static int
create_all(struct ewb_ctl_fetch *f)
{
	int n = 0;

	while (!n && f->nnew) {
		if (f->trouble && !may_try(f)) {
			f->refused = true;
			return give_up(f);
		}
		if (f->trouble && !f->paused)
			n = pause_a_while(f);
		f->paused = false;
		if (!n)
			n = create_round(f);
	}
	return n;
}

int
ewb_ctl_fetch_fill(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	for (;;) {
		int n = absorb(f);

		if (!n && f->nnew)
			n = create_all(f);
		if (n)
			return n;
		if (src->nnow || src->state == EWB_CTL_DONE)
			break;
		want(f, src);
		if (ask_line(f) < 0)
			return -1;
		n = turn(f);
		if (n)
			return n;
	}
	if (!src->nnow && ewb_ctl_source_used(src))
		return ewb_ctl_fetch_broken(src, "half a record");
	return 0;
}

/* The source has less than half a batch: more is fetched meanwhile. */
static int
keep_ahead(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	size_t used = ewb_ctl_source_used(src);
	int n;

	if (src->state != EWB_CTL_OPEN || used > f->batch / 2 ||
	    (src->spill && used))
		return 0;
	want(f, src);
	n = ask_line(f);
	if (n <= 0)
		return n;
	return ewb_ctl_conn_poll(&f->link->conn) ? mend(f) : absorb(f);
}

int
ewb_ctl_fetch_drop(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	size_t cap = src->in.cap;
	int n = ewb_ctl_source_drop(src, f->range->keys_only);

	f->held += src->in.cap - cap;
	if (n)
		return not_kept(n);
	n = keep_ahead(f, src);
	/* A scan that is lost does not wait for its records to be used. */
	if (!n && f->nnew)
		n = create_all(f);
	return n || src->nnow ? n : ewb_ctl_fetch_fill(f, src);
}

int
ewb_ctl_fetch_load(struct ewb_ctl_fetch *f, struct ewb_ctl_source *src)
{
	size_t cap = src->in.cap;
	int err = ewb_ctl_source_load(src, f->range->keys_only);

	f->held += src->in.cap - cap;
	return err ? not_kept(err) : 0;
}

int
ewb_ctl_fetch_begin(struct ewb_ctl_fetch *f, unsigned first, unsigned n)
{
	unsigned i;
	int err;

	f->source = calloc(n, sizeof(*f->source));
	f->line = calloc(n, sizeof(struct ewb_ctl_source *));
	if (!f->source || !f->line)
		return no_memory();
	f->nsource = f->nnew = n;
	f->batch = HELD / n;
	if (f->batch < BATCH_MIN)
		f->batch = BATCH_MIN;
	if (f->batch > BATCH_MAX)
		f->batch = BATCH_MAX;
	for (i = 0; i < n; i++)
		f->source[i].vbucket = (uint16_t)(first + i);
	f->range->resumable = f->link->conn.patient;
	err = create_all(f);
	f->begun = true;
	return err;
}

/* Something has ended that nobody waits for any more, whatever it says; but a scan that
 * was created only now is not left behind. */
static int
take_end(struct ewb_ctl_fetch *f, const struct ewb_ctl_reply *r)
{
	struct ewb_ctl_source *src = &f->source[r->opaque % f->nsource];

	if (r->opcode == OP_CONTINUE && r->status == EWB_WIRE_OK)
		return 0;
	f->nasked--;
	if (r->opcode != OP_CREATE || r->status != EWB_WIRE_OK ||
	    r->nvalue != sizeof(src->id))
		return 0;
	memcpy(src->id, r->value, sizeof(src->id));
	src->kept = true;
	return ask_cancel(f, src);
}

int
ewb_ctl_fetch_finish(struct ewb_ctl_fetch *f)
{
	struct ewb_ctl_reply r;
	bool again = f->link->conn.patient;

	while (f->nasked) {
		if (!ewb_ctl_conn_wait(&f->link->conn, &r)) {
			if (take_end(f, &r))
				return -1;
			continue;
		}
		if (!f->link->conn.lost || !f->link->conn.patient)
			return -1;
		/* Once: if it cannot be told, the server forgets by itself. */
		if (!again || ewb_ctl_link_again(f->link))
			return 0;
		again = false;
		f->nasked = 0;
		if (let_go(f))
			return -1;
	}
	return 0;
}

int
ewb_ctl_fetch_cancel(struct ewb_ctl_fetch *f)
{
	size_t i;

	for (i = 0; i < f->nsource; i++) {
		struct ewb_ctl_source *src = &f->source[i];
		bool lost = src->state == EWB_CTL_NEW && src->has_token;

		if (src->state != EWB_CTL_OPEN && src->state != EWB_CTL_ASKED &&
		    !lost)
			continue;
		src->kept = true;
		if (ask_cancel(f, src))
			return -1;
	}
	return ewb_ctl_fetch_finish(f);
}

void
ewb_ctl_fetch_abandon(struct ewb_ctl_fetch *f, int n)
{
	if (!f->link->conn.lost && (n == EWB_CTL_STOPPED || f->refused))
		ewb_ctl_fetch_cancel(f);
}

uint64_t
ewb_ctl_fetch_progress(const struct ewb_ctl_fetch *f)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < f->nsource; i++)
		sum += f->source[i].state == EWB_CTL_DONE
		               ? EWB_BIN_WHOLE
		               : f->source[i].progress;
	return sum;
}

void
ewb_ctl_fetch_end(struct ewb_ctl_fetch *f)
{
	size_t i;

	for (i = 0; f->source && i < f->nsource; i++)
		ewb_ctl_buf_fini(&f->source[i].in);
	free(f->source);
	free(f->line);
	ewb_ctl_spill_fini(&f->spill);
	*f = (struct ewb_ctl_fetch){ 0 };
}
