/* SPDX-License-Identifier: BSD-2-Clause */
/* What every unit test's main() does. */
#ifndef T_UNIT_H
#define T_UNIT_H

#include <check.h>
#include <stdlib.h>

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

/* How often what is slow with a sanitizer is done: n times, or less. */
#ifdef UNIT_SANITIZED
#define UNIT_TIMES(n) ((n) / 10)
#else
#define UNIT_TIMES(n) (n)
#endif

static inline int
unit_run(Suite *s)
{
	SRunner *r = srunner_create(s);
	int failed;

	/* a sanitizer's process is slow to fork, and it dies of any fault */
#ifdef UNIT_SANITIZED
	srunner_set_fork_status(r, CK_NOFORK);
#endif
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
