/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that need no engine, and stats. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cookie/own.h"
#include "cookie/stream.h"
#include "frontend/front.h"
#include "lib/check.h"

#define LINE_MAX_BYTES 256
/* Blocked commands of one front end that are listed, at most. */
#define LIST_MAX 1000

typedef unsigned long long ull;

static struct ewb_server *
server_of(const struct ewb_cookie *c)
{
	return ((struct ewb_front *)c->dispatch->owner)->server;
}

static enum ewb_status
run_nothing(struct ewb_cookie *c)
{
	(void)c;
	return EWB_OK;
}

static enum ewb_status
run_error(struct ewb_cookie *c)
{
	return c->frame.status ? (enum ewb_status)c->frame.status : EWB_INVALID;
}

/* Kept for the protocol; -v sets what is logged. */
static enum ewb_status
run_verbosity(struct ewb_cookie *c)
{
	(void)c;
	return EWB_OK;
}

/* It is not answered; its connection is closed. */
static enum ewb_status
run_shutdown(struct ewb_cookie *c)
{
	const struct ewb_server_options *o = &server_of(c)->o;

	if (o->shutdown == NULL)
		return EWB_NOT_SUPPORTED;
	if (c->frame.flags)
		return EWB_INVALID;
	c->frame.is |= EWB_IS_LAST;
	o->shutdown(o->shutdown_arg);
	return EWB_OK;
}

/* General. */

static const char *
counter_name(unsigned i)
{
	static const char *const names[] = {
#define EWB_COUNTER(name, help) #name,
#include "cookie/counters.def"
#undef EWB_COUNTER
	};

	return names[i];
}

static void
add_counters(struct ewb_cookie *c, struct ewb_server *s)
{
	uint64_t sum[EWB_NCOUNTERS] = { 0 };

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	for (unsigned i = 0; i < EWB_NCOUNTERS; i++) {
		sum[i] = atomic_load(&s->past.at[i]);
		for (unsigned f = 0; f < s->nfronts; f++)
			if (s->fronts[f])
				sum[i] += atomic_load_explicit(
					&s->fronts[f]->d.counters.at[i],
					memory_order_relaxed);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	for (unsigned i = 0; i < EWB_NCOUNTERS; i++)
		ewb_reply_stat(c, counter_name(i), "%llu", (ull)sum[i]);
}

static void
add_core(struct ewb_cookie *c, struct ewb_core *k)
{
	uint64_t stale, filling;

	ewb_blame_sum(&stale, &filling);
	ewb_reply_stat(c, "cookies_blocked", "%llu",
	               (ull)atomic_load(&k->cookies));
	ewb_reply_stat(c, "cookies_orphaned", "%llu",
	               (ull)atomic_load(&k->orphans));
	ewb_reply_stat(c, "cookies_pinned_bytes", "%llu",
	               (ull)atomic_load(&k->pinned));
	ewb_reply_stat(c, "cookies_pinned_max", "%llu",
	               (ull)k->limits.max_pinned);
	ewb_reply_stat(c, "cookies_max", "%llu", (ull)k->limits.max_cookies);
	ewb_reply_stat(c, "notifies_stale", "%llu", (ull)stale);
	ewb_reply_stat(c, "notifies_refused", "%llu", (ull)filling);
	ewb_reply_stat(c, "streams", "%llu", (ull)atomic_load(&k->streams));
	ewb_reply_stat(c, "stream_memory", "%llu",
	               (ull)(ewb_budget_used(&k->budget) +
	                     atomic_load(&k->streams) * EWB_CHUNK_MIN));
	ewb_reply_stat(c, "stream_memory_max", "%llu",
	               (ull)k->limits.buffer_memory);
	ewb_reply_stat(c, "chunk_memory", "%llu",
	               (ull)atomic_load(&k->chunks.out));
}

static void
add_general(struct ewb_cookie *c)
{
	struct ewb_server *s = server_of(c);
	struct ewb_core *k = &s->core;

	ewb_reply_stat(c, "pid", "%ld", (long)getpid());
	ewb_reply_stat(c, "uptime", "%llu",
	               (ull)((ewb_clock_us(&k->clock) - s->started_at) /
	                     1000000));
	ewb_reply_stat(c, "time", "%u", ewb_clock_wall(&k->clock));
	ewb_reply_stat(c, "version", "%s",
	               EWB_PROTOCOL_VERSION "-ewb-" PACKAGE_VERSION);
	ewb_reply_stat(c, "pointer_size", "%u", (unsigned)sizeof(void *) * 8);
	ewb_reply_stat(c, "engine", "%s", s->instance->host.name);
	ewb_reply_stat(c, "vbuckets", "%u", k->vbuckets);
	ewb_reply_stat(c, "threads", "%u", atomic_load(&s->running));
	ewb_reply_stat(c, "curr_connections", "%u",
	               atomic_load(&s->connections));
	ewb_reply_stat(c, "max_connections", "%u", s->o.max_connections);
	add_core(c, k);
	add_counters(c, s);
	for (unsigned i = 0; i < k->ngroups; i++)
		k->groups[i].add(c, k->groups[i].arg, 0);
}

/* The engine's own, which may block: a child.  With its name as the group the
 * engine sees that, and may say more. */
static enum ewb_status
run_engines(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct ewb_cookie *child = c->child;

	if (child == NULL) {
		child = ewb_child_take(c, EWB_OP_STATS);
		if (child == NULL)
			return EWB_NO_MEMORY;
		child->command = c->command->arg;
		child->request.key = c->request.key;
		child->request.nkey = c->request.nkey;
		if (ewb_child_run(child) == EWB_WOULDBLOCK)
			return EWB_WOULDBLOCK;
	}
	if (child->status != EWB_OK)
		return child->status;
	return ewb_reply_value(c, ewb_reply_data(&child->reply),
	                       child->reply.len);
}

/* memcached's group, of engines that have one: as the engine's own, without what
 * else those say that look for no group, and filters. */
static enum ewb_status
run_items(struct ewb_cookie *c) EWB_ON_FRONT
{
	enum ewb_status status = run_engines(c);
	struct ewb_reply *all;
	const char *p, *end, *text;

	if (status != EWB_OK)
		return status;
	all = &c->child->reply;
	ewb_reply_clear(&c->reply, &c->dispatch->core->chunks);
	p = (const char *)ewb_reply_data(all);
	for (end = p + all->len; p < end; p = text + strlen(text) + 1) {
		text = p + strlen(p) + 1;
		if (strncmp(p, "items:", 6) == 0)
			ewb_reply_stat(c, p, "%s", text);
	}
	return EWB_OK;
}

static enum ewb_status
run_general(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->child == NULL)
		add_general(c);
	return run_engines(c);
}

/* The pool. */

static void
add_hist(struct ewb_cookie *c, const char *prefix, const char *what,
         const struct ewb_hist *h)
{
	static const struct {
		const char *name;
		double part;
	} points[] = { { "p50", .5 }, { "p99", .99 }, { "max", 1. } };
	char name[128];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(name, sizeof name, "%s_%s_us_%s", prefix, what,
		         points[i].name);
		ewb_reply_stat(c, name, "%llu",
		               (ull)(i == 2 ? h->max :
		                              ewb_hist_quantile(h, points[i].part)));
	}
}

static void
add_class(struct ewb_cookie *c, const struct ewb_class_stats *s)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "threads", s->threads },     { "queued", s->queued },
		{ "running", s->running },     { "parked", s->parked },
		{ "sleeping", s->sleeping },   { "submitted", s->submitted },
		{ "ran", s->ran },             { "cancelled", s->cancelled },
		{ "wakes", s->wakes },
	};
	char name[64];

	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		snprintf(name, sizeof name, "%s_%s", s->name, numbers[i].name);
		ewb_reply_stat(c, name, "%llu", (ull)numbers[i].value);
	}
	add_hist(c, s->name, "wait", &s->wait_us);
	add_hist(c, s->name, "run", &s->run_us);
}

static void
add_type(void *arg, const char *type, const struct ewb_hist *wait_us,
         const struct ewb_hist *run_us)
{
	struct ewb_cookie *c = arg;
	char name[96];

	snprintf(name, sizeof name, "task_%s", type);
	add_hist(c, name, "wait", wait_us);
	add_hist(c, name, "run", run_us);
}

static void
add_pool(struct ewb_cookie *c, void *arg, int all)
{
	struct ewb_server *s = arg;
	struct ewb_class_stats stats;

	if (!all)
		return;
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++) {
		ewb_pool_stats(s->core.pool, i, &stats);
		add_class(c, &stats);
	}
	ewb_pool_types(s->core.pool, add_type, c);
}

/* Blocked commands: each front end is asked by a letter; the last answer
 * notifies.  A use of the library's own pattern. */

struct gather;

struct question {
	struct ewb_letter letter;
	struct gather *gather;
	struct ewb_front *front;
};

struct gather {
	struct ewb_ticket ticket;
	/* under lock */
	pthread_mutex_t lock;
	unsigned waiting;
	char *text; /* as in a reply: name, 0, text, 0 */
	size_t len, cap;
	struct question ask[EWB_FRONTS];
};

static void
free_gather(void *p)
{
	struct gather *g = p;

	EWB_MUST0(pthread_mutex_destroy(&g->lock));
	free(g->text);
	free(g);
}

static void
add_text(void *arg, const char *name, const char *text)
{
	struct gather *g = arg;
	size_t n = strlen(name) + strlen(text) + 2;
	char *bigger;

	if (g->len + n > g->cap) {
		bigger = realloc(g->text, g->cap * 2 + n);
		if (bigger == NULL)
			return;
		g->text = bigger;
		g->cap = g->cap * 2 + n;
	}
	strcpy(g->text + g->len, name);
	strcpy(g->text + g->len + strlen(name) + 1, text);
	g->len += n;
}

static const char *
state_of(const struct ewb_cookie *c)
{
	if (c->orphan)
		return "orphan";
	if (c->answered || c->session == NULL)
		return "over";
	return c->why ? "cancelled" : "blocked";
}

/* The wait of a stream's command depends on who is the slower side. */
static enum ewb_wait
wait_of(const struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->stream && ewb_stream_full(c->stream))
		return EWB_WAIT_DRAIN;
	return c->wait;
}

static void
describe(struct ewb_front *f, const struct ewb_cookie *c,
         ewb_front_tell_fn *tell, void *arg) EWB_ON_FRONT
{
	char name[48], text[LINE_MAX_BYTES];

	snprintf(name, sizeof name, "cookie:%u:%p", f->index, (const void *)c);
	snprintf(text, sizeof text,
	         "connection=%s engine=%s opcode=%s wait=%s state=%s "
	         "age_ms=%llu blocks=%u",
	         c->session ? c->session->name : "-", c->instance->host.name,
	         ewb_cookie_name(c), ewb_wait_name(wait_of(c)), state_of(c),
	         (ull)((f->d.now - c->began) / 1000), c->nblocks);
	tell(arg, name, text);
}

/* Those that wait for their turn are known to their connection alone. */
static unsigned
describe_turns(struct ewb_front *f, ewb_front_tell_fn *tell, void *arg,
               unsigned n) EWB_ON_FRONT
{
	for (struct ewb_conn *i = f->conns; i && n < LIST_MAX; i = i->next) {
		if (i->nturn == 0)
			continue;
		for (struct ewb_cookie *c = i->first; c && n < LIST_MAX;
		     c = c->next)
			if (c->wait == EWB_WAIT_TURN) {
				describe(f, c, tell, arg);
				n++;
			}
	}
	return n;
}

unsigned
ewb_front_describe(struct ewb_front *f, const struct ewb_cookie *but,
                   ewb_front_tell_fn *tell, void *arg)
{
	unsigned n = 0;

	for (struct ewb_cookie *c = f->d.away; c && n < LIST_MAX;
	     c = c->away_next) {
		if (c->parent || c == but)
			continue;
		describe(f, c, tell, arg);
		n++;
	}
	return describe_turns(f, tell, arg, n);
}

static void
answer_question(struct ewb_letter *l)
{
	struct question *q = (struct question *)l;
	struct gather *g = q->gather;
	struct ewb_ticket ticket = g->ticket;
	unsigned left;

	ewb_now_on_front(q->front->d.thread);
	EWB_MUST0(pthread_mutex_lock(&g->lock));
	if (ewb_front_describe(q->front, ticket.slot, add_text, g) == LIST_MAX)
		add_text(g, "more", "the first 1000 of this front end");
	left = --g->waiting;
	EWB_MUST0(pthread_mutex_unlock(&g->lock));
	if (left == 0)
		ewb_notify(ticket, EWB_OK); /* g is its cookie's again */
}

static void
ask(struct ewb_server *s, struct gather *g)
{
	struct question *q;
	unsigned n = 0;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	for (unsigned i = 0; i < s->nfronts; i++)
		n += s->fronts[i] && !s->fronts[i]->stopped;
	g->waiting = n;
	for (unsigned i = 0; i < s->nfronts; i++) {
		if (s->fronts[i] == NULL || s->fronts[i]->stopped)
			continue;
		q = &g->ask[i];
		q->letter.deliver = answer_question;
		q->gather = g;
		q->front = s->fronts[i];
		ewb_inbox_post(&s->fronts[i]->d.inbox, &q->letter);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

static enum ewb_status
run_cookies(struct ewb_cookie *c) EWB_ON_FRONT
{
	struct gather *g = c->state;

	if (ewb_cookie_resumed(c) != EWB_NEW)
		return ewb_reply_value(c, g->text, g->len);
	g = calloc(1, sizeof *g);
	if (g == NULL)
		return EWB_NO_MEMORY;
	EWB_MUST0(pthread_mutex_init(&g->lock, NULL));
	ewb_cookie_set_state(c, g, free_gather);
	g->ticket = ewb_cookie_block_for(c, NULL, 0);
	if (g->ticket.word == 0)
		return EWB_BUSY;
	ask(server_of(c), g);
	return EWB_WOULDBLOCK;
}

/* Below all filters. */
static const char *
engine_name(const struct ewb_instance *i)
{
	while (i->below)
		i = i->below;
	return i->host.name;
}

static enum ewb_status
run_stats(struct ewb_cookie *c)
{
	const struct ewb_request *r = &c->request;
	struct ewb_core *k = c->dispatch->core;
	const char *name = engine_name(server_of(c)->instance);

	ewb_now_on_front(c->dispatch->thread);
	c->reply.stats = 1;
	if (r->nkey == 0)
		return run_general(c);
	if (r->nkey == 7 && memcmp(r->key, "cookies", 7) == 0)
		return run_cookies(c);
	if (r->nkey == 5 && memcmp(r->key, "items", 5) == 0)
		return run_items(c);
	for (unsigned i = 0; i < k->ngroups; i++) {
		const struct ewb_stat_group *g = &k->groups[i];

		if (r->nkey != strlen(g->name) ||
		    memcmp(r->key, g->name, r->nkey))
			continue;
		g->add(c, g->arg, 1);
		return EWB_OK;
	}
	if (r->nkey == strlen(name) && memcmp(r->key, name, r->nkey) == 0)
		return run_engines(c);
	return EWB_NOT_FOUND;
}

/* The engines' own commands. */
static void
add_own(struct ewb_cookie *c, void *arg, int all)
{
	const struct ewb_core *k = &((struct ewb_server *)arg)->core;

	for (unsigned i = 0; all && i < k->own_rules.n; i++) {
		const struct ewb_own_slot *s = &k->own[i];

		if (s->instance == NULL)
			continue;
		ewb_reply_stat(c, s->name, "%s (0x%02x, %s %s)", s->help,
		               s->what.opcode, s->instance->host.kind,
		               s->instance->host.name);
	}
}

void
ewb_front_commands(struct ewb_server *s)
{
	struct ewb_core *k = &s->core;

	s->engine_stats = k->commands[EWB_OP_STATS];
	k->commands[EWB_OP_STATS] = (struct ewb_command){
		.run = run_stats,
		.barrier = EWB_BARRIER_IN_ORDER,
		.arg = &s->engine_stats
	};
	k->commands[EWB_OP_VERSION] = (struct ewb_command){ .run = run_nothing };
	k->commands[EWB_OP_NOOP] = (struct ewb_command){ .run = run_nothing };
	k->commands[EWB_OP_QUIT] = (struct ewb_command){ .run = run_nothing,
		                                         .barrier = EWB_BARRIER };
	k->commands[EWB_OP_SHUTDOWN] =
		(struct ewb_command){ .run = run_shutdown, .barrier = EWB_BARRIER };
	k->commands[EWB_OP_VERBOSITY] =
		(struct ewb_command){ .run = run_verbosity };
	k->commands[EWB_OP_ERROR] = (struct ewb_command){ .run = run_error };
	k->commands[EWB_OP_HELLO] = (struct ewb_command){
		.run = ewb_hello_run, .barrier = EWB_BARRIER
	};
	ewb_core_add_stats(k, (struct ewb_stat_group){ .name = "commands",
	                                               .add = add_own,
	                                               .arg = s });
	ewb_core_add_stats(k, (struct ewb_stat_group){ .name = "pool",
	                                               .add = add_pool,
	                                               .arg = s });
}
