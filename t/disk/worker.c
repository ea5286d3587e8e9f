/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/ewb/engine.h"
#include "t/disk/model.h"

#define MAX_RECORD 60000
#define MAX_VALUE 64000

/* What is about to be asked. */
struct op {
	struct item *item;
	struct ask ask;
	uint16_t expected; /* the status */
	bool changes;      /* as it is expected to be done */
	uint64_t number;   /* a counter's, then */
};

void
worker_init(struct worker *w, struct model *m, unsigned id, uint64_t seed)
{
	*w = (struct worker){ .model = m, .id = id, .chance = { seed } };
	w->client.fd = -1;
	w->room = malloc(MAX_VALUE + MAX_RECORD);
	if (w->room == NULL)
		abort();
}

void
worker_fini(struct worker *w)
{
	client_close(&w->client);
	free(w->room);
}

static size_t
some_length(struct chance *c)
{
	static const size_t most[] = { 100,  100,  100,   100,       100,  300,
		                       300,  300,  300,   1000,      1000, 4000,
		                       4000, 4000, 20000, MAX_RECORD };

	return RECORD_MIN +
	       chance_below(c, most[chance_below(c, 16)] - RECORD_MIN + 1);
}

static struct item *
own(struct worker *w, bool counter)
{
	struct item *i;

	do
		i = &w->model->items[w->id * w->model->each +
		                     chance_below(&w->chance, w->model->each)];
	while (!counter && i->counter);
	return i;
}

static void
record(struct worker *w, struct op *op)
{
	op->ask.value = w->room;
	op->ask.nvalue = record_put(w->room, op->item, ++w->number,
	                            some_length(&w->chance));
	op->ask.flags =
		w->model->can_flags ? (uint32_t)chance_next(&w->chance) : 0;
}

/* What may be asked, by a hundredth: of a key that is there, and of one that is
 * not.  A wrong cas is one that is too small. */
static const struct choice {
	uint8_t there, absent; /* up to here */
	uint8_t opcode;
	enum { NO_CAS, RIGHT_CAS, WRONG_CAS } cas;
	uint16_t if_there, if_absent;
} choices[] = {
	{ 28, 28, OP_SET, NO_CAS, EWB_OK, EWB_OK },
	{ 32, 70, OP_ADD, NO_CAS, EWB_EXISTS, EWB_OK },
	{ 42, 74, OP_REPLACE, NO_CAS, EWB_OK, EWB_NOT_FOUND },
	{ 52, 74, OP_SET, RIGHT_CAS, EWB_OK, EWB_NOT_FOUND },
	{ 56, 78, OP_SET, WRONG_CAS, EWB_EXISTS, EWB_NOT_FOUND },
	{ 66, 82, OP_DELETE, NO_CAS, EWB_OK, EWB_NOT_FOUND },
	{ 70, 82, OP_DELETE, RIGHT_CAS, EWB_OK, EWB_NOT_FOUND },
	{ 82, 88, OP_APPEND, NO_CAS, EWB_OK, EWB_NOT_STORED },
	{ 88, 94, OP_PREPEND, NO_CAS, EWB_OK, EWB_NOT_STORED },
	{ 100, 100, OP_GET, NO_CAS, EWB_OK, EWB_NOT_FOUND },
};

static void
choose(struct worker *w, struct op *op, const struct state *s)
{
	const struct choice *c = choices;
	uint64_t at = chance_below(&w->chance, 100);

	while (at >= (s->there ? c->there : c->absent))
		c++;
	if (c->cas != NO_CAS && (!w->model->can_cas || s->cas == 0))
		c = choices;
	if ((c->opcode == OP_APPEND || c->opcode == OP_PREPEND) && s->there &&
	    s->len + MAX_RECORD / 8 > MAX_VALUE)
		c = choices;
	op->ask.opcode = c->opcode;
	op->expected = s->there ? c->if_there : c->if_absent;
	op->changes = c->opcode != OP_GET && op->expected == EWB_OK;
	if (c->cas == RIGHT_CAS)
		op->ask.cas = s->cas;
	else if (c->cas == WRONG_CAS)
		op->ask.cas = s->cas - 1 ? s->cas - 1 : 2;
	if (c->opcode != OP_GET && c->opcode != OP_DELETE)
		record(w, op);
	if (c->opcode == OP_APPEND || c->opcode == OP_PREPEND) {
		op->ask.flags = 0;
		if (op->ask.nvalue > MAX_RECORD / 8)
			op->ask.nvalue = record_put(
				w->room, op->item, w->number, RECORD_MIN + 100);
	}
}

static void
choose_count(struct worker *w, struct op *op, const struct state *s)
{
	uint64_t at = chance_below(&w->chance, 100);
	uint64_t had = s->there ? strtoull(s->bytes, NULL, 10) : 0;

	op->expected = s->there ? EWB_OK : EWB_NOT_FOUND;
	if (at < 15) {
		op->ask.opcode = at < 6 ? OP_DELETE : OP_GET;
		op->changes = at < 6 && s->there;
		return;
	}
	op->ask.opcode = at < 30 ? OP_DECR : OP_INCR;
	op->ask.delta = 1 + chance_below(&w->chance, 1000);
	op->ask.initial = chance_below(&w->chance, 1000);
	op->ask.create = at >= 40;
	if (op->ask.create)
		op->expected = EWB_OK;
	op->changes = op->expected == EWB_OK;
	if (!s->there)
		op->number = op->ask.initial;
	else if (op->ask.opcode == OP_INCR)
		op->number = had + op->ask.delta;
	else
		op->number = had > op->ask.delta ? had - op->ask.delta : 0;
}

/* Something whose outcome does not depend on what is there. */
static void
choose_blindly(struct worker *w, struct op *op)
{
	uint64_t at = chance_below(&w->chance, 10);

	op->ask.opcode = at < 3                        ? OP_GET
	                 : at < 5 || op->item->counter ? OP_DELETE
	                                               : OP_SET;
	op->expected = EWB_OK;
	op->changes = op->ask.opcode != OP_GET;
	if (op->ask.opcode == OP_SET)
		record(w, op);
}

/* The state that it makes, if it is done; added to those that may be. */
static void
expect(struct worker *w, const struct op *op)
{
	struct item *i = op->item;
	const struct state *had;
	struct state *s = item_add(i);
	const struct ask *q = &op->ask;
	bool end = q->opcode == OP_APPEND, front = q->opcode == OP_PREPEND;
	size_t n;

	had = i->live < 0 ? NULL : &i->may[i->live];
	s->turn = w->turn;
	s->floor = atomic_load(&w->model->floors[i->vbucket]);
	if (q->opcode == OP_DELETE)
		return;
	s->there = true;
	s->flags = q->flags;
	if (i->counter) {
		s->flags = had && had->there ? had->flags : 0;
		s->bytes = malloc(24);
		s->len = (size_t)sprintf(s->bytes, "%" PRIu64, op->number);
		return;
	}
	n = end || front ? had->len : 0;
	s->len = n + q->nvalue;
	s->bytes = malloc(s->len + 1);
	if (n) {
		memcpy(s->bytes + (front ? q->nvalue : 0), had->bytes, n);
		s->flags = had->flags;
	}
	memcpy(s->bytes + (end ? n : 0), q->value, q->nvalue);
}

static bool
is_error(uint16_t status)
{
	return status == EWB_INTERNAL || status == EWB_TEMPORARY ||
	       status == EWB_NO_MEMORY || status == EWB_BUSY;
}

/* A get has answered; or something that had to be refused. */
static enum step
judge_get(struct worker *w, const struct op *op, const struct answer *a)
{
	struct item *i = op->item;
	char has[96], must[96];
	struct state shown = { .there = a->status == EWB_OK,
		               .flags = a->flags,
		               .cas = a->cas,
		               .bytes = (char *)a->value,
		               .len = a->nvalue };

	if (i->live >= 0 ? state_is(i, &i->may[i->live], a) : false)
		return STEP_READ;
	for (size_t k = i->n; i->live < 0 && k-- > 0;)
		if (state_is(i, &i->may[k], a))
			return STEP_READ; /* it may yet be another one */
	state_say(has, &shown);
	state_say(must, &i->may[i->live < 0 ? 0 : i->live]);
	model_complain(w->model, "%s: a get shows %s, not %s", i->key, has,
	               must);
	return STEP_READ;
}

/* Done. */
static enum step
judge_done(struct worker *w, const struct op *op, const struct answer *a)
{
	struct model *m = w->model;
	struct item *i = op->item;
	struct state *s = &i->may[i->n - 1];

	if (i->counter && s->there && a->number != op->number)
		model_complain(m, "%s: counted to %" PRIu64 ", not %" PRIu64,
		               i->key, a->number, op->number);
	if (s->there && m->can_cas) {
		if (a->cas <= s->floor)
			model_complain(m,
			               "%s: its new cas %" PRIu64
			               " is not above %" PRIu64
			               ", which there was before",
			               i->key, a->cas, s->floor);
		model_saw(m, i, a->cas, s->bytes, s->len);
		s->cas = a->cas;
	}
	if (m->loose)
		i->live = (int)i->n - 1;
	else
		item_settle(i, i->n - 1);
	atomic_fetch_add(&m->acknowledged, 1);
	return STEP_ACK;
}

static enum step
judge(struct worker *w, const struct op *op, const struct answer *a)
{
	struct item *i = op->item;
	bool known = i->live >= 0;

	if (is_error(a->status)) {
		atomic_fetch_add(&w->model->refused, 1);
		if (op->changes)
			i->live = -1;
		if (!w->model->faulty)
			model_complain(w->model, "%s: opcode %u: status 0x%x",
			               i->key, op->ask.opcode, a->status);
		return STEP_REFUSED;
	}
	if (op->ask.opcode == OP_GET)
		return judge_get(w, op, a);
	if (!known && op->ask.opcode == OP_DELETE && a->status == EWB_NOT_FOUND)
		return STEP_READ; /* which is no acknowledgement */
	if (a->status != op->expected)
		model_complain(w->model,
		               "%s: opcode %u: status 0x%x instead of 0x%x",
		               i->key, op->ask.opcode, a->status, op->expected);
	if (op->changes && a->status == EWB_OK)
		return judge_done(w, op, a);
	if (op->changes)
		item_drop(i);
	return STEP_READ;
}

static enum step
run(struct worker *w, struct op *op)
{
	struct item *i = op->item;
	struct answer a;
	enum said said;

	w->turn++;
	op->ask.key = i->key;
	op->ask.nkey = i->nkey;
	if (op->changes)
		expect(w, op);
	client_ask(&w->client, &op->ask);
	said = client_hear(&w->client, &a, w->model->patience);
	if (said == SAID)
		return judge(w, op, &a);
	if (op->changes)
		i->live = -1;
	if (said == SAID_LATE)
		model_complain(w->model, "%s: opcode %u: no answer in %g s",
		               i->key, op->ask.opcode, w->model->patience);
	return said == SAID_LATE ? STEP_LATE : STEP_GONE;
}

static enum step
count_together(struct worker *w)
{
	struct model *m = w->model;
	struct shared *s = &m->shared[chance_below(&w->chance, MODEL_NSHARED)];
	uint64_t delta = 1 + chance_below(&w->chance, 1000);
	struct ask q = { .opcode = OP_INCR,
		         .key = s->item.key,
		         .nkey = s->item.nkey,
		         .delta = delta,
		         .initial = delta,
		         .create = 1 };
	uint64_t floor = atomic_load(&m->floors[s->item.vbucket]);
	struct answer a;
	enum said said;

	atomic_fetch_add(&s->tried, delta);
	client_ask(&w->client, &q);
	said = client_hear(&w->client, &a, m->patience);
	if (said != SAID)
		return said == SAID_LATE ? STEP_LATE : STEP_GONE;
	if (is_error(a.status)) {
		atomic_fetch_add(&m->refused, 1);
		if (!m->faulty)
			model_complain(m, "%s: status 0x%x", q.key, a.status);
		return STEP_REFUSED;
	}
	if (a.status != EWB_OK || a.nvalue != 8) {
		model_complain(m, "%s: status 0x%x", q.key, a.status);
		return STEP_READ;
	}
	if (m->can_cas && a.cas <= floor)
		model_complain(
			m, "%s: its new cas %" PRIu64 " is not above %" PRIu64,
			q.key, a.cas, floor);
	model_raise(m, &s->item, a.cas);
	atomic_fetch_add(&s->acknowledged, delta);
	atomic_fetch_add(&m->acknowledged, 1);
	return STEP_ACK;
}

/* Of a key of whosoever: it is whole. */
static enum step
read_any(struct worker *w)
{
	struct model *m = w->model;
	struct item *i = &m->items[chance_below(
		&w->chance, (uint64_t)m->nworkers * m->each)];
	struct ask q = { .opcode = OP_GET, .key = i->key, .nkey = i->nkey };
	struct answer a;
	enum said said;

	client_ask(&w->client, &q);
	said = client_hear(&w->client, &a, m->patience);
	if (said != SAID)
		return said == SAID_LATE ? STEP_LATE : STEP_GONE;
	if (a.status != EWB_OK)
		return STEP_READ;
	if (!i->counter && !record_check(i, a.value, a.nvalue))
		model_complain(m, "%s: a get shows what nobody stored: %.*s",
		               i->key, a.nvalue < 60 ? (int)a.nvalue : 60,
		               a.value);
	else if (m->can_cas && !i->counter)
		model_saw(m, i, a.cas, a.value, a.nvalue);
	return STEP_READ;
}

enum step
worker_set(struct worker *w)
{
	struct op op = { .item = own(w, false),
		         .ask.opcode = OP_SET,
		         .expected = EWB_OK,
		         .changes = true };

	record(w, &op);
	return run(w, &op);
}

enum step
worker_get(struct worker *w)
{
	struct op op = { .item = own(w, true), .ask.opcode = OP_GET };

	return run(w, &op);
}

enum step
worker_step(struct worker *w)
{
	uint64_t at = chance_below(&w->chance, 100);
	struct op op = { .item = own(w, true) };
	const struct item *i = op.item;

	if (at < 5)
		return count_together(w);
	if (at < 12)
		return read_any(w);
	if (i->live < 0)
		choose_blindly(w, &op);
	else if (i->counter)
		choose_count(w, &op, &i->may[i->live]);
	else
		choose(w, &op, &i->may[i->live]);
	return run(w, &op);
}
