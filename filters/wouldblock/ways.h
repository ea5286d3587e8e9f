/* SPDX-License-Identifier: BSD-2-Clause */
/* The ways in which the filter "wouldblock" has a command block, good and bad,
 * and which commands do. */
#ifndef FILTERS_WOULDBLOCK_WAYS_H
#define FILTERS_WOULDBLOCK_WAYS_H

#include "../common/line.h"
#include "../common/option.h"
#include "../common/which.h"

/* How a command blocks: WAY(name, help) */
#define WB_WAYS(WAY)                                                        \
	WAY(block, "notified by a background task")                         \
	WAY(early, "notified before the callback has returned")             \
	WAY(statuses, "notified with the next of wouldblock-statuses")      \
	WAY(park, "until somebody lets go what is parked under its key")    \
	WAY(file, "until wouldblock-file has vanished")                     \
	WAY(late, "bad: not before wouldblock-time, whatever is cancelled") \
	WAY(twice, "bad: notified twice")                                   \
	WAY(threads, "bad: notified by four threads at once")               \
	WAY(wrong, "bad: notified with a status that there is not")         \
	WAY(never, "bad: never notified")                                   \
	WAY(hasty, "bad: answers though its ticket is out")                 \
	WAY(ticketless, "bad: says would block, and has no ticket out")     \
	WAY(nonsense, "bad: answers with a status that there is not")

enum way {
#define WAY(name, help) WB_##name,
	WB_WAYS(WAY)
#undef WAY
		WB_NWAYS
};

enum when { WB_FIRST, WB_EVERY, WB_RANDOM };

#define WB_STATUSES 64
#define WB_TEXT 256
#define WB_LOOK_US 10000 /* for the file, and what a scan waits for */
#define WB_SCAN "scan"   /* what a scan is parked under */
/* In no protocol, and nothing between an engine and libewb either. */
#define WB_NO_STATUS ((enum ewb_status)0x12345)

/* One that is parked. */
struct parked {
	struct parked *next;
	struct ewb_ticket ticket;
	enum way way; /* park or file */
	size_t nname;
	char name[250];
};

struct wb {
	/* set once */
	struct ewb_host *host;
	struct line line;
	struct ewb_task *watch; /* looks for the file */
	int begun;              /* ... when this is */
	/* under lock */
	pthread_mutex_t lock;
	enum way way;
	enum when when;
	uint64_t every, rate, us, seed, chance;
	struct which which;
	enum ewb_status statuses[WB_STATUSES];
	unsigned nstatuses, next_status;
	char file[WB_TEXT];
	uint64_t commands, blocked;
	struct parked *parked;
	unsigned scans_parked;  /* how many, since so many let-gos */
	uint64_t scans_let;
	struct ewb_ticket spent; /* the last that was notified */
};

/* any: sets one parameter; null, or what is wrong with the value. */
const char *wb_set(struct wb *f, const char *name, const char *value);
/* any: counts a command, and says whether and how it is to block. */
int wb_due(struct wb *f, enum way *way);
/* any: the next status of the sequence; EWB_OK when there is none. */
enum ewb_status wb_next_status(struct wb *f);
/* front, in a callback, as its last act: what the callback returns. */
enum ewb_status wb_block(struct wb *f, struct ewb_cookie *c, enum way way);
/* front: the answer is not wanted any more; arg: as given to the block. */
void wb_cancel(struct ewb_ticket t, void *arg);
/* any: lets go what is parked under that name; how many. */
unsigned wb_let(struct wb *f, const void *name, size_t n);
/* any: notifies what was notified before; way: once, or by four threads. */
void wb_notify_spent(struct wb *f, enum way way);
/* pool, the callbacks of its cursors: */
enum ewb_status wb_scan_open(void *self, const struct ewb_range *range,
                             void **cursor, uint64_t *count);
enum ewb_status wb_scan_next(void *self, void *cursor, struct ewb_sink *sink);
enum ewb_status wb_scan_seek(void *self, void *cursor,
                             const struct ewb_range *range);
void wb_scan_close(void *self, void *cursor);
/* pool: a line's leave, and the task that looks for the file. */
void wb_leave(struct line *l, struct ewb_ticket t);
void wb_watch(struct ewb_task *t, void *arg);
const char *wb_way_name(enum way way);

#endif
