/* SPDX-License-Identifier: BSD-2-Clause */
/* Counts what the program allocates, for tests that promise to allocate
 * nothing.  Not under a sanitizer, which has its own malloc. */
#ifndef T_ALLOC_H
#define T_ALLOC_H

#include <stdbool.h>
#include <stdint.h>

/* Can it count here?  If not, the counts stay 0. */
bool ewb_alloc_counts(void);
/* Calls of malloc, calloc, realloc and the like so far, by any thread. */
uint64_t ewb_alloc_count(void);
/* What they asked for. */
uint64_t ewb_alloc_bytes(void);

#endif
