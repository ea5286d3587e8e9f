/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "statuses.h"

static const struct {
	const char *name;
	enum ewb_status status;
} table[] = {
	{ "ok", EWB_OK },
	{ "not_found", EWB_NOT_FOUND },
	{ "exists", EWB_EXISTS },
	{ "too_big", EWB_TOO_BIG },
	{ "invalid", EWB_INVALID },
	{ "not_stored", EWB_NOT_STORED },
	{ "not_number", EWB_NOT_NUMBER },
	{ "no_access", EWB_NO_ACCESS },
	{ "no_memory", EWB_NO_MEMORY },
	{ "not_supported", EWB_NOT_SUPPORTED },
	{ "internal", EWB_INTERNAL },
	{ "busy", EWB_BUSY },
	{ "temporary", EWB_TEMPORARY },
};

int
status_parse(const char *text, size_t len, enum ewb_status *status)
{
	char *end;
	unsigned long n;

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (strlen(table[i].name) != len ||
		    memcmp(table[i].name, text, len))
			continue;
		*status = table[i].status;
		return 0;
	}
	if (len < 3 || text[0] != '0' || text[1] != 'x')
		return -1;
	n = strtoul(text + 2, &end, 16);
	if (end != text + len || n > 0xffff)
		return -1;
	*status = (enum ewb_status)n;
	return 0;
}

int
rate_parse(const char *text, uint64_t *rate)
{
	char *end;
	double percent;

	if (*text < '0' || *text > '9')
		return -1;
	percent = strtod(text, &end);
	if (strcmp(end, "%") || percent > 100)
		return -1;
	*rate = (uint64_t)(percent / 100 * 4294967296.0);
	return 0;
}

/* splitmix64 */
uint64_t
chance_draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t
chance_seed(const struct ewb_host *host, const void *self)
{
	uint64_t state = ewb_host_clock(host) ^ (uint64_t)(uintptr_t)self;

	return chance_draw(&state) >> 32; /* short enough to be typed */
}
