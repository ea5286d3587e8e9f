/* SPDX-License-Identifier: BSD-2-Clause */
/* Engines as plugins: what is refused, with one line that says why; settings;
 * when one may be closed. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "t/cookie_play.h"

static char why[1024];

static const char *
path_of(const char *name)
{
	static char path[2][512];
	static unsigned turn;
	const char *dir = getenv("builddir");

	turn ^= 1;
	snprintf(path[turn], sizeof path[0], "%s/t/.libs/%s", dir ? dir : ".",
	         name);
	return path[turn];
}

static struct ewb_instance *
load(const char *what, const char *dir, const char *name, const char *value)
{
	const struct ewb_setting s = { name, value };

	why[0] = '\0';
	return ewb_instance_load(&play.core, what, dir, &s, name != NULL, why,
	                         sizeof why);
}

static struct ewb_instance *
open_engine(const struct ewb_engine *e)
{
	why[0] = '\0';
	return ewb_instance_open(&play.core, e, NULL, 0, why, sizeof why);
}

/* One line, that begins and goes on like this. */
static void
expect_why(const char *begins, const char *has)
{
	ck_assert_msg(strncmp(why, begins, strlen(begins)) == 0 &&
	                      strstr(why, has),
	              "it says: %s", why);
	ck_assert_ptr_null(strchr(why, '\n'));
}

static void
close_good(struct ewb_instance *i)
{
	ck_assert_int_eq(ewb_instance_close(i, why, sizeof why), EWB_OK);
}

START_TEST(a_plugin_is_loaded_by_path_or_by_name)
{
	struct ewb_instance *i;
	struct call *k;
	uint64_t size;

	if (_i)
		i = load("plugin_good", path_of(""), "size", "3k");
	else
		i = load(path_of("plugin_good.so"), "/nowhere", "size", "3k");
	ck_assert_msg(i != NULL, "%s", why);
	ck_assert_str_eq(i->host.name, "good");
	play.session[0].instance = i;
	k = play_get(0, "k");
	play_settle();
	ck_assert_uint_eq(k->nreply, 8);
	memcpy(&size, k->reply, sizeof size);
	ck_assert_uint_eq(size, 3072);
	close_good(i);
}
END_TEST

START_TEST(a_plugin_that_is_not_there)
{
	ck_assert_ptr_null(load("/no/such/thing.so", "", NULL, NULL));
	ck_assert_str_eq(why, "engine /no/such/thing.so: no such file");
	ck_assert_ptr_null(load("thing", path_of(""), NULL, NULL));
	expect_why("engine thing: none of that name in ", "plugin_good");
	ck_assert_ptr_null(load("thing", "/no/such/place", NULL, NULL));
	ck_assert_str_eq(why, "engine thing: none of that name in "
	                      "/no/such/place (not installed? give a path with "
	                      "a slash: ./thing.so)");
	ck_assert_ptr_null(load("thing.so", path_of(""), NULL, NULL));
	expect_why("engine thing.so: none of that name in ",
	           "; else give a path with a slash: ./thing.so)");
}
END_TEST

START_TEST(a_file_that_is_no_shared_object)
{
	char name[] = "/tmp/ewb-plugin-XXXXXX";
	int fd = mkstemp(name);
	char begins[100];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "text\n", 5), 5);
	close(fd);
	ck_assert_ptr_null(load(name, "", NULL, NULL));
	snprintf(begins, sizeof begins, "engine %s: cannot be loaded: ", name);
	expect_why(begins, "");
	unlink(name);
}
END_TEST

START_TEST(a_shared_object_that_is_no_engine)
{
	char line[600];
	const char *path = path_of(_i ? "plugin_null.so" : "plugin_none.so");

	ck_assert_ptr_null(load(path, "", NULL, NULL));
	snprintf(line, sizeof line,
	         "engine %s: no engine: it has no EWB_ENGINE(...)", path);
	ck_assert_str_eq(why, line);
}
END_TEST

START_TEST(a_plugin_that_needs_what_nobody_has)
{
	ck_assert_ptr_null(load(path_of("plugin_missing.so"), "", NULL, NULL));
	expect_why("engine ", "cannot be loaded: ");
	expect_why("engine ", "ewb_not_of_this_world");
}
END_TEST

START_TEST(a_plugin_for_a_newer_server)
{
	char begins[600];
	const char *path = path_of("plugin_newer.so");

	ck_assert_ptr_null(load(path, "", NULL, NULL));
	ck_assert_uint_eq(EWB_API, 0x000200);
	snprintf(begins, sizeof begins,
	         "engine %s: it was built for a newer libewb (API 0.3.0; this "
	         "one has 0.2.0): ",
	         path);
	expect_why(begins, "build it against this ewb/engine.h");
}
END_TEST

/* Each fault of the struct, and the sentence that says what to do. */
static void
no_abi(struct ewb_engine *e)
{
	e->abi = EWB_ABI + 1;
}
static void
no_old_abi(struct ewb_engine *e)
{
	e->abi = 0;
}
static void
no_size(struct ewb_engine *e)
{
	e->size = offsetof(struct ewb_engine, scan_close);
}
static void
no_name(struct ewb_engine *e)
{
	e->name = NULL;
}
static void
empty_name(struct ewb_engine *e)
{
	e->name = "";
}
static void
long_name(struct ewb_engine *e)
{
	e->name = "a-name-of-thirty-two-characters-";
}
static void
no_get(struct ewb_engine *e)
{
	e->get = NULL;
}
static void
no_store(struct ewb_engine *e)
{
	e->store = NULL;
}
static void
no_remove(struct ewb_engine *e)
{
	e->remove = NULL;
}
static void
half_a_scan(struct ewb_engine *e)
{
	e->scan_close = (void (*)(void *, void *))(void (*)(void))abort;
}
static void
no_model(struct ewb_engine *e)
{
	e->model = (enum ewb_model)9;
}

static const struct fault {
	void (*make)(struct ewb_engine *e);
	const char *says;
} faults[] = {
	{ no_abi, "it was built for another engine ABI (2; this libewb has 1): "
	          "build it against this ewb/engine.h" },
	{ no_old_abi, "it was built for another engine ABI (0; " },
	{ no_size, "its struct ewb_engine is cut short: use EWB_ENGINE()" },
	{ no_name, "it needs a .name of 1 to 31 characters" },
	{ empty_name, "it needs a .name of 1 to 31 characters" },
	{ long_name, "it needs a .name of 1 to 31 characters" },
	{ no_get, "it needs the callbacks .get, .store and .remove" },
	{ no_store, "it needs the callbacks .get, .store and .remove" },
	{ no_remove, "it needs the callbacks .get, .store and .remove" },
	{ half_a_scan, "it needs all of .scan_open, .scan_next and "
	               ".scan_close, or none" },
	{ no_model, "its .model is none of enum ewb_model's" },
};
#define NFAULTS (int)(sizeof faults / sizeof *faults)

START_TEST(an_engine_with_a_fault_is_refused_with_what_to_do)
{
	struct ewb_engine e = script_engine;

	faults[_i].make(&e);
	ck_assert_ptr_null(open_engine(&e));
	expect_why(faults[_i].says, "");
}
END_TEST

/* Of a later release of the same API: what we do not know is left alone. */
START_TEST(a_longer_struct_is_taken_as_far_as_it_is_known)
{
	struct {
		struct ewb_engine e;
		unsigned char more[4096];
	} later = { .e = script_engine };
	struct ewb_instance *i;

	memset(later.more, 0xff, sizeof later.more);
	later.e.size = sizeof later;
	i = open_engine(&later.e);
	ck_assert_msg(i != NULL, "%s", why);
	ck_assert_mem_eq((char *)&i->engine + 12, (char *)&later.e + 12,
	                 sizeof later.e - 12);
	ck_assert_ptr_null(i->self);
	close_good(i);
}
END_TEST

/* Of the first release, whose struct ended with scan_close: not a byte of
 * what follows it is looked at. */
START_TEST(the_first_releases_struct_is_enough)
{
	/* volatile: compilers know that it is too short */
	volatile size_t first = offsetof(struct ewb_engine, scan_close) +
	                        sizeof script_engine.scan_close;
	struct ewb_engine *e = malloc(first);
	struct ewb_instance *i;

	memcpy(e, &script_engine, first);
	e->size = (uint32_t)first;
	i = open_engine(e);
	ck_assert_msg(i != NULL, "%s", why);
	free(e);
	close_good(i);
}
END_TEST

/* Settings. */

START_TEST(an_unknown_setting_is_refused_with_those_it_knows)
{
	ck_assert_ptr_null(
		load(path_of("plugin_good.so"), "", "colour", "red"));
	ck_assert_str_eq(
		why, "engine good: no parameter colour; it knows: size mute");
}
END_TEST

START_TEST(an_engine_without_parameters_says_so)
{
	const struct ewb_setting s = { "x", "1" };

	ck_assert_ptr_null(ewb_instance_open(&play.core, &script_engine, &s, 1,
	                                     why, sizeof why));
	ck_assert_str_eq(why, "engine script: no parameter x; it knows none");
}
END_TEST

START_TEST(a_bad_value_is_explained_by_the_engine)
{
	ck_assert_ptr_null(load(path_of("plugin_good.so"), "", "size", "much"));
	ck_assert_str_eq(why,
	                 "engine good: size=much: not a size, such as 64M");
}
END_TEST

START_TEST(an_engine_that_does_not_say_why_is_named_with_its_status)
{
	ck_assert_ptr_null(load(path_of("plugin_good.so"), "", "mute", "1"));
	ck_assert_str_eq(why, "engine good: would not open (status 0x86)");
}
END_TEST

START_TEST(why_is_cut_and_not_overrun)
{
	char little[8];

	memset(little, 'x', sizeof little);
	ck_assert_ptr_null(ewb_instance_load(&play.core, "/no/such/thing.so",
	                                     "", NULL, 0, little, 4));
	ck_assert_mem_eq(little, "eng\0xxxx", 8);
}
END_TEST

START_TEST(sizes_times_and_numbers_are_as_people_write_them)
{
	static const struct {
		int (*parse)(const char *text, uint64_t *value);
		const char *text;
		int ok;
		uint64_t value;
	} rows[] = {
		{ ewb_parse_size, "0", 1, 0 },
		{ ewb_parse_size, "64M", 1, 64 << 20 },
		{ ewb_parse_size, "4k", 1, 4096 },
		{ ewb_parse_size, "1g", 1, 1 << 30 },
		{ ewb_parse_size, "2T", 1, 2ull << 40 },
		{ ewb_parse_size, "16777216T", 0, 0 }, /* 2^64 */
		{ ewb_parse_size, "18446744073709551615", 1, UINT64_MAX },
		{ ewb_parse_size, "18446744073709551616", 0, 0 },
		{ ewb_parse_size, "-1", 0, 0 },
		{ ewb_parse_size, " 1", 0, 0 },
		{ ewb_parse_size, "", 0, 0 },
		{ ewb_parse_size, "M", 0, 0 },
		{ ewb_parse_size, "1.5M", 0, 0 },
		{ ewb_parse_size, "1 M", 0, 0 },
		{ ewb_parse_size, "1ms", 0, 0 },
		{ ewb_parse_time, "2ms", 1, 2000 },
		{ ewb_parse_time, "50us", 1, 50 },
		{ ewb_parse_time, "3s", 1, 3000000 },
		{ ewb_parse_time, "1m", 1, 60000000 },
		{ ewb_parse_time, "1h", 1, 3600000000 },
		{ ewb_parse_time, "7", 1, 7000 },
		{ ewb_parse_time, "0", 1, 0 },
		{ ewb_parse_time, "7d", 0, 0 },
		{ ewb_parse_time, "5124095576030431h", 0, 0 },
		{ ewb_parse_number, "12", 1, 12 },
		{ ewb_parse_number, "12k", 0, 0 },
		{ ewb_parse_number, "0x12", 0, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t value = 0;
		int status = rows[i].parse(rows[i].text, &value);

		ck_assert_msg((status == 0) == rows[i].ok &&
		                      value == rows[i].value,
		              "%s: %d, %llu", rows[i].text, status,
		              (unsigned long long)value);
	}
}
END_TEST

/* Closing. */

START_TEST(an_engine_is_not_closed_with_something_of_its_own_left)
{
	struct ewb_instance *i =
		load(path_of("plugin_good.so"), "", NULL, NULL);
	_Atomic uint64_t *left[] = { &i->cookies, &i->cursors, &i->lent };
	static const char *const says[] = {
		"engine good: not closed: 2 commands, 0 cursors and 0 lent "
		"values are left",
		"engine good: not closed: 0 commands, 2 cursors and 0 lent "
		"values are left",
		"engine good: not closed: 0 commands, 0 cursors and 2 lent "
		"values are left",
	};

	*left[_i] = 2;
	ck_assert_int_eq(ewb_instance_close(i, why, sizeof why), EWB_BUSY);
	ck_assert_str_eq(why, says[_i]);
	*left[_i] = 0;
	close_good(i);
}
END_TEST

/* Blocked, cancelled, orphaned: until it is notified. */
START_TEST(an_engine_is_not_closed_with_a_command_of_its_own_in_flight)
{
	struct script *s = script_for("k");
	struct call *k;

	s->block_for = 1;
	k = play_get(0, "k");
	ck_assert_int_eq(ewb_instance_close(play.instance, why, sizeof why),
	                 EWB_BUSY);
	ck_assert_str_eq(why,
	                 "engine script: not closed: 1 commands, 0 cursors "
	                 "and 0 lent values are left");
	if (_i)
		play_hang_up(k);
	else
		play_pass(2500 * 1000);
	play_pass(2500 * 1000);
	play_settle();
	ck_assert_int_eq(ewb_instance_close(play.instance, why, sizeof why),
	                 EWB_BUSY);
	script_notify(s, EWB_OK);
	play_settle();
	/* and now by play_end() */
}
END_TEST

/* The host. */

START_TEST(an_engine_is_told_what_its_server_is_like)
{
	struct ewb_host *h = &play.instance->host;

	ck_assert_uint_eq(ewb_host_vbuckets(h), 64);
	ck_assert_uint_eq(ewb_host_time(h), 1000000005);
	ck_assert_uint_eq(ewb_host_max_value(h), 1 << 20);
	ewb_host_log(h, "%d lines", 1);
	ck_assert_str_eq(play.lines[0], "engine script: 1 lines");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cookie: plugins");
	TCase *t = play_case("in the default world");

	tcase_add_loop_test(t, a_plugin_is_loaded_by_path_or_by_name, 0, 2);
	tcase_add_test(t, a_plugin_that_is_not_there);
	tcase_add_test(t, a_file_that_is_no_shared_object);
	tcase_add_loop_test(t, a_shared_object_that_is_no_engine, 0, 2);
	tcase_add_test(t, a_plugin_that_needs_what_nobody_has);
	tcase_add_test(t, a_plugin_for_a_newer_server);
	tcase_add_loop_test(t,
	                    an_engine_with_a_fault_is_refused_with_what_to_do,
	                    0, NFAULTS);
	tcase_add_test(t, a_longer_struct_is_taken_as_far_as_it_is_known);
	tcase_add_test(t, the_first_releases_struct_is_enough);
	tcase_add_test(t, an_unknown_setting_is_refused_with_those_it_knows);
	tcase_add_test(t, an_engine_without_parameters_says_so);
	tcase_add_test(t, a_bad_value_is_explained_by_the_engine);
	tcase_add_test(
		t, an_engine_that_does_not_say_why_is_named_with_its_status);
	tcase_add_test(t, why_is_cut_and_not_overrun);
	tcase_add_test(t, sizes_times_and_numbers_are_as_people_write_them);
	tcase_add_loop_test(
		t, an_engine_is_not_closed_with_something_of_its_own_left, 0,
		3);
	tcase_add_loop_test(
		t, an_engine_is_not_closed_with_a_command_of_its_own_in_flight,
		0, 2);
	tcase_add_test(t, an_engine_is_told_what_its_server_is_like);
	suite_add_tcase(s, t);
	return unit_run(s);
}
