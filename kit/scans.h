/* SPDX-License-Identifier: BSD-2-Clause */
/* Scans, as a check wants to say them. */
#ifndef KIT_SCANS_H
#define KIT_SCANS_H

#include "kit/say.h"

#define SCAN_ID 16

struct scan_want {
	uint16_t vbucket;
	bool ours;                     /* what key_of() made, and no more */
	const struct key *start, *end; /* else; null: no bound */
	bool start_excluded, end_excluded;
	bool keys_only, descending;
	bool resumable;
	const uint8_t *resume;   /* the id of a scan; or null */
	const struct key *after; /* with that; or null */
};

struct record {
	struct key key;
	uint32_t flags, expiry;
	uint64_t cas, seqno;
	uint8_t *value;
	size_t nvalue;
};

struct haul {
	struct record *at;
	size_t n, cap;
	unsigned status; /* of the last continue */
};

uint16_t scan_vbucket(const struct key *k);
/* The request; it stays until the next one. */
struct ask scan_ask_create(const struct scan_want *w);
struct ask scan_ask_continue(const uint8_t id[SCAN_ID], uint32_t items,
                             uint32_t bytes);
/* Its status. */
unsigned scan_create(struct client *c, const struct scan_want *w,
                     uint8_t id[SCAN_ID]);
/* The answers to one continue, added. */
void scan_hear(struct client *c, struct haul *h, const char *what);
/* The whole scan, with so many items for each continue; 0: any.  EWB_NOT_FOUND:
 * there was nothing. */
unsigned scan_all(const struct scan_want *w, uint32_t items, struct haul *h,
                  const char *what);
void scan_empty(struct haul *h);
/* memcmp of the keys, then by length. */
int scan_compare(const struct key *a, const struct key *b);

#endif
