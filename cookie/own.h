/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands of the engines' own: a table of the server's, to which each engine
 * and filter adds when it is opened, and from which it takes when closed. */
#ifndef COOKIE_OWN_H
#define COOKIE_OWN_H

#include <ewb/engine.h>

#include "cookie/core.h"

#define EWB_OWN_MAX 64
#define EWB_OWN_HELP 160

struct ewb_instance;

struct ewb_own_slot {
	/* set once, by add; a plugin may go away, so all is copied */
	struct ewb_own what;
	struct ewb_command command;
	struct ewb_instance
		*instance; /* whose it is; null: nobody's any more */
	char name[EWB_OWN_NAME], help[EWB_OWN_HELP];
};

/* main: what of e's commands cannot be; null: nothing.  buf: for the text. */
const char *ewb_own_fault(const struct ewb_core *core,
                          const struct ewb_engine *e, char *buf, size_t n);
/* main: adds those of i, which have no fault; -1: no memory. */
int ewb_own_add(struct ewb_core *core, struct ewb_instance *i);
void ewb_own_drop(struct ewb_core *core, const struct ewb_instance *i);
void ewb_own_fini(struct ewb_core *core);
/* any: c is of op OWN. */
const struct ewb_own_slot *ewb_own_of(const struct ewb_cookie *c);
/* pool or front: the engine's callback, or a filter's. */
enum ewb_status ewb_own_call(struct ewb_cookie *c);
/* any: i, or the first below it that looks at that command. */
struct ewb_instance *ewb_own_level(const struct ewb_cookie *c,
                                   struct ewb_instance *i);
/* commands.c: runs it at its level. */
enum ewb_status ewb_own_run(struct ewb_cookie *c);

#endif
