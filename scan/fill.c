/* SPDX-License-Identifier: BSD-2-Clause */
/* The tasks of a scan: open a cursor; move it and fill a stream. */
#include "config.h"

#include "cookie/cookie.h"
#include "cookie/reply.h"
#include "lib/check.h"
#include "scan/count.h"
#include "scan/legs.h"
#include "scan/require.h"
#include "scan/sink.h"
#include "scan/told.h"

/* A status that may be told, or the engine's mistake is. */
static enum ewb_status
presentable(struct ewb_cookie *c, enum ewb_status status)
{
	if (status < EWB_WOULDBLOCK)
		return ewb_scan_told_create(status);
	ewb_slip(c, "a status of a scan's that is none of the protocol's");
	return EWB_INTERNAL;
}

/* Opening. */

enum ewb_status
ewb_scan_peek(struct ewb_scan *scan, struct ewb_cookie *c, int *again)
{
	struct ewb_sink s = { .scan = scan };
	enum ewb_status status = scan->instance->engine.scan_next(
		scan->instance->self, scan->cursor, &s);

	if (!ewb_sink_heeded(&s, c, status))
		return EWB_INTERNAL;
	if (s.refused == EWB_REFUSED_PEEKED)
		return EWB_OK;
	*again = status == EWB_OK;
	if (status == EWB_END)
		return EWB_NOT_FOUND;
	return status == EWB_OK || status >= EWB_WOULDBLOCK ?
	               status :
	               ewb_scan_told_failure(status);
}

/* Of its collection in its vbucket, before it is opened.  *again: likewise. */
static enum ewb_status
count(struct ewb_scan *scan, int *again)
{
	const struct ewb_core *core = scan->scans->core;
	const struct ewb_collection *in;
	enum ewb_status status;

	if (scan->counting == NULL)
		scan->counting = ewb_count_new_of(scan->instance, core,
		                                  scan->want.collection);
	if (scan->counting == NULL)
		return EWB_NO_MEMORY;
	scan->counting->range.vbucket = scan->vbucket;
	status = ewb_count_run(scan->counting);
	*again = status == EWB_WOULDBLOCK;
	if (status != EWB_OK)
		return *again ? EWB_OK : status;
	in = ewb_collections_by_id(core->collections, scan->want.collection);
	scan->counted = 1;
	scan->count = scan->counting->counts[in - core->collections->at];
	return EWB_OK;
}

static int
must_count(const struct ewb_scan *scan)
{
	return scan->want.sampling && scan->scans->core->collections &&
	       !scan->counted;
}

static enum ewb_status
open_once(struct ewb_scan *scan)
{
	struct ewb_instance *i = scan->instance;
	enum ewb_status status;
	uint64_t count;

	if (scan->opened)
		return EWB_OK;
	status = i->engine.scan_open(i->self, &scan->line->range, &scan->cursor,
	                             &count);
	scan->opened = status == EWB_OK;
	if (status != EWB_OK)
		scan->cursor = NULL;
	else if (!scan->counted)
		scan->count = count;
	ewb_scan_way_begin(scan);
	return status;
}

/* Opens it, unless that was done before, and looks. */
static enum ewb_status
open_cursor(struct ewb_scan *scan, struct ewb_task *t, struct ewb_cookie *c,
            int *again)
{
	enum ewb_status status = must_count(scan) ? count(scan, again) : EWB_OK;

	if (status == EWB_OK && !*again)
		status = open_once(scan);
	if (status == EWB_OK && !*again)
		status = ewb_require_record(scan, t, c, again);
	if (status == EWB_OK && !*again)
		status = ewb_scan_peek(scan, c, again);
	if (status != EWB_OK)
		ewb_scan_close_cursor(scan);
	return presentable(c, status);
}

/* As far as it can come now: EWB_WOULDBLOCK, or how it ends. */
static enum ewb_status
open_scan(struct ewb_scan *scan, struct ewb_task *t, struct ewb_cookie *c)
{
	enum ewb_status status;
	int again = 0;

	if (atomic_load(&scan->dead) || ewb_cancelled(t->ticket))
		return EWB_SCAN_CANCELLED;
	status = ewb_require_wait(scan, t, c);
	if (status == EWB_OK)
		status = open_cursor(scan, t, c, &again);
	if (!again)
		return status;
	ewb_task_again(t);
	return EWB_WOULDBLOCK;
}

enum ewb_status
ewb_scan_open_task(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ewb_scan *scan = arg;
	struct ewb_scans *s = scan->scans;
	enum ewb_status status = open_scan(scan, t, c);
	int unwanted;

	if (status == EWB_WOULDBLOCK)
		return status;
	ewb_require_drop(scan);
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	unwanted = atomic_load(&scan->dead) || ewb_cancelled(t->ticket);
	unwanted |= status != EWB_OK;
	scan->empty = status == EWB_NOT_FOUND;
	scan->state = unwanted ? EWB_SCAN_ENDED : EWB_SCAN_IDLE;
	scan->made = !unwanted;
	scan->used_at = ewb_clock_us(&s->core->clock);
	s->resumed_anew += !unwanted && scan->want.resumes;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	if (!unwanted) {
		/* asked for an old one, it says that this is new */
		ewb_put32(c->reply.extras, 0);
		c->reply.has_extras = scan->want.resumes ? 4 : 0;
		return ewb_reply_value(c, scan->id, sizeof scan->id);
	}
	ewb_scan_close_cursor(scan);
	return ewb_scan_told_create(
		status == EWB_OK ? EWB_SCAN_CANCELLED : status);
}

/* Continuing. */

/* The continue is over: the cursor goes back, or is closed here. */
static enum ewb_status
end_continue(struct ewb_scan *scan, struct ewb_cookie *c,
             enum ewb_status result, enum ewb_scan_cause cause)
{
	struct ewb_scans *s = scan->scans;
	int closes, kept;

	if (scan->tells)
		ewb_scan_way_tell(scan, c, result);
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	if (atomic_load(&scan->dead))
		result = EWB_SCAN_CANCELLED;
	/* whether the end reaches the client nobody knows */
	kept = result == EWB_SCAN_COMPLETE && scan->resumable;
	scan->complete |= kept;
	closes = result != EWB_SCAN_MORE && !kept;
	if (closes) {
		scan->continuing = (struct ewb_ticket){ 0 };
		scan->state = EWB_SCAN_ENDED;
		ewb_scan_end_locked(scan, cause);
		ewb_scan_tell_claimer_locked(scan);
	} else {
		ewb_scan_rest_locked(scan);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	if (closes)
		ewb_scan_close_cursor(scan); /* nobody else has it now */
	c->note = (uint32_t)result;
	return EWB_OK;
}

/* Nobody is to have this continue's records any more?  They are for another one. */
static int
is_unwanted(const struct ewb_scan *scan, const struct ewb_cookie *c)
{
	return atomic_load(&scan->dead) || atomic_load(&scan->claimed) ||
	       ewb_cookie_cancelled(c);
}

/* The client has gone, or its time is over, or the scan has died, or was claimed.
 * What of a resumable one has reached the client nobody knows. */
static enum ewb_status
end_unwanted(struct ewb_scan *scan, struct ewb_cookie *c)
{
	struct ewb_scans *s = scan->scans;
	int kept;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	kept = (scan->resumable || atomic_load(&scan->claimed)) &&
	       !atomic_load(&scan->dead);
	if (kept) {
		scan->adrift = 1;
		ewb_scan_rest_locked(scan);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	if (!kept)
		return end_continue(scan, c, EWB_SCAN_CANCELLED,
		                    EWB_CAUSE_failed);
	c->note = EWB_SCAN_CANCELLED;
	return EWB_OK;
}

/* What the engine's stop means, and what is to be done. */
static enum ewb_status
after(struct ewb_sink *s, enum ewb_status status)
{
	struct ewb_scan *scan = s->scan;

	if (!ewb_sink_heeded(s, s->c, status))
		return end_continue(scan, s->c, EWB_INTERNAL, EWB_CAUSE_failed);
	if (status == EWB_END)
		return end_continue(scan, s->c, EWB_SCAN_COMPLETE,
		                    EWB_CAUSE_completed);
	if (status == EWB_SCAN_CANCELLED)
		return end_continue(scan, s->c, status, EWB_CAUSE_pressure);
	if (status != EWB_OK)
		return end_continue(
			scan, s->c,
			ewb_scan_told_failure(presentable(s->c, status)),
			EWB_CAUSE_failed);
	switch (s->refused) {
	case EWB_REFUSED_FULL: ewb_task_park(s->t); return EWB_WOULDBLOCK;
	case EWB_REFUSED_TOO_BIG:
		ewb_reply_context(s->c, "a record is larger than the server's "
		                        "buffer memory");
		return end_continue(scan, s->c, EWB_TOO_BIG, EWB_CAUSE_failed);
	case EWB_REFUSED_NOT: /* it stopped though nothing was refused: again */
	case EWB_REFUSED_YIELD: ewb_task_again(s->t); return EWB_WOULDBLOCK;
	case EWB_REFUSED_LIMIT:
		/* a text scan has no more than it may give at once */
		return end_continue(scan, s->c,
		                    scan->legs ? EWB_SCAN_COMPLETE :
		                                 EWB_SCAN_MORE,
		                    EWB_CAUSE_completed);
	case EWB_REFUSED_WRONG:
		return end_continue(scan, s->c, EWB_INTERNAL, EWB_CAUSE_failed);
	case EWB_REFUSED_DEAD:
	case EWB_REFUSED_PEEKED:
	case EWB_REFUSED_BEHIND:
	case EWB_REFUSED_IGNORED: break;
	}
	return end_unwanted(scan, s->c);
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

/* Moves its cursor, or cursors. */
static enum ewb_status
move(struct ewb_scan *scan, struct ewb_sink *s)
{
	if (scan->legs)
		return ewb_legs_next(scan->legs, s);
	return scan->instance->engine.scan_next(scan->instance->self,
	                                        scan->cursor, s);
}

enum ewb_status
ewb_scan_fill_task(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ewb_scan *scan = arg;
	struct ewb_scan_portion before = scan->portion;
	struct ewb_sink s = { .scan = scan, .c = c, .t = t };
	enum ewb_status status;

	if (is_unwanted(scan, c))
		return end_unwanted(scan, c);
	if (scan->complete)
		return end_continue(scan, c, EWB_SCAN_COMPLETE,
		                    EWB_CAUSE_completed);
	status = move(scan, &s);
	account(scan, &before);
	return after(&s, status);
}

enum ewb_status
ewb_scan_text_task(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct ewb_scan *scan = arg;

	if (scan->legs == NULL)
		scan->legs = ewb_legs_new(scan);
	if (scan->legs == NULL)
		return end_continue(scan, c, EWB_NO_MEMORY, EWB_CAUSE_failed);
	return ewb_scan_fill_task(t, c, scan);
}
