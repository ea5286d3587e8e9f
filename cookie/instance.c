/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cookie/cookie.h"
#include "cookie/instance.h"
#include "cookie/own.h"
#include "lib/check.h"
#include "lib/hot.h"

/* The first release's struct ended after scan_close. */
#define SIZE_MIN \
	(offsetof(struct ewb_engine, scan_close) + sizeof(void (*)(void)))

uint32_t
ewb_host_vbuckets(const struct ewb_host *h)
{
	return h->core->vbuckets;
}

EWB_HOT uint32_t
ewb_host_time(const struct ewb_host *h)
{
	return ewb_clock_second(&h->core->clock);
}

uint64_t
ewb_host_max_value(const struct ewb_host *h)
{
	return h->core->limits.max_item;
}

uint64_t
ewb_host_clock(const struct ewb_host *h)
{
	return ewb_clock_us(&h->core->clock);
}

static void
say(struct ewb_host *h, enum ewb_log_level level, const char *fmt, va_list ap)
{
	char line[900];

	vsnprintf(line, sizeof line, fmt, ap);
	ewb_log(&h->core->log, level, "%s %s: %s", h->kind, h->name, line);
}

void
ewb_host_log(struct ewb_host *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(h, EWB_LOG_INFO, fmt, ap);
	va_end(ap);
}

void
ewb_host_notice(struct ewb_host *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(h, EWB_LOG_ERROR, fmt, ap);
	va_end(ap);
}

void
ewb_host_error(struct ewb_host *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->error, sizeof h->error, fmt, ap);
	va_end(ap);
}

/* An older one's struct ends before it. */
static uint32_t
kind_of(const struct ewb_engine *e)
{
	size_t end = offsetof(struct ewb_engine, kind) + sizeof e->kind;

	return e->size >= end ? e->kind : EWB_KIND_ENGINE;
}

static const char *
kind_name(uint32_t kind)
{
	return kind == EWB_KIND_FILTER ? "filter" : "engine";
}

/* Callbacks that are missing. */
static const char *
lacks(const struct ewb_engine *e)
{
	if (kind_of(e) == EWB_KIND_ENGINE &&
	    (e->get == NULL || e->store == NULL || e->remove == NULL))
		return "it needs the callbacks .get, .store and .remove";
	if (!e->scan_open != !e->scan_next || !e->scan_open != !e->scan_close)
		return "it needs all of .scan_open, .scan_next and "
		       ".scan_close, or none";
	return NULL;
}

/* It is to be what it is taken for. */
static const char *
mistaken(const struct ewb_engine *e, uint32_t kind)
{
	if (kind_of(e) == kind)
		return NULL;
	if (kind_of(e) > EWB_KIND_FILTER)
		return "its .kind is none of enum ewb_kind's";
	return kind == EWB_KIND_FILTER ?
	               "it is an engine, not a filter" :
	               "it is a filter: name it as one, and an engine for it";
}

/* What is wrong with it, as far as its own fields say; null: nothing. */
static const char *
fault(const struct ewb_engine *e, uint32_t kind, char *buf, size_t n)
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
	if (mistaken(e, kind))
		return mistaken(e, kind);
	if (lacks(e))
		return lacks(e);
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
		snprintf(why, nwhy, "%s %s: no parameter %s; it knows%s",
		         kind_name(kind_of(e)), e->name, s[i].name,
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
		snprintf(why, nwhy, "%s %s: %s", i->host.kind, i->host.name,
		         i->host.error);
	else
		snprintf(why, nwhy, "%s %s: would not open (status 0x%x)",
		         i->host.kind, i->host.name, (unsigned)status);
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
		        "%s %s: %u tasks of its own were left at its close",
		        i->host.kind, i->host.name, n);
}

/* 0 is no limit. */
static uint64_t
smaller(uint64_t a, uint64_t b)
{
	return a == 0 || (b && b < a) ? b : a;
}

/* What the two together can. */
static void
wrap(struct ewb_instance *i, struct ewb_instance *below)
{
	struct ewb_engine *e = &i->engine;
	const struct ewb_engine *b = &below->engine;

	i->below = below;
	e->can = e->can ? e->can & b->can : b->can;
	/* one that was built before there was a direction passes none on */
	if (e->scan_open && e->size < offsetof(struct ewb_engine, scan_seek) +
	                                      sizeof e->scan_seek)
		e->can &= ~EWB_CAN_DESCEND;
	e->max_key = (uint32_t)smaller(e->max_key, b->max_key);
	e->max_value = smaller(e->max_value, b->max_value);
}

/* below: null for an engine. */
static struct ewb_instance *
open_one(struct ewb_core *core, struct ewb_instance *below,
         const struct ewb_engine *e, const struct ewb_setting *s, size_t n,
         char *why, size_t nwhy)
{
	struct ewb_instance *i;
	uint32_t kind = below ? EWB_KIND_FILTER : EWB_KIND_ENGINE;
	char buf[200];
	const char *wrong = fault(e, kind, buf, sizeof buf);

	if (wrong == NULL)
		wrong = ewb_own_fault(core, e, buf, sizeof buf);
	if (wrong) {
		snprintf(why, nwhy, "%s", wrong);
		return NULL;
	}
	if (check_settings(e, s, n, why, nwhy))
		return NULL;
	i = calloc(1, sizeof *i);
	if (i == NULL) {
		snprintf(why, nwhy, "%s %s: out of memory", kind_name(kind),
		         e->name);
		return NULL;
	}
	i->magic = EWB_INSTANCE_MAGIC;
	memcpy(&i->engine, e,
	       e->size < sizeof i->engine ? e->size : sizeof i->engine);
	if (below)
		wrap(i, below);
	i->host.core = core;
	i->host.kind = kind_name(kind);
	snprintf(i->host.name, sizeof i->host.name, "%s", e->name);
	ewb_strand_init(&i->strand);
	EWB_MUST0(pthread_mutex_init(&i->lock, NULL));
	i->blame = ewb_blame_of(i->host.name);
	if (i->blame == NULL || ewb_own_add(core, i))
		snprintf(why, nwhy, "%s %s: out of memory", i->host.kind,
		         e->name);
	else if (open_self(i, s, n, why, nwhy) == 0)
		return i;
	ewb_own_drop(core, i);
	free_instance(i);
	return NULL;
}

struct ewb_instance *
ewb_instance_open(struct ewb_core *core, const struct ewb_engine *e,
                  const struct ewb_setting *s, size_t n, char *why,
                  size_t nwhy)
{
	return open_one(core, NULL, e, s, n, why, nwhy);
}

struct ewb_instance *
ewb_filter_open(struct ewb_core *core, struct ewb_instance *below,
                const struct ewb_engine *e, const struct ewb_setting *s,
                size_t n, char *why, size_t nwhy)
{
	return open_one(core, below, e, s, n, why, nwhy);
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
miss(const char *kind, const char *what, const char *dir, char *why,
     size_t nwhy)
{
	const char *end = is_plugin(what) ? "" : ".so", *hint = "; else";
	char list[512] = "there:";

	if (list_engines(dir, list, sizeof list) == 0) {
		list[0] = '\0';
		hint = "not installed?";
	}
	snprintf(why, nwhy,
	         "%s %s: none of that name in %s (%s%s give a path with a "
	         "slash: ./%s%s)",
	         kind, what, dir, list, hint, what, end);
}

static int
find(const char *kind, const char *what, const char *dir, char *path, size_t n,
     char *why, size_t nwhy)
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
		snprintf(why, nwhy, "%s %s: no such file", kind, what);
		return -1;
	}
	miss(kind, what, dir, why, nwhy);
	return -1;
}

/* What the file at path, opened under a name that may be another one, has to
 * offer.  Null: it is not loaded. */
static const struct ewb_engine *
enter(const char *kind, const char *name, const char *what, const char *path,
      void **handle, char *why, size_t nwhy)
{
	const struct ewb_engine *(*entry)(void);

	*handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (*handle == NULL) {
		snprintf(why, nwhy, "%s %s: cannot be loaded: %s", kind, what,
		         dlerror());
		return NULL;
	}
	*(void **)&entry = dlsym(*handle, "ewb_engine_entry");
	if (entry && entry())
		return entry();
	snprintf(why, nwhy, "%s %s: no %s: it has no EWB_%s(...)", kind, path,
	         kind, *kind == 'f' ? "FILTER" : "ENGINE");
	dlclose(*handle);
	return NULL;
}

static struct ewb_instance *
load(struct ewb_core *core, struct ewb_instance *below, const char *what,
     const char *dir, const struct ewb_setting *s, size_t n, char *why,
     size_t nwhy)
{
	const char *kind = below ? "filter" : "engine";
	char path[4096], inner[1024];
	const struct ewb_engine *e;
	struct ewb_instance *i;
	struct stat st = { 0 };
	void *handle;

	if (find(kind, what, dir, path, sizeof path, why, nwhy))
		return NULL;
	(void)stat(path, &st);
	e = enter(kind, path, what, path, &handle, why, nwhy);
	if (e == NULL)
		return NULL;
	inner[0] = '\0';
	i = open_one(core, below, e, s, n, inner, sizeof inner);
	if (i == NULL) {
		/* a fault of the file's names the file, one of its settings itself */
		if (strncmp(inner, kind, 6) == 0)
			snprintf(why, nwhy, "%s", inner);
		else
			snprintf(why, nwhy, "%s %s: %s", kind, path, inner);
		dlclose(handle);
		return NULL;
	}
	i->handle = handle;
	i->device = st.st_dev;
	i->inode = st.st_ino;
	return i;
}

/* By its own name it would be found to be loaded, in the form that it had. */
static const struct ewb_engine *
enter_anew(const char *kind, const char *what, const char *path, void **handle,
           char *why, size_t nwhy)
{
	const struct ewb_engine *e;
	char link[40];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return enter(kind, path, what, path, handle, why, nwhy);
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	e = enter(kind, link, what, path, handle, why, nwhy);
	close(fd);
	return e;
}

int
ewb_instance_try(const struct ewb_instance *now, uint32_t kind,
                 const char *what, const char *dir,
                 const struct ewb_setting *s, size_t n, char *why, size_t nwhy)
{
	const char *name = kind_name(kind), *wrong;
	char path[4096], buf[200];
	const struct ewb_engine *e;
	struct stat st;
	void *handle;
	int bad;

	if (find(name, what, dir, path, sizeof path, why, nwhy))
		return -1;
	if (stat(path, &st) == 0 && st.st_dev == now->device &&
	    st.st_ino == now->inode)
		return 0;
	e = enter_anew(name, what, path, &handle, why, nwhy);
	if (e == NULL)
		return -1;
	wrong = fault(e, kind, buf, sizeof buf);
	if (wrong)
		snprintf(why, nwhy, "%s %s: %s", name, path, wrong);
	bad = wrong || check_settings(e, s, n, why, nwhy);
	dlclose(handle);
	return bad ? -1 : 0;
}

struct ewb_instance *
ewb_instance_load(struct ewb_core *core, const char *what, const char *dir,
                  const struct ewb_setting *s, size_t n, char *why, size_t nwhy)
{
	return load(core, NULL, what, dir, s, n, why, nwhy);
}

struct ewb_instance *
ewb_filter_load(struct ewb_core *core, struct ewb_instance *below,
                const char *what, const char *dir, const struct ewb_setting *s,
                size_t n, char *why, size_t nwhy)
{
	return load(core, below, what, dir, s, n, why, nwhy);
}

/* Which level answers. */

static int
has_callback(const struct ewb_engine *e, enum ewb_op op)
{
	switch (op) {
	case EWB_OP_GET:
	case EWB_OP_GETMETA: return e->get != NULL;
	case EWB_OP_SET:
	case EWB_OP_ADD:
	case EWB_OP_REPLACE: return e->store != NULL;
	case EWB_OP_DELETE: return e->remove != NULL;
	case EWB_OP_FLUSH: return e->flush != NULL;
	case EWB_OP_STATS: return e->stats != NULL;
	default: return 0;
	}
}

struct ewb_instance *
ewb_instance_for(struct ewb_instance *i, enum ewb_op op)
{
	while (i->below && !has_callback(&i->engine, op))
		i = i->below;
	return i;
}

static int
overrides(const struct ewb_engine *e, enum ewb_op op)
{
	switch (op) {
	case EWB_OP_APPEND: return e->append != NULL;
	case EWB_OP_PREPEND: return e->prepend != NULL;
	case EWB_OP_INCR:
	case EWB_OP_DECR: return e->count != NULL;
	case EWB_OP_TOUCH: return e->touch != NULL;
	case EWB_OP_GAT: return e->get_and_touch != NULL;
	default: return 0;
	}
}

struct ewb_instance *
ewb_instance_override(struct ewb_instance *i, enum ewb_op op)
{
	for (; i->below; i = i->below)
		if (i->engine.get || i->engine.store)
			return NULL;
	return overrides(&i->engine, op) ? i : NULL;
}

static const struct ewb_instance *
innermost(const struct ewb_instance *i)
{
	while (i->below)
		i = i->below;
	return i;
}

struct ewb_instance *
ewb_instance_scanner(struct ewb_instance *i)
{
	if (innermost(i)->engine.scan_open == NULL)
		return NULL; /* nothing to filter */
	while (i->engine.scan_open == NULL)
		i = i->below;
	return i;
}

int
ewb_instance_has_tokens(const struct ewb_instance *i)
{
	return innermost(i)->engine.vbucket != NULL;
}

enum ewb_status
ewb_instance_vbucket(const struct ewb_instance *i, uint16_t vbucket,
                     struct ewb_vbucket *v)
{
	i = innermost(i);
	*v = (struct ewb_vbucket){ .size = sizeof *v };
	if (i->engine.vbucket == NULL)
		return EWB_NOT_SUPPORTED;
	return i->engine.vbucket(i->self, vbucket, v);
}

/* One for the whole stack, so that nobody needs two. */
struct ewb_strand *
ewb_instance_strand(struct ewb_instance *i)
{
	if (i->engine.model != EWB_BLOCKING_SERIAL)
		return NULL;
	while (i->below)
		i = i->below;
	return &i->strand;
}

struct ewb_strand *
ewb_instance_cursor_strand(struct ewb_instance *i)
{
	struct ewb_strand *s = NULL;

	for (; i && s == NULL; i = i->below)
		s = ewb_instance_strand(i);
	return s;
}

struct ewb_instance *
ewb_instance_of(struct ewb_host *h)
{
	return (struct ewb_instance *)((char *)h -
	                               offsetof(struct ewb_instance, host));
}

/* Closing. */

static int
in_use(struct ewb_instance *i, char *why, size_t nwhy)
{
	unsigned long long cookies, cursors, lent;

	EWB_LIVE(i, EWB_INSTANCE_MAGIC);
	cookies = atomic_load(&i->cookies);
	cursors = atomic_load(&i->cursors);
	lent = atomic_load(&i->lent);
	if (cookies || cursors || lent)
		snprintf(why, nwhy,
		         "%s %s: not closed: %llu commands, %llu cursors "
		         "and %llu lent values are left",
		         i->host.kind, i->host.name, cookies, cursors, lent);
	return cookies || cursors || lent;
}

static void
close_one(struct ewb_instance *i)
{
	void *handle = i->handle;

	if (i->engine.close)
		i->engine.close(i->self);
	end_tasks(i);
	ewb_blame_tell(i->blame, i->host.core, i->host.kind);
	ewb_own_drop(i->host.core, i);
	free_instance(i);
	if (handle)
		dlclose(handle);
}

int
ewb_instance_in_use(struct ewb_instance *i, char *why, size_t nwhy)
{
	for (; i; i = i->below)
		if (in_use(i, why, nwhy))
			return 1;
	return 0;
}

enum ewb_status
ewb_instance_close(struct ewb_instance *i, char *why, size_t nwhy)
{
	struct ewb_instance *below;

	if (ewb_instance_in_use(i, why, nwhy))
		return EWB_BUSY;
	for (; i; i = below) {
		below = i->below;
		close_one(i);
	}
	return EWB_OK;
}
