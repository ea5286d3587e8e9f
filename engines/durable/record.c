/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "record.h"

#define FORM 1 /* of a value; another one has another head */

void
dur_put16(unsigned char *at, uint16_t n)
{
	at[0] = (unsigned char)(n >> 8);
	at[1] = (unsigned char)n;
}

void
dur_put32(unsigned char *at, uint32_t n)
{
	dur_put16(at, (uint16_t)(n >> 16));
	dur_put16(at + 2, (uint16_t)n);
}

void
dur_put64(unsigned char *at, uint64_t n)
{
	dur_put32(at, (uint32_t)(n >> 32));
	dur_put32(at + 4, (uint32_t)n);
}

uint16_t
dur_get16(const unsigned char *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t
dur_get32(const unsigned char *at)
{
	return (uint32_t)dur_get16(at) << 16 | dur_get16(at + 2);
}

uint64_t
dur_get64(const unsigned char *at)
{
	return (uint64_t)dur_get32(at) << 32 | dur_get32(at + 4);
}

void
dur_key_make(struct dur_key *k, uint16_t vbucket, const void *key, size_t nkey)
{
	if (nkey > DUR_MAX_KEY + 1)
		nkey = DUR_MAX_KEY + 1;
	dur_put16(k->at, vbucket);
	dur_put32(k->at + 2, 0);
	if (nkey)
		memcpy(k->at + DUR_KEY_HEAD, key, nkey);
	k->n = DUR_KEY_HEAD + nkey;
}

void
dur_key_make_end(struct dur_key *k, uint16_t vbucket)
{
	dur_put16(k->at, (uint16_t)(vbucket + 1));
	k->n = 2;
}

void
dur_head_write(unsigned char out[DUR_VALUE_HEAD], const struct ewb_item *i)
{
	out[0] = FORM;
	out[1] = (unsigned char)i->datatype;
	dur_put16(out + 2, 0);
	dur_put32(out + 4, i->flags);
	dur_put32(out + 8, i->expiry);
	dur_put64(out + 12, i->cas);
	dur_put64(out + 20, i->seqno);
}

bool
dur_value_read(struct ewb_item *i, const void *at, size_t n)
{
	const unsigned char *p = at;

	if (n < DUR_VALUE_HEAD || p[0] != FORM)
		return false;
	*i = (struct ewb_item){ .size = sizeof *i,
		                .flags = dur_get32(p + 4),
		                .expiry = dur_get32(p + 8),
		                .datatype = p[1],
		                .cas = dur_get64(p + 12),
		                .seqno = dur_get64(p + 20),
		                .value = p + DUR_VALUE_HEAD,
		                .nvalue = n - DUR_VALUE_HEAD };
	return true;
}
