/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/faulty/faulty.h"

#include <stdlib.h>
#include <string.h>

struct cursor {
	struct item **all; /* what there was when it was opened */
	size_t nall, cap;
	struct item **at;  /* what of it is in the range, as it comes */
	size_t n, next;
	bool keys_only, refused;
	size_t offered;    /* bytes, since it was last called */
	uint8_t last[250]; /* for those that look anew */
	size_t nlast;
	struct ewb_range range;
	char start[256], end[256];
};

static bool
within(struct faulty *f, const struct ewb_range *r, const struct item *i)
{
	int order;

	if (r->start) {
		order = compare(i->key, i->nkey, r->start, r->nstart);
		if (order < 0 || (order == 0 && r->start_excluded &&
		                  !is(f, "includes-excluded")))
			return r->descending && is(f, "descends-past-start");
	}
	if (r->end) {
		order = compare(i->key, i->nkey, r->end, r->nend);
		if (order > 0 || (order == 0 && r->end_excluded))
			return false;
	}
	return true;
}

/* crc32 of a key, as clients compute it. */
static unsigned
vbucket_of(struct faulty *f, const struct item *i)
{
	uint32_t crc = 0xffffffffu;

	for (size_t n = 0; n < i->nkey; n++) {
		crc ^= i->key[n];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	crc = ~crc;
	return (crc >> 16 & 0x7fff) % ewb_host_vbuckets(f->host);
}

static bool
add(struct cursor *k, struct item *i)
{
	struct item **all, **at;

	if (k->nall == k->cap) {
		k->cap = k->cap * 2 + 16;
		all = realloc(k->all, k->cap * sizeof *all);
		if (all)
			k->all = all;
		at = realloc(k->at, k->cap * sizeof *at);
		if (at)
			k->at = at;
		if (all == NULL || at == NULL)
			return false;
	}
	hold(i);
	k->all[k->nall++] = i;
	return true;
}

static void
let_all_go(struct faulty *f, struct cursor *k)
{
	for (size_t i = 0; i < k->nall; i++)
		drop(f, k->all[i]);
	k->nall = k->n = 0;
}

/* What of all is in the range. */
static void
choose(struct faulty *f, struct cursor *k)
{
	struct item *i;

	k->n = k->next = 0;
	for (size_t from = 0; from < k->nall; from++) {
		i = k->all[k->range.descending ? k->nall - 1 - from : from];
		if (within(f, &k->range, i))
			k->at[k->n++] = i;
	}
}

/* The records as they are now. */
static enum ewb_status
collect(struct faulty *f, struct cursor *k, uint64_t *count)
{
	bool good = true;

	*count = 0;
	pthread_mutex_lock(&f->lock);
	for (struct item *i = f->first; i && good; i = i->next) {
		if (vbucket_of(f, i) != k->range.vbucket)
			continue;
		if (expired(f, i) && !is(f, "scans-expired"))
			continue;
		(*count)++;
		good = add(k, i);
	}
	pthread_mutex_unlock(&f->lock);
	choose(f, k);
	if (is(f, "counts-nothing"))
		*count = 0;
	return good ? EWB_OK : EWB_NO_MEMORY;
}

static void
swap_two(struct cursor *k)
{
	struct item *i;

	if (k->n < 4)
		return;
	i = k->at[2];
	k->at[2] = k->at[3];
	k->at[3] = i;
}

static void
set_range(struct cursor *k, const struct ewb_range *range)
{
	k->range = *range;
	if (range->start)
		k->range.start = memcpy(k->start, range->start, range->nstart);
	if (range->end)
		k->range.end = memcpy(k->end, range->end, range->nend);
	k->keys_only = range->keys_only != 0;
}

enum ewb_status
cursor_open(void *self, const struct ewb_range *range, void **cursor,
            uint64_t *count)
{
	struct faulty *f = self;
	struct cursor *k = calloc(1, sizeof *k);
	enum ewb_status status;

	if (is(f, "unchecked-cursor"))
		k->n = 0;
	if (k == NULL)
		return EWB_NO_MEMORY;
	set_range(k, range);
	status = collect(f, k, count);
	if (status != EWB_OK) {
		cursor_close(f, k);
		return status;
	}
	if (is(f, "wrong-order"))
		swap_two(k);
	*cursor = k;
	return EWB_OK;
}

/* No snapshot: looks for what comes after the last one. */
static void
look_anew(struct faulty *f, struct cursor *k)
{
	uint64_t count;
	size_t at = k->next;

	let_all_go(f, k);
	(void)collect(f, k, &count);
	if (is(f, "counts-its-way")) {
		k->next = at; /* as if nothing had been removed before it */
		return;
	}
	while (k->next < k->n && k->nlast &&
	       compare(k->at[k->next]->key, k->at[k->next]->nkey, k->last,
	               k->nlast) * (k->range.descending ? -1 : 1) <= 0)
		k->next++;
}

static struct ewb_item
record_of(struct faulty *f, const struct item *i)
{
	return (struct ewb_item){ .size = sizeof(struct ewb_item),
		                  .key = i->key,
		                  .nkey = i->nkey,
		                  .value = i->value,
		                  .nvalue = i->nvalue,
		                  .flags = is(f, "scans-no-flags") ? 0
		                                                   : i->flags,
		                  .expiry = i->expiry,
		                  .cas = i->cas,
		                  .seqno = i->seqno };
}

static bool
passes_over(struct faulty *f, const struct cursor *k, const struct item *i)
{
	return k->keys_only && i->nvalue == 0 && is(f, "keys-of-values");
}

static enum ewb_status
refused(struct faulty *f, struct cursor *k, const struct item *i)
{
	k->refused = true;
	if (is(f, "forgets-refused") && k->next)
		k->next++;
	if (is(f, "forgets-large") && k->next && i->nvalue >= 2000)
		k->next++;
	if (is(f, "ends-refused") && k->next + 1 == k->n && k->next)
		return EWB_END;
	return EWB_OK;
}

enum ewb_status
cursor_next(void *self, void *cursor, struct ewb_sink *sink)
{
	struct faulty *f = self;
	struct cursor *k = cursor;

#ifdef FAULTY_PLAIN
	look_anew(f, k);
#else
	if (is(f, "no-snapshot"))
		look_anew(f, k);
#endif
	for (; k->next < k->n; k->next++) {
		struct item *i = k->at[k->next];
		struct ewb_item out = record_of(f, i);

		if (passes_over(f, k, i))
			continue;
		if (ewb_sink_put(sink, &out) != EWB_OK)
			return refused(f, k, i);
		memcpy(k->last, i->key, i->nkey);
		k->nlast = i->nkey;
	}
	return EWB_END;
}

enum ewb_status
cursor_seek(void *self, void *cursor, const struct ewb_range *range)
{
	struct faulty *f = self;
	struct cursor *k = cursor;
	uint64_t count;

	set_range(k, range);
	k->nlast = 0;
	if (is(f, "seeks-in-the-present")) {
		let_all_go(f, k);
		return collect(f, k, &count);
	}
	choose(f, k);
	return EWB_OK;
}

void
cursor_close(void *self, void *cursor)
{
	struct faulty *f = self;
	struct cursor *k = cursor;

	if (is(f, "closes-midway-badly") && k->next && k->next < k->n)
		abort();
	let_all_go(f, k);
	free(k->all);
	free(k->at);
	free(k);
}
