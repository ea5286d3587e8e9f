/* SPDX-License-Identifier: BSD-2-Clause */
/* A request as the parsers see it: what both protocols say, in one form.
 *
 * On the wire a frame is head, value, tail: the head holds everything but the
 * value; the tail is the line end after a text value.  A parser needs the head
 * whole and nothing of the value, so that a large value can be received
 * elsewhere, or skipped.
 */
#ifndef PROTOCOL_FRAME_H
#define PROTOCOL_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* What `version` says first: the memcached whose classic commands these are,
 * to the letter.  Clients decide by it what to expect. */
#define EWB_PROTOCOL_VERSION "1.6.18"

#define EWB_KEY_MAX 250
#define EWB_LINE_MAX 2048 /* a text line without keys; memcached's own limit */

enum ewb_op {
#define EWB_OP(name, text, mutates) EWB_OP_##name,
#include "protocol/ops.def"
#undef EWB_OP
	EWB_NOPS
};

/* The text name of a command. */
const char *ewb_op_name(enum ewb_op op);
/* Does it change data? */
int ewb_op_mutates(enum ewb_op op);

enum ewb_parse {
	EWB_PARSE_OK,
	EWB_PARSE_MORE, /* the head is not whole yet; frame.head bytes before it
	                   may be taken off already (blanks, a skipped line) */
	EWB_PARSE_CLOSE /* nothing sensible can follow: frame.reason says why */
};

/* Bits of frame.is. */
#define EWB_IS_BINARY 1u
#define EWB_IS_QUIET 2u     /* binary: success (mutations) or miss (gets) is not answered */
#define EWB_IS_NOREPLY 4u   /* text: nothing is answered */
#define EWB_IS_WANT_KEY 8u  /* getk: the answer carries the key */
#define EWB_IS_WANT_CAS 16u /* text gets, gats */
#define EWB_IS_CREATE 32u   /* incr, decr: make it with initial if missing */
#define EWB_IS_MULTI 64u    /* text get: part of a get that an END will close */
#define EWB_IS_SKIP 128u    /* value and tail are to be received and thrown away */
#define EWB_IS_LAST 256u    /* answer, if at all, then close the connection */
#define EWB_IS_CAS 512u     /* compare with cas, also with 0 */
/* Meta commands, by their flags; q is QUIET, c is WANT_CAS, N is CREATE. */
#define EWB_IS_META 1024u        /* answered as one */
#define EWB_IS_BASE64 2048u      /* b: the key is, until ewb_meta_decode() */
#define EWB_IS_WANT_VALUE 4096u  /* v */
#define EWB_IS_UNSEEN 8192u      /* u: it is as if it had not been asked for */
#define EWB_IS_INVALID 16384u    /* I */
#define EWB_IS_RECACHE 32768u    /* R */
#define EWB_IS_TTL 65536u        /* T */
#define EWB_IS_DOWN 131072u      /* MD: ma is a decr */
#define EWB_IS_BARRIER 262144u   /* binary: a barrier, where there is no order else */

/* What memcached keeps in an item beside its client's flags is kept in the
 * datatype, above what Couchbase's clients have there. */
#define EWB_ITEM_BASE64 0x20u /* its key was given so */
#define EWB_ITEM_STALE 0x40u  /* marked by md I, or stored late */
#define EWB_ITEM_SENT 0x80u   /* somebody has been told to store it anew */
#define EWB_ITEM_BITS 0xe0u
/* All others, which are the clients'. */
static inline uint8_t
ewb_item_datatype(uint32_t datatype)
{
	return (uint8_t)(datatype & ~EWB_ITEM_BITS);
}

struct ewb_frame {
	enum ewb_op op;
	uint32_t is;
	size_t head;      /* bytes to take off the input for the head */
	size_t nvalue;    /* bytes of value after it */
	size_t tail;      /* bytes after that: 2 for a text value */
	const uint8_t *key; /* within the input */
	size_t nkey;
	const uint8_t *extras; /* binary; within the input.  op OWN: or words;
	                        * meta commands: the flags */
	size_t nextras;
	uint32_t flags;   /* verbosity: the level */
	uint32_t exptime; /* as sent; see ewb_expiry() */
	uint64_t cas;     /* 0: none */
	uint64_t delta, initial;
	uint32_t vivify, recache; /* meta commands: N, R; as exptime */
	uint32_t opaque;  /* as sent, to be sent back byte for byte */
	uint16_t vbucket; /* as sent */
	uint32_t own;     /* op OWN: which of the table */
	uint8_t opcode;   /* binary; meta commands: M, the mode */
	uint8_t datatype;
	uint32_t parse_ns; /* + 1: it is a sample, see cookie/latency.h */
	uint32_t status;  /* op ERROR: what to answer (enum ewb_status) */
	const char *reason; /* op ERROR, or EWB_PARSE_CLOSE: static text */
};

/* All zero.  To copy it is quicker than to have the compiler clear a frame,
 * which gcc does with a string instruction. */
extern const struct ewb_frame ewb_frame_zero;

/* An exptime of the protocol (0 never; up to 30 days relative, else absolute;
 * negative as int32: gone already) as absolute Unix seconds; gone already is 1. */
uint32_t ewb_expiry(uint32_t exptime, uint32_t now);
/* One of a binary frame, which is never negative: late is late. */
uint32_t ewb_bin_expiry(uint32_t exptime, uint32_t now);

/* crc32 of a key, as zlib's; and the vbucket out of n that Couchbase clients
 * compute from it. */
uint32_t ewb_key_hash(const void *key, size_t nkey);
uint16_t ewb_key_vbucket(uint32_t hash, unsigned n);

#endif
