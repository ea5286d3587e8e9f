/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/statuses.h"
#include "ways.h"

#define THREADS 4
#define LOOK_US 10000 /* for the file */
/* In no protocol, and nothing between an engine and libewb either. */
#define NO_STATUS ((enum ewb_status)0x12345)

const char *
wb_way_name(enum way way)
{
	static const char *const names[] = {
#define WAY(name, help) #name,
		WB_WAYS(WAY)
#undef WAY
	};

	return names[way];
}

/* Parameters. */

static const char *
set_way(struct wb *f, const char *text)
{
	for (unsigned i = 0; i < WB_NWAYS; i++)
		if (strcmp(text, wb_way_name((enum way)i)) == 0) {
			f->way = (enum way)i;
			return NULL;
		}
	return "not one of "
#define WAY(name, help) #name " "
		WB_WAYS(WAY)
#undef WAY
			"; see ewb-filters(7)";
}

static const char *
set_when(struct wb *f, const char *text)
{
	uint64_t n;

	if (strcmp(text, "first") == 0) {
		f->when = WB_FIRST;
		return NULL;
	}
	if (strncmp(text, "every:", 6) == 0 &&
	    ewb_parse_number(text + 6, &n) == 0 && n > 0) {
		f->when = WB_EVERY;
		f->every = n;
		return NULL;
	}
	if (strncmp(text, "random:", 7) == 0 && rate_parse(text + 7, &n) == 0) {
		f->when = WB_RANDOM;
		f->rate = n;
		return NULL;
	}
	return "not first, every:N or random:N%";
}

static const char *
set_statuses(struct wb *f, const char *text)
{
	enum ewb_status list[WB_STATUSES];
	unsigned n = 0;

	for (;;) {
		size_t len = strcspn(text, ",");

		if (n == WB_STATUSES || status_parse(text, len, &list[n]))
			return "not a list of ok, " STATUS_NAMES
			       ", with commas, 64 at most";
		n++;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	memcpy(f->statuses, list, n * sizeof *list);
	f->nstatuses = n;
	f->next_status = 0;
	return NULL;
}

static const char *
set_file(struct wb *f, const char *text)
{
	if (strlen(text) >= sizeof f->file)
		return "longer than 255 bytes";
	strcpy(f->file, text);
	return NULL;
}

/* Under the lock. */
static const char *
set(struct wb *f, const char *name, const char *value)
{
	if (strcmp(name, "how") == 0)
		return set_way(f, value);
	if (strcmp(name, "when") == 0)
		return set_when(f, value);
	if (strcmp(name, "statuses") == 0)
		return set_statuses(f, value);
	if (strcmp(name, "file") == 0)
		return set_file(f, value);
	if (strcmp(name, "time") == 0)
		return ewb_parse_time(value, &f->us)
		               ? "not a time (2ms, 50us, 3s)"
		               : NULL;
	if (strcmp(name, "seed") == 0) {
		if (ewb_parse_number(value, &f->seed))
			return "not a number";
		f->chance = f->seed;
		return NULL;
	}
	if (strcmp(name, "scans") == 0) {
		if (strcmp(value, "yes") && strcmp(value, "no"))
			return "neither yes nor no";
		f->scans = *value == 'y';
		return NULL;
	}
	if (strcmp(name, "on") == 0)
		return which_parse(&f->which, f->host, value)
		               ? "not a list of commands"
		               : NULL;
	return "no such parameter: how, when, time, statuses, file, on, scans, "
	       "seed";
}

const char *
wb_set(struct wb *f, const char *name, const char *value)
{
	const char *wrong;

	pthread_mutex_lock(&f->lock);
	wrong = set(f, name, value);
	pthread_mutex_unlock(&f->lock);
	return wrong;
}

int
wb_due(struct wb *f, enum way *way)
{
	int due = 1;

	pthread_mutex_lock(&f->lock);
	f->commands++;
	*way = f->way;
	if (f->when == WB_EVERY)
		due = f->commands % f->every == 0;
	else if (f->when == WB_RANDOM)
		due = chance_draw(&f->chance) >> 32 < f->rate;
	f->blocked += (uint64_t)due;
	pthread_mutex_unlock(&f->lock);
	return due;
}

enum ewb_status
wb_next_status(struct wb *f)
{
	enum ewb_status status = EWB_OK;

	pthread_mutex_lock(&f->lock);
	if (f->nstatuses)
		status = f->statuses[f->next_status++ % f->nstatuses];
	pthread_mutex_unlock(&f->lock);
	return status;
}

/* Notifies. */

static void *
notify_once(void *arg)
{
	ewb_notify(*(struct ewb_ticket *)arg, EWB_OK);
	return NULL;
}

/* One of them wins; that makes no difference to the others. */
static void
notify_by_threads(struct ewb_ticket t)
{
	pthread_t threads[THREADS];
	unsigned n = 0;

	while (n < THREADS &&
	       pthread_create(&threads[n], NULL, notify_once, &t) == 0)
		n++;
	if (n == 0)
		ewb_notify(t, EWB_OK);
	while (n)
		pthread_join(threads[--n], NULL);
}

static void
notify_as(struct wb *f, enum way way, struct ewb_ticket t)
{
	switch (way) {
	case WB_statuses: ewb_notify(t, wb_next_status(f)); break;
	case WB_twice:
		ewb_notify(t, EWB_OK);
		ewb_notify(t, EWB_OK);
		break;
	case WB_threads: notify_by_threads(t); break;
	case WB_wrong: ewb_notify(t, NO_STATUS); break;
	default: ewb_notify(t, EWB_OK);
	}
}

/* The way of the moment, which may have been changed since the block: all of
 * them end it. */
void
wb_leave(struct line *l, struct ewb_ticket t)
{
	struct wb *f = (struct wb *)((char *)l - offsetof(struct wb, line));
	enum way way;

	pthread_mutex_lock(&f->lock);
	way = f->way;
	pthread_mutex_unlock(&f->lock);
	if (way == WB_late || !ewb_cancelled(t))
		notify_as(f, way, t);
}

/* Parking. */

static int
add_parked(struct wb *f, struct ewb_ticket t, const struct ewb_request *r,
           enum way way)
{
	struct parked *p = calloc(1, sizeof *p);

	if (p == NULL)
		return -1;
	p->ticket = t;
	p->way = way;
	p->nname = r->nkey < sizeof p->name ? r->nkey : sizeof p->name;
	if (p->nname)
		memcpy(p->name, r->key, p->nname);
	pthread_mutex_lock(&f->lock);
	p->next = f->parked;
	f->parked = p;
	pthread_mutex_unlock(&f->lock);
	return 0;
}

/* Under the lock: is it to be let go? */
static int
is_called(const struct parked *p, const void *name, size_t n)
{
	if (ewb_cancelled(p->ticket))
		return 1; /* it has left; forget it */
	if (name == NULL)
		return p->way == WB_file;
	return p->way == WB_park && p->nname == n &&
	       memcmp(p->name, name, n) == 0;
}

unsigned
wb_let(struct wb *f, const void *name, size_t n)
{
	struct parked **at, *p, *let = NULL;
	unsigned count = 0;

	pthread_mutex_lock(&f->lock);
	for (at = &f->parked; (p = *at) != NULL;) {
		if (!is_called(p, name, n)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		p->next = let;
		let = p;
	}
	pthread_mutex_unlock(&f->lock);
	while ((p = let) != NULL) {
		let = p->next;
		if (!ewb_cancelled(p->ticket))
			count += ewb_notify(p->ticket, EWB_OK) == EWB_OK;
		free(p);
	}
	return count;
}

void
wb_watch(struct ewb_task *t, void *arg)
{
	struct wb *f = arg;
	char file[WB_TEXT];
	int waiting = 0;

	pthread_mutex_lock(&f->lock);
	strcpy(file, f->file);
	for (struct parked *p = f->parked; p; p = p->next)
		waiting |= p->way == WB_file;
	pthread_mutex_unlock(&f->lock);
	if (!waiting)
		return;
	if (access(file, F_OK))
		wb_let(f, NULL, 0);
	ewb_task_sleep(t, LOOK_US);
}

/* Blocks. */

static enum ewb_status
park(struct wb *f, struct ewb_cookie *c, struct ewb_ticket t, enum way way)
{
	if (add_parked(f, t, ewb_cookie_request(c), way))
		ewb_notify(t, EWB_NO_MEMORY);
	else if (way == WB_file)
		ewb_task_wake(f->watch);
	return EWB_WOULDBLOCK;
}

static enum ewb_status
join(struct wb *f, struct ewb_ticket t)
{
	uint64_t us;

	pthread_mutex_lock(&f->lock);
	us = f->us;
	pthread_mutex_unlock(&f->lock);
	if (line_join(&f->line, t, ewb_host_clock(f->host) + us))
		ewb_notify(t, EWB_NO_MEMORY);
	return EWB_WOULDBLOCK;
}

/* What is late, or never, does not heed a cancel either: see wb_cancel(). */
static void *
deaf(struct wb *f, enum way way)
{
	return way == WB_late || way == WB_never ? f : NULL;
}

enum ewb_status
wb_block(struct wb *f, struct ewb_cookie *c, enum way way)
{
	struct ewb_ticket t;

	if (way == WB_ticketless)
		return EWB_WOULDBLOCK;
	if (way == WB_nonsense)
		return NO_STATUS;
	t = ewb_cookie_block(c, deaf(f, way));
	if (t.word == 0)
		return EWB_BUSY;
	switch (way) {
	case WB_never: return EWB_WOULDBLOCK;
	case WB_early: ewb_notify(t, EWB_OK); return EWB_WOULDBLOCK;
	case WB_park:
	case WB_file: return park(f, c, t, way);
	case WB_hasty: join(f, t); return EWB_OK;
	default: return join(f, t);
	}
}

void
wb_cancel(struct ewb_ticket t, void *arg)
{
	if (arg == NULL)
		line_cancel(t);
}
