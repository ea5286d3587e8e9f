/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "t/script_parts.h"

#define SCRIPTS 32
#define STATES 2048

/* One command's state: how often it ran. */
struct state {
	struct state *next;
	struct script *script;
	unsigned runs;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* under lock */
static struct script *scripts[SCRIPTS];
static unsigned nscripts;
static struct state states[STATES], *free_states;

static void
take_lock(void)
{
	SCRIPT_MUST(pthread_mutex_lock(&lock) == 0);
}

static void
give_lock(void)
{
	SCRIPT_MUST(pthread_mutex_unlock(&lock) == 0);
}

void
script_begin(void)
{
	take_lock();
	while (nscripts)
		free(scripts[--nscripts]);
	free_states = NULL;
	for (unsigned i = 0; i < STATES; i++) {
		states[i].next = free_states;
		free_states = &states[i];
	}
	give_lock();
	script_begin_items();
}

/* Under the lock. */
static struct script *
look_up(const char *key, size_t n)
{
	for (unsigned i = 0; i < nscripts; i++)
		if (strlen(scripts[i]->key) == n &&
		    memcmp(scripts[i]->key, key, n) == 0)
			return scripts[i];
	return NULL;
}

struct script *
script_for(const char *key)
{
	struct script *s;

	take_lock();
	s = look_up(key, strlen(key));
	if (s == NULL) {
		SCRIPT_MUST(nscripts < SCRIPTS);
		s = calloc(1, sizeof *s);
		SCRIPT_MUST(s != NULL);
		SCRIPT_MUST(strlen(key) < sizeof s->key);
		strcpy(s->key, key);
		scripts[nscripts++] = s;
	}
	give_lock();
	return s;
}

struct script *
script_of(const struct ewb_request *r)
{
	struct script *s;

	take_lock();
	s = look_up(r->key ? r->key : "", r->nkey);
	if (s == NULL && r->nkey)
		s = look_up("*", 1);
	give_lock();
	return s;
}

/* Blocking. */

static void
destroy(void *arg)
{
	struct state *st = arg;

	if (st->script)
		st->script->destroys++;
	take_lock();
	st->next = free_states;
	free_states = st;
	give_lock();
}

/* Which run of its command this is, from 1. */
static unsigned
count_run(struct script *s, struct ewb_cookie *c)
{
	struct state *st = ewb_cookie_state(c);

	if (st == NULL) {
		take_lock();
		st = free_states;
		SCRIPT_MUST(st != NULL);
		free_states = st->next;
		give_lock();
		st->script = s;
		st->runs = 0;
		ewb_cookie_set_state(c, st, destroy);
	}
	return ++st->runs;
}

struct early {
	struct script *script;
	struct ewb_ticket ticket;
};

static void *
notify_early(void *arg)
{
	struct early *e = arg;
	unsigned times = e->script->times ? e->script->times : 1;

	for (unsigned i = 0; i < times && i < 4; i++)
		e->script->early_says[i] =
			ewb_notify(e->ticket, e->script->notify);
	return NULL;
}

static void
notify_by_helper(struct early *e)
{
	pthread_t helper;

	SCRIPT_MUST(pthread_create(&helper, NULL, notify_early, e) == 0);
	SCRIPT_MUST(pthread_join(helper, NULL) == 0);
}

enum ewb_status
script_block(struct script *s, struct ewb_cookie *c)
{
	struct early e = { .script = s };

	if (s->deadline_ms)
		ewb_cookie_set_deadline(c, s->deadline_ms);
	e.ticket = ewb_cookie_block(c, s);
	if (e.ticket.word == 0)
		return EWB_BUSY;
	s->ticket = e.ticket;
	s->tickets[s->ntickets++ % SCRIPT_TICKETS] = e.ticket;
	if (s->early == SCRIPT_INSIDE)
		notify_early(&e);
	else if (s->early == SCRIPT_HELPER)
		notify_by_helper(&e);
	return EWB_WOULDBLOCK;
}

/* What an offloaded function does on its run number n, from 0. */
static enum ewb_status
step(struct script *s, struct ewb_task *t, struct ewb_cookie *c,
     script_act_fn *act)
{
	unsigned n = ewb_task_runs(t);

	s->task_runs++;
	if (s->within)
		s->within(s, c);
	switch (n < s->nplan ? s->plan[n] : SCRIPT_ANSWER) {
	case SCRIPT_AGAIN: ewb_task_again(t); return EWB_WOULDBLOCK;
	case SCRIPT_PARK: ewb_task_park(t); return EWB_WOULDBLOCK;
	case SCRIPT_SLEEP:
		ewb_task_sleep(t, s->sleep_us);
		return EWB_WOULDBLOCK;
	case SCRIPT_NOTHING: return EWB_WOULDBLOCK;
	default: break;
	}
	if (ewb_cancelled(ewb_task_ticket(t)))
		return EWB_TEMPORARY;
	return s->status ? s->status : act(s, c, ewb_cookie_request(c));
}

static enum ewb_status
offload_get(struct ewb_task *t, struct ewb_cookie *c, void *s)
{
	return step(s, t, c, script_act_get);
}

static enum ewb_status
offload_store(struct ewb_task *t, struct ewb_cookie *c, void *s)
{
	return step(s, t, c, script_act_store);
}

static enum ewb_status
offload_remove(struct ewb_task *t, struct ewb_cookie *c, void *s)
{
	return step(s, t, c, script_act_remove);
}

void
script_note_run(struct script *s, struct ewb_cookie *c)
{
	unsigned n = s->runs++;

	s->cookie = c;
	if (n < 16)
		s->resumed[n] = ewb_cookie_resumed(c);
}

static enum ewb_status
act_out(struct ewb_cookie *c, script_act_fn *act, ewb_offload_fn fn)
{
	const struct ewb_request *r = ewb_cookie_request(c);
	struct script *s = script_of(r);

	if (s == NULL)
		return act(NULL, c, r);
	script_note_run(s, c);
	if (s->instead)
		return s->instead(s, c);
	if (s->block_for && count_run(s, c) <= s->block_for)
		return script_block(s, c);
	if (s->offload && fn)
		return ewb_offload(c, fn, s);
	if (s->status || s->filled) {
		s->filled = false;
		return s->status;
	}
	return act(s, c, r);
}

/* The engine. */

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	return act_out(c, script_act_get, offload_get);
}

static enum ewb_status
put(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	return act_out(c, script_act_store, offload_store);
}

static enum ewb_status
remove_(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)r;
	return act_out(c, script_act_remove, offload_remove);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	(void)self;
	return act_out(c, script_act_flush, NULL);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	(void)self;
	return act_out(c, script_act_stats, NULL);
}

static void
cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why, void *arg)
{
	struct script *s = arg;

	(void)self;
	s->cancelled = t;
	s->why = why;
	s->cancelled_on = pthread_self();
	s->cancels++;
	if (s->cancel_notifies)
		ewb_notify(t, EWB_TEMPORARY);
}

const struct ewb_engine script_engine = {
	.abi = EWB_ABI,
	.size = sizeof script_engine,
	.api = EWB_API,
	.model = EWB_NONBLOCKING,
	.name = "script",
	.can = EWB_CAN_CAS | EWB_CAN_EXPIRE | EWB_CAN_FLAGS,
	.get = get,
	.store = put,
	.remove = remove_,
	.flush = flush,
	.stats = stats,
	.cancel = cancel,
};

/* By hand. */

enum ewb_status
script_notify(struct script *s, enum ewb_status status)
{
	return ewb_notify(s->ticket, status);
}

enum ewb_status
script_notify_nth(struct script *s, unsigned n, enum ewb_status status)
{
	SCRIPT_MUST(n < s->ntickets);
	return ewb_notify(s->tickets[n], status);
}

void
script_fill(struct script *s, const char *text)
{
	SCRIPT_MUST(ewb_reply_value(s->cookie, text, strlen(text)) == EWB_OK);
	s->filled = true;
}
