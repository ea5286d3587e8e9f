/* SPDX-License-Identifier: BSD-2-Clause */
/* 0xda create, 0xdb continue, 0xdc cancel. */
#include "config.h"

#include <string.h>

#include "cookie/stream.h"
#include "lib/check.h"
#include "protocol/binary.h"
#include "protocol/hello.h"
#include "protocol/status.h"
#include "scan/place.h"
#include "scan/require.h"
#include "scan/scan.h"
#include "scan/told.h"

static struct ewb_scans *
scans_of(const struct ewb_cookie *c)
{
	return c->command->arg;
}

static enum ewb_status
refuse(struct ewb_cookie *c, enum ewb_status status, const char *why)
{
	ewb_reply_context(c, why);
	return status;
}

/* A limit is reached, for now. */
static enum ewb_status
full(struct ewb_cookie *c, const char *why, uint32_t ms)
{
	ewb_reply_retry(c, ms);
	return refuse(c, EWB_BUSY, why);
}

/* Create. */

/* The create is over.  Unless it left an idle scan, there is none. */
static void
created(void *p)
{
	struct ewb_scan *scan = p;
	struct ewb_scans *s = scan->scans;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	/* perhaps its task was taken out before it began */
	if (!scan->made) {
		scan->state = EWB_SCAN_ENDED;
		ewb_scan_end_locked(scan, scan->empty ? EWB_CAUSE_empty :
		                                        EWB_CAUSE_failed);
	}
	ewb_scan_drop_locked(scan);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

static enum ewb_status
run_create(struct ewb_cookie *c)
{
	const struct ewb_request *r = &c->request;
	struct ewb_scan_request want;
	struct ewb_scan *scan;
	enum ewb_status status;
	const char *why;
	uint32_t ms;

	ewb_now_on_front(c->dispatch->thread);
	if (ewb_instance_scanner(c->instance) == NULL)
		return refuse(c, EWB_NOT_SUPPORTED, "this engine cannot scan");
	if (c->frame.datatype > 1)
		return refuse(c, EWB_INVALID, "the value is not plain JSON");
	if (c->frame.vbucket >= c->dispatch->core->vbuckets)
		return refuse(c, EWB_NOT_MY_VBUCKET, "no such vbucket");
	status = ewb_scan_parse(&want, r->value, r->nvalue, &why);
	if (status != EWB_OK && status != EWB_NOT_FOUND)
		return refuse(c, status, why);
	if (ewb_scan_place(&want, c->dispatch->core) != EWB_OK)
		return refuse(c, (enum ewb_status)EWB_WIRE_UNKNOWN_COLLECTION,
		              "unknown collection");
	if (status == EWB_OK)
		status = ewb_require_look(c->instance, c->frame.vbucket, &want,
		                          &ms, &why);
	if (status != EWB_OK)
		return refuse(c, status, why);
	if (want.descending && !(c->instance->engine.can & EWB_CAN_DESCEND))
		return refuse(c, EWB_NOT_SUPPORTED,
		              "this engine cannot scan backwards");
	/* run again: the old one could not be gone on with */
	if (want.resumes && ewb_cookie_resumed(c) == EWB_NEW) {
		status = ewb_scan_resume(scans_of(c), c, &want);
		if (status == EWB_BUSY)
			return refuse(c, status, "too many blocked commands");
		if (status != EWB_NOT_FOUND)
			return status;
	}
	/* that one; unless its own connection holds it still, it counts no more */
	ewb_cookie_set_state(c, NULL, NULL);
	scan = ewb_scan_new(scans_of(c), c, &want);
	if (scan == NULL)
		return full(c, EWB_SCANS_FULL, EWB_SCANS_RETRY_MS);
	ewb_cookie_set_state(c, scan, created);
	if (ms)
		ewb_cookie_set_deadline(c, ms);
	return ewb_task_offload(c, EWB_AUX, ewb_scan_open_task, scan);
}

/* Continue. */

/* The continue is over.  Its task has given the cursor back or closed it,
 * unless there was none, or it was taken out before it began. */
static void
continued(void *p)
{
	struct ewb_cookie *c = p;
	struct ewb_scan *scan = c->task.arg;
	struct ewb_scans *s = scan->scans;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	if (scan->state == EWB_SCAN_CONTINUING && scan->continuing.slot == c)
		ewb_scan_rest_locked(scan);
	ewb_scan_drop_locked(scan);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

/* Takes the scan for this continue: EWB_OK and *scan with a reference. */
static enum ewb_status
take(struct ewb_scans *s, struct ewb_cookie *c, struct ewb_scan **out)
	EWB_ON_FRONT
{
	struct ewb_scan *scan;
	enum ewb_status status = EWB_NOT_FOUND;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	scan = ewb_scan_find_locked(s, c->frame.extras);
	if (scan && scan->user == c->session->user && !scan->adrift &&
	    scan->state == EWB_SCAN_IDLE) {
		scan->state = EWB_SCAN_CONTINUING;
		scan->continuing = (struct ewb_ticket){ c, 0 };
		status = EWB_OK;
	} else if (scan) {
		status = scan->user != c->session->user ? EWB_NO_ACCESS :
		         scan->adrift                   ? EWB_NOT_FOUND :
		                                          EWB_BUSY;
		ewb_scan_drop_locked(scan);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	*out = scan;
	return status;
}

/* What it may have; a time limit longer than the default deadline replaces it,
 * if there is one. */
static void
set_portion(struct ewb_scan *scan, struct ewb_cookie *c) EWB_ON_FRONT
{
	const uint8_t *x = c->frame.extras;
	uint32_t ms = ewb_be32(x + 20);
	uint32_t deadline_ms = c->dispatch->core->limits.deadline_ms;

	scan->portion = (struct ewb_scan_portion){
		.max_items = ewb_be32(x + 16),
		.max_bytes = ewb_be32(x + 24),
		.ends_at = ms ? c->dispatch->now + ms * 1000ull : UINT64_MAX,
	};
	if (deadline_ms && ms > deadline_ms)
		ewb_cookie_set_deadline(c, ms);
}

static const char *
why_not(enum ewb_status status)
{
	switch (status) {
	case EWB_BUSY: return "the scan is being continued";
	case EWB_NO_ACCESS: return "the scan is another user's";
	default: return "no such scan";
	}
}

static enum ewb_status
begin_continue(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_scan *scan;
	struct ewb_scans *s = scans_of(c);
	enum ewb_status status = take(s, c, &scan);
	uint8_t kind[4];

	if (status != EWB_OK)
		return refuse(c, status, why_not(status));
	scan->tells = EWB_HAS_FEATURE(c->session->features, RESUME);
	c->task.arg = scan;
	ewb_cookie_set_state(c, c, continued);
	if (ewb_stream_open(c, NULL, NULL) != EWB_OK)
		return full(c, EWB_STREAMS_FULL, EWB_STREAMS_RETRY_MS);
	ewb_put32(kind, scan->want.keys_only ? 0 : 1);
	ewb_stream_extras(c, kind, sizeof kind);
	set_portion(scan, c);
	atomic_fetch_add(&scan->continues, 1);
	atomic_fetch_add(&s->continues, 1);
	if (ewb_task_offload(c, EWB_AUX, ewb_scan_fill_task, scan) !=
	    EWB_WOULDBLOCK)
		return refuse(c, EWB_BUSY, "too many blocked commands");
	/* if it has ended since it was taken, its task will see it */
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	scan->continuing = ewb_cookie_ticket(c);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return EWB_WOULDBLOCK;
}

static enum ewb_status
run_continue(struct ewb_cookie *c)
{
	ewb_now_on_front(c->dispatch->thread);
	if (c->frame.datatype != 0)
		return refuse(c, EWB_INVALID, "a continue has no datatype");
	if (ewb_cookie_resumed(c) == EWB_NEW)
		return begin_continue(c);
	if (c->note == EWB_SCAN_CANCELLED)
		ewb_reply_context(c, "the scan was cancelled");
	return ewb_scan_told_continue((enum ewb_status)c->note);
}

/* Cancel. */

static enum ewb_status
run_cancel(struct ewb_cookie *c)
{
	struct ewb_scans *s = scans_of(c);
	struct ewb_scan *scan;
	enum ewb_status status = EWB_NOT_FOUND;

	ewb_now_on_front(c->dispatch->thread);
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	scan = ewb_scan_find_locked(s, c->frame.extras);
	if (scan) {
		status = scan->user == c->session->user ? EWB_OK :
		                                          EWB_NO_ACCESS;
		if (status == EWB_OK)
			ewb_scan_end_locked(scan, EWB_CAUSE_cancelled);
		ewb_scan_drop_locked(scan);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return status == EWB_OK ? EWB_OK : refuse(c, status, why_not(status));
}

void
ewb_scan_commands(struct ewb_scans *s)
{
	struct ewb_command *commands = s->core->commands;

	commands[EWB_OP_SCAN_CREATE] = (struct ewb_command){
		.run = run_create, .arg = s, .barrier = EWB_BARRIER_IN_ORDER, .cursors = 1
	};
	commands[EWB_OP_SCAN_CONTINUE] = (struct ewb_command){
		.run = run_continue,
		.arg = s,
		.barrier = EWB_BARRIER_IN_ORDER,
		.streams = 1,
		.terminal_error = 1,
		.cursors = 1,
	};
	commands[EWB_OP_SCAN_CANCEL] = (struct ewb_command){
		.run = run_cancel, .arg = s, .barrier = EWB_BARRIER_IN_ORDER
	};
}
