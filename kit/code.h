/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the engine's code lies. */
#ifndef KIT_CODE_H
#define KIT_CODE_H

#include <stddef.h>
#include <stdint.h>

/* Loads it, before the server does, and tells kit/memory.h of it.  A handle for
 * dlclose(); null: it cannot be loaded, and the server will say why. */
void *kit_load(void);
/* Where in the engine's file. */
const char *kit_code_name(char *to, size_t cap, uintptr_t at);

#endif
