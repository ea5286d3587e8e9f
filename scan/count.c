/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>

#include "scan/count.h"
#include "scan/place.h"
#include "scan/sink.h"

/* Records between the turns of others; a cursor's opening counts as some. */
#define TURN 4096u
#define OPENING 64u

struct ewb_count_keys *
ewb_count_new(struct ewb_instance *i, const struct ewb_core *core)
{
	const struct ewb_collections *all = core->collections;
	struct ewb_count_keys *k;

	if (all == NULL)
		all = &ewb_collections_none;
	k = calloc(1, sizeof *k + all->n * sizeof k->counts[0]);
	if (k == NULL)
		return NULL;
	k->instance = i;
	k->collections = all;
	k->range = (struct ewb_range){ .size = EWB_RANGE_ASCENDING,
		                       .keys_only = 1 };
	return k;
}

struct ewb_count_keys *
ewb_count_new_of(struct ewb_instance *i, const struct ewb_core *core,
                 uint32_t collection)
{
	struct ewb_count_keys *k = ewb_count_new(i, core);

	if (k == NULL)
		return NULL;
	k->whole.collection = collection;
	ewb_scan_whole(&k->whole, core);
	ewb_scan_range(&k->whole, &k->range);
	k->range.keys_only = 1;
	return k;
}

void
ewb_count_stop(struct ewb_count_keys *k)
{
	struct ewb_instance *i = k->instance;

	if (k->open)
		i->engine.scan_close(i->self, k->cursor);
	k->open = 0;
}

void
ewb_count_free(struct ewb_count_keys *k)
{
	if (k == NULL)
		return;
	ewb_count_stop(k);
	free(k);
}

static size_t
place_of(const struct ewb_count_keys *k, const struct ewb_item *item)
{
	const struct ewb_collections *all = k->collections;
	const struct ewb_collection *c;
	const uint8_t *key = item->key;
	uint32_t id = 0;

	if (all->n == 1 || item->nkey < 2 || key[0] != 0xff ||
	    ewb_leb128_take(key + 1, item->nkey - 1, &id) == 0)
		return 0;
	c = ewb_collections_by_id(all, id);
	return c ? (size_t)(c - all->at) : SIZE_MAX;
}

enum ewb_status
ewb_count_put(struct ewb_count_keys *k, const struct ewb_item *item)
{
	size_t at;

	if (k->left == 0)
		return EWB_WOULDBLOCK;
	k->left--;
	at = place_of(k, item);
	if (at != SIZE_MAX) /* else its collection is there no more */
		k->counts[at]++;
	return EWB_OK;
}

static enum ewb_status
open_cursor(struct ewb_count_keys *k)
{
	struct ewb_instance *i = k->instance;
	enum ewb_status status;
	uint64_t all;

	k->left = k->left > OPENING ? k->left - OPENING : 1;
	status = i->engine.scan_open(i->self, &k->range, &k->cursor, &all);
	k->open = status == EWB_OK;
	return status;
}

enum ewb_status
ewb_count_run(struct ewb_count_keys *k)
{
	struct ewb_instance *i = k->instance;
	struct ewb_sink sink = { .counts = k };
	enum ewb_status status = EWB_OK;

	if (k->left == 0)
		k->left = TURN;
	if (!k->open)
		status = open_cursor(k);
	if (status == EWB_OK)
		status = i->engine.scan_next(i->self, k->cursor, &sink);
	if (status == EWB_OK) {
		k->left = 0; /* or it has stopped by itself */
		return EWB_WOULDBLOCK;
	}
	ewb_count_stop(k);
	if (status == EWB_END)
		return EWB_OK;
	return status < EWB_WOULDBLOCK ? status : EWB_INTERNAL;
}
