/* SPDX-License-Identifier: BSD-2-Clause */
/* What the parts of the script engine share. */
#ifndef T_SCRIPT_PARTS_H
#define T_SCRIPT_PARTS_H

#include "t/script_engine.h"

/* script_items.c: what a command does when it does it; s may be null. */
typedef enum ewb_status script_act_fn(struct script *s, struct ewb_cookie *c,
                                      const struct ewb_request *r);
script_act_fn script_act_get, script_act_store, script_act_remove,
	script_act_flush, script_act_stats;
void script_begin_items(void);

/* script_engine.c */
struct script *script_of(const struct ewb_request *r);
void script_note_run(struct script *s, struct ewb_cookie *c);
enum ewb_status script_block(struct script *s, struct ewb_cookie *c);

#endif
