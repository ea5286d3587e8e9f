/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes, times and numbers as people write them. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ewb/engine.h>

struct unit {
	const char *name;
	uint64_t factor;
};

static int
parse(const char *text, const struct unit *units, uint64_t *value)
{
	char *rest;
	unsigned long long n;

	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	n = strtoull(text, &rest, 10);
	if (errno)
		return -1;
	for (; units->name; units++) {
		if (strcmp(rest, units->name))
			continue;
		if (n > UINT64_MAX / units->factor)
			return -1;
		*value = n * units->factor;
		return 0;
	}
	return -1;
}

int
ewb_parse_size(const char *text, uint64_t *bytes)
{
	static const struct unit units[] = {
		{ "", 1 },           { "k", 1 << 10 },    { "K", 1 << 10 },
		{ "m", 1 << 20 },    { "M", 1 << 20 },    { "g", 1 << 30 },
		{ "G", 1 << 30 },    { "t", 1ull << 40 }, { "T", 1ull << 40 },
		{ "KiB", 1 << 10 },  { "MiB", 1 << 20 },  { "GiB", 1 << 30 },
		{ NULL, 0 },
	};

	return parse(text, units, bytes);
}

int
ewb_parse_time(const char *text, uint64_t *us)
{
	static const struct unit units[] = {
		{ "", 1000 },     { "us", 1 },        { "ms", 1000 },
		{ "s", 1000000 }, { "m", 60000000 },  { "h", 3600000000 },
		{ NULL, 0 },
	};

	return parse(text, units, us);
}

int
ewb_parse_number(const char *text, uint64_t *n)
{
	static const struct unit units[] = { { "", 1 }, { NULL, 0 } };

	return parse(text, units, n);
}
