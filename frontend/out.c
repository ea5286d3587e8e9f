/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "cookie/stream.h"
#include "frontend/front.h"
#include "lib/check.h"
#include "lib/hot.h"

#define IOVS 64
/* A connection sends so much at a time, then others have their turn. */
#define SLICE ((size_t)256 * 1024)

EWB_HOT void
ewb_front_unref(struct ewb_front *f, struct ewb_chunk *ch)
{
	EWB_MUST(ch->refs > 0);
	if (--ch->refs)
		return;
	if (f->spare == NULL && ch->cap == EWB_OUT_COPY) {
		f->spare = ch;
		ch->len = 0;
		return;
	}
	ewb_chunk_give(&f->server->core.chunks, ch);
}

static struct ewb_piece *
take_piece(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_piece *p = f->pieces;

	if (p)
		f->pieces = p->next;
	else
		p = malloc(sizeof *p);
	if (p)
		*p = (struct ewb_piece){ 0 };
	return p;
}

static void
give_piece(struct ewb_front *f, struct ewb_piece *p) EWB_ON_FRONT
{
	p->next = f->pieces;
	f->pieces = p;
}

static void
append(struct ewb_out *o, struct ewb_piece *p)
{
	if (o->last)
		o->last->next = p;
	else
		o->first = p;
	o->last = p;
	o->bytes += p->len;
}

/* Copied bytes. */

EWB_HOT static void
copied_done(struct ewb_front *f, struct ewb_out *o, struct ewb_piece *p)
	EWB_ON_FRONT
{
	if (o->filling == p->chunk && p->chunk->refs == 1)
		o->filling = NULL;
	ewb_front_unref(f, p->chunk);
}

/* Does the chunk that is being filled end what is there, with n bytes left? */
static int
has_room(const struct ewb_out *o, size_t n)
{
	const struct ewb_chunk *ch = o->filling;

	return ch && o->last && o->last->chunk == ch && ch->cap - ch->len >= n;
}

static struct ewb_chunk *
take_chunk(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_chunk *ch = f->spare;

	f->spare = NULL;
	if (ch == NULL)
		ch = ewb_chunk_take(&f->server->core.chunks, EWB_OUT_COPY);
	if (ch) {
		ch->refs = 0;
		ch->len = 0;
	}
	return ch;
}

/* A chunk with n bytes left: the one that was being filled before a value came
 * in between, or another. */
static struct ewb_chunk *
open_chunk(struct ewb_front *f, struct ewb_out *o, size_t n) EWB_ON_FRONT
{
	struct ewb_chunk *ch = o->filling;

	if (ch == NULL || ch->cap - ch->len < n)
		ch = take_chunk(f);
	o->filling = ch;
	return ch;
}

EWB_HOT uint8_t *
ewb_out_reserve(struct ewb_front *f, struct ewb_out *o, size_t n)
{
	struct ewb_piece *p;
	struct ewb_chunk *ch;

	EWB_MUST(n <= EWB_OUT_COPY);
	if (has_room(o, n))
		return o->filling->data + o->filling->len;
	p = take_piece(f);
	if (p == NULL)
		return NULL;
	ch = open_chunk(f, o, n);
	if (ch == NULL) {
		give_piece(f, p);
		return NULL;
	}
	ch->refs++;
	p->chunk = ch;
	p->data = ch->data + ch->len;
	p->done = copied_done;
	append(o, p);
	return ch->data + ch->len;
}

EWB_HOT void
ewb_out_commit(struct ewb_out *o, size_t n)
{
	o->last->len += n;
	o->last->chunk->len += (uint32_t)n;
	o->bytes += n;
}

EWB_HOT int
ewb_out_copy(struct ewb_front *f, struct ewb_out *o, const void *data, size_t n)
{
	const uint8_t *from = data;
	uint8_t *to;
	size_t part;

	for (; n; n -= part, from += part) {
		part = n < EWB_OUT_COPY ? n : EWB_OUT_COPY;
		to = ewb_out_reserve(f, o, part);
		if (to == NULL)
			return -1;
		memcpy(to, from, part);
		ewb_out_commit(o, part);
	}
	return 0;
}

/* Values. */

static void
lent_done(struct ewb_front *f, struct ewb_out *o, struct ewb_piece *p)
{
	(void)f;
	(void)o;
	atomic_fetch_sub_explicit(&p->lender->lent, 1, memory_order_relaxed);
	p->release(p->arg);
}

static void
chunk_done(struct ewb_front *f, struct ewb_out *o, struct ewb_piece *p)
{
	(void)o;
	ewb_chunk_give(&f->server->core.chunks, p->chunk);
}

int
ewb_out_value(struct ewb_front *f, struct ewb_out *o, struct ewb_cookie *c)
{
	struct ewb_reply *r = &c->reply;
	struct ewb_piece *p;

	if (r->release == NULL && r->chunk == NULL)
		return ewb_out_copy(f, o, ewb_reply_data(r), r->len);
	p = take_piece(f);
	if (p == NULL)
		return -1;
	p->data = ewb_reply_data(r);
	p->len = r->len;
	if (r->release) {
		p->release = r->release;
		p->arg = r->release_arg;
		p->lender = r->lender;
		p->done = lent_done;
		atomic_fetch_add_explicit(&r->lender->lent, 1,
		                          memory_order_relaxed);
	} else {
		p->chunk = r->chunk;
		p->done = chunk_done;
	}
	r->release = NULL;
	r->lent = NULL;
	r->chunk = NULL;
	append(o, p);
	return 0;
}

/* Streams. */

static void
stream_done(struct ewb_front *f, struct ewb_out *o, struct ewb_piece *p)
	EWB_ON_FRONT
{
	struct ewb_cookie *c = p->cookie;

	(void)f;
	(void)o;
	ewb_stream_give(c->stream, p->chunk);
	if (--c->front_bytes == 0)
		ewb_order_unlinger(c);
}

int
ewb_out_stream(struct ewb_front *f, struct ewb_out *o, struct ewb_cookie *c,
               struct ewb_chunk *ch)
{
	struct ewb_piece *p = take_piece(f);

	if (p == NULL) {
		ewb_stream_give(c->stream, ch);
		return -1;
	}
	p->data = ch->data;
	p->len = ch->len;
	p->chunk = ch;
	p->cookie = c;
	p->done = stream_done;
	c->front_bytes++;
	append(o, p);
	return 0;
}

/* Sending. */

static void
pop(struct ewb_front *f, struct ewb_out *o) EWB_ON_FRONT
{
	struct ewb_piece *p = o->first;

	o->first = p->next;
	if (o->first == NULL)
		o->last = NULL;
	o->bytes -= p->len;
	p->done(f, o, p);
	give_piece(f, p);
}

static size_t
gather(const struct ewb_out *o, struct iovec *v, size_t *bytes)
{
	size_t n = 0;

	*bytes = 0;
	for (struct ewb_piece *p = o->first; p && n < IOVS && *bytes < SLICE;
	     p = p->next) {
		size_t len = p->len < SLICE - *bytes ? p->len : SLICE - *bytes;

		v[n].iov_base = (void *)p->data;
		v[n++].iov_len = len;
		*bytes += len;
	}
	return n;
}

static void
advance(struct ewb_front *f, struct ewb_out *o, size_t sent) EWB_ON_FRONT
{
	struct ewb_piece *p;

	while ((p = o->first) != NULL && sent >= p->len) {
		sent -= p->len;
		pop(f, o);
	}
	if (sent) {
		p->data += sent;
		p->len -= sent;
		o->bytes -= sent;
	}
}

EWB_HOT static ssize_t
send_some(const struct ewb_out *o, int fd, size_t *whole)
{
	struct iovec v[IOVS];
	struct msghdr m = { .msg_iov = v };

	m.msg_iovlen = gather(o, v, whole);
	if (m.msg_iovlen == 1)
		return send(fd, v[0].iov_base, v[0].iov_len, MSG_NOSIGNAL);
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

EWB_HOT int
ewb_out_send(struct ewb_front *f, struct ewb_out *o, int fd)
{
	size_t whole, sent = 0;
	ssize_t n;

	while (o->bytes) {
		if (sent >= SLICE)
			return -EAGAIN; /* it is asked again whether it can */
		n = send_some(o, fd, &whole);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		EWB_COUNT(&f->d.counters, writes);
		EWB_COUNT_N(&f->d.counters, bytes_written, (uint64_t)n);
		advance(f, o, (size_t)n);
		o->sent += (uint64_t)n;
		sent += (size_t)n;
		if ((size_t)n < whole)
			return -EAGAIN;
	}
	/* pieces without bytes, if any */
	while (o->first)
		pop(f, o);
	return 0;
}

void
ewb_out_drop(struct ewb_front *f, struct ewb_out *o)
{
	while (o->first)
		pop(f, o);
}
