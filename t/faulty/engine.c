/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/faulty/faulty.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool
is(const struct faulty *f, const char *fault)
{
	return strcmp(f->fault, fault) == 0;
}

static void
wait_us(long us)
{
	struct timespec t = { .tv_nsec = us * 1000 };

	nanosleep(&t, NULL);
}

/* The thread that answers gets. */

static void
carry_out(struct faulty *f, struct errand *e)
{
	struct ewb_cookie *c = e->cookie;
	struct ewb_ticket t = e->ticket;
	bool own = e->own;

	e->status = answer(f, c, ewb_cookie_request(c));
	ewb_notify(t, EWB_OK); /* e is not ours any more */
	if (is(f, own ? "own-notifies-twice" : "notifies-twice"))
		ewb_notify(t, EWB_OK);
	if (is(f, own ? "own-touches-after" : "touches-after"))
		ewb_reply_cas(c, 1);
}

static void *
work(void *arg)
{
	struct faulty *f = arg;
	struct errand *e;

	pthread_mutex_lock(&f->lock);
	while (!f->ending || f->asked) {
		e = f->asked;
		if (e == NULL) {
			pthread_cond_wait(&f->more, &f->lock);
			continue;
		}
		f->asked = e->next;
		pthread_mutex_unlock(&f->lock);
		carry_out(f, e);
		pthread_mutex_lock(&f->lock);
	}
	pthread_mutex_unlock(&f->lock);
	while (is(f, "leaves-its-thread"))
		wait_us(500000);
	return NULL;
}

static void
hand_over(struct faulty *f, struct errand *e)
{
	struct errand **last;

	pthread_mutex_lock(&f->lock);
	for (last = &f->asked; *last; last = &(*last)->next)
		;
	e->next = NULL;
	*last = e;
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
}

static void
free_errand(void *p)
{
	free(p);
}

enum ewb_status
ask_thread(struct faulty *f, struct ewb_cookie *c, bool own)
{
	struct errand *e = ewb_cookie_state(c);

	if (ewb_cookie_resumed(c) != EWB_NEW)
		return e->status;
	if (is(f, own ? "own-waits-in-front" : "waits-in-front"))
		wait_us(10000); /* a shorter one may be over before it is slept */
	e = calloc(1, sizeof *e);
	if (e == NULL)
		return EWB_NO_MEMORY;
	ewb_cookie_set_state(c, e, free_errand);
	e->own = own;
	e->cookie = c;
	e->ticket = ewb_cookie_block(c, e);
	if (!e->ticket.word)
		return EWB_BUSY;
	hand_over(f, e);
	return EWB_WOULDBLOCK;
}

/* Beginning and end. */

static enum ewb_status
start(struct faulty *f)
{
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->more, NULL);
	if (pthread_create(&f->thread, NULL, work, f)) {
		free(f);
		return EWB_NO_MEMORY;
	}
	return EWB_OK;
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	const char *fault = n ? s[0].value : "none";
	struct faulty *f = calloc(1, sizeof *f);
	enum ewb_status status = EWB_NO_MEMORY;

	if (strcmp(fault, "unchecked-open") == 0)
		f->host = host;
	if (f) {
		f->host = host;
		strncpy(f->fault, fault, sizeof f->fault - 1);
		status = start(f);
	}
	if (status == EWB_OK)
		*self = f;
	else
		ewb_host_error(host, "no memory, or no thread");
	return status;
}

static void
close(void *self)
{
	struct faulty *f = self;

	pthread_mutex_lock(&f->lock);
	f->ending = true;
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
	if (is(f, "leaves-its-thread")) {
		pthread_detach(f->thread);
		return;
	}
	pthread_join(f->thread, NULL);
	clear(f, false);
	pthread_cond_destroy(&f->more);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Stores and removes, in the background. */

/* Nobody wants it any more: the bad ones do not come home. */
static enum ewb_status
give_up(struct faulty *f, struct ewb_task *t)
{
	static const char *const silent[] = {
		[EWB_CANCEL_GONE] = "silent-when-gone",
		[EWB_CANCEL_DEADLINE] = "silent-when-late",
		[EWB_CANCEL_STOP] = "silent-when-stopped",
	};

	enum ewb_cancel_reason why;

	pthread_mutex_lock(&f->lock);
	why = f->why;
	pthread_mutex_unlock(&f->lock);
	if (why <= EWB_CANCEL_STOP && silent[why] && is(f, silent[why])) {
		ewb_task_park(t);
		return EWB_WOULDBLOCK;
	}
	return EWB_TEMPORARY;
}

static enum ewb_status
finish(struct faulty *f, struct ewb_cookie *c, const struct ewb_request *r,
       bool store, bool checked)
{
	enum ewb_status status;

	pthread_mutex_lock(&f->lock);
	f->storing--;
	status = store ? put(f, c, r, checked) : take_out(f, c, r);
	pthread_mutex_unlock(&f->lock);
	return status;
}

static enum ewb_status
store_late(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct faulty *f = arg;
	enum ewb_status status = EWB_WOULDBLOCK;

	if (ewb_task_runs(t) == 0)
		ewb_task_again(t);
	else if (ewb_cancelled(ewb_task_ticket(t)))
		status = give_up(f, t);
	else if (is(f, "loses-the-ninth") && f->storing > 8)
		ewb_task_park(t);
	else
		return finish(f, c, ewb_cookie_request(c), true,
		              is(f, "checks-early"));
	if (status != EWB_WOULDBLOCK) {
		pthread_mutex_lock(&f->lock);
		f->storing--;
		pthread_mutex_unlock(&f->lock);
	}
	return status;
}

#ifdef FAULTY_PLAIN

/* The same as a blocking engine, which declares nothing. */

static enum ewb_status
store_now(struct faulty *f, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status;

	pthread_mutex_lock(&f->lock);
	status = put(f, c, r, false);
	pthread_mutex_unlock(&f->lock);
	return status;
}

static uint8_t scratch[250];

static struct ewb_request
by_scratch(struct faulty *f, const struct ewb_request *r)
{
	struct ewb_request mine = *r;

	if (!is(f, "shares-a-scratch"))
		return mine;
	memcpy(scratch, r->key, r->nkey);
	wait_us(100);
	mine.key = scratch;
	return mine;
}

/* Numbers, remembered by each thread for itself. */
static _Thread_local struct {
	uint8_t key[250];
	size_t nkey;
	char text[8];
	size_t n;
} cache;

static bool
cached(struct faulty *f, const struct ewb_request *r)
{
	return is(f, "caches-by-thread") && cache.nkey &&
	       compare(cache.key, cache.nkey, r->key, r->nkey) == 0;
}

static void
cache_it(struct faulty *f, const struct ewb_request *r)
{
	struct item *i;

	pthread_mutex_lock(&f->lock);
	i = find(f, r->key, r->nkey);
	cache.nkey = 0;
	if (i && i->nvalue < 3 && i->nvalue && i->value[0] <= '9') {
		memcpy(cache.key, r->key, r->nkey);
		cache.nkey = r->nkey;
		memcpy(cache.text, i->value, i->nvalue);
		cache.n = i->nvalue;
	}
	pthread_mutex_unlock(&f->lock);
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct faulty *f = self;
	struct ewb_request mine = by_scratch(f, r);

	if (cached(f, r))
		return ewb_reply_value(c, cache.text, cache.n);
	cache_it(f, r);
	return answer(f, c, &mine);
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct faulty *f = self;
	struct ewb_request mine = by_scratch(f, r);

	cache.nkey = 0;
	return store_now(f, c, &mine);
}

static enum ewb_status
take(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct faulty *f = self;
	struct ewb_request mine = by_scratch(f, r);
	enum ewb_status status;

	(void)store_late;
	cache.nkey = 0;
	pthread_mutex_lock(&f->lock);
	status = take_out(f, c, &mine);
	pthread_mutex_unlock(&f->lock);
	return status;
}

#else

static enum ewb_status
begin_store(struct faulty *f, struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = EWB_OK;

	pthread_mutex_lock(&f->lock);
	f->storing++;
	if (is(f, "checks-early"))
		status = check(f, r);
	if (status != EWB_OK)
		f->storing--;
	pthread_mutex_unlock(&f->lock);
	return status == EWB_OK ? ewb_offload(c, store_late, f) : status;
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct faulty *f = self;

	return begin_store(f, c, r);
}

static enum ewb_status
remove_late(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct faulty *f = arg;
	const struct ewb_request *r = ewb_cookie_request(c);

	if (ewb_cancelled(ewb_task_ticket(t)))
		return EWB_TEMPORARY;
	pthread_mutex_lock(&f->lock);
	f->storing++;
	pthread_mutex_unlock(&f->lock);
	return finish(f, c, r, false, false);
}

static enum ewb_status
take(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return ewb_offload(c, remove_late, self);
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)r;
	return ask_thread(self, c, false);
}

#endif

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	struct faulty *f = self;

	(void)c;
	pthread_mutex_lock(&f->lock);
	clear(f, is(f, "flushes-half"));
	pthread_mutex_unlock(&f->lock);
	return is(f, "ends-with-end") ? EWB_END : EWB_OK;
}

static enum ewb_status
stats_late(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	struct faulty *f = arg;

	if (is(f, "stats-forever")) {
		ewb_task_park(t);
		return EWB_WOULDBLOCK;
	}
	return ewb_reply_stat(c, is(f, "stats-without-name") ? "" : "fault",
	                      "%s", f->fault);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
#ifdef FAULTY_PLAIN
	(void)stats_late;
	return ewb_reply_stat(c, "fault", "%s", ((struct faulty *)self)->fault);
#else
	return ewb_offload(c, stats_late, self);
#endif
}

static void
cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why, void *arg)
{
	struct faulty *f = self;

	(void)t;
	(void)arg;
	pthread_mutex_lock(&f->lock);
	f->why = why;
	pthread_mutex_unlock(&f->lock);
}

static const struct ewb_param params[] = {
	{ "fault", "none", "what it does wrongly" }, { 0 }
};

#ifdef FAULTY_PLAIN
#define MODEL EWB_BLOCKING
#define CAN EWB_CAN_DESCEND
#else
#define MODEL EWB_NONBLOCKING
#define CAN                                                         \
	(EWB_CAN_CAS | EWB_CAN_EXPIRE | EWB_CAN_FLAGS |             \
	 EWB_CAN_SNAPSHOT | EWB_CAN_DATATYPE | EWB_CAN_DESCEND)
#endif

EWB_ENGINE(.name = "faulty", .help = "wrong in one way", .model = MODEL,
           .can = CAN, .params = params, .open = open, .close = close,
           .get = get, .store = store, .remove = take, .flush = flush,
           .stats = stats, .cancel = cancel, .scan_open = cursor_open,
           .scan_next = cursor_next, .scan_close = cursor_close,
           .scan_seek = cursor_seek, .own = own_commands, .vbucket = tell)
