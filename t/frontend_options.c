/* SPDX-License-Identifier: BSD-2-Clause */
/* What a server is told when it is made. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ev.h>

#include "cookie/stream.h"
#include "frontend/front.h"
#include "t/frontend_tiny.h"
#include "t/unit.h"

static struct ewb_server_options o;

/* None is as by default. */
static void
choose(void)
{
	ewb_server_defaults(&o);
	o.vbuckets = 17;
	o.max_cookies = 18;
	o.deadline_ms = 19;
	o.high = 2000000;
	o.low = 21000;
	o.buffer_memory = 22000000;
	o.max_item = 23;
	o.pool[EWB_READER].threads = 3;
	o.pool[EWB_WRITER].threads = 2;
	o.pool[EWB_AUX].threads = 4;
}

START_TEST(what_it_is_told_is_what_it_goes_by)
{
	char why[256] = "";
	struct ewb_server *s;
	struct ewb_class_stats of;

	choose();
	s = ewb_server_new(&o, why, sizeof why);
	ck_assert_msg(s != NULL, "%s", why);
	ck_assert_uint_eq(s->core.vbuckets, 17);
	ck_assert_uint_eq(s->core.limits.max_cookies, 18);
	ck_assert_uint_eq(s->core.limits.deadline_ms, 19);
	ck_assert_uint_eq(s->core.limits.high, 2000000);
	ck_assert_uint_eq(s->core.limits.low, 21000);
	ck_assert_uint_eq(s->core.limits.buffer_memory, 22000000);
	ck_assert_uint_eq(s->core.budget.total, 22000000);
	ck_assert_uint_eq(s->core.limits.max_item, 23);
	for (unsigned i = 0; i < EWB_POOL_CLASSES; i++) {
		ewb_pool_stats(s->core.pool, i, &of);
		ck_assert_uint_eq(of.threads, o.pool[i].threads);
	}
	ewb_server_free(s);
}
END_TEST

#define WRONG(member, value)                                                  \
	{                                                                     \
		offsetof(struct ewb_server_options, member),                  \
			sizeof((struct ewb_server_options *)0)->member, value \
	}

static const struct {
	size_t at, size;
	uint64_t value;
} wrong[] = {
	WRONG(vbuckets, 0),
	WRONG(vbuckets, 1025),
	WRONG(high, 16383),
	WRONG(low, 1000001), /* of high it is 2000000 */
	WRONG(buffer_memory, 1999999),
	WRONG(max_item, 22000000), /* as much as the buffer memory */
	WRONG(in_flight, 0),
	WRONG(max_connections, 0),
	WRONG(requests_per_turn, 0),
	WRONG(max_unread, 4095),
	WRONG(max_item, 0),
	WRONG(max_item, (1u << 30) + 1),
};

START_TEST(what_cannot_work_is_refused_with_a_reason)
{
	uint32_t narrow = (uint32_t)wrong[_i].value;
	char why[256] = "";

	choose();
	memcpy((char *)&o + wrong[_i].at,
	       wrong[_i].size == sizeof narrow ? (const void *)&narrow
	                                       : (const void *)&wrong[_i].value,
	       wrong[_i].size);
	ck_assert_ptr_null(ewb_server_new(&o, why, sizeof why));
	ck_assert_str_ne(why, "");
}
END_TEST

/* A record has a head, a key and lengths too, in whole pieces of memory. */
START_TEST(an_item_of_the_largest_size_fits_into_the_buffer_memory)
{
	static const size_t sizes[] = { 1, 16000, 200000, 8000000 };
	char why[256] = "";
	struct ewb_server *s;

	choose();
	o.high = 16384;
	o.low = 4096;
	o.max_item = sizes[_i];
	o.buffer_memory = ewb_stream_needs(o.max_item);
	if (o.buffer_memory < o.high)
		o.buffer_memory = o.high;
	s = ewb_server_new(&o, why, sizeof why);
	ck_assert_msg(s != NULL, "%s", why);
	ewb_server_free(s);
	if (o.buffer_memory == o.high)
		return;
	o.buffer_memory--;
	ck_assert_ptr_null(ewb_server_new(&o, why, sizeof why));
	ck_assert_ptr_nonnull(strstr(why, "buffer memory: "));
}
END_TEST

/* Order of calls. */

static char line[200];

static void
log_line(void *arg, const char *text)
{
	(void)arg;
	snprintf(line, sizeof line, "%s", text);
}

START_TEST(a_front_end_without_an_engine_is_refused_and_named)
{
	struct ev_loop *loop = ev_loop_new(0);
	char why[256] = "";
	struct ewb_server *s;

	choose();
	o.log = log_line;
	s = ewb_server_new(&o, why, sizeof why);
	ck_assert_ptr_nonnull(s);
	ck_assert_ptr_null(ewb_front_new(s, loop));
	ck_assert_ptr_nonnull(strstr(line, "the server has no engine"));
	ewb_server_free(s);
	ev_loop_destroy(loop);
}
END_TEST

START_TEST(a_second_engine_is_refused_and_the_first_one_stays)
{
	char why[256] = "";
	struct ewb_instance *first;
	struct ewb_server *s;

	choose();
	s = ewb_server_new(&o, why, sizeof why);
	ck_assert_ptr_nonnull(s);
	ck_assert_int_eq(ewb_server_engine_here(s, &tiny_engine, NULL, 0, why,
	                                        sizeof why),
	                 0);
	first = s->instance;
	ck_assert_int_eq(ewb_server_engine_here(s, &tiny_engine, NULL, 0, why,
	                                        sizeof why),
	                 -1);
	ck_assert_str_eq(why, "engine tiny: the server has one already: tiny");
	ck_assert_int_eq(ewb_server_engine(s, "memory", "/", NULL, 0, why,
	                                   sizeof why),
	                 -1);
	ck_assert_str_eq(why, "engine memory: the server has one already: tiny");
	ck_assert_ptr_eq(s->instance, first);
	ewb_server_free(s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frontend_options");
	TCase *t = tcase_create("options");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, what_it_is_told_is_what_it_goes_by);
	tcase_add_loop_test(t, what_cannot_work_is_refused_with_a_reason, 0,
	                    sizeof wrong / sizeof *wrong);
	tcase_add_loop_test(
		t, an_item_of_the_largest_size_fits_into_the_buffer_memory, 0,
		4);
	tcase_add_test(t, a_front_end_without_an_engine_is_refused_and_named);
	tcase_add_test(t, a_second_engine_is_refused_and_the_first_one_stays);
	suite_add_tcase(s, t);
	return unit_run(s);
}
