/* SPDX-License-Identifier: BSD-2-Clause */
/* What a binary client asks for when it says hello: features, by number.
 * Source of the numbers: Couchbase's protocol, whose clients ask for them; from
 * 0xeb00 on they are ours. */
#ifndef PROTOCOL_HELLO_H
#define PROTOCOL_HELLO_H

#include <stddef.h>
#include <stdint.h>

/* EWB_FEATURE(name, number, help) */
enum ewb_feature {
#define EWB_FEATURE(name, number, help) EWB_FEATURE_##name,
#include "protocol/features.def"
#undef EWB_FEATURE
	EWB_NFEATURES
};
#define EWB_HAS_FEATURE(set, name) ((set) >> EWB_FEATURE_##name & 1u)

/* Who has asked for one of these knows of vbuckets, and of the configuration that
 * says how many there are. */
static inline int
ewb_knows_vbuckets(uint32_t set)
{
	return EWB_HAS_FEATURE(set, TOKENS) ||
	       EWB_HAS_FEATURE(set, SELECT_BUCKET) ||
	       EWB_HAS_FEATURE(set, COLLECTIONS);
}

/* Takes those that there are, but for those of lacking, a bit for each, out of n
 * bytes, which are even, in the order asked for and each once: bytes of the answer
 * in out.  *set: a bit for each. */
size_t ewb_hello(const uint8_t *asked, size_t n, uint32_t lacking,
                 uint8_t out[2 * EWB_NFEATURES], uint32_t *set);

#endif
