/* SPDX-License-Identifier: BSD-2-Clause */
/* A server as it is in real life: two front ends on threads with loops of
 * their own, a pool with threads, a clock that runs, and a TCP port.  With the
 * engine of frontend_tiny.h. */
#ifndef T_FRONTEND_REAL_H
#define T_FRONTEND_REAL_H

#include <stdbool.h>

#include <ewb/embed.h>

#include "frontend/front.h"

#define REAL_PATIENCE_S 60 /* for what is sure to happen */

extern struct ewb_server *real_server;

/* The engine is opened before the front ends start: before is called in
 * between, or null. */
void real_start(unsigned idle_timeout_s, void (*before)(void));
/* With grace; everything must come home, and nobody have complained. */
void real_stop(void);
/* A connection to it; -1: refused. */
int real_dial(void);

/* Is the text in its log? */
bool real_said(const char *text);

/* any thread.  Asserts are for the main thread; the others complain. */
void real_complain(const char *what);
/* Counts something, and waits until it was counted n times. */
void real_tell(void);
void real_await(unsigned n);

#endif
