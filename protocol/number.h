/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as the text protocol has them. */
#ifndef PROTOCOL_NUMBER_H
#define PROTOCOL_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* 1: digits, perhaps after a plus.  0: none.  -1: too many of them; *v is then
 * UINT64_MAX. */
int ewb_take_number(const uint8_t *at, size_t n, uint64_t *v);
/* 0: it is none, or too large. */
int ewb_take_number32(const uint8_t *at, size_t n, uint32_t *v);
/* An int32; beyond it, the next best: gone is gone, and late is late.  0: it is
 * none. */
int ewb_take_exptime(const uint8_t *at, size_t n, uint32_t *v);
/* Writes it; its digits, 20 at most. */
static inline size_t
ewb_put_number(uint8_t *out, uint64_t v)
{
	uint8_t digits[20];
	size_t n = 0;

	do
		digits[n++] = (uint8_t)('0' + v % 10);
	while (v /= 10);
	for (size_t i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	return n;
}

#endif
