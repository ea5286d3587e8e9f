/* SPDX-License-Identifier: BSD-2-Clause */
/* Which collections there are, and where their keys lie. */
#include "config.h"

#include "protocol/collections.h"
#include "protocol/status.h"
#include "t/unit.h"

#define FIRST "8 shop.users\n"
#define SHOP                             \
	"# what there is to sell\n"      \
	"  1F4\tshop.orders # and sold\n" \
	"\n" FIRST "9 _default.other\r\n" \
	"1fffff far.away"

static struct ewb_collections all;
static char why[200];

static void
parse(const char *text)
{
	ck_assert_int_eq(ewb_collections_parse(&all, text, why, sizeof why), 0);
}

static void
refused(const char *text, const char *reason)
{
	ck_assert_int_eq(ewb_collections_parse(&all, text, why, sizeof why), -1);
	ck_assert_str_eq(why, reason);
}

static const struct ewb_collection *
of(uint32_t id)
{
	const struct ewb_collection *c = ewb_collections_by_id(&all, id);

	ck_assert_ptr_nonnull(c);
	return c;
}

/* A key as it is stored; bytes. */
static size_t
store(uint8_t *out, uint32_t id, const uint8_t *key, size_t n)
{
	size_t len = ewb_stored_prefix(out, of(id), key, n);

	memcpy(out + len, key, n);
	return len + n;
}

static int
order(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
	int by = memcmp(a, b, na < nb ? na : nb);

	return by ? by : (na > nb) - (na < nb);
}

/* Parsing. */

START_TEST(the_default_one_is_there_anyhow)
{
	parse("");
	ck_assert_uint_eq(all.n, 1);
	ck_assert_uint_eq(all.uid, 0);
	ck_assert_str_eq(of(0)->scope, "_default");
	ck_assert_str_eq(of(0)->name, "_default");
	ck_assert_str_eq(all.manifest, ewb_collections_none.manifest);
	ck_assert_str_eq(all.manifest,
	                 "{\"uid\":\"0\",\"scopes\":[{\"uid\":\"0\",\"name\":"
	                 "\"_default\",\"collections\":[{\"uid\":\"0\",\"name\":"
	                 "\"_default\"}]}]}");
	ewb_collections_fini(&all);
}
END_TEST

START_TEST(lines_have_an_id_and_a_path)
{
	parse(SHOP);
	ck_assert_uint_eq(all.n, 5);
	ck_assert_str_eq(of(8)->scope, "shop");
	ck_assert_str_eq(of(8)->name, "users");
	ck_assert_str_eq(of(0x1f4)->name, "orders");
	ck_assert_str_eq(of(9)->scope, "_default");
	ck_assert_str_eq(of(0x1fffff)->name, "away");
	ck_assert_ptr_null(ewb_collections_by_id(&all, 10));
	ck_assert_ptr_null(ewb_collections_by_id(&all, UINT32_MAX));
	ewb_collections_fini(&all);
}
END_TEST

START_TEST(what_is_wrong_is_said_with_its_line)
{
	static const char id[] = "line 2: not an ID, hexadecimal, from 8 to 1fffff";
	static const char path[] =
		"line 2: not SCOPE.COLLECTION: names of 1 to 30 of a-z, A-Z, 0-9, "
		"_, - and %, which do not begin with _ or %";

	refused(FIRST "7 a.b", id);
	refused(FIRST "200000 a.b", id);
	refused(FIRST "fffffffffff a.b", id);
	refused(FIRST "x a.b", id);
	refused(FIRST "0x9 a.b", id);
	refused(FIRST "9", path);
	refused(FIRST "9 # a.b", path);
	refused(FIRST "9 ab", path);
	refused(FIRST "9 .b", path);
	refused(FIRST "9 a.", path);
	refused(FIRST "9 a.b.c", path);
	refused(FIRST "9 _a.b", path);
	refused(FIRST "9 a.%b", path);
	refused(FIRST "9 a.\xc3\xa4", path);
	refused(FIRST "9 a.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", path);
	refused(FIRST "9 _default._default",
	        "line 2: _default._default is 0, and is there anyhow");
	refused(FIRST "9 a.b c", "line 2: more than ID SCOPE.COLLECTION");
	refused(FIRST "8 a.b", "line 2: shop.users has that ID, or that name");
	refused(FIRST "9 shop.users",
	        "line 2: shop.users has that ID, or that name");
}
END_TEST

START_TEST(a_thousand_is_all_there_may_be)
{
	char *text = malloc(1001 * 20), *p = text;

	ck_assert_ptr_nonnull(text);
	for (unsigned i = 0; i < 1000; i++)
		p += sprintf(p, "%x s.c%u\n", 8 + i, i);
	parse(text);
	ck_assert_uint_eq(all.n, 1001);
	ewb_collections_fini(&all);
	sprintf(p, "fff s.more\n");
	refused(text, "line 1001: there may be 1000, and no more");
	free(text);
}
END_TEST

START_TEST(the_uid_is_of_what_there_is_not_of_how_it_is_written)
{
	uint64_t uid;

	parse("8 a.b\n9 a.c\n");
	uid = all.uid;
	ewb_collections_fini(&all);
	parse("# other\n09 a.c\n8 a.b");
	ck_assert_uint_eq(all.uid, uid);
	ewb_collections_fini(&all);
	parse("8 a.b\n9 a.d\n");
	ck_assert_uint_ne(all.uid, uid);
	ewb_collections_fini(&all);
	parse("8 a.b\na a.c\n");
	ck_assert_uint_ne(all.uid, uid);
	ewb_collections_fini(&all);
}
END_TEST

START_TEST(scopes_have_the_number_of_their_first_collection)
{
	char text[400];

	parse("8 a.b\n9 c.d\na a.e\n");
	snprintf(text, sizeof text,
	         "{\"uid\":\"%llx\",\"scopes\":[{\"uid\":\"0\",\"name\":\"_default\","
	         "\"collections\":[{\"uid\":\"0\",\"name\":\"_default\"}]},"
	         "{\"uid\":\"8\",\"name\":\"a\",\"collections\":[{\"uid\":\"8\","
	         "\"name\":\"b\"},{\"uid\":\"a\",\"name\":\"e\"}]},"
	         "{\"uid\":\"9\",\"name\":\"c\",\"collections\":[{\"uid\":\"9\","
	         "\"name\":\"d\"}]}]}",
	         (unsigned long long)all.uid);
	ck_assert_str_eq(all.manifest, text);
	ewb_collections_fini(&all);
}
END_TEST

static void
path_is(const char *path, uint32_t status, uint32_t id)
{
	const struct ewb_collection *found = NULL;

	ck_assert_uint_eq(ewb_collections_by_path(&all, path, strlen(path),
	                                          &found),
	                  status);
	if (status == 0)
		ck_assert_uint_eq(found->id, id);
}

START_TEST(a_path_finds_its_collection)
{
	parse(SHOP);
	path_is("_default._default", 0, 0);
	path_is(".", 0, 0);
	path_is("_default.other", 0, 9);
	path_is(".other", 0, 9);
	path_is("shop.users", 0, 8);
	path_is("shop.user", EWB_WIRE_UNKNOWN_COLLECTION, 0);
	path_is("shop.", EWB_WIRE_UNKNOWN_COLLECTION, 0);
	path_is("shop.users.x", EWB_WIRE_UNKNOWN_COLLECTION, 0);
	path_is("shops.users", EWB_WIRE_UNKNOWN_SCOPE, 0);
	path_is("shop", EWB_WIRE_INVALID, 0);
	path_is("", EWB_WIRE_INVALID, 0);
	ewb_collections_fini(&all);
}
END_TEST

START_TEST(a_number_is_taken_off_whole_or_not_at_all)
{
	static const uint8_t most[] = { 0xff, 0xff, 0xff, 0xff, 0x0f };
	static const uint8_t more[] = { 0xff, 0xff, 0xff, 0xff, 0x1f };
	static const uint8_t long_one[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0 };
	uint32_t v = 1;

	ck_assert_uint_eq(ewb_leb128_take((const uint8_t *)"\0", 1, &v), 1);
	ck_assert_uint_eq(v, 0);
	ck_assert_uint_eq(ewb_leb128_take((const uint8_t *)"\xf4\x03x", 3, &v), 2);
	ck_assert_uint_eq(v, 0x1f4);
	ck_assert_uint_eq(ewb_leb128_take(most, 5, &v), 5);
	ck_assert_uint_eq(v, UINT32_MAX);
	ck_assert_uint_eq(ewb_leb128_take(most, 4, &v), 0);
	ck_assert_uint_eq(ewb_leb128_take(most, 0, &v), 0);
	ck_assert_uint_eq(ewb_leb128_take(more, 5, &v), 0);
	ck_assert_uint_eq(ewb_leb128_take(long_one, 6, &v), 0);
}
END_TEST

/* Keys. */

START_TEST(no_prefix_of_a_collection_begins_another)
{
	char text[64 * 16] = "", *p = text;
	unsigned n = 0;

	/* around the places where another byte begins */
	for (uint32_t at = 8; at <= 0xfffff && n < 60; at = at * 2 - 1) {
		p += sprintf(p, "%x a.b%u\n", at, n++);
		p += sprintf(p, "%x a.b%u\n", at | 1u << 20, n++);
	}
	parse(text);
	for (size_t i = 1; i < all.n; i++) {
		const struct ewb_collection *a = &all.at[i];

		ck_assert_uint_le(a->nprefix, EWB_STORED_PREFIX);
		ck_assert_uint_eq(a->prefix[0], 0xff);
		ck_assert_uint_ge(a->prefix[1], 8);
		for (size_t j = 1; j < all.n; j++) {
			const struct ewb_collection *b = &all.at[j];

			if (i != j && a->nprefix <= b->nprefix)
				ck_assert_int_ne(memcmp(a->prefix, b->prefix,
				                        a->nprefix),
				                 0);
		}
	}
	ewb_collections_fini(&all);
}
END_TEST

static unsigned
below(unsigned n)
{
	return (unsigned)rand() % n;
}

/* Short, of few bytes, so that many are alike. */
static size_t
some_key(uint8_t *out)
{
	static const uint8_t bytes[] = { 0, 1, 8, 'a', 0x7f, 0x80, 0xfe, 0xff };
	size_t n = 1 + below(4);

	for (size_t i = 0; i < n; i++)
		out[i] = bytes[below(sizeof bytes)];
	return n;
}

START_TEST(stored_keys_are_in_order_and_within_their_collections)
{
	static const uint32_t ids[] = { 0, 8, 9, 0x1f4, 0x1fffff };
	uint8_t a[4], b[4], x[8], y[8], first[4], past[4];
	size_t na, nb, nx, ny, nfirst, npast;
	int by;

	parse(SHOP);
	for (unsigned i = 0; i < UNIT_TIMES(200000u); i++) {
		uint32_t one = ids[below(5)], other = ids[below(5)];

		na = some_key(a);
		nb = some_key(b);
		nx = store(x, one, a, na);
		ny = store(y, other, b, nb);
		by = order(x, nx, y, ny);
		if (one == other)
			ck_assert_int_eq((by > 0) - (by < 0),
			                 (order(a, na, b, nb) > 0) -
			                         (order(a, na, b, nb) < 0));
		else
			ck_assert_int_ne(by, 0);
		ck_assert_uint_eq(ewb_stored_skip(x, nx), nx - na);
		nfirst = ewb_stored_first(first, of(other));
		npast = ewb_stored_past(past, of(other));
		ck_assert_int_eq(order(x, nx, first, nfirst) >= 0 &&
		                         order(x, nx, past, npast) < 0,
		                 one == other);
	}
	ewb_collections_fini(&all);
}
END_TEST

START_TEST(the_longest_keys_are_still_keys_of_an_engine)
{
	uint8_t key[EWB_KEY_MAX], out[EWB_KEY_MAX + EWB_STORED_PREFIX];

	parse(SHOP);
	memset(key, 'k', sizeof key);
	ck_assert_uint_eq(ewb_stored_max(of(0), key, 250), 250);
	ck_assert_uint_eq(store(out, 0, key, 250), 250);
	ck_assert_uint_eq(ewb_stored_max(of(0x1fffff), key, 250), 246);
	ck_assert_uint_eq(store(out, 0x1fffff, key, 246), 250);
	key[0] = 0xff;
	ck_assert_uint_eq(ewb_stored_max(of(0), key, 250), 248);
	ck_assert_uint_eq(store(out, 0, key, 248), 250);
	ck_assert_uint_eq(ewb_stored_max(of(8), key, 250), 246);
	ewb_collections_fini(&all);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("protocol_collections");
	TCase *t = tcase_create("lines");

	tcase_add_test(t, the_default_one_is_there_anyhow);
	tcase_add_test(t, lines_have_an_id_and_a_path);
	tcase_add_test(t, what_is_wrong_is_said_with_its_line);
	tcase_add_test(t, a_thousand_is_all_there_may_be);
	tcase_add_test(t, the_uid_is_of_what_there_is_not_of_how_it_is_written);
	tcase_add_test(t, scopes_have_the_number_of_their_first_collection);
	tcase_add_test(t, a_path_finds_its_collection);
	tcase_add_test(t, a_number_is_taken_off_whole_or_not_at_all);
	suite_add_tcase(s, t);
	t = tcase_create("keys");
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, no_prefix_of_a_collection_begins_another);
	tcase_add_test(t, stored_keys_are_in_order_and_within_their_collections);
	tcase_add_test(t, the_longest_keys_are_still_keys_of_an_engine);
	suite_add_tcase(s, t);
	return unit_run(s);
}
