/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter "wouldblock": has a well-behaved engine block, or misbehave, on a
 * schedule, before the engine is asked. */
#include <stdlib.h>
#include <string.h>

#include "../common/statuses.h"
#include "ways.h"

static void
end(struct wb *f)
{
	struct parked *p;

	while ((p = f->parked) != NULL) {
		f->parked = p->next;
		free(p);
	}
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static enum ewb_status
configure(struct wb *f, const struct ewb_setting *s, size_t n)
{
	const char *wrong;

	for (size_t i = 0; i < n; i++) {
		wrong = wb_set(f, s[i].name, s[i].value);
		if (wrong == NULL)
			continue;
		ewb_host_error(f->host, "%s=%s: %s", s[i].name, s[i].value,
		               wrong);
		return EWB_INVALID;
	}
	if (f->way == WB_statuses && f->nstatuses == 0) {
		ewb_host_error(f->host, "how=statuses needs statuses=...");
		return EWB_INVALID;
	}
	if (f->way == WB_file && f->file[0] == '\0') {
		ewb_host_error(f->host, "how=file needs file=PATH");
		return EWB_INVALID;
	}
	return EWB_OK;
}

static enum ewb_status
start(struct wb *f, const struct ewb_setting *s, size_t n)
{
	enum ewb_status status = configure(f, s, n);

	if (status != EWB_OK)
		return status;
	if (line_init(&f->line, f->host))
		return EWB_NO_MEMORY;
	f->line.leave = wb_leave;
	f->watch = ewb_task_new(f->host, EWB_READER, "watch", wb_watch, f);
	if (f->watch == NULL) {
		line_fini(&f->line);
		return EWB_NO_MEMORY;
	}
	if (f->when == WB_RANDOM)
		ewb_host_notice(f->host, "seed=%llu",
		                (unsigned long long)f->seed);
	f->begun = 1;
	return EWB_OK;
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct wb *f = calloc(1, sizeof *f);
	enum ewb_status status;

	if (f == NULL)
		return EWB_NO_MEMORY;
	f->host = host;
	f->seed = f->chance = chance_seed(host, f);
	f->every = 1;
	which_init_scan(&f->which);
	pthread_mutex_init(&f->lock, NULL);
	status = start(f, s, n);
	if (status != EWB_OK)
		end(f);
	else
		*self = f;
	return status;
}

static void
close(void *self)
{
	struct wb *f = self;

	ewb_task_free(f->watch);
	line_fini(&f->line);
	end(f);
}

static void
add_stats(struct wb *f, struct ewb_cookie *c)
{
	pthread_mutex_lock(&f->lock);
	ewb_reply_stat(c, "wouldblock_how", "%s", wb_way_name(f->way));
	ewb_reply_stat(c, "wouldblock_commands", "%llu",
	               (unsigned long long)f->commands);
	ewb_reply_stat(c, "wouldblock_blocked", "%llu",
	               (unsigned long long)f->blocked);
	ewb_reply_stat(c, "wouldblock_seed", "%llu",
	               (unsigned long long)f->seed);
	pthread_mutex_unlock(&f->lock);
}

static int
is_for(struct wb *f, enum filter_op op, const struct ewb_cookie *c)
{
	struct which which;

	pthread_mutex_lock(&f->lock);
	which = f->which;
	pthread_mutex_unlock(&f->lock);
	return which_has(&which, op, c);
}

static enum ewb_status
run(void *self, struct ewb_cookie *c, enum filter_op op)
{
	struct wb *f = self;
	enum way way;

	if (ewb_cookie_resumed(c) != EWB_NEW)
		return filter_next(c, op);
	if (op == FILTER_STATS)
		add_stats(f, c);
	if (is_for(f, op, c) && wb_due(f, &way))
		return wb_block(f, c, way);
	return filter_next(c, op);
}

FILTER_CALLBACKS(run)

/* In-band. */

/* wouldblock NAME VALUE: from now on, for all. */
static enum ewb_status
set(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	char name[32], value[WB_TEXT];
	const char *wrong;

	if (r->nkey >= sizeof name || r->nextras >= sizeof value)
		return EWB_INVALID;
	memcpy(name, r->key, r->nkey);
	name[r->nkey] = '\0';
	if (r->nextras)
		memcpy(value, r->extras, r->nextras);
	value[r->nextras] = '\0';
	wrong = wb_set(self, name, value);
	if (wrong == NULL)
		return EWB_OK;
	ewb_host_log(((struct wb *)self)->host, "%s=%s: %s", name, value,
	             wrong);
	(void)c;
	return EWB_INVALID;
}

/* wouldblock_let KEY: how many were parked under it. */
static enum ewb_status
let(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	ewb_reply_number(c, wb_let(self, r->key, r->nkey));
	return EWB_OK;
}

static const struct ewb_own own[] = {
	{ .name = "wouldblock",
	  .help = "wouldblock NAME VALUE: sets a parameter, such as how early",
	  .opcode = 0xfd,
	  .is = EWB_OWN_KEY,
	  .run = set },
	{ .name = "wouldblock_let",
	  .help = "wouldblock_let KEY: lets go what is parked under a key, or "
	          "as flush_all, stats or scan",
	  .opcode = 0xfc,
	  .is = EWB_OWN_KEY,
	  .run = let },
	{ .name = NULL }
};

static void
cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why, void *arg)
{
	(void)self;
	(void)why;
	wb_cancel(t, arg);
}

static const struct ewb_param params[] = {
	{ "how", "block",
	  "block, early, statuses, park, file; or as a bad "
	  "engine: late, twice, threads, wrong, never, hasty, "
	  "ticketless, nonsense" },
	{ "when", "first", "first (run of each command), every:N, random:N%" },
	{ "time", "0", "how long a command is blocked" },
	{ "statuses", NULL, "for how=statuses: ok,busy,..., again and again" },
	{ "file", NULL, "for how=file: blocked until it has vanished" },
	WHICH_SCAN_PARAM,
	{ "seed", NULL, "of when=random; printed at the start" },
	{ NULL, NULL, NULL }
};

EWB_FILTER(.name = "wouldblock", .help = "has commands block, well or badly",
           .params = params, .open = open, .close = close, FILTER_USES_THEM,
           .cancel = cancel, .scan_open = wb_scan_open,
           .scan_next = wb_scan_next, .scan_close = wb_scan_close, .scan_seek = wb_scan_seek, .own = own)
