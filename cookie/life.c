/* SPDX-License-Identifier: BSD-2-Clause */
/* How a cookie begins and how it ends. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "cookie/dispatch.h"
#include "cookie/stream.h"
#include "lib/check.h"
#include "lib/hot.h"

/* A new one of the process's, with what stays as it is while it is ours. */
static struct ewb_cookie *
new_slot(struct ewb_dispatch *d)
{
	struct ewb_cookie *c = ewb_slot_take();

	if (c == NULL)
		return NULL;
	c->dispatch = d;
	c->letter.deliver = ewb_deliver_notify;
	c->ask.deliver = ewb_deliver_ask;
	c->turn.deliver = ewb_deliver_turn;
	return c;
}

static struct ewb_cookie *
take_slot(struct ewb_dispatch *d)
{
	struct ewb_cookie *c = d->free;

	/* room for the timers of all that are in use, before one is needed */
	if (d->nused >= d->timers.cap &&
	    ewb_heap_reserve(&d->timers, d->nused + 1))
		return NULL;
	if (c == NULL)
		return new_slot(d);
	d->free = c->next;
	return c;
}

/* Nobody else has it yet.  In the order of the struct, so that compilers make
 * few stores of it. */
static void
clear(struct ewb_cookie *c)
{
	c->parent = c->child = NULL;
	c->wait = EWB_WAIT_NOTHING;
	c->status = EWB_OK;
	c->running = c->away = c->done = c->answered = 0;
	c->undone = c->orphan = c->admitted = c->block_refused = 0;
	c->lost = c->timed = c->blocked_by_engine = c->waits_below = 0;
	c->why = 0;
	c->stream_seen = 0;
	c->run_ns = 0;
	c->pins = 0;
	c->next = c->prev = c->older = NULL;
	c->input = NULL;
	c->front_bytes = 0;
	c->front_bits = 0;
	memset(&c->request, 0, sizeof c->request);
	c->state = NULL;
	c->destroy = NULL;
	c->body = NULL;
	c->stored = NULL;
	c->resumed = EWB_NEW;
	ewb_reply_init(&c->reply);
	c->task.ticket.word = 0;
	c->note = 0;
	c->compose.phase = 0;
	c->compose.item = NULL;
	c->compose.joined = NULL;
	c->stream = NULL;
	c->below.within = c->below.wanted = c->below.ready = 0;
	c->below.waits = 0;
}

EWB_HOT struct ewb_cookie *
ewb_cookie_take(struct ewb_dispatch *d, enum ewb_op op, struct ewb_session *s)
{
	struct ewb_cookie *c = take_slot(d);

	if (c == NULL)
		return NULL;
	clear(c);
	c->magic = EWB_COOKIE_MAGIC;
	/* relaxed: nobody else has it yet */
	atomic_store_explicit(&c->slip, NULL, memory_order_relaxed);
	atomic_store_explicit(&c->key_state, EWB_KEY_NONE,
	                      memory_order_relaxed);
	c->instance = s->instance;
	c->client = s->id;
	c->command = &d->core->commands[op];
	c->session = s;
	c->op = op;
	c->nblocks = 0;
	c->deadline_left = d->core->limits.deadline_ms ?
	                           d->core->limits.deadline_ms * 1000ull :
	                           UINT64_MAX;
	c->began = d->now;
	c->blocked_at = c->ended_at = 0;
	d->nused++;
	return c;
}

void
ewb_cookie_recycle(struct ewb_cookie *c)
{
	struct ewb_dispatch *d = c->dispatch;

	d->nused--;
	if (c->lost)
		return;
	c->magic = 0;
	c->next = d->free;
	d->free = c;
}

EWB_HOT void
ewb_cookie_release(struct ewb_cookie *c)
{
	struct ewb_dispatch *d = c->dispatch;

	EWB_LIVE(c, EWB_COOKIE_MAGIC);
	EWB_MUST(c->done && !c->away && !c->running);
	if (c->child) {
		ewb_cookie_release(c->child);
		c->child = NULL;
	}
	ewb_reply_fini(&c->reply, &d->core->chunks);
	/* it is the whole command's */
	if (c->stream && c->parent == NULL)
		ewb_stream_free(c->stream);
	c->stream = NULL;
	if (c->body)
		free(c->body);
	c->body = NULL;
	if (c->stored)
		free(c->stored);
	c->stored = NULL;
	c->session = NULL;
	if (atomic_load(&c->word) & EWB_WORD_ASKED)
		c->answered = 1; /* ewb_deliver_ask() recycles it */
	else
		ewb_cookie_recycle(c);
}

static uint32_t
expiry_of(const struct ewb_cookie *c, const struct ewb_frame *f)
{
	uint32_t now = ewb_clock_wall(&c->dispatch->core->clock);

	return f->is & EWB_IS_BINARY ? ewb_bin_expiry(f->exptime, now) :
	                               ewb_expiry(f->exptime, now);
}

EWB_HOT void
ewb_cookie_fill(struct ewb_cookie *c, const struct ewb_frame *f,
                const uint8_t *value)
{
	struct ewb_request *r = &c->request;

	r->key = f->key;
	r->nkey = f->nkey;
	r->hash = f->nkey ? ewb_key_hash(f->key, f->nkey) : 0;
	r->vbucket = ewb_key_vbucket(r->hash, c->dispatch->core->vbuckets);
	r->datatype = f->is & EWB_IS_BINARY ? ewb_item_datatype(f->datatype) :
	                                      f->datatype;
	r->value = value;
	r->nvalue = f->nvalue;
	r->flags = f->flags;
	r->expiry = f->exptime ? expiry_of(c, f) : 0;
	r->cas = f->cas;
	if (c->op == EWB_OP_OWN) {
		r->extras = f->extras;
		r->nextras = f->nextras;
	}
	r->expect = EWB_EXPECT_ANY;
	if (f->cas || (f->is & EWB_IS_CAS))
		r->expect = EWB_EXPECT_CAS;
	else if (c->op == EWB_OP_ADD)
		r->expect = EWB_EXPECT_ABSENT;
	else if (c->op == EWB_OP_REPLACE)
		r->expect = EWB_EXPECT_PRESENT;
}
