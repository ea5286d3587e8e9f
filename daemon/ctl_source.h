/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of one vbucket as they come in, and the order of many.
 *
 *      NEW ──create──▶ CREATING ──▶ OPEN ──continue──▶ ASKED
 *       ▲               │   │        ▲                 │  │
 *       ├─────busy──────┘   │        └──────more───────┘  │
 *       │                   └──nothing──▶ DONE ◀─complete─┤
 *       └──lost, from anywhere but DONE───────────────────┘
 *
 * Records may be left to be used in any state; with a token, a create goes on behind
 * the last one that came.
 */
#ifndef DAEMON_CTL_SOURCE_H
#define DAEMON_CTL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/ctl_buf.h"
#include "daemon/ctl_spill.h"
#include "protocol/binary.h"

enum ewb_ctl_source_state {
	EWB_CTL_NEW,
	EWB_CTL_CREATING,
	EWB_CTL_OPEN,
	EWB_CTL_ASKED,
	EWB_CTL_DONE
};

struct ewb_ctl_source {
	enum ewb_ctl_source_state state;
	uint16_t vbucket;
	bool wanted; /* in the line of those to be continued */
	uint8_t id[16];
	bool kept;      /* the server has its scan, at its end */
	bool has_token; /* it was created once */
	uint8_t token[EWB_BIN_TOKEN];
	uint8_t last[EWB_KEY_MAX]; /* the last key that came */
	size_t nlast;              /* 0: none has */
	uint16_t progress;         /* of EWB_BIN_WHOLE */
	struct ewb_ctl_buf in;     /* records, as they came */
	struct ewb_bin_record now; /* the first of them */
	size_t nnow;               /* its bytes; 0: there is none */
	/* spilled: all are in the file, and in has a copy of the first bytes of
	 * them; the first record's key is among these */
	struct ewb_ctl_spill *spill; /* null: not */
	uint64_t from, to;           /* in the source's part of the file */
};

/* All of these: 0 or -errno. */

/* Looks at the first record again: after bytes were added or dropped. */
int ewb_ctl_source_look(struct ewb_ctl_source *s, bool keys_only);
/* Goes on to the next record. */
int ewb_ctl_source_drop(struct ewb_ctl_source *s, bool keys_only);
/* Adds records; look then. */
int ewb_ctl_source_add(struct ewb_ctl_source *s, const void *data, size_t n);
/* Moves them from memory to the file, until all are used; look then. */
int ewb_ctl_source_spill(struct ewb_ctl_source *s, struct ewb_ctl_spill *file);
/* The first record is in memory whole, until it is dropped. */
int ewb_ctl_source_load(struct ewb_ctl_source *s, bool keys_only);

/* Bytes of its records, wherever they are. */
static inline size_t
ewb_ctl_source_used(const struct ewb_ctl_source *s)
{
	return s->spill ? (size_t)(s->to - s->from) : ewb_ctl_buf_used(&s->in);
}

/* Keys as unsigned bytes, then by length. */
int ewb_ctl_key_compare(const void *a, size_t na, const void *b, size_t nb);

/* The sources by their first records: a heap.  Zero-filled is empty. */
struct ewb_ctl_merge {
	bool descending;
	struct ewb_ctl_source **at;
	size_t n;
};

/* Room for n: 0 or -ENOMEM. */
int ewb_ctl_merge_init(struct ewb_ctl_merge *m, size_t n, bool descending);
/* s has a record. */
void ewb_ctl_merge_add(struct ewb_ctl_merge *m, struct ewb_ctl_source *s);
/* The one with the least key, descending: the greatest; null when empty. */
struct ewb_ctl_source *ewb_ctl_merge_first(const struct ewb_ctl_merge *m);
/* The first has another record now; or has none, and is taken out. */
void ewb_ctl_merge_settle(struct ewb_ctl_merge *m);
void ewb_ctl_merge_fini(struct ewb_ctl_merge *m);

#endif
