/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "frontend/reload.h"
#include "protocol/verifier.h"
#include "scan/scan.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/world.h"

/* Of plugins; see build.mk. */
const struct ewb_engine *memory_entry(void);
const struct ewb_engine *wouldblock_entry(void);
const struct ewb_engine *own_entry(void);

static struct ewb_engine engine, filter;
static struct ewb_own own[16];
static enum ewb_status (*stream)(void *self, struct ewb_cookie *c,
                                 const struct ewb_request *r);

static void
hush(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static int
is_few(const struct ewb_request *r)
{
	const uint8_t *p = r->extras;

	for (size_t i = 0; i < r->nextras; i++)
		if (p[i] < '0' || p[i] > '9')
			return 0;
	return r->nextras <= 3;
}

/* Up to 999 lines: more is but more of the same. */
static enum ewb_status
lines(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return is_few(r) ? stream(self, c, r) : EWB_INVALID;
}

static enum ewb_status (*broken_stream)(void *self, struct ewb_cookie *c,
                                        const struct ewb_request *r);
static enum ewb_status
broken(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return is_few(r) ? broken_stream(self, c, r) : EWB_INVALID;
}

/* The engine, with commands of t/wire/fixture_own.c; the filter, which lets go
 * what is parked, but is not told anew what to do. */
static void
make_plugins(void)
{
	const struct ewb_own *from = own_entry()->own;
	unsigned n = 0;

	for (; from[n].name; n++) {
		FUZZ_MUST(n + 1 < sizeof own / sizeof *own);
		own[n] = from[n];
		if (strcmp(own[n].name, "lines") == 0) {
			stream = own[n].run;
			own[n].run = lines;
		} else if (strcmp(own[n].name, "unstream") == 0) {
			own[n].run = lines;
		} else if (strcmp(own[n].name, "broken") == 0 ||
		           strcmp(own[n].name, "cut") == 0) {
			broken_stream = own[n].run;
			own[n].run = broken;
		}
	}
	engine = *memory_entry();
	engine.own = own;
	filter = *wouldblock_entry();
	while (strcmp(filter.own->name, "wouldblock_let") != 0)
		FUZZ_MUST((++filter.own)->name);
}

/* Not those that wait for ever, for a file, or for threads.  scans: cursors may
 * do so too; the others would wait by the machine's clock. */
static const struct {
	const char *how;
	int scans;
} ways[] = {
	{ NULL, 0 },       { "block", 0 },    { "early", 1 },
	{ "park", 0 },     { "late", 0 },     { "twice", 1 },
	{ "wrong", 1 },    { "hasty", 1 },    { "ticketless", 1 },
	{ "nonsense", 1 }, { "statuses", 1 }, { "block", 0 },
	{ NULL, 0 },       { "block", 0 },    { "park", 0 },
	{ "statuses", 1 },
};
#define FIRST_WITH_USERS 12
static const char *const whens[] = { "first", "every:2", "every:3",
	                             "random:30%" };

int
world_has_filter(unsigned how)
{
	return !(how & WORLD_STEADY) && ways[how & 15].how != NULL;
}

int
world_has_users(unsigned how)
{
	return !(how & WORLD_STEADY) && (how & 15) >= FIRST_WITH_USERS;
}

static void
add_filter(struct world *w)
{
	unsigned way = w->how & 15;
	int scans = w->how & 0x40 && ways[way].scans;
	const struct ewb_setting s[] = {
		{ "how", ways[way].how },
		{ "when", whens[w->how >> 4 & 3] },
		{ "seed", "1" },
		{ "time", "3ms" },
		{ "statuses", "ok,busy,temporary,not_found,no_memory,invalid" },
		{ "on", scans ? "get,store,remove,flush,stats,own,scan"
		              : "get,store,remove,flush,stats,own" },
	};
	char why[600] = "";

	if (!world_has_filter(w->how))
		return;
	FUZZ_MUST(ewb_server_filter_here(w->p.server, &filter, s,
	                                 sizeof s / sizeof *s, why,
	                                 sizeof why) == 0);
}

/* A users' file of one line; its keys are made but once, which takes time. */
static int
users_file(void)
{
	static struct ewb_user user;
	char line[EWB_USER_LINE_MAX];
	int fd = memfd_create("users", 0);
	size_t n;

	if (user.name[0] == '\0')
		FUZZ_MUST(ewb_user_make(&user, WORLD_USER, WORLD_PASSWORD,
		                        EWB_ROUNDS_MIN) == 0);
	n = ewb_user_print(line, &user);
	line[n++] = '\n';
	FUZZ_MUST(fd >= 0 && write(fd, line, n) == (ssize_t)n);
	return fd;
}

static void
add_users(struct world *w)
{
	char path[40], why[256] = "";
	int fd;

	if (!world_has_users(w->how))
		return;
	fd = users_file();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	FUZZ_MUST(ewb_server_users(w->p.server, path, why, sizeof why) == 0);
	close(fd);
}

size_t
world_max_item(unsigned limits)
{
	return limits & 0x80 ? 1000 : 60000;
}

static void
set_options(struct ewb_server_options *o, unsigned limits)
{
	static const unsigned in_flight[] = { 128, 1, 3, 8 };
	static const unsigned turn[] = { 100, 1, 2, 5 };

	play_defaults(o);
	o->log = hush;
	o->vbuckets = 2;
	o->deadline_ms = WORLD_DEADLINE_MS;
	o->in_flight = in_flight[limits & 3];
	o->requests_per_turn = turn[limits >> 2 & 3];
	o->no_progress_s = WORLD_PATIENCE_S;
	o->max_item = world_max_item(limits);
	o->high = 16384;
	o->low = 8192;
	if (limits & 0x20)
		o->max_unread = 4096;
	if (limits & 0x80)
		o->collections = "8 a.b\n1f4 a.c\n";
}

void
world_open(struct world *w, unsigned how, unsigned limits)
{
	struct ewb_server_options o;
	struct ewb_scan_options so;

	if (engine.get == NULL)
		make_plugins();
	w->how = how;
	w->limits = limits;
	set_options(&o, limits);
	play_server(&w->p, &engine, &o);
	add_filter(w);
	add_users(w);
	ewb_scan_defaults(&so);
	so.max_scans = 4;
	so.lifetime_s = 5;
	so.idle_s = 2;
	w->scans = ewb_scans_new(w->p.core, &so);
	FUZZ_MUST(w->scans != NULL);
	play_fronts(&w->p, limits & 0x40 ? 2 : 1);
	w->c = client_open(&w->p, 0);
	if (limits & 0x10)
		client_small(w->c, 4096);
}

struct client *
world_client(struct world *w)
{
	return client_open(&w->p, w->p.nfronts - 1);
}

/* What is late, parked or slow ends in its time. */
static void
bring_home(struct world *w)
{
	for (struct client *c = w->p.clients; c; c = c->next)
		client_close(c);
	ewb_server_stop_begin(w->p.server, PLAY_GRACE_MS);
	for (unsigned i = 0; i < 20; i++) {
		play_run(&w->p);
		if (i > 0 && ewb_server_stopped(w->p.server) == EWB_OK)
			break;
		if (i == 10)
			play_grace_over(&w->p);
		play_pass(&w->p, 1000);
	}
}

void
world_close(struct world *w)
{
	struct ewb_core *core = w->p.core;

	bring_home(w);
	FUZZ_MUST(w->scans->nopen == 0);
	FUZZ_MUST(atomic_load(&core->streams) == 0);
	FUZZ_MUST(ewb_budget_used(&core->budget) == 0);
	play_fronts_free(&w->p);
	FUZZ_MUST(atomic_load(&core->chunks.out) == 0);
	ewb_scans_free(w->scans);
	play_free(&w->p);
}
