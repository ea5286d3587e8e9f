/* SPDX-License-Identifier: BSD-2-Clause */
/* The client's side of range scans on one connection: what it sends, and what
 * the bytes that come back are.
 *
 *      CREATING ──uuid──▶ CONTINUING ──more──▶ CONTINUING
 *          ▲                  │
 *          └────complete──────┘
 */
#ifndef BENCH_SCAN_READER_H
#define BENCH_SCAN_READER_H

#include <stddef.h>
#include <stdint.h>

/* NONE: no frame has ended; FRAME: one that needs no answer. */
enum scan_event {
	SCAN_NONE,
	SCAN_FRAME,
	SCAN_CREATED,
	SCAN_MORE,
	SCAN_COMPLETE
};

struct scan_reader {
	/* the frame that is being received */
	unsigned char head[24], uuid[16];
	size_t nhead, nbody; /* so far */
	uint32_t body;
	/* inside a record; see scan_reader.c */
	int count_records, field;
	uint64_t length, left;
	unsigned shift;
	/* in all */
	uint64_t bytes, records, frames;
};

/* count_records: by decoding all of them. */
void scan_reader_init(struct scan_reader *r, int count_records);
/* Takes some received bytes, up to the end of a frame; *taken is how many.
 * bytes may be null where the reader has no use for them.  Ends the program
 * when they make no sense. */
enum scan_event scan_reader_take(struct scan_reader *r, const char *bytes,
                                 size_t n, size_t *taken);
/* Has the last frame any records so far? */
int scan_reader_has_records(const struct scan_reader *r);
/* How many of the next bytes are of no use to the reader. */
size_t scan_reader_useless(const struct scan_reader *r);

/* Requests; their length.  items 0: no limit. */
size_t scan_put_create(char *to);
size_t scan_put_continue(char *to, const unsigned char uuid[16],
                         uint32_t items);
size_t scan_put_cancel(char *to, const unsigned char uuid[16]);
#define SCAN_REQUEST_MAX 64

#endif
