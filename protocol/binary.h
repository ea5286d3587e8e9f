/* SPDX-License-Identifier: BSD-2-Clause */
/* The memcached binary protocol: requests, replies, and the records of scans. */
#ifndef PROTOCOL_BINARY_H
#define PROTOCOL_BINARY_H

#include <endian.h>
#include <string.h>

#include "protocol/frame.h"

/* big-endian */
static inline uint16_t
ewb_be16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return be16toh(v);
}

static inline uint32_t
ewb_be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return be32toh(v);
}

static inline uint64_t
ewb_be64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return be64toh(v);
}

static inline void
ewb_put16(uint8_t *p, uint16_t v)
{
	v = htobe16(v);
	memcpy(p, &v, sizeof v);
}

static inline void
ewb_put32(uint8_t *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof v);
}

static inline void
ewb_put64(uint8_t *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof v);
}

#define EWB_BIN_HEAD 24
/* What is said before a login, and for it. */
#define EWB_BIN_HELLO 0x1f
#define EWB_BIN_SASL_LIST 0x20
#define EWB_BIN_SASL_AUTH 0x21
#define EWB_BIN_SASL_STEP 0x22
#define EWB_BIN_ERROR_MAP 0xfe
#define EWB_BIN_QUIT 0x07
#define EWB_BIN_QUITQ 0x17
#define EWB_BIN_REQUEST 0x80
#define EWB_BIN_RESPONSE 0x81
/* With framing extras, and a short key length. */
#define EWB_BIN_RESPONSE_ALT 0x18

/* What blocked commands can be given by a reload of the engine, milliseconds: the
 * clients' commands wait so long. */
#define EWB_RELOAD_MAX_MS 60000

/* Takes one frame's head off in[0..n).  A frame that is wrong in itself
 * (lengths that the opcode does not have, key missing or too long) is of op
 * ERROR with status EWB_INVALID, its value skipped; an unknown opcode likewise
 * with EWB_UNKNOWN_COMMAND; a value larger than max_value with EWB_TOO_BIG.  Contradicting lengths, an
 * unknown magic, or a body above max_body: EWB_PARSE_CLOSE. */
enum ewb_parse ewb_bin_parse(const uint8_t *in, size_t n, size_t max_value,
                             size_t max_body, struct ewb_frame *f);

/* Are these the first bytes of a message of a login? */
static inline int
ewb_bin_is_sasl(const uint8_t *in, size_t n)
{
	return n > 1 && (in[1] == EWB_BIN_SASL_AUTH || in[1] == EWB_BIN_SASL_STEP);
}

/* Likewise of a client that says the collection before each key: EWB_WIRE_PREFIX
 * bytes more of key may be. */
enum ewb_parse ewb_bin_parse_prefixed(const uint8_t *in, size_t n,
                                      size_t max_value, size_t max_body,
                                      struct ewb_frame *f);

struct ewb_bin_reply {
	uint8_t opcode, nextras, datatype;
	uint16_t nkey, status;
	uint32_t nbody; /* extras, key and value */
	/* read, and in nbody then; what is written is given them by ewb_bin_frame() */
	uint8_t nframing;
	uint32_t opaque; /* as it was in the frame */
	uint64_t cas;
};
static inline void
ewb_bin_head(uint8_t out[EWB_BIN_HEAD], const struct ewb_bin_reply *r)
{
	out[0] = EWB_BIN_RESPONSE;
	out[1] = r->opcode;
	ewb_put16(out + 2, r->nkey);
	out[4] = r->nextras;
	out[5] = r->datatype;
	ewb_put16(out + 6, r->status);
	ewb_put32(out + 8, r->nbody);
	memcpy(out + 12, &r->opaque, 4);
	ewb_put64(out + 16, r->cas);
}

/* The n bytes at frame, a header and what follows it of a response, are given so
 * many framing extras, for which there is room behind them. */
void ewb_bin_frame(uint8_t *frame, size_t n, const uint8_t *extras,
                   uint8_t nextras);
/* How long the server has had a command, as framing extras of its response. */
#define EWB_BIN_DURATION 3
void ewb_bin_duration(uint8_t out[EWB_BIN_DURATION], uint64_t us);

/* How far a scan has come, as framing extras of the frame that ends a continue.
 * The token: the scan's id, and records that came, 64 bits. */
#define EWB_BIN_TOKEN 24
#define EWB_BIN_PLACE 29
#define EWB_BIN_WHOLE 10000 /* hundredths of a percent */
struct ewb_bin_place {
	uint8_t token[EWB_BIN_TOKEN];
	uint16_t progress; /* an estimate, up to EWB_BIN_WHOLE */
};
void ewb_bin_place_put(uint8_t out[EWB_BIN_PLACE], const struct ewb_bin_place *p);
/* For clients: out of n bytes of framing extras, in which there may be others.
 * -1: it is not there, or cut short. */
int ewb_bin_place_get(const uint8_t *in, size_t n, struct ewb_bin_place *p);

/* For clients: a request's header. */
struct ewb_bin_request {
	uint8_t opcode, nextras, datatype;
	uint16_t nkey, vbucket;
	uint32_t nbody, opaque;
	uint64_t cas;
};
void ewb_bin_request(uint8_t out[EWB_BIN_HEAD], const struct ewb_bin_request *r);
/* For clients: 0 when n bytes hold no whole header; -1 when it is none; else 24.
 * In the body nframing bytes of framing extras come first. */
int ewb_bin_response(const uint8_t *in, size_t n, struct ewb_bin_reply *r);

/* {"error":{"context":"text"}} with the text escaped and cut to fit; bytes. */
#define EWB_BIN_ERROR_MAX 512
size_t ewb_bin_error(uint8_t out[EWB_BIN_ERROR_MAX], const char *context);
/* Likewise, with members of JSON behind it: {"error":{"context":"text"},MORE}. */
#define EWB_BIN_MORE_MAX 60
size_t ewb_bin_error_more(uint8_t out[EWB_BIN_ERROR_MAX], const char *context,
                          const char *more);

/* A scan's records. */
struct ewb_bin_record {
	uint32_t flags, expiry;
	uint64_t seqno, cas;
	uint8_t datatype;
	const uint8_t *key;
	size_t nkey;
	const uint8_t *value;
	size_t nvalue;
	/* not in the binary form: when it was asked for last, Unix seconds, 0 if
	 * that is not known; and whether it was since it was stored */
	uint32_t accessed;
	uint8_t fetched;
};
/* Bytes of it beside the value, which is below 32 GiB, at most. */
#define EWB_BIN_RECORD_MORE (25 + 2 + EWB_KEY_MAX + 5)
/* Bytes that the record takes. */
size_t ewb_bin_record_size(const struct ewb_bin_record *r, int keys_only);
/* Writes exactly those, and says how many. */
size_t ewb_bin_record_put(uint8_t *out, const struct ewb_bin_record *r,
                        int keys_only);
/* For clients: takes one record off; bytes, 0 at the end or when cut short. */
size_t ewb_bin_record_get(const uint8_t *in, size_t n, int keys_only,
                          struct ewb_bin_record *r);
/* The same of one whose value may be cut short: it is null then, and its length
 * and the record's bytes are those of all of it. */
size_t ewb_bin_record_head(const uint8_t *in, size_t n, int keys_only,
                           struct ewb_bin_record *r);


#endif
