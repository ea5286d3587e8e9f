/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans.  Their callbacks have no tickets: they wait where they are, on a thread
 * of the pool.  So what a way is for a scan:
 *
 *      block, late     each waits for the time
 *      early           says that it is done for now, and has offered nothing
 *      park, file,     has nothing to offer until it is let go, or ever; libewb
 *        never         asks again, until the deadline
 *      twice, threads  a ticket that was notified before is so again
 *      hasty           says that it was the last record, though one was refused
 *      the others      a status that is not one for a scan
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ways.h"

struct cursor {
	void *below;
	int begun;    /* it was asked for records before */
	int held;     /* has nothing to offer */
	enum way way; /* ... because of that */
	uint64_t let; /* of wb.scans_let, when it was parked */
};

/* first: of its callback, for this cursor. */
static int
is_due(struct wb *f, int first, enum way *way)
{
	int is;

	pthread_mutex_lock(&f->lock);
	is = which_has_scan(&f->which) && (first || f->when != WB_FIRST);
	pthread_mutex_unlock(&f->lock);
	return is && wb_due(f, way);
}

static void
wait_us(uint64_t us)
{
	struct timespec t = { .tv_sec = (time_t)(us / 1000000),
		              .tv_nsec = (long)(us % 1000000 * 1000) };

	nanosleep(&t, NULL);
}

static void
wait_time(struct wb *f)
{
	uint64_t us;

	pthread_mutex_lock(&f->lock);
	us = f->us;
	pthread_mutex_unlock(&f->lock);
	wait_us(us);
}

/* What each of the callbacks does before it asks below.  Other than EWB_OK: that
 * is the answer. */
static enum ewb_status
play(struct wb *f, enum way way)
{
	switch (way) {
	case WB_block:
	case WB_late: wait_time(f); return EWB_OK;
	case WB_twice:
	case WB_threads:
		wait_time(f);
		wb_notify_spent(f, way);
		return EWB_OK;
	case WB_statuses: return wb_next_status(f);
	case WB_ticketless: return EWB_WOULDBLOCK;
	case WB_wrong:
	case WB_nonsense: return WB_NO_STATUS;
	default: return EWB_OK;
	}
}

enum ewb_status
wb_scan_open(void *self, const struct ewb_range *range, void **cursor,
             uint64_t *count)
{
	struct wb *f = self;
	struct cursor *cu = calloc(1, sizeof *cu);
	enum ewb_status status = cu ? EWB_OK : EWB_NO_MEMORY;
	enum way way;

	if (cu && is_due(f, 1, &way))
		status = play(f, way);
	if (status == EWB_OK)
		status = ewb_next_scan_open(f->host, range, &cu->below, count);
	if (status == EWB_OK)
		*cursor = cu;
	else
		free(cu);
	return status;
}

/* Under the lock. */
static int
is_let_go(const struct wb *f, const struct cursor *cu)
{
	if (cu->way == WB_park)
		return cu->let != f->scans_let;
	return cu->way == WB_file && access(f->file, F_OK);
}

static void
hold(struct wb *f, struct cursor *cu, enum way way)
{
	pthread_mutex_lock(&f->lock);
	cu->held = 1;
	cu->way = way;
	cu->let = f->scans_let;
	f->scans_parked += way == WB_park;
	pthread_mutex_unlock(&f->lock);
}

static int
is_held(struct wb *f, struct cursor *cu)
{
	pthread_mutex_lock(&f->lock);
	if (cu->held && is_let_go(f, cu))
		cu->held = 0;
	pthread_mutex_unlock(&f->lock);
	return cu->held;
}

static enum ewb_status
next_as(struct wb *f, struct cursor *cu, struct ewb_sink *sink, enum way way)
{
	enum ewb_status status = play(f, way);

	if (status != EWB_OK || way == WB_early)
		return status;
	status = ewb_next_scan_next(f->host, cu->below, sink);
	return way == WB_hasty && status == EWB_OK ? EWB_END : status;
}

enum ewb_status
wb_scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	struct wb *f = self;
	struct cursor *cu = cursor;
	int first = !cu->begun, due = 0;
	enum way way = WB_block;

	cu->begun = 1;
	if (!cu->held)
		due = is_due(f, first, &way);
	if (due && (way == WB_park || way == WB_file || way == WB_never))
		hold(f, cu, way);
	if (is_held(f, cu)) {
		wait_us(WB_LOOK_US);
		return EWB_OK;
	}
	return due ? next_as(f, cu, sink, way)
	           : ewb_next_scan_next(f->host, cu->below, sink);
}

/* It moves nothing, and has nothing to wait for. */
enum ewb_status
wb_scan_seek(void *self, void *cursor, const struct ewb_range *range)
{
	struct wb *f = self;
	struct cursor *cu = cursor;

	return ewb_next_scan_seek(f->host, cu->below, range);
}

void
wb_scan_close(void *self, void *cursor)
{
	struct wb *f = self;
	struct cursor *cu = cursor;
	enum way way;

	if (is_due(f, 1, &way))
		play(f, way); /* it has no answer */
	pthread_mutex_lock(&f->lock);
	if (cu->held && cu->way == WB_park && cu->let == f->scans_let)
		f->scans_parked--;
	pthread_mutex_unlock(&f->lock);
	ewb_next_scan_close(f->host, cu->below);
	free(cu);
}
