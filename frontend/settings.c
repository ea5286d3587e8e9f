/* SPDX-License-Identifier: BSD-2-Clause */
/* stats settings: in memcached's words where they mean the same, then ours. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "frontend/stats.h"
#include "lib/check.h"

typedef unsigned long long ull;

/* A number of the engine's own statistics; null: it does not say it. */
static const char *
engine_says(const struct ewb_cookie *c, const char *name)
{
	const struct ewb_reply *r = &c->child->reply;
	const char *p = (const char *)ewb_reply_data(r), *end = p + r->len, *text;

	for (; p < end; p = text + strlen(text) + 1) {
		text = p + strlen(p) + 1;
		if (strcmp(p, name) == 0)
			return text;
	}
	return NULL;
}

static void
join(char *to, size_t n, const char *text, size_t len)
{
	size_t at = strlen(to);

	snprintf(to + at, n - at, "%s%.*s", at ? "," : "", (int)len, text);
}

/* Where it listens: hosts, and paths. */
static void
add_listeners(struct ewb_cookie *c, struct ewb_server *s)
{
	char inter[512] = "", paths[512] = "";

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	for (unsigned i = 0; i < s->nlisteners; i++) {
		const struct ewb_listener *l = &s->listeners[i];
		const char *colon = strrchr(l->name, ':');

		if (l->path[0])
			join(paths, sizeof paths, l->path, strlen(l->path));
		else if (colon)
			join(inter, sizeof inter, l->name,
			     (size_t)(colon - l->name));
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	ewb_reply_stat(c, "inter", "%s", inter[0] ? inter : "NULL");
	ewb_reply_stat(c, "domain_socket", "%s", paths[0] ? paths : "NULL");
}

static const char *
yes(int is)
{
	return is ? "yes" : "no";
}

static void
add_memcacheds(struct ewb_cookie *c, struct ewb_server *s)
{
	struct ewb_instance *i = s->instance;
	const struct ewb_server_options *o = &s->o;
	int says = c->child && c->child->status == EWB_OK;
	const char *limit = says ? engine_says(c, "limit_maxbytes") : NULL;
	const char *evicts = says ? engine_says(c, "evicts") : NULL;

	if (limit)
		ewb_reply_stat(c, "maxbytes", "%s", limit);
	if (evicts)
		ewb_reply_stat(c, "evictions", "%s",
		               strcmp(evicts, "1") == 0 ? "on" : "off");
	ewb_reply_stat(c, "maxconns", "%u", o->max_connections);
	ewb_reply_stat(c, "tcpport", "%u", ewb_server_port(s));
	ewb_reply_stat(c, "udpport", "0");
	add_listeners(c, s);
	ewb_reply_stat(c, "verbosity", "%d", s->core.log.level);
	ewb_reply_stat(c, "num_threads", "%u", atomic_load(&s->running));
	ewb_reply_stat(c, "reqs_per_event", "%u", o->requests_per_turn);
	ewb_reply_stat(c, "cas_enabled", "%s",
	               yes((i->engine.can & EWB_CAN_CAS) != 0));
	ewb_reply_stat(c, "flush_enabled", "%s",
	               yes(ewb_instance_for(i, EWB_OP_FLUSH)->engine.flush !=
	                   NULL));
	ewb_reply_stat(c, "auth_enabled_sasl", "%s", yes(s->users != NULL));
	ewb_reply_stat(c, "auth_enabled_ascii", "%s", yes(s->users != NULL));
	ewb_reply_stat(c, "binding_protocol", "auto-negotiate");
	ewb_reply_stat(c, "item_size_max", "%llu", (ull)o->max_item);
	ewb_reply_stat(c, "maxconns_fast", "no");
	ewb_reply_stat(c, "idle_timeout", "%u", o->idle_timeout_s);
}

static void
add_ours(struct ewb_cookie *c, struct ewb_server *s)
{
	const struct ewb_server_options *o = &s->o;
	struct ewb_class_stats pool;
	struct ewb_instance *i;
	char filters[256] = "", name[40];

	for (i = s->instance; i->below; i = i->below)
		join(filters, sizeof filters, i->host.name,
		     strlen(i->host.name));
	ewb_reply_stat(c, "engine", "%s", i->host.name);
	ewb_reply_stat(c, "filters", "%s", filters[0] ? filters : "none");
	ewb_reply_stat(c, "vbuckets", "%u", s->core.vbuckets);
	ewb_reply_stat(c, "bucket", "%s", s->bucket);
	ewb_reply_stat(c, "collections", "%s",
	               s->core.collections ? "mapped" : "none");
	for (unsigned n = 0; n < EWB_POOL_CLASSES; n++) {
		ewb_pool_stats(s->core.pool, n, &pool);
		snprintf(name, sizeof name, "pool_%s", pool.name);
		ewb_reply_stat(c, name, "%u", pool.threads);
	}
	ewb_reply_stat(c, "deadline_ms", "%u", o->deadline_ms);
	ewb_reply_stat(c, "in_flight", "%u", o->in_flight);
	ewb_reply_stat(c, "max_unread", "%llu", (ull)o->max_unread);
	ewb_reply_stat(c, "max_cookies", "%llu", (ull)o->max_cookies);
	ewb_reply_stat(c, "high", "%llu", (ull)o->high);
	ewb_reply_stat(c, "low", "%llu", (ull)o->low);
	ewb_reply_stat(c, "buffer_memory", "%llu", (ull)o->buffer_memory);
	ewb_reply_stat(c, "no_progress", "%u", o->no_progress_s);
	ewb_reply_stat(c, "auth_timeout", "%u", o->auth_timeout_s);
}

/* The engine is asked for one of them; what it cannot say is left out. */
enum ewb_status
ewb_stats_settings(struct ewb_cookie *c)
{
	struct ewb_server *s = ewb_stats_server(c);

	if (ewb_stats_ask_engine(c, NULL, 0) == EWB_WOULDBLOCK)
		return EWB_WOULDBLOCK;
	add_memcacheds(c, s);
	add_ours(c, s);
	return EWB_OK;
}
