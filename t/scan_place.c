/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the ranges of collections lie among an engine's keys. */
#include "config.h"

#include "protocol/status.h"
#include "scan/place.h"
#include "t/unit.h"

static struct ewb_collections all;
static struct ewb_core core;

static void
setup(void)
{
	char why[100];

	ck_assert_int_eq(ewb_collections_parse(&all, "8 a.b\n1f4 a.c\n", why,
	                                       sizeof why),
	                 0);
	core.collections = &all;
	ck_assert_int_eq(ewb_core_count_uses(&core), 0);
}

static void
teardown(void)
{
	free(core.uses);
	ewb_collections_fini(&all);
}

static void
bound_is(const struct ewb_scan_bound *b, const char *bytes, size_t n,
         int excluded)
{
	ck_assert_int_eq(b->there, 1);
	ck_assert_int_eq(b->excluded, excluded);
	ck_assert_uint_eq(b->n, n);
	ck_assert_int_eq(memcmp(b->data, bytes, n), 0);
}

static struct ewb_scan_bound
bound(const char *bytes, size_t n, int excluded)
{
	struct ewb_scan_bound b = { .there = 1,
		                    .excluded = (uint8_t)excluded,
		                    .n = n };

	memcpy(b.data, bytes, n);
	return b;
}

START_TEST(without_collections_a_range_stays_as_it_is)
{
	struct ewb_scan_request w = { .start = bound("\xff", 1, 0) };

	core.collections = NULL;
	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_OK);
	bound_is(&w.start, "\xff", 1, 0);
	ck_assert_int_eq(w.end.there, 0);
	w.collection = 8;
	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_WIRE_UNKNOWN_COLLECTION);
}
END_TEST

START_TEST(without_bounds_it_is_the_collection)
{
	struct ewb_scan_request w = { 0 };

	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_OK);
	ck_assert_int_eq(w.start.there, 0);
	bound_is(&w.end, "\xff\x01", 2, 1);
	w = (struct ewb_scan_request){ .collection = 8 };
	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_OK);
	bound_is(&w.start, "\xff\x08", 2, 0);
	bound_is(&w.end, "\xff\x09", 2, 1);
	w = (struct ewb_scan_request){ .collection = 0x1f4 };
	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_OK);
	bound_is(&w.start, "\xff\xf4\x03", 3, 0);
	bound_is(&w.end, "\xff\xf4\x04", 3, 1);
	w.collection = 0x1f5;
	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_WIRE_UNKNOWN_COLLECTION);
}
END_TEST

START_TEST(bounds_are_within_it_as_they_were_said)
{
	struct ewb_scan_request w = { .start = bound("a", 1, 1),
		                      .end = bound("\xff", 1, 0) };

	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_OK);
	bound_is(&w.start, "a", 1, 1);
	bound_is(&w.end, "\xff\0\xff", 3, 0);
	w = (struct ewb_scan_request){ .collection = 8,
		                       .start = bound("\xff", 1, 0),
		                       .end = bound("\xff\xff", 2, 1) };
	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_OK);
	bound_is(&w.start, "\xff\x08\xff", 3, 0);
	bound_is(&w.end, "\xff\x08\xff\xff", 4, 1);
}
END_TEST

START_TEST(no_bound_is_longer_than_an_engine_is_told)
{
	char bytes[EWB_BOUND_MAX];
	struct ewb_scan_request w = { .collection = 0x1f4 };
	const struct ewb_scan_bound *is[] = { &w.start, &w.end, &w.after };

	memset(bytes, 'b', sizeof bytes);
	w.start = w.end = w.after = bound(bytes, sizeof bytes, 0);
	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_OK);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(is[i]->n, EWB_BOUND_MAX);
		ck_assert_int_eq(memcmp(is[i]->data, "\xff\xf4\x03" "bbb", 6), 0);
		ck_assert_int_eq(is[i]->data[EWB_BOUND_MAX - 1], 'b');
	}
}
END_TEST

/* By chance. */

static unsigned
below(unsigned n)
{
	return (unsigned)rand() % n;
}

/* All begin with the same, so that they are long, and near each other. */
static struct ewb_scan_bound
some(unsigned same, unsigned least, unsigned most)
{
	static const uint8_t bytes[] = { 0, 1, 8, 'a', 0xf4, 0xff };
	struct ewb_scan_bound b = { .n = same + least + below(most - least + 1) };

	memset(b.data, 'a', same);
	for (size_t i = same; i < b.n; i++)
		b.data[i] = bytes[below(sizeof bytes)];
	b.there = (uint8_t)(least || below(3) > 0);
	b.excluded = (uint8_t)(b.there && below(2));
	return b;
}

static int
within(const struct ewb_scan_bound *key, const struct ewb_scan_request *w)
{
	int low = w->start.there ? ewb_scan_bound_order(key, &w->start) : 1;
	int high = w->end.there ? ewb_scan_bound_order(key, &w->end) : -1;

	return (low > 0 || (low == 0 && !w->start.excluded)) &&
	       (high < 0 || (high == 0 && !w->end.excluded));
}

START_TEST(a_key_is_in_the_range_if_its_stored_one_is_in_the_stored_one)
{
	static const uint32_t ids[] = { 0, 8, 0x1f4 };

	for (unsigned i = 0; i < UNIT_TIMES(200000u); i++) {
		unsigned same = below(2) * (EWB_KEY_MAX - 4);
		uint32_t mine = ids[below(3)];
		const struct ewb_collection *in = ewb_collections_by_id(&all, mine);
		struct ewb_scan_request said = { .collection = ids[below(3)],
			                         .start = some(same, 0, same ? 10 : 3),
			                         .end = some(same, 0, same ? 10 : 3) };
		struct ewb_scan_request placed = said;
		struct ewb_scan_bound key = some(same, 1, 4), stored;
		size_t most = ewb_stored_max(in, key.data, key.n), n;

		if (key.n > most)
			key.n = most;
		n = ewb_stored_prefix(stored.data, in, key.data, key.n);
		memcpy(stored.data + n, key.data, key.n);
		stored.n = n + key.n;
		ck_assert_int_eq(ewb_scan_place(&placed, &core), EWB_OK);
		ck_assert_int_eq(within(&stored, &placed),
		                 mine == said.collection && within(&key, &said));
	}
}
END_TEST

/* Filters of before copy as much of one as they know. */
START_TEST(an_ascending_range_ends_where_there_was_no_direction_yet)
{
	struct ewb_scan_request w = { .keys_only = 1 };
	struct ewb_range r;

	ewb_scan_range(&w, &r);
	ck_assert_uint_eq(r.size, offsetof(struct ewb_range, descending));
	w.descending = 1;
	ewb_scan_range(&w, &r);
	ck_assert_uint_eq(r.size, sizeof r);
	ck_assert_uint_eq(r.descending, 1);
}
END_TEST

START_TEST(each_is_counted_as_one_of_its_collection)
{
	struct ewb_scan_request w = { .collection = 0x1f4 };
	const struct ewb_collection_use *u =
		&core.uses[3 * ewb_core_nuses(&core) + 2];

	ck_assert_int_eq(ewb_scan_place(&w, &core), EWB_OK);
	ck_assert_uint_eq(atomic_load(&u->scans), 0);
	ewb_scan_place_used(&w, &core, 3);
	ck_assert_uint_eq(atomic_load(&u->scans), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scan_place");
	TCase *t = tcase_create("ranges");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, without_collections_a_range_stays_as_it_is);
	tcase_add_test(t, without_bounds_it_is_the_collection);
	tcase_add_test(t, bounds_are_within_it_as_they_were_said);
	tcase_add_test(t, no_bound_is_longer_than_an_engine_is_told);
	tcase_add_test(t, a_key_is_in_the_range_if_its_stored_one_is_in_the_stored_one);
	tcase_add_test(t, an_ascending_range_ends_where_there_was_no_direction_yet);
	tcase_add_test(t, each_is_counted_as_one_of_its_collection);
	suite_add_tcase(s, t);
	return unit_run(s);
}
