/* SPDX-License-Identifier: BSD-2-Clause */
/* How much the memory engine does under a vbucket's lock, and in one step of
 * its task: never more because there is more.  Linked with --wrap=malloc. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "engines/memory/state.h"
#include "t/fake_host.h"
#include "t/unit.h"

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void __real_free(void *p);
void __wrap_free(void *p);

static struct mem_totals totals;
static struct mem_vbucket vb;

static bool watched; /* while the engine works, what it does is counted: */
static unsigned made, freed, freed_under_lock;

/* The engine is to do this; libcheck, which allocates too, is not counted. */
#define WATCH(what)              \
	do {                     \
		watched = true;  \
		what;            \
		watched = false; \
	} while (0)

void *
__wrap_malloc(size_t n)
{
	made += watched;
	return __real_malloc(n);
}

void
__wrap_free(void *p)
{
	if (watched && p) {
		freed++;
		if (pthread_mutex_trylock(&vb.lock))
			freed_under_lock++;
		else
			pthread_mutex_unlock(&vb.lock);
	}
	__real_free(p);
}

static struct ewb_host host; /* its time is 0 until it is set up */

static void
count_anew(void)
{
	made = freed = freed_under_lock = 0;
}

static void
setup(void)
{
	memset(&totals, 0, sizeof totals);
	atomic_store(&totals.soonest, UINT32_MAX);
	mem_vbucket_init(&vb, 0, &host, &totals);
}

static void
teardown(void)
{
	struct mem_spoils s;

	while (mem_snapshot_drain(&vb, &s)) {
		while (s.doomed) {
			struct mem_obj *o = mem_obj_pop(&s.doomed);

			if (mem_node_doomed(o))
				mem_node_expand((struct mem_node *)o,
				                &s.doomed);
			mem_obj_drop(o);
		}
		mem_obj_drop_all(s.gone);
	}
	mem_vbucket_fini(&vb);
}

static size_t
name(char *key, unsigned k)
{
	return (size_t)sprintf(key, "key%06u", k);
}

static void
put(unsigned k, uint32_t expiry)
{
	char key[16];
	struct ewb_request r = { .key = key,
		                 .nkey = name(key, k),
		                 .expiry = expiry };
	struct mem_item *it = mem_item_new(&r, NULL);
	enum ewb_status status;
	uint64_t cas;

	WATCH(status = mem_vbucket_store(&vb, &r, it, &cas));
	ck_assert_int_eq(status, EWB_OK);
}

static void
put_all(unsigned n, uint32_t expiry)
{
	for (unsigned i = 0; i < n; i++)
		put(i, expiry);
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

/* Snapshots. */

START_TEST(a_snapshot_is_opened_and_closed_without_a_look_at_the_tree)
{
	struct mem_tree tree;
	struct mem_snapshot *s;
	void *nowhere = mmap(NULL, 65536, PROT_NONE,
	                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(nowhere, MAP_FAILED);
	put_all(10000, 0);
	tree = vb.tree;
	vb.tree.root = nowhere; /* whoever looks at it crashes */
	s = open();
	mem_snapshot_close(s);
	s = open();
	vb.tree = tree;
	put_all(1000, 0); /* something to keep for it */
	tree = vb.tree;
	vb.tree.root = nowhere;
	mem_snapshot_close(s);
	vb.tree = tree;
	munmap(nowhere, 65536);
}
END_TEST

START_TEST(a_node_is_copied_once_for_a_snapshot_and_changed_in_place_after)
{
	struct mem_snapshot *s;

	put_all(10000, 0);
	s = open();
	count_anew();
	put(5000, 0);
	ck_assert_uint_eq(made, vb.tree.depth); /* the nodes on its way */
	ck_assert_uint_eq(freed, 0);
	count_anew();
	for (unsigned i = 0; i < 100; i++)
		put(5000, 0);
	ck_assert_uint_eq(made, 0);
	ck_assert_uint_eq(freed, 100); /* the items of before */
	mem_snapshot_close(s);
}
END_TEST

START_TEST(without_a_snapshot_nothing_is_copied)
{
	put_all(10000, 0);
	mem_snapshot_close(open());
	count_anew();
	put(5000, 0);
	ck_assert_uint_eq(made, 0);
}
END_TEST

/* Under the lock. */

START_TEST(nothing_that_was_stored_is_freed_under_the_lock)
{
	struct ewb_request r = { .key = "key000001", .nkey = 9 };
	enum ewb_status status;
	uint64_t cas;

	put_all(10000, 0);
	count_anew();
	put_all(5000, 0);
	WATCH(status = mem_vbucket_remove(&vb, &r, &cas));
	ck_assert_int_eq(status, EWB_OK);
	ck_assert_uint_eq(freed, 5001);
	ck_assert_uint_eq(freed_under_lock, 0);
}
END_TEST

START_TEST(a_flush_frees_nothing_however_much_there_is)
{
	put_all(20000, 0);
	count_anew();
	WATCH(mem_vbucket_flush(&vb));
	ck_assert_uint_eq(freed, 0);
	ck_assert_uint_eq(made, 0);
	ck_assert_uint_eq(vb.items, 0);
}
END_TEST

START_TEST(one_hold_of_the_lock_takes_out_one_expired_item_at_most)
{
	struct mem_sweep sw;
	uint64_t before;
	bool more = true;

	put_all(5000, 10);
	ck_assert(mem_vbucket_sweep_begin(&vb, &sw, 20));
	while (more) {
		before = vb.items;
		WATCH(more = mem_vbucket_sweep(&vb, &sw));
		ck_assert_uint_le(before - vb.items, 1);
		ck_assert_uint_eq(freed_under_lock, 0);
	}
	ck_assert_uint_eq(vb.items, 0);
}
END_TEST

START_TEST(one_hold_of_the_lock_searches_one_leaf_at_most)
{
	struct mem_sweep sw;
	unsigned holds = 0;

	put_all(6400, 30);
	put(0, 10);
	ck_assert(mem_vbucket_sweep_begin(&vb, &sw, 20));
	do {
		holds++;
	} while (mem_vbucket_sweep(&vb, &sw));
	ck_assert_uint_ge(holds, 6400 / MEM_FANOUT);
	ck_assert_uint_eq(vb.items, 6399);
}
END_TEST

/* In a step of the task. */

static struct mem *m;

/* An engine of one vbucket with n items. */
static void
fill(unsigned n, uint32_t expiry)
{
	char key[16];

	fake_host_init(&host, 1);
	ck_assert_int_eq(mem_open(&host, NULL, 0, &m), EWB_OK);
	fake_task_settle(host.task);
	for (unsigned i = 0; i < n; i++) {
		struct ewb_cookie c;

		fake_cookie_init(&c, &host, key, name(key, i));
		fake_cookie_value(&c, "v", 1);
		c.request.expiry = expiry;
		ck_assert_int_eq(mem_store(m, &c, &c.request), EWB_OK);
		fake_cookie_fini(&c);
	}
}

static void
one_step(unsigned most)
{
	count_anew();
	WATCH(fake_task_step(host.task));
	ck_assert_uint_le(freed, most);
}

START_TEST(a_step_frees_so_much_and_no_more_of_what_was_flushed)
{
	fill(20000, 0);
	mem_flush(m, NULL, NULL);
	while (atomic_load(&m->totals.bytes) > 0)
		one_step(1024);
	mem_close(m);
}
END_TEST

START_TEST(a_step_searches_so_much_and_no_more_for_what_has_expired)
{
	unsigned steps = 0;

	fill(20000, 1005);
	atomic_store(&host.now, 1040);
	ewb_task_wake(host.task);
	for (; m->vbuckets[0].items > 0; steps++)
		one_step(1024);
	ck_assert_uint_ge(steps, 20000 / 1024);
	mem_close(m);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engine_work");
	TCase *t = tcase_create("vbucket"), *e = tcase_create("engine");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(
		t, a_snapshot_is_opened_and_closed_without_a_look_at_the_tree);
	tcase_add_test(
		t,
		a_node_is_copied_once_for_a_snapshot_and_changed_in_place_after);
	tcase_add_test(t, without_a_snapshot_nothing_is_copied);
	tcase_add_test(t, nothing_that_was_stored_is_freed_under_the_lock);
	tcase_add_test(t, a_flush_frees_nothing_however_much_there_is);
	tcase_add_test(t,
	               one_hold_of_the_lock_takes_out_one_expired_item_at_most);
	tcase_add_test(t, one_hold_of_the_lock_searches_one_leaf_at_most);
	suite_add_tcase(s, t);
	tcase_set_timeout(e, UNIT_SECONDS);
	tcase_add_checked_fixture(e, setup, teardown);
	tcase_add_test(e, a_step_frees_so_much_and_no_more_of_what_was_flushed);
	tcase_add_test(
		e, a_step_searches_so_much_and_no_more_for_what_has_expired);
	suite_add_tcase(s, e);
	return unit_run(s);
}
