/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kit/code.h"
#include "kit/kit.h"
#include "kit/memory.h"
#include "kit/stage.h"
#include "kit/watch.h"
#include "lib/check.h"
#include "scan/scan.h"

#define START_US 1000000u
#define GRACE_MS 3600000u
/* What sleeps is awaited so long, by the stage's clock. */
#define SHORT_TICKS 64 /* of a millisecond */
#define LONG_TICKS 100 /* of a tenth of a second */
#define ALONE_S 0.05   /* there is no other thread: who would come? */
#define LINGER_S 2.0   /* until a thread that was ended is gone */

struct stage stage;
const struct stage_how stage_plain;

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void
write_down(void *arg, const char *line)
{
	size_t len;

	(void)arg;
	pthread_mutex_lock(&log_lock);
	len = strlen(stage.log);
	snprintf(stage.log + len, sizeof stage.log - len, "%s%s",
	         len ? "; " : "", line);
	pthread_mutex_unlock(&log_lock);
}

/* Beginning. */

static void
set_options(struct ewb_server_options *o, const struct stage_how *how)
{
	ewb_server_defaults(o);
	for (unsigned i = 0; i < 3; i++)
		o->pool[i] = (struct ewb_pool_options){ .threads = 0 };
	o->deadline_ms = how->deadline_ms;
	o->no_progress_s = 0;
	o->vbuckets = STAGE_VBUCKETS;
	o->log = write_down;
	if (how->high) {
		o->high = how->high;
		o->low = how->low;
	}
}

static void
open_scans(void)
{
	struct ewb_scan_options o;

	ewb_scan_defaults(&o);
	o.lifetime_s = o.idle_s = 0;
	stage.scans = ewb_scans_new(stage.core, &o);
	EWB_MUST(stage.scans);
}

static void
open_front(void)
{
	struct ewb_front *f;

	stage.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	EWB_MUST(stage.loop);
	f = stage.front = ewb_front_new(stage.server, stage.loop);
	EWB_MUST(f);
	f->by_hand = 1;
	ev_timer_stop(stage.loop,
	              &f->second); /* its seconds are the machine's */
}

static int
open_plugins(struct ewb_server *s, char *why, size_t nwhy)
{
	if (ewb_server_engine(s, kit.path, "/", kit.settings, kit.nsettings,
	                      why, nwhy))
		return -1;
	for (unsigned i = kit.nfilters; i-- > 0;) {
		const struct kit_filter *f = &kit.filters[i];

		if (ewb_server_filter(s, f->path, "/", f->settings,
		                      f->nsettings, why, nwhy))
			return -1;
	}
	return 0;
}

int
stage_load(struct ewb_server *s, char *why, size_t nwhy)
{
	int err;

	kit_memory_inside(1);
	err = open_plugins(s, why, nwhy);
	kit_memory_inside(-1);
	if (err == 0) {
		kit_watch(s->instance);
		kit_watch_own(&s->core);
	}
	return err;
}

/* What may be asked of the whole. */
static const struct ewb_engine *
whole(struct ewb_instance *i)
{
	static struct ewb_engine e;
	struct ewb_instance *inner = i;

	while (inner->below)
		inner = inner->below;
	e = inner->engine;
	e.can = i->engine.can;
	e.max_key = i->engine.max_key;
	e.max_value = i->engine.max_value;
	e.stats = ewb_instance_for(i, EWB_OP_STATS)->engine.stats;
	return &e;
}

bool
stage_try_open(const struct stage_how *how, char *why, size_t nwhy)
{
	struct ewb_server_options o;

	stage = (struct stage){ .threads = kit_threads(),
		                .strict = how->strict };
	set_options(&o, how);
	kit_load();
	stage.server = ewb_server_new(&o, why, nwhy);
	EWB_MUST(stage.server);
	stage.core = ewb_server_core(stage.server);
	ewb_clock_set(&stage.core->clock, START_US);
	stage.server->started_at = START_US;
	if (stage_load(stage.server, why, nwhy)) {
		ewb_server_free(stage.server);
		kit_unload();
		return false;
	}
	stage.instance = stage.server->instance;
	stage.engine = whole(stage.instance);
	open_scans();
	open_front();
	return true;
}

void
stage_open(const struct stage_how *how)
{
	char why[600] = "";

	KIT_NEED(stage_try_open(how, why, sizeof why), "it does not open: %s",
	         why);
}

/* Steps. */

static void
settle_front(void)
{
	ewb_now_on_front(stage.front->d.thread);
	ewb_front_settle(stage.front);
}

void
stage_sockets(void)
{
	if (stage.front == NULL)
		return;
	ev_run(stage.loop, EVRUN_NOWAIT);
	settle_front();
}

static bool
letter(void)
{
	struct ewb_front *f = stage.front;
	bool one;

	if (f == NULL || f->stopped)
		return false;
	ewb_now_on_front(f->d.thread);
	one = ewb_front_letter(f) != 0;
	settle_front();
	return one;
}

bool
stage_step(void)
{
	if (letter())
		return true;
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++)
		if (ewb_pool_step(stage.core->pool, i)) {
			if (stage.front && !stage.front->stopped)
				stage_sockets();
			return true;
		}
	return false;
}

bool
stage_steps(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!stage_step())
			return false;
	return true;
}

bool
stage_away(void)
{
	return stage.front->d.naway != 0;
}

static void
move(bool (*so)(void *), void *arg)
{
	stage_sockets();
	while (!so(arg) && stage_step())
		stage_sockets();
	stage_sockets();
}

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

void
stage_idle(void)
{
	move(never, NULL);
}

static bool
somebody_sleeps(void)
{
	struct ewb_class_stats s;

	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++) {
		ewb_pool_stats(stage.core->pool, i, &s);
		if (s.sleeping)
			return true;
	}
	return false;
}

/* A letter from a thread of the engine's, or a moment. */
static void
await_letter(void)
{
	struct ewb_front *f = stage.front;
	struct pollfd p = { .fd = -1, .events = POLLIN };

	if (f && !f->stopped) {
		ewb_now_on_front(f->d.thread);
		if (!ewb_inbox_sleep(&f->d.inbox)) {
			ewb_inbox_awake(&f->d.inbox);
			return;
		}
		p.fd = f->wake_fd;
	}
	(void)poll(&p, 1, 1);
	if (p.fd >= 0)
		ewb_inbox_awake(&f->d.inbox);
}

/* Time goes by for tasks that sleep.  false: none does. */
static bool
pass(uint64_t us)
{
	if (!somebody_sleeps())
		return false;
	ewb_clock_advance(&stage.core->clock, us);
	return true;
}

/* They take the machine's time, and a task may look now and then how far they are. */
static bool
others(bool (*so)(void *), void *arg)
{
	double patience = kit_threads() > 1 ? kit.patience : ALONE_S;
	double until = kit_now() + patience;

	while (!so(arg) && kit_now() < until) {
		await_letter();
		(void)pass(1000);
		move(so, arg);
	}
	return so(arg);
}

bool
stage_until(bool (*so)(void *arg), void *arg)
{
	move(so, arg);
	for (unsigned i = 0; i < SHORT_TICKS + LONG_TICKS && !so(arg); i++) {
		/* the engine's threads may have put it there */
		if (!pass(i < SHORT_TICKS ? 1000 : 100000))
			break;
		move(so, arg);
	}
	return so(arg) || others(so, arg);
}

static bool
home(void *arg)
{
	(void)arg;
	return atomic_load(&stage.core->cookies) == 0 &&
	       stage.front->d.naway == 0;
}

/* Who is away, for a message. */
static const char *
who_is_away(void)
{
	const struct ewb_cookie *c = stage.front->d.away;

	while (c && c->child && c->child->away)
		c = c->child;
	return c ? ewb_cookie_name(c) : "nothing";
}

void
stage_settle(const char *what)
{
	KIT_NEED(stage_until(home, NULL),
	         "%s: a %s was never notified, though all background work was "
	         "run",
	         what, who_is_away());
	stage_idle();
}

void
stage_settle_or_skip(void)
{
	if (!stage_until(home, NULL))
		kit_skip("a %s does not come home; see the checks of ends and "
		         "notify/bounded",
		         who_is_away());
	stage_idle();
}

void
stage_pass(uint64_t ms)
{
	ewb_clock_advance(&stage.core->clock, ms * 1000);
	ewb_now_on_front(stage.front->d.thread);
	ewb_dispatch_tick(&stage.front->d);
	settle_front();
}

/* Does each thread but this one wait? */
static bool
all_wait(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	char path[300], line[300];
	bool wait = true;
	FILE *f;
	char *p;

	while (d && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.' || atoi(e->d_name) == (int)getpid())
			continue;
		snprintf(path, sizeof path, "/proc/self/task/%s/stat",
		         e->d_name);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		p = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
		wait &= p == NULL || strchr("SDTZX", p[2]) != NULL;
		fclose(f);
	}
	if (d)
		closedir(d);
	return wait;
}

void
stage_let_threads(void)
{
	double until = kit_now() + kit.patience;

	for (unsigned n = 0; n < 3 && kit_now() < until;) {
		n = all_wait() ? n + 1 : 0;
		if (kit_threads() > 1)
			(void)poll(NULL, 0, 1);
	}
}

void
stage_calm(void)
{
	stage_let_threads();
	stage_idle();
}

const char *
stage_mistake(void)
{
	if (stage_count(EWB_COUNT_engine_mistakes) == 0)
		return NULL;
	return stage.log;
}

uint64_t
stage_count(enum ewb_counter i)
{
	uint64_t n = atomic_load(&stage.server->past.at[i]);

	if (stage.front)
		n += atomic_load(&stage.front->d.counters.at[i]);
	return n;
}

/* End. */

static bool
stopped(void *arg)
{
	(void)arg;
	return ewb_server_stopped(stage.server) == EWB_OK;
}

static bool
scans_over(void *arg)
{
	bool over;

	(void)arg;
	EWB_MUST0(pthread_mutex_lock(&stage.scans->lock));
	over = stage.scans->nopen == 0;
	EWB_MUST0(pthread_mutex_unlock(&stage.scans->lock));
	return over;
}

void
stage_stop(bool grace)
{
	ewb_server_stop_begin(stage.server, GRACE_MS);
	if (!grace) {
		while (!stage.front->stopping && letter())
			;
		ewb_now_on_front(stage.front->d.thread);
		ewb_front_grace_over(stage.front);
		settle_front();
	}
	KIT_NEED(stage_until(stopped, NULL),
	         "the server was stopped%s, and a %s was never notified",
	         grace ? "" : " and its commands cancelled", who_is_away());
	KIT_NEED(stage_until(scans_over, NULL),
	         "a cursor was never closed, though all background work was "
	         "run");
}

/* How many of the engine's threads are left, after a while. */
static unsigned
threads_left(void)
{
	double until = kit_now() + LINGER_S;
	unsigned n;

	/* one that was joined may be seen for a moment */
	while ((n = kit_threads()) > stage.threads && kit_now() < until)
		(void)poll(NULL, 0, 1);
	return n > stage.threads ? n - stage.threads : 0;
}

static void
forget_clients(void)
{
	struct client *c;

	while ((c = stage.clients) != NULL) {
		stage.clients = c->next;
		if (c->fd >= 0)
			close(c->fd);
		free(c->in);
		free(c);
	}
}

static unsigned long long
all_lent(void)
{
	unsigned long long n = 0;

	for (struct ewb_instance *i = stage.instance; i; i = i->below)
		n += atomic_load(&i->lent);
	return n;
}

void
stage_end(void)
{
	unsigned long long lent = all_lent();
	unsigned left;

	ewb_now_on_front(stage.front->d.thread);
	ewb_front_free(stage.front);
	stage.front = NULL;
	ev_loop_destroy(stage.loop);
	ewb_scans_free(stage.scans);
	forget_clients();
	KIT_NEED(lent == 0, "%llu lent values are left", lent);
	stage.log[0] = '\0';
	kit_memory_inside(1);
	ewb_server_free(stage.server);
	kit_memory_inside(-1);
	left = threads_left();
	KIT_NEED(!stage.strict ||
	                 strstr(stage.log, "of its own were left") == NULL,
	         "close() did not free the engine's tasks: %s", stage.log);
	KIT_NEED(!stage.strict || left == 0,
	         "the engine was closed, and %u of its threads still run",
	         left);
	if (left == 0)
		kit_unload();
}

void
stage_close(void)
{
	for (struct client *c = stage.clients; c; c = c->next)
		if (client_served(c))
			client_drop(c);
	stage_stop(true);
	stage_end();
}
