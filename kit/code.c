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

void *
kit_load(void)
{
	struct code k = { 0 };
	struct link_map *map;
	void *handle = dlopen(kit.path, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &map))
		return handle;
	k.base = map->l_addr;
	dl_iterate_phdr(measure, &k);
	kit_memory_of(k.from, k.to);
	return handle;
}

const char *
kit_code_name(char *to, size_t cap, uintptr_t at)
{
	Dl_info i;

	if (dladdr((void *)at, &i) == 0)
		snprintf(to, cap, "%#lx", (unsigned long)at);
	else if (i.dli_sname)
		snprintf(to, cap, "%s+%#lx", i.dli_sname,
		         (unsigned long)(at - (uintptr_t)i.dli_saddr));
	else
		snprintf(to, cap, "offset %#lx of its file",
		         (unsigned long)(at - (uintptr_t)i.dli_fbase));
	return to;
}
