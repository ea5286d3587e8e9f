/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands that need no engine, and stats. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cookie/own.h"
#include "frontend/stats.h"
#include "lib/check.h"

typedef unsigned long long ull;

struct ewb_server *
ewb_stats_server(const struct ewb_cookie *c)
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
	ewb_reply_context(c, c->frame.reason);
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
	const struct ewb_server_options *o = &ewb_stats_server(c)->o;

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
read_counters(struct ewb_server *s, struct ewb_base *now)
{
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	for (unsigned i = 0; i < EWB_NCOUNTERS; i++)
		now->at[i] = ewb_server_sum(s, (enum ewb_counter)i) -
		             s->base.at[i];
	ewb_blame_sum(&now->stale, &now->filling);
	now->stale -= s->base.stale;
	now->filling -= s->base.filling;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

static void
add_counters(struct ewb_cookie *c, struct ewb_server *s)
{
	struct ewb_base now;

	read_counters(s, &now);
	for (unsigned i = 0; i < EWB_NCOUNTERS; i++)
		ewb_reply_stat(c, counter_name(i), "%llu", (ull)now.at[i]);
	ewb_reply_stat(c, "notifies_stale", "%llu", (ull)now.stale);
	ewb_reply_stat(c, "notifies_refused", "%llu", (ull)now.filling);
	/* what memcached calls them */
	ewb_reply_stat(c, "conn_yields", "%llu",
	               (ull)now.at[EWB_COUNT_slices_used]);
	ewb_reply_stat(c, "listen_disabled_num", "%llu",
	               (ull)now.at[EWB_COUNT_accepting_paused]);
}

static void
add_core(struct ewb_cookie *c, struct ewb_core *k)
{
	ewb_reply_stat(c, "cookies_blocked", "%llu",
	               (ull)atomic_load(&k->cookies));
	ewb_reply_stat(c, "cookies_orphaned", "%llu",
	               (ull)atomic_load(&k->orphans));
	ewb_reply_stat(c, "cookies_pinned_bytes", "%llu",
	               (ull)atomic_load(&k->pinned));
	ewb_reply_stat(c, "cookies_pinned_max", "%llu",
	               (ull)k->limits.max_pinned);
	ewb_reply_stat(c, "cookies_max", "%llu", (ull)k->limits.max_cookies);
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
add_usage(struct ewb_cookie *c)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return;
	ewb_reply_stat(c, "rusage_user", "%ld.%06ld", (long)u.ru_utime.tv_sec,
	               (long)u.ru_utime.tv_usec);
	ewb_reply_stat(c, "rusage_system", "%ld.%06ld", (long)u.ru_stime.tv_sec,
	               (long)u.ru_stime.tv_usec);
}

/* Below all filters. */
static const char *
engine_name(const struct ewb_instance *i)
{
	while (i->below)
		i = i->below;
	return i->host.name;
}

static void
add_general(struct ewb_cookie *c)
{
	struct ewb_server *s = ewb_stats_server(c);
	struct ewb_core *k = &s->core;

	ewb_reply_stat(c, "pid", "%ld", (long)getpid());
	ewb_reply_stat(c, "uptime", "%llu",
	               (ull)((ewb_clock_us(&k->clock) - s->started_at) /
	                     1000000));
	ewb_reply_stat(c, "time", "%u", ewb_clock_wall(&k->clock));
	ewb_reply_stat(c, "version", "%s",
	               EWB_PROTOCOL_VERSION "-ewb-" PACKAGE_VERSION);
	ewb_reply_stat(c, "pointer_size", "%u", (unsigned)sizeof(void *) * 8);
	add_usage(c);
	ewb_reply_stat(c, "engine", "%s", engine_name(s->instance));
	ewb_reply_stat(c, "vbuckets", "%u", k->vbuckets);
	ewb_reply_stat(c, "threads", "%u", atomic_load(&s->running));
	ewb_reply_stat(c, "curr_connections", "%u",
	               atomic_load(&s->connections));
	ewb_reply_stat(c, "max_connections", "%u", s->o.max_connections);
	ewb_reply_stat(c, "accepting_conns", "%d",
	               !atomic_load(&s->accept_paused));
	ewb_reply_stat(c, "unread_bytes", "%llu", (ull)atomic_load(&s->unread));
	ewb_reply_stat(c, "receiving_bytes", "%llu",
	               (ull)atomic_load(&s->receiving));
	add_core(c, k);
	add_counters(c, s);
	for (unsigned i = 0; i < k->ngroups; i++)
		if (k->groups[i].add)
			k->groups[i].add(c, k->groups[i].arg, 0);
}

/* The engine's own, which may block: a child.  With its name as the group the
 * engine sees that, and may say more. */
enum ewb_status
ewb_stats_ask_engine(struct ewb_cookie *c, const void *group, size_t ngroup)
{
	struct ewb_cookie *child = c->child;

	if (child == NULL) {
		child = ewb_child_take(c, EWB_OP_STATS);
		if (child == NULL)
			return EWB_NO_MEMORY;
		child->command = c->command->arg;
		child->request.key = group;
		child->request.nkey = ngroup;
		if (ewb_child_run(child) == EWB_WOULDBLOCK)
			return EWB_WOULDBLOCK;
	}
	return child->status;
}

static enum ewb_status
run_engines(struct ewb_cookie *c) EWB_ON_FRONT
{
	enum ewb_status status = ewb_stats_ask_engine(c, c->request.key,
	                                              c->request.nkey);

	if (status != EWB_OK)
		return status;
	return ewb_reply_value(c, ewb_reply_data(&c->child->reply),
	                       c->child->reply.len);
}

static enum ewb_status
run_general(struct ewb_cookie *c) EWB_ON_FRONT
{
	if (c->child == NULL)
		add_general(c);
	return run_engines(c);
}

/* The pool. */

static const struct {
	const char *name;
	double part;
} points[] = { { "p50", .5 }, { "p99", .99 }, { "max", 1. } };

#define NPOINTS (sizeof points / sizeof *points)

static uint64_t
point(const struct ewb_hist *h, unsigned i)
{
	return i == NPOINTS - 1 ? h->max : ewb_hist_quantile(h, points[i].part);
}

static void
add_count(struct ewb_cookie *c, const char *prefix, const struct ewb_hist *h)
{
	char name[128];

	snprintf(name, sizeof name, "%s_count", prefix);
	ewb_reply_stat(c, name, "%llu", (ull)h->count);
}

void
ewb_stats_hist_us(struct ewb_cookie *c, const char *prefix,
                  const struct ewb_hist *h)
{
	char name[128];

	add_count(c, prefix, h);
	for (unsigned i = 0; i < NPOINTS; i++) {
		snprintf(name, sizeof name, "%s_us_%s", prefix, points[i].name);
		ewb_reply_stat(c, name, "%llu", (ull)point(h, i));
	}
}

void
ewb_stats_hist_ns(struct ewb_cookie *c, const char *prefix,
                  const struct ewb_hist *h)
{
	char name[128];
	uint64_t ns;

	add_count(c, prefix, h);
	for (unsigned i = 0; i < NPOINTS; i++) {
		ns = point(h, i);
		snprintf(name, sizeof name, "%s_us_%s", prefix, points[i].name);
		ewb_reply_stat(c, name, "%llu.%03u", (ull)(ns / 1000),
		               (unsigned)(ns % 1000));
	}
}

static void
add_hists(struct ewb_cookie *c, const char *whose, const struct ewb_hist *wait_us,
          const struct ewb_hist *run_us)
{
	char prefix[112];

	snprintf(prefix, sizeof prefix, "%s_wait", whose);
	ewb_stats_hist_us(c, prefix, wait_us);
	snprintf(prefix, sizeof prefix, "%s_run", whose);
	ewb_stats_hist_us(c, prefix, run_us);
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
	add_hists(c, s->name, &s->wait_us, &s->run_us);
}

static void
add_type(void *arg, const char *type, const struct ewb_hist *wait_us,
         const struct ewb_hist *run_us)
{
	struct ewb_cookie *c = arg;
	char name[96];

	snprintf(name, sizeof name, "task_%s", type);
	add_hists(c, name, wait_us, run_us);
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

static void
reset_pool(void *arg)
{
	struct ewb_server *s = arg;

	ewb_pool_reset(s->core.pool);
}

/* What memcached says of its slabs, of which there are none here. */

static enum ewb_status
run_slabs(struct ewb_cookie *c)
{
	ewb_reply_stat(c, "active_slabs", "0");
	return ewb_reply_stat(c, "total_malloced", "0");
}

static enum ewb_status
run_sizes(struct ewb_cookie *c)
{
	return ewb_reply_stat(c, "sizes_status", "disabled");
}

/* Those of the engine's that are named as memcached's are. */
static enum ewb_status
run_items(struct ewb_cookie *c) EWB_ON_FRONT
{
	enum ewb_status status = ewb_stats_ask_engine(c, c->request.key,
	                                              c->request.nkey);
	const char *p, *end, *text;

	if (status != EWB_OK)
		return status;
	p = (const char *)ewb_reply_data(&c->child->reply);
	for (end = p + c->child->reply.len; p < end; p = text + strlen(text) + 1) {
		text = p + strlen(p) + 1;
		if (strncmp(p, "items:", 6) == 0)
			ewb_reply_stat(c, p, "%s", text);
	}
	return EWB_OK;
}

/* Which group it is. */

static int
is(const struct ewb_request *r, const char *name)
{
	return r->nkey == strlen(name) && memcmp(r->key, name, r->nkey) == 0;
}

static enum ewb_status
run_group(struct ewb_cookie *c) EWB_ON_FRONT
{
	static const struct {
		const char *name;
		enum ewb_status (*run)(struct ewb_cookie *c);
	} groups[] = {
		{ "cookies", ewb_stats_cookies },
		{ "conns", ewb_stats_conns },
		{ "items", run_items },
		{ "latency", ewb_stats_latency },
		{ "reset", ewb_stats_reset },
		{ "settings", ewb_stats_settings },
		{ "sizes", run_sizes },
		{ "slabs", run_slabs },
	};
	const struct ewb_core *k = c->dispatch->core;

	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
		if (is(&c->request, groups[i].name))
			return groups[i].run(c);
	for (unsigned i = 0; i < k->ngroups; i++)
		if (is(&c->request, k->groups[i].name)) {
			if (k->groups[i].run)
				return k->groups[i].run(c, k->groups[i].arg);
			k->groups[i].add(c, k->groups[i].arg, 1);
			return EWB_OK;
		}
	if (is(&c->request, engine_name(ewb_stats_server(c)->instance)))
		return run_engines(c);
	return EWB_NOT_FOUND;
}

static enum ewb_status
run_stats(struct ewb_cookie *c)
{
	ewb_now_on_front(c->dispatch->thread);
	c->reply.stats = 1;
	return c->request.nkey ? run_group(c) : run_general(c);
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
		.cursors = 1, /* of the groups */
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
		.run = ewb_hello_run, .barrier = EWB_BARRIER, .stops = 1
	};
	ewb_core_add_stats(k, (struct ewb_stat_group){ .name = "commands",
	                                               .add = add_own,
	                                               .arg = s });
	ewb_core_add_stats(k, (struct ewb_stat_group){ .name = "pool",
	                                               .add = add_pool,
	                                               .reset = reset_pool,
	                                               .arg = s });
}
