/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies of the binary protocol. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cookie/stream.h"
#include "frontend/answer.h"
#include "frontend/bucket.h"
#include "lib/hot.h"
#include "protocol/binary.h"

#define JSON 1u /* the datatype */
/* When to try again what the limit of blocked commands has refused. */
#define RETRY_MS 100u
/* Framing extras, at most. */
#define FRAMING_MAX (EWB_BIN_DURATION + EWB_STREAM_TAIL)

/* What is deleted has no cas, to plain clients, nor has an error, whatever the
 * engine said; what is away is not ours. */
static int
has_cas(const struct ewb_cookie *c)
{
	return !c->answered && c->status == EWB_OK &&
	       (c->op != EWB_OP_DELETE || c->front_bits & EWB_FRONT_TOKENS);
}

/* A successful mutation's, for those who have asked for it; bytes, 0: none. */
static size_t
token(const struct ewb_cookie *c, uint8_t out[16])
{
	if (!(c->front_bits & EWB_FRONT_TOKENS) || c->reply.uuid == 0)
		return 0;
	ewb_put64(out, c->reply.uuid);
	ewb_put64(out + 8, c->reply.seqno);
	return 16;
}

/* What is written of it is given framing extras: how long it took, and those of a
 * stream's end.  How long it is then. */
static size_t
frame(struct ewb_conn *n, const struct ewb_cookie *c, uint8_t *frame, size_t len)
	EWB_ON_FRONT
{
	const struct ewb_stream *s = c->answered ? NULL : c->stream;
	uint8_t extras[FRAMING_MAX], at = 0;

	if (c->front_bits & EWB_FRONT_TRACED) {
		ewb_bin_duration(extras, n->front->d.now - c->began);
		at = EWB_BIN_DURATION;
	}
	if (s && s->ntail && !ewb_is_error(c->status)) {
		memcpy(extras + at, s->tail, s->ntail);
		at = (uint8_t)(at + s->ntail);
	}
	if (at)
		ewb_bin_frame(frame, len, extras, at);
	return len + at;
}

/* Those errors that have a value have one in JSON. */
static uint8_t
datatype_of(const struct ewb_conn *n, const struct ewb_cookie *c, size_t nvalue)
{
	if (ewb_is_get(c) && c->status == EWB_OK && !c->answered)
		return ewb_item_datatype(c->reply.datatype);
	if (nvalue == 0 || !EWB_HAS_FEATURE(n->session.features, JSON))
		return 0;
	if (ewb_is_error(c->status))
		return JSON;
	return ewb_bucket_says(c->op) ? c->reply.datatype & JSON : 0;
}

/* Room for a frame, with what comes before the value, *head bytes, written to
 * it; null: no memory.  small bytes of value are to follow in the same place. */
EWB_HOT static uint8_t *
bin_begin(struct ewb_conn *n, struct ewb_cookie *c, const void *extras,
          size_t nextras, size_t nkey, size_t nvalue, size_t small, size_t *head)
	EWB_ON_FRONT
{
	struct ewb_bin_reply r = {
		.opcode = c->frame.opcode,
		.nextras = (uint8_t)nextras,
		.datatype = datatype_of(n, c, nvalue),
		.nkey = (uint16_t)nkey,
		.status = (uint16_t)c->status,
		.nbody = (uint32_t)(nextras + nkey + nvalue),
		.opaque = c->frame.opaque,
		.cas = has_cas(c) ? c->reply.cas : 0,
	};
	uint8_t *to;

	*head = EWB_BIN_HEAD + nextras + nkey;
	to = ewb_out_reserve(n->front, &n->out, *head + FRAMING_MAX + small);
	if (to == NULL)
		return NULL;
	ewb_bin_head(to, &r);
	if (nextras)
		memcpy(to + EWB_BIN_HEAD, extras, nextras);
	if (nkey)
		memcpy(to + EWB_BIN_HEAD + nextras, c->frame.key, nkey);
	if (c->front_bits & EWB_FRONT_TRACED || c->stream)
		*head = frame(n, c, to, *head);
	return to + *head;
}

/* A frame with what comes before the value; the value, nvalue bytes, follows. */
static int
bin_head(struct ewb_conn *n, struct ewb_cookie *c, const void *extras,
         size_t nextras, size_t nkey, size_t nvalue) EWB_ON_FRONT
{
	size_t head;

	if (!bin_begin(n, c, extras, nextras, nkey, nvalue, 0, &head))
		return -1;
	ewb_out_commit(&n->out, head);
	return 0;
}

/* A frame with the reply's value. */
EWB_HOT static int
bin_value(struct ewb_conn *n, struct ewb_cookie *c, const void *extras,
          size_t nextras, size_t nkey) EWB_ON_FRONT
{
	size_t len = c->reply.len, head;
	uint8_t *to;

	if (len >= EWB_LEND_MIN)
		return bin_head(n, c, extras, nextras, nkey, len) ||
		       ewb_out_value(n->front, &n->out, c);
	to = bin_begin(n, c, extras, nextras, nkey, len, len, &head);
	if (to == NULL)
		return -1;
	memcpy(to, ewb_reply_data(&c->reply), len);
	ewb_out_commit(&n->out, head + len);
	return 0;
}

static const char *
context(const struct ewb_cookie *c)
{
	if (c->op == EWB_OP_ERROR)
		return c->frame.reason;
	if (c->undone)
		return "temporary failure";
	if (c->answered)
		return c->command->mutates ? "outcome unknown" :
		                             "temporary failure";
	return c->reply.context;
}

/* What a client can go by, beside the text. */
static void
error_more(const struct ewb_cookie *c, char more[EWB_BIN_MORE_MAX]) EWB_ON_FRONT
{
	const struct ewb_collections *all = c->dispatch->core->collections;
	uint32_t status = (uint32_t)c->status, ms = 0;

	if (!c->answered && (status == EWB_WIRE_BUSY ||
	                     status == EWB_WIRE_WOULD_THROTTLE))
		ms = c->block_refused ? RETRY_MS : c->reply.retry_ms;
	more[0] = '\0';
	if (status == EWB_WIRE_UNKNOWN_COLLECTION ||
	    status == EWB_WIRE_UNKNOWN_SCOPE)
		snprintf(more, EWB_BIN_MORE_MAX, "\"manifest_uid\":\"%llx\"",
		         all ? (unsigned long long)all->uid : 0);
	else if (ms)
		snprintf(more, EWB_BIN_MORE_MAX, "\"retry_after_ms\":%u", ms);
}

/* Errors carry why, if somebody knows. */
static size_t
error_body(const struct ewb_conn *n, const struct ewb_cookie *c, uint8_t *out)
	EWB_ON_FRONT
{
	const char *why = context(c);
	char more[EWB_BIN_MORE_MAX];

	if (c->status == EWB_NOT_MY_VBUCKET &&
	    ewb_knows_vbuckets(n->session.features))
		return ewb_bucket_config(n, (char *)out);
	error_more(c, more);
	if (why == NULL && more[0])
		why = ewb_status_text((uint32_t)c->status);
	return why ? ewb_bin_error_more(out, why, more) : 0;
}

static int
bin_error(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	uint8_t json[EWB_CLUSTER_MAX]; /* the longest */
	size_t len = error_body(n, c, json);

	return bin_head(n, c, NULL, 0, 0, len) || ewb_say(n, json, len);
}

static int
bin_get(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	uint8_t flags[4];
	size_t nkey = c->frame.is & EWB_IS_WANT_KEY ? c->frame.nkey : 0;

	ewb_put32(flags, c->reply.flags);
	return bin_value(n, c, flags, sizeof flags, nkey);
}

/* A miss of a getk carries the key. */
static int
bin_miss(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	size_t nkey = c->frame.is & EWB_IS_WANT_KEY ? c->frame.nkey : 0;

	return bin_head(n, c, NULL, 0, nkey, 0);
}

static int
bin_number(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	uint8_t number[8], extras[16];

	ewb_put64(number, ewb_number_of(c));
	return bin_head(n, c, extras, token(c, extras), 0, sizeof number) ||
	       ewb_say(n, number, sizeof number);
}

static int
bin_stored(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	uint8_t extras[16];
	size_t len = token(c, extras);

	/* a client that has asked for tokens wants to see one of a delete */
	if (len && c->op == EWB_OP_DELETE && c->reply.cas == 0)
		c->reply.cas = c->reply.seqno;
	return bin_head(n, c, extras, len, 0, 0);
}

/* What is deleted is not there, so it is not. */
static int
bin_meta(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	const struct ewb_reply *r = &c->reply;
	uint8_t extras[21];

	ewb_put32(extras, 0);
	ewb_put32(extras + 4, r->flags);
	ewb_put32(extras + 8, r->expiry);
	ewb_put64(extras + 12, r->seqno);
	extras[20] = ewb_item_datatype(r->datatype);
	return bin_head(n, c, extras, sizeof extras, 0, 0);
}

static int
bin_stat(struct ewb_conn *n, struct ewb_cookie *c, const char *name,
         const char *text) EWB_ON_FRONT
{
	size_t nname = strlen(name), ntext = strlen(text);
	struct ewb_bin_reply r = { .opcode = c->frame.opcode,
		                   .nkey = (uint16_t)nname,
		                   .nbody = (uint32_t)(nname + ntext),
		                   .opaque = c->frame.opaque };
	uint8_t head[EWB_BIN_HEAD];

	ewb_bin_head(head, &r);
	return ewb_say(n, head, sizeof head) || ewb_say(n, name, nname) ||
	       ewb_say(n, text, ntext);
}

static int
bin_plain(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	return bin_value(n, c, c->reply.extras, c->reply.has_extras, 0);
}

static int
bin_stats(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	return ewb_each_stat(n, c, bin_stat) || bin_stat(n, c, "", "");
}

static int
bin_own(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->reply.stats)
		return bin_stats(n, c);
	return c->reply.has_number ? bin_number(n, c) : bin_plain(n, c);
}

static int
bin_success(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	switch (c->op) {
	case EWB_OP_GET:
	case EWB_OP_GAT: return bin_get(n, c);
	case EWB_OP_SET:
	case EWB_OP_ADD:
	case EWB_OP_REPLACE:
	case EWB_OP_APPEND:
	case EWB_OP_PREPEND:
	case EWB_OP_DELETE: return bin_stored(n, c);
	case EWB_OP_INCR:
	case EWB_OP_DECR: return bin_number(n, c);
	case EWB_OP_GETMETA: return bin_meta(n, c);
	case EWB_OP_STATS: return bin_stats(n, c);
	case EWB_OP_OWN: return bin_own(n, c);
	case EWB_OP_VERSION:
		return bin_head(n, c, NULL, 0, 0, strlen(EWB_VERSION_TEXT)) ||
		       ewb_say(n, EWB_VERSION_TEXT, strlen(EWB_VERSION_TEXT));
	default: return bin_plain(n, c);
	}
}

/* Quiet: a get's miss, anything else's success. */
static int
is_silent(const struct ewb_cookie *c)
{
	if (!(c->frame.is & EWB_IS_QUIET))
		return 0;
	return c->status == (ewb_is_get(c) ? EWB_NOT_FOUND : EWB_OK);
}

/* The last frame of a stream: what was not sealed yet, or an empty one.  An
 * error's never carries records, nor does one with framing extras of its own. */
static int
bin_stream_end(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_stream *s = c->stream;
	uint16_t status = (uint16_t)c->status;
	struct ewb_chunk *ch;
	int bare; /* no records may be with it */

	if (c->answered)
		return bin_error(n, c);
	if (c->op == EWB_OP_OWN) {
		if (ewb_own_rest(n, c))
			return -1;
		return ewb_is_error(c->status) ? bin_error(n, c) :
		                             bin_head(n, c, NULL, 0, 0, 0);
	}
	bare = ewb_is_error(c->status) || s->ntail;
	ch = ewb_stream_last(s, bare ? EWB_OK : status);
	if (ch && ewb_out_stream(n->front, &n->out, c, ch))
		return -1;
	if (ewb_is_error(c->status))
		return bin_error(n, c);
	if (ch && !bare)
		return 0;
	return bin_head(n, c, s->head + EWB_BIN_HEAD, s->nhead - EWB_BIN_HEAD, 0,
	                0);
}

EWB_HOT int
ewb_answer_binary(struct ewb_conn *n, struct ewb_cookie *c)
{
	if (is_silent(c))
		return 0;
	if (c->stream)
		return bin_stream_end(n, c);
	if (c->op == EWB_OP_ERROR)
		c->status = c->frame.status;
	if (ewb_is_get(c) && c->status == EWB_NOT_FOUND)
		return bin_miss(n, c);
	return ewb_is_error(c->status) ? bin_error(n, c) : bin_success(n, c);
}
