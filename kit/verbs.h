/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that the engine, or a filter, has of its own: what is said with
 * them, in either protocol, and whether it is answered as it must be. */
#ifndef KIT_VERBS_H
#define KIT_VERBS_H

#include "kit/stage.h"

#define VERB_EXTRAS 1000 /* words of a line; in binary 255 are the most */

/* One of them, with all that is said with it. */
struct verb {
	unsigned way;
	uint8_t key[250], extras[VERB_EXTRAS];
	size_t nkey, nextras, nvalue;
	uint64_t from; /* the value's bytes */
};

/* The most that can be said, and the least. */
enum verb_limit {
	VERB_NOTHING, /* not even the key that it needs */
	VERB_SMALL,
	VERB_STORED, /* a key that is there, a word of its help */
	VERB_LARGE,  /* a value that is received into a buffer of its own */
	VERB_LARGEST,
	VERB_LIMITS
};

/* Ways to say one: each command in the binary protocol, and in text.  Once for
 * each stage, verbs_find(); or, when there are some, verbs_prepare(), which
 * stores what they may find, and skips the check when there are none. */
unsigned verbs_find(void);
void verbs_prepare(void);
unsigned verbs_n(void);
/* Is this the first way of its command? */
bool verbs_first(unsigned way);
bool verbs_text(unsigned way);
uint8_t verbs_opcode(unsigned way);
/* EWB_OWN_... */
uint32_t verbs_is(unsigned way);
void verbs_limit(struct verb *v, unsigned way, enum verb_limit l);
/* By chance. */
void verbs_draw(struct verb *v, unsigned way);

/* For a message; until the next call. */
const char *verbs_name(const struct verb *v);
/* Says it, and then something whose answer shows that no more of it will come;
 * it is not waited for. */
void verbs_ask(const struct verb *v, struct client *c);
/* Says half of it. */
void verbs_begin(const struct verb *v, struct client *c);
/* verbs_hear.c.  Waits until all of its answer has come, or its connection is closed; what is
 * too large is not heard to its end.  false: it does not come. */
bool verbs_heard(const struct verb *v, struct client *c);
/* Likewise; the check is over if it does not come, if it is none of the protocol,
 * or if there are two. */
void verbs_hear(const struct verb *v, struct client *c, const char *what);

#endif
