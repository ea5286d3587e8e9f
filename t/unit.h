/* SPDX-License-Identifier: BSD-2-Clause */
/* What every unit test's main() does. */
#ifndef T_UNIT_H
#define T_UNIT_H

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_SECONDS 120 /* for one test, also with a sanitizer */

#ifdef __has_feature
#define UNIT_HAS(x) __has_feature(x)
#else
#define UNIT_HAS(x) 0
#endif
#if defined(__SANITIZE_THREAD__) || UNIT_HAS(thread_sanitizer)
#define UNIT_TSAN 1
#endif
#if defined(UNIT_TSAN) || defined(__SANITIZE_ADDRESS__) || UNIT_HAS(address_sanitizer)
#define UNIT_SANITIZED 1
#endif

#if defined(__GLIBC__) && !defined(UNIT_SANITIZED)
#if __GLIBC_PREREQ(2, 32)
#include <sys/single_threaded.h>
#define UNIT_COUNTS_THREADS 1
#endif
#endif

/* How often what is slow with a sanitizer is done: n times, or less. */
#ifdef UNIT_SANITIZED
#define UNIT_TIMES(n) ((n) / 10)
#else
#define UNIT_TIMES(n) (n)
#endif

/* With each assertion that holds Check writes its place to a file, for when the
 * test's process dies after it: half the time of many a test.  With no process
 * for each test nobody would read it. */
__attribute__((weak)) int unit_has_no_processes;
#define _mark_point(file, line) \
	(unit_has_no_processes ? (void)0 : (_mark_point)(file, line))

/* A thread sanitizer sees the programs that are in t/room.am's list, and that is
 * all that have threads.  Seen where tests have no process each (CK_FORK=no). */
static inline int
unit_threads_are_listed(void)
{
#ifdef UNIT_COUNTS_THREADS
	const char *list = getenv("THREADED");
	char name[256];

	if (!list || __libc_single_threaded)
		return 1;
	snprintf(name, sizeof(name), " t/%s ", program_invocation_short_name);
	if (strstr(list, name))
		return 1;
	printf("it has threads, and is not among threaded_programs\n");
	return 0;
#else
	return 1;
#endif
}

static inline int
unit_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	/* a sanitizer's process is slow to fork, and it dies of any fault */
#ifdef UNIT_SANITIZED
	srunner_set_fork_status(r, CK_NOFORK);
#endif
	unit_has_no_processes = srunner_fork_status(r) == CK_NOFORK;
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed || !unit_threads_are_listed() ? EXIT_FAILURE
	                                            : EXIT_SUCCESS;
}

#endif
