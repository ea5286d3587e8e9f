/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that are none of the protocols', by a table: the parsers refuse them
 * as unknown, and then they are looked for here. */
#ifndef PROTOCOL_OWN_H
#define PROTOCOL_OWN_H

#include "protocol/frame.h"

#define EWB_OWN_NAME 32 /* with its final 0 */

/* As it stands on the wire.  In text: NAME [KEY] [WORD]... [BYTES]. */
struct ewb_own_rule {
	char name[EWB_OWN_NAME]; /* empty: nothing is here */
	uint32_t opcode;         /* 0: not in the binary protocol */
	uint8_t text;            /* it is in the text protocol */
	uint8_t key, value;      /* it has one */
};

struct ewb_own_rules {
	const struct ewb_own_rule *at;
	unsigned n;
};

/* A name that a text verb may have: 1 to 31 of a-z, 0-9, _ and -. */
int ewb_own_name_ok(const char *name);
/* Is it one of the protocol's own? */
int ewb_text_is_verb(const char *name);
int ewb_bin_is_opcode(uint32_t opcode);

/* The line of f->head bytes at in was refused as unknown.  1: it is one of
 * these, and f is of op OWN, or of ERROR with what is wrong.  0: f is as it was. */
int ewb_text_own(const struct ewb_own_rules *rules, const uint8_t *in,
                 size_t max_value, struct ewb_frame *f);
/* Likewise a frame whose header is at in[0..n): what ewb_bin_parse() has to say
 * about it. */
enum ewb_parse ewb_bin_own(const struct ewb_own_rules *rules, const uint8_t *in,
                           size_t n, size_t max_value, struct ewb_frame *f);

#endif
