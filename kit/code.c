/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

#include "kit/code.h"
#include "kit/kit.h"
#include "kit/memory.h"

struct code {
	const char *path;
	void *handle; /* of dlopen; null: not loaded, or not any more */
	ElfW(Addr) base;
	uintptr_t from, to;
};

/* The engine, and the filters.  Also when they are not loaded any more. */
static struct code codes[1 + KIT_FILTERS];

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

static void
load(struct code *k, const char *path)
{
	struct link_map *map;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	*k = (struct code){ .path = path, .handle = handle };
	if (handle == NULL || dlinfo(handle, RTLD_DI_LINKMAP, &map))
		return;
	k->base = map->l_addr;
	dl_iterate_phdr(measure, k);
	kit_memory_of((unsigned)(k - codes), k->from, k->to);
}

/* The library that has this. */
static void
along(void *p)
{
	struct link_map *map;
	struct code k = { 0 };
	Dl_info info;

	if (!dladdr1(p, &info, (void **)&map, RTLD_DL_LINKMAP))
		return;
	k.base = map->l_addr;
	dl_iterate_phdr(measure, &k);
	kit_memory_with(k.from, k.to);
}

void
kit_load(void)
{
	along(dlsym(RTLD_DEFAULT, "ewb_reply_value"));
	along(dlsym(RTLD_DEFAULT, "opendir"));
	load(&codes[0], kit.path);
	for (unsigned i = 0; i < kit.nfilters; i++)
		load(&codes[1 + i], kit.filters[i].path);
}

void
kit_unload(void)
{
	for (unsigned i = 0; i < 1 + kit.nfilters; i++) {
		if (codes[i].handle)
			dlclose(codes[i].handle);
		codes[i].handle = NULL;
	}
}

const char *
kit_code_name(char *to, size_t cap, uintptr_t at)
{
	const struct code *k = codes;

	while (k < codes + kit.nfilters && (at < k->from || at >= k->to))
		k++;
	if (at >= k->from && at < k->to)
		snprintf(to, cap, "%#lx of its file (addr2line -e %s -f %#lx)",
		         (unsigned long)(at - k->base), k->path,
		         (unsigned long)(at - k->base));
	else
		snprintf(to, cap, "%#lx", (unsigned long)at);
	return to;
}
