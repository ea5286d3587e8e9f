/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cookie/cookie.h"
#include "t/busy_engine.h"
#include "t/cookie_front.h"
#include "t/script_engine.h"

#define OLD 64 /* tickets that a thread keeps */

struct busy_engine busy_engine;

static void
hand_over(struct busy_request r)
{
	SCRIPT_MUST(pthread_mutex_lock(&busy_engine.lock) == 0);
	SCRIPT_MUST(busy_engine.n < BUSY_QUEUE);
	busy_engine.queue[(busy_engine.first + busy_engine.n++) % BUSY_QUEUE] =
		r;
	SCRIPT_MUST(pthread_cond_signal(&busy_engine.more) == 0);
	SCRIPT_MUST(pthread_mutex_unlock(&busy_engine.lock) == 0);
}

static bool
take(struct busy_request *r)
{
	bool got;

	SCRIPT_MUST(pthread_mutex_lock(&busy_engine.lock) == 0);
	while (busy_engine.n == 0 && !busy_engine.stop)
		SCRIPT_MUST(pthread_cond_wait(&busy_engine.more,
		                              &busy_engine.lock) == 0);
	got = busy_engine.n != 0;
	if (got) {
		*r = busy_engine.queue[busy_engine.first];
		busy_engine.first = (busy_engine.first + 1) % BUSY_QUEUE;
		busy_engine.n--;
	}
	SCRIPT_MUST(pthread_mutex_unlock(&busy_engine.lock) == 0);
	return got;
}

/* Fills the reply, notifies, and now and then does what it may not: notifies
 * again, and one of long ago. */
static void *
notifier(void *arg)
{
	uint64_t rng = (uintptr_t)arg;
	struct ewb_ticket old[OLD] = { { NULL, 0 } };
	struct busy_request r;

	while (take(&r)) {
		unsigned i = random_below(&rng, OLD);

		if (ewb_cookie_resumed(r.cookie) == EWB_NEW)
			(void)ewb_reply_value(r.cookie, "x", 1);
		if (random_below(&rng, 50) == 0)
			(void)ewb_ticket_cancel(r.ticket);
		if (ewb_cancelled(r.ticket))
			sched_yield();
		if (ewb_notify(r.ticket, EWB_OK) != EWB_OK)
			busy_engine.wrong++;
		busy_engine.notified++;
		if (random_below(&rng, 8) == 0 &&
		    ewb_notify(r.ticket, EWB_OK) != EWB_STALE)
			busy_engine.wrong++;
		if (ewb_notify(old[i], EWB_INTERNAL) != EWB_STALE)
			busy_engine.wrong++;
		old[i] = r.ticket;
	}
	return NULL;
}

/* The number of a key, "0" and so on. */
static unsigned
number_of(const struct ewb_request *r)
{
	return (unsigned)(*(const char *)r->key - '0') % BUSY_KEYS;
}

static enum ewb_status
answer_get(struct ewb_cookie *c, const struct ewb_request *r)
{
	unsigned i = number_of(r);
	char text[24];
	struct ewb_item it = { .size = sizeof it, .value = text };

	SCRIPT_MUST(pthread_mutex_lock(&busy_engine.lock) == 0);
	it.nvalue = (size_t)snprintf(text, sizeof text, "%llu",
	                             (unsigned long long)busy_engine.value[i]);
	it.cas = busy_engine.cas[i];
	SCRIPT_MUST(pthread_mutex_unlock(&busy_engine.lock) == 0);
	return ewb_reply_item(c, &it, NULL, NULL);
}

static enum ewb_status
answer_store(struct ewb_cookie *c, const struct ewb_request *r)
{
	enum ewb_status status = EWB_OK;
	unsigned i = number_of(r);
	char text[24];

	snprintf(text, sizeof text, "%.*s", (int)r->nvalue,
	         (const char *)r->value);
	SCRIPT_MUST(pthread_mutex_lock(&busy_engine.lock) == 0);
	if (r->expect == EWB_EXPECT_CAS && r->cas != busy_engine.cas[i]) {
		status = EWB_EXISTS;
	} else {
		busy_engine.value[i] = strtoull(text, NULL, 10);
		ewb_reply_cas(c, ++busy_engine.cas[i]);
	}
	SCRIPT_MUST(pthread_mutex_unlock(&busy_engine.lock) == 0);
	return status;
}

static enum ewb_status
answer(struct ewb_cookie *c, const struct ewb_request *r)
{
	return r->value ? answer_store(c, r) : answer_get(c, r);
}

static enum ewb_status
work(struct ewb_task *t, struct ewb_cookie *c, void *arg)
{
	(void)arg;
	switch (ewb_task_runs(t)) {
	case 0: ewb_task_again(t); return EWB_WOULDBLOCK;
	case 1: ewb_task_sleep(t, 20); return EWB_WOULDBLOCK;
	default: return answer(c, ewb_cookie_request(c));
	}
}

static void
destroy(void *p)
{
	free(p);
}

/* Which way it goes is in the key's second letter. */
static enum ewb_status
run(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	char way = ((const char *)r->key)[1];
	struct ewb_ticket t;

	(void)self;
	if (ewb_cookie_resumed(c) != EWB_NEW || way == 'i')
		return answer(c, r);
	if (way == 'o')
		return ewb_offload(c, work, NULL);
	ewb_cookie_set_state(c, malloc(1), destroy);
	busy_engine.blocked++;
	t = ewb_cookie_block(c, NULL);
	if (t.word == 0)
		return EWB_BUSY;
	hand_over((struct busy_request){ t, c });
	return EWB_WOULDBLOCK;
}

/* Without tickets: whichever thread it runs on. */
static enum ewb_status
run_blocking(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	return answer(c, r);
}

static void
count_cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why,
             void *arg)
{
	(void)self;
	(void)t;
	(void)why;
	(void)arg;
	busy_engine.cancels++;
}

void
busy_begin(uint64_t seed)
{
	memset(&busy_engine, 0, sizeof busy_engine);
	SCRIPT_MUST(pthread_mutex_init(&busy_engine.lock, NULL) == 0);
	SCRIPT_MUST(pthread_cond_init(&busy_engine.more, NULL) == 0);
	for (unsigned i = 0; i < BUSY_THREADS; i++)
		SCRIPT_MUST(pthread_create(&busy_engine.threads[i], NULL,
		                           notifier,
		                           (void *)(uintptr_t)(seed + i)) == 0);
}

void
busy_end(void)
{
	SCRIPT_MUST(pthread_mutex_lock(&busy_engine.lock) == 0);
	busy_engine.stop = true;
	SCRIPT_MUST(pthread_cond_broadcast(&busy_engine.more) == 0);
	SCRIPT_MUST(pthread_mutex_unlock(&busy_engine.lock) == 0);
	for (unsigned i = 0; i < BUSY_THREADS; i++)
		SCRIPT_MUST(pthread_join(busy_engine.threads[i], NULL) == 0);
}

struct ewb_engine
busy_as(const char *name, enum ewb_model model)
{
	struct ewb_engine e = { .abi = EWB_ABI,
		                .size = sizeof e,
		                .api = EWB_API,
		                .model = model,
		                .name = name,
		                .can = EWB_CAN_CAS,
		                .cancel = count_cancel };

	e.get = e.store = e.remove =
		model == EWB_NONBLOCKING ? run : run_blocking;
	return e;
}
