/* SPDX-License-Identifier: BSD-2-Clause */
/* For compose.c and the commands that it is made of; see there. */
#ifndef COOKIE_COMPOSE_H
#define COOKIE_COMPOSE_H

#include "cookie/dispatch.h"

enum {
	EWB_COMPOSE_START,
	EWB_COMPOSE_AGAIN, /* a get alone was not enough */
	EWB_COMPOSE_GETTING,
	EWB_COMPOSE_STORING
};

/* What to store: the value, its flags and its expiry. */
struct ewb_update {
	const void *value;
	size_t nvalue;
	uint32_t flags, expiry;
	uint8_t datatype;
	int fetched; /* it counts as asked for since it was stored */
	enum ewb_expect expect;
	uint64_t cas;
};

/* All on the front end, in the callback.  Each returns the status of what it
 * has begun, as ewb_child_run(), or of the whole when it has begun nothing. */

enum ewb_status ewb_compose_store(struct ewb_cookie *c,
                                  const struct ewb_update *u) EWB_ON_FRONT;
/* The counter's new text; EWB_NOT_NUMBER. */
enum ewb_status ewb_compose_count(struct ewb_cookie *c, int down,
                                  const struct ewb_reply *old,
                                  struct ewb_update *u) EWB_ON_FRONT;
/* One that begins, with f->initial. */
void ewb_compose_initial(struct ewb_cookie *c, struct ewb_update *u)
	EWB_ON_FRONT;
/* Whether the command asks for its item; others only look at it. */
int ewb_compose_fetches(const struct ewb_cookie *c);
/* The item that was found becomes the reply, its value with its release. */
void ewb_compose_hand_over(struct ewb_cookie *c) EWB_ON_FRONT;

/* Meta commands: what each does where there is no such key; with the item that
 * was found, which u would store as it is; when that is done. */
enum ewb_status ewb_meta_missing(struct ewb_cookie *c) EWB_ON_FRONT;
enum ewb_status ewb_meta_found(struct ewb_cookie *c, struct ewb_update *u)
	EWB_ON_FRONT;
void ewb_meta_stored(struct ewb_cookie *c) EWB_ON_FRONT;

#endif
