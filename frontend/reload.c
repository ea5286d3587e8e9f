/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/reload.h"
#include "lib/check.h"
#include "protocol/binary.h"

/* After the grace: how long what was cancelled has to be notified. */
#define LAST_WORDS_MS 500
/* How long cursors have to be closed, and how often it is looked. */
#define CURSORS_US 1000000u
#define LOOK_US 2000u
/* Names of what is in the way, at most. */
#define NAMES_MAX 5

struct ewb_reload;

/* A front end's part in it. */
struct ewb_reload_part {
	struct ewb_letter letter;
	struct ewb_reload *reload;
	struct ewb_front *front;
	/* front */
	int cancelled; /* the grace is over */
	int told;      /* it has said that it is idle, or what is in the way */
};

enum step { TRYING, CLOSING };

struct ewb_reload {
	/* set once */
	struct ewb_server *server;
	struct ewb_ticket ticket;
	struct ewb_cookie *command;
	struct ewb_front *home; /* of the command */
	uint32_t grace_ms;
	uint64_t began; /* us */
	struct ewb_job job;
	/* whoever does the present step */
	enum step step;
	uint64_t cursors_until; /* us; 0: they have not been ended */
	enum ewb_status status;
	/* under lock while front ends are asked; else as above */
	pthread_mutex_t lock;
	char why[1200];
	unsigned waiting; /* parts that have not said what they are asked */
	unsigned nnames;  /* of what is in the way */
	struct ewb_reload_part parts[EWB_FRONTS];
};

/* Stands in when an engine was closed and would not open again. */

static enum ewb_status
none_key(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)c;
	(void)r;
	return EWB_TEMPORARY;
}

static const struct ewb_engine none = {
	.abi = EWB_ABI,
	.size = sizeof none,
	.api = EWB_API,
	.name = "none",
	.model = EWB_NONBLOCKING,
	.get = none_key,
	.store = none_key,
	.remove = none_key,
};

/* One at a time. */

static int
claim(struct ewb_server *s)
{
	int mine;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	mine = !s->reloading && !atomic_load(&s->stopping);
	if (mine)
		s->reloading = 1;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return mine;
}

static void
unclaim(struct ewb_server *s)
{
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	s->reloading = 0;
	EWB_MUST0(pthread_cond_broadcast(&s->stopped));
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

/* Parts. */

/* Each front end that runs gets its letter. */
static void
post_all(struct ewb_reload *r, void (*deliver)(struct ewb_letter *l))
{
	struct ewb_server *s = r->server;
	struct ewb_reload_part *p;
	unsigned n = 0;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	for (unsigned i = 0; i < s->nfronts; i++)
		n += s->fronts[i] && !s->fronts[i]->stopped;
	EWB_MUST0(pthread_mutex_lock(&r->lock));
	r->waiting = n;
	EWB_MUST0(pthread_mutex_unlock(&r->lock));
	for (unsigned i = 0; i < s->nfronts; i++) {
		if (s->fronts[i] == NULL || s->fronts[i]->stopped)
			continue;
		p = &r->parts[i];
		p->reload = r;
		p->front = s->fronts[i];
		p->letter.deliver = deliver;
		ewb_inbox_post(&s->fronts[i]->d.inbox, &p->letter);
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

/* This part has done what was asked.  1: it was the last one. */
static int
part_done(struct ewb_reload *r)
{
	unsigned left;

	EWB_MUST0(pthread_mutex_lock(&r->lock));
	left = --r->waiting;
	EWB_MUST0(pthread_mutex_unlock(&r->lock));
	return left == 0;
}

/* Its client waits for the answer still, and so does what it said after it. */
static int
is_awaited(const struct ewb_reload *r) EWB_ON_FRONT
{
	return r->command->session && !r->command->done;
}

/* What a front end has left of the command's own, while it is idle: itself, and
 * those that were refused behind it, for they are answered after it. */
static size_t
own_cookies(const struct ewb_reload *r, const struct ewb_front *f)
	EWB_ON_FRONT
{
	size_t n = 1;

	if (r->home != f)
		return 0;
	if (!is_awaited(r))
		return 1;
	for (const struct ewb_cookie *c = r->command->next; c; c = c->next)
		n += c->done && !c->away;
	return n;
}

/* A large value that is being received is the next engine's, but a command of
 * the last one's own may be another one's there. */
static void
forget_own(struct ewb_conn *n) EWB_ON_FRONT
{
	if (n->body_frame && n->body_frame->op == EWB_OP_OWN)
		ewb_conn_close(n);
}

static void
resume(struct ewb_letter *l)
{
	struct ewb_reload_part *p = (struct ewb_reload_part *)l;
	struct ewb_reload *r = p->reload;
	struct ewb_front *f = p->front;
	struct ewb_conn *n, *next;
	struct ewb_ticket ticket = r->ticket;

	ewb_now_on_front(f->d.thread);
	f->reload = NULL;
	ev_timer_stop(f->loop, &f->reload_timer);
	for (n = f->conns; n; n = next) {
		next = n->next;
		n->session.instance = f->server->instance;
		n->pause &= ~EWB_PAUSE_RELOAD;
		forget_own(n);
		ewb_front_touch(f, n);
	}
	if (part_done(r)) {
		unclaim(f->server);
		ewb_notify(ticket, EWB_OK); /* r is its command's again */
	}
}

/* There is an engine, and the clients go on. */
static void
end(struct ewb_reload *r, enum ewb_status status)
{
	r->status = status;
	ewb_log(&r->server->core.log, EWB_LOG_ERROR, "reload: %s%s",
	        status == EWB_OK ? "" : "not done: ", r->why);
	post_all(r, resume);
}

/* Idle or not. */

static int
lends(const struct ewb_conn *n)
{
	for (const struct ewb_piece *p = n->out.first; p; p = p->next)
		if (p->lender)
			return 1;
	return 0;
}

static int
is_idle(const struct ewb_front *f) EWB_ON_FRONT
{
	if (f->d.nused > own_cookies(f->reload->reload, f))
		return 0;
	for (const struct ewb_conn *n = f->conns; n; n = n->next)
		if (lends(n))
			return 0;
	return 1;
}

/* All front ends have said it. */
static void
all_told(struct ewb_reload *r)
{
	if (r->nnames) {
		end(r, EWB_BUSY);
		return;
	}
	r->step = CLOSING;
	ewb_pool_submit1(r->server->core.pool, &r->job);
}

static void
tell(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_reload *r = f->reload->reload;

	f->reload->told = 1;
	ev_timer_stop(f->loop, &f->reload_timer);
	if (part_done(r))
		all_told(r);
}

void
ewb_reload_look(struct ewb_front *f)
{
	if (f->reload && !f->reload->told && is_idle(f))
		tell(f);
}

/* Under the lock.  "in the way: TEXT; TEXT" */
static void
add_name(void *arg, const char *name, const char *text)
{
	struct ewb_reload *r = arg;
	size_t at = strlen(r->why);

	(void)name;
	if (r->nnames++ < NAMES_MAX)
		snprintf(r->why + at, sizeof r->why - at, "%s%s",
		         at ? "; " : "in the way: ", text);
}

static void
name_readers(struct ewb_front *f, struct ewb_reload *r) EWB_ON_FRONT
{
	char text[160];

	for (struct ewb_conn *n = f->conns; n; n = n->next) {
		if (!lends(n) && (n->first == NULL || n->npending))
			continue;
		snprintf(text, sizeof text,
		         "connection=%s does not read its answers: %zu bytes "
		         "are left",
		         n->session.name, n->out.bytes);
		add_name(r, NULL, text);
	}
}

/* Still not. */
static void
name_all(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_reload *r = f->reload->reload;

	EWB_MUST0(pthread_mutex_lock(&r->lock));
	ewb_front_describe(f, r->command, add_name, r);
	name_readers(f, r);
	if (r->nnames == 0)
		add_name(r, NULL, "commands that are being notified just now");
	EWB_MUST0(pthread_mutex_unlock(&r->lock));
	tell(f);
}

static void
cancel_all(struct ewb_front *f) EWB_ON_FRONT
{
	f->reload->cancelled = 1;
	for (struct ewb_conn *n = f->conns; n; n = n->next)
		ewb_order_refuse(n);
	/* without an engine nothing waits for one, but the reload itself */
	if (f->server->instance != f->server->none)
		ewb_dispatch_cancel_all(&f->d, EWB_CANCEL_ENGINE,
		                        f->server->instance);
	ewb_front_look(f);
}

void
ewb_reload_grace_over(struct ewb_front *f)
{
	if (f->reload == NULL || f->reload->told)
		return;
	if (f->reload->cancelled) {
		name_all(f);
		return;
	}
	cancel_all(f);
	if (f->by_hand)
		return;
	ev_timer_set(&f->reload_timer, LAST_WORDS_MS / 1e3, 0.);
	ev_timer_start(f->loop, &f->reload_timer);
}

static void
pause_front(struct ewb_letter *l)
{
	struct ewb_reload_part *p = (struct ewb_reload_part *)l;
	struct ewb_front *f = p->front;

	ewb_now_on_front(f->d.thread);
	f->reload = p;
	p->told = p->cancelled = 0;
	for (struct ewb_conn *n = f->conns; n; n = n->next) {
		n->pause |= EWB_PAUSE_RELOAD;
		ewb_front_touch(f, n);
	}
	if (p->reload->home == f && is_awaited(p->reload))
		ewb_order_refuse(ewb_conn_of(p->reload->command->session));
	ev_timer_set(&f->reload_timer, p->reload->grace_ms / 1e3, 0.);
	ev_timer_start(f->loop, &f->reload_timer);
}

/* The background's steps. */

/* EWB_WOULDBLOCK: cursors are still being closed. */
static enum ewb_status
end_cursors(struct ewb_reload *r)
{
	struct ewb_server *s = r->server;
	struct ewb_core *k = &s->core;
	uint64_t now = ewb_clock_us(&k->clock);

	if (r->cursors_until == 0) {
		r->cursors_until = now + CURSORS_US;
		if (k->end_cursors)
			k->end_cursors(k->end_cursors_arg);
	}
	if (s->instance == s->none ||
	    !ewb_instance_in_use(s->instance, r->why, sizeof r->why))
		return EWB_OK;
	return now < r->cursors_until ? EWB_WOULDBLOCK : EWB_BUSY;
}

static void
set_instance(struct ewb_server *s, struct ewb_instance *i)
{
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	s->instance = i;
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

/* Nobody uses the engine: the front ends are idle, the cursors are closed. */
static enum ewb_status
close_and_open(struct ewb_reload *r)
{
	struct ewb_server *s = r->server;
	struct ewb_instance *old = s->instance, *new;
	uint64_t now = ewb_clock_us(&s->core.clock);

	set_instance(s, s->none);
	if (old != s->none)
		EWB_MUST(ewb_instance_close(old, r->why, sizeof r->why) ==
		         EWB_OK);
	new = ewb_plan_open(&s->plan, &s->core, r->why, sizeof r->why);
	if (new == NULL) {
		size_t at = strlen(r->why);

		snprintf(r->why + at, sizeof r->why - at,
		         "; the server is without an engine: mend it and "
		         "reload again");
		return EWB_INTERNAL;
	}
	set_instance(s, new);
	snprintf(r->why, sizeof r->why,
	         "engine %s: closed and opened again in %.1f ms, after %.1f "
	         "ms",
	         new->host.name,
	         (double)(ewb_clock_us(&s->core.clock) - now) / 1e3,
	         (double)(now - r->began) / 1e3);
	return EWB_OK;
}

static struct ewb_reload *
of_job(struct ewb_job *j)
{
	return (struct ewb_reload *)((char *)j -
	                             offsetof(struct ewb_reload, job));
}

static enum ewb_after
run_step(struct ewb_job *j)
{
	struct ewb_reload *r = of_job(j);

	r->status = EWB_OK;
	if (r->step == TRYING) {
		if (ewb_plan_try(&r->server->plan, r->server->instance,
		                 r->why, sizeof r->why))
			r->status = EWB_INTERNAL;
		return EWB_TASK_DONE;
	}
	r->status = end_cursors(r);
	if (r->status == EWB_WOULDBLOCK) {
		j->sleep_us = LOOK_US;
		return EWB_TASK_SLEEP;
	}
	if (r->status == EWB_OK)
		r->status = close_and_open(r);
	return EWB_TASK_DONE;
}

static void
step_done(struct ewb_job *j)
{
	struct ewb_reload *r = of_job(j);

	if (r->step == TRYING && r->status == EWB_OK)
		post_all(r, pause_front);
	else
		end(r, r->status);
}

static const struct ewb_job_type type = { .name = "engine_reload",
	                                  .where = EWB_AUX,
	                                  .run = run_step,
	                                  .finished = step_done };

/* The command. */

static int
is_local(const struct ewb_session *s)
{
	return strncmp(s->name, "127.", 4) == 0 ||
	       strncmp(s->name, "::1:", 4) == 0 ||
	       strncmp(s->name, "unix:", 5) == 0;
}

static void
free_reload(void *p)
{
	struct ewb_reload *r = p;

	EWB_MUST0(pthread_mutex_destroy(&r->lock));
	free(r);
}

static enum ewb_status
begin(struct ewb_cookie *c, struct ewb_server *s) EWB_ON_FRONT
{
	struct ewb_reload *r = calloc(1, sizeof *r);

	if (r == NULL)
		return EWB_NO_MEMORY;
	EWB_MUST0(pthread_mutex_init(&r->lock, NULL));
	ewb_cookie_set_state(c, r, free_reload);
	r->server = s;
	r->command = c;
	r->home = c->dispatch->owner;
	r->grace_ms = ewb_be32(c->frame.extras);
	r->began = c->dispatch->now;
	r->job.type = &type;
	c->deadline_left = UINT64_MAX; /* it has its own end */
	c->instance = s->none;         /* it uses none that may go */
	r->ticket = ewb_cookie_block_for(c, NULL, 0);
	if (r->ticket.word == 0)
		return EWB_BUSY;
	ewb_pool_submit1(s->core.pool, &r->job);
	return EWB_WOULDBLOCK;
}

/* The text is kept in the reply: r goes before that is sent. */
static enum ewb_status
answer(struct ewb_cookie *c, const struct ewb_reload *r) EWB_ON_FRONT
{
	if (r->status == EWB_OK) {
		EWB_COUNT(&c->dispatch->counters, engine_reloads);
		return ewb_reply_value(c, r->why, strlen(r->why));
	}
	if (ewb_reply_value(c, r->why, strlen(r->why) + 1) == EWB_OK)
		ewb_reply_context(c, (const char *)ewb_reply_data(&c->reply));
	return r->status;
}

static enum ewb_status
run_reload(struct ewb_cookie *c)
{
	struct ewb_front *f = c->dispatch->owner;
	enum ewb_status status;

	ewb_now_on_front(c->dispatch->thread);
	if (ewb_cookie_resumed(c) != EWB_NEW)
		return answer(c, c->state);
	if (!is_local(c->session)) {
		ewb_reply_context(c, "only clients on the server's machine may "
		                     "reload the engine");
		return EWB_NO_ACCESS;
	}
	if (ewb_be32(c->frame.extras) > EWB_RELOAD_MAX_MS) {
		ewb_reply_context(c, "blocked commands can be given 60000 ms "
		                     "at most");
		return EWB_INVALID;
	}
	if (!claim(f->server)) {
		ewb_reply_context(c, "the engine is being reloaded, or the "
		                     "server stops");
		return EWB_BUSY;
	}
	status = begin(c, f->server);
	if (status != EWB_WOULDBLOCK)
		unclaim(f->server);
	return status;
}

int
ewb_reload_command(struct ewb_server *s, char *why, size_t nwhy)
{
	s->none = ewb_instance_open(&s->core, &none, NULL, 0, why, nwhy);
	if (s->none == NULL)
		return -1;
	s->core.commands[EWB_OP_RELOAD] =
		(struct ewb_command){ .run = run_reload, .barrier = EWB_BARRIER };
	return 0;
}
