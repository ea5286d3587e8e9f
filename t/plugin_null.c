/* SPDX-License-Identifier: BSD-2-Clause */
/* One that has nothing to offer. */
#include <ewb/engine.h>

EWB_EXPORT const struct ewb_engine *ewb_engine_entry(void);

const struct ewb_engine *
ewb_engine_entry(void)
{
	return NULL;
}
