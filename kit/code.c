/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

#include "kit/code.h"
#include "kit/kit.h"
#include "kit/memory.h"

struct code {
	ElfW(Addr) base;
	uintptr_t from, to;
};

static int
measure(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct code *k = arg;

	(void)size;
	if (info->dlpi_addr != k->base)
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = k->base + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		if (k->from == 0 || from < k->from)
			k->from = from;
		if (from + p->p_memsz > k->to)
			k->to = from + p->p_memsz;
	}
	return 1;
}

static struct code loaded; /* also when it is not any more */

void *
kit_load(void)
{
	struct link_map *map;
	void *handle = dlopen(kit.path, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &map))
		return handle;
	loaded = (struct code){ .base = map->l_addr };
	dl_iterate_phdr(measure, &loaded);
	kit_memory_of(loaded.from, loaded.to);
	return handle;
}

const char *
kit_code_name(char *to, size_t cap, uintptr_t at)
{
	if (at >= loaded.from && at < loaded.to)
		snprintf(to, cap, "%#lx of its file (addr2line -e %s -f %#lx)",
		         (unsigned long)(at - loaded.base), kit.path,
		         (unsigned long)(at - loaded.base));
	else
		snprintf(to, cap, "%#lx", (unsigned long)at);
	return to;
}
