/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../durable/range.h"
#include "scan.h"

struct cursor {
	struct dur_cursor head;
	struct ldb *d;
	MDB_txn *txn;
	MDB_cursor *at;
	MDB_val key, value; /* where it is, when err is 0 */
	int err;
	struct dur_range range;
};

static void
move(struct cursor *cu, MDB_cursor_op how)
{
	cu->err = mdb_cursor_get(cu->at, &cu->key, &cu->value, how);
}

/* Is the record before that place? */
static bool
is_before(const struct cursor *cu, const struct dur_key *place)
{
	size_t n = cu->key.mv_size < place->n ? cu->key.mv_size : place->n;
	int order = memcmp(cu->key.mv_data, place->at, n);

	return order ? order < 0 : cu->key.mv_size < place->n;
}

static bool
is_inside(const struct cursor *cu)
{
	return cu->range.descending ? !is_before(cu, &cu->range.first) :
	                              is_before(cu, &cu->range.past);
}

/* To the record that comes first. */
static void
go_to_first(struct cursor *cu)
{
	struct dur_range *g = &cu->range;
	struct dur_key *k = g->descending ? &g->past : &g->first;

	cu->key = (MDB_val){ k->n, k->at };
	move(cu, MDB_SET_RANGE);
	if (!g->descending)
		return;
	if (cu->err == 0)
		move(cu, MDB_PREV);
	else if (cu->err == MDB_NOTFOUND)
		move(cu, MDB_LAST);
}

static int
open_at(struct cursor *cu, uint64_t *count)
{
	struct ldb *d = cu->d;
	int err;

	if (!d->env)
		return MDB_PANIC;
	*count = dur_range_begin(&cu->range, &d->commit.state);
	err = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &cu->txn);
	if (err)
		return err;
	err = mdb_cursor_open(cu->txn, d->records, &cu->at);
	if (err) {
		mdb_txn_abort(cu->txn);
		return err;
	}
	go_to_first(cu);
	return 0;
}

/* *times: see ldb_heal(). */
static int
open_inside(struct cursor *cu, unsigned *times, uint64_t *count)
{
	struct ldb *d = cu->d;
	int err;

	dur_gate_enter(&d->gate);
	*times = ldb_times(d);
	err = open_at(cu, count);
	if (err == 0)
		dur_cursors_add(&d->cursors, &cu->head);
	dur_gate_leave(&d->gate);
	return err;
}

static struct cursor *
new_cursor(struct ldb *d, const struct ewb_range *range)
{
	struct cursor *cu = calloc(1, sizeof *cu);

	if (!cu)
		return NULL;
	cu->d = d;
	dur_range_set(&cu->range, range, ewb_host_time(d->host));
	return cu;
}

enum ewb_status
ldb_scan_open(struct ldb *d, const struct ewb_range *range, void **cursor,
              uint64_t *count)
{
	struct cursor *cu;
	unsigned times;
	int err;

	if (range->vbucket >= d->commit.state.nvbuckets)
		return EWB_NOT_MY_VBUCKET;
	cu = new_cursor(d, range);
	if (!cu)
		return EWB_NO_MEMORY;
	err = open_inside(cu, &times, count);
	if (err == MDB_PANIC && ldb_heal(d, times) == EWB_OK)
		err = open_inside(cu, &times, count);
	if (err) {
		free(cu);
		return ldb_read_failed(d, err);
	}
	ewb_task_wake(d->ager);
	*cursor = cu;
	return EWB_OK;
}

/* The end, or a read that failed. */
static enum ewb_status
over(struct cursor *cu)
{
	if (cu->err && cu->err != MDB_NOTFOUND)
		return ldb_read_failed(cu->d, cu->err);
	dur_range_end(&cu->range, &cu->d->commit.state);
	return EWB_END;
}

static enum ewb_status
next(struct cursor *cu, struct ewb_sink *sink)
{
	enum ewb_status status = EWB_OK;

	while (status == EWB_OK && cu->err == 0 && is_inside(cu)) {
		status = dur_range_offer(&cu->range, sink, cu->key.mv_data,
		                         cu->key.mv_size, cu->value.mv_data,
		                         cu->value.mv_size);
		if (status == EWB_OK)
			move(cu, cu->range.descending ? MDB_PREV : MDB_NEXT);
	}
	if (status == EWB_OK)
		return over(cu);
	return status == EWB_WOULDBLOCK ? EWB_OK : status;
}

enum ewb_status
ldb_scan_next(struct ldb *d, void *cursor, struct ewb_sink *sink)
{
	struct cursor *cu = cursor;
	enum ewb_status status;

	(void)d;
	if (!dur_cursor_enter(&cu->head))
		return EWB_SCAN_CANCELLED;
	status = next(cu, sink);
	dur_cursor_leave(&cu->head);
	return status;
}

enum ewb_status
ldb_scan_seek(struct ldb *d, void *cursor, const struct ewb_range *range)
{
	struct cursor *cu = cursor;

	(void)d;
	if (!dur_cursor_enter(&cu->head))
		return EWB_SCAN_CANCELLED;
	dur_range_change(&cu->range, range);
	go_to_first(cu);
	dur_cursor_leave(&cu->head);
	return EWB_OK; /* a read that failed is told by scan_next() */
}

void
ldb_cursor_end(struct dur_cursor *head)
{
	struct cursor *cu = (struct cursor *)head;

	mdb_cursor_close(cu->at);
	mdb_txn_abort(cu->txn);
	cu->at = NULL;
	cu->txn = NULL;
}

void
ldb_scan_close(struct ldb *d, void *cursor)
{
	struct cursor *cu = cursor;

	(void)d;
	dur_cursors_remove(&cu->head);
	free(cu);
}

/* Age. */

static void
tell(struct ldb *d, unsigned n)
{
	unsigned long long age = d->options.scan_age_us / 1000;
	char after[40], many[40] = "a scan was";

	if (age % 1000)
		snprintf(after, sizeof after, "%llu ms", age);
	else
		snprintf(after, sizeof after, "%llu s", age / 1000);
	if (n > 1)
		snprintf(many, sizeof many, "%u scans were", n);
	ewb_host_notice(d->host,
	                "%s ended after %s: while one is open the file "
	                "grows (scan-age=%s)",
	                many, after, d->options.scan_age);
}

static void
end_old_ones(struct ewb_task *t, void *arg)
{
	struct ldb *d = arg;
	uint64_t age = d->options.scan_age_us, now = ewb_host_clock(d->host);
	uint64_t oldest;
	unsigned n;

	if (age == 0)
		return;
	n = now < age ? 0 : dur_cursors_end(&d->cursors, now - age + 1);
	if (n) {
		atomic_fetch_add(&d->count.scans_ended, n);
		tell(d, n);
	}
	oldest = dur_cursors_oldest(&d->cursors);
	if (oldest != UINT64_MAX)
		ewb_task_sleep(t, oldest + age > now ? oldest + age - now : 1);
}

enum ewb_status
ldb_scans_open(struct ldb *d)
{
	d->ager =
		ewb_task_new(d->host, EWB_READER, "scan-age", end_old_ones, d);
	if (d->ager)
		return EWB_OK;
	ewb_host_error(d->host, "out of memory");
	return EWB_NO_MEMORY;
}

void
ldb_scans_close(struct ldb *d)
{
	if (d->ager)
		ewb_task_free(d->ager);
	d->ager = NULL;
}
