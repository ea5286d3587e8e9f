/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "frontend/login.h"
#include "protocol/binary.h"
#include "protocol/status.h"
#include "t/fuzz/asked.h"
#include "t/fuzz/fuzz.h"

#define RELOAD 0xde
#define RELOAD_MS 60000 /* nobody waits for it */

static int
is_one_of(uint8_t opcode, const char *list)
{
	return opcode != 0 && strchr(list, opcode) != NULL;
}

static int
is_quiet(uint8_t opcode)
{
	return is_one_of(opcode, "\x09\x0d\x11\x12\x13\x14\x15\x16\x17\x18\x19"
	                         "\x1a\x1e\x24");
}

/* Answered with many frames: statistics, records, what an engine streams. */
static int
is_many(uint8_t opcode)
{
	return is_one_of(opcode, "\x10\xdb\xe2\xe4\xe5\xe6\xe8");
}

static int
is_quit(const uint8_t *head)
{
	return (head[1] == 0x07 || head[1] == 0x17) && ewb_be32(head + 8) == 0;
}

static void
note(struct asked *a, const struct asked_one *one)
{
	/* hello: behind it may be tokens, and a configuration of that second */
	if (one->opcode == 0x1f)
		a->any_order = a->differs = 1;
	if (one->opcode == 0xe6)
		a->may_be_cut = 1;
	if (is_one_of(one->opcode, "\x10\xb5\xda\xdb\xdc\xde\xe4\xe5\xe6"))
		a->differs = 1;
}

/* A reload waits so long for others: by the machine's clock. */
static void
patient(uint8_t *h, size_t n)
{
	size_t at = EWB_BIN_HEAD + (h[0] == 0x08 ? h[2] : 0);

	if (h[1] == RELOAD && h[4] == 4 && n >= at + 4)
		ewb_put32(h + at, RELOAD_MS);
}

void
asked_take(struct asked *a, uint8_t *stream, size_t n, size_t max_body)
{
	size_t at = 0;

	memset(a, 0, sizeof *a);
	while (n - at >= EWB_BIN_HEAD && a->n < ASKED_MAX) {
		uint8_t *h = stream + at;
		struct asked_one *one = &a->at[a->n];
		size_t body = ewb_be32(h + 8), parts = h[4];
		uint32_t number = (uint32_t)++a->n;

		parts += h[0] == 0x08 ? (size_t)h[2] + h[3] : ewb_be16(h + 2);
		if ((h[0] != 0x08 && h[0] != EWB_BIN_REQUEST) || parts > body ||
		    body > max_body) {
			a->n--;
			return;
		}
		memcpy(h + 12, &number, 4);
		one->opcode = h[1];
		one->quiet = (uint8_t)is_quiet(h[1]);
		one->end = at + EWB_BIN_HEAD + body;
		note(a, one);
		patient(h, n - at);
		if (is_quit(h) || body > n - at - EWB_BIN_HEAD)
			return;
		at = one->end;
	}
}

/* What may be said before a login: hello, SASL, the error map, quit. */
static int
is_free(uint8_t opcode)
{
	return is_one_of(opcode, "\x1f\x20\x21\x22\xfe\x07\x17");
}

static int
is_login(uint8_t opcode)
{
	return is_one_of(opcode, "\x21\x22");
}

/* It is the answer to a login. */
static void
hear_login(struct asked *a, const struct ewb_bin_reply *r, const uint8_t *body)
{
	a->nlogins++;
	switch (r->status) {
	case EWB_OK:
		a->locked = 0;
		a->nlogins = 0;
		break;
	case EWB_WIRE_AUTH_CONTINUE:
		a->locked = 1;
		FUZZ_MUST(r->nbody <= sizeof a->challenge);
		memcpy(a->challenge, body, r->nbody);
		a->nchallenge = r->nbody;
		break;
	case EWB_WIRE_AUTH_ERROR:
		a->locked = 1;
		a->hung_up = a->nlogins >= EWB_LOGIN_FAILURES;
		break;
	default: break;
	}
}

/* It answers command i, from 0. */
static void
answer(struct asked *a, size_t i, const struct ewb_bin_reply *r)
{
	struct asked_one *one = &a->at[i];
	int more = is_many(one->opcode) && r->status == 0 && r->nbody > 0;

	a->hung_up = 0;
	FUZZ_MUST(!a->locked || is_free(r->opcode) ||
	          r->status == EWB_NO_ACCESS);
	FUZZ_MUST(r->opcode == one->opcode);
	FUZZ_MUST(!one->answered || one->open); /* not twice */
	if (!a->any_order) {
		FUZZ_MUST(i + 1 >= a->last);
		for (size_t k = a->last; k < i; k++)
			FUZZ_MUST(a->at[k].quiet);
		FUZZ_MUST(a->last == 0 || i + 1 == a->last ||
		          !a->at[a->last - 1].open);
	}
	one->answered = 1;
	one->open = (uint8_t)more;
	a->last = i + 1;
}

size_t
asked_hear(struct asked *a, const uint8_t *in, size_t n)
{
	struct ewb_bin_reply r;
	size_t at = 0;
	int got;

	while ((got = ewb_bin_response(in + at, n - at, &r)) > 0) {
		if (r.nbody > n - at - EWB_BIN_HEAD)
			break;
		FUZZ_MUST(r.opaque > 0 && r.opaque <= a->n);
		answer(a, r.opaque - 1, &r);
		if (r.opcode == 0xda && r.status == 0 && r.nbody == 16) {
			memcpy(a->scan, in + at + EWB_BIN_HEAD, 16);
			a->has_scan = 1;
		}
		if (is_login(r.opcode))
			hear_login(a, &r, in + at + EWB_BIN_HEAD);
		at += EWB_BIN_HEAD + r.nbody;
	}
	FUZZ_MUST(got >= 0);
	return at;
}

void
asked_end(const struct asked *a, size_t n)
{
	int cut = a->may_be_cut || a->hung_up;

	for (size_t i = 0; i < a->n && a->at[i].end <= n; i++) {
		FUZZ_MUST(a->at[i].answered || a->at[i].quiet || cut);
		FUZZ_MUST(!a->at[i].open || cut);
	}
}
