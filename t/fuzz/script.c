/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <string.h>

#include "protocol/binary.h"
#include "t/fuzz/script.h"
#include "t/fuzz/world.h"

#define CONTINUE 0xdb
#define CANCEL 0xdc
#define FRAME_MAX (EWB_BIN_HEAD + 128)

struct input {
	const uint8_t *at;
	size_t n;
};

static void
add(struct script *s, const void *data, size_t n)
{
	if (n > SCRIPT_STREAM - s->n)
		n = SCRIPT_STREAM - s->n;
	if (n)
		memcpy(s->stream + s->n, data, n);
	s->n += n;
}

static void
copy(struct script *s, struct input *in, size_t n)
{
	if (n > in->n)
		n = in->n;
	add(s, in->at, n);
	in->at += n;
	in->n -= n;
}

static void
fill(struct script *s, struct input *in, unsigned kib)
{
	static char some[1024];

	if (kib == 0)
		copy(s, in, in->n);
	memset(some, 'x', sizeof some);
	while (kib--)
		add(s, some, sizeof some);
}

/* A login's frame. */
static void
sasl(struct script *s, uint8_t opcode, const char *mechanism, const char *text,
     size_t n)
{
	uint8_t head[EWB_BIN_HEAD];
	struct ewb_bin_request r = { .opcode = opcode,
		                     .nkey = (uint16_t)strlen(mechanism) };

	r.nbody = (uint32_t)(r.nkey + n);
	ewb_bin_request(head, &r);
	add(s, head, sizeof head);
	add(s, mechanism, r.nkey);
	add(s, text, n);
}

/* PLAIN, right or wrong; SCRAM's first message; its last, of which only then is
 * known what it is to be. */
static void
log_in(struct script *s, struct step *step)
{
	static const char right[] = "\0" WORLD_USER "\0" WORLD_PASSWORD;
	static const char wrong[] = "\0" WORLD_USER "\0Secret";
	static const char first[] = "n,,n=" WORLD_USER ",r=" SCRIPT_NONCE;
	static const char last[SCRIPT_PROOF];
	const char *scram = ewb_verifier_mechanism(SCRIPT_DIGEST);

	switch (step->much) {
	case 8:
		sasl(s, EWB_BIN_SASL_AUTH, "PLAIN", right, sizeof right - 1);
		break;
	case 9:
		sasl(s, EWB_BIN_SASL_AUTH, "PLAIN", wrong, sizeof wrong - 1);
		break;
	case 10:
	case 11:
		sasl(s, EWB_BIN_SASL_AUTH, scram, first, sizeof first - 1);
		break;
	default:
		sasl(s, EWB_BIN_SASL_STEP, scram, last, sizeof last);
		step->proof = s->n - sizeof last;
	}
}

/* A continue, or in two cases of sixteen a cancel; which scan is not known yet. */
static void
scan(struct script *s, struct step *step)
{
	static const uint32_t items[] = { 0, 1, 2, 100 };
	uint8_t frame[EWB_BIN_HEAD + 28] = { 0 };
	struct ewb_bin_request r = { .opcode = CONTINUE, .nextras = 28 };

	if (step->much >= 14) {
		r.opcode = CANCEL;
		r.nextras = 16;
	}
	if (!script_is_binary(s) || SCRIPT_STREAM - s->n < FRAME_MAX)
		return;
	if (world_has_users(s->how) && step->much >= 8 && step->much < 14) {
		log_in(s, step);
		return;
	}
	r.nbody = r.nextras;
	ewb_bin_request(frame, &r);
	ewb_put32(frame + EWB_BIN_HEAD + 16, items[step->much & 3]);
	ewb_put32(frame + EWB_BIN_HEAD + 24, step->much & 4 ? 200 : 0);
	step->id = s->n + EWB_BIN_HEAD;
	add(s, frame, EWB_BIN_HEAD + r.nextras);
}

static void
add_step(struct script *s, struct input *in, uint8_t byte)
{
	struct step *step = &s->steps[s->nsteps++];

	*step = (struct step){ .kind = byte & 15, .much = byte >> 4 };
	switch (step->kind) {
	case STEP_FEW: copy(s, in, step->much + 1); break;
	case STEP_SOME: copy(s, in, (step->much + 1) * 16); break;
	case STEP_MORE: copy(s, in, (step->much + 1) * 256); break;
	case STEP_FILL: fill(s, in, step->much); break;
	case STEP_SCAN: scan(s, step); break;
	default: break;
	}
	step->end = s->n;
}

int
script_take(const uint8_t *data, size_t size, struct script *s)
{
	struct input in;
	size_t nsteps;

	if (size < 4)
		return 0;
	nsteps = data[0];
	in = (struct input){ data + 3, size - 3 };
	if (nsteps >= in.n)
		return 0;
	s->how = data[1];
	s->limits = data[2];
	s->n = s->nsteps = 0;
	in.n -= nsteps;
	/* scans are of the binary protocol, which the first byte tells */
	s->stream[0] = in.at[0];
	for (size_t i = 0; i < nsteps; i++)
		add_step(s, &in, data[size - nsteps + i]);
	copy(s, &in, in.n);
	return s->n > 0;
}

int
script_is_binary(const struct script *s)
{
	return s->stream[0] >= 0x80 || s->stream[0] == 0x08;
}
