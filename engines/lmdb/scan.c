/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

struct cursor {
	struct dur_cursor head;
	struct ldb *d;
	MDB_txn *txn;
	MDB_cursor *at;
	MDB_val key, value; /* where it is, when err is 0 */
	int err;
	struct dur_key first, past; /* its bounds; past is not in it */
	uint32_t opened_at;
	uint16_t vbucket;
	bool keys_only;
	bool whole;         /* all of its vbucket */
	int64_t at_opening; /* records, as they were counted */
	int64_t seen;
};

/* Just behind this key: no other key is between. */
static void
step_over(struct dur_key *k)
{
	k->at[k->n++] = 0;
}

static void
set_bounds(struct cursor *cu, const struct ewb_range *range)
{
	dur_key_make(&cu->first, range->vbucket, range->start,
	             range->start ? range->nstart : 0);
	if (range->start && range->start_excluded)
		step_over(&cu->first);
	if (!range->end) {
		dur_key_make_end(&cu->past, range->vbucket);
		return;
	}
	dur_key_make(&cu->past, range->vbucket, range->end, range->nend);
	if (!range->end_excluded)
		step_over(&cu->past);
}

static void
move(struct cursor *cu, MDB_cursor_op how)
{
	cu->err = mdb_cursor_get(cu->at, &cu->key, &cu->value, how);
}

static bool
is_inside(const struct cursor *cu)
{
	size_t n = cu->key.mv_size < cu->past.n ? cu->key.mv_size : cu->past.n;
	int order = memcmp(cu->key.mv_data, cu->past.at, n);

	return order ? order < 0 : cu->key.mv_size < cu->past.n;
}

static int64_t
records(const struct cursor *cu)
{
	int64_t n = atomic_load(
		&cu->d->commit.state.vbuckets[cu->vbucket].records);

	return n > 0 ? n : 0;
}

static int
open_at(struct cursor *cu)
{
	struct ldb *d = cu->d;
	int err;

	if (!d->env)
		return MDB_PANIC;
	cu->at_opening = records(cu);
	err = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &cu->txn);
	if (err)
		return err;
	err = mdb_cursor_open(cu->txn, d->records, &cu->at);
	if (err) {
		mdb_txn_abort(cu->txn);
		return err;
	}
	cu->key = (MDB_val){ cu->first.n, cu->first.at };
	move(cu, MDB_SET_RANGE);
	return 0;
}

/* *times: see ldb_heal(). */
static int
open_inside(struct cursor *cu, unsigned *times)
{
	struct ldb *d = cu->d;
	int err;

	dur_gate_enter(&d->gate);
	*times = ldb_times(d);
	err = open_at(cu);
	if (err == 0)
		dur_cursors_add(&d->cursors, &cu->head);
	dur_gate_leave(&d->gate);
	return err;
}

static struct cursor *
new(struct ldb *d, const struct ewb_range *range)
{
	struct cursor *cu = calloc(1, sizeof *cu);

	if (!cu)
		return NULL;
	cu->d = d;
	cu->vbucket = range->vbucket;
	cu->opened_at = ewb_host_time(d->host);
	cu->keys_only = range->keys_only != 0;
	cu->whole = !range->start && !range->end;
	set_bounds(cu, range);
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
	cu = new(d, range);
	if (!cu)
		return EWB_NO_MEMORY;
	err = open_inside(cu, &times);
	if (err == MDB_PANIC && ldb_heal(d, times) == EWB_OK)
		err = open_inside(cu, &times);
	if (err) {
		free(cu);
		return ldb_read_failed(d, err);
	}
	ewb_task_wake(d->ager);
	*count = (uint64_t)cu->at_opening;
	*cursor = cu;
	return EWB_OK;
}

/* EWB_OK: taken, or left out. */
static enum ewb_status
offer(struct cursor *cu, struct ewb_sink *sink)
{
	struct ewb_item i;

	if (!dur_value_read(&i, cu->value.mv_data, cu->value.mv_size) ||
	    cu->key.mv_size < DUR_KEY_HEAD)
		return EWB_INTERNAL;
	if (dur_expired(i.expiry, cu->opened_at))
		return EWB_OK;
	i.key = (const char *)cu->key.mv_data + DUR_KEY_HEAD;
	i.nkey = cu->key.mv_size - DUR_KEY_HEAD;
	if (cu->keys_only) {
		i.value = NULL;
		i.nvalue = 0;
	}
	return ewb_sink_put(sink, &i);
}

/* The end, or a read that failed. */
static enum ewb_status
over(struct cursor *cu)
{
	if (cu->err && cu->err != MDB_NOTFOUND)
		return ldb_read_failed(cu->d, cu->err);
	/* what was counted by and by is put right by what is there */
	if (cu->whole)
		atomic_fetch_add(
			&cu->d->commit.state.vbuckets[cu->vbucket].records,
			cu->seen - cu->at_opening);
	cu->whole = false;
	return EWB_END;
}

static enum ewb_status
next(struct cursor *cu, struct ewb_sink *sink)
{
	enum ewb_status status = EWB_OK;

	while (status == EWB_OK && cu->err == 0 && is_inside(cu)) {
		status = offer(cu, sink);
		if (status == EWB_OK) {
			cu->seen++;
			move(cu, MDB_NEXT);
		}
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
	ewb_host_notice(d->host, "%s ended after %s: while one is open the file "
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
	d->ager = ewb_task_new(d->host, EWB_AUX, "scan-age", end_old_ones, d);
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
