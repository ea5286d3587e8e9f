/* SPDX-License-Identifier: BSD-2-Clause */
/* One that calls what nobody has. */
#include <ewb/engine.h>

EWB_EXPORT const struct ewb_engine *ewb_engine_entry(void);

extern const struct ewb_engine *ewb_not_of_this_world(void);

const struct ewb_engine *
ewb_engine_entry(void)
{
	return ewb_not_of_this_world();
}
