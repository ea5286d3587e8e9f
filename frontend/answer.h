/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies, written in the client's protocol into the connection's output.  Each says
 * 0; or -1: no memory, or it cannot be told, and the connection is cut. */
#ifndef FRONTEND_ANSWER_H
#define FRONTEND_ANSWER_H

#include <stdint.h>

#include "frontend/front.h"
#include "frontend/out.h"
#include "protocol/status.h"

#define EWB_VERSION_TEXT EWB_PROTOCOL_VERSION "-ewb-" PACKAGE_VERSION
/* Values from here on are sent from where they are. */
#define EWB_LEND_MIN 2048

int ewb_answer_text(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;
int ewb_answer_binary(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;
/* meta.c: of a meta command. */
int ewb_answer_meta(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;
/* Of the text protocol: a line for the status; the value and a line's end. */
int ewb_answer_status(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;
int ewb_answer_value(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;

/* What they have in common. */

static inline int
ewb_say(struct ewb_conn *n, const void *data, size_t len) EWB_ON_FRONT
{
	return ewb_out_copy(n->front, &n->out, data, len);
}

static inline int
ewb_is_get(const struct ewb_cookie *c)
{
	return c->op == EWB_OP_GET || c->op == EWB_OP_GAT ||
	       c->op == EWB_OP_META_GET || c->op == EWB_OP_META_GAT;
}

static inline int
ewb_is_error(enum ewb_status s)
{
	return s != EWB_OK && s != EWB_SCAN_MORE && s != EWB_SCAN_COMPLETE &&
	       (uint32_t)s != EWB_WIRE_AUTH_CONTINUE;
}

/* Of a counter, the engine's own or one that is made of get and store. */
static inline uint64_t
ewb_number_of(const struct ewb_cookie *c)
{
	return c->reply.has_number ? c->reply.number : c->compose.number;
}

/* Calls put for each statistic in the reply. */
int ewb_each_stat(struct ewb_conn *n, struct ewb_cookie *c,
                  int (*put)(struct ewb_conn *n, struct ewb_cookie *c,
                             const char *name, const char *text)) EWB_ON_FRONT;
/* What a stream of an engine's command has left; where an error cannot follow, nothing
 * has been sent, and nothing of it will be. */
int ewb_own_rest(struct ewb_conn *n, struct ewb_cookie *c) EWB_ON_FRONT;

#endif
