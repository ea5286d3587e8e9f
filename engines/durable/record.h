/* SPDX-License-Identifier: BSD-2-Clause */
/* How a record lies on disk, in every engine that keeps data.
 *
 *      key:   vbucket 16 bits, collection 32 bits (0 for now), the client's key
 *      value: form 8 bits, datatype 8, unused 16, flags 32, expiry 32, cas 64,
 *             seqno 64, then the client's value
 *
 * Numbers are big-endian, so that keys sort by vbucket, then as a scan wants
 * them.  No vbucket is as high as 0xffff: what begins so is the engine's own. */
#ifndef DURABLE_RECORD_H
#define DURABLE_RECORD_H

#include <ewb/engine.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DUR_MAX_KEY 250u
#define DUR_KEY_HEAD 6u
#define DUR_VALUE_HEAD 28u

struct dur_key {
	size_t n;
	/* a bound is longer than any key, and one may step over it */
	unsigned char at[DUR_KEY_HEAD + DUR_MAX_KEY + 2];
};

/* nkey: 0 for where a vbucket begins.  Of a bound that is longer than a key can
 * be as much as it takes: no key is between. */
void dur_key_make(struct dur_key *k, uint16_t vbucket, const void *key,
                  size_t nkey);
/* Past the vbucket's last key. */
void dur_key_make_end(struct dur_key *k, uint16_t vbucket);

/* The head of a value: flags, expiry, datatype, cas and seqno of the item. */
void dur_head_write(unsigned char out[DUR_VALUE_HEAD],
                    const struct ewb_item *i);
/* All but the key; the value is not copied.  False: it is none of ours. */
bool dur_value_read(struct ewb_item *i, const void *at, size_t n);

static inline bool
dur_expired(uint32_t expiry, uint32_t now)
{
	return expiry != 0 && expiry <= now;
}

void dur_put16(unsigned char *at, uint16_t n);
void dur_put32(unsigned char *at, uint32_t n);
void dur_put64(unsigned char *at, uint64_t n);
uint16_t dur_get16(const unsigned char *at);
uint32_t dur_get32(const unsigned char *at);
uint64_t dur_get64(const unsigned char *at);

#endif
