/* SPDX-License-Identifier: BSD-2-Clause */
/* A few commands of every kind that the engine answers, for checks that do the
 * same to each. */
#ifndef KIT_SHAPES_H
#define KIT_SHAPES_H

#include "kit/stage.h"

/* Stores what they need.  Once for each stage. */
void shapes_prepare(void);
unsigned shapes_n(void);
const char *shapes_name(unsigned s);
/* Stores anew what this one needs, and changes. */
void shapes_again(unsigned s);
/* Asks; it is not waited for.  A continue's scan is made first. */
void shapes_ask(unsigned s, struct client *c);
/* What they stored is as it was, or as one of them made it. */
void shapes_check(void);

#endif
