/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/ewb/engine.h"
#include "t/disk/model.h"

#define PROBE "probe"

int
model_probe(struct model *m, int port)
{
	struct ask q = { .opcode = OP_SET,
		         .key = PROBE,
		         .nkey = strlen(PROBE),
		         .value = "v",
		         .nvalue = 1,
		         .flags = 7 };
	struct answer a;
	struct client c;
	int err = -1;

	if (client_open(&c, port))
		return -1;
	client_ask(&c, &q);
	if (client_hear(&c, &a, m->patience) == SAID) {
		m->can_flags = a.status == EWB_OK;
		m->can_cas = a.status == EWB_OK && a.cas;
		q.flags = 0;
		client_ask(&c, &q);
		if (client_hear(&c, &a, m->patience) == SAID &&
		    a.status == EWB_OK)
			m->can_cas = a.cas != 0;
		q.opcode = OP_DELETE;
		q.nvalue = 0;
		client_ask(&c, &q);
		err = client_hear(&c, &a, m->patience) == SAID &&
		                      a.status == EWB_OK
		              ? 0
		              : -1;
	}
	client_close(&c);
	return err;
}

static void
keep(struct item *i, const struct answer *a)
{
	free(i->found.bytes);
	i->found = (struct state){ .there = a->status == EWB_OK,
		                   .flags = a->flags,
		                   .len = a->nvalue };
	if (!i->found.there)
		return;
	i->found.cas = a->cas;
	i->found.bytes = malloc(a->nvalue + 1);
	memcpy(i->found.bytes, a->value, a->nvalue);
	i->found.bytes[a->nvalue] = 0;
}

static void
judge_shared(struct model *m, struct shared *s)
{
	const struct state *f = &s->item.found;
	uint64_t value = f->there ? strtoull(f->bytes, NULL, 10) : 0;
	uint64_t low = s->base + (m->loose ? 0 : s->acknowledged);
	uint64_t high = s->base + s->tried;

	if (value < low || value > high)
		model_complain(m,
		               "%s: %" PRIu64 ", but %" PRIu64
		               " were acknowledged and %" PRIu64 " tried",
		               s->item.key, value, low, high);
	s->base = value;
	s->acknowledged = s->tried = 0;
}

static void
complain(struct model *m, const struct item *i)
{
	char has[96], must[96], or [96] = "";
	const char *what = "is not as it was acknowledged";

	state_say(has, &i->found);
	state_say(must, &i->may[0]);
	if (i->n > 1)
		state_say(or, &i->may[i->n - 1]);
	if (i->found.there && !i->counter &&
	    !record_check(i, i->found.bytes, i->found.len))
		what = "is half";
	model_complain(m, "%s %s: it has %s instead of %s%s%s", i->key, what,
	               has, must, * or ? " or " : "", or);
}

/* Which of its states it is in: the last one that fits. -1: none.  *only: no
 * other one fits. */
static int
which(const struct item *i, const struct answer *a, bool *only)
{
	int found = -1;

	*only = true;
	for (size_t k = i->n; k-- > 0;)
		if (state_is(i, &i->may[k], a)) {
			*only = found < 0;
			found = found < 0 ? (int)k : found;
		}
	return found;
}

/* The turns of a worker after which what was found can be all. */
struct cut {
	uint64_t from, before;
	const struct item *first, *last;
};

static void
narrow(struct cut *cut, const struct item *i, int k)
{
	if (i->may[k].turn > cut->from) {
		cut->from = i->may[k].turn;
		cut->last = i;
	}
	if ((size_t)k + 1 < i->n && i->may[k + 1].turn < cut->before) {
		cut->before = i->may[k + 1].turn;
		cut->first = i;
	}
}

static void
judge_item(struct model *m, struct item *i, const struct answer *a,
           struct cut *cut)
{
	bool only;
	int k = which(i, a, &only);

	if (k < 0) {
		complain(m, i);
		/* from now on it is so */
		while (i->n > 0)
			item_drop(i);
		item_add(i)->there = i->found.there;
		k = 0;
		i->may[0].bytes =
			i->found.bytes ? strdup(i->found.bytes) : NULL;
		i->may[0].len = i->found.len;
		i->may[0].flags = i->found.flags;
	} else if (only) {
		narrow(cut, i, k);
	}
	item_settle(i, (size_t)k);
	i->may[0].cas = i->found.cas;
	i->may[0].floor = i->may[0].turn = 0;
	if (!i->counter && i->found.there)
		model_saw(m, i, i->found.cas, i->found.bytes, i->found.len);
	else
		model_raise(m, i, i->found.cas);
	atomic_fetch_add(&m->verified, 1);
}

int
model_verify(struct model *m, int port)
{
	size_t n = model_nitems(m), at;
	struct cut cut = { .before = UINT64_MAX };
	struct answer a;
	struct client c;
	int err = 0;

	if (client_open(&c, port))
		return -1;
	if (m->loose) /* what is lost, may be used again */
		memset(m->floors, 0, sizeof m->floors);
	if (m->loose)
		memset(m->seen, 0, sizeof m->seen);
	for (at = 0; at < n; at++) {
		struct item *i = model_item(m, at);

		client_ask(&c, &(struct ask){ .opcode = OP_GET,
		                              .key = i->key,
		                              .nkey = i->nkey });
	}
	for (at = 0; at < n && err == 0; at++) {
		struct item *i = model_item(m, at);

		if (client_hear(&c, &a, m->patience) != SAID ||
		    (a.status != EWB_OK && a.status != EWB_NOT_FOUND)) {
			err = -1;
			break;
		}
		keep(i, &a);
		if (at < MODEL_NSHARED) {
			judge_shared(m, &m->shared[at]);
			model_raise(m, i, i->found.cas);
			continue;
		}
		if ((at - MODEL_NSHARED) % m->each == 0)
			cut = (struct cut){ .before = UINT64_MAX };
		judge_item(m, i, &a, &cut);
		if (m->prefix && cut.from >= cut.before) {
			model_complain(m,
			               "%s is there, though %s is lost, "
			               "which was acknowledged before it",
			               cut.last->key, cut.first->key);
			cut = (struct cut){ .before = UINT64_MAX };
		}
	}
	client_close(&c);
	return err;
}

static int
by_key(const void *a, const void *b)
{
	const struct item *x = *(struct item *const *)a;
	const struct item *y = *(struct item *const *)b;

	return strcmp(x->key, y->key);
}

/* The lines of f, against those items. */
static void
compare(struct model *m, FILE *f, struct item **items, size_t n)
{
	char *line = NULL;
	size_t cap = 0, at = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, f)) > 0) {
		char *tab = memchr(line, '\t', (size_t)len);
		const struct item *i;

		line[--len] = 0;
		if (tab)
			*tab++ = 0;
		/* its delete may be lost, as any other mutation */
		if (m->loose && strcmp(line, PROBE) == 0)
			continue;
		i = at < n ? items[at++] : NULL;
		if (i == NULL || tab == NULL || strcmp(line, i->key) != 0) {
			model_complain(m, "a scan shows %s in the place of %s",
			               line, i ? i->key : "nothing");
			break;
		}
		if ((size_t)(line + len - tab) != i->found.len ||
		    memcmp(tab, i->found.bytes, i->found.len) != 0) {
			model_complain(m, "%s: a scan shows %.30s, a get %.30s",
			               i->key, tab, i->found.bytes);
			break;
		}
	}
	if (len <= 0 && at < n)
		model_complain(m, "a scan does not show %s", items[at]->key);
	free(line);
}

int
model_scan(struct model *m, const char *ewbctl, int port)
{
	size_t n = 0, all = model_nitems(m);
	struct item **items = calloc(all, sizeof *items);
	char command[4200];
	FILE *f;

	snprintf(command, sizeof command, "exec '%s' -H 127.0.0.1:%d scan",
	         ewbctl, port);
	f = popen(command, "re");
	if (items == NULL || f == NULL) {
		free(items);
		return -1;
	}
	for (size_t i = 0; i < all; i++)
		if (model_item(m, i)->found.there)
			items[n++] = model_item(m, i);
	qsort(items, n, sizeof *items, by_key);
	compare(m, f, items, n);
	free(items);
	return pclose(f) ? -1 : 0;
}
