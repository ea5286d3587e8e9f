/* SPDX-License-Identifier: BSD-2-Clause */
/* A create that goes on with a scan that is there: it takes it away from the
 * connection that it is tied to, or from none, and moves its cursor to where the
 * client says that it has come.
 *
 *      claimed ──a continue that is under way ends──▶ seek ──▶ look ──▶ IDLE
 *
 * Where that cannot be, a new scan is made by the same command, run again. */
#include "config.h"

#include <stdlib.h>

#include "lib/check.h"
#include "protocol/binary.h"
#include "scan/scan.h"

struct resuming {
	struct ewb_scan *scan; /* a reference */
	struct ewb_scan_request want;
	struct ewb_scan_line *line; /* until the cursor has it */
	int begun;             /* the cursor was moved */
	int mine;              /* the scan is claimed, or has no other user */
};

/* Those that may be resumed by this session, with this request. */
static int
suits(const struct ewb_scan *scan, const struct ewb_cookie *c)
	EWB_ON_FRONT
{
	if (scan->user != c->session->user || scan->want.past ||
	    scan->vbucket != c->frame.vbucket ||
	    scan->instance != ewb_instance_scanner(c->instance) ||
	    scan->instance->engine.scan_seek == NULL)
		return 0;
	return scan->state == EWB_SCAN_IDLE ||
	       (scan->state == EWB_SCAN_CONTINUING &&
	        !atomic_load(&scan->claimed));
}

/* The command is over, or begins anew.  What was not begun is left as it was; but
 * the client may have seen the answer's absence, and says where it is again. */
static void
let_go(void *p)
{
	struct resuming *r = p;
	struct ewb_scan *scan = r->scan;
	struct ewb_scans *s = scan->scans;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	if (r->mine && atomic_load(&scan->claimed)) {
		atomic_store(&scan->claimed, 0);
		scan->claimer = NULL;
	} else if (r->mine && scan->state == EWB_SCAN_OPENING) {
		scan->adrift = 1;
		ewb_scan_rest_locked(scan);
	}
	ewb_scan_drop_locked(scan);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	free(r->line);
	free(r);
}

/* It is not there any more, or its snapshot is not. */
static enum ewb_status
begin_anew(struct ewb_task *t)
{
	t->rerun = 1;
	return EWB_OK;
}

static void
end_old(struct resuming *r, enum ewb_scan_cause cause)
{
	struct ewb_scan *scan = r->scan;
	struct ewb_scans *s = scan->scans;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	scan->state = EWB_SCAN_ENDED;
	ewb_scan_end_locked(scan, cause);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	ewb_scan_close_cursor(scan);
	r->mine = 0;
}

static enum ewb_status
seek(struct resuming *r)
{
	struct ewb_scan *scan = r->scan;
	struct ewb_scans *s = scan->scans;
	struct ewb_instance *i = scan->instance;
	enum ewb_status status;

	r->begun = 1;
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	scan->want = r->want;
	scan->resumable = r->want.resumable;
	scan->complete = 0;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	status = i->engine.scan_seek(i->self, scan->cursor, &r->line->range);
	if (status != EWB_OK)
		return status;
	free(scan->line);
	scan->line = r->line;
	r->line = NULL;
	ewb_scan_way_begin(scan);
	return EWB_OK;
}

/* The cursor is where it is to be.  0: nobody wants it any more, or it has died. */
static int
give(struct resuming *r, struct ewb_task *t)
{
	struct ewb_scan *scan = r->scan;
	struct ewb_scans *s = scan->scans;
	int good;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	good = !atomic_load(&scan->dead) && !ewb_cancelled(t->ticket);
	if (good) {
		r->mine = 0;
		scan->adrift = scan->tie == NULL;
		ewb_scan_rest_locked(scan);
		s->resumed++;
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return good;
}

/* Only the end did not: a continue will say it. */
static enum ewb_status
all_came(struct ewb_scan *scan)
{
	struct ewb_scans *s = scan->scans;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	scan->complete = 1;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return EWB_OK;
}

static enum ewb_status
go_on(struct resuming *r, struct ewb_task *t, struct ewb_cookie *c)
{
	struct ewb_scan *scan = r->scan;
	enum ewb_status status = r->begun ? EWB_OK : seek(r);
	int again = 0;

	if (status == EWB_OK)
		status = ewb_scan_peek(scan, c, &again);
	if (again) {
		ewb_task_again(t);
		return EWB_WOULDBLOCK;
	}
	if (status == EWB_NOT_FOUND && r->want.resumable)
		status = all_came(scan);
	if (status == EWB_OK && give(r, t)) {
		ewb_put32(c->reply.extras, 1);
		c->reply.has_extras = 4;
		return ewb_reply_value(c, scan->id, sizeof scan->id);
	}
	if (status == EWB_OK && !atomic_load(&scan->dead))
		return EWB_TEMPORARY; /* its client has gone: let_go() */
	end_old(r, status == EWB_NOT_FOUND ? EWB_CAUSE_completed :
	           status == EWB_SCAN_CANCELLED ? EWB_CAUSE_pressure :
	                                          EWB_CAUSE_failed);
	if (status == EWB_NOT_FOUND)
		return status;
	return begin_anew(t);
}

static enum ewb_status
resume_task(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct resuming *r = arg;
	struct ewb_scan *scan = r->scan;
	struct ewb_scans *s = scan->scans;
	int waits, has;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	waits = atomic_load(&scan->claimed);
	has = scan->state == EWB_SCAN_OPENING;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	if (ewb_cancelled(t->ticket))
		return EWB_TEMPORARY;
	if (waits) {
		ewb_task_park(t);
		return EWB_WOULDBLOCK;
	}
	if (has && !atomic_load(&scan->dead))
		return go_on(r, t, c);
	if (has)
		end_old(r, EWB_CAUSE_failed); /* it has its cause */
	r->mine = 0;
	return begin_anew(t);
}

/* Its continue ends, and the cursor is handed over then.  The client that it was
 * for has most likely gone, which the server cannot know yet. */
static void
claim(struct ewb_scan *scan)
{
	atomic_store(&scan->claimed, 1);
	if (scan->continuing.word)
		ewb_task_wake_job(&scan->continuing.slot->task);
}

/* The scan, claimed or with its cursor, tied to this connection; null: none. */
static struct ewb_scan *
take(struct ewb_scans *s, struct ewb_cookie *c, const uint8_t id[16],
     struct ewb_scan_tie *tie) EWB_ON_FRONT
{
	struct ewb_scan *scan;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	scan = ewb_scan_find_locked(s, id);
	if (scan && suits(scan, c)) {
		ewb_scan_tie_locked(scan, tie, c->session);
		if (scan->state == EWB_SCAN_CONTINUING)
			claim(scan);
		else
			scan->state = EWB_SCAN_OPENING;
	} else if (scan) {
		ewb_scan_drop_locked(scan);
		scan = NULL;
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return scan;
}

/* What it needs, before anything is changed. */
static struct resuming *
prepare(const struct ewb_scan_request *want, struct ewb_cookie *c)
{
	struct resuming *r = calloc(1, sizeof *r);

	if (r == NULL)
		return NULL;
	r->want = *want;
	r->line = ewb_scan_line_new(want, c->frame.vbucket);
	if (r->line)
		return r;
	free(r);
	return NULL;
}

enum ewb_status
ewb_scan_resume(struct ewb_scans *s, struct ewb_cookie *c,
                const struct ewb_scan_request *want)
{
	struct resuming *r = prepare(want, c);
	struct ewb_scan_tie *tie = ewb_scan_tie_new();

	if (r && tie)
		r->scan = take(s, c, want->token, tie);
	if (r == NULL || tie == NULL || r->scan == NULL) {
		if (r)
			free(r->line);
		free(r);
		free(tie);
		return EWB_NOT_FOUND;
	}
	r->mine = 1;
	ewb_cookie_set_state(c, r, let_go);
	if (ewb_task_offload(c, EWB_AUX, resume_task, r) != EWB_WOULDBLOCK)
		return EWB_BUSY;
	/* if it was handed over since, its task will see it */
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	if (atomic_load(&r->scan->claimed))
		r->scan->claimer = c;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return EWB_WOULDBLOCK;
}
