/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine's heap: makes one allocation of it fail, and remembers what it
 * has not freed.  The engine's are those that its own code makes, or that of its
 * filters; and of those that are made inside one of its callbacks libewb's and
 * libc's fail, too, for they say so.  Other libraries are left alone: what they
 * do without memory is theirs, and a C++ one ends the process.  Not under a
 * sanitizer, which has its own malloc: then nothing fails and nothing is
 * remembered. */
#ifndef KIT_MEMORY_H
#define KIT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Can it be done here? */
bool kit_memory_works(void);
/* The code of the engine, 0, or of a filter: from, to.  From here on its blocks
 * are remembered. */
void kit_memory_of(unsigned which, uintptr_t from, uintptr_t to);
/* Code that says so when it has no memory: inside of callbacks it fails, too. */
void kit_memory_with(uintptr_t from, uintptr_t to);
/* any thread: it is inside of a callback now (+1), or has left it (-1); inside
 * of the kit (+1, -1), where nothing is made to fail. */
void kit_memory_inside(int step);
void kit_memory_pause(int step);
/* The nth allocation from now on fails, once; 0: none does. */
void kit_memory_fail(unsigned n);
/* Has it failed? */
bool kit_memory_failed(void);

/* A body that the engine has taken over; it must be freed, too. */
void kit_memory_taken(void *p);
/* Blocks that were made since mark and are not freed; and one of them. */
struct kit_leak {
	size_t blocks, bytes;
	bool taken;   /* a taken value is among them */
	uintptr_t by; /* who made another one */
};
uint64_t kit_memory_mark(void);
struct kit_leak kit_memory_left(uint64_t mark);
/* The engine is closed: the check fails if there are some. */
void kit_memory_need_freed(uint64_t mark);

#endif
