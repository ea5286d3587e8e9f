/* SPDX-License-Identifier: BSD-2-Clause */
/* The directory of a database: whose it is, and what it is taken for. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engines/durable/place.h"
#include "t/fake_host.h"
#include "t/unit.h"

static struct ewb_host host;
static char top[] = "/tmp/engine_place.XXXXXX";
static char path[256];
static int unreadable; /* the nth readdir() fails */

struct dirent *__real_readdir(DIR *dir);
struct dirent *__wrap_readdir(DIR *dir);

struct dirent *
__wrap_readdir(DIR *dir)
{
	if (unreadable && --unreadable == 0) {
		errno = EIO;
		return NULL;
	}
	return __real_readdir(dir);
}

static const char *
in(const char *file)
{
	static char name[300];

	snprintf(name, sizeof name, "%s/%s", path, file);
	return name;
}

static void
make(const char *file)
{
	int fd = open(in(file), O_WRONLY | O_CREAT, 0666);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static bool
is_there(const char *file)
{
	return access(in(file), F_OK) == 0;
}

static void
begin(const char *name)
{
	fake_host_init(&host, 4);
	snprintf(path, sizeof path, "%s/%s", top, name);
	unreadable = 0;
}

START_TEST(a_new_directory_is_fresh_until_the_database_is_made)
{
	struct dur_place p;

	begin("new");
	ck_assert_int_eq(dur_place_open(&p, &host, path, "CURRENT"), EWB_OK);
	ck_assert(p.fresh && !p.begun);
	dur_place_close(&p);
	/* killed there: what there is, is of nobody */
	ck_assert_int_eq(dur_place_open(&p, &host, path, "CURRENT"), EWB_OK);
	ck_assert(p.fresh && p.begun);
	make("CURRENT");
	ck_assert_int_eq(dur_place_made(&p, &host), EWB_OK);
	/* who opens the database anew has it */
	ck_assert(!p.fresh && !p.begun && !p.copy);
	dur_place_close(&p);
	ck_assert_int_eq(dur_place_open(&p, &host, path, "CURRENT"), EWB_OK);
	ck_assert(!p.fresh && !p.begun && !p.copy);
	dur_place_close(&p);
}
END_TEST

START_TEST(one_is_open_once)
{
	struct dur_place p, q;

	begin("once");
	ck_assert_int_eq(dur_place_open(&p, &host, path, "CURRENT"), EWB_OK);
	ck_assert_int_ne(dur_place_open(&q, &host, path, "CURRENT"), EWB_OK);
	ck_assert_ptr_nonnull(strstr(host.error, "in use by another process"));
	dur_place_close(&q);
	dur_place_close(&p);
}
END_TEST

START_TEST(one_that_cannot_be_read_is_not_taken_for_an_empty_one)
{
	struct dur_place p;

	begin("unreadable");
	ck_assert_int_eq(mkdir(path, 0777), 0);
	make("CURRENT");
	for (int n = 1; n < 8; n++) {
		unreadable = n;
		ck_assert_int_ne(dur_place_open(&p, &host, path, "CURRENT"),
		                 EWB_OK);
		ck_assert(!p.fresh);
		ck_assert_ptr_nonnull(strstr(host.error, "Input/output error"));
		dur_place_close(&p);
		ck_assert(!is_there("ewbd.new"));
		if (unreadable) /* that was behind the last */
			break;
	}
	unreadable = 0;
	ck_assert_int_eq(dur_place_open(&p, &host, path, "CURRENT"), EWB_OK);
	ck_assert(!p.fresh);
	dur_place_close(&p);
}
END_TEST

START_TEST(somebody_elses_is_left_as_it_is)
{
	struct dur_place p;

	begin("foreign");
	ck_assert_int_eq(mkdir(path, 0777), 0);
	make("letter");
	ck_assert_int_ne(dur_place_open(&p, &host, path, "CURRENT"), EWB_OK);
	ck_assert_ptr_nonnull(strstr(host.error, "there is no CURRENT"));
	dur_place_close(&p);
	ck_assert(!is_there("ewbd.lock") && !is_there("ewbd.new"));
}
END_TEST

START_TEST(a_copy_is_one_until_it_was_opened)
{
	struct dur_place p;

	begin("copy");
	ck_assert_int_eq(mkdir(path, 0777), 0);
	make("CURRENT");
	ck_assert_int_eq(dur_place_copied(path), 0);
	ck_assert_int_eq(dur_place_open(&p, &host, path, "CURRENT"), EWB_OK);
	ck_assert(p.copy && !p.fresh);
	ck_assert_int_eq(dur_place_made(&p, &host), EWB_OK);
	dur_place_close(&p);
	ck_assert_int_eq(dur_place_open(&p, &host, path, "CURRENT"), EWB_OK);
	ck_assert(!p.copy);
	dur_place_close(&p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("engine_place");
	TCase *t = tcase_create("place");
	char command[sizeof top + 16];
	int failed;

	if (!mkdtemp(top))
		return EXIT_FAILURE;
	tcase_set_timeout(t, UNIT_SECONDS);
	tcase_add_test(t, a_new_directory_is_fresh_until_the_database_is_made);
	tcase_add_test(t, one_is_open_once);
	tcase_add_test(t, one_that_cannot_be_read_is_not_taken_for_an_empty_one);
	tcase_add_test(t, somebody_elses_is_left_as_it_is);
	tcase_add_test(t, a_copy_is_one_until_it_was_opened);
	suite_add_tcase(s, t);
	failed = unit_run(s);
	snprintf(command, sizeof command, "rm -rf %s", top);
	return system(command) ? EXIT_FAILURE : failed;
}
