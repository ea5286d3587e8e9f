/* SPDX-License-Identifier: BSD-2-Clause */
/* What an engine and its filters were opened from, so that they can be opened
 * again.  One thread at a time. */
#ifndef COOKIE_PLAN_H
#define COOKIE_PLAN_H

#include <stddef.h>

#include <ewb/engine.h>

struct ewb_core;
struct ewb_instance;

struct ewb_layer {
	char *what, *dir;              /* of a plugin; else null */
	struct ewb_engine *here; /* else a copy of the program's */
	struct ewb_setting *settings;
	size_t n;
};

/* Zero-filled is empty.  The engine comes first, the outermost filter last. */
struct ewb_plan {
	struct ewb_layer *at;
	unsigned n;
};

/* Copies all.  A relative path is made absolute.  0, or -1: no memory. */
int ewb_plan_add(struct ewb_plan *p, const char *what, const char *dir,
                 const struct ewb_engine *here, const struct ewb_setting *s,
                 size_t n);
/* Takes the last one out. */
void ewb_plan_pop(struct ewb_plan *p);
void ewb_plan_fini(struct ewb_plan *p);

/* Opens all; the outermost.  Null: why, and none is open. */
struct ewb_instance *ewb_plan_open(const struct ewb_plan *p,
                                   struct ewb_core *core, char *why,
                                   size_t nwhy);
/* Are the plugins' files there, and such that they would be loaded?  now: the
 * outermost of what was opened from them.  0, or -1: why. */
int ewb_plan_try(const struct ewb_plan *p, const struct ewb_instance *now,
                 char *why, size_t nwhy);

#endif
