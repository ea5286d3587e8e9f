/* SPDX-License-Identifier: BSD-2-Clause */
/* A race: a scan, its creator a, another client b, and the events of which a
 * driver tries all orders.  Of events of the same kind one is like the other:
 * they come in one order. */
#ifndef T_SCAN_RACE_H
#define T_SCAN_RACE_H

#include "t/explore.h"
#include "t/scan_play.h"

#define RACE_RECORDS 40u

struct race {
	unsigned nfronts;
	struct ear *a, *b; /* a creates */
	uint8_t id[ID];
	bool has_id, continued, closed, cancelled, stopped;
	bool b_closed;
	unsigned jobs, letters[2];
	unsigned cancel_status; /* what b was told; 0xffff: nothing */
	bool stops;             /* the server does, in this scenario */
	bool text;              /* a speaks text, and has heard this: */
	char *heard;
	size_t nheard;
	const char *end; /* the line that ended it; null: none, see below */
	void (*created)(struct ear *e, const struct said *s); /* heard; or null */
	const char *wrong;
};
extern struct race race;
extern struct haul race_heard_a, race_heard_b; /* of continues */
extern unsigned race_fronts; /* of the scenario; b is on the last */

/* A server that parks soon; its clients read when they are told to. */
void race_set_up(void);
/* The server reads what was said. */
void race_listen(void);
/* Beginnings: a create was said; a continue was, by a or by b; a scan in text
 * was, over two vbuckets. */
void *race_created(void);
void *race_continued(void);
void *race_continued_by_b(void);
void *race_texted(void);

/* Events, and when they can happen. */
bool race_can_job_0(void *ctx);
bool race_can_job_1(void *ctx);
bool race_can_job_2(void *ctx);
bool race_can_job_3(void *ctx);
void race_job(void *ctx);
bool race_can_letter_00(void *ctx);
bool race_can_letter_01(void *ctx);
bool race_can_letter_02(void *ctx);
void race_letter_0(void *ctx);
bool race_can_letter_10(void *ctx);
bool race_can_letter_11(void *ctx);
void race_letter_1(void *ctx);
void race_hang_up(void *ctx);
void race_a_reads(void *ctx);
void race_b_reads(void *ctx);
bool race_can_continue(void *ctx);
void race_a_continues(void *ctx);
void race_b_cancels(void *ctx);
void race_time_goes_by(void *ctx);
void race_server_stops(void *ctx);
bool race_is_stopping(void *ctx);
void race_grace_is_over(void *ctx);

/* Ends.  What was not done is done, and who reads reads all. */
void race_settle(void *ctx);
/* Null, or what is wrong: with what was heard; with what is left.  In text it is
 * whole records, then race.end; or cut anywhere. */
const char *race_check_records(void);
const char *race_check_text(void);
const char *race_check_nothing_left(void);

/* Explores; how many orders there were. */
size_t race_explore(const char *name, const struct ewb_event *events, size_t n,
                    void *(*setup)(void), const char *(*check)(void *));

#endif
