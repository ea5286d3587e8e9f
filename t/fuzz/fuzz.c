/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/fuzz/fuzz.h"

const char *__asan_default_options(void);

static const unsigned char *noted;
static size_t nnoted;

void
fuzz_note(const void *data, size_t n)
{
	noted = data;
	nnoted = n;
}

static void
print(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == '\n' || (p[i] >= ' ' && p[i] < 127))
			fputc(p[i], stderr);
		else
			fprintf(stderr, "\\x%02x", p[i]);
}

void
fuzz_wrong(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: this must hold: %s\n", file, line, what);
	if (nnoted) {
		fprintf(stderr, "what was heard:\n");
		print(noted, nnoted);
	}
	abort();
}

int
fuzz_take(const uint8_t *data, size_t size, struct fuzz_input *i)
{
	if (size == 0)
		return 0;
	i->mode = data[0] >> 4;
	i->nsizes = data[0] & 15;
	if (i->nsizes > size - 1)
		i->nsizes = size - 1;
	i->in = data + 1;
	i->n = size - 1 - i->nsizes;
	i->sizes = i->in + i->n;
	return 1;
}

/* In place of check's, which write down each point that a test passes: t/ has
 * parts that are used here too. */

void
_mark_point(const char *file, int line)
{
	(void)file;
	(void)line;
}

void
#if CHECK_MAJOR_VERSION == 0 && CHECK_MINOR_VERSION < 15
_ck_assert_failed(const char *file, int line, const char *expr, ...)
{
	const char *msg = NULL;
	va_list ap;

	va_start(ap, expr);
	msg = va_arg(ap, const char *);
#else
_ck_assert_failed(const char *file, int line, const char *expr, const char *msg,
                  ...)
{
	va_list ap;

	va_start(ap, msg);
#endif
	if (msg) {
		vfprintf(stderr, msg, ap);
		fputc('\n', stderr);
	}
	va_end(ap);
	fuzz_wrong(file, line, expr);
}

/* What is freed is kept for a while, to be found when it is used: not so long
 * that the processor's caches are of no use. */
const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=16";
}
