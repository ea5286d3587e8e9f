/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <stdio.h>

#include "lib/check.h"
#include "protocol/error_map.h"

static const struct entry {
	const char *name, *text, *attributes;
	unsigned code;
} entries[] = {
#define EWB_STATUS(name, code, text, reply, attributes) \
	{ #name, (text), (attributes), (code) },
#include "protocol/status.def"
#undef EWB_STATUS
};

#define NENTRIES (sizeof entries / sizeof *entries)

size_t
ewb_error_map(char out[EWB_ERROR_MAP_MAX], unsigned version)
{
	size_t n;

	if (version > EWB_ERROR_MAP_VERSION)
		version = EWB_ERROR_MAP_VERSION;
	n = (size_t)sprintf(out, "{\"version\":%u,\"revision\":1,\"errors\":{",
	                    version);
	for (const struct entry *e = entries; e < entries + NENTRIES; e++) {
		int len = snprintf(out + n, EWB_ERROR_MAP_MAX - n,
		                   "%s\"%x\":{\"name\":\"%s\",\"desc\":\"%s\","
		                   "\"attrs\":[%s]}",
		                   e == entries ? "" : ",", e->code, e->name,
		                   e->text, e->attributes);

		n += (size_t)len;
		EWB_MUST(n + 2 <= EWB_ERROR_MAP_MAX); /* the table has outgrown it */
	}
	out[n++] = '}';
	out[n++] = '}';
	return n;
}
