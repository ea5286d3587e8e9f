/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/frame.h"
#include "protocol/status.h"
#include "t/unit.h"

#define NOW 1700000000u
#define MONTH (30u * 24 * 60 * 60)

START_TEST(exptime_0_never_ends)
{
	ck_assert_uint_eq(ewb_expiry(0, NOW), 0);
}
END_TEST

START_TEST(exptime_up_to_30_days_counts_from_now)
{
	ck_assert_uint_eq(ewb_expiry(1, NOW), NOW + 1);
	ck_assert_uint_eq(ewb_expiry(MONTH, NOW), NOW + MONTH);
}
END_TEST

START_TEST(exptime_beyond_30_days_is_a_date)
{
	ck_assert_uint_eq(ewb_expiry(NOW + 5, NOW), NOW + 5);
	ck_assert_uint_eq(ewb_expiry(INT32_MAX, NOW), INT32_MAX);
}
END_TEST

START_TEST(a_date_that_has_passed_is_gone)
{
	ck_assert_uint_eq(ewb_expiry(MONTH + 1, NOW), 1);
	ck_assert_uint_eq(ewb_expiry(NOW, NOW), 1);
}
END_TEST

START_TEST(a_negative_exptime_is_gone)
{
	ck_assert_uint_eq(ewb_expiry((uint32_t)-1, NOW), 1);
	ck_assert_uint_eq(ewb_expiry(0x80000000u, NOW), 1);
}
END_TEST

START_TEST(an_exptime_of_a_binary_frame_is_never_negative)
{
	ck_assert_uint_eq(ewb_bin_expiry(0x80000000u, NOW), 0x80000000u);
	ck_assert_uint_eq(ewb_bin_expiry(UINT32_MAX, NOW), UINT32_MAX);
	ck_assert_uint_eq(ewb_bin_expiry(0, NOW), 0);
	ck_assert_uint_eq(ewb_bin_expiry(MONTH, NOW), NOW + MONTH);
	ck_assert_uint_eq(ewb_bin_expiry(MONTH + 1, NOW), 1);
}
END_TEST

START_TEST(an_exptime_does_not_wrap_at_the_end_of_32_bits)
{
	ck_assert_uint_eq(ewb_expiry(MONTH, UINT32_MAX - 10), UINT32_MAX);
}
END_TEST

/* As Couchbase clients compute them. */
START_TEST(a_key_has_the_vbucket_that_couchbase_clients_compute)
{
	static const struct {
		const char *key;
		unsigned hash, of_16, of_64, of_1024;
	} keys[] = {
		{ "k1", 5646, 14, 14, 526 },
		{ "k2", 3847, 7, 7, 775 },
		{ "a", 26807, 7, 55, 183 },
		{ "doc:000000", 25263, 15, 47, 687 },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		uint32_t h = ewb_key_hash(keys[i].key, strlen(keys[i].key));

		ck_assert_uint_eq(h >> 16 & 0x7fff, keys[i].hash);
		ck_assert_uint_eq(ewb_key_vbucket(h, 16), keys[i].of_16);
		ck_assert_uint_eq(ewb_key_vbucket(h, 64), keys[i].of_64);
		ck_assert_uint_eq(ewb_key_vbucket(h, 1024), keys[i].of_1024);
		ck_assert_uint_eq(ewb_key_vbucket(h, 1), 0);
	}
}
END_TEST

START_TEST(a_hash_is_the_crc32_of_zlib)
{
	ck_assert_uint_eq(ewb_key_hash("123456789", 9), 0xcbf43926u);
	ck_assert_uint_eq(ewb_key_hash("", 0), 0);
}
END_TEST

START_TEST(every_command_has_a_name_of_its_own)
{
	ck_assert_str_eq(ewb_op_name(EWB_OP_GET), "get");
	ck_assert_str_eq(ewb_op_name(EWB_OP_ERROR), "error");
	for (int i = 0; i < EWB_NOPS; i++) {
		ck_assert_ptr_nonnull(ewb_op_name((enum ewb_op)i));
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(ewb_op_name((enum ewb_op)i),
			                 ewb_op_name((enum ewb_op)j));
	}
}
END_TEST

START_TEST(a_status_has_a_text_also_an_unknown_one)
{
	ck_assert_str_eq(ewb_status_text(0), "success");
	ck_assert_str_eq(ewb_status_text(0x01), "not found");
	ck_assert_str_eq(ewb_status_text(0xa5), "scan cancelled");
	ck_assert_str_eq(ewb_status_text(0x7777), "unknown status");
	ck_assert_str_eq(ewb_status_text(UINT32_MAX), "unknown status");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("protocol/frame");
	TCase *t = tcase_create("expiry");

	tcase_add_test(t, exptime_0_never_ends);
	tcase_add_test(t, exptime_up_to_30_days_counts_from_now);
	tcase_add_test(t, exptime_beyond_30_days_is_a_date);
	tcase_add_test(t, a_date_that_has_passed_is_gone);
	tcase_add_test(t, a_negative_exptime_is_gone);
	tcase_add_test(t, an_exptime_of_a_binary_frame_is_never_negative);
	tcase_add_test(t, an_exptime_does_not_wrap_at_the_end_of_32_bits);
	suite_add_tcase(s, t);

	t = tcase_create("keys and names");
	tcase_add_test(t, a_key_has_the_vbucket_that_couchbase_clients_compute);
	tcase_add_test(t, a_hash_is_the_crc32_of_zlib);
	tcase_add_test(t, every_command_has_a_name_of_its_own);
	tcase_add_test(t, a_status_has_a_text_also_an_unknown_one);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return unit_run(suite());
}
