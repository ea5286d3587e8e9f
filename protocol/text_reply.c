/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "lib/check.h"
#include "lib/hot.h"
#include "protocol/number.h"
#include "protocol/status.h"
#include "protocol/text.h"

EWB_HOT size_t
ewb_text_value(uint8_t *out, const struct ewb_frame *f, uint32_t flags,
               size_t nvalue, uint64_t cas)
{
	uint8_t *p = out;

	EWB_MUST(f->nkey <= EWB_KEY_MAX);
	memcpy(p, "VALUE ", 6);
	p += 6;
	memcpy(p, f->key, f->nkey);
	p += f->nkey;
	*p++ = ' ';
	p += ewb_put_number(p, flags);
	*p++ = ' ';
	p += ewb_put_number(p, nvalue);
	if (f->is & EWB_IS_WANT_CAS) {
		*p++ = ' ';
		p += ewb_put_number(p, cas);
	}
	*p++ = '\r';
	*p++ = '\n';
	return (size_t)(p - out);
}

size_t
ewb_text_number(uint8_t *out, uint64_t value)
{
	size_t n = ewb_put_number(out, value);

	out[n] = '\r';
	out[n + 1] = '\n';
	return n + 2;
}

static int
stores(enum ewb_op op)
{
	return op >= EWB_OP_SET && op <= EWB_OP_PREPEND;
}

/* Success of a command without a value. */
static const char *
success(enum ewb_op op)
{
	switch (op) {
	case EWB_OP_LOGIN:
	case EWB_OP_SET:
	case EWB_OP_ADD:
	case EWB_OP_REPLACE:
	case EWB_OP_APPEND:
	case EWB_OP_PREPEND: return "STORED\r\n";
	case EWB_OP_DELETE: return "DELETED\r\n";
	case EWB_OP_TOUCH: return "TOUCHED\r\n";
	case EWB_OP_END:
	case EWB_OP_NOOP:
	case EWB_OP_STATS: return "END\r\n";
	case EWB_OP_GET:
	case EWB_OP_GAT:
	case EWB_OP_INCR:
	case EWB_OP_DECR:
	case EWB_OP_VERSION:
	case EWB_OP_SHUTDOWN:
	case EWB_OP_QUIT: return "";
	default: return "OK\r\n";
	}
}

static const char *
not_found(enum ewb_op op)
{
	switch (op) {
	case EWB_OP_GET:
	case EWB_OP_GAT: return "";
	case EWB_OP_REPLACE:
	case EWB_OP_APPEND:
	case EWB_OP_PREPEND: return "NOT_STORED\r\n";
	default: return "NOT_FOUND\r\n";
	}
}

static const char *
reply(enum ewb_op op, uint32_t status)
{
	switch (status) {
	case EWB_WIRE_OK: return success(op);
	case EWB_WIRE_NOT_FOUND: return not_found(op);
	case EWB_WIRE_EXISTS:
		if (op == EWB_OP_ADD)
			return "NOT_STORED\r\n";
		break;
	case EWB_WIRE_INVALID:
		if (op == EWB_OP_SHUTDOWN)
			return "CLIENT_ERROR invalid shutdown mode\r\n";
		if (op == EWB_OP_LOGIN)
			return "CLIENT_ERROR bad authentication token format\r\n";
		break;
	case EWB_WIRE_NOT_SUPPORTED:
		if (op == EWB_OP_SHUTDOWN)
			return "ERROR: shutdown not enabled\r\n";
		break;
	case EWB_WIRE_NO_MEMORY:
		if (stores(op))
			return "SERVER_ERROR out of memory storing object\r\n";
		break;
	case EWB_WIRE_TEMPORARY:
		if (ewb_op_mutates(op))
			return "SERVER_ERROR outcome unknown\r\n";
		break;
	default: break;
	}
	switch (status) {
#define EWB_STATUS(name, code, text, reply, attributes) \
	case (code):                        \
		return reply "\r\n";
#include "protocol/status.def"
#undef EWB_STATUS
	default: return "SERVER_ERROR internal error\r\n";
	}
}

EWB_HOT const char *
ewb_text_status(enum ewb_op op, uint32_t status, size_t *n)
{
	const char *line = reply(op, status);

	*n = strlen(line);
	return line;
}
