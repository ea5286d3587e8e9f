/* SPDX-License-Identifier: BSD-2-Clause */
/* The tasks of a scan: open a cursor; move it and fill a stream. */
#include "config.h"

#include <string.h>

#include "cookie/stream.h"
#include "lib/check.h"
#include "protocol/binary.h"
#include "scan/scan.h"

/* A scan gives way to another one after so many bytes. */
#define TURN_BYTES (64u * 1024)
#define LOOK_BYTES 4096u
/* Records between looks at the clock. */
#define LOOK 64

enum refused { NOTHING, FULL, TOO_BIG, LIMIT, YIELD, DEAD, PEEKED, IGNORED };

struct ewb_sink {
	struct ewb_scan *scan;
	struct ewb_cookie *c;  /* null: only looks whether there is a record */
	struct ewb_task *t;
	enum refused refused;
	unsigned looked;       /* records since the last look at the clock */
	uint64_t turn_bytes;
};

/* splitmix64: a generator whose whole state is one number. */
static uint64_t
draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* With probability samples / count; the same seed and data, the same keys. */
static int
sampled(struct ewb_scan *scan)
{
	const struct ewb_scan_request *w = &scan->want;

	if (!w->sampling || scan->count <= w->samples)
		return 1;
	return (double)(draw(&scan->random) >> 11) / 9007199254740992.0 <
	       (double)w->samples / (double)scan->count;
}

static int
limit_reached(struct ewb_sink *s)
{
	const struct ewb_scan_portion *p = &s->scan->portion;

	if (p->items == 0)
		return 0; /* at least one record */
	if (p->max_items && p->items >= p->max_items)
		return 1;
	if (p->max_bytes && p->bytes >= p->max_bytes)
		return 1;
	if (p->ends_at == UINT64_MAX || s->looked++ % LOOK)
		return 0;
	return ewb_clock_us(&s->scan->scans->core->clock) >= p->ends_at;
}

static int
turn_over(struct ewb_sink *s)
{
	if (s->turn_bytes < TURN_BYTES)
		return 0;
	if (ewb_pool_backlog(s->scan->scans->core->pool, EWB_AUX) > 0)
		return 1;
	s->turn_bytes = TURN_BYTES - LOOK_BYTES; /* and look again then */
	return 0;
}

/* Why the next record is refused before it is looked at. */
static enum refused
refuse(struct ewb_sink *s)
{
	if (s->c == NULL)
		return PEEKED;
	if (atomic_load(&s->scan->dead) || ewb_cookie_cancelled(s->c))
		return DEAD;
	return turn_over(s) ? YIELD : NOTHING;
}

/* A record that the sample does not want: drawn once, though it may be offered
 * again.  It limits nothing, so that the end is seen, but takes its time. */
static int
passed_over(struct ewb_sink *s, const struct ewb_item *item)
{
	struct ewb_scan *scan = s->scan;

	if (scan->decided || sampled(scan)) {
		scan->decided = 1;
		return 0;
	}
	s->turn_bytes += item->nkey;
	return 1;
}

static enum refused
put(struct ewb_sink *s, const struct ewb_item *item)
{
	int keys_only = s->scan->want.keys_only;
	struct ewb_bin_record r = {
		.flags = item->flags,
		.expiry = item->expiry,
		.seqno = item->seqno,
		.cas = item->cas,
		.datatype = ewb_item_datatype(item->datatype),
		.key = item->key,
		.nkey = item->nkey,
		.value = item->value,
		.nvalue = item->nvalue,
	};
	/* as a rule there is room, whatever the lengths take */
	uint8_t *to = ewb_stream_room(s->c->stream, EWB_BIN_RECORD_MORE +
	                                                    item->nvalue);
	size_t n;

	if (to == NULL)
		to = ewb_stream_reserve(s->c,
		                        ewb_bin_record_size(&r, keys_only));
	if (to == NULL)
		return ewb_stream_never(s->c->stream) ? TOO_BIG : FULL;
	n = ewb_bin_record_put(to, &r, keys_only);
	ewb_stream_commit(s->c, n);
	s->scan->portion.items++;
	s->scan->portion.bytes += n;
	s->turn_bytes += n;
	return NOTHING;
}

enum ewb_status
ewb_sink_put(struct ewb_sink *s, const struct ewb_item *item)
{
	struct ewb_scan *scan = s->scan;

	if (s->refused != NOTHING) {
		s->refused = IGNORED;
		return EWB_WOULDBLOCK;
	}
	s->refused = refuse(s);
	if (s->refused != NOTHING)
		return EWB_WOULDBLOCK;
	if (passed_over(s, item))
		return EWB_OK;
	if (limit_reached(s))
		s->refused = LIMIT;
	else
		s->refused = put(s, item);
	if (s->refused != NOTHING)
		return EWB_WOULDBLOCK;
	scan->decided = 0;
	return EWB_OK;
}

/* A status that may be told, or the engine's mistake is. */
static enum ewb_status
presentable(struct ewb_cookie *c, enum ewb_status status)
{
	if (status < EWB_WOULDBLOCK)
		return status;
	ewb_slip(c, "a status of a scan's that is none of the protocol's");
	return EWB_INTERNAL;
}

/* Did the engine heed the refusal?  A scan that leaves out a record must not
 * look like a whole one. */
static int
heeded(const struct ewb_sink *s, struct ewb_cookie *c, enum ewb_status status)
{
	if (s->refused == IGNORED)
		ewb_slip(c, "scan_next() went on after a refusal");
	else if (status == EWB_END && s->refused != NOTHING &&
	         s->refused != DEAD)
		ewb_slip(c, "scan_next() ended with a refused record");
	else
		return 1;
	return 0;
}

/* Opening. */

/* Is there a record in the range?  Refused, it will be offered again.  *again:
 * the engine stopped, and has said neither. */
static enum ewb_status
peek(struct ewb_scan *scan, struct ewb_cookie *c, int *again)
{
	struct ewb_sink s = { .scan = scan };
	enum ewb_status status = scan->instance->engine.scan_next(
		scan->instance->self, scan->cursor, &s);

	if (!heeded(&s, c, status))
		return EWB_INTERNAL;
	if (s.refused == PEEKED)
		return EWB_OK;
	*again = status == EWB_OK;
	return status == EWB_END ? EWB_NOT_FOUND : status;
}

/* Opens it, unless that was done before, and looks. */
static enum ewb_status
open_cursor(struct ewb_scan *scan, struct ewb_cookie *c, int opened, int *again)
{
	struct ewb_instance *i = scan->instance;
	enum ewb_status status = EWB_OK;

	if (!opened) {
		status = i->engine.scan_open(i->self, &scan->range,
		                             &scan->cursor, &scan->count);
		if (status != EWB_OK)
			scan->cursor = NULL;
	}
	if (status == EWB_OK) {
		status = peek(scan, c, again);
		if (status != EWB_OK)
			ewb_scan_close_cursor(scan);
	}
	return presentable(c, status);
}

enum ewb_status
ewb_scan_open_task(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ewb_scan *scan = arg;
	struct ewb_scans *s = scan->scans;
	enum ewb_status status = EWB_SCAN_CANCELLED;
	int unwanted = atomic_load(&scan->dead) || ewb_cancelled(t->ticket);
	int again = 0;

	if (!unwanted)
		status = open_cursor(scan, c, ewb_task_runs(t) > 0, &again);
	if (again) {
		ewb_task_again(t);
		return EWB_WOULDBLOCK;
	}
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	unwanted = atomic_load(&scan->dead) || ewb_cancelled(t->ticket);
	unwanted |= status != EWB_OK;
	scan->empty = status == EWB_NOT_FOUND;
	scan->state = unwanted ? EWB_SCAN_ENDED : EWB_SCAN_IDLE;
	scan->used_at = ewb_clock_us(&s->core->clock);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	if (!unwanted)
		return ewb_reply_value(c, scan->id, sizeof scan->id);
	ewb_scan_close_cursor(scan);
	return status == EWB_OK ? EWB_SCAN_CANCELLED : status;
}

/* Continuing. */

/* The continue is over: the cursor goes back, or is closed here. */
static enum ewb_status
end_continue(struct ewb_scan *scan, struct ewb_cookie *c,
             enum ewb_status result, enum ewb_scan_cause cause)
{
	struct ewb_scans *s = scan->scans;
	int closes;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	if (atomic_load(&scan->dead))
		result = EWB_SCAN_CANCELLED;
	closes = result != EWB_SCAN_MORE;
	scan->continuing = (struct ewb_ticket){ 0 };
	scan->used_at = ewb_clock_us(&s->core->clock);
	scan->state = closes ? EWB_SCAN_ENDED : EWB_SCAN_IDLE;
	if (closes)
		ewb_scan_end_locked(scan, cause);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	if (closes)
		ewb_scan_close_cursor(scan); /* nobody else has it now */
	c->note = (uint32_t)result;
	return EWB_OK;
}

/* What the engine's stop means, and what is to be done. */
static enum ewb_status
after(struct ewb_sink *s, enum ewb_status status)
{
	struct ewb_scan *scan = s->scan;

	if (!heeded(s, s->c, status))
		return end_continue(scan, s->c, EWB_INTERNAL, EWB_CAUSE_failed);
	if (status == EWB_END)
		return end_continue(scan, s->c, EWB_SCAN_COMPLETE,
		                    EWB_CAUSE_completed);
	if (status == EWB_SCAN_CANCELLED)
		return end_continue(scan, s->c, status, EWB_CAUSE_pressure);
	if (status != EWB_OK)
		return end_continue(scan, s->c, presentable(s->c, status),
		                    EWB_CAUSE_failed);
	switch (s->refused) {
	case FULL: ewb_task_park(s->t); return EWB_WOULDBLOCK;
	case TOO_BIG:
		ewb_reply_context(s->c, "a record is larger than the server's "
		                        "buffer memory");
		return end_continue(scan, s->c, EWB_TOO_BIG, EWB_CAUSE_failed);
	case NOTHING: /* it stopped though nothing was refused: again */
	case YIELD: ewb_task_again(s->t); return EWB_WOULDBLOCK;
	case LIMIT:
		return end_continue(scan, s->c, EWB_SCAN_MORE,
		                    EWB_CAUSE_completed);
	case DEAD:
	case PEEKED:
	case IGNORED: break;
	}
	return end_continue(scan, s->c, EWB_SCAN_CANCELLED, EWB_CAUSE_failed);
}

static void
account(struct ewb_scan *scan, const struct ewb_scan_portion *before)
{
	uint64_t items = scan->portion.items - before->items;
	uint64_t bytes = scan->portion.bytes - before->bytes;

	/* relaxed: statistics */
	atomic_fetch_add_explicit(&scan->items, items, memory_order_relaxed);
	atomic_fetch_add_explicit(&scan->bytes, bytes, memory_order_relaxed);
	atomic_fetch_add_explicit(&scan->scans->items, items,
	                          memory_order_relaxed);
	atomic_fetch_add_explicit(&scan->scans->bytes, bytes,
	                          memory_order_relaxed);
}

enum ewb_status
ewb_scan_fill_task(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ewb_scan *scan = arg;
	struct ewb_scan_portion before = scan->portion;
	struct ewb_sink s = { .scan = scan, .c = c, .t = t };
	enum ewb_status status;

	if (atomic_load(&scan->dead) || ewb_cancelled(t->ticket))
		return end_continue(scan, c, EWB_SCAN_CANCELLED,
		                    EWB_CAUSE_failed);
	status = scan->instance->engine.scan_next(scan->instance->self,
	                                          scan->cursor, &s);
	account(scan, &before);
	return after(&s, status);
}
