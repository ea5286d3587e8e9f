/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/check.h"
#include "lib/hot.h"
#include "protocol/binary.h"
#include "protocol/collections.h"
#include "protocol/own.h"
#include "protocol/scram.h"
#include "protocol/status.h"

#define REQUEST_ALT 0x08 /* with framing extras and a short key length */
#define SCAN_CREATE_MAX (64u << 10)
#define HELLO_MAX 1024u /* of features that a client asks for, bytes */
#define COLLECTION_PATH_MAX 1024u
#define INFO_BARRIER 0u
#define META_VERSION 2u /* of what a get_meta is answered */
#define NEVER_CREATE UINT32_MAX /* an exptime of incr and decr */

enum need { UNKNOWN, NO, MAY, MUST };

/* What an opcode's frame is made of. */
struct rule {
	uint8_t key, value; /* enum need; UNKNOWN: no such opcode */
	uint8_t nextras;
	uint8_t bare; /* may also come without extras */
	enum ewb_op op;
	uint32_t is;
};

#define Q EWB_IS_QUIET
#define K EWB_IS_WANT_KEY

static const struct rule rules[256] = {
	[0x00] = { MUST, NO, 0, 0, EWB_OP_GET, 0 },
	[0x01] = { MUST, MAY, 8, 0, EWB_OP_SET, 0 },
	[0x02] = { MUST, MAY, 8, 0, EWB_OP_ADD, 0 },
	[0x03] = { MUST, MAY, 8, 0, EWB_OP_REPLACE, 0 },
	[0x04] = { MUST, NO, 0, 0, EWB_OP_DELETE, 0 },
	[0x05] = { MUST, NO, 20, 0, EWB_OP_INCR, 0 },
	[0x06] = { MUST, NO, 20, 0, EWB_OP_DECR, 0 },
	[0x07] = { NO, NO, 0, 0, EWB_OP_QUIT, EWB_IS_LAST },
	[0x08] = { NO, NO, 4, 1, EWB_OP_FLUSH, 0 },
	[0x09] = { MUST, NO, 0, 0, EWB_OP_GET, Q },
	[0x0a] = { NO, NO, 0, 0, EWB_OP_NOOP, 0 },
	[0x0b] = { NO, NO, 0, 0, EWB_OP_VERSION, 0 },
	[0x0c] = { MUST, NO, 0, 0, EWB_OP_GET, K },
	[0x0d] = { MUST, NO, 0, 0, EWB_OP_GET, K | Q },
	[0x0e] = { MUST, MAY, 0, 0, EWB_OP_APPEND, 0 },
	[0x0f] = { MUST, MAY, 0, 0, EWB_OP_PREPEND, 0 },
	[0x10] = { MAY, NO, 0, 0, EWB_OP_STATS, 0 },
	[0x11] = { MUST, MAY, 8, 0, EWB_OP_SET, Q },
	[0x12] = { MUST, MAY, 8, 0, EWB_OP_ADD, Q },
	[0x13] = { MUST, MAY, 8, 0, EWB_OP_REPLACE, Q },
	[0x14] = { MUST, NO, 0, 0, EWB_OP_DELETE, Q },
	[0x15] = { MUST, NO, 20, 0, EWB_OP_INCR, Q },
	[0x16] = { MUST, NO, 20, 0, EWB_OP_DECR, Q },
	[0x17] = { NO, NO, 0, 0, EWB_OP_QUIT, Q | EWB_IS_LAST },
	[0x18] = { NO, NO, 4, 1, EWB_OP_FLUSH, Q },
	[0x19] = { MUST, MAY, 0, 0, EWB_OP_APPEND, Q },
	[0x1a] = { MUST, MAY, 0, 0, EWB_OP_PREPEND, Q },
	[0x1b] = { NO, NO, 4, 0, EWB_OP_VERBOSITY, 0 },
	[0x1c] = { MUST, NO, 4, 0, EWB_OP_TOUCH, 0 },
	[0x1d] = { MUST, NO, 4, 0, EWB_OP_GAT, 0 },
	[0x1e] = { MUST, NO, 4, 0, EWB_OP_GAT, Q },
	[0x1f] = { MAY, MAY, 0, 0, EWB_OP_HELLO, 0 },
	[0x20] = { NO, NO, 0, 0, EWB_OP_SASL_LIST, 0 },
	[0x21] = { MUST, MAY, 0, 0, EWB_OP_SASL_AUTH, 0 },
	[0x22] = { MUST, MAY, 0, 0, EWB_OP_SASL_STEP, 0 },
	[0x23] = { MUST, NO, 4, 0, EWB_OP_GAT, K },
	[0x24] = { MUST, NO, 4, 0, EWB_OP_GAT, K | Q },
	[0x89] = { MUST, NO, 0, 0, EWB_OP_SELECT_BUCKET, 0 },
	[0xa0] = { MUST, NO, 1, 1, EWB_OP_GETMETA, 0 },
	[0xb5] = { NO, NO, 16, 1, EWB_OP_CLUSTER_CONFIG, 0 },
	[0xba] = { NO, NO, 0, 0, EWB_OP_MANIFEST, 0 },
	[0xbb] = { NO, MUST, 0, 0, EWB_OP_COLLECTION_ID, 0 },
	[0xda] = { NO, MUST, 0, 0, EWB_OP_SCAN_CREATE, 0 },
	[0xdb] = { NO, NO, 28, 0, EWB_OP_SCAN_CONTINUE, 0 },
	[0xdc] = { NO, NO, 16, 0, EWB_OP_SCAN_CANCEL, 0 },
	[0xde] = { NO, NO, 4, 0, EWB_OP_RELOAD, 0 },
	[0xfe] = { NO, MUST, 0, 0, EWB_OP_ERROR_MAP, 0 },
};

#undef Q
#undef K

/* The lengths that a header gives. */
struct lengths {
	size_t framing, extras, key, body;
};

/* Requests. */

static struct lengths
take_header(const uint8_t *in, struct ewb_frame *f)
{
	struct lengths l = { .extras = in[4], .body = ewb_be32(in + 8) };

	if (in[0] == REQUEST_ALT) {
		l.framing = in[2];
		l.key = in[3];
	} else {
		l.key = ewb_be16(in + 2);
	}
	f->opcode = in[1];
	f->datatype = in[5];
	f->vbucket = ewb_be16(in + 6);
	memcpy(&f->opaque, in + 12, 4);
	f->cas = ewb_be64(in + 16);
	return l;
}

static enum ewb_parse
hang_up(struct ewb_frame *f, const char *why)
{
	f->reason = why;
	return EWB_PARSE_CLOSE;
}

/* The header is all that is looked at; the body is skipped. */
static enum ewb_parse
refuse(struct ewb_frame *f, const struct lengths *l, uint32_t status,
       const char *why)
{
	f->op = EWB_OP_ERROR;
	f->is = EWB_IS_BINARY | EWB_IS_SKIP;
	f->head = EWB_BIN_HEAD;
	f->nvalue = l->body;
	f->status = status;
	f->reason = why;
	return EWB_PARSE_OK;
}

static const char *
wrong_extras(const struct rule *r, size_t nextras)
{
	if (nextras == r->nextras || (nextras == 0 && r->bare))
		return NULL;
	return r->nextras ? "extras of a wrong length"
	                  : "extras where there are none";
}

static const char *
wrong_key(const struct rule *r, size_t nkey, size_t most)
{
	if (nkey > most)
		return "a key longer than 250 bytes";
	if (nkey == 0 && r->key == MUST)
		return "no key";
	return nkey > 0 && r->key == NO ? "a key where there is none" : NULL;
}

static const char *
wrong_value(const struct rule *r, size_t nvalue)
{
	if (nvalue == 0 && r->value == MUST)
		return "no value";
	return nvalue > 0 && r->value == NO ? "a value where there is none"
	                                    : NULL;
}

static const char *
wrong_length(const struct rule *r, size_t nvalue)
{
	if (r->op == EWB_OP_SCAN_CREATE && nvalue > SCAN_CREATE_MAX)
		return "a range longer than 64 KiB";
	if (r->op == EWB_OP_HELLO && nvalue > HELLO_MAX)
		return "more features than there can be";
	if (r->op == EWB_OP_HELLO && nvalue % 2)
		return "half a feature";
	if ((r->op == EWB_OP_SASL_AUTH || r->op == EWB_OP_SASL_STEP) &&
	    nvalue > EWB_SASL_MAX)
		return "a message longer than 1024 bytes";
	if (r->op == EWB_OP_ERROR_MAP && nvalue && nvalue != 2)
		return "not a version, of two bytes";
	if (r->op == EWB_OP_COLLECTION_ID && nvalue > COLLECTION_PATH_MAX)
		return "a path longer than 1 KiB";
	return NULL;
}

static const char *
wrong_scan(const struct rule *r, const struct ewb_frame *f)
{
	if (r->op != EWB_OP_SCAN_CREATE && r->op != EWB_OP_SCAN_CONTINUE &&
	    r->op != EWB_OP_SCAN_CANCEL)
		return NULL;
	if (f->cas)
		return "a cas where there is none";
	return f->datatype > (r->op == EWB_OP_SCAN_CREATE)
	               ? "a datatype that a scan does not have"
	               : NULL;
}

/* So that what a client says by mistake is not taken for one. */
static const char *
wrong_reload(const struct rule *r, const struct ewb_frame *f)
{
	if (r->op != EWB_OP_RELOAD)
		return NULL;
	if (f->cas)
		return "a cas where there is none";
	if (f->vbucket)
		return "a vbucket where there is none";
	return f->datatype ? "a datatype where there is none" : NULL;
}

/* Of what comes seldom. */
static const char *
wrong_seldom(const struct rule *r, const struct ewb_frame *f, size_t nvalue)
{
	const char *why = wrong_length(r, nvalue);

	if (why == NULL)
		why = wrong_scan(r, f);
	return why ? why : wrong_reload(r, f);
}

/* It is one that there is. */
static int
has_version(const struct rule *r, const uint8_t *extras, size_t n)
{
	return r->op != EWB_OP_GETMETA || n == 0 || *extras == META_VERSION;
}

/* Frame infos: id and length in a nibble each, where 15 goes on in a byte.  What
 * they say goes into *is.  0: they make no sense. */
EWB_HOT static int
take_framing(const uint8_t *p, size_t n, uint32_t *is)
{
	size_t i = 0;

	while (i < n) {
		size_t id = p[i] >> 4, len = p[i] & 15;

		i += 1 + (id == 15);
		if (len == 15) {
			if (i >= n)
				return 0;
			len += p[i++];
		}
		if (i > n || len > n - i)
			return 0;
		if (id == INFO_BARRIER && len)
			return 0;
		if (id == INFO_BARRIER)
			*is |= EWB_IS_BARRIER;
		i += len;
	}
	return 1;
}

static void
take_extras(struct ewb_frame *f)
{
	const uint8_t *p = f->extras;

	switch (f->op) {
	case EWB_OP_SET:
	case EWB_OP_ADD:
	case EWB_OP_REPLACE:
		f->flags = ewb_be32(p);
		f->exptime = ewb_be32(p + 4);
		break;
	case EWB_OP_INCR:
	case EWB_OP_DECR:
		f->delta = ewb_be64(p);
		f->initial = ewb_be64(p + 8);
		f->exptime = ewb_be32(p + 16);
		if (f->exptime != NEVER_CREATE)
			f->is |= EWB_IS_CREATE;
		break;
	case EWB_OP_FLUSH:
		if (f->nextras == 0)
			break;
		/* fall through */
	case EWB_OP_TOUCH:
	case EWB_OP_GAT: f->exptime = ewb_be32(p); break;
	case EWB_OP_VERBOSITY: f->flags = ewb_be32(p); break;
	default: break;
	}
}

static int
compares(enum ewb_op op)
{
	return op >= EWB_OP_SET && op <= EWB_OP_DECR;
}

/* The head is whole, and right. */
EWB_HOT static enum ewb_parse
take_body(const uint8_t *in, const struct rule *r, const struct lengths *l,
          uint32_t framing, struct ewb_frame *f)
{
	const uint8_t *extras = in + EWB_BIN_HEAD + l->framing;

	f->op = r->op;
	f->is = EWB_IS_BINARY | r->is | framing;
	f->head = EWB_BIN_HEAD + l->framing + l->extras + l->key;
	f->nvalue = EWB_BIN_HEAD + l->body - f->head;
	if (l->extras) {
		f->extras = extras;
		f->nextras = l->extras;
	}
	if (l->key) {
		f->key = extras + l->extras;
		f->nkey = l->key;
	}
	if (f->cas && compares(f->op))
		f->is |= EWB_IS_CAS;
	take_extras(f);
	return EWB_PARSE_OK;
}

EWB_HOT static enum ewb_parse
parse(const uint8_t *in, size_t n, size_t max_key, size_t max_value,
      size_t max_body, struct ewb_frame *f)
{
	const struct rule *r;
	struct lengths l;
	const char *why;
	size_t fixed, nvalue;
	uint32_t framing = 0;

	*f = ewb_frame_zero;
	f->op = EWB_OP_ERROR;
	f->is = EWB_IS_BINARY;
	if (n > 0 && in[0] != EWB_BIN_REQUEST && in[0] != REQUEST_ALT)
		return hang_up(f, "unknown magic");
	if (n < EWB_BIN_HEAD)
		return EWB_PARSE_MORE;
	l = take_header(in, f);
	fixed = l.framing + l.extras + l.key;
	if (fixed > l.body)
		return hang_up(f, "lengths contradict each other");
	if (l.body > max_body)
		return hang_up(f, "body too large");

	r = &rules[f->opcode];
	if (r->key == UNKNOWN)
		return refuse(f, &l, EWB_WIRE_UNKNOWN_COMMAND,
		              "unknown command");
	nvalue = l.body - fixed;
	if ((why = wrong_extras(r, l.extras)) || (why = wrong_key(r, l.key, max_key)) ||
	    (why = wrong_value(r, nvalue)) ||
	    (r->op >= EWB_OP_HELLO && (why = wrong_seldom(r, f, nvalue))))
		return refuse(f, &l, EWB_WIRE_INVALID, why);
	if (nvalue > max_value && r->op != EWB_OP_SCAN_CREATE)
		return refuse(f, &l, EWB_WIRE_TOO_BIG, "value too large");

	if (n < EWB_BIN_HEAD + l.framing)
		return EWB_PARSE_MORE;
	if (!take_framing(in + EWB_BIN_HEAD, l.framing, &framing))
		return refuse(f, &l, EWB_WIRE_INVALID,
		              "framing extras that make no sense");
	if (n < EWB_BIN_HEAD + fixed)
		return EWB_PARSE_MORE;
	if (r->op >= EWB_OP_HELLO &&
	    !has_version(r, in + EWB_BIN_HEAD + l.framing, l.extras))
		return refuse(f, &l, EWB_WIRE_INVALID,
		              "a version that there is not");
	return take_body(in, r, &l, framing, f);
}

EWB_HOT enum ewb_parse
ewb_bin_parse(const uint8_t *in, size_t n, size_t max_value, size_t max_body,
              struct ewb_frame *f)
{
	return parse(in, n, EWB_KEY_MAX, max_value, max_body, f);
}

enum ewb_parse
ewb_bin_parse_prefixed(const uint8_t *in, size_t n, size_t max_value,
                       size_t max_body, struct ewb_frame *f)
{
	return parse(in, n, EWB_KEY_MAX + EWB_WIRE_PREFIX, max_value, max_body, f);
}

/* Commands of an engine's own. */

int
ewb_bin_is_opcode(uint32_t opcode)
{
	return opcode > 255 || rules[opcode].key != UNKNOWN;
}

static const struct ewb_own_rule *
find_own(const struct ewb_own_rules *own, uint8_t opcode)
{
	for (unsigned i = 0; i < own->n; i++)
		if (own->at[i].name[0] && own->at[i].opcode == opcode)
			return &own->at[i];
	return NULL;
}

enum ewb_parse
ewb_bin_own(const struct ewb_own_rules *own, const uint8_t *in, size_t n,
            size_t max_value, struct ewb_frame *f)
{
	const struct ewb_own_rule *o = f->opcode ? find_own(own, f->opcode) :
	                                           NULL;
	struct rule r = { .op = EWB_OP_OWN };
	struct lengths l;
	const char *why;
	size_t fixed;
	uint32_t framing = 0;

	if (o == NULL)
		return EWB_PARSE_OK;
	r.key = o->key ? MUST : NO;
	r.value = o->value ? MAY : NO;
	*f = ewb_frame_zero;
	l = take_header(in, f);
	fixed = l.framing + l.extras + l.key;
	if ((why = wrong_key(&r, l.key, EWB_KEY_MAX)) ||
	    (why = wrong_value(&r, l.body - fixed)))
		return refuse(f, &l, EWB_WIRE_INVALID, why);
	if (l.body - fixed > max_value)
		return refuse(f, &l, EWB_WIRE_TOO_BIG, "value too large");
	if (n < EWB_BIN_HEAD + fixed) {
		*f = ewb_frame_zero; /* nothing is taken off */
		return EWB_PARSE_MORE;
	}
	if (!take_framing(in + EWB_BIN_HEAD, l.framing, &framing))
		return refuse(f, &l, EWB_WIRE_INVALID,
		              "framing extras that make no sense");
	f->own = (uint32_t)(o - own->at);
	return take_body(in, &r, &l, framing, f);
}

/* Headers. */

void
ewb_bin_frame(uint8_t *frame, size_t n, const uint8_t *extras, uint8_t nextras)
{
	uint8_t *body = frame + EWB_BIN_HEAD;

	memmove(body + nextras, body, n - EWB_BIN_HEAD);
	memcpy(body, extras, nextras);
	frame[0] = EWB_BIN_RESPONSE_ALT;
	frame[2] = nextras; /* [3]: a key has 255 bytes at most */
	ewb_put32(frame + 8, ewb_be32(frame + 8) + nextras);
}

/* As Couchbase's clients read it: us = e^1.74 / 2. */
void
ewb_bin_duration(uint8_t out[EWB_BIN_DURATION], uint64_t us)
{
	double e = pow((double)us * 2, 1 / 1.74);

	out[0] = 0x02; /* id 0, two bytes */
	ewb_put16(out + 1, e > UINT16_MAX ? UINT16_MAX : (uint16_t)(e + .5));
}

/* Framing extras: a byte of id and length, each below 15; 15 stands for 15 and what
 * another byte says. */
#define TOKEN_ID 14
#define PROGRESS_ID 13

void
ewb_bin_place_put(uint8_t out[EWB_BIN_PLACE], const struct ewb_bin_place *p)
{
	out[0] = PROGRESS_ID << 4 | 2;
	ewb_put16(out + 1, p->progress);
	out[3] = TOKEN_ID << 4 | 15;
	out[4] = EWB_BIN_TOKEN - 15;
	memcpy(out + 5, p->token, EWB_BIN_TOKEN);
}

/* The next one of n bytes: bytes of its head; 0: it is cut short. */
static size_t
frame_info(const uint8_t *in, size_t n, unsigned *id, size_t *len)
{
	size_t at = 1;

	*id = in[0] >> 4;
	*len = in[0] & 15;
	if (*id == 15) {
		if (at == n)
			return 0;
		*id += in[at++];
	}
	if (*len == 15) {
		if (at == n)
			return 0;
		*len += in[at++];
	}
	return *len > n - at ? 0 : at;
}

int
ewb_bin_place_get(const uint8_t *in, size_t n, struct ewb_bin_place *p)
{
	unsigned id, found = 0;
	size_t at, len;

	for (; n; in += at + len, n -= at + len) {
		at = frame_info(in, n, &id, &len);
		if (at == 0)
			return -1;
		if (id == TOKEN_ID && len == EWB_BIN_TOKEN) {
			memcpy(p->token, in + at, len);
			found |= 1;
		} else if (id == PROGRESS_ID && len == 2) {
			p->progress = ewb_be16(in + at);
			found |= 2;
		}
	}
	return found == 3 ? 0 : -1;
}

void
ewb_bin_request(uint8_t out[EWB_BIN_HEAD], const struct ewb_bin_request *r)
{
	out[0] = EWB_BIN_REQUEST;
	out[1] = r->opcode;
	ewb_put16(out + 2, r->nkey);
	out[4] = r->nextras;
	out[5] = r->datatype;
	ewb_put16(out + 6, r->vbucket);
	ewb_put32(out + 8, r->nbody);
	memcpy(out + 12, &r->opaque, 4);
	ewb_put64(out + 16, r->cas);
}

int
ewb_bin_response(const uint8_t *in, size_t n, struct ewb_bin_reply *r)
{
	if (n > 0 && in[0] != EWB_BIN_RESPONSE && in[0] != EWB_BIN_RESPONSE_ALT)
		return -1;
	if (n < EWB_BIN_HEAD)
		return 0;
	r->opcode = in[1];
	r->nframing = in[0] == EWB_BIN_RESPONSE_ALT ? in[2] : 0;
	r->nkey = in[0] == EWB_BIN_RESPONSE_ALT ? in[3] : ewb_be16(in + 2);
	r->nextras = in[4];
	r->datatype = in[5];
	r->status = ewb_be16(in + 6);
	r->nbody = ewb_be32(in + 8);
	memcpy(&r->opaque, in + 12, 4);
	r->cas = ewb_be64(in + 16);
	return (uint32_t)r->nframing + r->nkey + r->nextras > r->nbody ?
	               -1 :
	               EWB_BIN_HEAD;
}

/* Error contexts. */

static int
in_range(uint8_t c, uint8_t low, uint8_t high)
{
	return c >= low && c <= high;
}

/* Bytes of the UTF-8 character at s, which ends with a NUL; 0 when it is none:
 * cut short, overlong, a surrogate, or beyond U+10FFFF. */
static size_t
utf8_len(const uint8_t *s)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (in_range(s[0], 0xc2, 0xdf))
		n = 2;
	else if (in_range(s[0], 0xe0, 0xef))
		n = 3;
	else if (in_range(s[0], 0xf0, 0xf4))
		n = 4;
	else
		return 0;
	switch (s[0]) {
	case 0xe0: low = 0xa0; break;
	case 0xed: high = 0x9f; break;
	case 0xf0: low = 0x90; break;
	case 0xf4: high = 0x8f; break;
	default: break;
	}
	if (!in_range(s[1], low, high))
		return 0;
	for (size_t i = 2; i < n; i++)
		if (!in_range(s[i], 0x80, 0xbf))
			return 0;
	return n;
}

/* The character at *s as it stands in JSON; steps over it. */
static size_t
escape(uint8_t out[6], const uint8_t **s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = utf8_len(*s);
	uint8_t c = **s;

	*s += n ? n : 1;
	if (n == 0) {
		memcpy(out, "\xef\xbf\xbd", 3);
		return 3;
	}
	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = c;
		return 2;
	}
	if (c < 0x20) {
		memcpy(out, "\\u00", 4);
		out[4] = (uint8_t)hex[c >> 4];
		out[5] = (uint8_t)hex[c & 15];
		return 6;
	}
	memcpy(out, *s - n, n);
	return n;
}

size_t
ewb_bin_error_more(uint8_t out[EWB_BIN_ERROR_MAX], const char *context,
                   const char *more)
{
	static const char before[] = "{\"error\":{\"context\":\"";
	char after[4 + EWB_BIN_MORE_MAX];
	const uint8_t *s = (const uint8_t *)context;
	size_t n = sizeof(before) - 1, nafter, room;

	nafter = (size_t)snprintf(after, sizeof after, "\"}%s%s}",
	                          *more ? "," : "", more);
	EWB_MUST(nafter < sizeof after);
	room = EWB_BIN_ERROR_MAX - nafter;
	memcpy(out, before, n);
	while (*s) {
		uint8_t c[6];
		size_t len = escape(c, &s);

		if (len > room - n)
			break;
		memcpy(out + n, c, len);
		n += len;
	}
	memcpy(out + n, after, nafter);
	return n + nafter;
}

size_t
ewb_bin_error(uint8_t out[EWB_BIN_ERROR_MAX], const char *context)
{
	return ewb_bin_error_more(out, context, "");
}
