/* SPDX-License-Identifier: BSD-2-Clause */
/* Invariants.  They stay on in a release: a wrong answer costs more than a
 * restart.  For what a peer, a disk or an engine can cause, return an error
 * instead. */
#ifndef LIB_CHECK_H
#define LIB_CHECK_H

#include <stdint.h>

#include "lib/hot.h"

_Noreturn void ewb_check_failed(const char *file, int line, const char *func,
                                const char *what) EWB_COLD;

/* cond is true, or this program is wrong. */
#define EWB_MUST(cond)    \
	((cond) ? (void)0 \
	        : ewb_check_failed(__FILE__, __LINE__, __func__, #cond))

/* A call that reports failure by an error number and has no business to. */
#define EWB_MUST0(call) EWB_MUST((call) == 0)

/* p points to a live object of its kind.  First member: uint32_t magic. */
#define EWB_LIVE(p, kind) EWB_MUST((p) != NULL && (p)->magic == (kind))

#endif
