/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands, as a check wants to say them: one line each, and answered before
 * it goes on. */
#ifndef KIT_SAY_H
#define KIT_SAY_H

#include "kit/stage.h"

struct key {
	uint8_t at[250];
	size_t n;
};

/* A key that nobody else has: the same for the same name and check. */
struct key key_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What all of those begin with. */
struct key key_prefix(void);

/* The engine's limits. */
size_t say_max_key(void);
size_t say_max_value(void);
bool say_can(uint32_t what);
/* Finds keys that nobody has used.  Skips the check when the engine refuses to
 * store; or cannot do that. */
void say_need_store(void);
void say_need(uint32_t what, const char *name);
/* Has a filter kept from the engine all that was stored, the last time with that
 * status?  Skips the check then, for it would say nothing of the engine. */
bool say_is_kept(unsigned status);
void say_need_passed(unsigned status);

struct ask ask_get(const struct key *k);
struct ask ask_store(uint8_t opcode, const struct key *k, const void *value,
                     size_t n);
struct ask ask_remove(const struct key *k);
struct ask ask_count(uint8_t opcode, const struct key *k, uint64_t delta);
struct ask ask_touch(uint8_t opcode, const struct key *k, uint32_t expiry);

/* Asks on the stage's own connection, and hears. */
struct answer say(const struct ask *a);
/* Likewise; its status. */
unsigned say_get(const struct key *k, struct answer *a);
unsigned say_set(const struct key *k, const void *value, size_t n);
unsigned say_text(const struct key *k, const char *text);
unsigned say_remove(const struct key *k);

/* The check fails, unless. */
void must_status(unsigned status, unsigned want, const char *what);
void must_hold(const struct key *k, const void *value, size_t n,
               const char *what);
void must_hold_text(const struct key *k, const char *text, const char *what);
void must_lack(const struct key *k, const char *what);
/* The name of a status. */
const char *status_name(unsigned status);

#endif
