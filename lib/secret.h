/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes that others are not to learn: by guessing, by the time that a look at them
 * takes, or from memory that was given back. */
#ifndef LIB_SECRET_H
#define LIB_SECRET_H

#include <stddef.h>

/* any: n bytes that nobody can guess.  0 or -errno. */
int ewb_secret_make(void *out, size_t n);
/* any: are they the same?  How long it takes depends on n alone. */
int ewb_secret_same(const void *a, const void *b, size_t n);
/* any: they are 0 after this, whatever a compiler thinks of it. */
void ewb_secret_wipe(void *p, size_t n);

#endif
