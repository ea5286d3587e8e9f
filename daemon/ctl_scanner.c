/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ctl_say.h"
#include "daemon/ctl_scanner.h"
#include "lib/check.h"
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
#define WINDOW 64    /* continues under way */
#define BUSY_TRIES 9 /* pauses of 20 ms, 40 ms, …: 5 s in all */
#define BUSY_PAUSE 20

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

static int
broken(const struct ewb_ctl_source *src, const char *what)
{
	return ewb_ctl_say("scan: vbucket %u: the server sent %s", src->vbucket,
	                   what);
}

/* Sends and receives; waits if nothing is here. */
static int
turn(struct ewb_ctl_scanner *s)
{
	if (s->wait && s->wait(s->wait_arg))
		return EWB_CTL_STOPPED;
	return ewb_ctl_conn_turn(s->conn);
}

/* The source that a reply is for; null and says so when there is none. */
static struct ewb_ctl_source *
whose(struct ewb_ctl_scanner *s, const struct ewb_ctl_reply *r, uint8_t opcode)
{
	if (r->opcode == opcode && r->opaque < s->nsource)
		return &s->source[r->opaque];
	ewb_ctl_say("scan: the server answered what nobody asked");
	return NULL;
}

static void
done(struct ewb_ctl_scanner *s, struct ewb_ctl_source *src)
{
	src->state = EWB_CTL_DONE;
	s->ndone++;
}

/* Creating. */

static int
ask_create(struct ewb_ctl_scanner *s, const struct ewb_ctl_buf *json)
{
	size_t i;

	for (i = 0; i < s->nsource; i++) {
		struct ewb_ctl_source *src = &s->source[i];
		struct ewb_ctl_request q = {
			.opcode = OP_CREATE,
			.datatype = JSON,
			.vbucket = src->vbucket,
			.opaque = (uint32_t)i,
			.value = ewb_ctl_buf_front(json),
			.nvalue = ewb_ctl_buf_used(json),
		};

		if (src->state != EWB_CTL_NEW)
			continue;
		if (ewb_ctl_conn_send(s->conn, &q))
			return -1;
		src->state = EWB_CTL_CREATING;
		s->nasked++;
	}
	return 0;
}

static int
created(struct ewb_ctl_scanner *s, const struct ewb_ctl_reply *r, bool last)
{
	struct ewb_ctl_source *src = whose(s, r, OP_CREATE);

	if (!src)
		return -1;
	if (src->state != EWB_CTL_CREATING)
		return broken(src, "two answers to one create");
	s->nasked--;
	if (r->status == EWB_WIRE_BUSY && !last) {
		src->state = EWB_CTL_NEW;
		return 0;
	}
	if (r->status == EWB_WIRE_NOT_FOUND) {
		done(s, src);
		return 0;
	}
	if (r->status != EWB_WIRE_OK)
		return refused(src, r);
	if (r->nvalue != sizeof(src->id))
		return broken(src, "no scan id");
	memcpy(src->id, r->value, sizeof(src->id));
	src->state = EWB_CTL_OPEN;
	return 0;
}

/* One round over all that are not created yet: 0, negative, or 1 when the
 * server is too busy for some. */
static int
create_round(struct ewb_ctl_scanner *s, const struct ewb_ctl_buf *json,
             bool last)
{
	struct ewb_ctl_reply r;
	size_t i;
	int n;

	if (ask_create(s, json))
		return -1;
	while (s->nasked) {
		n = ewb_ctl_conn_next(s->conn, &r);
		if (n > 0)
			n = created(s, &r, last);
		else if (!n)
			n = turn(s);
		if (n)
			return n;
	}
	for (i = 0; i < s->nsource; i++)
		if (s->source[i].state == EWB_CTL_NEW)
			return 1;
	return 0;
}

static int
create_all(struct ewb_ctl_scanner *s)
{
	struct ewb_ctl_buf json = { 0 };
	int round, result = 1;

	if (ewb_ctl_range_json(s->range, &json)) {
		ewb_ctl_buf_fini(&json);
		return no_memory();
	}
	for (round = 0; result == 1; round++) {
		uint64_t ms = BUSY_PAUSE << round;
		struct timespec pause = { .tv_sec = (time_t)(ms / 1000),
			                  .tv_nsec =
			                          (long)(ms % 1000) * 1000000 };

		result = create_round(s, &json, round == BUSY_TRIES - 1);
		if (result == 1)
			nanosleep(&pause, NULL);
	}
	ewb_ctl_buf_fini(&json);
	return result;
}

/* Continuing. */

static void
want(struct ewb_ctl_scanner *s, struct ewb_ctl_source *src)
{
	if (src->wanted || src->state != EWB_CTL_OPEN)
		return;
	EWB_MUST(s->nline < s->nsource);
	s->line[(s->first + s->nline++) % s->nsource] = src;
	src->wanted = true;
}

static int
ask_more(struct ewb_ctl_scanner *s, struct ewb_ctl_source *src)
{
	uint8_t extras[28];
	struct ewb_ctl_request q = {
		.opcode = OP_CONTINUE,
		.vbucket = src->vbucket,
		.opaque = (uint32_t)(src - s->source),
		.extras = extras,
		.nextras = sizeof(extras),
	};

	memcpy(extras, src->id, sizeof(src->id));
	ewb_put32(extras + 16, s->items);
	ewb_put32(extras + 20, CONTINUE_MS);
	ewb_put32(extras + 24, s->batch);
	src->state = EWB_CTL_ASKED;
	src->wanted = false;
	s->nasked++;
	return ewb_ctl_conn_send(s->conn, &q);
}

/* Asks for those in the line, as far as the window goes: how many, or -1. */
static int
ask_line(struct ewb_ctl_scanner *s)
{
	int n = 0;

	for (; s->nline && s->nasked < WINDOW; n++) {
		struct ewb_ctl_source *src = s->line[s->first];

		s->first = (s->first + 1) % s->nsource;
		s->nline--;
		if (ask_more(s, src))
			return -1;
	}
	return n;
}

static int
records(struct ewb_ctl_scanner *s, struct ewb_ctl_source *src,
        const struct ewb_ctl_reply *r)
{
	size_t cap = src->in.cap;
	int err = 0;

	if (!r->nvalue)
		return 0;
	if (r->nextras == 4 && ewb_be32(r->extras) != !s->range->keys_only)
		return broken(src,
		              "another kind of records than was asked for");
	if (!src->spill && s->held + r->nvalue > HELD_MAX)
		err = ewb_ctl_source_spill(src, &s->spill);
	if (!err)
		err = ewb_ctl_source_add(src, r->value, r->nvalue);
	if (!err)
		err = ewb_ctl_source_look(src, s->range->keys_only);
	s->held += src->in.cap - cap;
	return err ? not_kept(err) : 0;
}

static int
continued(struct ewb_ctl_scanner *s, const struct ewb_ctl_reply *r)
{
	struct ewb_ctl_source *src = whose(s, r, OP_CONTINUE);

	if (!src)
		return -1;
	if (src->state != EWB_CTL_ASKED)
		return broken(src, "two ends of one continue");
	if (r->status == EWB_WIRE_OK)
		return records(s, src, r);
	s->nasked--;
	if (r->status == EWB_WIRE_SCAN_MORE)
		src->state = EWB_CTL_OPEN;
	else if (r->status == EWB_WIRE_SCAN_COMPLETE)
		done(s, src);
	else
		return refused(src, r);
	return records(s, src, r);
}

/* Takes in the replies that are here already. */
static int
absorb(struct ewb_ctl_scanner *s)
{
	struct ewb_ctl_reply r;
	int n;

	while ((n = ewb_ctl_conn_next(s->conn, &r)) > 0)
		if (continued(s, &r))
			return -1;
	return n;
}

/* Until the source has a record, or will have none: 0 or negative. */
static int
fill(struct ewb_ctl_scanner *s, struct ewb_ctl_source *src)
{
	for (;;) {
		int n = absorb(s);

		if (n)
			return n;
		if (src->nnow || src->state == EWB_CTL_DONE)
			break;
		want(s, src);
		if (ask_line(s) < 0)
			return -1;
		n = turn(s);
		if (n)
			return n;
	}
	if (!src->nnow && ewb_ctl_source_used(src))
		return broken(src, "half a record");
	return 0;
}

/* The first records of all. */
static int
prime(struct ewb_ctl_scanner *s)
{
	size_t i;
	int n;

	for (i = 0; i < s->nsource; i++)
		want(s, &s->source[i]);
	for (i = 0; i < s->nsource; i++) {
		n = fill(s, &s->source[i]);
		if (n)
			return n;
	}
	/* Only now, for replies move what the heap compares. */
	for (i = 0; i < s->nsource; i++)
		if (s->source[i].nnow)
			ewb_ctl_merge_add(&s->merge, &s->source[i]);
	s->primed = true;
	return 0;
}

/* The source has less than half a batch: more is fetched meanwhile. */
static int
keep_ahead(struct ewb_ctl_scanner *s, struct ewb_ctl_source *src)
{
	size_t used = ewb_ctl_source_used(src);
	int n;

	if (src->state != EWB_CTL_OPEN || used > s->batch / 2 ||
	    (src->spill && used))
		return 0;
	want(s, src);
	n = ask_line(s);
	if (n > 0)
		n = ewb_ctl_conn_poll(s->conn) ? -1 : absorb(s);
	return n;
}

/* Puts the record behind us that was given out. */
static int
go_on(struct ewb_ctl_scanner *s)
{
	struct ewb_ctl_source *src = s->given;
	size_t cap = src->in.cap;
	int n;

	s->given = NULL;
	s->last.pos = s->last.len = 0;
	if (ewb_ctl_buf_add(&s->last, src->now.key, src->now.nkey))
		return no_memory();
	n = ewb_ctl_source_drop(src, s->range->keys_only);
	s->held += src->in.cap - cap;
	if (n)
		return not_kept(n);
	n = keep_ahead(s, src);
	if (!n && !src->nnow)
		n = fill(s, src);
	if (!n)
		ewb_ctl_merge_settle(&s->merge);
	return n;
}

/* Does the record come after the last one? */
static bool
in_order(const struct ewb_ctl_scanner *s, const struct ewb_bin_record *r)
{
	int c = s->last.at ? ewb_ctl_key_compare(s->last.at, s->last.len, r->key,
	                                         r->nkey)
	                   : 0;

	return !s->last.at || (s->range->descending ? c > 0 : c < 0);
}

int
ewb_ctl_scanner_next(struct ewb_ctl_scanner *s, const struct ewb_bin_record **r)
{
	struct ewb_ctl_source *src;
	size_t cap;
	int n = !s->primed ? prime(s) : s->given ? go_on(s) : 0;

	if (n)
		return n;
	src = ewb_ctl_merge_first(&s->merge);
	if (!src)
		return 0;
	if (!in_order(s, &src->now))
		return broken(src, "its keys out of order");
	cap = src->in.cap;
	n = ewb_ctl_source_load(src, s->range->keys_only);
	s->held += src->in.cap - cap;
	if (n)
		return not_kept(n);
	s->given = src;
	*r = &src->now;
	return 1;
}

int
ewb_ctl_scanner_open(struct ewb_ctl_scanner *s, struct ewb_ctl_conn *c,
                     const struct ewb_ctl_range *range, unsigned first,
                     unsigned n, uint32_t items, ewb_ctl_wait_fn wait,
                     void *arg)
{
	unsigned i;

	*s = (struct ewb_ctl_scanner){
		.conn = c,
		.range = range,
		.source = calloc(n, sizeof(*s->source)),
		.nsource = n,
		.line = calloc(n, sizeof(struct ewb_ctl_source *)),
		.batch = HELD / n,
		.items = items,
		.wait = wait,
		.wait_arg = arg,
	};
	if (!s->source || !s->line || 
	    ewb_ctl_merge_init(&s->merge, n, range->descending))
		return no_memory();
	if (s->batch < BATCH_MIN)
		s->batch = BATCH_MIN;
	if (s->batch > BATCH_MAX)
		s->batch = BATCH_MAX;
	for (i = 0; i < n; i++)
		s->source[i].vbucket = (uint16_t)(first + i);
	return create_all(s);
}

/* A reply while cancelling: the end of a continue, or of a cancel. */
static int
cancelled(struct ewb_ctl_scanner *s, const struct ewb_ctl_reply *r)
{
	bool ends = r->opcode == OP_CANCEL ||
	            (r->opcode == OP_CONTINUE && r->status != EWB_WIRE_OK);

	if (!whose(s, r, r->opcode))
		return -1;
	/* Whatever the status: there was a scan, or there is none already. */
	if (ends && s->nasked)
		s->nasked--;
	return 0;
}

int
ewb_ctl_scanner_cancel(struct ewb_ctl_scanner *s)
{
	struct ewb_ctl_reply r;
	size_t i;

	for (i = 0; i < s->nsource; i++) {
		struct ewb_ctl_source *src = &s->source[i];
		struct ewb_ctl_request q = {
			.opcode = OP_CANCEL,
			.vbucket = src->vbucket,
			.opaque = (uint32_t)i,
			.extras = src->id,
			.nextras = sizeof(src->id),
		};

		if (src->state != EWB_CTL_OPEN && src->state != EWB_CTL_ASKED)
			continue;
		if (ewb_ctl_conn_send(s->conn, &q))
			return -1;
		s->nasked++;
	}
	while (s->nasked)
		if (ewb_ctl_conn_wait(s->conn, &r) || cancelled(s, &r))
			return -1;
	return 0;
}

void
ewb_ctl_scanner_close(struct ewb_ctl_scanner *s)
{
	size_t i;

	for (i = 0; s->source && i < s->nsource; i++)
		ewb_ctl_buf_fini(&s->source[i].in);
	free(s->source);
	free(s->line);
	ewb_ctl_merge_fini(&s->merge);
	ewb_ctl_spill_fini(&s->spill);
	ewb_ctl_buf_fini(&s->last);
	*s = (struct ewb_ctl_scanner){ 0 };
}
