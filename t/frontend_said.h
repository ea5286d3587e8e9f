/* SPDX-License-Identifier: BSD-2-Clause */
/* What `stats` says to a client. */
#ifndef T_FRONTEND_SAID_H
#define T_FRONTEND_SAID_H

#include <stdint.h>

#include "t/front_play.h"

/* The last answer. */
extern char said[262144];

/* Says it, and hears what the server has to say. */
const char *said_ask(struct client *from, const char *what);
/* The text of a statistic in it; null: there is none. */
const char *said_text(const char *name);
uint64_t said_number(const char *name);
void said_check(const char *name, const char *want);

#endif
