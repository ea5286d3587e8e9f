/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cookie/dispatch.h"
#include "cookie/instance.h"
#include "cookie/own.h"
#include "kit/kit.h"
#include "kit/memory.h"
#include "kit/watch.h"
#include "lib/check.h"

/* libewb's own, under the names that kit/rename.h gives them. */
struct ewb_ticket ewb_real_cookie_block(struct ewb_cookie *c, void *arg);
const struct ewb_request *ewb_real_cookie_request(const struct ewb_cookie *c);
enum ewb_status ewb_real_cookie_resumed(const struct ewb_cookie *c);
void ewb_real_cookie_set_state(struct ewb_cookie *c, void *ptr,
                               void (*destroy)(void *));
void *ewb_real_cookie_state(const struct ewb_cookie *c);
enum ewb_status ewb_real_notify(struct ewb_ticket t, enum ewb_status status);
void ewb_real_reply_cas(struct ewb_cookie *c, uint64_t cas);
enum ewb_status ewb_real_reply_item(struct ewb_cookie *c,
                                    const struct ewb_item *i,
                                    void (*release)(void *), void *arg);
enum ewb_status ewb_real_reply_value(struct ewb_cookie *c, const void *data,
                                     size_t n);
void ewb_real_reply_token(struct ewb_cookie *c, uint64_t uuid, uint64_t seqno);
void ewb_real_value_free(void *value);
void *ewb_real_value_take(struct ewb_cookie *c);

#define WAITS_SURELY 8 /* calls, each of which waited */

struct kit_seen kit_seen;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* under lock */
static char said[KIT_BREACHES][300];
/* set once, by kit_watch(): the engine, and the filters around it */
static struct level {
	const struct ewb_instance *instance;
	struct ewb_engine engine; /* as it was */
	char name[40];            /* " of the filter x" */
} levels[1 + KIT_FILTERS];
static unsigned nlevels;

void
kit_watch_note(enum kit_breach b, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&lock);
	if (said[b][0] == '\0') {
		va_start(ap, fmt);
		vsnprintf(said[b], sizeof said[b], fmt, ap);
		va_end(ap);
	}
	pthread_mutex_unlock(&lock);
}

const char *
kit_watch_said(enum kit_breach b)
{
	const char *text;

	pthread_mutex_lock(&lock);
	text = said[b][0] ? said[b] : NULL;
	pthread_mutex_unlock(&lock);
	return text;
}

/* Callbacks. */

enum where { GET, STORE, REMOVE, FLUSH, STATS, CANCEL, WHERES };

static const char *const names[WHERES] = { "get",   "store", "remove",
	                                   "flush", "stats", "cancel" };

/* Of calls on the front end. */
struct tally {
	_Atomic unsigned calls, waits;
};
static struct tally fronts[1 + KIT_FILTERS][WHERES];

/* Commands of their own; set once, by kit_watch_own(), but for the tally. */
static struct own {
	enum ewb_status (*run)(void *self, struct ewb_cookie *c,
	                       const struct ewb_request *r);
	char name[60];
	struct tally tally;
} owns[EWB_OWN_MAX];

static const struct level *
level_of(const struct ewb_cookie *c)
{
	const struct level *l = levels;

	while (l->instance != c->instance)
		l++;
	return l;
}

/* A callback of it. */
struct call {
	const struct level *level;
	const struct ewb_engine *engine;
	long waits;
	bool first;
};

static long
waits_so_far(void)
{
	struct rusage u;

	return getrusage(RUSAGE_THREAD, &u) ? 0 : u.ru_nvcsw;
}

static struct call
enter(const struct ewb_cookie *c, bool first)
{
	const struct level *l = level_of(c);
	struct call k = { .level = l, .engine = &l->engine, .first = first };

	kit_memory_inside(1);
	k.waits = waits_so_far();
	return k;
}

/* A command that is run again need not wait then. */
static void
leave_to(const struct call *k, struct tally *t, bool in_front)
{
	long waited = waits_so_far() - k->waits;

	kit_memory_inside(-1);
	if (!k->first || !in_front)
		return;
	atomic_fetch_add(&t->calls, 1);
	if (waited > 0)
		atomic_fetch_add(&t->waits, 1);
}

static void
leave(const struct call *k, enum where w)
{
	leave_to(k, &fronts[k->level - levels][w],
	         k->engine->model == EWB_NONBLOCKING || w == CANCEL);
}

static bool
always_waits(const struct tally *t)
{
	unsigned calls = atomic_load(&t->calls);

	return calls >= WAITS_SURELY && atomic_load(&t->waits) == calls;
}

const char *
kit_watch_waits(void)
{
	static char text[60];

	/* from the engine outwards: who calls it waits, too */
	for (unsigned n = 0; n < nlevels; n++)
		for (unsigned w = 0; w < WHERES; w++) {
			if (!always_waits(&fronts[n][w]))
				continue;
			snprintf(text, sizeof text, "%s%s", names[w],
			         levels[n].name);
			return text;
		}
	for (unsigned n = 0; n < EWB_OWN_MAX; n++)
		if (always_waits(&owns[n].tally))
			return owns[n].name;
	return NULL;
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct call k = enter(c, c->resumed == EWB_NEW);
	enum ewb_status status = k.engine->get(self, c, r);

	leave(&k, GET);
	return status;
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct call k = enter(c, c->resumed == EWB_NEW);
	enum ewb_status status = k.engine->store(self, c, r);

	if (k.level == levels)
		atomic_fetch_add(&kit_seen.stores, 1);
	leave(&k, STORE);
	return status;
}

static enum ewb_status
take_away(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct call k = enter(c, c->resumed == EWB_NEW);
	enum ewb_status status = k.engine->remove(self, c, r);

	leave(&k, REMOVE);
	return status;
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	struct call k = enter(c, c->resumed == EWB_NEW);
	enum ewb_status status = k.engine->flush(self, c);

	leave(&k, FLUSH);
	return status;
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	struct call k = enter(c, c->resumed == EWB_NEW);
	enum ewb_status status = k.engine->stats(self, c);

	leave(&k, STATS);
	return status;
}

static enum ewb_status
run_own(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct own *o = &owns[ewb_own_of(c) - c->dispatch->core->own];
	struct call k = enter(c, c->resumed == EWB_NEW);
	enum ewb_status status = o->run(self, c, r);

	leave_to(&k, &o->tally, k.engine->model == EWB_NONBLOCKING);
	return status;
}

static void
cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why, void *arg)
{
	struct call k = enter(t.slot, true);

	atomic_fetch_add(&kit_seen.cancels, 1);
	k.engine->cancel(self, t, why, arg);
	leave(&k, CANCEL);
}

/* The engine's callbacks, or a filter's, which may be null. */
static void
watch_commands(struct ewb_engine *e)
{
	if (e->get)
		e->get = get;
	if (e->store)
		e->store = store;
	if (e->remove)
		e->remove = take_away;
	if (e->flush)
		e->flush = flush;
	if (e->stats)
		e->stats = stats;
	if (e->cancel)
		e->cancel = cancel;
}

/* From the innermost on. */
void
kit_watch(struct ewb_instance *i)
{
	struct level *l;

	nlevels = 0;
	if (i->below)
		kit_watch(i->below);
	l = &levels[nlevels++];
	l->instance = i;
	l->engine = i->engine;
	snprintf(l->name, sizeof l->name, i->below ? " of the filter %s" : "%s",
	         i->below ? i->host.name : "");
	watch_commands(&i->engine);
	if (i->below == NULL && i->engine.scan_open)
		kit_watch_cursors(&i->engine);
}

void
kit_watch_own(struct ewb_core *core)
{
	for (unsigned i = 0; i < core->own_rules.n; i++) {
		struct ewb_own_slot *slot = &core->own[i];

		if (slot->instance == NULL)
			continue;
		owns[i].run = slot->what.run;
		slot->what.run = run_own;
		snprintf(owns[i].name, sizeof owns[i].name, "its command %s",
		         slot->name);
	}
}

/* The cookie.  It is the front end's while its callback runs, and then, as
 * long as a ticket is armed, the engine's. */

static int
held(const struct ewb_cookie *c)
{
	uint64_t w = atomic_load(&c->word);

	if (w & EWB_WORD_ARMED)
		return 1;
	if (w & EWB_WORD_NOTIFIED)
		return 0;
	return c->dispatch &&
	       pthread_equal(c->dispatch->thread, pthread_self()) &&
	       (c->running || (c->child && c->child->running));
}

/* Also when it is not, the call is made: the check may want to go on. */
static int
hold(const struct ewb_cookie *c, const char *call)
{
	if (held(c))
		return 1;
	kit_watch_note(KIT_BREACH_TOUCH,
	               "%s was called on a cookie after its notify, or after "
	               "its command "
	               "had ended",
	               call);
	return 0;
}

struct ewb_ticket
ewb_cookie_block(struct ewb_cookie *c, void *arg)
{
	struct ewb_ticket t = ewb_real_cookie_block(c, arg);

	if (t.word)
		atomic_fetch_add(&kit_seen.blocks, 1);
	return t;
}

enum ewb_status
ewb_notify(struct ewb_ticket t, enum ewb_status status)
{
	enum ewb_status was = ewb_real_notify(t, status);

	if (was == EWB_STALE)
		kit_watch_note(KIT_BREACH_NOTIFY,
		               "ewb_notify() was called with a ticket "
		               "whose block had been "
		               "notified before");
	else if (was == EWB_FILLING)
		kit_watch_note(
			KIT_BREACH_NOTIFY,
			"ewb_notify() was called while the reply was being "
			"filled, "
			"or by an offloaded function, which ends with its "
		        "status");
	else
		atomic_fetch_add(&kit_seen.notified, 1);
	return was;
}

const struct ewb_request *
ewb_cookie_request(const struct ewb_cookie *c)
{
	(void)hold(c, "ewb_cookie_request()");
	return ewb_real_cookie_request(c);
}

enum ewb_status
ewb_cookie_resumed(const struct ewb_cookie *c)
{
	(void)hold(c, "ewb_cookie_resumed()");
	return ewb_real_cookie_resumed(c);
}

void
ewb_cookie_set_state(struct ewb_cookie *c, void *ptr, void (*destroy)(void *))
{
	if (hold(c, "ewb_cookie_set_state()"))
		ewb_real_cookie_set_state(c, ptr, destroy);
}

void *
ewb_cookie_state(const struct ewb_cookie *c)
{
	(void)hold(c, "ewb_cookie_state()");
	return ewb_real_cookie_state(c);
}

void *
ewb_value_take(struct ewb_cookie *c)
{
	void *p;

	if (!hold(c, "ewb_value_take()"))
		return NULL;
	p = ewb_real_value_take(c);
	kit_memory_taken(p);
	return p;
}

void
ewb_value_free(void *value)
{
	ewb_real_value_free(value);
}

/* The reply. */

void
ewb_reply_cas(struct ewb_cookie *c, uint64_t cas)
{
	if (hold(c, "ewb_reply_cas()"))
		ewb_real_reply_cas(c, cas);
}

void
ewb_reply_token(struct ewb_cookie *c, uint64_t uuid, uint64_t seqno)
{
	if (!hold(c, "ewb_reply_token()"))
		return;
	atomic_store(&kit_seen.uuid, uuid);
	atomic_store(&kit_seen.seqno, seqno);
	atomic_fetch_add(&kit_seen.tokens, 1);
	ewb_real_reply_token(c, uuid, seqno);
}

enum ewb_status
ewb_reply_value(struct ewb_cookie *c, const void *data, size_t n)
{
	if (!hold(c, "ewb_reply_value()"))
		return EWB_OK;
	return ewb_real_reply_value(c, data, n);
}

/* A lent value. */
struct loan {
	void (*release)(void *arg);
	void *arg;
	const uint8_t *data;
	size_t n;
	uint64_t sum;
};

static uint64_t
sum_of(const uint8_t *p, size_t n)
{
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 1099511628211u;
	return h;
}

static void
give_back(void *arg)
{
	struct loan *l = arg;

	if (l->n && sum_of(l->data, l->n) != l->sum)
		kit_watch_note(KIT_BREACH_LENT,
		               "a value of %zu bytes that was lent with "
		               "ewb_reply_item() "
		               "changed, or was freed, before its release() "
		               "was called",
		               l->n);
	atomic_fetch_add(&kit_seen.released, 1);
	l->release(l->arg);
	free(l);
}

enum ewb_status
ewb_reply_item(struct ewb_cookie *c, const struct ewb_item *i,
               void (*release)(void *), void *arg)
{
	struct loan *l;

	if (!hold(c, "ewb_reply_item()")) {
		if (release)
			release(arg);
		return EWB_OK;
	}
	atomic_store(&kit_seen.item_seqno, i->seqno);
	if (release == NULL)
		return ewb_real_reply_item(c, i, NULL, NULL);
	kit_memory_pause(1);
	l = malloc(sizeof *l);
	kit_memory_pause(-1);
	EWB_MUST(l);
	*l = (struct loan){ release, arg, i->value, i->value ? i->nvalue : 0,
		            0 };
	l->sum = l->n ? sum_of(l->data, l->n) : 0;
	atomic_fetch_add(&kit_seen.lent, 1);
	return ewb_real_reply_item(c, i, give_back, l);
}
