/* SPDX-License-Identifier: BSD-2-Clause */
/* Meta commands that are more than a store or a remove.
 *
 *      md I ──▶ STALE ──first mg──▶ STALE, SENT: that one has won
 *                                        └── stored anew ──▶ neither
 *      mg N, no such key ──▶ an empty one, SENT: it has won
 *      mg R, near its end ──▶ SENT: it has won
 */
#include "config.h"

#include <string.h>

#include "cookie/compose.h"
#include "cookie/instance.h"
#include "cookie/meta.h"
#include "protocol/meta.h"

/* No such bits without a datatype to keep them in. */
static enum ewb_status
keeps_bits(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->instance->engine.can & EWB_CAN_DATATYPE)
		return EWB_OK;
	ewb_reply_context(c, "this engine has no datatype");
	return EWB_NOT_SUPPORTED;
}

static uint32_t
expiry_of(const struct ewb_cookie *c, uint32_t exptime)
{
	return exptime ? ewb_expiry(exptime,
	                            ewb_clock_wall(&c->dispatch->core->clock)) :
	                 0;
}

uint32_t
ewb_meta_expiry(const struct ewb_cookie *c, char letter, uint32_t expiry)
{
	if (letter == 'N' && c->note & EWB_META_MADE)
		return expiry_of(c, c->frame.vivify);
	return letter == 'T' ? c->request.expiry : expiry;
}

/* Of an item that had this one; *soon: it was near its end at R. */
static uint32_t
last_expiry(const struct ewb_cookie *c, uint32_t expiry, int *soon) EWB_ON_FRONT
{
	const uint8_t *p = c->frame.extras, *end = p + c->frame.nextras;
	uint32_t recache = expiry_of(c, c->frame.recache);
	struct ewb_meta_flag f;
	size_t n;

	*soon = 0;
	for (; (n = ewb_meta_next(p, (size_t)(end - p), &f)); p += n) {
		expiry = ewb_meta_expiry(c, f.letter, expiry);
		*soon |= f.letter == 'R' && expiry && expiry < recache;
	}
	return expiry;
}

static uint8_t
bits_of_key(const struct ewb_cookie *c)
{
	return c->frame.is & EWB_IS_BASE64 ? EWB_ITEM_BASE64 : 0;
}

enum ewb_status
ewb_meta_missing(struct ewb_cookie *c)
{
	struct ewb_update u = { .expect = EWB_EXPECT_ABSENT };
	enum ewb_status status;
	int soon;

	if (!(c->frame.is & EWB_IS_CREATE) ||
	    (c->op != EWB_OP_META_GAT && c->op != EWB_OP_META_COUNT))
		return EWB_NOT_FOUND;
	c->note = EWB_META_MADE;
	c->reply.expiry = 0;
	u.expiry = last_expiry(c, 0, &soon);
	if (c->op == EWB_OP_META_COUNT) {
		ewb_compose_initial(c, &u);
		return ewb_compose_store(c, &u);
	}
	status = keeps_bits(c);
	if (status != EWB_OK)
		return status;
	u.datatype = EWB_ITEM_SENT;
	u.fetched = ewb_compose_fetches(c);
	c->note |= EWB_META_WON;
	return ewb_compose_store(c, &u);
}

/* mg: who wins, and what is left of the item to say. */
static uint32_t
note_of(uint32_t datatype, int soon)
{
	uint32_t note = datatype & EWB_ITEM_STALE ? EWB_META_WAS_STALE : 0;

	if (datatype & EWB_ITEM_SENT)
		return note | EWB_META_WAS_SENT;
	return note || soon ? note | EWB_META_WON : 0;
}

static enum ewb_status
found_get(struct ewb_cookie *c, struct ewb_update *u) EWB_ON_FRONT
{
	enum ewb_status status = EWB_OK;
	int soon;

	u->expiry = last_expiry(c, u->expiry, &soon);
	c->note = note_of(u->datatype, soon);
	if (c->note & EWB_META_WON) {
		status = keeps_bits(c);
		u->datatype |= EWB_ITEM_SENT;
	}
	if (status != EWB_OK)
		return status;
	if (c->note & EWB_META_WON || c->frame.is & EWB_IS_TTL)
		return ewb_compose_store(c, u);
	ewb_compose_hand_over(c);
	return EWB_OK;
}

static enum ewb_status
found_delete(struct ewb_cookie *c, struct ewb_update *u) EWB_ON_FRONT
{
	enum ewb_status status = keeps_bits(c);

	if (status != EWB_OK)
		return status;
	u->datatype &= (uint8_t)~EWB_ITEM_SENT;
	u->datatype |= EWB_ITEM_STALE;
	if (c->frame.is & EWB_IS_TTL)
		u->expiry = c->request.expiry;
	return ewb_compose_store(c, u);
}

/* A store that comes with the item's cas, or with an older one: then it is
 * stale at once. */
static enum ewb_status
found_set(struct ewb_cookie *c, struct ewb_update *u, int late) EWB_ON_FRONT
{
	enum ewb_status status = late ? keeps_bits(c) : EWB_OK;

	if (status != EWB_OK)
		return status;
	u->value = c->request.value;
	u->nvalue = c->request.nvalue;
	u->flags = c->request.flags;
	u->fetched = 0;
	if (!late)
		u->expiry = c->request.expiry;
	u->datatype = late ? (u->datatype & EWB_ITEM_SENT) | EWB_ITEM_STALE : 0;
	u->datatype |= bits_of_key(c);
	return ewb_compose_store(c, u);
}

static enum ewb_status
found_count(struct ewb_cookie *c, struct ewb_update *u) EWB_ON_FRONT
{
	const struct ewb_reply *old = &c->compose.item->reply;
	enum ewb_status status = ewb_compose_count(
		c, (c->frame.is & EWB_IS_DOWN) != 0, old, u);
	int soon;

	c->note = 0;
	c->reply.expiry = u->expiry;
	u->expiry = last_expiry(c, u->expiry, &soon);
	return status == EWB_OK ? ewb_compose_store(c, u) : status;
}

enum ewb_status
ewb_meta_found(struct ewb_cookie *c, struct ewb_update *u)
{
	uint64_t cas = c->compose.item->reply.cas, asked = c->frame.cas;
	int gets = c->op == EWB_OP_META_GET || c->op == EWB_OP_META_GAT;
	int compares = !gets && c->frame.is & EWB_IS_CAS;
	int late = c->op == EWB_OP_META_SET && asked && asked < cas;

	if (compares && !(c->instance->engine.can & EWB_CAN_CAS)) {
		ewb_reply_context(c, "this engine has no cas");
		return EWB_NOT_SUPPORTED;
	}
	if (c->op == EWB_OP_META_COUNT && c->compose.item->reply.len == 0)
		return EWB_NOT_NUMBER; /* whatever its cas is */
	if (compares && asked != cas && !late)
		return EWB_EXISTS;
	switch (c->op) {
	case EWB_OP_META_SET: return found_set(c, u, late);
	case EWB_OP_META_DELETE: return found_delete(c, u);
	case EWB_OP_META_COUNT: return found_count(c, u);
	case EWB_OP_META_DEBUG: ewb_compose_hand_over(c); return EWB_OK;
	default: return found_get(c, u);
	}
}

void
ewb_meta_stored(struct ewb_cookie *c)
{
	if (c->compose.item &&
	    (c->op == EWB_OP_META_GAT || c->op == EWB_OP_META_GET))
		ewb_compose_hand_over(c);
}

/* The engine's task has done all of it. */
static int
is_answered(const struct ewb_cookie *c)
{
	return c->resumed != EWB_NEW && c->final;
}

enum ewb_status
ewb_meta_get_run(struct ewb_cookie *c)
{
	const struct ewb_engine *e = &c->instance->engine;
	enum ewb_status status;

	ewb_now_on_front(c->dispatch->thread);
	if (c->instance->below || e->model != EWB_NONBLOCKING ||
	    c->compose.phase != EWB_COMPOSE_START)
		return ewb_compose_run(c);
	if (e->max_key && c->request.nkey > e->max_key)
		return EWB_TOO_BIG;
	if (!ewb_compose_fetches(c))
		c->request.use = EWB_USE_UNSEEN;
	status = is_answered(c) ? EWB_OK :
	                          e->get(c->instance->self, c, &c->request);
	if (status != EWB_OK)
		return status;
	if (c->op == EWB_OP_META_DEBUG)
		return EWB_OK;
	c->note = note_of(c->reply.datatype, 0);
	if (!(c->note & EWB_META_WON))
		return EWB_OK;
	/* it is told to one alone: once more, and with a store */
	c->compose.phase = EWB_COMPOSE_AGAIN;
	ewb_reply_clear(&c->reply, &c->dispatch->core->chunks);
	return ewb_compose_run(c);
}
