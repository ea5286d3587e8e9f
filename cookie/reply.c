/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cookie/cookie.h"
#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "lib/chunks.h"
#include "lib/hot.h"

/* The mark that makes a notify from elsewhere refuse itself.  Relaxed: it is a
 * net for an engine's mistake, not what keeps threads apart. */
static uint32_t
begin(struct ewb_cookie *c)
{
	uint32_t was = atomic_load_explicit(&c->filling, memory_order_relaxed);

	atomic_store_explicit(&c->filling, 1, memory_order_relaxed);
	return was;
}

static void
end(struct ewb_cookie *c, uint32_t was)
{
	atomic_store_explicit(&c->filling, was, memory_order_relaxed);
}

EWB_HOT const uint8_t *
ewb_reply_data(const struct ewb_reply *r)
{
	if (r->lent)
		return r->lent;
	return r->chunk ? r->chunk->data : r->small;
}

void
ewb_reply_clear(struct ewb_reply *r, struct ewb_chunks *chunks)
{
	void (*release)(void *) = r->release;

	if (r->chunk)
		ewb_chunk_give(chunks, r->chunk);
	r->chunk = NULL;
	r->lent = NULL;
	r->len = 0;
	r->release = NULL;
	if (release)
		release(r->release_arg);
}

EWB_HOT void
ewb_reply_fini(struct ewb_reply *r, struct ewb_chunks *chunks)
{
	if (r->chunk || r->release)
		ewb_reply_clear(r, chunks);
}

/* Room for n more copied bytes. */
static uint8_t *
room(struct ewb_cookie *c, size_t n)
{
	struct ewb_reply *r = &c->reply;
	struct ewb_chunks *chunks = &c->dispatch->core->chunks;
	size_t cap = r->chunk ? r->chunk->cap : sizeof r->small;
	struct ewb_chunk *bigger;

	if (r->lent)
		ewb_reply_clear(r, chunks);
	if (n > SIZE_MAX / 4 - r->len)
		return NULL;
	if (r->len + n > cap) {
		size_t want = r->len + n;

		/* doubling, so that many small appends stay linear */
		bigger = ewb_chunk_take(chunks, r->len * 2 > want ? r->len * 2 :
		                                                    want);
		if (bigger == NULL)
			return NULL;
		memcpy(bigger->data, ewb_reply_data(r), r->len);
		if (r->chunk)
			ewb_chunk_give(chunks, r->chunk);
		r->chunk = bigger;
	}
	r->len += n;
	return (r->chunk ? r->chunk->data : r->small) + r->len - n;
}

static enum ewb_status
append(struct ewb_cookie *c, const void *data, size_t n)
{
	uint8_t *to = room(c, n);

	if (to == NULL)
		return EWB_NO_MEMORY;
	if (n)
		memcpy(to, data, n);
	return EWB_OK;
}

enum ewb_status
ewb_reply_value(struct ewb_cookie *c, const void *data, size_t n)
{
	uint32_t was = begin(c);
	enum ewb_status status = append(c, data, n);

	end(c, was);
	return status;
}

static void
lend(struct ewb_cookie *c, const struct ewb_item *i, void (*release)(void *),
     void *arg)
{
	struct ewb_reply *r = &c->reply;

	ewb_reply_fini(r, &c->dispatch->core->chunks);
	r->lent = i->value ? i->value : (const void *)"";
	r->len = i->nvalue;
	r->release = release;
	r->release_arg = arg;
	r->lender = c->instance;
}

static void
set_use(struct ewb_reply *r, const struct ewb_item *i)
{
	int has = ewb_item_has_use(i);

	r->accessed = has ? i->accessed : 0;
	r->fetched = has ? i->fetched : EWB_FETCHED_UNKNOWN;
}

EWB_HOT enum ewb_status
ewb_reply_item(struct ewb_cookie *c, const struct ewb_item *i,
               void (*release)(void *), void *arg)
{
	struct ewb_reply *r = &c->reply;
	uint32_t was = begin(c);
	enum ewb_status status = EWB_OK;

	r->flags = i->flags;
	r->expiry = i->expiry;
	r->datatype = i->datatype;
	r->cas = i->cas;
	r->seqno = i->seqno;
	set_use(r, i);
	if (release) {
		lend(c, i, release, arg);
	} else {
		ewb_reply_clear(r, &c->dispatch->core->chunks);
		status = append(c, i->value, i->nvalue);
	}
	end(c, was);
	return status;
}

EWB_HOT void
ewb_reply_cas(struct ewb_cookie *c, uint64_t cas)
{
	uint32_t was = begin(c);

	c->reply.cas = cas;
	end(c, was);
}

EWB_HOT void
ewb_reply_token(struct ewb_cookie *c, uint64_t uuid, uint64_t seqno)
{
	uint32_t was = begin(c);

	c->reply.uuid = uuid;
	c->reply.seqno = seqno;
	end(c, was);
	ewb_awaits_made(&c->dispatch->core->awaits, c->request.vbucket, seqno);
}

void
ewb_reply_number(struct ewb_cookie *c, uint64_t number)
{
	uint32_t was = begin(c);

	c->reply.has_number = 1;
	c->reply.number = number;
	end(c, was);
}

void
ewb_reply_context(struct ewb_cookie *c, const char *text)
{
	c->reply.context = text;
}

void
ewb_reply_retry(struct ewb_cookie *c, uint32_t ms)
{
	c->reply.retry_ms = ms;
}

enum ewb_status
ewb_reply_stat(struct ewb_cookie *c, const char *name, const char *fmt, ...)
{
	char text[512];
	uint32_t was = begin(c);
	enum ewb_status status;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	c->reply.stats = 1;
	status = append(c, name, strlen(name) + 1);
	if (status == EWB_OK)
		status = append(c, text, n < 0 ? 0 : strlen(text));
	if (status == EWB_OK)
		status = append(c, "", 1);
	end(c, was);
	return status;
}
