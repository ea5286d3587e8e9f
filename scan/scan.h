/* SPDX-License-Identifier: BSD-2-Clause */
/* A range scan: one engine cursor over a snapshot, and who uses it.
 *
 *      OPENING ◀─▶ IDLE ◀──▶ CONTINUING
 *         │          │            │     (the continue's task closes the cursor)
 *         └──────────┴── ENDED ◀──┘     else the scan's own close task does
 *
 * A text scan is one command: OPENING until its task may be woken, then CONTINUING,
 * then ENDED.
 *
 * A scan is tied to a connection, and ends with it; but a resumable one is then
 * *detached*: it is tied to none, and waits for a create that resumes it, which
 * makes it OPENING again, as it does one that is still tied.  What its
 * client has received is not known then, so it is *adrift*: it is not continued
 * before a create has said where.
 *
 *      CONTINUING: a create that resumes it claims it; that ends the continue,
 *      whoever hears it, and the create waits for the cursor
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

/* Limits that a client can meet: what is said, and when to try again. */
#define EWB_SCANS_FULL "too many open scans (--max-scans): retry after 1000 ms"
#define EWB_SCANS_RETRY_MS 1000u
#define EWB_STREAMS_FULL \
	"no memory for another stream (--buffer-memory): retry after 100 ms"
#define EWB_STREAMS_RETRY_MS 100u

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

/* How far it is, for an estimate. */
struct ewb_scan_way {
	uint64_t came;    /* records, also those before it was resumed */
	uint64_t passed;  /* likewise, with those that were not wanted */
	unsigned place;   /* of the next record in its range, of EWB_BIN_WHOLE */
	unsigned told;    /* the last estimate: it never goes back */
};

/* What a cursor ranges over, as long as it does. */
struct ewb_scan_line {
	struct ewb_range range;     /* points into this: */
	struct ewb_scan_request of; /* narrowed to what is to come */
};

/* A connection that a scan is tied to.  Holds a reference. */
struct ewb_scan_tie {
	/* set once */
	struct ewb_scan *scan;
	struct ewb_dispatch *home; /* the connection's */
	/* home's */
	struct ewb_hook hook;
	struct ewb_letter parting; /* takes the hook out: it is untied */
};

struct ewb_scan {
	uint32_t magic;
	/* set once, by create */
	struct ewb_scans *scans;
	struct ewb_instance *instance;
	uint8_t id[16];
	const char *user;        /* its session's: the only one who may have it */
	uint16_t vbucket;
	unsigned ncursors;       /* it may have at once; they count as scans */
	uint64_t born_at;        /* us */
	/* any thread: the scan is to end */
	_Atomic int dead;
	/* any thread: CONTINUING, and a create waits for the cursor; set under
	 * the lock */
	_Atomic int claimed;
	/* the create's task, until it was answered */
	struct ewb_await await;  /* see require.h */
	int opened, peeking;     /* how far it is */
	void *witness;           /* a second cursor, while it ... */
	int witnesses;           /* ... is open */
	struct ewb_range whole;  /* its range */
	/* whoever uses the cursor; want changes under the lock, too */
	struct ewb_scan_request want;
	struct ewb_scan_line *line;
	void *cursor;
	struct ewb_legs *legs;   /* text: instead of it */
	uint64_t count;          /* documents to sample from */
	/* ... where they are not all that the vbucket has */
	struct ewb_count_keys *counting;
	int counted;
	struct ewb_scan_portion portion;
	struct ewb_scan_way way;
	int tells;               /* the client has asked for how far it is */
	int complete;            /* its end has come, which may have been lost */
	/* under the registry's lock */
	char owner[64];          /* the connection's name */
	enum ewb_scan_state state;
	enum ewb_scan_cause cause;
	unsigned refs;           /* one is the registry's, while it is listed */
	struct ewb_scan_tie *tie; /* null: detached, or it has ended */
	int resumable;           /* it outlives its connection */
	int adrift;              /* not to be continued before it is resumed */
	struct ewb_cookie *claimer; /* see claimed; once it can be woken */
	int made;                /* its create has come to that */
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
	uint64_t resumed, resumed_anew; /* on the old snapshot, on a new one */
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
/* Null: no memory. */
struct ewb_scan_line *ewb_scan_line_new(const struct ewb_scan_request *want,
                                        uint16_t vbucket);
/* front: ties it to that connection, from another or from none, with what was
 * got before. */
struct ewb_scan_tie *ewb_scan_tie_new(void);
void ewb_scan_tie_locked(struct ewb_scan *scan, struct ewb_scan_tie *tie,
                         struct ewb_session *session) EWB_ON_FRONT;
void ewb_scan_drop(struct ewb_scan *scan);
void ewb_scan_drop_locked(struct ewb_scan *scan);
/* The scan is to end: who has the cursor closes it.  The first cause counts. */
void ewb_scan_end_locked(struct ewb_scan *scan, enum ewb_scan_cause cause);
/* It is IDLE and dead: the scan's own task closes its cursor. */
void ewb_scan_close_later_locked(struct ewb_scan *scan);
/* It was CONTINUING, and its cursor is free: for who has claimed it, or for all. */
void ewb_scan_rest_locked(struct ewb_scan *scan);
/* It has ended: who has claimed it need not wait. */
void ewb_scan_tell_claimer_locked(struct ewb_scan *scan);
/* pool: closes the cursor, which is the caller's. */
void ewb_scan_close_cursor(struct ewb_scan *scan);

/* items.c: the statistics of collections. */
void ewb_scan_collections(struct ewb_scans *s);
/* resume.c: a create that goes on with another one's scan, if it is there to be
 * gone on with: EWB_WOULDBLOCK, or EWB_BUSY.  EWB_NOT_FOUND: it is to be made
 * anew. */
enum ewb_status ewb_scan_resume(struct ewb_scans *s, struct ewb_cookie *c,
                                const struct ewb_scan_request *want)
	EWB_ON_FRONT;

/* way.c: how far a scan is. */

/* pool: it goes on from where the token says that one was. */
void ewb_scan_way_begin(struct ewb_scan *scan);
/* pool: the record would be next. */
void ewb_scan_way_look(struct ewb_scan *scan, const struct ewb_item *next);
/* pool: the continue's stream ends with that status: says how far. */
void ewb_scan_way_tell(struct ewb_scan *scan, struct ewb_cookie *c,
                       enum ewb_status status);

/* commands.c */
void ewb_scan_commands(struct ewb_scans *s);
/* text.c: likewise, those of the text protocol. */
void ewb_scan_text_commands(struct ewb_scans *s);

/* fill.c: the tasks. */

/* Is there a record in the range?  Refused, it will be offered again.  *again:
 * the engine stopped, and has said neither. */
enum ewb_status ewb_scan_peek(struct ewb_scan *scan, struct ewb_cookie *c,
                              int *again);
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
