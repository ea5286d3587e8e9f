/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers that are followed until they are sent, for the latencies.  Those of a
 * connection stand in a list, as they leave; what was ready at one time is one.
 * Single owner: the front end. */
#ifndef FRONTEND_DRAIN_H
#define FRONTEND_DRAIN_H

#include <stdint.h>

#include "lib/roles.h"
#include "protocol/frame.h"

struct ewb_conn;
struct ewb_cookie;
struct ewb_front;

struct ewb_drain {
	struct ewb_drain *next;
	enum ewb_op op;
	uint32_t n;        /* commands that it speaks for */
	uint64_t ready_ns; /* since when */
	uint64_t until;    /* sent bytes of the connection */
};

/* c's answer has been written to the output. */
void ewb_drain_begin(struct ewb_conn *n, const struct ewb_cookie *c)
	EWB_ON_FRONT;
/* Some has been sent. */
void ewb_drain_look(struct ewb_conn *n) EWB_ON_FRONT;
/* Nothing more will be. */
void ewb_drain_drop(struct ewb_conn *n) EWB_ON_FRONT;
void ewb_drain_fini(struct ewb_front *f) EWB_ON_FRONT;

#endif
