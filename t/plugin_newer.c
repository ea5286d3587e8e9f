/* SPDX-License-Identifier: BSD-2-Clause */
/* One that was built against a header of the next release. */
#include <ewb/engine.h>

EWB_EXPORT const struct ewb_engine *ewb_engine_entry(void);

const struct ewb_engine *
ewb_engine_entry(void)
{
	static const struct ewb_engine engine = {
		.abi = EWB_ABI,
		.size = sizeof engine,
		.api = EWB_API + 0x100,
		.name = "newer",
	};

	return &engine;
}
