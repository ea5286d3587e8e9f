/* SPDX-License-Identifier: BSD-2-Clause */
/* Which thread may call what.  clang -Wthread-safety checks it; to any other
 * compiler these are words for the reader. */
#ifndef LIB_ROLES_H
#define LIB_ROLES_H

#include <pthread.h>

#include "lib/check.h"

#if defined(__clang__)
#define EWB_TSA(x) __attribute__((x))
#else
#define EWB_TSA(x)
#endif

struct EWB_TSA(capability("role")) ewb_role {
	char unused;
};
extern struct ewb_role ewb_front_role; /* the thread that runs the front end */

/* On a declaration: call me on the front-end thread only. */
#define EWB_ON_FRONT EWB_TSA(requires_capability(ewb_front_role))
/* On a declaration: never call me there, I may block. */
#define EWB_MAY_BLOCK EWB_TSA(locks_excluded(ewb_front_role))

/* At the top of a loop callback: from here on we are the front-end thread,
 * and thread is the one that the object belongs to. */
static inline void EWB_TSA(assert_capability(ewb_front_role))
ewb_now_on_front(pthread_t thread)
{
	EWB_MUST(pthread_equal(thread, pthread_self()));
}

#endif
