/* SPDX-License-Identifier: BSD-2-Clause */
/* The text protocol: what the parser makes of any bytes, and what the replies
 * look like that are written for it.  The head's high half: 4, values of 16
 * bytes at most; 5, of 1000; else of 1 MiB. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/meta.h"
#include "protocol/number.h"
#include "protocol/text.h"
#include "t/fuzz/frames.h"
#include "t/fuzz/fuzz.h"
#include "t/fuzz/replies.h"

static struct frames all, scratch;

/* Replies. */

static void
must_be_number(const uint8_t *line, size_t n, unsigned word, uint64_t want)
{
	size_t len;
	const uint8_t *w = reply_word(line, n, word, &len);
	uint64_t v;

	FUZZ_MUST(w && ewb_take_number(w, len, &v) == 1 && v == want);
}

static void
check_value(const struct ewb_frame *f, uint64_t some)
{
	uint8_t *out = malloc(EWB_TEXT_VALUE_MAX);
	size_t n, len, nvalue = (size_t)(some >> 7), last;
	const uint8_t *key;

	FUZZ_MUST(out != NULL);
	n = ewb_text_value(out, f, (uint32_t)some, nvalue, some);
	FUZZ_MUST(n <= EWB_TEXT_VALUE_MAX && n > 2);
	FUZZ_MUST(memcmp(out + n - 2, "\r\n", 2) == 0);
	FUZZ_MUST(memcmp(out, "VALUE ", 6) == 0);
	key = reply_word(out, n - 2, 1, &len);
	FUZZ_MUST(len == f->nkey && memcmp(key, f->key, len) == 0);
	must_be_number(out, n - 2, 2, (uint32_t)some);
	must_be_number(out, n - 2, 3, nvalue);
	if (f->is & EWB_IS_WANT_CAS)
		must_be_number(out, n - 2, 4, some);
	else
		FUZZ_MUST(reply_word(out, n - 2, 4, &last) == NULL);
	free(out);
}

static void
check_number(uint64_t v)
{
	uint8_t *out = malloc(EWB_TEXT_NUMBER_MAX);
	size_t n;

	FUZZ_MUST(out != NULL);
	n = ewb_text_number(out, v);
	FUZZ_MUST(n <= EWB_TEXT_NUMBER_MAX && reply_take(out, n).n == n);
	must_be_number(out, n - 2, 0, v);
	free(out);
}

static void
check_status(enum ewb_op op, uint32_t status)
{
	struct reply r;
	size_t n;
	const char *line = ewb_text_status(op, status, &n);

	FUZZ_MUST(strlen(line) == n);
	r = reply_take((const uint8_t *)line, n);
	FUZZ_MUST(n == 0 || (r.n == n && r.kind != REPLY_WRONG));
}

/* Meta commands. */

static void
check_flags(const struct ewb_frame *f)
{
	const uint8_t *p = f->extras, *end = p + f->nextras;
	struct ewb_meta_flag flag;
	size_t n;

	for (; (n = ewb_meta_next(p, (size_t)(end - p), &flag)); p += n) {
		FUZZ_MUST(n <= (size_t)(end - p));
		FUZZ_MUST(flag.token >= p && flag.token + flag.ntoken == p + n);
		FUZZ_MUST(flag.letter > ' ');
		FUZZ_MUST(flag.letter != 'O' || flag.ntoken <= 31);
	}
}

static void
check_base64(const uint8_t *text, size_t n)
{
	uint8_t *out = malloc(EWB_BASE64_BYTES(n) + 1);
	char *again;
	size_t len, nagain;

	FUZZ_MUST(out != NULL);
	len = ewb_base64_decode(out, EWB_BASE64_BYTES(n), text, n);
	if (len != SIZE_MAX) {
		FUZZ_MUST(len <= EWB_BASE64_BYTES(n));
		again = malloc(EWB_BASE64_LEN(len) + 1);
		FUZZ_MUST(again != NULL);
		nagain = ewb_base64_encode(again, out, len);
		FUZZ_MUST(nagain == EWB_BASE64_LEN(len) && nagain >= n);
		FUZZ_MUST(nagain - n < 4);
		free(again);
	}
	free(out);
}

static void
check_encoding(const uint8_t *bytes, size_t n)
{
	char *out = malloc(EWB_BASE64_LEN(n) + 1);
	size_t len, short_len = n / 2;
	uint8_t *back = malloc(n + 1);

	FUZZ_MUST(out != NULL && back != NULL);
	len = ewb_base64_encode(out, bytes, n);
	FUZZ_MUST(len == EWB_BASE64_LEN(n));
	back[short_len] = 0xa5;
	FUZZ_MUST(ewb_base64_decode(back, short_len, out, len) == n);
	FUZZ_MUST(back[short_len] == 0xa5);
	FUZZ_MUST(ewb_base64_decode(out, len, out, len) == n);
	FUZZ_MUST(n == 0 || memcmp(out, bytes, n) == 0);
	free(back);
	free(out);
}

static void
check_meta(const struct ewb_frame *f)
{
	struct ewb_frame mine = *f;
	uint8_t *key;

	if (f->nextras)
		check_flags(f);
	if (!(f->is & EWB_IS_BASE64) || f->nkey == 0)
		return;
	check_base64(f->key, f->nkey);
	key = malloc(f->nkey);
	FUZZ_MUST(key != NULL);
	memcpy(key, f->key, f->nkey);
	mine.key = key;
	ewb_meta_decode(&mine);
	FUZZ_MUST(mine.nkey > 0 && mine.nkey <= EWB_BASE64_BYTES(f->nkey));
	free(key);
}

static void
check_frame(const struct ewb_frame *f)
{
	uint64_t some = f->cas ^ f->delta ^ f->flags ^ f->exptime ^ f->nkey;

	FUZZ_MUST(f->is & EWB_IS_META || f->nextras == 0 ||
	          f->op == EWB_OP_OWN);
	check_status(f->op, (uint32_t)some & 0xff);
	check_number(some);
	if (f->op == EWB_OP_GET || f->op == EWB_OP_GAT)
		check_value(f, some);
	if (f->is & EWB_IS_META)
		check_meta(f);
	FUZZ_MUST(f->exptime == 0 || ewb_expiry(f->exptime, 1000000000) != 0);
}

/* Numbers: what is one is the digits that it is written with. */
static void
check_take(const uint8_t *at, size_t n)
{
	uint8_t line[EWB_TEXT_NUMBER_MAX];
	uint64_t v;
	uint32_t v32;
	size_t len;

	if (ewb_take_number(at, n, &v) != 1)
		return;
	if (*at == '+')
		at++, n--;
	while (n > 1 && *at == '0')
		at++, n--;
	len = ewb_text_number(line, v);
	FUZZ_MUST(len == n + 2 && memcmp(line, at, n) == 0);
	FUZZ_MUST(ewb_take_number32(at, n, &v32) == (v <= UINT32_MAX));
	FUZZ_MUST(ewb_take_exptime(at, n, &v32));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frames_how how = { .parser = FRAMES_TEXT, .own = &frames_own };
	struct fuzz_input i;
	size_t few;

	if (!fuzz_take(data, size, &i) || i.n > FUZZ_STREAM)
		return 0;
	how.max_value = i.mode == 4 ? 16 : i.mode == 5 ? 1000 : 1u << 20;
	how.sizes = i.sizes;
	how.nsizes = i.nsizes;
	frames_same(how, i.in, i.n, &all, &scratch);
	for (size_t k = 0; k < all.n; k++)
		check_frame(&all.at[k].f);
	few = i.n < 400 ? i.n : 400;
	check_take(i.in, few < 24 ? few : 24);
	check_base64(i.in, few);
	check_encoding(i.in, few);
	return 0;
}
