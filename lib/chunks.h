/* SPDX-License-Identifier: BSD-2-Clause */
/* Pieces of memory in powers of two, kept and used again.
 *
 * A store may be used by many threads.  It counts what is out, keeps some of
 * what comes back, and in steady state allocates nothing.
 */
#ifndef LIB_CHUNKS_H
#define LIB_CHUNKS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define EWB_CHUNK_MIN 4096u
#define EWB_CHUNK_MAX (256u * 1024)
#define EWB_CHUNK_SIZES 7 /* 4 KiB to 256 KiB */

struct ewb_chunk {
	struct ewb_chunk *next; /* the holder's */
	uint32_t cap;           /* bytes of data */
	uint32_t start, len;    /* the holder's: in use from start on */
	uint32_t refs;          /* the holder's */
	void *owner;            /* the holder's */
	uint8_t data[];
};

struct ewb_chunks {
	/* set once, by init */
	size_t keep; /* bytes kept for use again, at most */
	/* under lock */
	pthread_mutex_t lock;
	struct ewb_chunk *free_list[EWB_CHUNK_SIZES];
	size_t kept;
	/* any thread */
	_Atomic size_t out;       /* bytes of capacity handed out */
	_Atomic uint64_t mallocs; /* times that none was kept */
};

/* The cap of a chunk for n bytes: the next size above, or whole 4 KiB when n is
 * above the largest. */
static inline size_t
ewb_chunk_cap(size_t n)
{
	size_t cap = EWB_CHUNK_MIN;

	if (n > EWB_CHUNK_MAX)
		return (n + EWB_CHUNK_MIN - 1) & ~(size_t)(EWB_CHUNK_MIN - 1);
	while (cap < n)
		cap *= 2;
	return cap;
}

void ewb_chunks_init(struct ewb_chunks *s, size_t keep);
/* All chunks must have come back. */
void ewb_chunks_fini(struct ewb_chunks *s);
/* any: with the cap for n bytes; start, len 0; refs 1.  Null: no memory. */
struct ewb_chunk *ewb_chunk_take(struct ewb_chunks *s, size_t n);
/* any */
void ewb_chunk_give(struct ewb_chunks *s, struct ewb_chunk *c);

#endif
