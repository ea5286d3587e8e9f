/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "which.h"

/* First the callbacks, as enum filter_op has them, then the clients' commands;
 * the last are no commands, but the callbacks of cursors. */
static const char *const names[] = {
	"get",  "store", "remove",  "flush",  "stats",     "own",
	"set",  "add",   "replace", "append", "prepend",   "delete",
	"incr", "decr",  "touch",   "gat",    "flush_all", "scan",
};
#define NNAMES (sizeof names / sizeof *names)
#define SCAN (1u << (NNAMES - 1))

static unsigned
find(const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < NNAMES; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			break;
	return i;
}

void
which_init(struct which *w)
{
	w->bits = 1u << FILTER_GET | 1u << FILTER_STORE | 1u << FILTER_REMOVE |
	          1u << FILTER_FLUSH | 1u << FILTER_OWN;
}

void
which_init_scan(struct which *w)
{
	which_init(w);
	w->bits |= SCAN;
}

int
which_parse_scan(const char *text, void *w)
{
	uint32_t bits = 0;
	unsigned i;

	for (;;) {
		size_t len = strcspn(text, ",");

		i = find(text, len);
		if (i == NNAMES)
			return -1;
		bits |= 1u << i;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	((struct which *)w)->bits = bits;
	return 0;
}

int
which_parse(const char *text, void *w)
{
	struct which all;

	if (which_parse_scan(text, &all) || which_has_scan(&all))
		return -1;
	*(struct which *)w = all;
	return 0;
}

int
which_has(const struct which *w, enum filter_op op, const struct ewb_cookie *c)
{
	const char *command = ewb_cookie_command(c);
	unsigned i = find(command, strlen(command));

	return (w->bits >> op & 1) || (i < NNAMES && (w->bits >> i & 1));
}

int
which_has_scan(const struct which *w)
{
	return (w->bits & SCAN) != 0;
}
