/* SPDX-License-Identifier: BSD-2-Clause */
/* The binary protocol.  The head's high half says what the rest is:
 *
 *      4   a scan's records            7   what an error says
 *      5   a scan's keys
 *      8   frames for a server whose values are 100 bytes at most
 *      else frames
 */
#include "config.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/binary.h"
#include "protocol/status.h"
#include "t/fuzz/frames.h"
#include "t/fuzz/fuzz.h"

static struct frames all, scratch;

/* A copy of exactly that size, for the sanitizer. */
static uint8_t *
copy(const void *in, size_t n)
{
	uint8_t *mine = malloc(n);

	FUZZ_MUST(n == 0 || mine != NULL);
	if (n)
		memcpy(mine, in, n);
	return mine;
}

/* Scans: records. */

static void
must_be_same(const struct ewb_bin_record *a, const struct ewb_bin_record *b)
{
	FUZZ_MUST(a->flags == b->flags && a->expiry == b->expiry &&
	          a->seqno == b->seqno && a->cas == b->cas &&
	          a->datatype == b->datatype);
	FUZZ_MUST(a->nkey == b->nkey && a->nvalue == b->nvalue);
	FUZZ_MUST(a->nkey == 0 || memcmp(a->key, b->key, a->nkey) == 0);
	FUZZ_MUST(a->nvalue == 0 || memcmp(a->value, b->value, a->nvalue) == 0);
}

static void
put_and_get(const struct ewb_bin_record *r, size_t taken, int keys_only)
{
	size_t n = ewb_bin_record_size(r, keys_only);
	uint8_t *out = malloc(n);
	struct ewb_bin_record again;

	FUZZ_MUST(out != NULL);
	FUZZ_MUST(n <=
	          taken); /* a length may be written longer than it need be */
	FUZZ_MUST(r->nkey > EWB_KEY_MAX ||
	          n <= EWB_BIN_RECORD_MORE + r->nvalue);
	FUZZ_MUST(ewb_bin_record_put(out, r, keys_only) == n);
	FUZZ_MUST(ewb_bin_record_get(out, n, keys_only, &again) == n);
	must_be_same(r, &again);
	FUZZ_MUST(ewb_bin_record_get(out, n - 1, keys_only, &again) == 0);
	free(out);
}

static int
is_in(const uint8_t *part, size_t npart, const uint8_t *in, size_t n)
{
	return npart == 0 || (part >= in && part + npart <= in + n);
}

static void
check_records(const uint8_t *in, size_t n, int keys_only)
{
	uint8_t *mine = copy(in, n);
	struct ewb_bin_record r;
	size_t at = 0, got;

	while ((got = ewb_bin_record_get(mine + at, n - at, keys_only, &r))) {
		FUZZ_MUST(got <= n - at);
		FUZZ_MUST(is_in(r.key, r.nkey, mine + at, got));
		FUZZ_MUST(is_in(r.value, r.nvalue, mine + at, got));
		put_and_get(&r, got, keys_only);
		at += got;
	}
	free(mine);
}

/* Replies. */

static void
check_error(const uint8_t *in, size_t n)
{
	char *context = malloc(n + 1);
	uint8_t *out = malloc(EWB_BIN_ERROR_MAX);
	struct json_tokener *t = json_tokener_new();
	struct json_object *o, *error = NULL, *text = NULL;
	size_t len;

	FUZZ_MUST(context && out && t);
	if (n)
		memcpy(context, in, n);
	context[n] = '\0';
	len = ewb_bin_error(out, context);
	FUZZ_MUST(len <= EWB_BIN_ERROR_MAX);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT |
	                                  JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, (const char *)out, (int)len);
	FUZZ_MUST(o && json_tokener_get_parse_end(t) == len);
	FUZZ_MUST(json_object_object_get_ex(o, "error", &error));
	FUZZ_MUST(json_object_object_get_ex(error, "context", &text));
	FUZZ_MUST(json_object_is_type(text, json_type_string));
	json_object_put(o);
	json_tokener_free(t);
	free(out);
	free(context);
}

/* A reply's header, as a client reads it. */
static void
check_head(const struct ewb_frame *f)
{
	struct ewb_bin_reply r = { .opcode = f->opcode,
		                   .nextras = (uint8_t)f->nextras,
		                   .datatype = f->datatype,
		                   .nkey = (uint16_t)f->nkey,
		                   .status = (uint16_t)f->status,
		                   .opaque = f->opaque,
		                   .cas = f->cas };
	struct ewb_bin_reply got;
	uint8_t *out = malloc(EWB_BIN_HEAD);

	FUZZ_MUST(out != NULL);
	r.nbody = (uint32_t)(f->nextras + f->nkey + f->nvalue);
	ewb_bin_head(out, &r);
	FUZZ_MUST(ewb_bin_response(out, EWB_BIN_HEAD, &got) == EWB_BIN_HEAD);
	FUZZ_MUST(ewb_bin_response(out, EWB_BIN_HEAD - 1, &got) == 0);
	FUZZ_MUST(got.opcode == r.opcode && got.nextras == r.nextras &&
	          got.datatype == r.datatype && got.nkey == r.nkey &&
	          got.status == r.status && got.nbody == r.nbody &&
	          got.opaque == r.opaque && got.cas == r.cas);
	free(out);
}

/* A request, written from what was made of one: it is the same again.  Of a
 * refused one, and of what has framing extras, not all is known. */
static void
check_request(const struct frames_one *one, const uint8_t *in)
{
	const struct ewb_frame *f = &one->f;
	const uint8_t *head = in + one->end - f->head;
	struct ewb_bin_request r = { .opcode = f->opcode,
		                     .nextras = (uint8_t)f->nextras,
		                     .datatype = f->datatype,
		                     .nkey = (uint16_t)f->nkey,
		                     .vbucket = f->vbucket,
		                     .opaque = f->opaque,
		                     .cas = f->cas };
	uint8_t out[EWB_BIN_HEAD];

	if (f->op == EWB_OP_ERROR || *head != EWB_BIN_REQUEST)
		return;
	r.nbody = (uint32_t)(f->nextras + f->nkey + f->nvalue);
	ewb_bin_request(out, &r);
	FUZZ_MUST(memcmp(out, head, sizeof out) == 0);
}

static void
check_frame(const struct frames_one *one, const uint8_t *in)
{
	const struct ewb_frame *f = &one->f;

	FUZZ_MUST(!(f->is & ~(EWB_IS_BINARY | EWB_IS_QUIET | EWB_IS_WANT_KEY |
	                      EWB_IS_CREATE | EWB_IS_SKIP | EWB_IS_LAST |
	                      EWB_IS_CAS | EWB_IS_BARRIER)));
	FUZZ_MUST(!one->bad && f->tail == 0);
	check_head(f);
	if (f->reason)
		check_error((const uint8_t *)f->reason, strlen(f->reason));
	else
		check_request(one, in);
}

static void
check_frames(const struct fuzz_input *i)
{
	struct frames_how how = { .parser = FRAMES_BINARY,
		                  .max_value = i->mode == 8 ? 100 : 1u << 20,
		                  .max_body = 64u << 20,
		                  .own = &frames_own,
		                  .sizes = i->sizes,
		                  .nsizes = i->nsizes };

	if (i->n > FUZZ_STREAM)
		return;
	frames_same(how, i->in, i->n, &all, &scratch);
	for (size_t k = 0; k < all.n; k++)
		check_frame(&all.at[k], i->in);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input i;

	if (!fuzz_take(data, size, &i))
		return 0;
	switch (i.mode) {
	case 4: check_records(i.in, i.n, 0); break;
	case 5: check_records(i.in, i.n, 1); break;
	case 7: check_error(i.in, i.n); break;
	default: check_frames(&i);
	}
	return 0;
}
