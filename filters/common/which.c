/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "which.h"

/* First the callbacks, as enum filter_op has them, then the clients' commands. */
static const char *const names[] = {
	"get",  "store", "remove",  "flush",  "stats",     "own",
	"set",  "add",   "replace", "append", "prepend",   "delete",
	"incr", "decr",  "touch",   "gat",    "flush_all",
};
#define NNAMES (sizeof names / sizeof *names)

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

int
which_parse(struct which *w, struct ewb_host *host, const char *text)
{
	const char *p = text;
	unsigned i;

	w->bits = 0;
	for (;;) {
		size_t len = strcspn(p, ",");

		i = find(p, len);
		if (i == NNAMES)
			break;
		w->bits |= 1u << i;
		if (p[len] == '\0')
			return 0;
		p += len + 1;
	}
	ewb_host_error(
		host,
		"on=%s: not a list of get, store, remove, flush, stats, own, "
		"set, add, replace, append, prepend, delete, incr, "
		"decr, touch, gat and flush_all, with commas",
		text);
	return -1;
}

int
which_has(const struct which *w, enum filter_op op, const struct ewb_cookie *c)
{
	const char *command = ewb_cookie_command(c);
	unsigned i = find(command, strlen(command));

	return (w->bits >> op & 1) || (i < NNAMES && (w->bits >> i & 1));
}
