/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that the framework makes out of a get and a store: append, prepend,
 * incr, decr, touch, get-and-touch.
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

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "lib/check.h"

enum { START, GETTING, STORING };

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
	c->compose.phase = GETTING;
	return ewb_child_run(get);
}

/* What to store: the value, its flags and its expiry. */
struct update {
	const void *value;
	size_t nvalue;
	uint32_t flags, expiry;
	uint8_t datatype;
	enum ewb_expect expect;
	uint64_t cas;
};

static enum ewb_status
start_store(struct ewb_cookie *c, const struct update *u) EWB_ON_FRONT
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
	c->compose.phase = STORING;
	return ewb_child_run(store);
}

static enum ewb_status
join(struct ewb_cookie *c, const struct ewb_reply *old, struct update *u)
	EWB_ON_FRONT
{
	const struct ewb_request *r = &c->request;
	size_t n = old->len + r->nvalue;
	struct ewb_chunk *ch;
	uint8_t *to;

	if (n > c->dispatch->core->limits.max_item)
		return EWB_TOO_BIG;
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
	return EWB_OK;
}

/* A counter's text: up to 20 digits, blanks after them. */
static int
number(const uint8_t *p, size_t n, uint64_t *value)
{
	uint64_t v = 0;

	while (n && p[n - 1] == ' ')
		n--;
	if (n == 0 || n > 20)
		return -1;
	for (; n; n--, p++) {
		if (*p < '0' || *p > '9' || v > (UINT64_MAX - (*p - '0')) / 10)
			return -1;
		v = v * 10 + (*p - '0');
	}
	*value = v;
	return 0;
}

static void
spell(struct ewb_compose *p, struct update *u)
{
	u->value = p->digits;
	u->nvalue = (size_t)snprintf((char *)p->digits, sizeof p->digits,
	                             "%llu", (unsigned long long)p->number);
}

static enum ewb_status
count(struct ewb_cookie *c, const struct ewb_reply *old, struct update *u)
	EWB_ON_FRONT
{
	struct ewb_compose *p = &c->compose;
	uint64_t delta = c->frame.delta, v;

	if (number(ewb_reply_data(old), old->len, &v))
		return EWB_NOT_NUMBER;
	if (c->op == EWB_OP_INCR)
		p->number = v + delta; /* wraps, as the protocol says */
	else
		p->number = v > delta ? v - delta : 0;
	spell(p, u);
	return EWB_OK;
}

/* No such key. */
static enum ewb_status
missing(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct update u = { .expect = EWB_EXPECT_ABSENT };

	if (c->op == EWB_OP_APPEND || c->op == EWB_OP_PREPEND)
		return EWB_NOT_STORED;
	if (!(c->frame.is & EWB_IS_CREATE) ||
	    (c->op != EWB_OP_INCR && c->op != EWB_OP_DECR))
		return EWB_NOT_FOUND;
	c->compose.number = c->frame.initial;
	spell(&c->compose, &u);
	u.expiry = c->request.expiry;
	return start_store(c, &u);
}

static enum ewb_status
update(struct ewb_cookie *c) EWB_ON_FRONT
{
	const struct ewb_reply *old = &c->compose.item->reply;
	int guarded = (c->instance->engine.can & EWB_CAN_CAS) != 0;
	struct update u = { .value = ewb_reply_data(old),
		            .nvalue = old->len,
		            .flags = old->flags,
		            .expiry = old->expiry,
		            .datatype = (uint8_t)old->datatype,
		            .expect = guarded ? EWB_EXPECT_CAS :
		                                EWB_EXPECT_PRESENT,
		            .cas = guarded ? old->cas : 0 };
	enum ewb_status status = EWB_OK;

	if (c->request.cas && !guarded) {
		ewb_reply_context(c, "this engine has no cas");
		return EWB_NOT_SUPPORTED;
	}
	if (c->request.cas && c->request.cas != old->cas)
		return EWB_EXISTS;
	if (c->op == EWB_OP_APPEND || c->op == EWB_OP_PREPEND)
		status = join(c, old, &u);
	else if (c->op == EWB_OP_INCR || c->op == EWB_OP_DECR)
		status = count(c, old, &u);
	else
		u.expiry = c->request.expiry;
	return status == EWB_OK ? start_store(c, &u) : status;
}

/* What the command answers when its store has been done. */
static enum ewb_status
answer(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_compose *p = &c->compose;
	uint64_t cas = c->child->reply.cas;
	struct ewb_reply *old = p->item ? &p->item->reply : NULL;

	drop_child(c);
	if (c->op == EWB_OP_GAT) {
		/* the old value moves over, with its release */
		c->reply = *old;
		old->chunk = NULL;
		old->lent = NULL;
		old->release = NULL;
	}
	ewb_reply_cas(c, cas);
	return EWB_OK;
}

/* The child's result is there.  Afterwards c->child is the next one, whose
 * status is returned, or null with the command's final status. */
static enum ewb_status
step(struct ewb_cookie *c, enum ewb_status status) EWB_ON_FRONT
{
	struct ewb_compose *p = &c->compose;

	if (p->phase == GETTING) {
		if (status == EWB_NOT_FOUND) {
			drop_child(c);
			return missing(c);
		}
		if (status != EWB_OK)
			return fail(c, status);
		p->item = c->child;
		c->child = NULL;
		return update(c);
	}
	if ((status == EWB_EXISTS || status == EWB_NOT_FOUND) &&
	    c->request.cas == 0 && ++p->tries < TRIES) {
		drop_child(c);
		ewb_compose_fini(c);
		return start_get(c);
	}
	return status == EWB_OK ? answer(c) : fail(c, status);
}

enum ewb_status
ewb_compose_run(struct ewb_cookie *c)
{
	struct ewb_instance *own = ewb_instance_override(c->instance, c->op);
	enum ewb_status status;

	ewb_now_on_front(c->dispatch->thread);
	if (own)
		return ewb_override_run(c, own);
	if (c->key_state == EWB_KEY_NONE) {
		c->compose.tries = 0;
		status = ewb_cookie_take_key(c);
		if (status != EWB_OK)
			return status;
	}
	status = c->compose.phase == START ? start_get(c) : c->child->status;
	/* as long as the children answer at once */
	while (c->child && !c->child->away)
		status = step(c, status);
	return status;
}
