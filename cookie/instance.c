/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/cookie.h"
#include "cookie/instance.h"
#include "lib/check.h"

/* The first release's struct ended after scan_close. */
#define SIZE_MIN \
	(offsetof(struct ewb_engine, scan_close) + sizeof(void (*)(void)))

uint32_t
ewb_host_vbuckets(const struct ewb_host *h)
{
	return h->core->vbuckets;
}

uint32_t
ewb_host_time(const struct ewb_host *h)
{
	return ewb_clock_wall(&h->core->clock);
}

uint64_t
ewb_host_max_value(const struct ewb_host *h)
{
	return h->core->limits.max_item;
}

void
ewb_host_log(struct ewb_host *h, const char *fmt, ...)
{
	char line[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	ewb_log(&h->core->log, EWB_LOG_INFO, "engine %s: %s", h->name, line);
}

void
ewb_host_error(struct ewb_host *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->error, sizeof h->error, fmt, ap);
	va_end(ap);
}

/* What is wrong with it, as far as its own fields say; null: nothing. */
static const char *
fault(const struct ewb_engine *e, char *buf, size_t n)
{
	if (e->abi != EWB_ABI) {
		snprintf(buf, n,
		         "it was built for another engine ABI (%u; this "
		         "libewb has %d): build it against this ewb/engine.h",
		         e->abi, EWB_ABI);
		return buf;
	}
	if (e->api > EWB_API) {
		snprintf(buf, n,
		         "it was built for a newer libewb (API %u.%u.%u; this "
		         "one has %d.%d.%d): install that, or build it "
		         "against this ewb/engine.h",
		         e->api >> 16, e->api >> 8 & 255, e->api & 255,
		         EWB_API >> 16, EWB_API >> 8 & 255, EWB_API & 255);
		return buf;
	}
	if (e->size < SIZE_MIN)
		return "its struct ewb_engine is cut short: use EWB_ENGINE()";
	if (e->name == NULL || *e->name == '\0' || strlen(e->name) > 31)
		return "it needs a .name of 1 to 31 characters";
	if (e->get == NULL || e->store == NULL || e->remove == NULL)
		return "it needs the callbacks .get, .store and .remove";
	if (!e->scan_open != !e->scan_next || !e->scan_open != !e->scan_close)
		return "it needs all of .scan_open, .scan_next and "
		       ".scan_close, or none";
	if (e->model > EWB_BLOCKING_SERIAL)
		return "its .model is none of enum ewb_model's";
	return NULL;
}

static void
append(char *buf, size_t n, const char *word)
{
	size_t at = strlen(buf);

	snprintf(buf + at, n - at, " %s", word);
}

/* The first setting that the engine does not know, refused with what it does. */
static int
check_settings(const struct ewb_engine *e, const struct ewb_setting *s,
               size_t n, char *why, size_t nwhy)
{
	const struct ewb_param *p;

	for (size_t i = 0; i < n; i++) {
		for (p = e->params; p && p->name; p++)
			if (strcmp(p->name, s[i].name) == 0)
				break;
		if (p && p->name)
			continue;
		snprintf(why, nwhy, "engine %s: no parameter %s; it knows%s",
		         e->name, s[i].name,
		         e->params && e->params->name ? ":" : " none");
		for (p = e->params; p && p->name; p++)
			append(why, nwhy, p->name);
		return -1;
	}
	return 0;
}

static int
open_self(struct ewb_instance *i, const struct ewb_setting *s, size_t n,
          char *why, size_t nwhy)
{
	enum ewb_status status;

	if (i->engine.open == NULL)
		return 0;
	status = i->engine.open(&i->host, s, n, &i->self);
	if (status == EWB_OK)
		return 0;
	ewb_tasks_end(i);
	if (i->host.error[0])
		snprintf(why, nwhy, "engine %s: %s", i->host.name,
		         i->host.error);
	else
		snprintf(why, nwhy, "engine %s: would not open (status 0x%x)",
		         i->host.name, (unsigned)status);
	return -1;
}

static void
free_instance(struct ewb_instance *i)
{
	EWB_MUST0(pthread_mutex_destroy(&i->lock));
	ewb_strand_fini(&i->strand);
	i->magic = 0;
	free(i);
}

/* What the engine should have ended itself, before its code goes away. */
static void
end_tasks(struct ewb_instance *i)
{
	unsigned n = ewb_tasks_end(i);

	if (n)
		ewb_log(&i->host.core->log, EWB_LOG_ERROR,
		        "engine %s: %u tasks of its own were left at its close",
		        i->host.name, n);
}

struct ewb_instance *
ewb_instance_open(struct ewb_core *core, const struct ewb_engine *e,
                  const struct ewb_setting *s, size_t n, char *why,
                  size_t nwhy)
{
	struct ewb_instance *i;
	char buf[200];
	const char *wrong = fault(e, buf, sizeof buf);

	if (wrong) {
		snprintf(why, nwhy, "%s", wrong);
		return NULL;
	}
	if (check_settings(e, s, n, why, nwhy))
		return NULL;
	i = calloc(1, sizeof *i);
	if (i == NULL) {
		snprintf(why, nwhy, "engine %s: out of memory", e->name);
		return NULL;
	}
	i->magic = EWB_INSTANCE_MAGIC;
	memcpy(&i->engine, e,
	       e->size < sizeof i->engine ? e->size : sizeof i->engine);
	i->host.core = core;
	snprintf(i->host.name, sizeof i->host.name, "%s", e->name);
	ewb_strand_init(&i->strand);
	EWB_MUST0(pthread_mutex_init(&i->lock, NULL));
	i->blame = ewb_blame_of(i->host.name);
	if (i->blame == NULL)
		snprintf(why, nwhy, "engine %s: out of memory", e->name);
	else if (open_self(i, s, n, why, nwhy) == 0)
		return i;
	free_instance(i);
	return NULL;
}

static int
is_plugin(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && strcmp(name + n - 3, ".so") == 0;
}

/* "memory slow"; how many. */
static unsigned
list_engines(const char *dir, char *list, size_t nlist)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char name[256];
	unsigned n = 0;

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		if (!is_plugin(e->d_name))
			continue;
		snprintf(name, sizeof name, "%.*s", (int)strlen(e->d_name) - 3,
		         e->d_name);
		append(list, nlist, name);
		n++;
	}
	closedir(d);
	return n;
}

/* None of that name; what there is, and what to do. */
static void
miss(const char *what, const char *dir, char *why, size_t nwhy)
{
	const char *end = is_plugin(what) ? "" : ".so", *hint = "; else";
	char list[512] = "there:";

	if (list_engines(dir, list, sizeof list) == 0) {
		list[0] = '\0';
		hint = "not installed?";
	}
	snprintf(why, nwhy,
	         "engine %s: none of that name in %s (%s%s give a path with a "
	         "slash: ./%s%s)",
	         what, dir, list, hint, what, end);
}

static int
find(const char *what, const char *dir, char *path, size_t n, char *why,
     size_t nwhy)
{
	FILE *f;

	if (strchr(what, '/'))
		snprintf(path, n, "%s", what);
	else
		snprintf(path, n, "%s/%s.so", dir, what);
	f = fopen(path, "re");
	if (f) {
		fclose(f);
		return 0;
	}
	if (strchr(what, '/')) {
		snprintf(why, nwhy, "engine %s: no such file", what);
		return -1;
	}
	miss(what, dir, why, nwhy);
	return -1;
}

struct ewb_instance *
ewb_instance_load(struct ewb_core *core, const char *what, const char *dir,
                  const struct ewb_setting *s, size_t n, char *why, size_t nwhy)
{
	char path[4096], inner[1024];
	const struct ewb_engine *(*entry)(void);
	struct ewb_instance *i;
	void *handle;

	if (find(what, dir, path, sizeof path, why, nwhy))
		return NULL;
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		snprintf(why, nwhy, "engine %s: cannot be loaded: %s", what,
		         dlerror());
		return NULL;
	}
	*(void **)&entry = dlsym(handle, "ewb_engine_entry");
	if (entry == NULL || entry() == NULL) {
		snprintf(why, nwhy,
		         "engine %s: no engine: it has no EWB_ENGINE(...)", path);
		dlclose(handle);
		return NULL;
	}
	inner[0] = '\0';
	i = ewb_instance_open(core, entry(), s, n, inner, sizeof inner);
	if (i == NULL) {
		/* a fault of the file's names the file, one of its settings itself */
		if (strncmp(inner, "engine ", 7) == 0)
			snprintf(why, nwhy, "%s", inner);
		else
			snprintf(why, nwhy, "engine %s: %s", path, inner);
		dlclose(handle);
		return NULL;
	}
	i->handle = handle;
	return i;
}

enum ewb_status
ewb_instance_close(struct ewb_instance *i, char *why, size_t nwhy)
{
	unsigned long long cookies, cursors, lent;
	void *handle = i->handle;

	EWB_LIVE(i, EWB_INSTANCE_MAGIC);
	cookies = atomic_load(&i->cookies);
	cursors = atomic_load(&i->cursors);
	lent = atomic_load(&i->lent);
	if (cookies || cursors || lent) {
		snprintf(why, nwhy,
		         "engine %s: not closed: %llu commands, %llu cursors "
		         "and %llu lent values are left",
		         i->host.name, cookies, cursors, lent);
		return EWB_BUSY;
	}
	if (i->engine.close)
		i->engine.close(i->self);
	end_tasks(i);
	free_instance(i);
	if (handle)
		dlclose(handle);
	return EWB_OK;
}
