/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine's index when the heap is empty: each allocation of each
 * change fails once.  Linked with --wrap=malloc. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engines/memory/vbucket.h"
#include "t/fake_host.h"
#include "t/unit.h"

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static unsigned left = UINT32_MAX; /* allocations that succeed */

static bool
spend(void)
{
	if (left == UINT32_MAX)
		return true;
	if (left == 0)
		return false;
	left--;
	return true;
}

void *
__wrap_malloc(size_t n)
{
	return spend() ? __real_malloc(n) : NULL;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return spend() ? __real_calloc(n, size) : NULL;
}

static struct ewb_host host; /* its time is 0 */
static struct mem_totals totals;
static struct mem_vbucket vb;

static uint32_t expiry; /* of what is put */

static enum ewb_status
put(unsigned k)
{
	char key[16];
	struct ewb_request r = { .key = key,
		                 .nkey = (size_t)sprintf(key, "key%06u", k),
		                 .expiry = expiry };
	struct mem_item *it = mem_item_new(&r, NULL);
	enum ewb_status status;
	uint64_t cas;

	if (!it)
		return EWB_NO_MEMORY;
	status = mem_vbucket_store(&vb, &r, it, &cas);
	if (status != EWB_OK)
		mem_item_release(it);
	return status;
}

static enum ewb_status
take(unsigned k)
{
	char key[16];
	struct ewb_request r = { .key = key,
		                 .nkey = (size_t)sprintf(key, "key%06u", k) };
	uint64_t cas;

	return mem_vbucket_remove(&vb, &r, &cas);
}

static enum ewb_status
with(unsigned allocations, enum ewb_status (*change)(unsigned k), unsigned k)
{
	enum ewb_status status;

	left = allocations;
	status = change(k);
	left = UINT32_MAX;
	return status;
}

static unsigned
count(const struct mem_tree *t)
{
	struct mem_path p;
	unsigned n = 0;

	mem_tree_seek(t, &p, "", 0);
	for (; mem_path_item(&p); mem_path_step(&p))
		n++;
	return n;
}

/* With one allocation more each time, until it does; every failure changes
 * nothing.  How often it failed. */
static unsigned
until_done(enum ewb_status (*change)(unsigned k), unsigned k)
{
	unsigned fails = 0, items = count(&vb.tree);
	struct mem_tree tree = vb.tree;
	uint64_t seqno = vb.seqno;
	int64_t bytes = atomic_load(&totals.bytes);
	enum ewb_status status;

	for (;;) {
		status = with(fails, change, k);
		if (status != EWB_NO_MEMORY)
			break;
		fails++;
		ck_assert_ptr_eq(vb.tree.root, tree.root);
		ck_assert_uint_eq(vb.seqno, seqno);
		ck_assert_int_eq(atomic_load(&totals.bytes), bytes);
		ck_assert_uint_eq(count(&vb.tree), items);
	}
	ck_assert_int_eq(status, EWB_OK);
	return fails;
}

static void
drain(void)
{
	struct mem_spoils s;
	int64_t n;

	while (mem_snapshot_drain(&vb, &s)) {
		n = (int64_t)mem_obj_drop_all(s.gone);
		atomic_fetch_sub(&totals.bytes, n);
	}
}

START_TEST(a_change_that_fails_for_want_of_memory_changes_nothing)
{
	unsigned i, at_most = 0, n = 3000;
	struct mem_snapshot *s;
	uint64_t items;

	memset(&totals, 0, sizeof totals);
	mem_vbucket_init(&vb, 0, &host, &totals);
	for (i = 0; i < n; i++) {
		unsigned fails = until_done(put, i * 7919 % n);

		at_most = fails > at_most ? fails : at_most;
	}
	ck_assert_uint_ge(at_most, 5); /* item, two leaves, separator, parent */
	for (i = 0; i < n; i += 11) {
		s = mem_snapshot_open(&vb, &items);
		mem_snapshot_leave(s);
		ck_assert_uint_ge(until_done(put, i), 3); /* item, path */
		until_done(put, n + i);
		until_done(take, i);
		ck_assert_uint_eq(count(&s->tree), items);
		mem_snapshot_close(s);
		drain();
	}
	ck_assert_uint_eq(count(&vb.tree), vb.items);
	mem_vbucket_fini(&vb);
	ck_assert_int_eq(atomic_load(&totals.bytes), 0);
}
END_TEST

START_TEST(a_merge_without_memory_is_left_out)
{
	unsigned i, n = 3000;

	memset(&totals, 0, sizeof totals);
	mem_vbucket_init(&vb, 0, &host, &totals);
	for (i = 0; i < n; i++)
		put(i);
	for (i = 0; i < n; i++)
		if (with(0, take, i) == EWB_NO_MEMORY)
			/* a smaller copy of the leaf and no more */
			ck_assert_int_eq(with(1, take, i), EWB_OK);
	ck_assert_ptr_null(vb.tree.root);
	mem_vbucket_fini(&vb);
	ck_assert_int_eq(atomic_load(&totals.bytes), 0);
}
END_TEST

START_TEST(expired_items_that_cannot_be_removed_are_left_to_the_next_sweep)
{
	struct mem_snapshot *s;
	struct mem_sweep sw;
	uint64_t items;
	int64_t bytes;
	unsigned i;

	memset(&totals, 0, sizeof totals);
	mem_vbucket_init(&vb, 0, &host, &totals);
	expiry = 100;
	for (i = 0; i < 500; i++)
		put(i);
	expiry = 0;
	s = mem_snapshot_open(&vb, &items);
	bytes = atomic_load(&totals.bytes);
	ck_assert(mem_vbucket_sweep_begin(&vb, &sw, 100));
	do
		left = 1; /* a removal needs two: leaf and root */
	while (mem_vbucket_sweep(&vb, &sw));
	left = UINT32_MAX;
	ck_assert_uint_eq(vb.items, 500);
	ck_assert_int_eq(atomic_load(&totals.bytes), bytes);
	ck_assert(mem_vbucket_sweep_begin(&vb, &sw, 101));
	while (mem_vbucket_sweep(&vb, &sw))
		;
	ck_assert_uint_eq(vb.items, 0);
	mem_snapshot_leave(s);
	mem_snapshot_close(s);
	drain();
	mem_vbucket_fini(&vb);
	ck_assert_int_eq(atomic_load(&totals.bytes), 0);
}
END_TEST

START_TEST(a_snapshot_without_memory_is_none)
{
	struct mem_snapshot *s;
	uint64_t items;

	memset(&totals, 0, sizeof totals);
	mem_vbucket_init(&vb, 0, &host, &totals);
	left = 0;
	s = mem_snapshot_open(&vb, &items);
	left = UINT32_MAX;
	ck_assert_ptr_null(s);
	ck_assert_ptr_null(vb.newest);
	mem_vbucket_fini(&vb);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/no_memory");
	TCase *t = tcase_create("no_memory");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t,
	               a_change_that_fails_for_want_of_memory_changes_nothing);
	tcase_add_test(t, a_merge_without_memory_is_left_out);
	tcase_add_test(
		t,
		expired_items_that_cannot_be_removed_are_left_to_the_next_sweep);
	tcase_add_test(t, a_snapshot_without_memory_is_none);
	suite_add_tcase(s, t);
	return unit_run(s);
}
