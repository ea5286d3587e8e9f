/* SPDX-License-Identifier: BSD-2-Clause */
/* Streams between the pool's threads and two front ends on threads of their
 * own, which share a budget that is too small for all; some readers are slow,
 * some go.  EWB_SEED in the environment chooses another run. */
#include "config.h"

#include <stdio.h>

#include "protocol/binary.h"
#include "t/cookie_front.h"
#include "t/cookie_play.h"

#define FRONTS 2
#define STREAMS 4 /* at once, of each front end */
#define ROUNDS 40 /* streams one after the other, at each place */
#define KIB 1024
#define HIGH (32 * KIB)
#define LARGEST 4000 /* a record */

struct place {
	struct script *s;
	struct ewb_cookie *cookie; /* null: none now */
	struct ewb_frame frame;
	struct ewb_chunk *held[256];
	unsigned taken, given, next, rounds;
	bool done, gone;
};

static struct front {
	struct thread_front own; /* first */
	struct ewb_session session;
	struct place places[STREAMS];
	unsigned complete, gone;
	const char *wrong;
} fronts[FRONTS];

static struct ewb_core core;
static struct ewb_instance *instance;

static struct place *
place_of(struct ewb_cookie *c)
{
	return &((struct front *)c->dispatch)->places[c->front_bits];
}

static void
desk_done(struct ewb_cookie *c)
{
	place_of(c)->done = true;
}

static void
desk_home(struct ewb_cookie *c)
{
	struct place *p = place_of(c);

	ewb_now_on_front(c->dispatch->thread);
	p->cookie = NULL;
	ewb_cookie_release(c);
}

static void
desk_data(struct ewb_cookie *c)
{
	(void)c;
}

static const struct ewb_desk desk = { .done = desk_done,
	                              .home = desk_home,
	                              .data = desk_data };

static void
check_piece(struct front *f, struct place *p, const struct ewb_chunk *ch)
{
	size_t size = p->s->record_size, n = ch->len - EWB_BIN_HEAD;
	const uint8_t *at = ch->data + EWB_BIN_HEAD;

	if (ewb_be32(ch->data + 8) != n || n % size)
		f->wrong = "a frame has another length";
	for (; n >= size; n -= size, at += size) {
		if (ewb_be32(at) != p->next)
			f->wrong = "a record is out of order, or lost";
		if (at[size - 1] != (uint8_t)p->next)
			f->wrong = "a record was changed";
		p->next++;
	}
}

static void
give_some(struct front *f, struct place *p) EWB_ON_FRONT
{
	while (p->given < p->taken && (p->done || random_below(&f->own.rng, 4)))
		ewb_stream_give(p->cookie->stream, p->held[p->given++ % 256]);
}

/* 1: a piece moved. */
static int
read_some(struct front *f, struct place *p) EWB_ON_FRONT
{
	struct ewb_stream *s = p->cookie->stream;
	struct ewb_chunk *ch;
	int moved = 0;

	if (atomic_load(&s->held) > HIGH + 8 * KIB)
		f->wrong = "it holds more than the mark and one record";
	while (p->taken - p->given < 255 && (ch = ewb_stream_pull(s)) != NULL) {
		check_piece(f, p, ch);
		p->held[p->taken++ % 256] = ch;
		moved = 1;
	}
	moved |= p->taken != p->given;
	give_some(f, p);
	return moved;
}

static void
finish(struct front *f, struct place *p) EWB_ON_FRONT
{
	struct ewb_chunk *ch;

	while (read_some(f, p))
		;
	ch = ewb_stream_last(p->cookie->stream, EWB_SCAN_COMPLETE);
	if (ch) {
		check_piece(f, p, ch);
		ewb_stream_give(p->cookie->stream, ch);
	}
	if (p->next != p->s->records)
		f->wrong = "the end is missing";
	f->complete++;
	desk_home(p->cookie);
}

static void
hang_up(struct front *f, struct place *p) EWB_ON_FRONT
{
	while (p->given < p->taken)
		ewb_stream_give(p->cookie->stream, p->held[p->given++ % 256]);
	f->gone++;
	p->gone = true;
	ewb_cookie_abandon(p->cookie);
}

static void
begin_stream(struct front *f, struct place *p) EWB_ON_FRONT
{
	struct ewb_cookie *c;

	p->taken = p->given = p->next = 0;
	p->done = p->gone = false;
	p->rounds++;
	p->s->made = 0;
	p->s->records = 1 + random_below(&f->own.rng, 300);
	p->s->record_size = 4 + random_below(&f->own.rng, LARGEST - 4);
	p->s->flush = random_below(&f->own.rng, 3) == 0;
	p->s->per_run = random_below(&f->own.rng, 20);
	c = ewb_cookie_take(&f->own.d, EWB_OP_SCAN_CONTINUE, &f->session);
	SCRIPT_MUST(c != NULL);
	p->cookie = c;
	p->frame = play_frame(EWB_OP_SCAN_CONTINUE, p->s->key, NULL);
	p->frame.is = EWB_IS_BINARY;
	c->frame = p->frame;
	c->front_bits = (uint32_t)(p - f->places);
	ewb_cookie_fill(c, &c->frame, NULL);
	ewb_cookie_start(c);
}

/* 1: there is more to do at once. */
static int
serve(struct front *f, struct place *p) EWB_ON_FRONT
{
	if (p->cookie == NULL && p->rounds == ROUNDS)
		return 0;
	if (p->cookie == NULL) {
		begin_stream(f, p);
		return 1;
	}
	if (p->gone)
		return 0;
	if (p->done) {
		finish(f, p);
		return 1;
	}
	if (random_below(&f->own.rng, 300) == 0) {
		hang_up(f, p);
		return 1;
	}
	return read_some(f, p);
}

static void *
front_end(void *arg)
{
	struct front *f = arg;
	int more;

	thread_front_adopt(&f->own);
	ewb_now_on_front(f->own.d.thread);
	do {
		more = 0;
		for (unsigned i = 0; i < STREAMS; i++)
			more |= serve(f, &f->places[i]);
		ewb_dispatch_submit(&f->own.d);
		more |= ewb_dispatch_letters(&f->own.d, 16) != 0;
		if (!more && f->own.d.nused)
			thread_front_rest(&f->own);
	} while (more || f->own.d.nused);
	/* a letter of a stream that is over may still be on its way */
	ewb_dispatch_letters(&f->own.d, SIZE_MAX);
	return NULL;
}

static void
begin_front(struct front *f, unsigned number)
{
	memset(f, 0, sizeof *f);
	thread_front_init(&f->own, &core, &desk, number);
	f->session.dispatch = &f->own.d;
	f->session.instance = instance;
	for (unsigned i = 0; i < STREAMS; i++) {
		char key[16];

		snprintf(key, sizeof key, "s%u.%u", number, i);
		f->places[i].s = script_for(key);
	}
}

static void
begin(size_t budget)
{
	const struct ewb_class_options o[EWB_POOL_CLASSES] = {
		{ .name = "reader", .threads = 1 },
		{ .name = "writer", .threads = 1 },
		{ .name = "aux", .threads = 2 }
	};
	struct ewb_limits limits = ewb_limits_default;
	char why[100];

	limits.deadline_ms = 0;
	limits.high = HIGH;
	limits.low = 8 * KIB;
	limits.buffer_memory = budget;
	printf("seed %llu\n", (unsigned long long)thread_seed());
	script_begin();
	SCRIPT_MUST(ewb_core_init(&core, &limits, o, 64) == 0);
	ewb_commands_basic(&core);
	core.commands[EWB_OP_SCAN_CONTINUE] =
		(struct ewb_command){ .run = script_stream, .streams = 1 };
	instance = ewb_instance_open(&core, &script_engine, NULL, 0, why,
	                             sizeof why);
	for (unsigned i = 0; i < FRONTS; i++)
		begin_front(&fronts[i], i);
}

static void
end(void)
{
	char why[100];

	for (unsigned i = 0; i < FRONTS; i++)
		thread_front_fini(&fronts[i].own);
	ck_assert_int_eq(ewb_instance_close(instance, why, sizeof why), EWB_OK);
	ck_assert_uint_eq(ewb_budget_used(&core.budget), 0);
	ck_assert_uint_eq(atomic_load(&core.chunks.out), 0);
	ewb_core_fini(&core);
}

/* With much, with little and with nothing to share. */
START_TEST(readers_of_two_front_ends_get_all_records)
{
	static const size_t budgets[] = { 1024 * KIB, 64 * KIB, 0 };

	begin(budgets[_i]);
	for (unsigned i = 0; i < FRONTS; i++)
		SCRIPT_MUST(pthread_create(&fronts[i].own.thread, NULL,
		                           front_end, &fronts[i]) == 0);
	for (unsigned i = 0; i < FRONTS; i++)
		SCRIPT_MUST(pthread_join(fronts[i].own.thread, NULL) == 0);
	for (unsigned i = 0; i < FRONTS; i++) {
		ck_assert_msg(fronts[i].wrong == NULL, "%s", fronts[i].wrong);
		ck_assert_uint_eq(fronts[i].complete + fronts[i].gone,
		                  STREAMS * ROUNDS);
		ck_assert_uint_gt(fronts[i].complete, 0);
	}
	end();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: streams with threads");
	TCase *t = tcase_create("threads");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_loop_test(t, readers_of_two_front_ends_get_all_records, 0, 3);
	suite_add_tcase(s, t);
	return unit_run(s);
}
