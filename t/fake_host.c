/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/fake_host.h"

_Atomic unsigned fake_values_freed;

void
fake_host_init(struct ewb_host *h, uint32_t vbuckets)
{
	memset(h, 0, sizeof *h);
	h->vbuckets = vbuckets;
	atomic_init(&h->now, 1000);
}

uint32_t
ewb_host_vbuckets(const struct ewb_host *h)
{
	return h->vbuckets;
}

uint32_t
ewb_host_time(const struct ewb_host *h)
{
	return atomic_load(&h->now);
}

uint64_t
ewb_host_clock(const struct ewb_host *h)
{
	return atomic_load(&h->clock);
}

void
ewb_host_notice(struct ewb_host *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->notice, sizeof h->notice, fmt, ap);
	va_end(ap);
	h->nnotices++;
}

void
ewb_host_error(struct ewb_host *h, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(h->error, sizeof h->error, fmt, ap);
	va_end(ap);
}

static int
parse(const char *text, const char *units, const uint64_t *factor,
      uint64_t fallback, uint64_t *out)
{
	char *end;
	unsigned long long n;
	size_t i;

	if (*text < '0' || *text > '9')
		return -1;
	n = strtoull(text, &end, 10);
	*out = n * fallback;
	if (*end == '\0')
		return 0;
	for (i = 0; *units; i++, units += strlen(units) + 1)
		if (strcmp(end, units) == 0) {
			*out = n * factor[i];
			return 0;
		}
	return -1;
}

int
ewb_parse_size(const char *text, uint64_t *bytes)
{
	static const uint64_t factor[] = { 1u << 10, 1u << 20, 1u << 30 };

	return parse(text, "k\0M\0G\0", factor, 1, bytes);
}

int
ewb_parse_time(const char *text, uint64_t *us)
{
	static const uint64_t factor[] = { 1, 1000, 1000000 };

	return parse(text, "us\0ms\0s\0", factor, 1000, us);
}

int
ewb_parse_number(const char *text, uint64_t *n)
{
	return parse(text, "", NULL, 1, n);
}

void
fake_cookie_init(struct ewb_cookie *c, const struct ewb_host *h,
                 const void *key, size_t nkey)
{
	const unsigned char *k = key;
	uint32_t hash = 2166136261u;
	size_t i;

	for (i = 0; i < nkey; i++)
		hash = (hash ^ k[i]) * 16777619u;
	memset(c, 0, sizeof *c);
	c->request.key = key;
	c->request.nkey = nkey;
	c->request.hash = hash;
	c->request.vbucket = (uint16_t)(hash % h->vbuckets);
	c->request.value = "";
}

void
fake_cookie_value(struct ewb_cookie *c, const void *value, size_t n)
{
	c->request.value = value;
	c->request.nvalue = n;
}

void
fake_cookie_fini(struct ewb_cookie *c)
{
	if (c->release)
		c->release(c->release_arg);
	c->release = NULL;
	ewb_cookie_set_state(c, NULL, NULL);
}

struct ewb_ticket
ewb_cookie_block(struct ewb_cookie *c, void *arg)
{
	c->block_arg = arg;
	return (struct ewb_ticket){ .slot = c, .word = ++c->block };
}

enum ewb_status
ewb_notify(struct ewb_ticket t, enum ewb_status status)
{
	struct ewb_cookie *c = t.slot;

	if (t.word != c->block || c->notifies == c->block)
		return EWB_STALE;
	c->notifies++;
	c->notified = status;
	return EWB_OK;
}

int
ewb_cancelled(struct ewb_ticket t)
{
	return t.slot->cancelled;
}

enum ewb_status
ewb_cookie_resumed(const struct ewb_cookie *c)
{
	return c->notifies ? c->notified : EWB_NEW;
}

void
ewb_cookie_set_state(struct ewb_cookie *c, void *ptr, void (*destroy)(void *ptr))
{
	if (c->destroy)
		c->destroy(c->state);
	c->state = ptr;
	c->destroy = destroy;
}

void *
ewb_cookie_state(const struct ewb_cookie *c)
{
	return c->state;
}

const struct ewb_request *
ewb_cookie_request(const struct ewb_cookie *c)
{
	return &c->request;
}

void *
ewb_value_take(struct ewb_cookie *c)
{
	void *taken = c->taken;

	c->taken = NULL;
	return taken;
}

void
ewb_value_free(void *value)
{
	atomic_fetch_add(&fake_values_freed, 1);
	free(value);
}

enum ewb_status
ewb_reply_item(struct ewb_cookie *c, const struct ewb_item *i,
               void (*release)(void *arg), void *arg)
{
	c->has_item = true;
	c->item = *i;
	c->release = release;
	c->release_arg = arg;
	return EWB_OK;
}

void
ewb_reply_cas(struct ewb_cookie *c, uint64_t cas)
{
	c->cas = cas;
}

void
ewb_reply_token(struct ewb_cookie *c, uint64_t uuid, uint64_t seqno)
{
	c->uuid = uuid;
	c->seqno = seqno;
}

enum ewb_status
ewb_reply_stat(struct ewb_cookie *c, const char *name, const char *fmt, ...)
{
	char text[32];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	snprintf(c->stats[c->nstats].name, sizeof c->stats[0].name, "%s", name);
	c->stats[c->nstats++].value = strtoll(text, NULL, 10);
	return EWB_OK;
}

int64_t
fake_stat(const struct ewb_cookie *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->nstats; i++)
		if (strcmp(c->stats[i].name, name) == 0)
			return c->stats[i].value;
	return -1;
}

enum ewb_status
ewb_sink_put(struct ewb_sink *sink, const struct ewb_item *item)
{
	enum ewb_status status = EWB_OK;

	if (sink->room == 0)
		return EWB_WOULDBLOCK;
	if (sink->put)
		status = sink->put(sink, item);
	if (status == EWB_OK) {
		sink->room--;
		sink->n++;
		sink->bytes += item->nkey + item->nvalue;
	}
	return status;
}

enum ewb_status
ewb_offload(struct ewb_cookie *c, ewb_offload_fn fn, void *arg)
{
	c->offloaded = true;
	c->task.offload = fn;
	c->task.arg = arg;
	c->task.cookie = c;
	return EWB_WOULDBLOCK;
}

struct ewb_task *
ewb_task_new(struct ewb_host *h, enum ewb_class where, const char *name,
             ewb_work_fn fn, void *arg)
{
	struct ewb_task *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->host = h;
	t->work = fn;
	t->arg = arg;
	t->name = name;
	t->where = where;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->cond, NULL);
	h->task = t;
	return t;
}

void
ewb_task_free(struct ewb_task *t)
{
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void
ewb_task_again(struct ewb_task *t)
{
	t->again = true;
}

void
ewb_task_park(struct ewb_task *t)
{
	t->again = false;
}

void
ewb_task_sleep(struct ewb_task *t, uint64_t us)
{
	t->sleep_us = us;
}

void
ewb_task_wake(struct ewb_task *t)
{
	pthread_mutex_lock(&t->lock);
	t->woken = true;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
}

struct ewb_ticket
ewb_task_ticket(const struct ewb_task *t)
{
	return (struct ewb_ticket){ .slot = t->cookie, .word = 1 };
}

unsigned
ewb_task_runs(const struct ewb_task *t)
{
	return t->runs;
}

enum ewb_status
fake_offload_run(struct ewb_cookie *c)
{
	enum ewb_status status;

	c->task.again = false;
	c->task.sleep_us = 0;
	status = c->task.offload(&c->task, c, c->task.arg);
	c->task.runs++;
	return status;
}

enum ewb_status
fake_finish(struct ewb_host *h, struct ewb_cookie *c, enum ewb_status status)
{
	while (status == EWB_WOULDBLOCK && c->offloaded) {
		fake_task_settle(h->task);
		status = fake_offload_run(c);
	}
	return status;
}

static void
run(struct ewb_task *t)
{
	t->again = false;
	t->sleep_us = 0;
	t->work(t, t->arg);
	t->runs++;
}

bool
fake_task_step(struct ewb_task *t)
{
	bool due;

	pthread_mutex_lock(&t->lock);
	due = t->woken || t->again;
	t->woken = false;
	pthread_mutex_unlock(&t->lock);
	if (due)
		run(t);
	return due;
}

void
fake_task_settle(struct ewb_task *t)
{
	while (fake_task_step(t))
		;
}

static void *
runner(void *arg)
{
	struct ewb_task *t = arg;

	for (;;) {
		pthread_mutex_lock(&t->lock);
		while (!t->woken && !t->again && !t->stop)
			pthread_cond_wait(&t->cond, &t->lock);
		t->woken = false;
		if (t->stop && !t->again) {
			pthread_mutex_unlock(&t->lock);
			return NULL;
		}
		pthread_mutex_unlock(&t->lock);
		run(t);
	}
}

void
fake_task_start(struct ewb_task *t)
{
	t->stop = false;
	pthread_create(&t->thread, NULL, runner, t);
}

void
fake_task_stop(struct ewb_task *t)
{
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
}
