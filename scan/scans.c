/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry: which scans there are, and how they end. */
#include "config.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/check.h"
#include "scan/count.h"
#include "scan/legs.h"
#include "scan/require.h"
#include "scan/place.h"
#include "scan/scan.h"

#define SCAN_OF(p, member) \
	((struct ewb_scan *)((char *)(p) - offsetof(struct ewb_scan, member)))
#define TIE_OF(p, member)                \
	((struct ewb_scan_tie *)((char *)(p) - \
	                         offsetof(struct ewb_scan_tie, member)))
/* The reaper looks this often, at most. */
#define REAP_MIN_US 100000u

static void
lock(struct ewb_scans *s)
{
	EWB_MUST0(pthread_mutex_lock(&s->lock));
}

static void
unlock(struct ewb_scans *s)
{
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

void
ewb_scan_defaults(struct ewb_scan_options *o)
{
	*o = (struct ewb_scan_options){ .size = sizeof *o,
		                        .max_scans = 4096,
		                        .lifetime_s = 180,
		                        .idle_s = 60 };
}

/* The list and the hash. */

static struct ewb_scan **
bucket(struct ewb_scans *s, const uint8_t id[16])
{
	/* the id is random */
	return &s->buckets[(id[0] | id[1] << 8) % EWB_SCAN_BUCKETS];
}

static void
enlist(struct ewb_scan *scan)
{
	struct ewb_scans *s = scan->scans;
	struct ewb_scan **b = bucket(s, scan->id);

	scan->hash_next = *b;
	*b = scan;
	scan->prev = NULL;
	scan->next = s->first;
	if (scan->next)
		scan->next->prev = scan;
	s->first = scan;
	scan->listed = 1;
	scan->refs++;
}

/* Its reference is the caller's then. */
static void
unlist(struct ewb_scan *scan)
{
	struct ewb_scans *s = scan->scans;
	struct ewb_scan **p;

	scan->listed = 0;
	for (p = bucket(s, scan->id); *p != scan; p = &(*p)->hash_next)
		;
	*p = scan->hash_next;
	if (scan->next)
		scan->next->prev = scan->prev;
	if (scan->prev)
		scan->prev->next = scan->next;
	else
		s->first = scan->next;
}

struct ewb_scan *
ewb_scan_find_locked(struct ewb_scans *s, const uint8_t id[16])
{
	struct ewb_scan *scan;

	for (scan = *bucket(s, id); scan; scan = scan->hash_next)
		if (memcmp(scan->id, id, 16) == 0 && !atomic_load(&scan->dead)) {
			scan->refs++;
			return scan;
		}
	return NULL;
}

/* Birth. */

static int
new_id(struct ewb_scan *scan)
{
	return getrandom(scan->id, sizeof scan->id, 0) == sizeof scan->id;
}

/* Ties. */

static void
connection_ended(struct ewb_hook *h)
{
	struct ewb_scan_tie *tie = TIE_OF(h, hook);
	struct ewb_scan *scan = tie->scan;
	struct ewb_scans *s = scan->scans;
	int tied;

	lock(s);
	tied = scan->tie == tie;
	if (tied) {
		scan->tie = NULL;
		if (tie->home->stopping)
			ewb_scan_end_locked(scan, EWB_CAUSE_stopped);
		else if (!scan->resumable)
			ewb_scan_end_locked(scan, EWB_CAUSE_gone);
		scan->adrift = 1;
		ewb_scan_drop_locked(scan);
	} /* else the letter does that */
	unlock(s);
	if (tied)
		free(tie);
}

/* The connection need not know of it any more. */
static void
part(struct ewb_letter *l)
{
	struct ewb_scan_tie *tie = TIE_OF(l, parting);

	ewb_now_on_front(tie->home->thread);
	ewb_hook_drop(&tie->hook);
	ewb_scan_drop(tie->scan);
	free(tie);
}

/* Its connection lives still, and so does its front end until this is delivered. */
static void
untie(struct ewb_scan *scan)
{
	struct ewb_scan_tie *tie = scan->tie;

	scan->tie = NULL;
	if (tie)
		ewb_inbox_post(&tie->home->inbox, &tie->parting);
}

struct ewb_scan_tie *
ewb_scan_tie_new(void)
{
	struct ewb_scan_tie *tie = calloc(1, sizeof *tie);

	if (tie == NULL)
		return NULL;
	tie->hook.fn = connection_ended;
	tie->parting.deliver = part;
	return tie;
}

void
ewb_scan_tie_locked(struct ewb_scan *scan, struct ewb_scan_tie *tie,
                    struct ewb_session *session)
{
	untie(scan);
	tie->scan = scan;
	tie->home = session->dispatch;
	scan->tie = tie;
	scan->refs++;
	snprintf(scan->owner, sizeof scan->owner, "%s", session->name);
	ewb_hook_add(session, &tie->hook);
}

/* What a cursor ranges over. */

struct ewb_scan_line *
ewb_scan_line_new(const struct ewb_scan_request *want, uint16_t vbucket)
{
	struct ewb_scan_line *line = malloc(sizeof *line);
	struct ewb_scan_request *of;

	if (line == NULL)
		return NULL;
	of = &line->of;
	*of = *want;
	if (of->after.there && of->descending)
		ewb_scan_bound_narrow(&of->end, &of->after, -1);
	else if (of->after.there)
		ewb_scan_bound_narrow(&of->start, &of->after, 1);
	ewb_scan_range(of, &line->range);
	line->range.vbucket = vbucket;
	return line;
}

/* Under the lock: wakes the one who looks for scans that are too old. */
static void
start_reaper(struct ewb_scans *s)
{
	if (s->reaping)
		return;
	s->reaping = 1;
	ewb_pool_submit1(s->core->pool, &s->reaper);
}

static struct ewb_scan *
allocate(struct ewb_scans *s, const struct ewb_scan_request *want,
         uint16_t vbucket)
{
	struct ewb_scan *scan = calloc(1, sizeof *scan);

	if (scan)
		scan->line = ewb_scan_line_new(want, vbucket);
	if (scan == NULL || scan->line == NULL || !new_id(scan)) {
		if (scan)
			free(scan->line);
		free(scan);
		return NULL;
	}
	scan->magic = EWB_SCAN_MAGIC;
	scan->scans = s;
	scan->want = *want;
	scan->vbucket = vbucket;
	scan->await.seqno = want->seqno;
	scan->await.vbucket = vbucket;
	scan->resumable = want->resumable;
	scan->close.type = &s->close_type;
	scan->ncursors = want->merged ? want->past - want->first : 1;
	scan->born_at = scan->used_at = ewb_clock_us(&s->core->clock);
	scan->state = EWB_SCAN_OPENING;
	return scan;
}

/* Within the limits: it is in the registry then. */
static int
admit(struct ewb_scan *scan, struct ewb_scan_tie *tie, struct ewb_cookie *c)
	EWB_ON_FRONT
{
	struct ewb_scans *s = scan->scans;

	if (s->nopen >= s->o.max_scans ||
	    scan->ncursors > s->o.max_scans - s->nopen || s->freeing) {
		s->refused++;
		return 0;
	}
	s->nopen += scan->ncursors;
	s->created++;
	scan->refs = 1; /* the caller's */
	ewb_scan_tie_locked(scan, tie, c->session);
	enlist(scan);
	start_reaper(s);
	return 1;
}

struct ewb_scan *
ewb_scan_new(struct ewb_scans *s, struct ewb_cookie *c,
             const struct ewb_scan_request *want)
{
	struct ewb_scan *scan = allocate(s, want, c->frame.vbucket);
	struct ewb_scan_tie *tie = ewb_scan_tie_new();
	int admitted = 0;

	ewb_now_on_front(c->dispatch->thread);
	if (scan && tie) {
		scan->instance = ewb_instance_scanner(c->instance);
		scan->close.strand =
			ewb_instance_cursor_strand(scan->instance);
		scan->user = c->session->user;
		lock(s);
		admitted = admit(scan, tie, c);
		unlock(s);
	}
	if (!admitted) {
		if (scan)
			free(scan->line);
		free(scan);
		free(tie);
		return NULL;
	}
	atomic_fetch_add(&scan->instance->cursors, 1);
	ewb_scan_place_used(want, s->core, c->dispatch->row);
	return scan;
}

/* End. */

static void
free_scan(struct ewb_scan *scan)
{
	struct ewb_scans *s = scan->scans;

	EWB_MUST(!scan->listed && scan->cursor == NULL && scan->legs == NULL);
	EWB_MUST(!scan->witnesses && scan->await.at == NULL);
	atomic_fetch_sub(&scan->instance->cursors, 1);
	s->nopen -= scan->ncursors;
	EWB_MUST0(pthread_cond_broadcast(&s->fewer));
	scan->magic = 0;
	free(scan->line);
	free(scan);
}

void
ewb_scan_drop_locked(struct ewb_scan *scan)
{
	EWB_LIVE(scan, EWB_SCAN_MAGIC);
	if (--scan->refs == 0)
		free_scan(scan);
}

void
ewb_scan_drop(struct ewb_scan *scan)
{
	struct ewb_scans *s = scan->scans;

	lock(s);
	ewb_scan_drop_locked(scan);
	unlock(s);
}

void
ewb_scan_close_cursor(struct ewb_scan *scan)
{
	if (scan->cursor)
		scan->instance->engine.scan_close(scan->instance->self,
		                                  scan->cursor);
	scan->cursor = NULL;
	ewb_require_close(scan);
	ewb_count_free(scan->counting);
	scan->counting = NULL;
	if (scan->legs)
		ewb_legs_free(scan->legs);
	scan->legs = NULL;
}

static enum ewb_after
run_close(struct ewb_job *j)
{
	ewb_scan_close_cursor(SCAN_OF(j, close));
	return EWB_TASK_DONE;
}

static void
closed(struct ewb_job *j)
{
	ewb_scan_drop(SCAN_OF(j, close));
}

void
ewb_scan_close_later_locked(struct ewb_scan *scan)
{
	if (scan->closing)
		return;
	scan->closing = 1;
	scan->state = EWB_SCAN_ENDED;
	scan->refs++;
	ewb_pool_submit1(scan->scans->core->pool, &scan->close);
}

void
ewb_scan_tell_claimer_locked(struct ewb_scan *scan)
{
	if (scan->claimer)
		ewb_task_wake_job(&scan->claimer->task);
	atomic_store(&scan->claimed, 0);
	scan->claimer = NULL;
}

void
ewb_scan_rest_locked(struct ewb_scan *scan)
{
	scan->continuing = (struct ewb_ticket){ 0 };
	scan->used_at = ewb_clock_us(&scan->scans->core->clock);
	if (atomic_load(&scan->dead)) {
		ewb_scan_tell_claimer_locked(scan);
		ewb_scan_close_later_locked(scan);
		return;
	}
	scan->state = atomic_load(&scan->claimed) ? EWB_SCAN_OPENING :
	                                            EWB_SCAN_IDLE;
	ewb_scan_tell_claimer_locked(scan);
}

void
ewb_scan_end_locked(struct ewb_scan *scan, enum ewb_scan_cause cause)
{
	enum ewb_scan_state was = scan->state;

	if (atomic_exchange(&scan->dead, 1))
		return;
	scan->cause = scan->complete ? EWB_CAUSE_completed : cause;
	scan->scans->ended[scan->cause]++;
	unlist(scan);
	untie(scan);
	if (was == EWB_SCAN_CONTINUING) {
		/* its task closes the cursor; make it look, if it is parked.
		 * Without a word it has not begun, and will look. */
		if (scan->continuing.word)
			ewb_task_wake_job(&scan->continuing.slot->task);
	} else if (was == EWB_SCAN_IDLE) {
		ewb_scan_close_later_locked(scan);
	} else if (was == EWB_SCAN_OPENING && scan->want.requires) {
		/* its task may be parked */
		ewb_await_wake(&scan->scans->core->awaits, &scan->await);
	}
	ewb_scan_drop_locked(scan); /* the registry's */
}

/* The reaper. */

/* When the scan is to end by age, and why. */
static uint64_t
ends_at(const struct ewb_scan *scan, enum ewb_scan_cause *cause)
{
	const struct ewb_scan_options *o = &scan->scans->o;
	uint64_t life = UINT64_MAX, idle = UINT64_MAX;

	if (o->lifetime_s)
		life = scan->born_at + o->lifetime_s * 1000000ull;
	if (o->idle_s && scan->state == EWB_SCAN_IDLE)
		idle = scan->used_at + o->idle_s * 1000000ull;
	*cause = life < idle ? EWB_CAUSE_lifetime : EWB_CAUSE_idle;
	return life < idle ? life : idle;
}

static enum ewb_after
run_reaper(struct ewb_job *j)
{
	struct ewb_scans *s =
		(struct ewb_scans *)((char *)j -
	                             offsetof(struct ewb_scans, reaper));
	uint64_t now = ewb_clock_us(&s->core->clock), next = UINT64_MAX, at;
	struct ewb_scan *scan, *following;
	enum ewb_scan_cause cause;
	int none;

	lock(s);
	for (scan = s->first; scan; scan = following) {
		following = scan->next;
		at = ends_at(scan, &cause);
		if (at <= now)
			ewb_scan_end_locked(scan, cause);
		else if (at < next)
			next = at;
	}
	none = s->first == NULL || s->freeing;
	unlock(s);
	if (none)
		return EWB_TASK_DONE;
	/* an idle one may begin to be idle meanwhile */
	if (s->o.idle_s && next - now > s->o.idle_s * 1000000ull)
		next = now + s->o.idle_s * 1000000ull;
	if (next == UINT64_MAX)
		next = now + 1000000;
	j->sleep_us = next - now < REAP_MIN_US ? REAP_MIN_US : next - now;
	return EWB_TASK_SLEEP;
}

static void
reaped(struct ewb_job *j)
{
	struct ewb_scans *s =
		(struct ewb_scans *)((char *)j -
	                             offsetof(struct ewb_scans, reaper));

	lock(s);
	s->reaping = 0;
	if (s->first && !s->freeing)
		start_reaper(s); /* one was made in between */
	EWB_MUST0(pthread_cond_broadcast(&s->fewer));
	unlock(s);
}

/* any: the engine is to be closed. */
static void
end_all(void *arg)
{
	struct ewb_scans *s = arg;

	lock(s);
	while (s->first)
		ewb_scan_end_locked(s->first, EWB_CAUSE_reloaded);
	unlock(s);
}

struct ewb_scans *
ewb_scans_new(struct ewb_core *core, const struct ewb_scan_options *o)
{
	struct ewb_scans *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->core = core;
	memcpy(&s->o, o, o->size < sizeof s->o ? o->size : sizeof s->o);
	s->close_type = (struct ewb_job_type){ .name = "scan_close",
		                               .where = EWB_AUX,
		                               .run = run_close,
		                               .finished = closed };
	s->reap_type = (struct ewb_job_type){ .name = "scan_reap",
		                              .where = EWB_AUX,
		                              .run = run_reaper,
		                              .finished = reaped };
	s->reaper.type = &s->reap_type;
	EWB_MUST0(pthread_mutex_init(&s->lock, NULL));
	EWB_MUST0(pthread_cond_init(&s->fewer, NULL));
	ewb_scan_commands(s);
	ewb_scan_text_commands(s);
	ewb_scan_collections(s);
	core->end_cursors = end_all;
	core->end_cursors_arg = s;
	ewb_core_add_stats(core, (struct ewb_stat_group){ .name = "scans",
	                                                  .add = ewb_scan_stats,
	                                                  .reset = ewb_scan_reset,
	                                                  .arg = s });
	return s;
}

void
ewb_scans_free(struct ewb_scans *s)
{
	if (s == NULL)
		return;
	s->core->end_cursors = NULL;
	lock(s);
	s->freeing = 1;
	while (s->first)
		ewb_scan_end_locked(s->first, EWB_CAUSE_stopped);
	if (s->reaping && ewb_pool_cancel(s->core->pool, &s->reaper))
		s->reaping = 0;
	else if (s->reaping)
		ewb_pool_wake(s->core->pool, &s->reaper); /* not to sleep now */
	while (s->nopen || s->reaping)
		EWB_MUST0(pthread_cond_wait(&s->fewer, &s->lock));
	unlock(s);
	EWB_MUST0(pthread_cond_destroy(&s->fewer));
	EWB_MUST0(pthread_mutex_destroy(&s->lock));
	free(s);
}
