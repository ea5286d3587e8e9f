/* SPDX-License-Identifier: BSD-2-Clause */
/* Statuses by name, and chance by seed. */
#ifndef FILTERS_STATUSES_H
#define FILTERS_STATUSES_H

#include <ewb/engine.h>

/* "busy", "0x85"; up to 0xffff.  -1: none. */
int status_parse(const char *text, size_t len, enum ewb_status *status);
/* What can be said, for help and errors. */
#define STATUS_NAMES                                                          \
	"not_found, exists, too_big, invalid, not_stored, not_number, "       \
	"no_access, no_memory, not_supported, internal, busy, temporary, or " \
	"a number like 0x85"

/* "1%", "0.5%", "100%" as parts of 2^32.  -1: it is none. */
int rate_parse(const char *text, uint64_t *rate);
/* The next number of a generator whose whole state is one number. */
uint64_t chance_draw(uint64_t *state);
/* A seed that nobody gave. */
uint64_t chance_seed(const struct ewb_host *host, const void *self);

#endif
