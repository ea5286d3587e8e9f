/* SPDX-License-Identifier: BSD-2-Clause */
/* A shared object that is no engine. */
#include <ewb/engine.h>

EWB_EXPORT int ewb_engine_is_not_here(void);

int
ewb_engine_is_not_here(void)
{
	return 1;
}
