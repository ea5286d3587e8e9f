/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <libdeflate.h>

#include "lib/check.h"
#include "lib/hot.h"
#include "protocol/frame.h"

#define THIRTY_DAYS (30u * 24 * 60 * 60)

const struct ewb_frame ewb_frame_zero;

const char *
ewb_op_name(enum ewb_op op)
{
	static const char *const names[EWB_NOPS] = {
#define EWB_OP(name, text, mutates) [EWB_OP_##name] = (text),
#include "protocol/ops.def"
#undef EWB_OP
	};

	EWB_MUST((unsigned)op < EWB_NOPS);
	return names[op];
}

int
ewb_op_mutates(enum ewb_op op)
{
	static const uint8_t all[EWB_NOPS] = {
#define EWB_OP(name, text, mutates) [EWB_OP_##name] = (mutates),
#include "protocol/ops.def"
#undef EWB_OP
	};

	EWB_MUST((unsigned)op < EWB_NOPS);
	return all[op];
}

uint32_t
ewb_expiry(uint32_t exptime, uint32_t now)
{
	return exptime > INT32_MAX ? 1 : ewb_bin_expiry(exptime, now);
}

uint32_t
ewb_bin_expiry(uint32_t exptime, uint32_t now)
{
	if (exptime == 0)
		return 0;
	if (exptime > THIRTY_DAYS)
		return exptime > now ? exptime : 1;
	return exptime < UINT32_MAX - now ? now + exptime : UINT32_MAX;
}

EWB_HOT uint32_t
ewb_key_hash(const void *key, size_t nkey)
{
	return libdeflate_crc32(0, nkey ? key : "", nkey);
}

EWB_HOT uint16_t
ewb_key_vbucket(uint32_t hash, unsigned n)
{
	EWB_MUST(n > 0);
	return (uint16_t)((hash >> 16 & 0x7fff) % n);
}
