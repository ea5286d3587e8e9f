/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that the framework makes out of a get and a store: append, prepend,
 * incr, decr, touch, get-and-touch, and the meta commands of meta.c.
 *
 *      KEY ──▶ GET ──▶ (compute) ──▶ STORE ──▶ status
 *               ▲                      │ somebody else was faster
 *               └──────────────────────┘
 *
 * One at a time per key over all connections; against plain stores the cas
 * guards, or, where the engine has none, their turn on the key too.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cookie/compose.h"
#include "cookie/instance.h"
#include "cookie/meta.h"
#include "lib/check.h"

/* Plain stores may win this often. */
#define TRIES 100

void
ewb_compose_fini(struct ewb_cookie *c)
{
	struct ewb_compose *p = &c->compose;

	if (p->item)
		ewb_cookie_release(p->item);
	p->item = NULL;
	if (p->joined)
		ewb_chunk_give(&c->dispatch->core->chunks, p->joined);
	p->joined = NULL;
}

static void
drop_child(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->child)
		ewb_cookie_release(c->child);
	c->child = NULL;
}

/* The child's error is the command's, with its explanation. */
static enum ewb_status
fail(struct ewb_cookie *c, enum ewb_status status) EWB_ON_FRONT
{
	ewb_reply_context(c, c->child->reply.context);
	drop_child(c);
	return status;
}

int
ewb_compose_fetches(const struct ewb_cookie *c)
{
	switch (c->op) {
	case EWB_OP_TOUCH:
	case EWB_OP_GAT:
	case EWB_OP_META_GET:
	case EWB_OP_META_GAT: return !(c->frame.is & EWB_IS_UNSEEN);
	default: return 0;
	}
}

static enum ewb_status
start_get(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_cookie *get = ewb_child_take(c, EWB_OP_GET);

	if (get == NULL)
		return EWB_NO_MEMORY;
	get->request = c->request;
	get->request.value = NULL;
	get->request.nvalue = 0;
	get->request.cas = 0;
	get->request.expect = EWB_EXPECT_ANY;
	get->request.use = ewb_compose_fetches(c) ? EWB_USE_USUAL :
	                                            EWB_USE_UNSEEN;
	c->compose.phase = EWB_COMPOSE_GETTING;
	return ewb_child_run(get);
}

enum ewb_status
ewb_compose_store(struct ewb_cookie *c, const struct ewb_update *u)
{
	struct ewb_cookie *store = ewb_child_take(c, EWB_OP_SET);

	if (store == NULL)
		return EWB_NO_MEMORY;
	store->request = c->request;
	store->request.value = u->value;
	store->request.nvalue = u->nvalue;
	store->request.flags = u->flags;
	store->request.expiry = u->expiry;
	store->request.datatype = u->datatype;
	store->request.expect = u->expect;
	store->request.cas = u->cas;
	store->request.use = u->fetched ? EWB_USE_FETCHED : EWB_USE_USUAL;
	c->compose.phase = EWB_COMPOSE_STORING;
	return ewb_child_run(store);
}

/* In text as memcached has it, in binary as Couchbase. */
static enum ewb_status
too_long(const struct ewb_cookie *c)
{
	return c->frame.is & EWB_IS_BINARY ? EWB_TOO_BIG : EWB_NOT_STORED;
}

static enum ewb_status
join(struct ewb_cookie *c, const struct ewb_reply *old, struct ewb_update *u)
	EWB_ON_FRONT
{
	const struct ewb_request *r = &c->request;
	size_t n = old->len + r->nvalue;
	struct ewb_chunk *ch;
	uint8_t *to;

	if (n > c->dispatch->core->limits.max_item)
		return too_long(c);
	ch = ewb_chunk_take(&c->dispatch->core->chunks, n ? n : 1);
	if (ch == NULL)
		return EWB_NO_MEMORY;
	c->compose.joined = ch;
	to = ch->data;
	if (c->op == EWB_OP_PREPEND) {
		memcpy(to, r->value, r->nvalue);
		memcpy(to + r->nvalue, ewb_reply_data(old), old->len);
	} else {
		memcpy(to, ewb_reply_data(old), old->len);
		memcpy(to + old->len, r->value, r->nvalue);
	}
	u->value = to;
	u->nvalue = n;
	u->datatype = ewb_item_datatype(u->datatype); /* it is a new one */
	u->fetched = 0;
	return EWB_OK;
}

static int
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A counter's text, as memcached reads it: blanks, perhaps a plus, digits, and
 * nothing behind them or a blank or a 0, and then anything. */
static int
number(const uint8_t *p, size_t n, uint64_t *value)
{
	const uint8_t *end = p + n, *first;
	uint64_t v = 0;

	while (p < end && is_blank(*p))
		p++;
	if (p < end && *p == '+')
		p++;
	for (first = p; p < end && *p >= '0' && *p <= '9'; p++) {
		if (v > (UINT64_MAX - (*p - '0')) / 10)
			return -1;
		v = v * 10 + (*p - '0');
	}
	if (p == first || (p < end && *p && !is_blank(*p)))
		return -1;
	*value = v;
	return 0;
}

/* With blanks behind it up to the length that it had: as memcached, which writes
 * it in place. */
static enum ewb_status
spell(struct ewb_cookie *c, struct ewb_update *u, size_t was) EWB_ON_FRONT
{
	struct ewb_compose *p = &c->compose;
	uint8_t *to = p->digits;
	size_t n = (size_t)snprintf((char *)to, sizeof p->digits, "%llu",
	                            (unsigned long long)p->number);

	if (was > sizeof p->digits) {
		p->joined = ewb_chunk_take(&c->dispatch->core->chunks, was);
		if (p->joined == NULL)
			return EWB_NO_MEMORY;
		to = p->joined->data;
		memcpy(to, p->digits, n);
	}
	if (n < was)
		memset(to + n, ' ', was - n);
	u->value = to;
	u->nvalue = n < was ? was : n;
	return EWB_OK;
}

enum ewb_status
ewb_compose_count(struct ewb_cookie *c, int down, const struct ewb_reply *old,
                  struct ewb_update *u)
{
	struct ewb_compose *p = &c->compose;
	uint64_t delta = c->frame.delta, v;

	if (number(ewb_reply_data(old), old->len, &v))
		return EWB_NOT_NUMBER;
	if (down)
		p->number = v > delta ? v - delta : 0;
	else
		p->number = v + delta; /* wraps, as the protocol says */
	if (spell(c, u, old->len) != EWB_OK)
		return EWB_NO_MEMORY;
	if (u->nvalue > old->len) { /* a new one, in memcached, is not stale */
		u->datatype = ewb_item_datatype(u->datatype);
		u->fetched = 0;
	}
	return EWB_OK;
}

void
ewb_compose_initial(struct ewb_cookie *c, struct ewb_update *u)
{
	c->compose.number = c->frame.initial;
	(void)spell(c, u, 0); /* in place */
}

static int
is_meta(enum ewb_op op)
{
	return op >= EWB_OP_META_GET && op <= EWB_OP_META_DEBUG;
}

static int
counts(enum ewb_op op)
{
	return op == EWB_OP_INCR || op == EWB_OP_DECR;
}

/* No such key. */
static enum ewb_status
missing(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_update u = { .expect = EWB_EXPECT_ABSENT };

	if (is_meta(c->op))
		return ewb_meta_missing(c);
	if (c->op == EWB_OP_APPEND || c->op == EWB_OP_PREPEND)
		return EWB_NOT_STORED;
	if (!(c->frame.is & EWB_IS_CREATE) || !counts(c->op))
		return EWB_NOT_FOUND;
	c->note = EWB_META_MADE;
	ewb_compose_initial(c, &u);
	u.expiry = c->request.expiry;
	return ewb_compose_store(c, &u);
}

static enum ewb_status
update(struct ewb_cookie *c) EWB_ON_FRONT
{
	const struct ewb_reply *old = &c->compose.item->reply;
	int guarded = (c->instance->engine.can & EWB_CAN_CAS) != 0;
	struct ewb_update u = { .value = ewb_reply_data(old),
		            .nvalue = old->len,
		            .flags = old->flags,
		            .expiry = old->expiry,
		            .datatype = (uint8_t)old->datatype,
		            .fetched = old->fetched == EWB_FETCHED_YES ||
		                       ewb_compose_fetches(c),
		            .expect = guarded ? EWB_EXPECT_CAS :
		                                EWB_EXPECT_PRESENT,
		            .cas = guarded ? old->cas : 0 };
	int compares = c->request.expect == EWB_EXPECT_CAS;
	enum ewb_status status = EWB_OK;

	if (is_meta(c->op))
		return ewb_meta_found(c, &u);
	c->note = 0;
	if (compares && !guarded) {
		ewb_reply_context(c, "this engine has no cas");
		return EWB_NOT_SUPPORTED;
	}
	if (counts(c->op) && old->len == 0)
		return EWB_NOT_NUMBER; /* whatever its cas is */
	if (compares && c->request.cas != old->cas)
		return EWB_EXISTS;
	if (c->op == EWB_OP_APPEND || c->op == EWB_OP_PREPEND)
		status = join(c, old, &u);
	else if (counts(c->op))
		status = ewb_compose_count(c, c->op == EWB_OP_DECR, old, &u);
	else
		u.expiry = c->request.expiry;
	return status == EWB_OK ? ewb_compose_store(c, &u) : status;
}

/* A get after the first one sees that one. */
static void
note_use(struct ewb_cookie *c, struct ewb_reply *got)
{
	if (c->reply.fetched != EWB_FETCHED_UNKNOWN) {
		got->accessed = c->reply.accessed;
		got->fetched = c->reply.fetched;
	}
	c->reply.accessed = got->accessed;
	c->reply.fetched = got->fetched;
}

void
ewb_compose_hand_over(struct ewb_cookie *c)
{
	struct ewb_reply *old = &c->compose.item->reply;

	c->reply = *old;
	old->chunk = NULL;
	old->lent = NULL;
	old->release = NULL;
}

/* What the command answers when its store has been done. */
static enum ewb_status
answer(struct ewb_cookie *c) EWB_ON_FRONT
{
	const struct ewb_reply *stored = &c->child->reply;
	uint64_t cas = stored->cas, uuid = stored->uuid, seqno = stored->seqno;

	drop_child(c);
	if (is_meta(c->op))
		ewb_meta_stored(c);
	else if (c->op == EWB_OP_GAT)
		ewb_compose_hand_over(c);
	ewb_reply_cas(c, cas);
	if (uuid) {
		c->reply.uuid = uuid;
		c->reply.seqno = seqno;
	}
	return EWB_OK;
}

/* The child's result is there.  Afterwards c->child is the next one, whose
 * status is returned, or null with the command's final status. */
static enum ewb_status
step(struct ewb_cookie *c, enum ewb_status status) EWB_ON_FRONT
{
	struct ewb_compose *p = &c->compose;

	if (p->phase == EWB_COMPOSE_GETTING) {
		if (status == EWB_NOT_FOUND) {
			drop_child(c);
			return missing(c);
		}
		if (status != EWB_OK)
			return fail(c, status);
		note_use(c, &c->child->reply);
		p->item = c->child;
		c->child = NULL;
		return update(c);
	}
	if ((status == EWB_EXISTS || status == EWB_NOT_FOUND) &&
	    (c->request.expect != EWB_EXPECT_CAS || c->op == EWB_OP_META_SET) &&
	    ++p->tries < TRIES) {
		drop_child(c);
		ewb_compose_fini(c);
		return start_get(c);
	}
	return status == EWB_OK ? answer(c) : fail(c, status);
}

/* One that seldom stores, and then with the cas, waits for nobody. */
static int
takes_turns(const struct ewb_cookie *c)
{
	return (c->op != EWB_OP_META_GET && c->op != EWB_OP_META_DEBUG) ||
	       !(c->instance->engine.can & EWB_CAN_CAS);
}

enum ewb_status
ewb_compose_run(struct ewb_cookie *c)
{
	struct ewb_instance *own = ewb_instance_override(c->instance, c->op);
	enum ewb_status status;

	ewb_now_on_front(c->dispatch->thread);
	if (own)
		return ewb_override_run(c, own);
	if (c->compose.phase < EWB_COMPOSE_GETTING)
		c->compose.tries = 0;
	if (c->key_state == EWB_KEY_NONE && takes_turns(c)) {
		status = ewb_cookie_take_key(c);
		if (status != EWB_OK)
			return status;
	}
	status = c->compose.phase < EWB_COMPOSE_GETTING ? start_get(c) :
	                                                  c->child->status;
	/* as long as the children answer at once */
	while (c->child && !c->child->away)
		status = step(c, status);
	return status;
}
