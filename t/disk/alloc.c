/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocations by the engine's own code, which can be made to fail: those whose
 * caller is in the shared object that was loaded with an engine's entry, not in
 * libraries that it uses.  With glibc alone, whose own functions have a second
 * name. */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "t/disk/disk.h"

#ifdef __GLIBC__

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

/* Where its code is. */
static _Atomic uintptr_t low, high;

static int
is_it(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t entry = *(uintptr_t *)arg, from = UINTPTR_MAX, to = 0, at;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD)
			continue;
		at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		from = at < from ? at : from;
		at += info->dlpi_phdr[i].p_memsz;
		to = at > to ? at : to;
	}
	if (entry < from || entry >= to)
		return 0;
	atomic_store(&low, from);
	atomic_store(&high, to);
	return 1;
}

DISK_EXPORT void *
dlopen(const char *name, int flags)
{
	static void *(*real)(const char *, int);
	void *handle;
	uintptr_t entry;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "dlopen");
	handle = real(name, flags);
	entry = handle ? (uintptr_t)dlsym(handle, "ewb_engine_entry") : 0;
	if (entry)
		dl_iterate_phdr(is_it, &entry);
	return handle;
}

static int
fails(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;

	if (disk_control == NULL || at < atomic_load(&low) ||
	    at >= atomic_load(&high) ||
	    disk_control_count(disk_control, DISK_ALLOC) == 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

DISK_EXPORT void *
malloc(size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

DISK_EXPORT void *
calloc(size_t n, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL
	                                          : __libc_calloc(n, size);
}

DISK_EXPORT void *
realloc(void *p, size_t n)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, n);
}

#endif
