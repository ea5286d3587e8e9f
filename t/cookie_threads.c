/* SPDX-License-Identifier: BSD-2-Clause */
/* Two front ends on two threads, a pool and an engine with threads of their
 * own, clients that come, cancel and go as they like: nobody is lost.
 *
 * EWB_SEED in the environment chooses another run. */
#include "config.h"

#include <sched.h>
#include <stdio.h>

#include "t/busy_engine.h"
#include "t/cookie_front.h"
#include "t/cookie_play.h"

#define FRONTS 2
#define COMMANDS 10000 /* of each front end */
#define IN_FLIGHT 48

/* A front end. */

struct client {
	struct ewb_cookie *cookie; /* null: free */
	bool done, abandoned;
	struct ewb_frame frame;
	char key[8], value[8];
};

static struct front {
	struct thread_front own; /* first */
	struct ewb_session session[3];
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

static const struct ewb_desk desk = { .done = desk_done,
	                              .home = desk_home,
	                              .data = desk_data };

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
	enum ewb_op op = ops[random_below(&f->own.rng, 4)];
	unsigned which = random_below(&f->own.rng, 3);
	struct ewb_cookie *c;

	*k = (struct client){ .frame = { .op = op, .delta = 1, .nkey = 2 } };
	k->key[0] = (char)('0' + random_below(&f->own.rng, BUSY_KEYS));
	k->key[1] = "bio"[random_below(&f->own.rng, 3)];
	k->frame.key = (uint8_t *)k->key;
	c = ewb_cookie_take(&f->own.d, op, &f->session[which]);
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
		if (k->abandoned || random_below(&f->own.rng, 200))
			continue;
		if (random_below(&f->own.rng, 2)) {
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

static void *
front_end(void *arg)
{
	struct front *f = arg;
	struct client *k;

	thread_front_adopt(&f->own);
	ewb_now_on_front(f->own.d.thread);
	while (f->started < COMMANDS || f->own.d.nused) {
		for (unsigned i = 0; i < 8 && f->started < COMMANDS; i++)
			if ((k = free_client(f)) != NULL)
				start_one(f, k);
		ewb_dispatch_submit(&f->own.d);
		ewb_dispatch_letters(&f->own.d, 64);
		ewb_dispatch_tick(&f->own.d);
		serve(f);
		ewb_dispatch_submit(&f->own.d);
		if (f->busy == IN_FLIGHT ||
		    (f->started == COMMANDS && f->own.d.nused))
			thread_front_rest(&f->own);
	}
	return NULL;
}

/* All of it. */

static struct ewb_instance *
open_engine(const char *name, enum ewb_model model)
{
	const struct ewb_engine e = busy_as(name, model);
	char why[100];

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
	thread_front_init(&f->own, &world.core, &desk, number);
	for (unsigned i = 0; i < 3; i++) {
		f->session[i].dispatch = &f->own.d;
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

	limits.deadline_ms = deadline_ms;
	limits.max_cookies = FRONTS * IN_FLIGHT - 10;
	SCRIPT_MUST(ewb_core_init(&world.core, &limits, o, 64) == 0);
	world.core.log.write = quiet;
	ewb_commands_basic(&world.core);
	world.instance[0] = open_engine("a", EWB_NONBLOCKING);
	world.instance[1] = open_engine("b", EWB_BLOCKING);
	world.instance[2] = open_engine("c", EWB_BLOCKING_SERIAL);
	printf("seed %llu\n", (unsigned long long)thread_seed());
	busy_begin(thread_seed());
	for (unsigned i = 0; i < FRONTS; i++)
		begin_front(&fronts[i], i);
}

static void
run_fronts(void)
{
	for (unsigned i = 0; i < FRONTS; i++)
		SCRIPT_MUST(pthread_create(&fronts[i].own.thread, NULL,
		                           front_end, &fronts[i]) == 0);
	for (unsigned i = 0; i < FRONTS; i++)
		SCRIPT_MUST(pthread_join(fronts[i].own.thread, NULL) == 0);
}

static void
end(void)
{
	char why[200];

	for (unsigned i = 0; i < FRONTS; i++)
		thread_front_fini(&fronts[i].own);
	busy_end(); /* its threads may have been at their tricks until now */
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
	ck_assert_uint_eq(f->own.d.naway, 0);
	ck_assert_uint_eq(f->own.d.timers.n, 0);
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
	ck_assert_uint_eq(busy_engine.wrong, 0);
	ck_assert_uint_gt(busy_engine.notified, 0);
	ck_assert_uint_le(busy_engine.cancels,
	                  busy_engine.blocked + 2 * COMMANDS);
	for (unsigned i = 0; i < BUSY_KEYS; i++)
		sum += busy_engine.value[i];
	ck_assert_uint_ge(sum, counted);
	ck_assert_uint_le(sum, counted + unknown);
	end();
}
END_TEST

/* Two threads with the same tickets. */

#define ROUNDS (20 + UNIT_TIMES(80))
#define TICKETS 512 /* of each round */

static struct {
	_Atomic unsigned round; /* from 1: its tickets are there */
	struct script *s;
	_Atomic unsigned won, stale;
} duel;

static void *
fight(void *arg)
{
	unsigned won = 0;

	(void)arg;
	for (unsigned round = 1; round <= ROUNDS; round++) {
		while (atomic_load(&duel.round) < round)
			sched_yield();
		for (unsigned i = 0; i < TICKETS; i++)
			won += ewb_notify(duel.s->tickets[i], EWB_OK) == EWB_OK;
		duel.won += won;
		duel.stale += TICKETS - won;
		won = 0;
	}
	return NULL;
}

static void
duel_round(unsigned round)
{
	play.ncalls = 0;
	duel.s->ntickets = 0;
	for (unsigned i = 0; i < TICKETS; i++)
		play_get(i % 2, "k");
	atomic_store(&duel.round, round);
	while (duel.won + duel.stale < 2 * TICKETS * round)
		sched_yield();
	play_settle();
	for (unsigned i = 0; i < TICKETS; i++)
		SCRIPT_MUST(play_calls[i].done == 1 && play_calls[i].released);
}

START_TEST(of_two_threads_one_wins_the_notify)
{
	pthread_t threads[2];

	memset(&duel, 0, sizeof duel);
	play_begin();
	duel.s = script_for("k");
	duel.s->block_for = 1;
	for (unsigned i = 0; i < 2; i++)
		SCRIPT_MUST(pthread_create(&threads[i], NULL, fight, NULL) ==
		            0);
	for (unsigned round = 1; round <= ROUNDS; round++)
		duel_round(round);
	for (unsigned i = 0; i < 2; i++)
		SCRIPT_MUST(pthread_join(threads[i], NULL) == 0);
	ck_assert_uint_eq(duel.won, ROUNDS * TICKETS);
	ck_assert_uint_eq(play_stale(EWB_OP_GET), ROUNDS * TICKETS);
	play_end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: with threads");
	TCase *t = tcase_create("threads");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, of_two_threads_one_wins_the_notify);
	tcase_add_loop_test(t, nobody_is_lost, 0, 3);
	suite_add_tcase(s, t);
	return unit_run(s);
}
