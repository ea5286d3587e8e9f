/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory engine's cursors. */
#include "config.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "t/fake_host.h"
#include "t/unit.h"

const struct ewb_engine *ewb_engine_entry(void);

static const struct ewb_engine *engine;
static struct ewb_host host;
static void *self;

static void
setup(void)
{
	engine = ewb_engine_entry();
	fake_host_init(&host, 1);
	ck_assert_int_eq(engine->open(&host, NULL, 0, &self), EWB_OK);
}

static void
teardown(void)
{
	engine->close(self);
}

static void
set_until(const char *key, const char *value, uint32_t expiry)
{
	struct ewb_cookie c;

	fake_cookie_init(&c, &host, key, strlen(key));
	fake_cookie_value(&c, value, strlen(value));
	c.request.expiry = expiry;
	ck_assert_int_eq(engine->store(self, &c, &c.request), EWB_OK);
}

static void
set(const char *key, const char *value)
{
	set_until(key, value, 0);
}

static void *
open_range(const struct ewb_range *range, uint64_t *count)
{
	void *cursor;

	ck_assert_int_eq(engine->scan_open(self, range, &cursor, count),
	                 EWB_OK);
	return cursor;
}

static void *
open_all(void)
{
	struct ewb_range all = { .size = sizeof all };
	uint64_t count;

	return open_range(&all, &count);
}

/* Notes the keys that it takes, each followed by a space. */
struct notes {
	struct ewb_sink sink;
	char text[4096];
	size_t len;
};

static enum ewb_status
note(struct ewb_sink *sink, const struct ewb_item *item)
{
	struct notes *n = sink->arg;

	ck_assert_uint_eq(item->size, sizeof *item);
	ck_assert_uint_lt(n->len + item->nkey + 2, sizeof n->text);
	memcpy(n->text + n->len, item->key, item->nkey);
	n->len += item->nkey;
	n->text[n->len++] = ' ';
	n->text[n->len] = '\0';
	return EWB_OK;
}

static void
notes_init(struct notes *n)
{
	memset(n, 0, sizeof *n);
	n->sink.put = note;
	n->sink.arg = n;
	n->sink.room = UINT64_MAX;
}

static void
offers(void *cursor, const char *keys)
{
	struct notes n;

	notes_init(&n);
	ck_assert_int_eq(engine->scan_next(self, cursor, &n.sink), EWB_END);
	ck_assert_str_eq(n.text, keys);
}

static const struct {
	const char *start, *end;
	uint8_t start_excluded, end_excluded;
	const char *keys;
} ranges[] = {
	{ NULL, NULL, 0, 0, "a b bb c d " },
	{ "b", NULL, 0, 0, "b bb c d " },
	{ "b", NULL, 1, 0, "bb c d " },
	{ "ba", NULL, 0, 0, "bb c d " },
	{ "ba", NULL, 1, 0, "bb c d " },
	{ NULL, "c", 0, 0, "a b bb c " },
	{ NULL, "c", 0, 1, "a b bb " },
	{ NULL, "bz", 0, 0, "a b bb " },
	{ "b", "b", 0, 0, "b " },
	{ "b", "b", 1, 0, "" },
	{ "b", "b", 0, 1, "" },
	{ "b", "d", 1, 1, "bb c " },
	{ "c", "b", 0, 0, "" },
	{ "e", NULL, 0, 0, "" },
	{ "", "", 0, 0, "" },
	{ "", "a", 0, 0, "a " },
};

static void
set_five(void)
{
	set("c", "v");
	set("b", "v");
	set("d", "v");
	set("a", "v");
	set("bb", "v");
}

static void
set_range(struct ewb_range *r, size_t i)
{
	r->start = ranges[i].start;
	r->nstart = r->start ? strlen(r->start) : 0;
	r->start_excluded = ranges[i].start_excluded;
	r->end = ranges[i].end;
	r->nend = r->end ? strlen(r->end) : 0;
	r->end_excluded = ranges[i].end_excluded;
}

/* The words, from the last to the first. */
static const char *
reversed(char *to, const char *keys)
{
	size_t n = strlen(keys), end = n, at = 0;

	for (size_t i = n; i-- > 0;) {
		if (i && keys[i - 1] != ' ')
			continue;
		memcpy(to + at, keys + i, end - i);
		at += end - i;
		end = i;
	}
	to[at] = '\0';
	return to;
}

/* Each before the last one. */
static enum ewb_status
note_last(struct ewb_sink *sink, const struct ewb_item *item)
{
	struct notes *n = sink->arg;

	ck_assert_uint_eq(item->nkey, 6);
	if (sink->n)
		ck_assert_int_lt(memcmp(item->key, n->text, 6), 0);
	memcpy(n->text, item->key, 6);
	n->text[6] = '\0';
	return EWB_OK;
}

START_TEST(a_range_has_the_keys_between_its_bounds)
{
	struct ewb_range r = { .size = sizeof r };
	uint64_t count;
	void *cursor;

	set_five();
	set_range(&r, (size_t)_i);
	cursor = open_range(&r, &count);
	ck_assert_uint_eq(count, 5);
	offers(cursor, ranges[_i].keys);
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(backwards_they_come_in_reverse)
{
	struct ewb_range r = { .size = sizeof r, .descending = 1 };
	char keys[100];
	uint64_t count;
	void *cursor;

	set_five();
	set_range(&r, (size_t)_i);
	cursor = open_range(&r, &count);
	ck_assert_uint_eq(count, 5);
	offers(cursor, reversed(keys, ranges[_i].keys));
	engine->scan_close(self, cursor);
}
END_TEST

/* From any range to any other, and back. */
START_TEST(a_cursor_seeks_to_another_range_of_its_snapshot)
{
	struct ewb_range r = { .size = sizeof r }, other = r;
	char keys[100];
	uint64_t count;
	void *cursor;

	set_five();
	set_range(&r, (size_t)_i);
	cursor = open_range(&r, &count);
	set("b", "other");
	set("bc", "v");
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		set_range(&other, i);
		other.descending = i % 2;
		ck_assert_int_eq(engine->scan_seek(self, cursor, &other),
		                 EWB_OK);
		offers(cursor, i % 2 ? reversed(keys, ranges[i].keys) :
		                       ranges[i].keys);
	}
	ck_assert_int_eq(engine->scan_seek(self, cursor, &r), EWB_OK);
	offers(cursor, ranges[_i].keys);
	engine->scan_close(self, cursor);
}
END_TEST

/* Many leaves, and a tree of some levels. */
START_TEST(a_large_vbucket_is_the_same_backwards)
{
	struct ewb_range r = { .size = sizeof r, .descending = 1 };
	struct notes n;
	uint64_t count;
	char key[8];
	void *cursor;

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(key, sizeof key, "%06u", i * 7919 % 20000);
		set(key, "v");
	}
	notes_init(&n);
	n.sink.put = note_last;
	cursor = open_range(&r, &count);
	ck_assert_int_eq(engine->scan_next(self, cursor, &n.sink), EWB_END);
	ck_assert_uint_eq(n.sink.n, 20000);
	ck_assert_str_eq(n.text, "000000");
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(a_vbucket_without_items_ends_at_once)
{
	void *cursor = open_all();

	offers(cursor, "");
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(a_vbucket_that_does_not_exist_is_refused)
{
	struct ewb_range r = { .size = sizeof r, .vbucket = 1 };
	uint64_t count;
	void *cursor;

	ck_assert_int_eq(engine->scan_open(self, &r, &cursor, &count),
	                 EWB_NOT_MY_VBUCKET);
}
END_TEST

static enum ewb_status
check_fields(struct ewb_sink *sink, const struct ewb_item *item)
{
	const struct ewb_cookie *c = sink->arg;

	ck_assert_uint_eq(item->size, sizeof *item);
	ck_assert_uint_eq(item->nkey, 1);
	ck_assert_mem_eq(item->key, "k", 1);
	ck_assert_uint_eq(item->nvalue, 5);
	ck_assert_mem_eq(item->value, "value", 5);
	ck_assert_uint_eq(item->flags, 77);
	ck_assert_uint_eq(item->expiry, 2000);
	ck_assert_uint_eq(item->datatype, 1);
	ck_assert_uint_eq(item->cas, c->cas);
	ck_assert_uint_eq(item->seqno, 1);
	return EWB_OK;
}

START_TEST(a_record_has_all_that_is_known_of_the_item)
{
	struct ewb_sink sink = { .put = check_fields, .room = 2 };
	struct ewb_cookie c;
	void *cursor;

	fake_cookie_init(&c, &host, "k", 1);
	fake_cookie_value(&c, "value", 5);
	c.request.flags = 77;
	c.request.expiry = 2000;
	c.request.datatype = 1;
	ck_assert_int_eq(engine->store(self, &c, &c.request), EWB_OK);
	sink.arg = &c;
	cursor = open_all();
	ck_assert_int_eq(engine->scan_next(self, cursor, &sink), EWB_END);
	ck_assert_uint_eq(sink.n, 1);
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(a_refused_record_is_offered_first_the_next_time)
{
	void *cursor;
	struct notes n;
	unsigned i;

	for (i = 0; i < 5; i++)
		set((char[]){ (char)('a' + i), '\0' }, "v");
	notes_init(&n);
	cursor = open_all();
	for (i = 1; i <= 5; i++) {
		n.sink.room = 1;
		ck_assert_int_eq(engine->scan_next(self, cursor, &n.sink),
		                 i < 5 ? EWB_OK : EWB_END);
		ck_assert_uint_eq(n.sink.n, i);
	}
	ck_assert_str_eq(n.text, "a b c d e ");
	ck_assert_int_eq(engine->scan_next(self, cursor, &n.sink), EWB_END);
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(a_cursor_sees_the_data_of_its_opening)
{
	struct ewb_cookie c;
	void *cursor;

	set("a", "v");
	set("b", "v");
	cursor = open_all();
	set("a", "other");
	set("c", "v");
	fake_cookie_init(&c, &host, "b", 1);
	ck_assert_int_eq(engine->remove(self, &c, &c.request), EWB_OK);
	ck_assert_int_eq(engine->flush(self, &c), EWB_OK);
	fake_task_settle(host.task);
	offers(cursor, "a b ");
	engine->scan_close(self, cursor);
}
END_TEST

START_TEST(what_had_expired_at_the_opening_is_not_offered_and_the_rest_is)
{
	void *cursor;

	set_until("a", "v", 999);
	set_until("b", "v", 1000);
	set_until("c", "v", 1001);
	set("d", "v");
	cursor = open_all();
	atomic_store(&host.now, 2000);
	ewb_task_wake(host.task);
	fake_task_settle(host.task);
	offers(cursor, "c d ");
	engine->scan_close(self, cursor);
	cursor = open_all();
	offers(cursor, "d ");
	engine->scan_close(self, cursor);
}
END_TEST

struct leg {
	void *cursor;
	struct notes *n;
	enum ewb_status status;
};

static void *
run_leg(void *arg)
{
	struct leg *l = arg;

	l->n->sink.room = 100;
	l->status = engine->scan_next(self, l->cursor, &l->n->sink);
	return NULL;
}

START_TEST(a_cursor_goes_on_where_it_was_on_another_thread)
{
	struct leg l = { 0 };
	struct notes n;
	unsigned i, legs = 0;

	for (i = 0; i < 1050; i++) {
		char key[8];

		snprintf(key, sizeof key, "%04u", i);
		set(key, "v");
	}
	notes_init(&n);
	n.sink.put = NULL;
	l.cursor = open_all();
	l.n = &n;
	do {
		pthread_t t;

		pthread_create(&t, NULL, run_leg, &l);
		set("0500", "other"); /* another thread writes meanwhile */
		pthread_join(t, NULL);
		legs++;
	} while (l.status == EWB_OK);
	ck_assert_int_eq(l.status, EWB_END);
	ck_assert_uint_eq(n.sink.n, 1050);
	ck_assert_uint_eq(legs, 11);
	engine->scan_close(self, l.cursor);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engines/scan");
	TCase *t = tcase_create("scan");

	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_range_has_the_keys_between_its_bounds, 0,
	                    sizeof ranges / sizeof *ranges);
	tcase_add_loop_test(t, backwards_they_come_in_reverse, 0,
	                    sizeof ranges / sizeof *ranges);
	tcase_add_loop_test(t, a_cursor_seeks_to_another_range_of_its_snapshot,
	                    0, sizeof ranges / sizeof *ranges);
	tcase_add_test(t, a_large_vbucket_is_the_same_backwards);
	tcase_add_test(t, a_vbucket_without_items_ends_at_once);
	tcase_add_test(t, a_vbucket_that_does_not_exist_is_refused);
	tcase_add_test(t, a_record_has_all_that_is_known_of_the_item);
	tcase_add_test(t, a_refused_record_is_offered_first_the_next_time);
	tcase_add_test(t, a_cursor_sees_the_data_of_its_opening);
	tcase_add_test(
		t,
		what_had_expired_at_the_opening_is_not_offered_and_the_rest_is);
	tcase_add_test(t, a_cursor_goes_on_where_it_was_on_another_thread);
	suite_add_tcase(s, t);
	return unit_run(s);
}
