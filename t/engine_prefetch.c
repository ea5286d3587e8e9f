/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine told of commands before they come: whatever happens in
 * between, it answers as one that was told nothing. */
#include "config.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/fake_host.h"
#include "t/unit.h"

#define ROUNDS 20000
#define TOGETHER 8
#define KEYS 400

const struct ewb_engine *ewb_engine_entry(void);

static const struct ewb_engine *engine;
static struct ewb_host host, plain_host;
static void *self, *plain; /* plain is told nothing */
static uint64_t seed;

static void
setup(void)
{
	engine = ewb_engine_entry();
	fake_host_init(&host, 1);
	fake_host_init(&plain_host, 1);
	ck_assert_int_eq(engine->open(&host, NULL, 0, &self), EWB_OK);
	ck_assert_int_eq(engine->open(&plain_host, NULL, 0, &plain), EWB_OK);
	seed = 20261125;
}

static void
teardown(void)
{
	engine->close(self);
	engine->close(plain);
}

static uint32_t
draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % below;
}

enum what { GET, SET, ADD, REMOVE, NWHATS };

struct command {
	enum what what;
	char key[48], value[16];
	uint32_t expiry;
	struct ewb_cookie c;
};

static void
prepare(struct command *m, const struct ewb_host *h)
{
	fake_cookie_init(&m->c, h, m->key, strlen(m->key));
	if (m->what == SET || m->what == ADD)
		fake_cookie_value(&m->c, m->value, strlen(m->value));
	m->c.request.expiry = m->expiry;
	if (m->what == ADD)
		m->c.request.expect = EWB_EXPECT_ABSENT;
}

/* Keys of which many look alike for as long as the index remembers of them. */
static void
draw_command(struct command *m)
{
	uint32_t k = draw(KEYS);

	m->what = draw(NWHATS);
	m->expiry = draw(8) ? 0 : 990 + draw(60);
	snprintf(m->key, sizeof m->key,
	         k % 2 ? "%u" : "the same for a long time, then %u", k);
	snprintf(m->value, sizeof m->value, "%u", draw(1000000));
}

static enum ewb_status
run(void *engines_self, struct command *m)
{
	const struct ewb_request *r = &m->c.request;

	switch (m->what) {
	case GET: return engine->get(engines_self, &m->c, r);
	case SET:
	case ADD: return engine->store(engines_self, &m->c, r);
	default: return engine->remove(engines_self, &m->c, r);
	}
}

static void
same(struct command *m)
{
	struct command copy = *m;
	enum ewb_status status, expected;

	status = run(self, m);
	prepare(&copy, &plain_host);
	expected = run(plain, &copy);
	ck_assert_msg(status == expected, "%s: 0x%x, not 0x%x", m->key, status,
	              expected);
	ck_assert_uint_eq(m->c.cas, copy.c.cas);
	ck_assert(m->c.has_item == copy.c.has_item);
	if (m->c.has_item) {
		ck_assert_uint_eq(m->c.item.seqno, copy.c.item.seqno);
		ck_assert_uint_eq(m->c.item.nvalue, copy.c.item.nvalue);
		ck_assert_mem_eq(m->c.item.value, copy.c.item.value,
		                 m->c.item.nvalue);
	}
	fake_cookie_fini(&m->c);
	fake_cookie_fini(&copy.c);
}

/* What a cursor has, as one number. */

static enum ewb_status
mix(struct ewb_sink *sink, const struct ewb_item *item)
{
	uint64_t *sum = sink->arg;

	*sum = *sum * 31 + item->seqno;
	for (size_t i = 0; i < item->nkey; i++)
		*sum = *sum * 31 + ((const unsigned char *)item->key)[i];
	return EWB_OK;
}

static uint64_t
sum_of(void *engines_self, void *cursor)
{
	uint64_t sum = 0;
	struct ewb_sink sink = { .put = mix, .arg = &sum, .room = UINT64_MAX };

	ck_assert_int_eq(engine->scan_next(engines_self, cursor, &sink),
	                 EWB_END);
	engine->scan_close(engines_self, cursor);
	return sum;
}

static void *
open_cursor(void *engines_self)
{
	struct ewb_range all = { .size = sizeof all };
	uint64_t count;
	void *cursor;

	ck_assert_int_eq(engine->scan_open(engines_self, &all, &cursor, &count),
	                 EWB_OK);
	return cursor;
}

/* A snapshot of each, now and then, for a while. */
struct pair {
	void *cursor, *plain;
};

static void
turn_snapshot(struct pair *p)
{
	if (p->cursor) {
		ck_assert_uint_eq(sum_of(self, p->cursor),
		                  sum_of(plain, p->plain));
		p->cursor = p->plain = NULL;
	} else {
		p->cursor = open_cursor(self);
		p->plain = open_cursor(plain);
	}
}

static void
flush_both(void)
{
	struct ewb_cookie c = { 0 };

	ck_assert_int_eq(engine->flush(self, &c), EWB_OK);
	ck_assert_int_eq(engine->flush(plain, &c), EWB_OK);
}

START_TEST(it_answers_as_if_it_had_not_been_told)
{
	static struct command m[TOGETHER];
	struct pair snapshot = { 0 };

	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = 1 + draw(TOGETHER);

		for (unsigned k = 0; k < n; k++) {
			draw_command(&m[k]);
			prepare(&m[k], &host);
			engine->prefetch(self, &m[k].c.request);
		}
		for (unsigned k = 0; k < n; k++) {
			if (draw(500) == 0)
				flush_both();
			if (draw(100) == 0)
				turn_snapshot(&snapshot);
			if (draw(50) == 0)
				fake_task_settle(host.task);
			same(&m[k]);
		}
	}
	if (snapshot.cursor)
		turn_snapshot(&snapshot);
	ck_assert_uint_eq(sum_of(self, open_cursor(self)),
	                  sum_of(plain, open_cursor(plain)));
}
END_TEST

static void
do_one(enum what what, const char *key, const char *value)
{
	struct command m = { .what = what };

	snprintf(m.key, sizeof m.key, "%s", key);
	snprintf(m.value, sizeof m.value, "%s", value);
	prepare(&m, &host);
	ck_assert_int_eq(run(self, &m), EWB_OK);
	fake_cookie_fini(&m.c);
}

START_TEST(it_finds_what_it_was_told_of)
{
	struct command m = { .what = GET, .key = "k" };

	do_one(SET, "k", "value");
	prepare(&m, &host);
	engine->prefetch(self, &m.c.request);
	ck_assert_uint_ne(m.c.request.hint[0], 0);
	ck_assert_int_eq(run(self, &m), EWB_OK);
	ck_assert_mem_eq(m.c.item.value, "value", 5);
	fake_cookie_fini(&m.c);
}
END_TEST

START_TEST(what_was_removed_and_freed_meanwhile_is_not_looked_at)
{
	struct command m = { .what = GET, .key = "k" };

	do_one(SET, "k", "value");
	prepare(&m, &host);
	engine->prefetch(self, &m.c.request);
	do_one(REMOVE, "k", "");
	ck_assert_int_eq(run(self, &m), EWB_NOT_FOUND);
}
END_TEST

START_TEST(what_a_snapshot_sees_is_not_replaced_in_place)
{
	struct command m = { .what = SET, .key = "k", .value = "new" };
	void *cursor;
	uint64_t before;

	do_one(SET, "k", "old");
	before = sum_of(self, open_cursor(self));
	ck_assert_uint_ne(before, 0);
	prepare(&m, &host);
	engine->prefetch(self, &m.c.request);
	cursor = open_cursor(self);
	ck_assert_int_eq(run(self, &m), EWB_OK);
	ck_assert_uint_eq(sum_of(self, cursor), before);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engine prefetch");
	TCase *t = tcase_create("prefetch");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, it_answers_as_if_it_had_not_been_told);
	tcase_add_test(t, it_finds_what_it_was_told_of);
	tcase_add_test(t, what_was_removed_and_freed_meanwhile_is_not_looked_at);
	tcase_add_test(t, what_a_snapshot_sees_is_not_replaced_in_place);
	suite_add_tcase(s, t);
	return unit_run(s);
}
