/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/check.h"

void
ewb_check_failed(const char *file, int line, const char *func, const char *what)
{
	fprintf(stderr, "%s:%d: %s: this must hold: %s\n", file, line, func,
	        what);
	abort();
}
