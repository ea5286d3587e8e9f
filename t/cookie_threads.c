/* SPDX-License-Identifier: BSD-2-Clause */
/* Two front ends on two threads, a pool and an engine with threads of their
 * own, clients that come, cancel and go as they like: nobody is lost.
 *
 * EWB_SEED in the environment chooses another run. */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "t/cookie_play.h"

#define FRONTS 2
#define COMMANDS 10000 /* of each front end */
#define IN_FLIGHT 48
#define KEYS 4
#define NOTIFIERS 2
#define OLD 64

/* The engine: some keys are answered by its threads, some by offload, some at
 * once; each has a number. */

struct request {
	struct ewb_ticket ticket;
	struct ewb_cookie *cookie;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	pthread_t threads[NOTIFIERS];
	/* under lock */
	struct request queue[4096];
	unsigned first, n;
	bool stop;
	uint64_t value[KEYS], cas[KEYS];
	/* any thread */
	_Atomic unsigned cancels, notified, stale_wrong, blocked;
} engine;

static uint64_t
seed(void)
{
	const char *text = getenv("EWB_SEED");

	return text ? strtoull(text, NULL, 10) : 20240229;
}

static uint32_t
random_below(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % n;
}

static void
hand_over(struct request r)
{
	SCRIPT_MUST(pthread_mutex_lock(&engine.lock) == 0);
	SCRIPT_MUST(engine.n < 4096);
	engine.queue[(engine.first + engine.n++) % 4096] = r;
	SCRIPT_MUST(pthread_cond_signal(&engine.more) == 0);
	SCRIPT_MUST(pthread_mutex_unlock(&engine.lock) == 0);
}

static bool
take(struct request *r)
{
	bool got;

	SCRIPT_MUST(pthread_mutex_lock(&engine.lock) == 0);
	while (engine.n == 0 && !engine.stop)
		SCRIPT_MUST(pthread_cond_wait(&engine.more, &engine.lock) == 0);
	got = engine.n != 0;
	if (got) {
		*r = engine.queue[engine.first];
		engine.first = (engine.first + 1) % 4096;
		engine.n--;
	}
	SCRIPT_MUST(pthread_mutex_unlock(&engine.lock) == 0);
	return got;
}

/* Fills the reply, notifies, and now and then does what it may not: notifies
 * again, and one of long ago. */
static void *
notifier(void *arg)
{
	uint64_t rng = seed() + (uintptr_t)arg;
	struct ewb_ticket old[OLD] = { { NULL, 0 } };
	struct request r;

	while (take(&r)) {
		unsigned i = random_below(&rng, OLD);

		if (ewb_cookie_resumed(r.cookie) == EWB_NEW)
			(void)ewb_reply_value(r.cookie, "x", 1);
		if (random_below(&rng, 50) == 0)
			(void)ewb_ticket_cancel(r.ticket);
		if (ewb_cancelled(r.ticket))
			sched_yield();
		if (ewb_notify(r.ticket, EWB_OK) != EWB_OK)
			engine.stale_wrong++;
		engine.notified++;
		if (random_below(&rng, 8) == 0 &&
		    ewb_notify(r.ticket, EWB_OK) != EWB_STALE)
			engine.stale_wrong++;
		if (ewb_notify(old[i], EWB_INTERNAL) != EWB_STALE)
			engine.stale_wrong++;
		old[i] = r.ticket;
	}
	return NULL;
}

/* The number of a key, "0" and so on. */
static unsigned
number_of(const struct ewb_request *r)
{
	return (unsigned)(*(const char *)r->key - '0') % KEYS;
}

static enum ewb_status
answer_get(struct ewb_cookie *c, const struct ewb_request *r)
{
	unsigned i = number_of(r);
	char text[24];
	struct ewb_item it = { .size = sizeof it, .value = text };

	SCRIPT_MUST(pthread_mutex_lock(&engine.lock) == 0);
	it.nvalue = (size_t)snprintf(text, sizeof text, "%llu",
	                             (unsigned long long)engine.value[i]);
	it.cas = engine.cas[i];
	SCRIPT_MUST(pthread_mutex_unlock(&engine.lock) == 0);
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
	SCRIPT_MUST(pthread_mutex_lock(&engine.lock) == 0);
	if (r->expect == EWB_EXPECT_CAS && r->cas != engine.cas[i]) {
		status = EWB_EXISTS;
	} else {
		engine.value[i] = strtoull(text, NULL, 10);
		ewb_reply_cas(c, ++engine.cas[i]);
	}
	SCRIPT_MUST(pthread_mutex_unlock(&engine.lock) == 0);
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
	engine.blocked++;
	t = ewb_cookie_block(c, NULL);
	if (t.word == 0)
		return EWB_BUSY;
	hand_over((struct request){ t, c });
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
	engine.cancels++;
}

/* A front end. */

struct client {
	struct ewb_cookie *cookie; /* null: free */
	bool done, abandoned;
	struct ewb_frame frame;
	char key[8], value[8];
};

static struct front {
	struct ewb_dispatch d; /* first */
	struct ewb_session session[3];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t woken;
	bool awake; /* under lock */
	uint64_t rng;
	struct client clients[IN_FLIGHT];
	unsigned busy;
	/* counts */
	unsigned started, answered, abandoned, released, wrong;
	unsigned counted, unknown; /* increments */
} fronts[FRONTS];

static struct {
	struct ewb_core core;
	struct ewb_instance *instance[3];
} world;

static void
wake_front(void *arg)
{
	struct front *f = arg;

	SCRIPT_MUST(pthread_mutex_lock(&f->lock) == 0);
	f->awake = true;
	SCRIPT_MUST(pthread_cond_signal(&f->woken) == 0);
	SCRIPT_MUST(pthread_mutex_unlock(&f->lock) == 0);
}

static struct client *
client_of(struct ewb_cookie *c)
{
	struct front *f = (struct front *)c->dispatch;

	return &f->clients[c->front_bits];
}

static void
desk_done(struct ewb_cookie *c)
{
	struct front *f = (struct front *)c->dispatch;
	struct client *k = client_of(c);

	f->wrong += k->done || k->abandoned || k->cookie != c;
	k->done = true;
	f->answered++;
	if (c->op == EWB_OP_INCR && c->status == EWB_OK)
		f->counted++;
	else if (c->op == EWB_OP_INCR)
		f->unknown++;
}

static void
release(struct front *f, struct client *k) EWB_ON_FRONT
{
	struct ewb_cookie *c = k->cookie;

	k->cookie = NULL;
	f->busy--;
	f->released++;
	ewb_cookie_release(c);
}

static void
desk_home(struct ewb_cookie *c)
{
	ewb_now_on_front(c->dispatch->thread);
	release((struct front *)c->dispatch, client_of(c));
}

static void
desk_data(struct ewb_cookie *c)
{
	(void)c;
}

static const struct ewb_desk desk = { desk_done, desk_home, desk_data };

static struct client *
free_client(struct front *f)
{
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		if (f->clients[i].cookie == NULL)
			return &f->clients[i];
	return NULL;
}

static void
start_one(struct front *f, struct client *k) EWB_ON_FRONT
{
	static const enum ewb_op ops[] = { EWB_OP_GET, EWB_OP_GET, EWB_OP_INCR,
		                           EWB_OP_GET };
	enum ewb_op op = ops[random_below(&f->rng, 4)];
	unsigned which = random_below(&f->rng, 3);
	struct ewb_cookie *c;

	*k = (struct client){ .frame = { .op = op, .delta = 1, .nkey = 2 } };
	k->key[0] = (char)('0' + random_below(&f->rng, KEYS));
	k->key[1] = "bio"[random_below(&f->rng, 3)];
	k->frame.key = (uint8_t *)k->key;
	c = ewb_cookie_take(&f->d, op, &f->session[which]);
	SCRIPT_MUST(c != NULL);
	k->cookie = c;
	c->front_bits = (uint32_t)(k - f->clients);
	c->frame = k->frame;
	ewb_cookie_fill(c, &k->frame, NULL);
	f->busy++;
	f->started++;
	ewb_cookie_start(c);
}

/* Answers leave; now and then a client goes, or cancels. */
static void
serve(struct front *f) EWB_ON_FRONT
{
	for (unsigned i = 0; i < IN_FLIGHT; i++) {
		struct client *k = &f->clients[i];

		if (k->cookie == NULL)
			continue;
		if (k->done && !k->cookie->away) {
			release(f, k);
			continue;
		}
		if (k->abandoned || random_below(&f->rng, 200))
			continue;
		if (random_below(&f->rng, 2)) {
			(void)ewb_ticket_cancel(ewb_cookie_ticket(k->cookie));
			continue;
		}
		if (!k->done) {
			f->abandoned++;
			if (k->cookie->op == EWB_OP_INCR)
				f->unknown++;
		}
		k->abandoned = true;
		ewb_cookie_abandon(k->cookie);
	}
}

/* Under the lock: until somebody wakes us, or us have passed. */
static int
wait_for_wake(struct front *f, uint64_t us)
{
	struct timespec until;

	if (us == UINT64_MAX) /* a lost wake is for ever */
		return pthread_cond_wait(&f->woken, &f->lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(us / 1000000);
	until.tv_nsec += (long)(us % 1000000) * 1000 + 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_cond_timedwait(&f->woken, &f->lock, &until);
}

/* Until somebody wakes us, or the next deadline. */
static void
rest(struct front *f) EWB_ON_FRONT
{
	uint64_t us = ewb_dispatch_next(&f->d);
	int err = 0;

	if (!ewb_inbox_sleep(&f->d.inbox))
		return;
	SCRIPT_MUST(pthread_mutex_lock(&f->lock) == 0);
	while (!f->awake && err == 0)
		err = wait_for_wake(f, us);
	f->awake = false;
	SCRIPT_MUST(err == 0 || err == ETIMEDOUT);
	SCRIPT_MUST(pthread_mutex_unlock(&f->lock) == 0);
	ewb_inbox_awake(&f->d.inbox);
}

static void *
front_end(void *arg)
{
	struct front *f = arg;
	struct client *k;

	ewb_dispatch_adopt(&f->d);
	ewb_now_on_front(f->d.thread);
	while (f->started < COMMANDS || f->d.nused) {
		for (unsigned i = 0; i < 8 && f->started < COMMANDS; i++)
			if ((k = free_client(f)) != NULL)
				start_one(f, k);
		ewb_dispatch_submit(&f->d);
		ewb_dispatch_letters(&f->d, 64);
		ewb_dispatch_tick(&f->d);
		serve(f);
		ewb_dispatch_submit(&f->d);
		if (f->busy == IN_FLIGHT ||
		    (f->started == COMMANDS && f->d.nused))
			rest(f);
	}
	return NULL;
}

/* All of it. */

static struct ewb_instance *
open_engine(const char *name, enum ewb_model model)
{
	struct ewb_engine e = {
		.abi = EWB_ABI,
		.size = sizeof e,
		.api = EWB_API,
		.model = model,
		.name = name,
		.can = EWB_CAN_CAS,
		.cancel = count_cancel,
	};
	char why[100];

	e.get = e.store = e.remove =
		model == EWB_NONBLOCKING ? run : run_blocking;
	return ewb_instance_open(&world.core, &e, NULL, 0, why, sizeof why);
}

static void
quiet(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

static void
begin_front(struct front *f, unsigned number)
{
	memset(f, 0, sizeof *f);
	SCRIPT_MUST(pthread_mutex_init(&f->lock, NULL) == 0);
	SCRIPT_MUST(pthread_cond_init(&f->woken, NULL) == 0);
	SCRIPT_MUST(ewb_dispatch_init(&f->d, &world.core, &desk, wake_front,
	                              f) == 0);
	f->rng = seed() + 1000 * number;
	for (unsigned i = 0; i < 3; i++) {
		f->session[i].dispatch = &f->d;
		f->session[i].instance = world.instance[i];
	}
}

static void
begin(uint32_t deadline_ms)
{
	const struct ewb_class_options o[EWB_POOL_CLASSES] = {
		{ .name = "reader", .threads = 2 },
		{ .name = "writer", .threads = 1 },
		{ .name = "aux", .threads = 1 }
	};
	struct ewb_limits limits = ewb_limits_default;

	printf("seed %llu\n", (unsigned long long)seed());
	limits.deadline_ms = deadline_ms;
	limits.max_cookies = FRONTS * IN_FLIGHT - 10;
	SCRIPT_MUST(ewb_core_init(&world.core, &limits, o, 64) == 0);
	world.core.log.write = quiet;
	ewb_commands_basic(&world.core);
	world.instance[0] = open_engine("a", EWB_NONBLOCKING);
	world.instance[1] = open_engine("b", EWB_BLOCKING);
	world.instance[2] = open_engine("c", EWB_BLOCKING_SERIAL);
	memset(&engine, 0, sizeof engine);
	SCRIPT_MUST(pthread_mutex_init(&engine.lock, NULL) == 0);
	SCRIPT_MUST(pthread_cond_init(&engine.more, NULL) == 0);
	for (uintptr_t i = 0; i < NOTIFIERS; i++)
		SCRIPT_MUST(pthread_create(&engine.threads[i], NULL, notifier,
		                           (void *)i) == 0);
	for (unsigned i = 0; i < FRONTS; i++)
		begin_front(&fronts[i], i);
}

static void
run_fronts(void)
{
	for (unsigned i = 0; i < FRONTS; i++)
		SCRIPT_MUST(pthread_create(&fronts[i].thread, NULL, front_end,
		                           &fronts[i]) == 0);
	for (unsigned i = 0; i < FRONTS; i++)
		SCRIPT_MUST(pthread_join(fronts[i].thread, NULL) == 0);
}

static void
stop_engine(void)
{
	SCRIPT_MUST(pthread_mutex_lock(&engine.lock) == 0);
	engine.stop = true;
	SCRIPT_MUST(pthread_cond_broadcast(&engine.more) == 0);
	SCRIPT_MUST(pthread_mutex_unlock(&engine.lock) == 0);
	for (unsigned i = 0; i < NOTIFIERS; i++)
		SCRIPT_MUST(pthread_join(engine.threads[i], NULL) == 0);
}

static void
end(void)
{
	char why[200];

	/* by this thread now */
	for (unsigned i = 0; i < FRONTS; i++) {
		ewb_dispatch_adopt(&fronts[i].d);
		ewb_now_on_front(fronts[i].d.thread);
		ewb_dispatch_fini(&fronts[i].d);
	}
	stop_engine();
	for (unsigned i = 0; i < 3; i++)
		ck_assert_msg(ewb_instance_close(world.instance[i], why,
		                                 sizeof why) == EWB_OK,
		              "%s", why);
	ewb_core_fini(&world.core);
}

static void
check_front(const struct front *f)
{
	ck_assert_uint_eq(f->wrong, 0);
	ck_assert_uint_eq(f->started, COMMANDS);
	ck_assert_uint_eq(f->answered + f->abandoned, COMMANDS);
	ck_assert_uint_eq(f->released, COMMANDS);
	ck_assert_uint_gt(f->abandoned, 0);
	ck_assert_uint_eq(f->d.naway, 0);
	ck_assert_uint_eq(f->d.timers.n, 0);
}

/* Without a deadline, and with one so short that it often passes. */
START_TEST(nobody_is_lost)
{
	uint64_t sum = 0, counted = 0, unknown = 0;

	begin(_i);
	run_fronts();
	for (unsigned i = 0; i < FRONTS; i++) {
		check_front(&fronts[i]);
		counted += fronts[i].counted;
		unknown += fronts[i].unknown;
	}
	ck_assert_uint_eq(atomic_load(&world.core.cookies), 0);
	ck_assert_uint_eq(atomic_load(&world.core.pinned), 0);
	ck_assert_uint_eq(atomic_load(&world.core.orphans), 0);
	ck_assert_uint_eq(atomic_load(&world.core.chunks.out), 0);
	ck_assert_uint_eq(engine.stale_wrong, 0);
	ck_assert_uint_gt(engine.notified, 0);
	ck_assert_uint_le(engine.cancels, engine.blocked + 2 * COMMANDS);
	for (unsigned i = 0; i < KEYS; i++)
		sum += engine.value[i];
	ck_assert_uint_ge(sum, counted);
	ck_assert_uint_le(sum, counted + unknown);
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: with threads");
	TCase *t = tcase_create("threads");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, nobody_is_lost, 0, 3);
	suite_add_tcase(s, t);
	return unit_run(s);
}
