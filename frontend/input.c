/* SPDX-License-Identifier: BSD-2-Clause */
/* From the socket to the parsers.
 *
 * Input is received into the free end of the front end's arena, and parsed
 * there.  A command that is kept holds a reference to its arena; a large value
 * is received into a buffer of its own.  What is incomplete at the end of a
 * slice moves to a small buffer, so that a silent connection holds no arena.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "frontend/admit.h"
#include "frontend/login.h"
#include "lib/check.h"
#include "lib/hot.h"
#include "lib/secret.h"
#include "protocol/binary.h"

#define READ_MIN 4096u
#define READ_MAX (32u * 1024)
#define BODY_MIN (16u * 1024) /* larger values get a buffer of their own */
#define BODY_MAX ((size_t)64 << 20)
/* Between looks at the clock: commands, and bytes of what they answer. */
#define SLICE_LOOK 16
#define SLICE_BYTES (16u * 1024)

/* Input that is let go, or has moved on, if a password may be in it. */
static void
forget(struct ewb_conn *n, uint8_t *p, size_t len) EWB_ON_FRONT
{
	if (n->locked || (n->front->server->users &&
	                  n->proto == EWB_PROTO_BINARY && ewb_bin_is_sasl(p, len)))
		ewb_secret_wipe(p, len);
}

EWB_HOT void
ewb_input_drop(struct ewb_conn *n)
{
	if (n->in && n->start < n->end)
		forget(n, n->in->data + n->start, n->end - n->start);
	if (n->in)
		ewb_front_unref(n->front, n->in);
	n->in = NULL;
	n->start = n->end = 0;
	if (n->part)
		forget(n, n->part, n->npart);
	free(n->part);
	n->part = NULL;
	n->npart = 0;
}

/* More of a large value, or less. */
static void
count_body(struct ewb_conn *n, size_t bytes) EWB_ON_FRONT
{
	n->body_have += bytes;
	/* relaxed: a sum, by which nothing else is found */
	atomic_fetch_add_explicit(&n->front->server->receiving, bytes,
	                          memory_order_relaxed);
}

static void
drop_body(struct ewb_conn *n) EWB_ON_FRONT
{
	if (n->body_in)
		ewb_front_unref(n->front, n->body_in);
	n->body_in = NULL;
	free(n->body_frame);
	n->body_frame = NULL;
	free(n->body);
	n->body = NULL;
	if (n->body_have)
		count_body(n, -n->body_have);
}

void
ewb_input_fini(struct ewb_conn *n)
{
	drop_body(n);
	ewb_input_drop(n);
}

/* An arena with room for n bytes; null: no memory. */
static struct ewb_chunk *
arena(struct ewb_front *f, size_t n) EWB_ON_FRONT
{
	struct ewb_chunk *a = f->arena;

	if (a && a->refs == 1)
		a->len = 0; /* nobody's bytes are in it */
	if (a && a->cap - a->len >= n)
		return a;
	a = ewb_chunk_take(&f->server->core.chunks, n > EWB_ARENA ? n : EWB_ARENA);
	if (a == NULL)
		return NULL;
	a->refs = 1;
	a->len = 0;
	if (f->arena)
		ewb_front_unref(f, f->arena);
	f->arena = a;
	return a;
}

/* Makes n->in end where the arena's free part begins. */
EWB_HOT static int
prepare(struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;
	struct ewb_chunk *old = n->in, *a;
	const uint8_t *from = old ? old->data + n->start : n->part;
	size_t left = old ? n->end - n->start : n->npart;

	if (old && old == f->arena && n->end == old->len &&
	    old->cap - old->len >= READ_MIN)
		return 0;
	a = arena(f, left + READ_MIN);
	if (a == NULL)
		return -1;
	a->refs++;
	if (left)
		memcpy(a->data + a->len, from, left);
	ewb_input_drop(n);
	n->in = a;
	n->start = a->len;
	a->len += (uint32_t)left;
	n->end = a->len;
	return 0;
}

static int
read_failed(struct ewb_conn *n, ssize_t got, int err) EWB_ON_FRONT
{
	if (got == 0) {
		n->pause |= EWB_PAUSE_EOF;
		return 1; /* what is here may still be run */
	}
	if (err == EAGAIN || err == EINTR)
		return 0;
	EWB_COUNT(&n->front->d.counters, closed_gone);
	ewb_conn_close(n);
	return -1;
}

static void
count_read(struct ewb_conn *n, ssize_t got) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;

	EWB_COUNT(&f->d.counters, reads);
	EWB_COUNT_N(&f->d.counters, bytes_read, (uint64_t)got);
	n->heard_at = f->d.now;
	n->hungry = 0;
}

static int
read_body(struct ewb_conn *n) EWB_ON_FRONT
{
	ssize_t got = recv(n->fd, n->body + n->body_have,
	                   n->body_want - n->body_have, 0);

	if (got <= 0)
		return read_failed(n, got, errno);
	count_read(n, got);
	count_body(n, (size_t)got);
	return 1;
}

EWB_HOT int
ewb_input_read(struct ewb_conn *n)
{
	size_t room;
	ssize_t got;

	if (n->body)
		return read_body(n);
	if (prepare(n)) {
		ewb_conn_close(n);
		return -1;
	}
	room = n->in->cap - n->in->len;
	if (room > READ_MAX)
		room = READ_MAX;
	got = recv(n->fd, n->in->data + n->end, room, 0);
	if (got <= 0)
		return read_failed(n, got, errno);
	count_read(n, got);
	n->end += (uint32_t)got;
	n->in->len += (uint32_t)got;
	return 1;
}

/* Input to be parsed later, in place of what is here.  -1: no memory. */
static int
park(struct ewb_conn *n, const uint8_t *data, size_t len) EWB_ON_FRONT
{
	uint8_t *part = malloc(len);

	if (part == NULL)
		return -1;
	memcpy(part, data, len);
	ewb_input_drop(n);
	n->part = part;
	n->npart = (uint32_t)len;
	return 0;
}

/* What is left moves out of the arena. */
static void
park_rest(struct ewb_conn *n) EWB_ON_FRONT
{
	if (n->in == NULL)
		return;
	if (n->start == n->end)
		ewb_input_drop(n);
	else
		/* without memory it stays where it is */
		(void)park(n, n->in->data + n->start, n->end - n->start);
}

static void
fatal(struct ewb_conn *n, const char *why) EWB_ON_FRONT
{
	struct ewb_front *f = n->front;

	EWB_COUNT(&f->d.counters, frames_fatal);
	ewb_log(&f->server->core.log, EWB_LOG_DEBUG, "connection %s: closed: %s",
	        n->session.name, why);
	n->pause |= EWB_PAUSE_ENDED;
}

/* What is unknown to the protocol may be the engine's own. */
EWB_HOT static enum ewb_parse
own(struct ewb_conn *n, enum ewb_parse got, struct ewb_frame *f) EWB_ON_FRONT
{
	const struct ewb_core *core = &n->front->server->core;
	const uint8_t *p = n->in->data + n->start;
	size_t len = n->end - n->start, max = core->limits.max_item;

	if (got != EWB_PARSE_OK || f->op != EWB_OP_ERROR ||
	    f->status != EWB_UNKNOWN_COMMAND || core->own_rules.n == 0)
		return got;
	if (n->proto == EWB_PROTO_BINARY)
		return ewb_bin_own(&core->own_rules, p, len, max, f);
	ewb_text_own(&core->own_rules, p, max, f);
	return got;
}

static enum ewb_parse
parse(struct ewb_conn *n, struct ewb_frame *f) EWB_ON_FRONT
{
	const uint8_t *p = n->in->data + n->start;
	size_t len = n->end - n->start, max = n->front->server->core.limits.max_item;
	size_t body = max * 4 > BODY_MAX ? max * 4 : BODY_MAX;
	enum ewb_parse got;

	if (n->proto == EWB_PROTO_UNKNOWN)
		n->proto = *p >= 0x80 || *p == 0x08 ? EWB_PROTO_BINARY :
		                                      EWB_PROTO_TEXT;
	if (n->proto == EWB_PROTO_BINARY && n->session.checks & EWB_CHECK_PREFIX)
		got = own(n, ewb_bin_parse_prefixed(p, len, max, body, f), f);
	else if (n->proto == EWB_PROTO_BINARY)
		got = own(n, ewb_bin_parse(p, len, max, body, f), f);
	else
		got = own(n, ewb_text_parse(&n->text, p, len, max, f), f);
	if (n->locked && got == EWB_PARSE_OK)
		ewb_login_gate(n, f);
	return got;
}

/* One command in EWB_SAMPLE is timed; see ewb_tally_command(). */
static enum ewb_parse
parse_next(struct ewb_conn *n, struct ewb_frame *f) EWB_ON_FRONT
{
	const struct ewb_clock *clock = &n->front->server->core.clock;
	struct ewb_latency *l = &n->front->d.latency;
	int timed = l->skip == 0;
	uint64_t ns = timed ? ewb_clock_ns(clock) : 0;
	enum ewb_parse got = parse(n, f);

	if (!timed || got != EWB_PARSE_OK || f->op == EWB_OP_END)
		return got;
	ns = ewb_clock_ns(clock) - ns;
	f->parse_ns = ns < UINT32_MAX ? (uint32_t)ns + 1 : UINT32_MAX;
	return got;
}

/* A text value that does not end in a line end; *take: what of the tail it
 * takes. */
static int
bad_chunk(struct ewb_conn *n, const struct ewb_frame *f, const uint8_t *tail,
          size_t *take) EWB_ON_FRONT
{
	struct ewb_frame bad = { .op = EWB_OP_ERROR,
		                 .is = f->is & EWB_IS_NOREPLY,
		                 .status = EWB_INVALID,
		                 .reason = "CLIENT_ERROR bad data chunk" };

	*take = ewb_text_resync(&n->text, tail, f->tail);
	return ewb_order_add(n, &bad, NULL, NULL, NULL);
}

/* What was received behind its end goes back to the input. */
static int
bad_body(struct ewb_conn *n) EWB_ON_FRONT
{
	const struct ewb_frame *f = n->body_frame;
	const uint8_t *tail = n->body + f->nvalue;
	size_t take;
	int err = bad_chunk(n, f, tail, &take);

	if (err == 0 && take < f->tail)
		err = park(n, tail + take, f->tail - take);
	drop_body(n);
	return err;
}

/* The large value is whole. */
static int
run_body(struct ewb_conn *n) EWB_ON_FRONT
{
	const struct ewb_frame *f = n->body_frame;
	uint8_t *body = n->body;
	int err;

	if (f->tail && !ewb_text_tail_ok(body + f->nvalue, f->tail))
		return bad_body(n);
	n->body = NULL; /* the command's */
	err = ewb_order_add(n, f, body, n->body_in, body);
	drop_body(n);
	return err;
}

/* Of all connections together. */
static int
receives_too_much(const struct ewb_server *s)
{
	return atomic_load_explicit(&s->receiving, memory_order_relaxed) >
	       s->o.buffer_memory;
}

/* Many are slow with theirs: it is let go, and what follows of it thrown away. */
static int
refuse_body(struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_frame bad = *n->body_frame;

	bad.op = EWB_OP_ERROR;
	bad.key = bad.extras = NULL; /* they go with the body */
	bad.nkey = bad.nextras = 0;
	bad.is &= EWB_IS_BINARY | EWB_IS_NOREPLY;
	bad.status = EWB_NO_MEMORY;
	bad.reason = "SERVER_ERROR out of memory storing object";
	if (bad.is & EWB_IS_BINARY)
		bad.reason = "too many large values are being received";
	n->skip = n->body_want - n->body_have;
	drop_body(n);
	return ewb_order_add(n, &bad, NULL, NULL, NULL);
}

/* The head, which is kept for as long as the body takes, in a chunk of its own:
 * the arena holds what others have sent, too. */
static int
keep_head(struct ewb_conn *n, const struct ewb_frame *f) EWB_ON_FRONT
{
	const uint8_t *from = n->in->data + n->start;
	struct ewb_chunk *ch =
		ewb_chunk_take(&n->front->server->core.chunks, f->head);

	if (ch == NULL)
		return -1;
	ch->refs = 1;
	ch->len = (uint32_t)f->head;
	memcpy(ch->data, from, f->head);
	n->body_in = ch;
	*n->body_frame = *f;
	if (f->key)
		n->body_frame->key = ch->data + (f->key - from);
	if (f->extras)
		n->body_frame->extras = ch->data + (f->extras - from);
	return 0;
}

/* A large value that is not all here: gets a buffer, and what is here. */
static int
begin_body(struct ewb_conn *n, const struct ewb_frame *f, size_t here)
	EWB_ON_FRONT
{
	size_t have = here - f->head;

	n->body_want = f->nvalue + f->tail;
	n->body = malloc(n->body_want);
	n->body_frame = malloc(sizeof *f);
	if (n->body == NULL || n->body_frame == NULL || keep_head(n, f)) {
		drop_body(n);
		return -1;
	}
	if (f->parse_ns)
		n->front->d.latency.skip = EWB_SAMPLE - 1; /* others come before it */
	memcpy(n->body, n->in->data + n->start + f->head, have);
	count_body(n, have);
	n->start = n->end;
	return 0;
}

/* Throws away what is to be skipped.  1: all of it. */
static int
skip(struct ewb_conn *n) EWB_ON_FRONT
{
	size_t left = n->end - n->start;
	size_t take = n->skip < left ? n->skip : left;

	n->start += (uint32_t)take;
	n->skip -= take;
	return n->skip == 0;
}

enum next { RAN, NEEDS_INPUT, FAILED };

/* One frame, whose head is here. */
static enum next
run_frame(struct ewb_conn *n, struct ewb_frame *f) EWB_ON_FRONT
{
	size_t here = n->end - n->start, whole = f->head + f->nvalue + f->tail;
	const uint8_t *value = n->in->data + n->start + f->head;
	size_t take;
	int err;

	if (f->is & EWB_IS_SKIP) {
		n->start += (uint32_t)f->head;
		n->skip = f->nvalue + f->tail;
		return ewb_order_add(n, f, NULL, NULL, NULL) ? FAILED : RAN;
	}
	if (whole > here) {
		if (f->nvalue < BODY_MIN)
			return NEEDS_INPUT;
		return begin_body(n, f, here) ? FAILED : NEEDS_INPUT;
	}
	if (f->tail && !ewb_text_tail_ok(value + f->nvalue, f->tail)) {
		err = bad_chunk(n, f, value + f->nvalue, &take);
		n->start += (uint32_t)(f->head + f->nvalue + take);
		return err ? FAILED : RAN;
	}
	n->start += (uint32_t)whole;
	return ewb_order_add(n, f, value, n->in, NULL) ? FAILED : RAN;
}

static enum next
run_one(struct ewb_conn *n) EWB_ON_FRONT
{
	struct ewb_frame f;

	if (n->body) {
		if (n->body_have < n->body_want &&
		    receives_too_much(n->front->server))
			return refuse_body(n) ? FAILED : RAN;
		if (n->body_have < n->body_want)
			return NEEDS_INPUT;
		return run_body(n) ? FAILED : RAN;
	}
	if (n->skip && !skip(n))
		return NEEDS_INPUT;
	if (n->start == n->end)
		return NEEDS_INPUT;
	switch (parse_next(n, &f)) {
	case EWB_PARSE_OK: return run_frame(n, &f);
	case EWB_PARSE_MORE:
		n->start += (uint32_t)f.head; /* blanks, a skipped line */
		return NEEDS_INPUT;
	case EWB_PARSE_CLOSE: break;
	}
	fatal(n, f.reason);
	return NEEDS_INPUT;
}

/* Sets the pauses for the limits.  1: paused. */
static int
paused(struct ewb_conn *n) EWB_ON_FRONT
{
	const struct ewb_server_options *o = &n->front->server->o;
	struct ewb_counters *s = &n->front->d.counters;

	if (n->nflight + n->front->ngathered >= o->in_flight)
		ewb_order_run(n);
	if (n->nflight >= o->in_flight && !(n->pause & EWB_PAUSE_IN_FLIGHT)) {
		n->pause |= EWB_PAUSE_IN_FLIGHT;
		EWB_COUNT(s, paused_in_flight);
	}
	if (ewb_conn_full(n) && !(n->pause & EWB_PAUSE_UNREAD)) {
		n->pause |= EWB_PAUSE_UNREAD;
		EWB_COUNT(s, paused_unread);
	}
	return (n->pause & ~EWB_PAUSE_EOF) != 0;
}

/* unsent: what the connection had to send when it was looked at last. */
static int
slice_over(struct ewb_conn *n, unsigned count, uint64_t began, size_t *unsent)
	EWB_ON_FRONT
{
	if (count % SLICE_LOOK && n->out.bytes < *unsent + SLICE_BYTES)
		return 0;
	*unsent = n->out.bytes;
	return ewb_clock_us(&n->front->server->core.clock) - began > EWB_TURN_US;
}

/* Unparked, if it was. */
static int
unpark(struct ewb_conn *n) EWB_ON_FRONT
{
	if (n->in || n->npart == 0)
		return 0;
	return prepare(n);
}

/* Runs up to max frames; *next is what stopped it, RAN if the input did not. */
EWB_HOT static unsigned
run_frames(struct ewb_conn *n, unsigned max, enum next *next, int *more)
	EWB_ON_FRONT
{
	uint64_t began = n->front->d.now;
	size_t unsent = n->out.bytes;
	unsigned count = 0;
	struct ewb_chunk *locked;
	uint32_t from;

	*next = RAN;
	while (n->in || n->body) {
		if (paused(n))
			break;
		if (count && (n->start < n->end || n->body) &&
		    (count >= max || slice_over(n, count, began, &unsent))) {
			*more = 1;
			break;
		}
		locked = n->locked ? n->in : NULL;
		from = n->start;
		*next = run_one(n);
		/* of one that has to log in nothing is left where it came */
		if (locked && n->in == locked)
			ewb_secret_wipe(locked->data + from, n->start - from);
		if (*next != RAN)
			break;
		count++;
	}
	ewb_order_run(n);
	return count;
}

EWB_HOT unsigned
ewb_input_run(struct ewb_conn *n, unsigned max, int *more)
{
	unsigned count;
	enum next next;

	*more = 0;
	if (unpark(n)) {
		ewb_conn_close(n);
		return 0;
	}
	count = run_frames(n, max, &next, more);
	if (next == RAN && (n->in || n->body))
		return count; /* paused, or its slice is over */
	n->hungry = next == NEEDS_INPUT;
	if (next == FAILED) {
		ewb_conn_close(n); /* no memory: nothing sensible can follow */
		return count;
	}
	if (n->pause & (EWB_PAUSE_EOF | EWB_PAUSE_ENDED)) {
		ewb_input_fini(n); /* nobody will complete it */
	} else {
		park_rest(n);
	}
	return count;
}

EWB_HOT int
ewb_input_left(const struct ewb_conn *n)
{
	return !n->hungry && (n->end > n->start || n->npart || n->body);
}
