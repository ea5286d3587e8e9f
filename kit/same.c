/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dlfcn.h>
#include <stdio.h>

#include <ewb/embed.h>

#include "kit/kit.h"
#include "kit/same.h"

/* Named here, each is linked out of the rooms and not out of the library. */
static const struct {
	const char *name;
	void (*at)(void);
} calls[] = {
#define KIT_CALL(name) { #name, (void (*)(void))name },
#include "kit/calls.def"
#undef KIT_CALL
};

/* As the loader looks for what an engine needs: first in the program. */
static const char *
elsewhere(const char *name, void (*at)(void))
{
	static char text[300];
	void *found = dlsym(RTLD_DEFAULT, name);

	if (found == *(void **)&at)
		return NULL;
	snprintf(text, sizeof text,
	         "this program is built wrongly: an engine's %s() would not be "
	         "its own",
	         name);
	return text;
}

/* One that brings along a libewb of its own. */
static const char *
brings(const char *path)
{
	static char text[4300];
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL), *found;
	const char *wrong = NULL;
	Dl_info where, entry;

	if (handle == NULL)
		return NULL; /* that is said elsewhere */
	found = dlsym(handle, "ewb_notify");
	if (found && dladdr(found, &where) &&
	    dladdr(dlsym(handle, "ewb_engine_entry"), &entry) &&
	    where.dli_fbase == entry.dli_fbase) {
		snprintf(text, sizeof text,
		         "%s has an ewb_notify() of its own: link it with "
		         "-lewb, and do not copy libewb into it",
		         path);
		wrong = text;
	}
	dlclose(handle);
	return wrong;
}

const char *
kit_same(void)
{
	const char *wrong;

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		wrong = elsewhere(calls[i].name, calls[i].at);
		if (wrong)
			return wrong;
	}
	wrong = brings(kit.path);
	for (unsigned i = 0; wrong == NULL && i < kit.nfilters; i++)
		wrong = brings(kit.filters[i].path);
	return wrong;
}
