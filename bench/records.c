/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/net.h"
#include "bench/records.h"

#define UUID 16
#define COMPLETE 0xa7

void
records_make(struct records *r, size_t n)
{
	size_t i;

	r->n = n;
	r->at = malloc(n * sizeof *r->at);
	for (i = 0; i < n; i++) {
		struct record *one = &r->at[i];
		char key[32];

		memset(one, 0, sizeof *one);
		snprintf(key, sizeof key, "k0200:%010zu", i);
		one->seqno = one->cas = i + 1;
		one->nkey = RECORDS_KEY;
		one->nvalue = RECORDS_VALUE;
		memcpy(one->key, key, RECORDS_KEY);
		memset(one->value, 'v', RECORDS_VALUE);
	}
}

static char *
put(char *to, const void *bytes, size_t len)
{
	memcpy(to, bytes, len);
	return to + len;
}

static char *
put_length(char *to, size_t n)
{
	for (; n >= 0x80; n >>= 7)
		*to++ = (char)(n | 0x80);
	*to++ = (char)n;
	return to;
}

char *
records_put(char *to, const struct records_one *r)
{
	uint32_t flags = htonl(r->flags), expiry = htonl(r->expiry);
	uint64_t seqno = htobe64(r->seqno), cas = htobe64(r->cas);

	to = put(to, &flags, 4);
	to = put(to, &expiry, 4);
	to = put(to, &seqno, 8);
	to = put(to, &cas, 8);
	*to++ = (char)r->datatype;
	to = put_length(to, r->nkey);
	to = put(to, r->key, r->nkey);
	to = put_length(to, r->nvalue);
	return put(to, r->value, r->nvalue);
}

static char *
put_record(char *to, const struct record *r)
{
	struct records_one one = { .flags = r->flags,
		                   .expiry = r->expiry,
		                   .seqno = r->seqno,
		                   .cas = r->cas,
		                   .datatype = r->datatype,
		                   .key = r->key,
		                   .value = r->value,
		                   .nkey = r->nkey,
		                   .nvalue = r->nvalue };

	return records_put(to, &one);
}

void
records_head(char *frame, size_t len, int complete)
{
	uint32_t body = htonl((uint32_t)(4 + len));

	memset(frame, 0, RECORDS_HEAD);
	frame[0] = (char)0x81;
	frame[1] = (char)RECORDS_CONTINUE;
	frame[4] = 4;
	frame[7] = (char)(complete ? COMPLETE : 0);
	memcpy(frame + 8, &body, 4);
	frame[27] = 1; /* documents */
}

size_t
records_fill(const struct records *r, size_t *next, char *frame, size_t cap)
{
	char *to = frame + RECORDS_HEAD, *end = frame + cap;

	for (; *next < r->n && end - to >= RECORDS_LEN; ++*next)
		to = put_record(to, &r->at[*next]);
	records_head(frame, (size_t)(to - frame) - RECORDS_HEAD, *next == r->n);
	return (size_t)(to - frame);
}

int
records_request(int fd)
{
	unsigned char head[24];
	char body[4096];
	uint32_t len;

	if (net_recv(fd, head, sizeof head))
		return -1;
	memcpy(&len, head + 8, 4);
	len = ntohl(len);
	if (len > sizeof body || net_recv(fd, body, len))
		return -1;
	return head[1];
}

int
records_answer(int fd, int op)
{
	char reply[24 + UUID] = { (char)0x81, (char)op };
	size_t len = op == RECORDS_CREATE ? UUID : 0;

	reply[11] = (char)len;
	return net_send(fd, reply, 24 + len);
}
