/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "lib/hot.h"
#include "protocol/number.h"

EWB_HOT int
ewb_take_number(const uint8_t *at, size_t n, uint64_t *v)
{
	size_t i = n > 0 && at[0] == '+';
	int fits = 1;

	if (i == n)
		return 0;
	for (*v = 0; i < n; i++) {
		unsigned digit = at[i] - (unsigned)'0';

		if (digit > 9)
			return 0;
		if (*v > (UINT64_MAX - digit) / 10)
			fits = -1;
		*v = *v * 10 + digit;
	}
	if (fits < 0)
		*v = UINT64_MAX;
	return fits;
}

EWB_HOT int
ewb_take_number32(const uint8_t *at, size_t n, uint32_t *v)
{
	uint64_t all;

	if (ewb_take_number(at, n, &all) != 1 || all > UINT32_MAX)
		return 0;
	*v = (uint32_t)all;
	return 1;
}

EWB_HOT int
ewb_take_exptime(const uint8_t *at, size_t n, uint32_t *v)
{
	uint64_t all;

	if (n > 1 && at[0] == '-' && at[1] != '+') {
		if (ewb_take_number(at + 1, n - 1, &all) != 1)
			return 0;
		*v = all > INT32_MAX ? (uint32_t)INT32_MIN : 0 - (uint32_t)all;
		return 1;
	}
	if (ewb_take_number(at, n, &all) != 1)
		return 0;
	*v = all > INT32_MAX ? (uint32_t)INT32_MAX : (uint32_t)all;
	return 1;
}
