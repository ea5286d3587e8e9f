/* SPDX-License-Identifier: BSD-2-Clause */
/* What all front ends have to say: a letter goes from one to the next, and the
 * last answer notifies the command that asks.  A use of the library's own pattern:
 * whoever has the letter owns all of it, and nobody waits for another. */
#ifndef FRONTEND_GATHER_H
#define FRONTEND_GATHER_H

#include <stddef.h>

#include <ewb/engine.h>

#include "frontend/front.h"

struct ewb_gather;

/* front: on each front end, one after the other. */
typedef void ewb_gather_fn(struct ewb_gather *g, struct ewb_front *f);

struct ewb_gather {
	/* whoever has the letter; when all have answered, the command */
	struct ewb_letter letter;
	struct ewb_front *at;
	unsigned next; /* of the server's front ends */
	char *text; /* as in a reply: name, 0, text, 0 */
	size_t len, cap;
	void *sum; /* fn's; freed by free() */
	/* set once */
	ewb_gather_fn *fn;
	struct ewb_server *server;
	struct ewb_ticket ticket; /* its slot is the command that asks */
};

/* front, in a command's run: return its EWB_WOULDBLOCK; in the next run, with
 * EWB_OK, the cookie's state is the gather, and all have answered. */
enum ewb_status ewb_gather_begin(struct ewb_cookie *c, ewb_gather_fn *fn)
	EWB_ON_FRONT;
/* In fn: one statistic more.  arg: the gather. */
void ewb_gather_add(void *arg, const char *name, const char *text);

#endif
