/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine's index against a sorted array. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engines/memory/tree.h"
#include "engines/memory/vbucket.h"
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

static void
teardown(void)
{
	mem_vbucket_fini(&vb);
	ck_assert_int_eq(atomic_load(&totals.bytes), 0);
}

static unsigned
roll(unsigned n)
{
	return (unsigned)rand_r(&seed) % n;
}

static enum ewb_status
put(const void *key, size_t nkey, const void *value, size_t nvalue)
{
	struct ewb_request r = {
		.key = key, .nkey = nkey, .value = value, .nvalue = nvalue
	};
	struct mem_item *it = mem_item_new(&r, NULL);
	uint64_t cas;
	enum ewb_status status = mem_vbucket_store(&vb, &r, it, &cas);

	if (status != EWB_OK)
		mem_item_release(it);
	return status;
}

static enum ewb_status
take(const void *key, size_t nkey)
{
	struct ewb_request r = { .key = key, .nkey = nkey };
	uint64_t cas;

	return mem_vbucket_remove(&vb, &r, &cas);
}

/* The structure. */

struct shape {
	size_t items, leaves, inners, places;
	int64_t bytes;
};

static int
key_cmp(const struct mem_obj *a, const struct mem_obj *b)
{
	return mem_key_order(mem_obj_key(a), a->nkey, b);
}

static void
check_node(const struct mem_node *nd, unsigned level, const struct mem_obj *low,
           const struct mem_obj *high, struct shape *sh)
{
	bool inner = mem_node_inner(nd), exact;
	unsigned i;

	ck_assert_int_eq(inner, level > 1);
	ck_assert_uint_ge(nd->n, 1);
	ck_assert_uint_le(nd->n, nd->cap);
	ck_assert_uint_le(nd->cap, MEM_FANOUT);
	sh->bytes += (int64_t)mem_obj_bytes(&nd->obj);
	sh->inners += inner;
	sh->leaves += !inner;
	sh->places += inner ? 0 : nd->cap;
	for (i = inner; i < nd->n; i++) {
		const struct mem_obj *key = mem_node_slots(nd)[i];

		if (low)
			ck_assert_int_le(key_cmp(low, key), 0);
		if (high)
			ck_assert_int_lt(key_cmp(key, high), 0);
		if (i > (unsigned)inner)
			ck_assert_int_lt(key_cmp(mem_node_slots(nd)[i - 1], key), 0);
		ck_assert_uint_eq(mem_node_search(nd, mem_obj_key(key),
		                                  key->nkey, &exact),
		                  i);
		ck_assert(exact);
		sh->bytes += (int64_t)mem_obj_bytes(key);
	}
	if (inner)
		ck_assert_ptr_null(mem_node_slots(nd)[0]);
	sh->items += inner ? 0 : nd->n;
	for (i = 0; inner && i < nd->n; i++)
		check_node(mem_node_kids(nd)[i], level - 1,
		           i ? mem_node_slots(nd)[i] : low,
		           i + 1u < nd->n ? mem_node_slots(nd)[i + 1] : high, sh);
}

static struct shape
check_tree(void)
{
	struct shape sh = { 0 };

	if (vb.tree.root)
		check_node(vb.tree.root, vb.tree.depth, NULL, NULL, &sh);
	ck_assert_uint_eq(sh.items, vb.items);
	ck_assert_int_eq(sh.bytes, atomic_load(&totals.bytes));
	return sh;
}

/* The reference: keys in order, with the number of their last store. */

#define MAX_MODEL 6000

struct entry {
	unsigned char key[MEM_MAX_KEY];
	size_t nkey;
	unsigned value;
};

/* In order; those behind the nmodel-th are free. */
static struct entry *model[MAX_MODEL];
static size_t nmodel;

static void
model_begin(void)
{
	static struct entry entries[MAX_MODEL];

	for (size_t i = 0; i < MAX_MODEL; i++)
		model[i] = &entries[i];
	nmodel = 0;
}

static int
order(const void *a, size_t na, const void *b, size_t nb)
{
	int c = memcmp(a, b, na < nb ? na : nb);

	return c ? c : (na > nb) - (na < nb);
}

static size_t
model_find(const void *key, size_t nkey, bool *exact)
{
	size_t lo = 0, hi = nmodel;

	*exact = false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = order(key, nkey, model[mid]->key, model[mid]->nkey);

		if (c == 0)
			*exact = true;
		if (c <= 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static void
model_put(const void *key, size_t nkey, unsigned value)
{
	bool exact;
	size_t at = model_find(key, nkey, &exact);

	if (!exact) {
		struct entry *e = model[nmodel];

		memmove(model + at + 1, model + at,
		        (nmodel - at) * sizeof *model);
		nmodel++;
		memcpy(e->key, key, nkey);
		e->nkey = nkey;
		model[at] = e;
	}
	model[at]->value = value;
}

static bool
model_take(const void *key, size_t nkey)
{
	bool exact;
	size_t at = model_find(key, nkey, &exact);

	if (exact) {
		struct entry *e = model[at];

		nmodel--;
		memmove(model + at, model + at + 1,
		        (nmodel - at) * sizeof *model);
		model[nmodel] = e;
	}
	return exact;
}

static void
same_as_model(void)
{
	struct mem_path p;
	struct mem_item *it;
	size_t i;

	mem_tree_seek(&vb.tree, &p, "", 0);
	for (i = 0; (it = mem_path_item(&p)) != NULL; i++) {
		unsigned value;

		ck_assert_uint_lt(i, nmodel);
		ck_assert_mem_eq(mem_obj_key(&it->obj), model[i]->key,
		                 model[i]->nkey);
		ck_assert_uint_eq(it->obj.nkey, model[i]->nkey);
		memcpy(&value, mem_item_value(it), sizeof value);
		ck_assert_uint_eq(value, model[i]->value);
		mem_path_step(&p);
	}
	ck_assert_uint_eq(i, nmodel);
	mem_tree_end(&vb.tree, &p);
	while ((it = mem_path_before(&p)) != NULL) {
		ck_assert_uint_gt(i, 0);
		i--;
		ck_assert_uint_eq(it->obj.nkey, model[i]->nkey);
		ck_assert_mem_eq(mem_obj_key(&it->obj), model[i]->key,
		                 model[i]->nkey);
		mem_path_step_back(&p);
	}
	ck_assert_uint_eq(i, 0);
}

/* Kinds of keys. */

static size_t
few_letters(unsigned char *key)
{
	size_t n = 1 + roll(7), i;

	for (i = 0; i < n; i++)
		key[i] = (unsigned char)(roll(4) * 85);
	return n;
}

static size_t
numbered(unsigned char *key)
{
	return (size_t)sprintf((char *)key, "user:%08u", roll(4000));
}

/* All begin alike for long, and differ after the bytes that a node keeps. */
static size_t
late_differing(unsigned char *key)
{
	size_t n = 200 + roll(50);

	memset(key, 'x', n);
	key[3] = (unsigned char)('a' + roll(2));
	key[150 + roll(8)] = (unsigned char)roll(256);
	key[n - 1] = (unsigned char)roll(2);
	return n;
}

static size_t
any_bytes(unsigned char *key)
{
	size_t n = 1 + roll(12), i;

	for (i = 0; i < n; i++)
		key[i] = (unsigned char)roll(256);
	return n;
}

static size_t (*const kinds[])(unsigned char *) = { few_letters, numbered,
	                                            late_differing, any_bytes };

START_TEST(a_tree_agrees_with_a_sorted_array_through_random_changes)
{
	unsigned char key[MEM_MAX_KEY];
	unsigned i, bias = 70;

	model_begin();
	for (i = 0; i < UNIT_TIMES(60000); i++) {
		size_t n = kinds[_i](key);

		if (i % UNIT_TIMES(9000) == 0)
			bias = bias == 70 ? 25 : 70; /* grows, then shrinks */
		if (roll(100) < bias && nmodel < MAX_MODEL - 1) {
			ck_assert_int_eq(put(key, n, &i, sizeof i), EWB_OK);
			model_put(key, n, i);
		} else {
			/* an existing one, more often than not */
			if (nmodel && roll(4)) {
				size_t at = roll((unsigned)nmodel);

				n = model[at]->nkey;
				memcpy(key, model[at]->key, n);
			}
			ck_assert_int_eq(take(key, n), model_take(key, n)
			                                       ? EWB_OK
			                                       : EWB_NOT_FOUND);
		}
		if (i % 1000 == 0 || (i < 600 && i % 10 == 0)) {
			check_tree();
			same_as_model();
		}
	}
	check_tree();
	same_as_model();
}
END_TEST

START_TEST(seek_leads_to_the_first_key_that_is_not_less)
{
	unsigned char key[MEM_MAX_KEY];
	unsigned i;

	model_begin();
	for (i = 0; i < 3000; i++) {
		size_t n = kinds[_i](key);

		put(key, n, &i, sizeof i);
		model_put(key, n, i);
	}
	for (i = 0; i < 5000; i++) {
		struct mem_path p;
		bool exact;
		size_t n = kinds[roll(4)](key), at = model_find(key, n, &exact);
		struct mem_item *it;

		ck_assert_int_eq(mem_tree_seek(&vb.tree, &p, key, n), exact);
		it = mem_path_item(&p);
		ck_assert_int_eq(it == NULL, at == nmodel);
		if (it)
			ck_assert_int_eq(order(mem_obj_key(&it->obj),
			                       it->obj.nkey, model[at]->key,
			                       model[at]->nkey),
			                 0);
		it = mem_path_before(&p);
		ck_assert_int_eq(it == NULL, at == 0);
		if (it)
			ck_assert_int_eq(order(mem_obj_key(&it->obj),
			                       it->obj.nkey, model[at - 1]->key,
			                       model[at - 1]->nkey),
			                 0);
	}
}
END_TEST

START_TEST(keys_that_come_in_order_fill_their_leaves)
{
	struct shape sh;
	char key[32];
	unsigned i;

	for (i = 0; i < 20000; i++)
		put(key, (size_t)sprintf(key, "k%08u", i), &i, sizeof i);
	sh = check_tree();
	ck_assert_uint_ge(sh.items * 10, sh.places * 9);
}
END_TEST

START_TEST(keys_that_come_in_any_order_leave_few_places_empty)
{
	struct shape sh;
	char key[32];
	unsigned i;

	for (i = 0; i < 20000; i++)
		put(key, (size_t)sprintf(key, "k%08u", roll(100000000)), &i,
		    sizeof i);
	sh = check_tree();
	ck_assert_uint_ge(sh.items * 10, sh.places * 8);
}
END_TEST

START_TEST(a_tree_that_loses_nearly_all_its_keys_loses_its_leaves)
{
	struct shape sh;
	char key[32];
	unsigned i;

	for (i = 0; i < 20000; i++)
		put(key, (size_t)sprintf(key, "k%08u", i), &i, sizeof i);
	for (i = 0; i < 20000; i++)
		if (i % 50)
			take(key, (size_t)sprintf(key, "k%08u", i));
	sh = check_tree();
	ck_assert_uint_eq(sh.items, 400);
	ck_assert_uint_le(sh.leaves, 400 / 12);
	ck_assert_uint_le(sh.places, 400 * 4);
	ck_assert_uint_le(vb.tree.depth, 2);
}
END_TEST

/* Children of the last inner node of a tree with three levels. */
static unsigned
last_inner_n(void)
{
	const struct mem_node *root = vb.tree.root;

	return vb.tree.depth < 3 ? 0 : mem_node_kids(root)[root->n - 1]->n;
}

START_TEST(an_inner_node_that_was_left_one_child_takes_others_again)
{
	char key[32];
	unsigned i;

	for (i = 0; last_inner_n() < 12; i++)
		put(key, (size_t)sprintf(key, "k%08u", i), &i, sizeof i);
	while (last_inner_n() > 1)
		take(key, (size_t)sprintf(key, "k%08u", --i));
	check_tree();
	for (; last_inner_n() < 12; i++)
		put(key, (size_t)sprintf(key, "k%08u", i), &i, sizeof i);
	check_tree();
}
END_TEST

START_TEST(an_emptied_tree_costs_nothing)
{
	char key[32];
	unsigned i;

	for (i = 0; i < 5000; i++)
		put(key, (size_t)sprintf(key, "k%u", i), &i, sizeof i);
	for (i = 0; i < 5000; i++)
		ck_assert_int_eq(take(key, (size_t)sprintf(key, "k%u", i)),
		                 EWB_OK);
	ck_assert_ptr_null(vb.tree.root);
	ck_assert_int_eq(atomic_load(&totals.bytes), 0);
}
END_TEST

START_TEST(a_short_key_is_less_than_the_longer_ones_that_begin_with_it)
{
	static const unsigned char keys[][4] = { "a",     "a\0", "a\0\0",
		                                 "a\0\1", "a\1", "b" };
	static const size_t len[] = { 1, 2, 3, 3, 2, 1 };
	struct mem_path p;
	unsigned i;

	for (i = 6; i-- > 0;)
		put(keys[i], len[i], &i, sizeof i);
	mem_tree_seek(&vb.tree, &p, "", 0);
	for (i = 0; i < 6; i++) {
		struct mem_item *it = mem_path_item(&p);

		ck_assert_uint_eq(it->obj.nkey, len[i]);
		ck_assert_mem_eq(mem_obj_key(&it->obj), keys[i], len[i]);
		mem_path_step(&p);
	}
	ck_assert_ptr_null(mem_path_item(&p));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/tree");
	TCase *t = tcase_create("tree");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
		t, a_tree_agrees_with_a_sorted_array_through_random_changes, 0,
		4);
	tcase_add_loop_test(t, seek_leads_to_the_first_key_that_is_not_less, 0,
	                    4);
	tcase_add_test(t, keys_that_come_in_order_fill_their_leaves);
	tcase_add_test(t, keys_that_come_in_any_order_leave_few_places_empty);
	tcase_add_test(t,
	               a_tree_that_loses_nearly_all_its_keys_loses_its_leaves);
	tcase_add_test(
		t, an_inner_node_that_was_left_one_child_takes_others_again);
	tcase_add_test(t, an_emptied_tree_costs_nothing);
	tcase_add_test(
		t, a_short_key_is_less_than_the_longer_ones_that_begin_with_it);
	suite_add_tcase(s, t);
	return unit_run(s);
}
