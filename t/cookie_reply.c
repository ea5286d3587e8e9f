/* SPDX-License-Identifier: BSD-2-Clause */
/* Replies: copied or lent, and what is lent is released exactly once. */
#include "config.h"

#include <stdlib.h>

#include "t/cookie_play.h"

#define TOO_MUCH ((size_t)1 << 40) /* no chunk holds that */

static char big[70000];
static unsigned releases;

static void
count_release(void *arg)
{
	SCRIPT_MUST(arg == big);
	releases++;
}

static struct ewb_item
item_of(size_t n)
{
	return (struct ewb_item){ .size = sizeof(struct ewb_item),
		                  .flags = 7,
		                  .expiry = 8,
		                  .datatype = 1,
		                  .cas = 9,
		                  .seqno = 10,
		                  .value = big,
		                  .nvalue = n };
}

static enum ewb_status
lend(struct ewb_cookie *c, size_t n)
{
	const struct ewb_item it = item_of(n);

	return ewb_reply_item(c, &it, count_release, big);
}

static enum ewb_status
copy(struct ewb_cookie *c, size_t n)
{
	const struct ewb_item it = item_of(n);

	return ewb_reply_item(c, &it, NULL, NULL);
}

/* A blocked get, whose ticket the test has; it just says OK in the end. */
static struct script *
begin(void)
{
	struct script *s = script_for("k");

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i * 7 + i / 256);
	releases = 0;
	s->block_for = 1;
	s->filled = true;
	play_get(0, "k");
	s->filled = true;
	return s;
}

static size_t
chunks_out(void)
{
	return atomic_load(&play.core.chunks.out);
}

static void
finish(struct script *s)
{
	script_notify(s, EWB_OK);
	s->filled = true;
	play_settle();
	ck_assert_int_eq(play_calls[0].status, EWB_OK);
}

START_TEST(small_values_are_copied_into_the_cookie)
{
	struct script *s = begin();
	struct ewb_reply *r = &s->cookie->reply;

	ck_assert_int_eq(ewb_reply_value(s->cookie, big, 100), EWB_OK);
	ck_assert_int_eq(ewb_reply_value(s->cookie, big + 100, 28), EWB_OK);
	ck_assert_uint_eq(r->len, EWB_REPLY_SMALL);
	ck_assert_uint_eq(chunks_out(), 0);
	ck_assert_mem_eq(ewb_reply_data(r), big, 128);
	ck_assert_int_eq(ewb_reply_value(s->cookie, big + 128, 1), EWB_OK);
	ck_assert_uint_eq(chunks_out(), EWB_CHUNK_MIN);
	ck_assert_mem_eq(ewb_reply_data(r), big, 129);
	finish(s);
	ck_assert_uint_eq(play_calls[0].nreply, 129);
}
END_TEST

START_TEST(a_growing_value_keeps_its_bytes)
{
	struct script *s = begin();
	struct ewb_reply *r = &s->cookie->reply;
	uint64_t before = atomic_load(&play.core.chunks.mallocs);

	for (size_t n = 0; n < sizeof big; n += 70)
		ck_assert_int_eq(ewb_reply_value(s->cookie, big + n, 70),
		                 EWB_OK);
	ck_assert_uint_eq(r->len, sizeof big);
	ck_assert_mem_eq(ewb_reply_data(r), big, sizeof big);
	/* doubling: 4 KiB to 128 KiB, and each was given back */
	ck_assert_uint_le(atomic_load(&play.core.chunks.mallocs) - before, 6);
	ck_assert_uint_eq(chunks_out(), r->chunk->cap);
	finish(s);
}
END_TEST

START_TEST(nothing_at_all_may_be_added)
{
	struct script *s = begin();

	ck_assert_int_eq(ewb_reply_value(s->cookie, NULL, 0), EWB_OK);
	ck_assert_int_eq(ewb_reply_value(s->cookie, big, 5), EWB_OK);
	ck_assert_int_eq(ewb_reply_value(s->cookie, NULL, 0), EWB_OK);
	ck_assert_uint_eq(s->cookie->reply.len, 5);
	finish(s);
}
END_TEST

START_TEST(an_items_fields_are_in_the_reply)
{
	struct script *s = begin();
	const struct ewb_reply *r = &s->cookie->reply;

	ck_assert_int_eq(_i ? lend(s->cookie, 50) : copy(s->cookie, 50),
	                 EWB_OK);
	ck_assert_uint_eq(r->flags, 7);
	ck_assert_uint_eq(r->expiry, 8);
	ck_assert_uint_eq(r->datatype, 1);
	ck_assert_uint_eq(r->cas, 9);
	ck_assert_uint_eq(r->seqno, 10);
	ck_assert_mem_eq(ewb_reply_data(r), big, 50);
	ewb_reply_cas(s->cookie, 99);
	ck_assert_uint_eq(r->cas, 99);
	ck_assert_uint_eq(r->uuid, 0);
	ewb_reply_token(s->cookie, 11, 12);
	ck_assert_uint_eq(r->uuid, 11);
	ck_assert_uint_eq(r->seqno, 12);
	finish(s);
	ck_assert_uint_eq(play_calls[0].cas, 99);
}
END_TEST

/* Lent. */

START_TEST(a_lent_value_is_not_copied_and_released_when_it_has_left)
{
	struct script *s = begin();

	play.keep = true;
	lend(s->cookie, sizeof big);
	ck_assert_ptr_eq(ewb_reply_data(&s->cookie->reply), big);
	ck_assert_uint_eq(chunks_out(), 0);
	finish(s);
	ck_assert_uint_eq(releases, 0);
	play.keep = false;
	play_settle();
	ck_assert_uint_eq(releases, 1);
}
END_TEST

START_TEST(a_lent_value_of_no_bytes_is_released_too)
{
	const struct ewb_item none = { .size = sizeof none };
	struct script *s = begin();

	ck_assert_int_eq(
		_i ? lend(s->cookie, 0)
		   : ewb_reply_item(s->cookie, &none, count_release, big),
		EWB_OK);
	ck_assert_uint_eq(s->cookie->reply.len, 0);
	finish(s);
	ck_assert_uint_eq(releases, 1);
}
END_TEST

/* By another lent one, a copied one, added bytes, and one too large. */
START_TEST(a_replaced_lent_value_is_released_once)
{
	struct script *s = begin();

	lend(s->cookie, 1000);
	switch (_i) {
	case 0: ck_assert_int_eq(lend(s->cookie, 10), EWB_OK); break;
	case 1: ck_assert_int_eq(copy(s->cookie, 10), EWB_OK); break;
	case 2:
		ck_assert_int_eq(ewb_reply_value(s->cookie, big, 10), EWB_OK);
		break;
	case 3:
		ck_assert_int_eq(copy(s->cookie, TOO_MUCH), EWB_NO_MEMORY);
		break;
	}
	ck_assert_uint_eq(releases, 1);
	ck_assert_uint_eq(s->cookie->reply.len, _i == 3 ? 0 : 10);
	finish(s);
	ck_assert_uint_eq(releases, _i == 0 ? 2 : 1);
}
END_TEST

START_TEST(no_memory_leaves_the_reply_as_it_was)
{
	static const size_t sizes[] = { 0, 100, 128, 129, 5000 };
	struct script *s = begin();
	struct ewb_reply *r = &s->cookie->reply;
	size_t n = sizes[_i];

	ck_assert_int_eq(ewb_reply_value(s->cookie, big, n), EWB_OK);
	ck_assert_int_eq(ewb_reply_value(s->cookie, big, TOO_MUCH),
	                 EWB_NO_MEMORY);
	ck_assert_int_eq(ewb_reply_value(s->cookie, big, SIZE_MAX),
	                 EWB_NO_MEMORY);
	ck_assert_uint_eq(r->len, n);
	ck_assert_mem_eq(ewb_reply_data(r), big, n);
	finish(s);
}
END_TEST

/* The client goes, or the deadline passes: before the value is lent, after
 * it, after the notify, and with the answer on its way. */
START_TEST(whatever_ends_the_command_releases_it_once)
{
	struct script *s = begin();
	struct call *k = &play_calls[0];
	int when = _i % 4;

	play.keep = true;
	if (when > 0)
		lend(s->cookie, 1000);
	if (when > 1)
		script_notify(s, EWB_OK);
	if (when > 2)
		play_settle();
	if (_i / 4)
		play_hang_up(k);
	else
		play_pass(2500 * 1000);
	if (when < 2)
		ck_assert_uint_eq(releases, 0); /* the engine has it still */
	if (when == 0)
		lend(s->cookie, 1000);
	if (when < 2)
		script_notify(s, EWB_OK);
	play.keep = false;
	play_settle();
	ck_assert_uint_eq(releases, 1);
	ck_assert_int_eq(k->released, true);
}
END_TEST

START_TEST(an_error_releases_what_was_lent)
{
	struct script *s = begin();

	lend(s->cookie, 1000);
	script_notify(s, EWB_NOT_FOUND);
	play_settle();
	ck_assert_int_eq(play_calls[0].status, EWB_NOT_FOUND);
	ck_assert_uint_eq(releases, 1);
}
END_TEST

/* Statistics. */

static enum ewb_status
say_stats(struct script *s, struct ewb_cookie *c)
{
	(void)s;
	memset(big, 'x', 600);
	big[600] = '\0';
	ck_assert_int_eq(ewb_reply_stat(c, "one", "%d", 1), EWB_OK);
	ck_assert_int_eq(ewb_reply_stat(c, "empty", "%s", ""), EWB_OK);
	ck_assert_int_eq(ewb_reply_stat(c, "long", "%s", big), EWB_OK);
	return EWB_OK;
}

START_TEST(statistics_are_names_and_texts)
{
	const char expected[] = "one\0"
				"1\0empty\0\0long";
	struct call *k;

	script_for("")->instead = say_stats;
	k = play_call(0, EWB_OP_STATS, NULL, NULL);
	play_settle();
	ck_assert_int_eq(k->status, EWB_OK);
	ck_assert_mem_eq(k->reply, expected, sizeof expected);
	ck_assert_uint_eq(k->nreply, sizeof expected + 511 + 1);
}
END_TEST

/* A request's value in a buffer of its own. */

static void *taken;

static enum ewb_status
take_value(struct script *s, struct ewb_cookie *c)
{
	const struct ewb_request *r = ewb_cookie_request(c);

	(void)s;
	taken = ewb_value_take(c);
	ck_assert_ptr_eq(taken, r->value);
	ck_assert_ptr_null(ewb_value_take(c));
	return EWB_OK;
}

START_TEST(a_large_value_can_be_taken_over)
{
	script_for("k")->instead = take_value;
	play.body = calloc(1, 100000);
	play_set(0, "k", "x");
	play_settle();
	memset(taken, 1, 100000); /* it is ours */
	ewb_value_free(taken);
}
END_TEST

/* Linked with --wrap=free. */
static void *watched;
static unsigned freed;

void __real_free(void *p);
void __wrap_free(void *p);

void
__wrap_free(void *p)
{
	if (p && p == watched)
		freed++;
	__real_free(p);
}

START_TEST(a_large_value_that_was_not_taken_goes_with_its_command)
{
	freed = 0;
	play.body = watched = calloc(1, 100000);
	play_set(0, "k", "x");
	ck_assert_uint_eq(freed, 0);
	play_settle();
	ck_assert_uint_eq(freed, 1);
	watched = NULL;
}
END_TEST

static enum ewb_status
take_nothing(struct script *s, struct ewb_cookie *c)
{
	(void)s;
	ck_assert_ptr_null(ewb_value_take(c));
	return EWB_OK;
}

START_TEST(a_small_value_is_to_be_copied)
{
	script_for("k")->instead = take_nothing;
	play_set(0, "k", "x");
	play_settle();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: replies");
	TCase *t = play_case("stepped");

	tcase_add_test(t, small_values_are_copied_into_the_cookie);
	tcase_add_test(t, a_growing_value_keeps_its_bytes);
	tcase_add_test(t, nothing_at_all_may_be_added);
	tcase_add_loop_test(t, an_items_fields_are_in_the_reply, 0, 2);
	tcase_add_test(
		t, a_lent_value_is_not_copied_and_released_when_it_has_left);
	tcase_add_loop_test(t, a_lent_value_of_no_bytes_is_released_too, 0, 2);
	tcase_add_loop_test(t, a_replaced_lent_value_is_released_once, 0, 4);
	tcase_add_loop_test(t, no_memory_leaves_the_reply_as_it_was, 0, 5);
	tcase_add_loop_test(t, whatever_ends_the_command_releases_it_once, 0,
	                    8);
	tcase_add_test(t, an_error_releases_what_was_lent);
	tcase_add_test(t, statistics_are_names_and_texts);
	tcase_add_test(t, a_large_value_can_be_taken_over);
	tcase_add_test(t,
	               a_large_value_that_was_not_taken_goes_with_its_command);
	tcase_add_test(t, a_small_value_is_to_be_copied);
	suite_add_tcase(s, t);
	return unit_run(s);
}
