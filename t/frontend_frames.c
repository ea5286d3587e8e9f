/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <string.h>

#include "protocol/binary.h"
#include "t/frontend_frames.h"

static void
add(struct frames *f, const void *data, size_t n)
{
	ck_assert_uint_le(f->n + n, sizeof f->at);
	if (n)
		memcpy(f->at + f->n, data, n);
	f->n += n;
}

static void
add_body(struct frames *f, const struct frame *a)
{
	add(f, a->extras, a->nextras);
	add(f, a->key, a->key ? strlen(a->key) : 0);
	add(f, a->value, a->nvalue);
}

void
frames_ask(struct frames *f, const struct frame *a)
{
	size_t nkey = a->key ? strlen(a->key) : 0;
	struct ewb_bin_request r = {
		.opcode = a->opcode,
		.nextras = (uint8_t)a->nextras,
		.nkey = (uint16_t)nkey,
		.nbody = (uint32_t)(a->nextras + nkey + a->nvalue),
		.opaque = a->opaque,
		.cas = a->cas,
	};
	uint8_t head[EWB_BIN_HEAD];
	static const uint8_t barrier = 0x00;

	ewb_bin_request(head, &r);
	if (a->barrier) {
		head[0] = 0x08;
		head[2] = sizeof barrier;
		head[11]++;
	}
	add(f, head, sizeof head);
	if (a->barrier)
		add(f, &barrier, sizeof barrier);
	add_body(f, a);
}

void
frames_answer(struct frames *f, const struct frame *a)
{
	size_t nkey = a->key ? strlen(a->key) : 0;
	struct ewb_bin_reply r = {
		.opcode = a->opcode,
		.nextras = (uint8_t)a->nextras,
		.nkey = (uint16_t)nkey,
		.status = a->status,
		.nbody = (uint32_t)(a->nextras + nkey + a->nvalue),
		.opaque = a->opaque,
		.cas = a->cas,
	};
	uint8_t head[EWB_BIN_HEAD];

	ewb_bin_head(head, &r);
	add(f, head, sizeof head);
	add_body(f, a);
}

void
frames_error(struct frames *f, uint8_t opcode, uint32_t opaque, uint16_t status,
             const char *context)
{
	uint8_t json[EWB_BIN_ERROR_MAX];

	frames_answer(
		f,
		&(struct frame){
			.opcode = opcode,
			.opaque = opaque,
			.status = status,
			.value = json,
			.nvalue = context ? ewb_bin_error(json, context) : 0 });
}

void
frames_say(struct client *c, const struct frames *f)
{
	say_bytes(c, f->at, f->n);
}

void
frames_hear(struct client *c, const struct frames *f)
{
	hear_bytes(c, f->at, f->n);
}
