/* SPDX-License-Identifier: BSD-2-Clause */
/* Snapshots of one vbucket of the memory engine, and what becomes of what is
 * kept for them. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engines/memory/vbucket.h"
#include "t/alloc.h"
#include "t/fake_host.h"
#include "t/unit.h"

static unsigned seed;
static struct mem_totals totals;
static struct mem_vbucket vb;

static void
setup(void)
{
	const char *s = getenv("EWB_TEST_SEED");

	seed = s ? (unsigned)atoi(s) : (unsigned)time(NULL);
	printf("seed %u\n", seed);
	memset(&totals, 0, sizeof totals);
	mem_vbucket_init(&vb, 3, NULL, &totals);
}

static unsigned
roll(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static size_t
drop(struct mem_spoils *s)
{
	size_t n = 0;

	while (s->doomed) {
		struct mem_obj *o = mem_obj_pop(&s->doomed);

		if (mem_node_doomed(o))
			mem_node_expand((struct mem_node *)o, &s->doomed);
		n += mem_obj_drop(o);
	}
	n += mem_obj_drop_all(s->gone);
	atomic_fetch_sub(&totals.bytes, (int64_t)n);
	return n;
}

static bool
slice(void)
{
	struct mem_spoils s;
	bool more = mem_snapshot_drain(&vb, &s);

	drop(&s);
	return more;
}

static void
drain(void)
{
	while (slice())
		;
}

/* Nothing is kept for anybody, and with the tree everything is gone. */
static void
teardown(void)
{
	drain();
	ck_assert_int_eq(atomic_load(&totals.live), 0);
	ck_assert_int_eq(atomic_load(&totals.leaving), 0);
	ck_assert_int_eq(atomic_load(&totals.dirty), 0);
	ck_assert_int_eq(atomic_load(&totals.snapshot_bytes), 0);
	mem_vbucket_fini(&vb);
	ck_assert_int_eq(atomic_load(&totals.bytes), 0);
}

static size_t
name(char *key, unsigned k)
{
	return (size_t)sprintf(key, "key:%06u", k);
}

static void
put(unsigned k, unsigned value)
{
	char key[32];
	struct ewb_request r = { .key = key,
		                 .nkey = name(key, k),
		                 .value = &value,
		                 .nvalue = sizeof value };
	uint64_t cas;

	ck_assert_int_eq(
		mem_vbucket_store(&vb, &r, mem_item_new(&r, NULL), &cas),
		EWB_OK);
}

static enum ewb_status
take(unsigned k)
{
	char key[32];
	struct ewb_request r = { .key = key, .nkey = name(key, k) };
	uint64_t cas;

	return mem_vbucket_remove(&vb, &r, &cas);
}

static struct mem_snapshot *
open(void)
{
	uint64_t items;
	struct mem_snapshot *s = mem_snapshot_open(&vb, &items);

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(items, vb.items);
	ck_assert(mem_snapshot_leave(s));
	return s;
}

/* What the tree has for each key, 0 for none. */
#define KEYS 700u

struct state {
	unsigned value[KEYS];
};

static void
shows(const struct mem_tree *tree, const struct state *want)
{
	struct mem_path p;
	struct mem_item *it;
	unsigned k;

	mem_tree_seek(tree, &p, "", 0);
	for (k = 0; k < KEYS; k++) {
		char key[32];
		size_t n = name(key, k);
		unsigned value;

		if (!want->value[k])
			continue;
		it = mem_path_item(&p);
		ck_assert_ptr_nonnull(it);
		ck_assert_int_eq(mem_key_order(key, n, &it->obj), 0);
		memcpy(&value, mem_item_value(it), sizeof value);
		ck_assert_uint_eq(value, want->value[k]);
		mem_path_step(&p);
	}
	ck_assert_ptr_null(mem_path_item(&p));
}

/* Up to this many at once, each with the state of its opening. */
#define SNAPSHOTS 24u

struct past {
	struct mem_snapshot *s;
	struct state state;
};

static void
open_or_close(struct past *p, const struct state *now)
{
	if (!p->s) {
		p->s = open();
		p->state = *now;
	} else {
		shows(&p->s->tree, &p->state);
		mem_snapshot_close(p->s);
		p->s = NULL;
	}
}

static void
change(struct state *now, unsigned i, unsigned bias)
{
	unsigned k = roll(KEYS);

	if (roll(3000) == 0) {
		mem_vbucket_flush(&vb);
		*now = (struct state){ { 0 } };
	} else if (roll(100) < bias) {
		put(k, i + 1);
		now->value[k] = i + 1;
	} else {
		ck_assert_int_eq(take(k),
		                 now->value[k] ? EWB_OK : EWB_NOT_FOUND);
		now->value[k] = 0;
	}
}

START_TEST(each_snapshot_shows_its_opening_in_whatever_order_they_close)
{
	static struct past past[SNAPSHOTS];
	static struct state now;
	unsigned i, bias = 80;

	now = (struct state){ { 0 } };
	for (i = 0; i < UNIT_TIMES(40000); i++) {
		change(&now, i, bias);
		if (i % 3000 == 0)
			bias = bias == 80 ? 30 : 80;
		if (roll(40) == 0)
			open_or_close(&past[roll(SNAPSHOTS)], &now);
		if (roll(20) == 0)
			slice();
		if (roll(200) == 0) {
			struct past *p = &past[roll(SNAPSHOTS)];

			if (p->s)
				shows(&p->s->tree, &p->state);
		}
	}
	shows(&vb.tree, &now);
	for (i = 0; i < SNAPSHOTS; i++)
		if (past[i].s)
			open_or_close(&past[i], &now);
	shows(&vb.tree, &now);
}
END_TEST

START_TEST(snapshots_without_changes_between_them_share_everything)
{
	struct state want = { { 0 } };
	struct mem_snapshot *s[4];
	unsigned i;

	for (i = 0; i < KEYS; i++)
		put(i, want.value[i] = 1);
	for (i = 0; i < 4; i++)
		s[i] = open();
	for (i = 0; i < KEYS; i++)
		put(i, 2);
	for (i = 4; i-- > 0;) {
		shows(&s[i]->tree, &want);
		mem_snapshot_close(s[i]);
		drain();
		ck_assert_int_eq(atomic_load(&totals.snapshot_bytes) > 0,
		                 i > 0);
	}
}
END_TEST

#define MILLION UNIT_TIMES(1000000)

START_TEST(opening_one_of_a_million_keys_allocates_next_to_nothing)
{
	uint64_t before, after, items;
	struct mem_snapshot *s;
	unsigned i;
	int64_t bytes;

	for (i = 0; i < MILLION; i++)
		put(i, i);
	bytes = atomic_load(&totals.bytes);
	before = ewb_alloc_bytes();
	s = mem_snapshot_open(&vb, &items);
	after = ewb_alloc_bytes();
	ck_assert_uint_le(after - before, 1024);
	ck_assert_uint_eq(items, MILLION);
	ck_assert(mem_snapshot_leave(s));
	ck_assert_int_eq(atomic_load(&totals.bytes), bytes);
	mem_snapshot_close(s);
	ck_assert_int_eq(atomic_load(&totals.dirty), 0);
}
END_TEST

START_TEST(without_a_snapshot_what_is_replaced_is_freed_at_once)
{
	int64_t bytes;
	unsigned i;

	for (i = 0; i < KEYS; i++)
		put(i, 1);
	bytes = atomic_load(&totals.bytes);
	for (i = 0; i < 3 * KEYS; i++)
		put(i % KEYS, i);
	ck_assert_int_eq(atomic_load(&totals.bytes), bytes);
}
END_TEST

START_TEST(what_is_younger_than_the_snapshot_is_freed_at_once)
{
	struct mem_snapshot *s;
	int64_t bytes, kept;
	unsigned i;

	for (i = 0; i < KEYS; i++)
		put(i, 1);
	s = open();
	for (i = 0; i < KEYS; i++)
		put(i, 2);
	bytes = atomic_load(&totals.bytes);
	kept = atomic_load(&totals.snapshot_bytes);
	ck_assert_int_gt(kept, 0);
	for (i = 0; i < 5 * KEYS; i++)
		put(i % KEYS, i);
	ck_assert_int_eq(atomic_load(&totals.bytes), bytes);
	ck_assert_int_eq(atomic_load(&totals.snapshot_bytes), kept);
	mem_snapshot_close(s);
}
END_TEST

START_TEST(what_only_a_closed_snapshot_saw_comes_free)
{
	struct mem_snapshot *old, *young;
	int64_t before;
	unsigned i;

	put(0, 1);
	old = open();
	for (i = 0; i < KEYS; i++)
		put(i, 2);
	young = open();
	before = atomic_load(&totals.bytes);
	for (i = 0; i < KEYS; i++)
		put(i, 3); /* the twos: only the young one sees them */
	mem_snapshot_close(young);
	drain();
	ck_assert_int_le(atomic_load(&totals.bytes), before);
	mem_snapshot_close(old);
}
END_TEST

START_TEST(what_an_older_one_kept_is_not_left_to_a_younger_one)
{
	struct mem_snapshot *old, *young;
	unsigned i;

	for (i = 0; i < KEYS; i++)
		put(i, 1);
	old = open();
	for (i = 0; i < KEYS; i++)
		put(i, 2);
	young = open();
	mem_snapshot_close(old);
	drain();
	ck_assert_int_eq(atomic_load(&totals.snapshot_bytes), 0);
	mem_snapshot_close(young);
}
END_TEST

START_TEST(a_flush_leaves_a_snapshot_what_it_sees_and_no_more)
{
	static struct state want;
	struct mem_snapshot *s;
	int64_t seen;
	unsigned i;

	for (i = 0; i < KEYS; i++)
		put(i, want.value[i] = 7);
	seen = atomic_load(&totals.bytes);
	s = open();
	for (i = KEYS; i < 3 * KEYS; i++)
		put(i, 8);
	mem_vbucket_flush(&vb);
	ck_assert_uint_eq(vb.items, 0);
	drain();
	shows(&s->tree, &want);
	ck_assert_int_eq(atomic_load(&totals.bytes), seen);
	ck_assert_int_eq(atomic_load(&totals.snapshot_bytes), seen);
	put(1, 9);
	shows(&s->tree, &want);
	mem_snapshot_close(s);
}
END_TEST

START_TEST(a_snapshot_from_after_a_flush_keeps_nothing_from_before_it)
{
	struct mem_snapshot *s;
	unsigned i;

	for (i = 0; i < KEYS; i++)
		put(i, 7);
	mem_vbucket_flush(&vb);
	s = open();
	drain();
	ck_assert_int_eq(atomic_load(&totals.bytes), 0);
	mem_snapshot_close(s);
}
END_TEST

START_TEST(a_slice_is_small_however_much_there_is)
{
	struct mem_snapshot *old = open(), *s;
	struct mem_spoils out;
	unsigned i, slices = 0, objects;
	struct mem_obj *o;

	for (i = 0; i < 20000; i++)
		put(i, 7);
	s = open();
	mem_vbucket_flush(&vb);
	for (i = 0; i < 20000; i++)
		put(i, 8);
	while (mem_snapshot_drain(&vb, &out)) {
		ck_assert_ptr_null(out.gone);
		slices++;
	}
	ck_assert_uint_ge(slices, 20000 / 256);
	mem_snapshot_close(s);
	while (mem_snapshot_drain(&vb, &out)) {
		for (o = out.gone, objects = 0; o; o = mem_obj_next(o))
			objects++;
		ck_assert_uint_le(objects, 256);
		drop(&out);
	}
	mem_snapshot_close(old);
}
END_TEST

START_TEST(a_revoked_snapshot_is_given_up_though_its_cursor_stays)
{
	struct mem_snapshot *s;
	uint64_t age;
	int64_t held;
	unsigned i;

	for (i = 0; i < KEYS; i++)
		put(i, 1);
	s = open();
	for (i = 0; i < KEYS; i++)
		put(i, 2);
	age = mem_snapshot_oldest(&vb, &held);
	ck_assert_uint_eq(age, s->age);
	ck_assert_int_eq(held, atomic_load(&totals.snapshot_bytes));
	mem_snapshot_revoke(&vb, age);
	drain();
	ck_assert_int_eq(atomic_load(&totals.snapshot_bytes), 0);
	ck_assert(!mem_snapshot_enter(s));
	mem_snapshot_close(s);
}
END_TEST

START_TEST(a_revoked_snapshot_stays_while_a_thread_reads_it)
{
	static struct state want;
	struct mem_snapshot *s;
	unsigned i;

	for (i = 0; i < KEYS; i++)
		put(i, want.value[i] = 1);
	s = open();
	ck_assert(mem_snapshot_enter(s));
	for (i = 0; i < KEYS; i++)
		put(i, 2);
	mem_snapshot_revoke(&vb, s->age);
	ck_assert(atomic_load(&s->revoked));
	drain();
	shows(&s->tree, &want);
	ck_assert_int_eq(atomic_load(&totals.leaving), 1);
	ck_assert(!mem_snapshot_leave(s));
	ck_assert_int_eq(atomic_load(&totals.leaving), 0);
	drain();
	ck_assert_int_eq(atomic_load(&totals.snapshot_bytes), 0);
	mem_snapshot_close(s);
}
END_TEST

START_TEST(a_snapshot_is_revoked_once)
{
	struct mem_snapshot *s = open();
	int64_t held;

	mem_snapshot_enter(s);
	mem_snapshot_revoke(&vb, s->age);
	mem_snapshot_revoke(&vb, s->age);
	ck_assert_uint_eq(atomic_load(&totals.revoked), 1);
	ck_assert_int_eq(atomic_load(&totals.leaving), 1);
	ck_assert_uint_eq(mem_snapshot_oldest(&vb, &held), 0);
	ck_assert(!mem_snapshot_leave(s));
	mem_snapshot_close(s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/snapshot");
	TCase *t = tcase_create("snapshot");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(
		t,
		each_snapshot_shows_its_opening_in_whatever_order_they_close);
	tcase_add_test(t,
	               snapshots_without_changes_between_them_share_everything);
	tcase_add_test(t,
	               opening_one_of_a_million_keys_allocates_next_to_nothing);
	tcase_add_test(t, without_a_snapshot_what_is_replaced_is_freed_at_once);
	tcase_add_test(t, what_is_younger_than_the_snapshot_is_freed_at_once);
	tcase_add_test(t, what_only_a_closed_snapshot_saw_comes_free);
	tcase_add_test(t, what_an_older_one_kept_is_not_left_to_a_younger_one);
	tcase_add_test(t, a_flush_leaves_a_snapshot_what_it_sees_and_no_more);
	tcase_add_test(
		t, a_snapshot_from_after_a_flush_keeps_nothing_from_before_it);
	tcase_add_test(t, a_slice_is_small_however_much_there_is);
	tcase_add_test(t,
	               a_revoked_snapshot_is_given_up_though_its_cursor_stays);
	tcase_add_test(t, a_revoked_snapshot_stays_while_a_thread_reads_it);
	tcase_add_test(t, a_snapshot_is_revoked_once);
	suite_add_tcase(s, t);
	return unit_run(s);
}
