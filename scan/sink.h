/* SPDX-License-Identifier: BSD-2-Clause */
/* Takes the records that a cursor offers, and puts them into a stream; refuses
 * one when it is time to.  The task's own. */
#ifndef SCAN_SINK_H
#define SCAN_SINK_H

#include <stdint.h>

#include <ewb/engine.h>

#include "scan/scan.h"

/* Why the last record was refused. */
enum ewb_refused {
	EWB_REFUSED_NOT,     /* it was not */
	EWB_REFUSED_FULL,    /* the reader is slow, or there is no memory */
	EWB_REFUSED_TOO_BIG, /* for the server's buffer memory */
	EWB_REFUSED_LIMIT,
	EWB_REFUSED_YIELD,   /* others want their turn */
	EWB_REFUSED_DEAD,    /* nobody wants it */
	EWB_REFUSED_PEEKED,  /* it was to be seen that there is one, or that one */
	EWB_REFUSED_BEHIND,  /* another vbucket's comes first */
	EWB_REFUSED_WRONG,   /* it has no key, or one that is too long */
	EWB_REFUSED_IGNORED  /* and another was offered all the same */
};

struct ewb_sink {
	struct ewb_count_keys *counts; /* not null: its alone */
	struct ewb_scan *scan;
	struct ewb_cookie *c;  /* null: only looks whether there is a record */
	struct ewb_task *t;
	int seeks;             /* not to be put, but looked for; see require.h */
	enum ewb_refused refused;
	unsigned looked;       /* records since the last look at the clock */
	uint64_t turn_bytes;
};

/* pool: scan_next() has returned that.  Did the engine heed the refusal?  A scan
 * that leaves out a record must not look like a whole one. */
int ewb_sink_heeded(const struct ewb_sink *s, struct ewb_cookie *c,
                    enum ewb_status status);
/* pool, between cursors: refuses what would come next, if it is time to. */
int ewb_sink_tired(struct ewb_sink *s);
/* pool: a cursor was opened, which takes its time, and shows that the scan
 * moves. */
void ewb_sink_opened(struct ewb_sink *s);

#endif
