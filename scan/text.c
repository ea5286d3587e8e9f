/* SPDX-License-Identifier: BSD-2-Clause */
/* The text protocol's scan, and lru_crawler metadump: each is a scan that is
 * created, continued and ended by one command. */
#include "config.h"

#include <string.h>

#include "cookie/stream.h"
#include "lib/check.h"
#include "scan/place.h"
#include "scan/scan.h"

static enum ewb_status
refuse(struct ewb_cookie *c, enum ewb_status status, const char *why)
{
	ewb_reply_context(c, why);
	return status;
}

/* What it asks for. */

static struct ewb_scan_bound
bound(const struct ewb_text_scan *s, const struct ewb_text_bound *b)
{
	struct ewb_scan_bound to = { .there = b->at != NULL,
		                     .excluded = b->excluded != 0 };

	if (b->at)
		to.n = ewb_text_scan_bound(s, b, to.data);
	return to;
}

static void
narrow_to_prefix(struct ewb_scan_request *want, struct ewb_scan_bound prefix)
{
	ewb_scan_bound_narrow(&want->start, &prefix, 1);
	while (prefix.n && prefix.data[prefix.n - 1] == 0xff)
		prefix.n--;
	if (prefix.n == 0)
		return; /* nothing comes after ff ff ff... */
	prefix.data[prefix.n - 1]++;
	prefix.excluded = 1;
	ewb_scan_bound_narrow(&want->end, &prefix, -1);
}

static enum ewb_text_form
form(const struct ewb_text_scan *s)
{
	if (s->keys)
		return EWB_TEXT_KEYS;
	return s->cas ? EWB_TEXT_VALUES_CAS : EWB_TEXT_VALUES;
}

/* All of it, for a start. */
static struct ewb_scan_request
everything(const struct ewb_cookie *c)
{
	return (struct ewb_scan_request){ .past = c->dispatch->core->vbuckets };
}

static enum ewb_status
parse(struct ewb_cookie *c, struct ewb_scan_request *want, uint64_t *limit)
{
	struct ewb_text_scan s;
	const char *why = ewb_text_scan_take(c->frame.extras, c->frame.nextras,
	                                     &s);

	EWB_MUST(why == NULL); /* else the parser has refused it */
	*want = everything(c);
	if (s.vbucket != UINT64_MAX && s.vbucket >= want->past)
		return refuse(c, EWB_INVALID, "scan: no such vbucket");
	if (s.vbucket != UINT64_MAX) {
		want->first = (unsigned)s.vbucket;
		want->past = want->first + 1;
	}
	want->merged = want->past - want->first > 1;
	want->form = form(&s);
	want->keys_only = s.keys;
	want->start = bound(&s, &s.start);
	want->end = bound(&s, &s.end);
	if (s.prefix.at)
		narrow_to_prefix(want, bound(&s, &s.prefix));
	*limit = s.limit;
	return EWB_OK;
}

/* The scan. */

/* The command is over.  Its task has closed what it had open, unless it was taken
 * out before it began. */
static void
over(void *p)
{
	struct ewb_scan *scan = p;
	struct ewb_scans *s = scan->scans;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	if (scan->state != EWB_SCAN_ENDED) {
		scan->continuing = (struct ewb_ticket){ 0 };
		scan->state = EWB_SCAN_ENDED;
		ewb_scan_end_locked(scan, EWB_CAUSE_failed);
	}
	ewb_scan_drop_locked(scan);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

static enum ewb_status
begin(struct ewb_cookie *c, const struct ewb_scan_request *want, uint64_t limit)
	EWB_ON_FRONT
{
	struct ewb_scans *s = c->command->arg;
	struct ewb_scan *scan;

	if (ewb_instance_scanner(c->instance) == NULL)
		return refuse(c, EWB_NOT_SUPPORTED, "this engine cannot scan");
	if (want->merged && want->past - want->first > s->o.max_scans)
		return refuse(c, EWB_INVALID, "the server may open fewer scans "
		                              "than it has vbuckets: say vbucket=N");
	scan = ewb_scan_new(s, c, want);
	if (scan == NULL)
		return refuse(c, EWB_BUSY, EWB_SCANS_FULL);
	ewb_cookie_set_state(c, scan, over);
	if (ewb_stream_open(c, NULL, NULL) != EWB_OK)
		return refuse(c, EWB_BUSY, EWB_STREAMS_FULL);
	ewb_stream_plain(c);
	scan->portion = (struct ewb_scan_portion){ .max_items = limit,
		                                   .ends_at = UINT64_MAX };
	if (ewb_task_offload(c, EWB_AUX, ewb_scan_text_task, scan) !=
	    EWB_WOULDBLOCK)
		return refuse(c, EWB_BUSY, "too many blocked commands");
	/* if it has ended since it was made, its task will see it */
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	scan->state = EWB_SCAN_CONTINUING;
	scan->continuing = ewb_cookie_ticket(c);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return EWB_WOULDBLOCK;
}

/* As a line that says that it is an error, and the server's. */
static enum ewb_status
result(struct ewb_cookie *c)
{
	switch ((enum ewb_status)c->note) {
	case EWB_SCAN_COMPLETE: return EWB_OK;
	case EWB_SCAN_CANCELLED:
	case EWB_TOO_BIG: /* and why, see fill.c */
	case EWB_NOT_MY_VBUCKET:
	case EWB_NO_MEMORY:
	case EWB_NOT_SUPPORTED:
	case EWB_BUSY:
	case EWB_TEMPORARY: return (enum ewb_status)c->note;
	default: return EWB_INTERNAL;
	}
}

static enum ewb_status
run_scan(struct ewb_cookie *c)
{
	struct ewb_scan_request want;
	enum ewb_status status;
	uint64_t limit;

	ewb_now_on_front(c->dispatch->thread);
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return result(c);
	status = parse(c, &want, &limit);
	if (status != EWB_OK || ewb_scan_empty(&want))
		return status;
	(void)ewb_scan_place(&want, c->dispatch->core); /* the default one */
	return begin(c, &want, limit);
}

static enum ewb_status
run_metadump(struct ewb_cookie *c)
{
	struct ewb_scan_request want = everything(c);

	ewb_now_on_front(c->dispatch->thread);
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return result(c);
	if (c->frame.flags == 0)
		return EWB_OK; /* it has no item of these classes */
	want.form = EWB_TEXT_METADUMP;
	(void)ewb_scan_place(&want, c->dispatch->core);
	return begin(c, &want, 0);
}

void
ewb_scan_text_commands(struct ewb_scans *s)
{
	static const struct ewb_command command = {
		.barrier = 1, .streams = 1, .terminal_error = 1, .cursors = 1
	};
	struct ewb_command *scan = &s->core->commands[EWB_OP_SCAN];
	struct ewb_command *dump = &s->core->commands[EWB_OP_METADUMP];

	*scan = *dump = command;
	scan->arg = dump->arg = s;
	scan->run = run_scan;
	dump->run = run_metadump;
}
