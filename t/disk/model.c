/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/ewb/engine.h"
#include "protocol/frame.h"
#include "t/disk/model.h"

#define MAX_COMPLAINTS 20

static uint32_t
sum(uint32_t h, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (n-- > 0)
		h = (h ^ *p++) * 0x01000193u;
	return h;
}

static void
name(struct item *i, const char *what, unsigned number, struct chance *c)
{
	static const char tail[] = "-a-key-that-is-longer-than-the-others-are";

	i->nkey = (size_t)snprintf(
		i->key, sizeof i->key, "%s%05u%.*s", what, number,
		chance_below(c, 3) ? 0 : (int)chance_below(c, sizeof tail),
		tail);
	i->vbucket =
		ewb_key_vbucket(ewb_key_hash(i->key, i->nkey), MODEL_VBUCKETS);
	item_add(i)->there = false;
	i->live = 0;
}

void
model_init(struct model *m)
{
	struct chance c = { m->seed };
	size_t n = (size_t)m->nworkers * m->each;

	m->items = calloc(n, sizeof *m->items);
	if (m->items == NULL)
		abort();
	pthread_mutex_init(&m->lock, NULL);
	for (size_t i = 0; i < n; i++) {
		m->items[i].counter = i % m->each % 8 == 7;
		name(&m->items[i], m->items[i].counter ? "c" : "k", (unsigned)i,
		     &c);
	}
	for (unsigned i = 0; i < MODEL_NSHARED; i++) {
		m->shared[i].item.counter = true;
		name(&m->shared[i].item, "shared", i, &c);
	}
}

void
model_fini(struct model *m)
{
	for (size_t i = 0; i < model_nitems(m); i++) {
		struct item *item = model_item(m, i);

		while (item->n > 0)
			item_drop(item);
		free(item->may);
		free(item->found.bytes);
	}
	free(m->items);
	pthread_mutex_destroy(&m->lock);
}

void
model_forget(struct model *m)
{
	for (size_t i = 0; i < model_nitems(m); i++) {
		struct item *item = model_item(m, i);

		while (item->n > 0)
			item_drop(item);
		item_add(item)->there = false;
		item->live = 0;
	}
	for (size_t i = 0; i < MODEL_NSHARED; i++) {
		m->shared[i].base = 0;
		m->shared[i].acknowledged = m->shared[i].tried = 0;
	}
	memset(m->floors, 0, sizeof m->floors);
	memset(m->seen, 0, sizeof m->seen);
}

size_t
model_nitems(const struct model *m)
{
	return (size_t)m->nworkers * m->each + MODEL_NSHARED;
}

struct item *
model_item(struct model *m, size_t i)
{
	return i < MODEL_NSHARED ? &m->shared[i].item
	                         : &m->items[i - MODEL_NSHARED];
}

void
model_complain(struct model *m, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (atomic_fetch_add(&m->complaints, 1) < MAX_COMPLAINTS) {
		printf("FAILED: %s\n", line);
		fflush(stdout);
	}
}

/* <number length sum filler> */
size_t
record_put(char *to, const struct item *i, uint32_t number, size_t len)
{
	struct chance c = { number };
	size_t nfiller = len - RECORD_MIN;
	char *filler = to + RECORD_MIN - 1;
	uint32_t h = sum(0x811c9dc5u, i->key, i->nkey);

	for (size_t k = 0; k < nfiller; k++)
		filler[k] = (char)('a' + chance_below(&c, 26));
	h = sum(h, &number, sizeof number);
	h = sum(h, filler, nfiller);
	/* its NUL is where the filler begins */
	{
		char head[RECORD_MIN];

		snprintf(head, sizeof head, "<%010" PRIu32 " %09zu %08" PRIx32,
		         number, nfiller, h);
		memcpy(to, head, RECORD_MIN - 2);
		to[RECORD_MIN - 2] = ' ';
	}
	to[len - 1] = '>';
	return len;
}

bool
record_check(const struct item *i, const char *bytes, size_t len)
{
	while (len > 0) {
		uint32_t number, said, h = sum(0x811c9dc5u, i->key, i->nkey);
		size_t n;
		char head[RECORD_MIN];

		if (len < RECORD_MIN)
			return false;
		memcpy(head, bytes, RECORD_MIN - 1);
		head[RECORD_MIN - 1] = 0;
		if (sscanf(head, "<%" SCNu32 " %zu %" SCNx32, &number, &n,
		           &said) != 3 ||
		    len < RECORD_MIN + n || bytes[RECORD_MIN + n - 1] != '>')
			return false;
		h = sum(h, &number, sizeof number);
		if (sum(h, bytes + RECORD_MIN - 1, n) != said)
			return false;
		bytes += RECORD_MIN + n;
		len -= RECORD_MIN + n;
	}
	return true;
}

struct state *
item_add(struct item *i)
{
	if (i->n == i->cap) {
		i->cap = i->cap ? i->cap * 2 : 2;
		i->may = realloc(i->may, i->cap * sizeof *i->may);
		if (i->may == NULL)
			abort();
	}
	i->may[i->n] = (struct state){ 0 };
	return &i->may[i->n++];
}

void
item_drop(struct item *i)
{
	free(i->may[--i->n].bytes);
}

void
item_settle(struct item *i, size_t which)
{
	struct state s = i->may[which];

	i->may[which].bytes = NULL;
	while (i->n > 0)
		item_drop(i);
	i->may[i->n++] = s;
	i->live = 0;
}

/* A counter's value is a number, whatever it is padded with. */
static bool
same_value(const struct item *i, const char *a, size_t na, const char *b,
           size_t nb)
{
	char x[32] = "", y[32] = "";

	if (!i->counter)
		return na == nb && memcmp(a, b, na) == 0;
	if (na >= sizeof x || nb >= sizeof y || na == 0 || nb == 0)
		return false;
	memcpy(x, a, na);
	memcpy(y, b, nb);
	return strspn(x, "0123456789 ") == na &&
	       strtoull(x, NULL, 10) == strtoull(y, NULL, 10);
}

bool
state_is(const struct item *i, const struct state *s, const struct answer *a)
{
	if (!s->there || a->status != EWB_OK)
		return !s->there && a->status == EWB_NOT_FOUND;
	return s->flags == a->flags && (s->cas == 0 || s->cas == a->cas) &&
	       (a->cas == 0 || a->cas > s->floor) &&
	       same_value(i, s->bytes, s->len, a->value, a->nvalue);
}

void
state_say(char to[96], const struct state *s)
{
	if (!s->there)
		snprintf(to, 96, "nothing");
	else
		snprintf(to, 96, "%.*s… (%zu bytes, flags %u, cas %" PRIu64 ")",
		         s->len < 30 ? (int)s->len : 30, s->bytes, s->len,
		         s->flags, s->cas);
}

void
model_raise(struct model *m, const struct item *i, uint64_t cas)
{
	uint64_t had = atomic_load(&m->floors[i->vbucket]);

	while (cas > had &&
	       !atomic_compare_exchange_weak(&m->floors[i->vbucket], &had, cas))
		;
}

void
model_saw(struct model *m, const struct item *i, uint64_t cas,
          const char *bytes, size_t len)
{
	uint64_t hash, at = cas * 0x9e3779b97f4a7c15u + i->vbucket;
	struct seen *s = &m->seen[(at >> 20) % MODEL_NSEEN];

	if (cas == 0)
		return;
	hash = (uint64_t)sum(0x811c9dc5u, bytes, len) << 32 |
	       sum(0x811c9dc5u, i->key, i->nkey);
	pthread_mutex_lock(&m->lock);
	if (s->cas == cas && s->vbucket == i->vbucket && s->hash != hash)
		model_complain(m,
		               "cas %" PRIu64 " was of two states, one of "
		               "them of %s",
		               cas, i->key);
	*s = (struct seen){ cas, hash, i->vbucket };
	pthread_mutex_unlock(&m->lock);
	model_raise(m, i, cas);
}
