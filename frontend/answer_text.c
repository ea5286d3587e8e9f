/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies of the text protocol but for meta commands. */
#include "config.h"

#include <string.h>

#include "cookie/stream.h"
#include "frontend/answer.h"
#include "lib/hot.h"


static int
text_line(struct ewb_conn *n, const char *line) EWB_ON_FRONT
{
	if (ewb_say(n, line, strlen(line)))
		return -1;
	return ewb_say(n, "\r\n", 2);
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
	return ewb_say(n, line, len);
}

int
ewb_answer_value(struct ewb_conn *n, struct ewb_cookie *c)
{
	const struct ewb_reply *r = &c->reply;
	uint8_t *to;

	if (r->len >= EWB_LEND_MIN)
		return ewb_out_value(n->front, &n->out, c) ||
		       ewb_say(n, "\r\n", 2);
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
	size_t small = r->len < EWB_LEND_MIN ? r->len : 0, len;
	uint8_t *to = ewb_out_reserve(n->front, &n->out,
	                              EWB_TEXT_VALUE_MAX + small + 2);

	if (to == NULL)
		return -1;
	len = ewb_text_value(to, &c->frame, r->flags, r->len, r->cas);
	if (small < r->len) {
		ewb_out_commit(&n->out, len);
		return ewb_out_value(n->front, &n->out, c) ||
		       ewb_say(n, "\r\n", 2);
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
	return ewb_say(n, line, ewb_text_number(line, ewb_number_of(c)));
}

static int
text_stat(struct ewb_conn *n, struct ewb_cookie *c, const char *name,
          const char *text) EWB_ON_FRONT
{
	(void)c;
	return ewb_say(n, "STAT ", 5) || ewb_say(n, name, strlen(name)) ||
	       ewb_say(n, " ", 1) || text_line(n, text);
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
	return ewb_each_stat(n, c, text_stat) || ewb_say(n, "END\r\n", 5);
}

static int
text_stream_end(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (!c->answered && ewb_own_rest(n, c))
		return -1;
	return ewb_is_error(c->status) ? ewb_answer_status(n, c) : ewb_say(n, "END\r\n", 5);
}

/* In place of END, or of all. */
static int
scan_error(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	const char *why = c->answered ? NULL : c->reply.context;

	if (why == NULL)
		return ewb_answer_status(n, c);
	return ewb_say(n, c->status == EWB_INVALID ? "CLIENT" : "SERVER", 6) ||
	       ewb_say(n, "_ERROR ", 7) || text_line(n, why);
}

static int
text_scan(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->stream && !c->answered && ewb_own_rest(n, c))
		return -1;
	return ewb_is_error(c->status) ? scan_error(n, c) : ewb_say(n, "END\r\n", 5);
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
		return ewb_say(n, line, ewb_text_number(line, c->reply.number));
	if (c->reply.len == 0)
		return ewb_say(n, "OK\r\n", 4);
	if (c->frame.nkey == 0) {
		c->frame.key = (const uint8_t *)ewb_cookie_name(c);
		c->frame.nkey = strlen(ewb_cookie_name(c));
	}
	return text_value(n, c) || ewb_say(n, "END\r\n", 5);
}

EWB_HOT int
ewb_answer_text(struct ewb_conn *n, struct ewb_cookie *c)
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
	case EWB_OP_VERSION: return text_line(n, "VERSION " EWB_VERSION_TEXT);
	case EWB_OP_STATS: return text_stats(n, c);
	case EWB_OP_QUIT: return 0;
	case EWB_OP_OWN: return text_own(n, c);
	case EWB_OP_SCAN:
	case EWB_OP_METADUMP: return text_scan(n, c);
	default: return ewb_answer_status(n, c);
	}
}
