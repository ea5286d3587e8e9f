/* SPDX-License-Identifier: BSD-2-Clause */
/* What every unit test's main() does. */
#ifndef T_UNIT_H
#define T_UNIT_H

#include <check.h>
#include <stdlib.h>

#define UNIT_SECONDS 120 /* for one test, also with a sanitizer */

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define UNIT_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define UNIT_SANITIZED 1
#endif
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
