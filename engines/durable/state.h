/* SPDX-License-Identifier: BSD-2-Clause */
/* What a database knows of its vbuckets, and how it was left: one small record
 * beside the data.
 *
 * A seqno is never given twice.  Not to write the record with each mutation,
 * numbers are promised ahead: what is on disk is the end of what may have been
 * given, and after an unclean end one goes on from there.
 *
 * The number of records is right after a clean end; after another one it is as
 * of a second before.  A scan of a whole vbucket puts it right. */
#ifndef DURABLE_STATE_H
#define DURABLE_STATE_H

#include <ewb/engine.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dur_vbucket {
	/* set once, by dur_state_open() */
	uint64_t uuid; /* of its history: another one when some was lost; not 0,
	                * and below 2^63 */
	/* the writer's; others may look */
	_Atomic uint64_t seqno;    /* of the last mutation */
	_Atomic uint64_t answered; /* ... that was committed, and answered */
	_Atomic uint64_t promised; /* no seqno above was given out */
	/* any thread */
	_Atomic int64_t records;
	_Atomic unsigned fixes; /* how often that was put right */
};

/* What a scan of a whole vbucket notes when it begins. */
struct dur_count {
	unsigned fixes;
	int64_t records;
};

struct dur_state {
	struct ewb_host *host;
	uint32_t nvbuckets;
	struct dur_vbucket *vbuckets;
	bool lossy; /* as this run syncs, an unclean end may lose mutations */
	unsigned lost; /* how many vbuckets have begun a new history */
};

/* Where the state comes from. */
struct dur_origin {
	const char *where; /* names the database for a message */
	bool copy;         /* of a database that went on */
	bool cut; /* what is damaged at its end may have been left out */
};

/* pool or start.  at: the record, null: there is none, a new database.  When it
 * fails it has said why. */
enum ewb_status dur_state_open(struct dur_state *s, struct ewb_host *host,
                               const struct dur_origin *from, bool lossy,
                               const void *at, size_t n);
void dur_state_close(struct dur_state *s);
/* The record, malloc'ed; null: no memory.  delta: what is to be added to the
 * records of each vbucket, or null. */
unsigned char *dur_state_write(const struct dur_state *s, bool clean,
                               const int64_t *delta, size_t *n);
/* The next seqno of a vbucket; *promise: the record has to be written before,
 * or with, the mutation, and synced. */
uint64_t dur_state_next(struct dur_state *s, uint16_t vbucket, bool *promise);

/* any: how many records there are, as counted: not less than 0. */
uint64_t dur_state_records(const struct dur_state *s, uint16_t vbucket);
/* any: as the callback vbucket(). */
enum ewb_status dur_state_tell(const struct dur_state *s, uint16_t vbucket,
                               struct ewb_vbucket *v);
/* any: a scan begins; and it has seen all: so many.  When another one was first,
 * or all was removed meanwhile, it changes nothing. */
void dur_state_note(const struct dur_state *s, uint16_t vbucket,
                    struct dur_count *n);
void dur_state_fix(struct dur_state *s, uint16_t vbucket,
                   const struct dur_count *n, int64_t seen);
/* The writer: all are about to be removed; how many there are. */
int64_t dur_state_forget(struct dur_state *s, uint16_t vbucket);

/* A cas is unique in a database. */
static inline uint64_t
dur_cas(uint64_t seqno, uint16_t vbucket)
{
	return seqno << 10 | vbucket;
}

static inline uint64_t
dur_cas_seqno(uint64_t cas)
{
	return cas >> 10;
}

#endif
