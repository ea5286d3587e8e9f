/* SPDX-License-Identifier: BSD-2-Clause */
#include "rest.h"

int
dur_rest_claim(struct dur_rest *r)
{
	uint64_t those = atomic_load(&r->those);

	while (those && !atomic_compare_exchange_weak(&r->those, &those,
	                                              those & (those - 1)))
		;
	return those ? __builtin_ctzll(those) : -1;
}

void
dur_rest_begin(struct dur_rest *r, unsigned n)
{
	atomic_fetch_or(&r->those, UINT64_C(1) << n);
}

void
dur_rest_end(struct dur_rest *r, unsigned n)
{
	atomic_fetch_and(&r->those, ~(UINT64_C(1) << n));
}
