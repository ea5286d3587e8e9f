/* SPDX-License-Identifier: BSD-2-Clause */
/* Are the data in memory?  While they are, and there is room for them, a get is
 * answered on the front end, which must not wait for a disk; else by the
 * readers, which may.
 *
 *      away ──they fit: read in──▶ resident ──they grew too large──▶ away
 *        ▲                            │
 *        └──── pages were taken away ─┘
 */
#ifndef LMDB_RESIDENT_H
#define LMDB_RESIDENT_H

#include <ewb/engine.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ldb;

struct ldb_resident {
	/* set once, by open */
	struct ldb *d;
	struct ewb_task *task;
	uint64_t page; /* the system's, bytes */
	/* the task's, or open's: one look at all of it */
	uint64_t at, pages, missing;
	unsigned char *there; /* of one slice */
	uint64_t rest_until;  /* of the host's clock: no reading in before */
	/* any thread */
	_Atomic bool is;
	_Atomic uint64_t passes;
};

/* "auto", or a size; -1: it is neither. */
int ldb_resident_parse(const char *text, uint64_t *bytes);

/* pool or start.  When it fails it has said why. */
enum ewb_status ldb_resident_open(struct ldb_resident *s, struct ldb *d);
void ldb_resident_close(struct ldb_resident *s);

/* any */
static inline bool
ldb_resident_is(const struct ldb_resident *s)
{
	return atomic_load_explicit(&s->is, memory_order_relaxed);
}

#endif
