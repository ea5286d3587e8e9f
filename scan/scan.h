/* SPDX-License-Identifier: BSD-2-Clause */
/* A range scan: one engine cursor over a snapshot, and who uses it.
 *
 *      OPENING ──▶ IDLE ◀──▶ CONTINUING
 *         │          │            │     (the continue's task closes the cursor)
 *         └──────────┴── ENDED ◀──┘     else the scan's own close task does
 *
 * A text scan is one command: OPENING until its task may be woken, then CONTINUING,
 * then ENDED.
 *
 * The cursor is opened, moved and closed on pool threads, by one at a time:
 * the open task, the continue's task, the close task.  Everything else of a
 * scan is under the registry's lock.
 */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <ewb/embed.h>

#include "cookie/await.h"
#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "scan/request.h"

struct ewb_legs;
struct ewb_count_keys;

#define EWB_SCAN_MAGIC 0x65776261u
#define EWB_SCAN_BUCKETS 1024

enum ewb_scan_state {
	EWB_SCAN_OPENING,
	EWB_SCAN_IDLE,
	EWB_SCAN_CONTINUING,
	EWB_SCAN_ENDED
};

enum ewb_scan_cause {
#define EWB_CAUSE(name, help) EWB_CAUSE_##name,
#include "scan/causes.def"
#undef EWB_CAUSE
	EWB_NCAUSES
};

/* What one continue may have, and has had. */
struct ewb_scan_portion {
	uint64_t max_items, max_bytes; /* 0: any */
	uint64_t ends_at;              /* us; UINT64_MAX: any */
	uint64_t items, bytes;
};

struct ewb_scan {
	uint32_t magic;
	/* set once, by create */
	struct ewb_scans *scans;
	struct ewb_instance *instance;
	uint8_t id[16];
	char owner[64];          /* the connection's name */
	struct ewb_scan_request want;
	struct ewb_range range;  /* points into want */
	unsigned ncursors;       /* it may have at once; they count as scans */
	uint64_t born_at;        /* us */
	struct ewb_dispatch *home; /* of the connection that created it */
	/* home's */
	struct ewb_hook hook;
	struct ewb_letter parting; /* takes the hook out: the scan has ended */
	/* any thread: the scan is to end */
	_Atomic int dead;
	/* the create's task, until it was answered */
	struct ewb_await await;  /* see require.h */
	int opened, peeking;     /* how far it is */
	void *witness;           /* a second cursor, while it ... */
	int witnesses;           /* ... is open */
	struct ewb_range whole;  /* its range */
	/* whoever uses the cursor */
	void *cursor;
	struct ewb_legs *legs;   /* text: instead of it */
	uint64_t count;          /* documents to sample from */
	/* ... where they are not all that the vbucket has */
	struct ewb_count_keys *counting;
	int counted;
	struct ewb_scan_portion portion;
	/* under the registry's lock */
	enum ewb_scan_state state;
	enum ewb_scan_cause cause;
	unsigned refs;
	int hooked;              /* its connection lives and knows it */
	int empty;               /* no record in the range */
	int listed;              /* in the registry */
	int closing;             /* the close task is under way */
	struct ewb_ticket continuing;
	uint64_t used_at;        /* us */
	struct ewb_scan *hash_next, *next, *prev;
	struct ewb_job close;
	/* any thread: statistics */
	_Atomic uint64_t items, bytes, continues;
};

struct ewb_scans {
	/* set once */
	struct ewb_core *core;
	struct ewb_scan_options o;
	struct ewb_job_type close_type, reap_type;
	/* under lock */
	pthread_mutex_t lock;
	pthread_cond_t fewer;
	struct ewb_scan *buckets[EWB_SCAN_BUCKETS];
	struct ewb_scan *first;
	unsigned nopen;     /* cursors of those not yet freed */
	struct ewb_job reaper;
	int reaping, freeing;
	uint64_t created, refused, ended[EWB_NCAUSES];
	uint64_t seed;
	/* any thread */
	_Atomic uint64_t items, bytes, continues;
};

/* scans.c.  With _locked: the registry's lock is held. */

/* Null: over the limit, or no memory.  One reference is the caller's. */
struct ewb_scan *ewb_scan_new(struct ewb_scans *s, struct ewb_cookie *c,
                              const struct ewb_scan_request *want);
/* The living one of that id, with a reference; null: none. */
struct ewb_scan *ewb_scan_find_locked(struct ewb_scans *s, const uint8_t id[16]);
void ewb_scan_drop(struct ewb_scan *scan);
void ewb_scan_drop_locked(struct ewb_scan *scan);
/* The scan is to end: who has the cursor closes it.  The first cause counts. */
void ewb_scan_end_locked(struct ewb_scan *scan, enum ewb_scan_cause cause);
/* It is IDLE and dead: the scan's own task closes its cursor. */
void ewb_scan_close_later_locked(struct ewb_scan *scan);
/* pool: closes the cursor, which is the caller's. */
void ewb_scan_close_cursor(struct ewb_scan *scan);

/* items.c: the statistics of collections. */
void ewb_scan_collections(struct ewb_scans *s);

/* commands.c */
void ewb_scan_commands(struct ewb_scans *s);
/* text.c: likewise, those of the text protocol. */
void ewb_scan_text_commands(struct ewb_scans *s);

/* fill.c: the tasks. */
enum ewb_status ewb_scan_open_task(struct ewb_task *t, struct ewb_cookie *c,
                                   void *arg);
enum ewb_status ewb_scan_fill_task(struct ewb_task *t, struct ewb_cookie *c,
                                   void *arg);
/* Of a text scan, which has no other: it opens cursors, too. */
enum ewb_status ewb_scan_text_task(struct ewb_task *t, struct ewb_cookie *c,
                                   void *arg);

/* stats.c */
void ewb_scan_stats(struct ewb_cookie *c, void *arg, int all);
/* any: what is counted begins anew. */
void ewb_scan_reset(void *arg);
const char *ewb_scan_cause_name(enum ewb_scan_cause c);

#endif
