/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "scan.h"

#define AHEAD (2u << 20) /* bytes read at once from the disk */

struct cursor {
	struct dur_cursor head;
	struct rdb *d;
	rocksdb_readoptions_t *options;
	rocksdb_iterator_t *it;
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
open_iterator(struct cursor *cu)
{
	cu->options = rocksdb_readoptions_create();
	rocksdb_readoptions_set_fill_cache(cu->options, 0);
	rocksdb_readoptions_set_readahead_size(cu->options, AHEAD);
	rocksdb_readoptions_set_iterate_lower_bound(
		cu->options, (const char *)cu->first.at, cu->first.n);
	rocksdb_readoptions_set_iterate_upper_bound(
		cu->options, (const char *)cu->past.at, cu->past.n);
	cu->it = rocksdb_create_iterator(cu->d->db, cu->options);
	rocksdb_iter_seek(cu->it, (const char *)cu->first.at, cu->first.n);
}

static int64_t
records(const struct cursor *cu)
{
	int64_t n = atomic_load(
		&cu->d->commit.state.vbuckets[cu->vbucket].records);

	return n > 0 ? n : 0;
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
	cu->vbucket = range->vbucket;
	cu->opened_at = ewb_host_time(d->host);
	cu->keys_only = range->keys_only != 0;
	cu->whole = !range->start && !range->end;
	set_bounds(cu, range);
	dur_gate_enter(&d->gate);
	open = d->db != NULL;
	if (open) {
		cu->at_opening = records(cu);
		open_iterator(cu);
		dur_cursors_add(&d->cursors, &cu->head);
	}
	dur_gate_leave(&d->gate);
	if (!open) {
		free(cu);
		return EWB_TEMPORARY;
	}
	*count = (uint64_t)cu->at_opening;
	*cursor = cu;
	return EWB_OK;
}

/* EWB_OK: taken, or left out. */
static enum ewb_status
offer(struct cursor *cu, struct ewb_sink *sink)
{
	struct ewb_item i;
	size_t nkey, n;
	const char *key = rocksdb_iter_key(cu->it, &nkey);
	const char *value = rocksdb_iter_value(cu->it, &n);

	if (!dur_value_read(&i, value, n))
		return EWB_INTERNAL;
	if (dur_expired(i.expiry, cu->opened_at))
		return EWB_OK;
	i.key = key + DUR_KEY_HEAD;
	i.nkey = nkey - DUR_KEY_HEAD;
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
	char *err = NULL;
	enum ewb_status status;

	rocksdb_iter_get_error(cu->it, &err);
	status = rdb_read_failed(cu->d, err);
	if (status != EWB_OK)
		return status;
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

	while (status == EWB_OK && rocksdb_iter_valid(cu->it)) {
		status = offer(cu, sink);
		if (status == EWB_OK) {
			cu->seen++;
			rocksdb_iter_next(cu->it);
		}
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

void
rdb_cursor_end(struct dur_cursor *head)
{
	struct cursor *cu = (struct cursor *)head;

	rocksdb_iter_destroy(cu->it);
	rocksdb_readoptions_destroy(cu->options);
	cu->it = NULL;
	cu->options = NULL;
}

void
rdb_scan_close(struct rdb *d, void *cursor)
{
	struct cursor *cu = cursor;

	(void)d;
	dur_cursors_remove(&cu->head);
	free(cu);
}
