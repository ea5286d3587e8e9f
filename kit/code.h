/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the code of the engine, and of its filters, lies. */
#ifndef KIT_CODE_H
#define KIT_CODE_H

#include <stddef.h>
#include <stdint.h>

/* Loads them, before the server does, and tells kit/memory.h of it.  What cannot
 * be loaded is passed over: the server will say why. */
void kit_load(void);
/* The other half: so that they are unloaded when the server does it. */
void kit_unload(void);
/* Where in whose file. */
const char *kit_code_name(char *to, size_t cap, uintptr_t at);

#endif
