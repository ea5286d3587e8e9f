/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies, written in the client's protocol into the connection's output. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "cookie/stream.h"
#include "frontend/bucket.h"
#include "lib/hot.h"
#include "protocol/binary.h"
#include "protocol/status.h"

#define VERSION_TEXT EWB_PROTOCOL_VERSION "-ewb-" PACKAGE_VERSION

#define JSON 1u /* the datatype */
/* When to try again what the limit of blocked commands has refused. */
#define RETRY_MS 100u
/* Values from here on are sent from where they are. */
#define LEND_MIN 2048
/* Framing extras, at most. */
#define FRAMING_MAX (EWB_BIN_DURATION + EWB_STREAM_TAIL)

static int
copy(struct ewb_conn *n, const void *data, size_t len) EWB_ON_FRONT
{
	return ewb_out_copy(n->front, &n->out, data, len);
}

static int
is_get(const struct ewb_cookie *c)
{
	return c->op == EWB_OP_GET || c->op == EWB_OP_GAT ||
	       c->op == EWB_OP_META_GET || c->op == EWB_OP_META_GAT;
}

/* Calls put for each statistic in the reply. */
static int
each_stat(struct ewb_conn *n, struct ewb_cookie *c,
          int (*put)(struct ewb_conn *n, struct ewb_cookie *c, const char *name,
                     const char *text)) EWB_ON_FRONT
{
	const char *p = (const char *)ewb_reply_data(&c->reply), *name;
	const char *end = p + c->reply.len;

	while (p < end) {
		name = p;
		p += strlen(p) + 1;
		if (put(n, c, name, p))
			return -1;
		p += strlen(p) + 1;
	}
	return 0;
}

/* Of a counter, the engine's own or one that is made of get and store. */
static uint64_t
number_of(const struct ewb_cookie *c)
{
	return c->reply.has_number ? c->reply.number : c->compose.number;
}

/* Text. */

static int
text_line(struct ewb_conn *n, const char *line) EWB_ON_FRONT
{
	if (copy(n, line, strlen(line)))
		return -1;
	return copy(n, "\r\n", 2);
}

EWB_HOT int
ewb_answer_status(struct ewb_conn *n, struct ewb_cookie *c)
{
	const char *line;
	size_t len;
	/* what was not done is no mutation */
	enum ewb_op op = c->undone ? EWB_OP_ERROR : c->op;

	if (op == EWB_OP_OWN && c->command->mutates &&
	    c->status == EWB_TEMPORARY)
		op = EWB_OP_SET; /* its outcome is unknown, as of that */
	line = ewb_text_status(op, c->status, &len);
	return copy(n, line, len);
}

int
ewb_answer_value(struct ewb_conn *n, struct ewb_cookie *c)
{
	const struct ewb_reply *r = &c->reply;
	uint8_t *to;

	if (r->len >= LEND_MIN)
		return ewb_out_value(n->front, &n->out, c) ||
		       copy(n, "\r\n", 2);
	to = ewb_out_reserve(n->front, &n->out, r->len + 2);
	if (to == NULL)
		return -1;
	memcpy(to, ewb_reply_data(r), r->len);
	memcpy(to + r->len, "\r\n", 2);
	ewb_out_commit(&n->out, r->len + 2);
	return 0;
}

EWB_HOT static int
text_value(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	const struct ewb_reply *r = &c->reply;
	size_t small = r->len < LEND_MIN ? r->len : 0, len;
	uint8_t *to = ewb_out_reserve(n->front, &n->out,
	                              EWB_TEXT_VALUE_MAX + small + 2);

	if (to == NULL)
		return -1;
	len = ewb_text_value(to, &c->frame, r->flags, r->len, r->cas);
	if (small < r->len) {
		ewb_out_commit(&n->out, len);
		return ewb_out_value(n->front, &n->out, c) ||
		       copy(n, "\r\n", 2);
	}
	memcpy(to + len, ewb_reply_data(r), small);
	memcpy(to + len + small, "\r\n", 2);
	ewb_out_commit(&n->out, len + small + 2);
	return 0;
}

static int
text_get(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	/* A get of many keys has one error at most, and no END after it. */
	if (n->get_failed || c->status == EWB_NOT_FOUND)
		return 0;
	if (c->status == EWB_OK)
		return text_value(n, c);
	n->get_failed = 1;
	return ewb_answer_status(n, c);
}

/* Ends a get, too, if one of its keys was at fault. */
static int
text_error(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	int failed = n->get_failed;

	n->get_failed = 0;
	if (failed)
		return 0;
	return text_line(n, c->frame.reason ? c->frame.reason : "ERROR");
}

static int
text_number(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	uint8_t line[EWB_TEXT_NUMBER_MAX];

	if (c->status != EWB_OK)
		return ewb_answer_status(n, c);
	return copy(n, line, ewb_text_number(line, number_of(c)));
}

static int
text_stat(struct ewb_conn *n, struct ewb_cookie *c, const char *name,
          const char *text) EWB_ON_FRONT
{
	(void)c;
	return copy(n, "STAT ", 5) || copy(n, name, strlen(name)) ||
	       copy(n, " ", 1) || text_line(n, text);
}

static int
text_stats(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->status == EWB_NOT_FOUND)
		return text_line(n, "ERROR");
	if (c->status != EWB_OK)
		return ewb_answer_status(n, c);
	if (!c->reply.stats)
		return text_line(n, "RESET");
	return each_stat(n, c, text_stat) || copy(n, "END\r\n", 5);
}

static int
is_error(enum ewb_status s)
{
	return s != EWB_OK && s != EWB_SCAN_MORE && s != EWB_SCAN_COMPLETE &&
	       (uint32_t)s != EWB_WIRE_AUTH_CONTINUE;
}

/* What a stream has left; where an error cannot follow, nothing has been sent,
 * and nothing of it will be. */
static int
own_rest(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_chunk *ch = ewb_stream_last(c->stream, EWB_OK);

	if (ch == NULL)
		return 0;
	if (!is_error(c->status) || c->command->terminal_error)
		return ewb_out_stream(n->front, &n->out, c, ch);
	ewb_stream_give(c->stream, ch);
	return 0;
}

static int
text_stream_end(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (!c->answered && own_rest(n, c))
		return -1;
	return is_error(c->status) ? ewb_answer_status(n, c) : copy(n, "END\r\n", 5);
}

/* In place of END, or of all. */
static int
scan_error(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	const char *why = c->answered ? NULL : c->reply.context;

	if (why == NULL)
		return ewb_answer_status(n, c);
	return copy(n, c->status == EWB_INVALID ? "CLIENT" : "SERVER", 6) ||
	       copy(n, "_ERROR ", 7) || text_line(n, why);
}

static int
text_scan(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->stream && !c->answered && own_rest(n, c))
		return -1;
	return is_error(c->status) ? scan_error(n, c) : copy(n, "END\r\n", 5);
}

static int
text_own(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	uint8_t line[EWB_TEXT_NUMBER_MAX];

	if (c->stream)
		return text_stream_end(n, c);
	if (c->status != EWB_OK)
		return ewb_answer_status(n, c);
	if (c->reply.stats)
		return text_stats(n, c);
	if (c->reply.has_number)
		return copy(n, line, ewb_text_number(line, c->reply.number));
	if (c->reply.len == 0)
		return copy(n, "OK\r\n", 4);
	if (c->frame.nkey == 0) {
		c->frame.key = (const uint8_t *)ewb_cookie_name(c);
		c->frame.nkey = strlen(ewb_cookie_name(c));
	}
	return text_value(n, c) || copy(n, "END\r\n", 5);
}

static int
answer_text(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->frame.is & EWB_IS_NOREPLY)
		return 0;
	if (c->frame.is & EWB_IS_META)
		return ewb_answer_meta(n, c);
	switch (c->op) {
	case EWB_OP_GET:
	case EWB_OP_GAT: return text_get(n, c);
	case EWB_OP_ERROR: return text_error(n, c);
	case EWB_OP_INCR:
	case EWB_OP_DECR: return text_number(n, c);
	case EWB_OP_VERSION: return text_line(n, "VERSION " VERSION_TEXT);
	case EWB_OP_STATS: return text_stats(n, c);
	case EWB_OP_QUIT: return 0;
	case EWB_OP_OWN: return text_own(n, c);
	case EWB_OP_SCAN:
	case EWB_OP_METADUMP: return text_scan(n, c);
	default: return ewb_answer_status(n, c);
	}
}

/* Binary. */

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
	if (s && s->ntail && !is_error(c->status)) {
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
	if (is_get(c) && c->status == EWB_OK && !c->answered)
		return ewb_item_datatype(c->reply.datatype);
	if (nvalue == 0 || !EWB_HAS_FEATURE(n->session.features, JSON))
		return 0;
	if (is_error(c->status))
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

	if (len >= LEND_MIN)
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

	return bin_head(n, c, NULL, 0, 0, len) || copy(n, json, len);
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

	ewb_put64(number, number_of(c));
	return bin_head(n, c, extras, token(c, extras), 0, sizeof number) ||
	       copy(n, number, sizeof number);
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
	return copy(n, head, sizeof head) || copy(n, name, nname) ||
	       copy(n, text, ntext);
}

static int
bin_plain(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	return bin_value(n, c, c->reply.extras, c->reply.has_extras, 0);
}

static int
bin_stats(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	return each_stat(n, c, bin_stat) || bin_stat(n, c, "", "");
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
		return bin_head(n, c, NULL, 0, 0, strlen(VERSION_TEXT)) ||
		       copy(n, VERSION_TEXT, strlen(VERSION_TEXT));
	default: return bin_plain(n, c);
	}
}

/* Quiet: a get's miss, anything else's success. */
static int
is_silent(const struct ewb_cookie *c)
{
	if (!(c->frame.is & EWB_IS_QUIET))
		return 0;
	return c->status == (is_get(c) ? EWB_NOT_FOUND : EWB_OK);
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
		if (own_rest(n, c))
			return -1;
		return is_error(c->status) ? bin_error(n, c) :
		                             bin_head(n, c, NULL, 0, 0, 0);
	}
	bare = is_error(c->status) || s->ntail;
	ch = ewb_stream_last(s, bare ? EWB_OK : status);
	if (ch && ewb_out_stream(n->front, &n->out, c, ch))
		return -1;
	if (is_error(c->status))
		return bin_error(n, c);
	if (ch && !bare)
		return 0;
	return bin_head(n, c, s->head + EWB_BIN_HEAD, s->nhead - EWB_BIN_HEAD, 0,
	                0);
}

static int
answer_binary(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (is_silent(c))
		return 0;
	if (c->stream)
		return bin_stream_end(n, c);
	if (c->op == EWB_OP_ERROR)
		c->status = c->frame.status;
	if (is_get(c) && c->status == EWB_NOT_FOUND)
		return bin_miss(n, c);
	return is_error(c->status) ? bin_error(n, c) : bin_success(n, c);
}

static int
write_answer(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->stream && !c->command->terminal_error &&
	    (c->answered || is_error(c->status)) &&
	    (c->front_bits & EWB_FRONT_STARTED))
		return -1; /* nothing can say that the rest is missing */
	if (c->frame.is & EWB_IS_BINARY)
		return answer_binary(n, c);
	return answer_text(n, c);
}

EWB_HOT int
ewb_answer(struct ewb_conn *n, struct ewb_cookie *c)
{
	/* as a rule it is one of these; of a set without a cas nothing is counted */
	if (c->op == EWB_OP_GET && c->status == EWB_OK)
		EWB_COUNT(&n->front->d.counters, get_hits);
	else if (c->op != EWB_OP_SET || c->status != EWB_OK ||
	         c->request.expect != EWB_EXPECT_ANY)
		ewb_tally_outcome(n->front, c);
	return write_answer(n, c);
}

EWB_HOT int
ewb_answer_end(struct ewb_conn *n)
{
	int failed = n->get_failed;

	n->get_failed = 0;
	return failed ? 0 : copy(n, "END\r\n", 5);
}
