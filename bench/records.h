/* SPDX-License-Identifier: BSD-2-Clause */
/* Records as a range scan sends them, for the floors. */
#ifndef BENCH_RECORDS_H
#define BENCH_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#define RECORDS_KEY 16
#define RECORDS_VALUE 200
/* In a frame: 25 fixed bytes, two lengths, key and value. */
#define RECORDS_LEN (25 + 1 + RECORDS_KEY + 2 + RECORDS_VALUE)
#define RECORDS_HEAD 28 /* of a frame, with its extras */

enum records_op { RECORDS_CREATE = 0xda, RECORDS_CONTINUE, RECORDS_CANCEL };

struct record {
	uint32_t flags, expiry;
	uint64_t seqno, cas;
	uint8_t datatype, nkey;
	uint16_t nvalue;
	char key[RECORDS_KEY], value[RECORDS_VALUE];
};

struct records {
	struct record *at;
	size_t n;
};

/* One of any lengths. */
struct records_one {
	uint32_t flags, expiry;
	uint64_t seqno, cas;
	uint8_t datatype;
	const char *key, *value;
	size_t nkey, nvalue;
};

/* Bytes of it in a frame, at most. */
#define RECORDS_MOST(one) (25 + 5 + (one).nkey + 5 + (one).nvalue)

void records_make(struct records *r, size_t n);
/* Copies records from *next on into a frame of at most cap bytes, the last
 * one marked complete; its length. */
size_t records_fill(const struct records *r, size_t *next, char *frame,
                    size_t cap);
/* Copies one into a frame; its end. */
char *records_put(char *to, const struct records_one *r);
/* Receives one request; its opcode, or -1 when the peer is gone. */
int records_request(int fd);
/* Answers a create, or a cancel; -1 when the peer is gone. */
int records_answer(int fd, int op);
/* A frame's head for so many bytes of records. */
void records_head(char *frame, size_t len, int complete);

#endif
