/* SPDX-License-Identifier: BSD-2-Clause */
/* What a scan's create asks for, in JSON: any bytes, without a head.  What is
 * taken is within its bounds, and the same when it is written down anew; what is
 * refused has a reason; and half of what is JSON is none. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/base64.h"
#include "scan/request.h"
#include "t/fuzz/fuzz.h"

struct parsed {
	struct ewb_scan_request r;
	enum ewb_status status;
	const char *why;
};

/* Out of a copy of exactly that size, for the sanitizer. */
static void
parse(struct parsed *p, const void *in, size_t n)
{
	uint8_t *mine = malloc(n);

	FUZZ_MUST(n == 0 || mine != NULL);
	if (n)
		memcpy(mine, in, n);
	p->status = ewb_scan_parse(&p->r, mine, n, &p->why);
	FUZZ_MUST(n == 0 || memcmp(mine, in, n) == 0);
	free(mine);
}

static int
is_taken(const struct parsed *p)
{
	return p->status == EWB_OK || p->status == EWB_NOT_FOUND;
}

static void
check_bound(const struct ewb_scan_bound *b)
{
	FUZZ_MUST(b->n <= EWB_BOUND_MAX);
	FUZZ_MUST(b->there || (b->n == 0 && !b->excluded));
}

static void
must_be_same_bound(const struct ewb_scan_bound *a,
                   const struct ewb_scan_bound *b)
{
	FUZZ_MUST(a->there == b->there && a->excluded == b->excluded);
	FUZZ_MUST(ewb_scan_bound_order(a, b) == 0);
}

static void
must_be_same(const struct parsed *a, const struct parsed *b)
{
	FUZZ_MUST(a->status == b->status && a->why == b->why);
	must_be_same_bound(&a->r.start, &b->r.start);
	must_be_same_bound(&a->r.end, &b->r.end);
	FUZZ_MUST(a->r.keys_only == b->r.keys_only);
	FUZZ_MUST(a->r.sampling == b->r.sampling);
	FUZZ_MUST(a->r.samples == b->r.samples && a->r.seed == b->r.seed);
}

static void
write_bound(FILE *to, const char *name, const struct ewb_scan_bound *b,
            const char *before)
{
	char text[EWB_BASE64_LEN(EWB_BOUND_MAX) + 1];
	size_t n = ewb_base64_encode(text, b->data, b->n);

	if (b->there)
		fprintf(to, "%s\"%s%s\":\"%.*s\"", before,
		        b->excluded ? "excl_" : "", name, (int)n, text);
}

/* Another text that asks for the same. */
static size_t
write_anew(char *out, size_t cap, const struct ewb_scan_request *r)
{
	FILE *to = fmemopen(out, cap, "w");
	long n;

	FUZZ_MUST(to != NULL);
	fprintf(to, " { \"key_only\" : %s", r->keys_only ? "true" : "false");
	if (r->sampling)
		fprintf(to,
		        ",\"sampling\":{\"seed\":%" PRIu64
		        ",\"samples\":%" PRIu64 "}",
		        r->seed, r->samples);
	fprintf(to, ",\"range\":{");
	write_bound(to, "end", &r->end, "");
	write_bound(to, "start", &r->start, r->end.there ? ",\n" : "");
	fprintf(to, "}\n}\t ");
	n = ftell(to);
	FUZZ_MUST(n > 0 && (size_t)n < cap);
	fclose(to);
	return (size_t)n;
}

static void
check_anew(const struct parsed *p)
{
	char anew[4 * EWB_BOUND_MAX];
	struct parsed again;

	parse(&again, anew, write_anew(anew, sizeof anew, &p->r));
	must_be_same(p, &again);
}

/* It samples by some other numbers. */
static void
check_numbers(const struct parsed *p, const uint8_t *in, size_t n)
{
	struct parsed other = *p;
	uint64_t some = UINT64_C(0xcbf29ce484222325);

	while (n--)
		some = (some ^ *in++) * UINT64_C(0x100000001b3);
	other.r.sampling = 1;
	other.r.seed = some;
	other.r.samples = (some >> (some & 63)) | 1;
	check_anew(&other);
}

static void
check_taken(const struct parsed *p, const uint8_t *in, size_t n)
{
	const struct ewb_scan_request *r = &p->r;
	struct parsed again;

	check_bound(&r->start);
	check_bound(&r->end);
	FUZZ_MUST(r->sampling == (r->samples > 0));
	FUZZ_MUST((p->status == EWB_NOT_FOUND) == ewb_scan_empty(r));
	check_anew(p);
	check_numbers(p, in, n);
	while (memchr(" \t\r\n", in[n - 1], 4))
		n--;
	parse(&again, in, n);
	must_be_same(p, &again);
	parse(&again, in, n - 1);
	FUZZ_MUST(again.status == EWB_INVALID);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parsed p, again;

	parse(&p, data, size);
	parse(&again, data, size);
	FUZZ_MUST(p.status == again.status && p.why == again.why);
	FUZZ_MUST(memcmp(&p.r, &again.r, sizeof p.r) == 0);
	FUZZ_MUST((p.why == NULL) == is_taken(&p));
	if (is_taken(&p))
		check_taken(&p, data, size);
	return 0;
}
