/* SPDX-License-Identifier: BSD-2-Clause */
#include <ewb/engine.h>
#if defined(__bool_true_false_are_defined) || defined(_STDLIB_H)
#error ewb/engine.h lets other headers in
#endif
int
main(void)
{
	return EWB_OK;
}
