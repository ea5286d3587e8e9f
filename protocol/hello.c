/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "protocol/binary.h"
#include "protocol/hello.h"

static const uint16_t numbers[] = {
#define EWB_FEATURE(name, number, help) number,
#include "protocol/features.def"
#undef EWB_FEATURE
};

size_t
ewb_hello(const uint8_t *asked, size_t n, uint32_t lacking,
          uint8_t out[2 * EWB_NFEATURES], uint32_t *set)
{
	size_t len = 0;

	*set = 0;
	for (size_t i = 0; i + 2 <= n; i += 2)
		for (unsigned f = 0; f < EWB_NFEATURES; f++) {
			if (ewb_be16(asked + i) != numbers[f] ||
			    (*set | lacking) >> f & 1)
				continue;
			*set |= 1u << f;
			ewb_put16(out + len, numbers[f]);
			len += 2;
		}
	return len;
}
