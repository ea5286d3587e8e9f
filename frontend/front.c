/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "frontend/drain.h"
#include "frontend/flush.h"
#include "frontend/front.h"
#include "frontend/reload.h"
#include "lib/check.h"
#include "lib/hot.h"

#define US 1e-6
/* Seconds from the cancel at the end of the grace until what has not been
 * notified is named as orphans; ewb_server_stop() waits a little longer. */
#define LAST_WORDS 4.5

/* any thread: the loop sleeps, and there is a letter. */
static void
wake(void *arg)
{
	struct ewb_front *f = arg;
	uint64_t one = 1;
	ssize_t n;

	do
		n = write(f->wake_fd, &one, sizeof one);
	while (n < 0 && errno == EINTR);
}

static void
woken(struct ev_loop *loop, ev_io *w, int events)
{
	struct ewb_front *f = w->data;
	uint64_t count;

	(void)loop;
	(void)events;
	/* the letters are taken by the turn, see checked() */
	if (read(f->wake_fd, &count, sizeof count) < 0)
		return;
}

/* Lists of connections. */

EWB_HOT void
ewb_front_touch(struct ewb_front *f, struct ewb_conn *n)
{
	if (n->touched || n->working)
		return;
	n->touched = 1;
	n->touched_next = NULL;
	*f->touched_end = n;
	f->touched_end = &n->touched_next;
}

void
ewb_front_ready(struct ewb_front *f, struct ewb_conn *n)
{
	if (n->ready)
		return;
	n->ready = 1;
	n->ready_next = NULL;
	*f->ready_end = n;
	f->ready_end = &n->ready_next;
}

void
ewb_front_look(struct ewb_front *f)
{
	struct ewb_conn *n;

	while ((n = f->touched) != NULL) {
		f->touched = n->touched_next;
		if (f->touched == NULL)
			f->touched_end = &f->touched;
		n->touched = 0;
		ewb_conn_touched(n);
	}
}

/* Each that was ready at the beginning gets one slice: in this turn, or, when
 * all of them have had so much time, in the next ones. */
EWB_HOT static void
run_ready(struct ewb_front *f, uint64_t us) EWB_ON_FRONT
{
	struct ewb_conn *n = f->ready, *next, **end = f->ready_end;
	uint64_t began = f->d.now;

	f->ready = NULL;
	f->ready_end = &f->ready;
	for (; n && f->d.now - began < us; n = next) {
		next = n->ready_next;
		n->ready = 0;
		ewb_conn_work(n);
	}
	if (n == NULL)
		return;
	/* before those that have become so meanwhile */
	*end = f->ready;
	if (f->ready == NULL)
		f->ready_end = end;
	f->ready = n;
}

/* But those that stand in a list of this turn or the next. */
static void
bury(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_conn **p = &f->dead, *n;

	while ((n = *p) != NULL) {
		if (n->touched || n->ready) {
			p = &n->next;
			continue;
		}
		*p = n->next;
		ewb_conn_free(n);
	}
}

/* The inbox. */

static void
take_letters(struct ewb_front *f) EWB_ON_FRONT
{
	if (f->by_hand)
		return;
	ewb_dispatch_letters(&f->d, EWB_TURN_LETTERS);
	ewb_front_look(f);
}

EWB_HOT unsigned
ewb_front_slice(const struct ewb_front *f)
{
	unsigned most = f->server->o.requests_per_turn, left = 1;

	if (f->turn_commands < EWB_TURN_COMMANDS)
		left = EWB_TURN_COMMANDS - f->turn_commands;
	return most < left ? most : left;
}

EWB_HOT void
ewb_front_spent(struct ewb_front *f, unsigned commands)
{
	uint64_t now;

	f->turn_commands += commands;
	now = ewb_clock_us(&f->server->core.clock);
	f->d.now = now;
	if (f->turn_commands < EWB_TURN_COMMANDS &&
	    now - f->turn_began < EWB_TURN_US)
		return;
	f->turn_commands = 0;
	ewb_dispatch_submit(&f->d);
	if (f->by_hand)
		return;
	ewb_dispatch_letters(&f->d, EWB_TURN_LETTERS);
	if (now - f->turn_began < EWB_TURN_US)
		return; /* what is to be sent can wait for more */
	f->turn_began = now;
	ewb_front_look(f);
}

int
ewb_front_letter(struct ewb_front *f)
{
	return (int)ewb_dispatch_letters(&f->d, 1);
}

void
ewb_front_settle(struct ewb_front *f)
{
	ewb_front_look(f);
	bury(f);
	ewb_reload_look(f);
	ewb_dispatch_submit(&f->d);
}

/* Stopping. */

static void
stop_watchers(struct ewb_front *f) EWB_ON_FRONT
{
	ev_io_stop(f->loop, &f->wake_io);
	ev_prepare_stop(f->loop, &f->prepare);
	ev_check_stop(f->loop, &f->check);
	ev_check_stop(f->loop, &f->last);
	ev_idle_stop(f->loop, &f->idle);
	ev_timer_stop(f->loop, &f->deadline);
	ev_timer_stop(f->loop, &f->second);
	ev_timer_stop(f->loop, &f->stop_timer);
	ev_timer_stop(f->loop, &f->reload_timer);
}

static void
tell_stopped(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_server *s = f->server;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	/* whoever posts to all front ends does it under this lock */
	if (!ewb_inbox_waiting(&f->d.inbox)) {
		f->stopped = 1;
		s->nstopped++;
		EWB_MUST0(pthread_cond_broadcast(&s->stopped));
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

/* Nothing left? */
static void
look_stopped(struct ewb_front *f) EWB_ON_FRONT
{
	if (!f->stopping || f->stopped || f->conns || f->d.nused)
		return;
	tell_stopped(f);
	if (!f->stopped)
		return;
	stop_watchers(f);
	f->reload = NULL; /* it goes on, and ends, without this one */
}

static void
each_finish(struct ewb_front *f) EWB_ON_FRONT
{
	struct ewb_conn *n, *next;

	for (n = f->conns; n; n = next) {
		next = n->next;
		ewb_conn_finish(n);
	}
}

void
ewb_front_grace_over(struct ewb_front *f)
{
	struct ewb_conn *n, *next;

	f->cancelled = 1;
	f->d.stopping = 2;
	for (n = f->conns; n; n = n->next)
		ewb_order_refuse(n);
	ewb_dispatch_cancel_all(&f->d, EWB_CANCEL_STOP, NULL);
	ewb_front_look(f);
	/* Whoever does not read the last answer has had the grace.  What is
	 * pending was notified: its letter closes the connection. */
	for (n = f->conns; n; n = next) {
		next = n->next;
		if (n->npending == 0)
			ewb_conn_close(n);
	}
}

static void
grace_over(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct ewb_front *f = w->data;

	(void)loop;
	(void)revents;
	ewb_now_on_front(f->d.thread);
	if (f->cancelled) {
		ewb_dispatch_orphan_all(&f->d);
		return;
	}
	ewb_front_grace_over(f);
	ev_timer_set(&f->stop_timer, LAST_WORDS, 0.);
	ev_timer_start(f->loop, &f->stop_timer);
}

/* After the last connection was handed over to them. */
static void
stop_others(struct ewb_server *s)
{
	EWB_MUST0(pthread_mutex_lock(&s->lock));
	for (unsigned i = 1; i < s->nfronts; i++)
		ewb_inbox_post(&s->fronts[i]->d.inbox,
		               &s->fronts[i]->stop_letter);
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
}

static void
stop_now(struct ewb_letter *l)
{
	struct ewb_front *f =
		(struct ewb_front *)((char *)l -
	                             offsetof(struct ewb_front, stop_letter));
	double grace = atomic_load(&f->server->grace_ms) / 1e3;

	ewb_now_on_front(f->d.thread);
	f->stopping = 1;
	f->d.stopping = 1;
	ewb_listen_stop(f);
	if (f->index == 0)
		stop_others(f->server);
	each_finish(f);
	ev_timer_set(&f->stop_timer, grace, 0.);
	ev_timer_start(f->loop, &f->stop_timer);
}

/* The turn. */

EWB_HOT static void
checked(struct ev_loop *loop, ev_check *w, int revents)
{
	struct ewb_front *f = w->data;

	(void)loop;
	(void)revents;
	ewb_now_on_front(f->d.thread);
	ewb_inbox_awake(&f->d.inbox);
	f->d.now = f->turn_began = ewb_clock_us(&f->server->core.clock);
	ewb_clock_tick(&f->server->core.clock);
	f->turn_commands = 0;
	take_letters(f);
	/* Who asks for little, and so never is ready, is not to wait until all
	 * who ask for much have had a slice; and they have half of the time. */
	run_ready(f, f->sockets_us > EWB_TURN_US ? f->sockets_us : EWB_TURN_US);
	f->sockets_at = f->d.now;
}

/* After the sockets of this turn. */
EWB_HOT static void
turned(struct ev_loop *loop, ev_check *w, int revents)
{
	struct ewb_front *f = w->data;

	(void)loop;
	(void)revents;
	ewb_now_on_front(f->d.thread);
	f->sockets_us = f->d.now - f->sockets_at;
	ewb_front_look(f);
}

/* One timer for the earliest deadline; it may fire early and be set again. */
static void
set_deadline(struct ewb_front *f) EWB_ON_FRONT
{
	uint64_t us;

	if (f->by_hand)
		return;
	us = ewb_dispatch_next(&f->d);
	if (us == UINT64_MAX)
		return;
	if (f->deadline_at && f->deadline_at <= f->d.now + us)
		return;
	f->deadline_at = f->d.now + us;
	ev_timer_stop(f->loop, &f->deadline);
	ev_timer_set(&f->deadline, (double)us * US + 1e-3, 0.);
	ev_timer_start(f->loop, &f->deadline);
}

static void
deadline_passed(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct ewb_front *f = w->data;

	(void)loop;
	(void)revents;
	ewb_now_on_front(f->d.thread);
	f->deadline_at = 0;
	ewb_dispatch_tick(&f->d);
}

/* Goes on with the second's look at all connections.  To close one that holds much
 * takes a while, and many are given up in the same second. */
static void
tick_some(struct ewb_front *f) EWB_ON_FRONT
{
	uint64_t began = f->d.now;
	struct ewb_conn *n;

	while ((n = f->ticking) != NULL) {
		f->ticking = n->next;
		ewb_conn_tick(n);
		if (n->dead &&
		    ewb_clock_us(&f->server->core.clock) - began > EWB_TURN_US)
			return;
	}
}

EWB_HOT static void
prepared(struct ev_loop *loop, ev_prepare *w, int revents)
{
	struct ewb_front *f = w->data;

	(void)loop;
	(void)revents;
	ewb_now_on_front(f->d.thread);
	if (f->ticking) {
		f->d.now = ewb_clock_us(&f->server->core.clock);
		tick_some(f);
	}
	ewb_front_look(f);
	bury(f);
	ewb_reload_look(f);
	ewb_dispatch_submit(&f->d);
	look_stopped(f);
	if (f->stopped)
		return;
	set_deadline(f);
	/* with something to do the loop polls, and does not sleep */
	if (f->ready || f->ticking ||
	    (!f->by_hand && !ewb_inbox_sleep(&f->d.inbox)))
		ev_idle_start(f->loop, &f->idle);
	else
		ev_idle_stop(f->loop, &f->idle);
}

static void
idle(struct ev_loop *loop, ev_idle *w, int revents)
{
	(void)loop;
	(void)w;
	(void)revents;
}

void
ewb_front_second(struct ewb_front *f)
{
	f->d.now = ewb_clock_us(&f->server->core.clock);
	ewb_clock_tick(&f->server->core.clock);
	if (f->ticking == NULL)
		f->ticking = f->conns;
	tick_some(f);
	if (f->index == 0)
		ewb_trim_look(f->server);
	ewb_listen_resume(f);
	if (f->index == 0)
		ewb_flush_look(f);
}

static void
second(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct ewb_front *f = w->data;

	(void)loop;
	(void)revents;
	ewb_now_on_front(f->d.thread);
	ewb_front_second(f);
}

static void
reload_grace_over(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct ewb_front *f = w->data;

	(void)loop;
	(void)revents;
	ewb_now_on_front(f->d.thread);
	ewb_reload_grace_over(f);
}

/* Beginning and end. */

static void
init_watchers(struct ewb_front *f) EWB_ON_FRONT
{
	ev_io_init(&f->wake_io, woken, f->wake_fd, EV_READ);
	ev_set_priority(&f->wake_io, EV_MAXPRI);
	ev_prepare_init(&f->prepare, prepared);
	ev_check_init(&f->check, checked);
	/* before the sockets of this turn */
	ev_set_priority(&f->check, EV_MAXPRI);
	ev_check_init(&f->last, turned);
	ev_set_priority(&f->last, EV_MINPRI);
	ev_idle_init(&f->idle, idle);
	ev_timer_init(&f->deadline, deadline_passed, 0., 0.);
	ev_timer_init(&f->second, second, 1., 1.);
	ev_timer_init(&f->stop_timer, grace_over, 0., 0.);
	ev_timer_init(&f->reload_timer, reload_grace_over, 0., 0.);
	f->wake_io.data = f->prepare.data = f->check.data = f->last.data =
		f->idle.data = f->deadline.data = f->second.data =
			f->stop_timer.data = f->reload_timer.data = f;
	ev_io_start(f->loop, &f->wake_io);
	ev_prepare_start(f->loop, &f->prepare);
	ev_check_start(f->loop, &f->check);
	ev_check_start(f->loop, &f->last);
	ev_timer_start(f->loop, &f->second);
}

/* 0, or -1: too many. */
static int
enlist(struct ewb_server *s, struct ewb_front *f)
{
	int err = -1;

	EWB_MUST0(pthread_mutex_lock(&s->lock));
	/* the others are paused for it, this one would not be */
	while (s->reloading)
		EWB_MUST0(pthread_cond_wait(&s->stopped, &s->lock));
	if (s->nfronts < EWB_FRONTS && !atomic_load(&s->stopping)) {
		f->index = s->nfronts;
		s->fronts[s->nfronts++] = f;
		atomic_store(&s->running, s->nfronts);
		err = 0;
	}
	EWB_MUST0(pthread_mutex_unlock(&s->lock));
	return err;
}

struct ewb_front *
ewb_front_new(struct ewb_server *s, struct ev_loop *loop)
{
	struct ewb_front *f;

	if (!ewb_server_has_engine(s)) {
		ewb_log(&s->core.log, EWB_LOG_ERROR,
		        "ewb_front_new: the server has no engine yet; "
		        "ewb_server_engine() comes first");
		return NULL;
	}
	f = calloc(1, sizeof *f);
	if (f == NULL)
		return NULL;
	f->magic = EWB_FRONT_MAGIC;
	f->server = s;
	f->loop = loop;
	f->touched_end = &f->touched;
	f->ready_end = &f->ready;
	f->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->stop_letter.deliver = stop_now;
	if (f->wake_fd < 0)
		goto fail;
	if (ewb_dispatch_init(&f->d, &s->core, &ewb_front_desk, wake, f))
		goto fail;
	f->d.owner = f;
	ewb_now_on_front(f->d.thread);
	if (enlist(s, f)) {
		ewb_dispatch_fini(&f->d);
		goto fail;
	}
	init_watchers(f);
	if (f->index == 0)
		ewb_listen_start(f);
	return f;
fail:
	if (f->wake_fd >= 0)
		close(f->wake_fd);
	free(f);
	return NULL;
}

int
ewb_front_adopt(struct ewb_front *f, int fd)
{
	EWB_LIVE(f, EWB_FRONT_MAGIC);
	ewb_now_on_front(f->d.thread);
	if (f->stopping) {
		close(fd);
		return -1;
	}
	if (!ewb_server_admit(f->server)) {
		EWB_COUNT(&f->d.counters, rejected_connections);
		return EWB_BUSY;
	}
	return ewb_front_serve(f, fd);
}

int
ewb_front_serve(struct ewb_front *f, int fd)
{
	if (f->stopping || ewb_conn_new(f, fd) == NULL) {
		if (f->stopping)
			close(fd);
		atomic_fetch_sub(&f->server->connections, 1);
		return -1;
	}
	EWB_COUNT(&f->d.counters, total_connections);
	return 0;
}

void
ewb_front_free(struct ewb_front *f)
{
	struct ewb_piece *p;

	EWB_LIVE(f, EWB_FRONT_MAGIC);
	ewb_now_on_front(f->d.thread);
	EWB_MUST(f->stopped);
	ewb_front_look(f);
	run_ready(f, UINT64_MAX);
	bury(f);
	ewb_dispatch_fini(&f->d);
	if (f->arena)
		ewb_chunk_give(&f->server->core.chunks, f->arena);
	if (f->spare)
		ewb_chunk_give(&f->server->core.chunks, f->spare);
	while ((p = f->pieces) != NULL) {
		f->pieces = p->next;
		free(p);
	}
	ewb_drain_fini(f);
	close(f->wake_fd);
	ewb_clock_untick(&f->server->core.clock); /* others go on ticking */
	ewb_server_retire(f->server, f);
	f->magic = 0;
	free(f);
}
