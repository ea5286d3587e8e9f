/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans on a stepped server: an engine that is a table, clients that speak of
 * scans, and a decoder of what they hear that knows nothing of the server's.
 *
 *	struct ear *a;
 *
 *	table.n = 1000;
 *	stage_open(1, &table_engine);
 *	a = ear_open(0);
 *	create(a, "{}", id);
 *	say_continue(a, id, 10, 0, 0);
 *	stage_run();
 *	hear_continue(a, &haul);
 *	stage_close();
 *
 * Jobs are stepped here, and not by front_play, so that the engine knows
 * whether it is called by the pool. */
#ifndef T_SCAN_PLAY_H
#define T_SCAN_PLAY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ewb/embed.h>

#include "scan/scan.h"
#include "t/front_play.h"

#define ID 16 /* bytes of a scan's */

/* The engine: n records, "000000", "000001" and so on, in each vbucket; a get
 * is answered by an offloaded function. */
struct table {
	/* what it is to do */
	unsigned n;
	size_t size;                   /* of each value */
	size_t (*size_of)(unsigned i); /* or null */
	unsigned
		pause_every; /* returns, though nothing was refused; 0: never */
	unsigned dawdle;     /* so often it returns and has done nothing */
	unsigned fail_at;    /* the record that is not offered, but */
	enum ewb_status fail; /* this is returned; EWB_OK: never */
	enum ewb_status open_says;
	bool goes_on;      /* after a refusal, with the next one */
	bool ends_refused; /* says the end when the last is refused */
	void (*within)(
		unsigned i); /* before it offers i, or says the end; or null */
	/* what records are to be, instead of the table's; null: right */
	const char *(*other)(unsigned i, const uint8_t *value, size_t n);
	/* what was done */
	enum ewb_status seek_says;
	_Atomic unsigned opened, closed, sought, nexts, offers;
	_Atomic unsigned off_pool; /* calls that were not on the pool */
	_Atomic unsigned
		together;       /* calls of a cursor while another was in it */
	unsigned turn[64];      /* whose the first calls were, by open */
	struct ewb_range range; /* of the last open; its bounds: */
	uint8_t start[256], end[256];
};
extern struct table table;
extern const struct ewb_engine table_engine;
extern const struct ewb_engine serial_engine; /* one callback at a time */
extern const struct ewb_engine bare_engine;   /* without scans */

/* The value of record i, size bytes. */
void table_value(unsigned i, void *to, size_t size);

struct stage {
	struct play p;
	struct ewb_scans *scans;
	pthread_t thread; /* that steps it */
	bool on_pool;     /* now, in that thread */
	/* to be changed before stage_open(); set anew by stage_close() */
	struct ewb_server_options server;
	struct ewb_scan_options scan;
};
extern struct stage stage;

/* At the beginning of each test: all as it is without being told. */
void stage_reset(void);
void stage_open(unsigned nfronts, const struct ewb_engine *e);
/* All clients hang up; nothing may be left of their scans. */
void stage_close(void);
/* One job of that class, or of any; false: there was none. */
bool stage_job_of(unsigned where);
bool stage_job(void);
/* Until nothing moves any more; without jobs; letters and jobs, no sockets. */
void stage_run(void);
void stage_run_fronts(void);
/* Time goes by; what is due runs, until nothing moves. */
void stage_pass(uint64_t ms);
/* Under lock: how many scans there are, not yet freed; how many ended so. */
unsigned stage_scans(void);
uint64_t stage_ended(enum ewb_scan_cause cause);
uint64_t stage_ended_in_all(void);
/* A client, and what it has heard and not yet understood. */
struct ear {
	struct client *c;
	uint8_t *at;
	size_t from, len, cap;
	struct ear *next;
};
struct ear *ear_open(unsigned front);
/* All hang up, and are forgotten. */
void ears_close(void);
/* With kernel buffers so small that a reader that stops is soon noticed. */
struct ear *ear_small(unsigned front);

struct said {
	uint8_t opcode;
	uint16_t status;
	uint32_t opaque;
	const uint8_t *framing, *extras, *value;
	size_t nframing, nextras, nvalue;
};
/* The next whole frame that is here, or can be had without a job: true. */
bool hear_frame(struct ear *e, struct said *s);
/* That, which must be there, and be of that opcode. */
void must_hear(struct ear *e, uint8_t opcode, struct said *s);
/* Likewise, and its status; returns the error's text, or "". */
const char *hear_status(struct ear *e, uint8_t opcode, unsigned status);

void say_create(struct ear *e, const char *json, unsigned vbucket);
void say_continue(struct ear *e, const uint8_t id[ID], uint32_t items,
                  uint32_t ms, uint32_t bytes);
void say_cancel(struct ear *e, const uint8_t id[ID]);
void say_get(struct ear *e, const char *key);
/* Any request. */
void say_frame(struct ear *e, uint8_t opcode, uint8_t datatype,
               unsigned vbucket, const void *extras, size_t nextras,
               const void *value, size_t nvalue);
/* Asks, runs the server, and must hear a good answer. */
void create(struct ear *e, const char *json, uint8_t id[ID]);

/* What continues brought. */
#define HAUL_MAX 20000
struct haul {
	unsigned n;                /* records */
	unsigned record[HAUL_MAX]; /* which */
	uint64_t bytes;            /* of records on the wire */
	uint64_t largest;          /* frame */
	unsigned frames, ends;     /* ends: terminal ones */
	uint16_t status;           /* of the last */
	unsigned with_end;         /* records in the terminal frame */
	bool keys_only;
	uint8_t framing[255];      /* of the last frame */
	size_t nframing;
	const char *wrong; /* what is; null: nothing */
	char why[256];     /* the text of an error */
};
extern struct haul haul;
/* Takes what is here of one continue: true when its end was there. */
bool hear_continue(struct ear *e, struct haul *h);
/* Says, runs the server, hears the end; returns its status. */
unsigned go_on(struct ear *e, const uint8_t id[ID], uint32_t items, uint32_t ms,
               uint32_t bytes);
/* All of it: from record first on, n of them, each once and in order. */
void must_be(const struct haul *h, unsigned first, unsigned n);
/* Forgets them. */
void haul_empty(struct haul *h);

#define OP_CREATE 0xda
#define OP_CONTINUE 0xdb
#define OP_CANCEL 0xdc
#define MORE 0xa6u
#define COMPLETE 0xa7u
#define CANCELLED 0xa5u

#endif
