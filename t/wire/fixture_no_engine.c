/* SPDX-License-Identifier: BSD-2-Clause */
/* A shared object that is no engine. */
#include <ewb/engine.h>

EWB_EXPORT int ewb_fixture(void);

int
ewb_fixture(void)
{
	return EWB_API;
}
