/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine that is a table. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/scan_play.h"

struct table table;

struct cursor {
	_Atomic int busy;
	unsigned number; /* of opens before it */
	unsigned next, end;
	unsigned since; /* offers since the last pause */
};

void
table_value(unsigned i, void *to, size_t size)
{
	uint8_t *p = to;

	for (size_t k = 0; k < size; k++)
		p[k] = (uint8_t)(i * 31 + k * 7);
}

static enum ewb_status
answer(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	(void)t, (void)c, (void)arg;
	return EWB_NOT_FOUND;
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self, (void)r;
	return ewb_offload(c, answer, NULL);
}

static enum ewb_status
change(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self, (void)c, (void)r;
	return EWB_OK;
}

/* Cursors. */

static void
enter(struct cursor *cu)
{
	/* other threads than the one that steps are the pool's */
	if (pthread_equal(stage.thread, pthread_self()) && !stage.on_pool)
		atomic_fetch_add(&table.off_pool, 1);
	if (cu && atomic_exchange(&cu->busy, 1))
		atomic_fetch_add(&table.together, 1);
}

static enum ewb_status
leave(struct cursor *cu, enum ewb_status status)
{
	atomic_store(&cu->busy, 0);
	return status;
}

/* The first record that is not below the bound; past: nor equal to it. */
static unsigned
place(const void *bound, size_t n, bool past)
{
	unsigned low = 0, high = table.n;
	char key[8];

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		int order;

		snprintf(key, sizeof key, "%06u", mid % 1000000);
		order = memcmp(key, bound, n < 6 ? n : 6);
		if (order == 0)
			order = (n < 6) - (n > 6);
		if (order < 0 || (order == 0 && past))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
remember(const struct ewb_range *r)
{
	table.range = *r;
	if (r->start)
		memcpy(table.start, r->start, r->nstart);
	if (r->end)
		memcpy(table.end, r->end, r->nend);
}

static void
go_to(struct cursor *cu, const struct ewb_range *r)
{
	cu->next = 0;
	cu->end = table.n;
	if (r->start)
		cu->next = place(r->start, r->nstart, r->start_excluded);
	if (r->end)
		cu->end = place(r->end, r->nend, !r->end_excluded);
}

static enum ewb_status
scan_seek(void *self, void *cursor, const struct ewb_range *r)
{
	struct cursor *cu = cursor;

	(void)self;
	enter(cu);
	atomic_fetch_add(&table.sought, 1);
	if (table.seek_says != EWB_OK)
		return leave(cu, table.seek_says);
	remember(r);
	go_to(cu, r);
	return leave(cu, EWB_OK);
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *r, void **cursor, uint64_t *count)
{
	struct cursor *cu;

	(void)self;
	enter(NULL);
	remember(r);
	if (table.open_says != EWB_OK)
		return table.open_says;
	cu = calloc(1, sizeof *cu);
	if (cu == NULL)
		return EWB_NO_MEMORY;
	go_to(cu, r);
	*cursor = cu;
	*count = table.n;
	cu->number = atomic_fetch_add(&table.opened, 1);
	return EWB_OK;
}

static enum ewb_status
offer(unsigned i, struct ewb_sink *sink)
{
	size_t size = table.size_of ? table.size_of(i) : table.size;
	void *value = malloc(size + 1);
	enum ewb_status status;
	char key[8];
	struct ewb_item item = { .size = sizeof item,
		                 .flags = i + 1,
		                 .expiry = i + 2,
		                 .seqno = i + 3,
		                 .cas = i + 4,
		                 .datatype = i % 2,
		                 .key = key,
		                 .nkey = 6,
		                 .value = value,
		                 .nvalue = size };

	if (value == NULL)
		return EWB_NO_MEMORY;
	snprintf(key, sizeof key, "%06u", i % 1000000);
	table_value(i, value, size);
	atomic_fetch_add(&table.offers, 1);
	status = ewb_sink_put(sink, &item);
	free(value);
	return status;
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	struct cursor *cu = cursor;
	unsigned nth;

	(void)self;
	enter(cu);
	nth = atomic_fetch_add(&table.nexts, 1);
	if (nth < sizeof table.turn / sizeof *table.turn)
		table.turn[nth] = cu->number;
	if (table.dawdle) {
		table.dawdle--;
		return leave(cu, EWB_OK);
	}
	for (; cu->next < cu->end; cu->next++) {
		if (table.within)
			table.within(cu->next);
		if (table.fail != EWB_OK && cu->next == table.fail_at)
			return leave(cu, table.fail);
		if (table.pause_every && cu->since == table.pause_every) {
			cu->since = 0;
			return leave(cu, EWB_OK);
		}
		if (offer(cu->next, sink) != EWB_OK && !table.goes_on)
			return leave(cu, table.ends_refused &&
			                                 cu->next + 1 == cu->end
			                         ? EWB_END
			                         : EWB_OK);
		cu->since++;
	}
	if (table.within)
		table.within(cu->end);
	return leave(cu, EWB_END);
}

static void
scan_close(void *self, void *cursor)
{
	(void)self;
	enter(cursor);
	atomic_fetch_add(&table.closed, 1);
	free(cursor);
}

const struct ewb_engine table_engine = {
	.abi = EWB_ABI,
	.size = sizeof(struct ewb_engine),
	.api = EWB_API,
	.name = "table",
	.can = EWB_CAN_SNAPSHOT,
	.get = get,
	.store = change,
	.remove = change,
	.scan_open = scan_open,
	.scan_next = scan_next,
	.scan_close = scan_close,
	.scan_seek = scan_seek,
};

const struct ewb_engine serial_engine = {
	.abi = EWB_ABI,
	.size = sizeof(struct ewb_engine),
	.api = EWB_API,
	.name = "serial",
	.model = EWB_BLOCKING_SERIAL,
	.can = EWB_CAN_SNAPSHOT,
	.get = change,
	.store = change,
	.remove = change,
	.scan_open = scan_open,
	.scan_next = scan_next,
	.scan_close = scan_close,
};

const struct ewb_engine bare_engine = {
	.abi = EWB_ABI,
	.size = sizeof(struct ewb_engine),
	.api = EWB_API,
	.name = "bare",
	.get = get,
	.store = change,
	.remove = change,
};
