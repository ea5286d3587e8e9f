/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "../durable/range.h"
#include "scan.h"

#define AHEAD (2u << 20) /* bytes read at once from the disk */

struct cursor {
	struct dur_cursor head;
	struct rdb *d;
	const rocksdb_snapshot_t *snapshot;
	rocksdb_readoptions_t *options;
	rocksdb_iterator_t *it;
	struct dur_range range;
};

/* Backwards, what was read ahead would be what is behind. */
static void
open_iterator(struct cursor *cu)
{
	const struct dur_key *first = &cu->range.first, *past = &cu->range.past;

	cu->options = rocksdb_readoptions_create();
	rocksdb_readoptions_set_snapshot(cu->options, cu->snapshot);
	rocksdb_readoptions_set_fill_cache(cu->options, 0);
	if (!cu->range.descending)
		rocksdb_readoptions_set_readahead_size(cu->options, AHEAD);
	rocksdb_readoptions_set_iterate_lower_bound(
		cu->options, (const char *)first->at, first->n);
	rocksdb_readoptions_set_iterate_upper_bound(
		cu->options, (const char *)past->at, past->n);
	cu->it = rocksdb_create_iterator(cu->d->db, cu->options);
	if (cu->range.descending)
		rocksdb_iter_seek_to_last(cu->it);
	else
		rocksdb_iter_seek(cu->it, (const char *)first->at, first->n);
}

static void
close_iterator(struct cursor *cu)
{
	rocksdb_iter_destroy(cu->it);
	rocksdb_readoptions_destroy(cu->options);
	cu->it = NULL;
	cu->options = NULL;
}

enum ewb_status
rdb_scan_open(struct rdb *d, const struct ewb_range *range, void **cursor,
              uint64_t *count)
{
	struct cursor *cu;
	bool open;

	if (range->vbucket >= d->commit.state.nvbuckets)
		return EWB_NOT_MY_VBUCKET;
	cu = calloc(1, sizeof *cu);
	if (!cu)
		return EWB_NO_MEMORY;
	cu->d = d;
	dur_range_set(&cu->range, range, ewb_host_time(d->host));
	dur_gate_enter(&d->gate);
	open = d->db != NULL;
	if (open) {
		*count = dur_range_begin(&cu->range, &d->commit.state);
		cu->snapshot = rocksdb_create_snapshot(d->db);
		open_iterator(cu);
		dur_cursors_add(&d->cursors, &cu->head);
	}
	dur_gate_leave(&d->gate);
	if (!open) {
		dur_commit_heal(&d->commit);
		free(cu);
		return EWB_TEMPORARY;
	}
	*cursor = cu;
	return EWB_OK;
}

static enum ewb_status
offer(struct cursor *cu, struct ewb_sink *sink)
{
	size_t nkey, n;
	const char *key = rocksdb_iter_key(cu->it, &nkey);
	const char *value = rocksdb_iter_value(cu->it, &n);

	return dur_range_offer(&cu->range, sink, key, nkey, value, n);
}

/* The end, or a read that failed. */
static enum ewb_status
over(struct cursor *cu)
{
	char *err = NULL;
	enum ewb_status status;

	rocksdb_iter_get_error(cu->it, &err);
	status = rdb_read_failed(cu->d, err);
	if (status != EWB_OK)
		return status;
	dur_range_end(&cu->range, &cu->d->commit.state);
	return EWB_END;
}

static enum ewb_status
next(struct cursor *cu, struct ewb_sink *sink)
{
	enum ewb_status status = EWB_OK;

	while (status == EWB_OK && rocksdb_iter_valid(cu->it)) {
		status = offer(cu, sink);
		if (status == EWB_OK && cu->range.descending)
			rocksdb_iter_prev(cu->it);
		else if (status == EWB_OK)
			rocksdb_iter_next(cu->it);
	}
	if (status == EWB_OK)
		return over(cu);
	return status == EWB_WOULDBLOCK ? EWB_OK : status;
}

enum ewb_status
rdb_scan_next(struct rdb *d, void *cursor, struct ewb_sink *sink)
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
rdb_scan_seek(struct rdb *d, void *cursor, const struct ewb_range *range)
{
	struct cursor *cu = cursor;

	(void)d;
	if (!dur_cursor_enter(&cu->head))
		return EWB_SCAN_CANCELLED;
	/* an iterator's bounds are those that it was made with */
	close_iterator(cu);
	dur_range_change(&cu->range, range);
	open_iterator(cu);
	dur_cursor_leave(&cu->head);
	return EWB_OK;
}

void
rdb_cursor_end(struct dur_cursor *head)
{
	struct cursor *cu = (struct cursor *)head;

	close_iterator(cu);
	rocksdb_release_snapshot(cu->d->db, cu->snapshot);
	cu->snapshot = NULL;
}

void
rdb_scan_close(struct rdb *d, void *cursor)
{
	struct cursor *cu = cursor;

	(void)d;
	dur_cursors_remove(&cu->head);
	free(cu);
}
