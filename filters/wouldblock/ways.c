/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/statuses.h"
#include "ways.h"

#define THREADS 4

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

static int
read_way(const char *text, void *way)
{
	for (unsigned i = 0; i < WB_NWAYS; i++)
		if (strcmp(text, wb_way_name((enum way)i)) == 0) {
			*(enum way *)way = (enum way)i;
			return 0;
		}
	return -1;
}

static int
read_when(const char *text, void *filter)
{
	struct wb *f = filter;
	uint64_t n;

	if (strcmp(text, "first") == 0) {
		f->when = WB_FIRST;
		return 0;
	}
	if (strncmp(text, "every:", 6) == 0 &&
	    ewb_parse_number(text + 6, &n) == 0 && n > 0) {
		f->when = WB_EVERY;
		f->every = n;
		return 0;
	}
	if (strncmp(text, "random:", 7) == 0 && rate_parse(text + 7, &n) == 0) {
		f->when = WB_RANDOM;
		f->rate = n;
		return 0;
	}
	return -1;
}

static int
read_statuses(const char *text, void *filter)
{
	struct wb *f = filter;
	enum ewb_status list[WB_STATUSES];
	unsigned n = 0;

	for (;;) {
		size_t len = strcspn(text, ",");

		if (n == WB_STATUSES || status_parse(text, len, &list[n]))
			return -1;
		n++;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	memcpy(f->statuses, list, n * sizeof *list);
	f->nstatuses = n;
	f->next_status = 0;
	return 0;
}

static int
read_file(const char *text, void *file)
{
	if (strlen(text) >= WB_TEXT)
		return -1;
	strcpy(file, text);
	return 0;
}

static int
read_seed(const char *text, void *filter)
{
	struct wb *f = filter;

	if (ewb_parse_number(text, &f->seed))
		return -1;
	f->chance = f->seed;
	return 0;
}

static const struct option options[] = {
	{ "how", read_way, offsetof(struct wb, way),
	  "not one of"
#define WAY(name, help) " " #name
	  WB_WAYS(WAY)
#undef WAY
	          "; see ewb-filter-wouldblock(7)" },
	{ "when", read_when, 0, "not first, every:N or random:N%" },
	{ "time", option_time, offsetof(struct wb, us), OPTION_TIME_WRONG },
	{ "statuses", read_statuses, 0,
	  "not a list of ok, " STATUS_NAMES ", with commas, 64 at most" },
	{ "file", read_file, offsetof(struct wb, file),
	  "longer than 255 bytes" },
	{ "seed", read_seed, 0, OPTION_NUMBER_WRONG },
	WHICH_SCAN_OPTION(struct wb, which),
	{ .name = NULL }
};

const char *
wb_set(struct wb *f, const char *name, const char *value)
{
	const char *wrong;
	uint64_t seed;
	int chance;

	pthread_mutex_lock(&f->lock);
	wrong = option_set(options, f, name, value);
	chance = f->when == WB_RANDOM;
	seed = f->seed;
	pthread_mutex_unlock(&f->lock);
	if (wrong == NULL && chance && f->begun &&
	    (strcmp(name, "when") == 0 || strcmp(name, "seed") == 0))
		ewb_host_notice(f->host, "seed=%llu", (unsigned long long)seed);
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

/* What is kept though it is worth nothing any more: see wb_notify_spent(). */
static void
keep_spent(struct wb *f, struct ewb_ticket t)
{
	pthread_mutex_lock(&f->lock);
	f->spent = t;
	pthread_mutex_unlock(&f->lock);
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

void
wb_notify_spent(struct wb *f, enum way way)
{
	struct ewb_ticket t;

	pthread_mutex_lock(&f->lock);
	t = f->spent;
	pthread_mutex_unlock(&f->lock);
	if (t.word == 0)
		return; /* it has had none yet */
	if (way == WB_threads)
		notify_by_threads(t);
	else
		ewb_notify(t, EWB_OK);
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
	case WB_wrong: ewb_notify(t, WB_NO_STATUS); break;
	default: ewb_notify(t, EWB_OK);
	}
	keep_spent(f, t);
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

/* Under its key; what has none, under what its client calls it. */
static int
add_parked(struct wb *f, const struct ewb_cookie *c, struct ewb_ticket t,
           enum way way)
{
	const struct ewb_request *r = ewb_cookie_request(c);
	const char *command = ewb_cookie_command(c);
	struct parked *p = calloc(1, sizeof *p);

	if (p == NULL)
		return -1;
	p->ticket = t;
	p->way = way;
	p->nname = r->nkey ? r->nkey : strlen(command);
	if (p->nname > sizeof p->name)
		p->nname = sizeof p->name;
	memcpy(p->name, r->nkey ? r->key : command, p->nname);
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
	if (n == strlen(WB_SCAN) && memcmp(name, WB_SCAN, n) == 0) {
		count = f->scans_parked;
		f->scans_parked = 0;
		f->scans_let++;
	}
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
	ewb_task_sleep(t, WB_LOOK_US);
}

/* Blocks. */

static enum ewb_status
park(struct wb *f, struct ewb_cookie *c, struct ewb_ticket t, enum way way)
{
	if (add_parked(f, c, t, way))
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
		return WB_NO_STATUS;
	t = ewb_cookie_block(c, deaf(f, way));
	if (t.word == 0)
		return EWB_BUSY;
	switch (way) {
	case WB_never: return EWB_WOULDBLOCK;
	case WB_early:
		ewb_notify(t, EWB_OK);
		keep_spent(f, t);
		return EWB_WOULDBLOCK;
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
