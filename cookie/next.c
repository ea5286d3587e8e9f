/* SPDX-License-Identifier: BSD-2-Clause */
/* A filter's way to the engine below: the command there is a child.
 *
 * A filter on the front end begins it within ewb_next_…(); one on the pool only
 * leaves word, ends its task, and is run again there with the result:
 *
 *      pool:  callback ─asks─▶ WOULDBLOCK            callback, result
 *      front:                    └─▶ child ─▶ … ─▶ done ─┘
 */
#include "config.h"

#include <stdio.h>

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/own.h"
#include "cookie/stream.h"

/* The child's answer is c's own from now on. */
static enum ewb_status
take_reply(struct ewb_cookie *c, struct ewb_cookie *child) EWB_ON_FRONT
{
	struct ewb_reply *from = &child->reply;

	if (child->op == EWB_OP_STATS) {
		c->reply.stats = 1;
		c->reply.context = from->context;
		return ewb_reply_value(c, ewb_reply_data(from), from->len);
	}
	ewb_reply_fini(&c->reply, &c->dispatch->core->chunks);
	c->reply = *from;
	from->chunk = NULL;
	from->lent = NULL;
	from->release = NULL;
	c->compose.number = child->compose.number;
	return EWB_OK;
}

/* It is over. */
static enum ewb_status
take_result(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_cookie *child = c->child;
	enum ewb_status status = child->status;

	if (take_reply(c, child) != EWB_OK)
		status = EWB_NO_MEMORY;
	c->below.waits += child->nblocks;
	if (child->stream) {
		c->stream = child->stream;
		c->stream->cookie = c;
		c->stream->passed = 1;
		child->stream = NULL;
	}
	if (child->body) { /* the engine did not want it */
		c->body = child->body;
		child->body = NULL;
	}
	c->child = NULL;
	ewb_cookie_release(child);
	return status;
}

/* r may be shorter than ours, once this struct has grown. */
static void
set_request(struct ewb_cookie *child, const struct ewb_cookie *c,
            const struct ewb_request *r)
{
	struct ewb_request *own = &child->request;

	*own = *r;
	/* what prefetch() left is for those below if that was not the filter's,
	 * nor the filter's own request */
	if (r != &c->request || c->instance->engine.prefetch)
		own->hint[0] = own->hint[1] = 0;
	if (own->key != c->request.key || own->nkey != c->request.nkey) {
		own->hash = ewb_core_hash(c->dispatch->core, own->key, own->nkey);
		own->vbucket =
			ewb_key_vbucket(own->hash, c->dispatch->core->vbuckets);
	}
}

static enum ewb_status
begin(struct ewb_cookie *c, enum ewb_op op, const struct ewb_request *r)
	EWB_ON_FRONT
{
	struct ewb_cookie *child = ewb_child_take(c, op);

	if (child == NULL)
		return EWB_NO_MEMORY;
	ewb_cookie_enter(child, c->instance->below);
	child->command = op == EWB_OP_OWN ? c->command :
	                                    &c->dispatch->core->inner[op];
	set_request(child, c, r);
	if (c->body && child->request.value == c->request.value) {
		child->body = c->body;
		c->body = NULL;
	}
	return ewb_child_run(child);
}

static enum ewb_status
mistake(struct ewb_cookie *c, const char *what) EWB_ON_FRONT
{
	ewb_mistake(c, what);
	return EWB_INTERNAL;
}

static enum ewb_status
next_on_front(struct ewb_cookie *c, enum ewb_op op, const struct ewb_request *r)
	EWB_ON_FRONT
{
	enum ewb_status status;

	if (!c->running || ewb_cookie_blocked(c))
		return mistake(c, "ewb_next_...() outside of its callback, or "
		                  "after the block");
	if (c->instance->below == NULL)
		return mistake(c, "ewb_next_...() where nothing is below: it "
		                  "is no filter");
	if (c->child && (c->child->away || c->child->op != op))
		return mistake(c, "ewb_next_...() for another command, before "
		                  "the first one's result was given");
	if (c->child)
		return take_result(c);
	status = begin(c, op, r ? r : &c->request);
	return c->child && !c->child->away ? take_result(c) : status;
}

/* pool: the result that lies ready, or a word for the front end. */
static enum ewb_status
next_on_pool(struct ewb_cookie *c, enum ewb_op op, const struct ewb_request *r)
{
	struct ewb_next *n = &c->below;

	if (!n->within || n->wanted || (n->ready && n->op != op) ||
	    c->instance->below == NULL) {
		ewb_slip(c, "ewb_next_...() outside of its callback, or for "
		            "two commands at once");
		return EWB_INTERNAL;
	}
	if (n->ready) {
		n->ready = 0;
		return n->status;
	}
	n->wanted = 1;
	n->op = op;
	n->request = r ? *r : c->request;
	return EWB_WOULDBLOCK;
}

static enum ewb_status
next(struct ewb_cookie *c, enum ewb_op op, const struct ewb_request *r)
{
	if (!pthread_equal(c->dispatch->thread, pthread_self()))
		return next_on_pool(c, op, r);
	/* a pool that is stepped by hand runs on the same thread */
	if (c->below.within)
		return next_on_pool(c, op, r);
	ewb_now_on_front(c->dispatch->thread);
	return next_on_front(c, op, r);
}

int
ewb_next_asked(struct ewb_cookie *c, enum ewb_status status)
{
	c->below.within = 0;
	if (!c->below.wanted)
		return 0;
	if (status == EWB_WOULDBLOCK)
		return 1;
	ewb_slip(c, "answered though the command below is not over");
	c->below.wanted = 0;
	return 0;
}

enum ewb_status
ewb_next_step(struct ewb_cookie *c)
{
	struct ewb_next *n = &c->below;
	enum ewb_status status = EWB_OK;

	if (n->wanted) {
		n->wanted = 0;
		n->ready = 1;
		status = begin(c, n->op, &n->request);
	}
	if (c->child && c->child->away)
		return EWB_WOULDBLOCK;
	if (c->child)
		status = take_result(c);
	if (n->ready)
		c->resumed = n->status = status;
	n->within = 1;
	return EWB_OK;
}

enum ewb_status
ewb_next_get(struct ewb_cookie *c, const struct ewb_request *r)
{
	return next(c, EWB_OP_GET, r);
}

enum ewb_status
ewb_next_store(struct ewb_cookie *c, const struct ewb_request *r)
{
	return next(c, EWB_OP_SET, r);
}

enum ewb_status
ewb_next_remove(struct ewb_cookie *c, const struct ewb_request *r)
{
	return next(c, EWB_OP_DELETE, r);
}

enum ewb_status
ewb_next_flush(struct ewb_cookie *c)
{
	return next(c, EWB_OP_FLUSH, NULL);
}

enum ewb_status
ewb_next_stats(struct ewb_cookie *c)
{
	return next(c, EWB_OP_STATS, NULL);
}

enum ewb_status
ewb_next_own(struct ewb_cookie *c, const struct ewb_request *r)
{
	if (c->op != EWB_OP_OWN || ewb_own_of(c)->instance == c->instance) {
		ewb_slip(c, "ewb_next_own() where it was not asked to");
		return EWB_INTERNAL;
	}
	return next(c, EWB_OP_OWN, r);
}

void
ewb_next_reply(const struct ewb_cookie *c, struct ewb_item *item)
{
	const struct ewb_reply *r = &c->reply;

	item->flags = r->flags;
	item->expiry = r->expiry;
	item->datatype = r->datatype;
	item->cas = r->cas;
	item->seqno = r->seqno;
	item->key = c->request.key;
	item->nkey = c->request.nkey;
	item->value = ewb_reply_data(r);
	item->nvalue = r->len;
	if (!ewb_item_has_use(item))
		return;
	item->accessed = r->accessed;
	item->fetched = r->fetched;
}

unsigned
ewb_next_waits(const struct ewb_cookie *c)
{
	return c->below.waits;
}

/* Cursors. */

static struct ewb_instance *
scanner_below(struct ewb_host *h)
{
	struct ewb_instance *below = ewb_instance_of(h)->below;

	return below ? ewb_instance_scanner(below) : NULL;
}

enum ewb_status
ewb_next_scan_open(struct ewb_host *h, const struct ewb_range *range,
                   void **cursor, uint64_t *count)
{
	struct ewb_instance *i = scanner_below(h);

	if (i == NULL)
		return EWB_NOT_SUPPORTED;
	return i->engine.scan_open(i->self, range, cursor, count);
}

enum ewb_status
ewb_next_scan_next(struct ewb_host *h, void *cursor, struct ewb_sink *sink)
{
	struct ewb_instance *i = scanner_below(h);

	if (i == NULL)
		return EWB_NOT_SUPPORTED;
	return i->engine.scan_next(i->self, cursor, sink);
}

void
ewb_next_scan_close(struct ewb_host *h, void *cursor)
{
	struct ewb_instance *i = scanner_below(h);

	if (i)
		i->engine.scan_close(i->self, cursor);
}

enum ewb_status
ewb_next_scan_seek(struct ewb_host *h, void *cursor,
                   const struct ewb_range *range)
{
	struct ewb_instance *i = scanner_below(h);

	if (i == NULL || i->engine.scan_seek == NULL)
		return EWB_NOT_SUPPORTED;
	return i->engine.scan_seek(i->self, cursor, range);
}

/* Whose command it is. */

static const struct ewb_cookie *
whole(const struct ewb_cookie *c)
{
	while (c->parent)
		c = c->parent;
	return c;
}

const char *
ewb_cookie_command(const struct ewb_cookie *c)
{
	return ewb_cookie_name(whole(c));
}

uint64_t
ewb_cookie_client(const struct ewb_cookie *c, char *name, size_t n)
{
	/* the session is the front end's */
	int known = pthread_equal(c->dispatch->thread, pthread_self()) &&
	            c->session;

	if (name)
		snprintf(name, n, "%s", known ? c->session->name : "");
	return c->client;
}
