/* SPDX-License-Identifier: BSD-2-Clause */
/* Binary frames, one after the other: what a client says, and what it should
 * hear. */
#ifndef T_FRONTEND_FRAMES_H
#define T_FRONTEND_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "t/front_play.h"

struct frames {
	uint8_t at[262144];
	size_t n;
};

struct frame {
	uint8_t opcode;
	uint16_t status; /* of a reply */
	uint32_t opaque;
	uint64_t cas;
	bool barrier; /* a request that is one, by its framing extras */
	const void *extras;
	size_t nextras;
	const char *key; /* or null */
	const void *value;
	size_t nvalue;
};

void frames_ask(struct frames *f, const struct frame *a);
void frames_answer(struct frames *f, const struct frame *a);
/* An error, with its context as the server spells it; null: without. */
void frames_error(struct frames *f, uint8_t opcode, uint32_t opaque,
                  uint16_t status, const char *context);
void frames_say(struct client *c, const struct frames *f);
void frames_hear(struct client *c, const struct frames *f);

/* Opcodes. */
enum {
	BIN_GET = 0x00,
	BIN_SET = 0x01,
	BIN_QUIT = 0x07,
	BIN_FLUSH = 0x08,
	BIN_GETQ = 0x09,
	BIN_NOOP = 0x0a,
	BIN_VERSION = 0x0b,
	BIN_APPEND = 0x0e,
	BIN_STAT = 0x10,
	BIN_SETQ = 0x11,
	BIN_HELLO = 0x1f
};

#endif
