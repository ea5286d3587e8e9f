/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "cookie/cookie.h"
#include "cookie/reply.h"
#include "lib/check.h"
#include "scan/place.h"
#include "scan/require.h"
#include "scan/sink.h"

/* EWB_WOULDBLOCK: not reached. */
static enum ewb_status
look(const struct ewb_instance *i, uint16_t vbucket,
     const struct ewb_scan_request *want, const char **why)
{
	struct ewb_vbucket now;
	enum ewb_status status = ewb_instance_vbucket(i, vbucket, &now);

	if (status == EWB_NOT_SUPPORTED)
		*why = "this engine has no mutation tokens";
	if (status != EWB_OK)
		return status < EWB_WOULDBLOCK ? status : EWB_INTERNAL;
	if (now.uuid != want->uuid) {
		*why = "the vbucket has another history";
		return EWB_OTHER_HISTORY;
	}
	return now.seqno < want->seqno ? EWB_WOULDBLOCK : EWB_OK;
}

enum ewb_status
ewb_require_look(const struct ewb_instance *i, uint16_t vbucket,
                 const struct ewb_scan_request *want, uint32_t *ms,
                 const char **why)
{
	enum ewb_status status;

	*ms = want->requires ? want->timeout_ms : 0;
	if (!want->requires)
		return EWB_OK;
	status = look(i, vbucket, want, why);
	if (status != EWB_WOULDBLOCK)
		return status;
	*why = "the seqno is not reached";
	return *ms ? EWB_OK : EWB_TEMPORARY;
}

static int
is_unwanted(const struct ewb_scan *scan, const struct ewb_task *t)
{
	return atomic_load(&scan->dead) || ewb_cancelled(t->ticket);
}

enum ewb_status
ewb_require_wait(struct ewb_scan *scan, struct ewb_task *t,
                 struct ewb_cookie *c)
{
	struct ewb_awaits *awaits = &scan->scans->core->awaits;
	enum ewb_status status;
	const char *why = NULL;

	if (!scan->want.requires || scan->opened)
		return EWB_OK;
	ewb_await_add(awaits, &scan->await, t);
	status = look(scan->instance, scan->vbucket, &scan->want, &why);
	if (status == EWB_WOULDBLOCK && is_unwanted(scan, t))
		status = EWB_SCAN_CANCELLED;
	if (status == EWB_WOULDBLOCK) {
		ewb_task_park(t);
		return status;
	}
	ewb_await_drop(awaits, &scan->await);
	if (why)
		ewb_reply_context(c, why);
	return status;
}

void
ewb_require_drop(struct ewb_scan *scan)
{
	if (scan->want.requires)
		ewb_await_drop(&scan->scans->core->awaits, &scan->await);
}

/* A cursor that is opened after the scan's: what it shows of a mutation that was
 * made before both, the scan's has, too. */
static enum ewb_status
open_witness(struct ewb_scan *scan)
{
	struct ewb_instance *i = scan->instance;
	enum ewb_status status;
	uint64_t count;

	scan->whole = (struct ewb_range){ .size = EWB_RANGE_ASCENDING,
		                          .vbucket = scan->vbucket,
		                          .keys_only = 1 };
	status = i->engine.scan_open(i->self, &scan->whole, &scan->witness,
	                             &count);
	scan->witnesses = status == EWB_OK;
	return status;
}

void
ewb_require_close(struct ewb_scan *scan)
{
	if (scan->witnesses)
		scan->instance->engine.scan_close(scan->instance->self,
		                                  scan->witness);
	scan->witnesses = 0;
}

enum ewb_status
ewb_require_record(struct ewb_scan *scan, struct ewb_task *t,
                   struct ewb_cookie *c, int *again)
{
	struct ewb_instance *i = scan->instance;
	struct ewb_sink s = { .scan = scan, .c = c, .t = t, .seeks = 1 };
	enum ewb_status status = EWB_OK;

	if (!scan->want.requires || !scan->want.seqno_exists || scan->peeking)
		return EWB_OK;
	if (!scan->witnesses)
		status = open_witness(scan);
	if (status != EWB_OK)
		return status;
	status = i->engine.scan_next(i->self, scan->witness, &s);
	if (!ewb_sink_heeded(&s, c, status))
		status = EWB_INTERNAL;
	*again = status == EWB_OK && s.refused != EWB_REFUSED_PEEKED;
	if (*again)
		return EWB_OK;
	scan->peeking = 1;
	ewb_require_close(scan);
	if (status != EWB_END)
		return status;
	ewb_reply_context(c, "no record has that seqno");
	return EWB_NOT_STORED;
}
