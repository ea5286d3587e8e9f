/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands between the engine, or its filters, and libewb, in both directions: sees
 * each callback and each call, and notes what breaks a rule.  Only the check whose rule it is
 * fails by it, so that each fault has its name. */
#ifndef KIT_WATCH_H
#define KIT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <ewb/engine.h>

struct ewb_core;
struct ewb_instance;

enum kit_breach {
	KIT_BREACH_NOTIFY, /* not exactly once, or while the reply was filled */
	KIT_BREACH_TOUCH,  /* of a cookie that it does not hold */
	KIT_BREACH_WAIT,   /* on the front end */
	KIT_BREACH_LENT,   /* a lent value changed */
	KIT_BREACH_ORDER,  /* of a scan's records */
	KIT_BREACH_REFUSED, /* a refused record was not offered first again */
	KIT_BREACH_UNASKED, /* outside of the bounds */
	KIT_BREACHES
};

/* Before the first command: the callbacks of that one, and of all below it, are
 * seen from here on. */
void kit_watch(struct ewb_instance *i);
/* Likewise the commands that these have of their own. */
void kit_watch_own(struct ewb_core *core);
/* What was noted first; null: nothing. */
const char *kit_watch_said(enum kit_breach b);
/* any: only the first one is kept. */
void kit_watch_note(enum kit_breach b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* watch_scans.c: an engine's cursors. */
void kit_watch_cursors(struct ewb_engine *e);

/* What was seen. */
struct kit_seen {
	_Atomic uint64_t blocks, notified, cancels;
	_Atomic uint64_t opened, closed, sought; /* cursors */
	_Atomic uint64_t count;          /* of the last cursor */
	_Atomic uint64_t lent, released; /* values */
	_Atomic uint64_t stores;         /* that came to the engine */
	_Atomic uint64_t tokens;         /* that it said, and the last one */
	_Atomic uint64_t uuid, seqno;
	_Atomic uint64_t item_seqno;     /* of the last item that it said */
};
extern struct kit_seen kit_seen;

/* Front-end callbacks that waited each time that they were called. */
const char *kit_watch_waits(void);

#endif
