/* SPDX-License-Identifier: BSD-2-Clause */
/* What a command answers, until its front end writes it in the client's
 * protocol.  Small parts are copied here; a value may be lent instead. */
#ifndef COOKIE_REPLY_H
#define COOKIE_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include <ewb/engine.h>

#define EWB_REPLY_SMALL 128

struct ewb_chunk;
struct ewb_chunks;
struct ewb_instance;

struct ewb_reply {
	uint32_t flags, expiry, datatype;
	uint32_t stats;      /* the body is statistics; see below */
	uint64_t cas, seqno;
	uint64_t uuid;       /* a mutation's: with seqno its token; 0: none */
	uint32_t accessed;   /* as in struct ewb_item */
	enum ewb_fetched fetched;
	const char *context; /* static: why a status is an error */
	uint32_t retry_ms;   /* of one that will pass; 0: nobody knows when */
	uint32_t has_number; /* the answer is a number */
	uint64_t number;
	/* The value: lent, or len bytes copied, to small or to the chunk. */
	const uint8_t *lent;
	size_t len;
	void (*release)(void *arg);
	void *release_arg;
	struct ewb_instance *lender; /* with release: whose it is */
	struct ewb_chunk *chunk;
	uint32_t has_extras; /* the framework's: nextras bytes of extras */
	uint8_t extras[16];
	uint8_t small[EWB_REPLY_SMALL];
};

/* One of an older engine or filter ends before. */
static inline int
ewb_item_has_use(const struct ewb_item *i)
{
	return i->size >= offsetof(struct ewb_item, fetched) +
	                          sizeof i->fetched;
}

/* Nothing in it.  Its extras and its small part may hold anything. */
static inline void
ewb_reply_init(struct ewb_reply *r)
{
	r->flags = r->expiry = r->datatype = r->stats = 0;
	r->cas = r->seqno = r->uuid = 0;
	r->accessed = 0;
	r->fetched = EWB_FETCHED_UNKNOWN;
	r->context = NULL;
	r->retry_ms = 0;
	r->lent = NULL;
	r->len = 0;
	r->release = NULL;
	r->release_arg = NULL;
	r->chunk = NULL;
	r->has_extras = r->has_number = 0;
}

/* Statistics in a body: name, 0, text, 0, and so on. */

/* holder: the value's bytes. */
const uint8_t *ewb_reply_data(const struct ewb_reply *r);
/* front: gives back what it holds. */
void ewb_reply_fini(struct ewb_reply *r, struct ewb_chunks *chunks);
/* holder: drops the value, keeps the rest. */
void ewb_reply_clear(struct ewb_reply *r, struct ewb_chunks *chunks);
/* holder: a static text that explains an error status. */
void ewb_reply_context(struct ewb_cookie *c, const char *text);
/* holder: when to try again, of EWB_BUSY. */
void ewb_reply_retry(struct ewb_cookie *c, uint32_t ms);

#endif
