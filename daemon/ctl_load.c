/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl load: lines of key TAB value. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "daemon/ctl.h"
#include "daemon/ctl_collection.h"
#include "daemon/ctl_escape.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_store.h"

enum { OPT_COLLECTION, OPT_HELP };

static const struct ewb_ctl_option table[] = {
	[OPT_COLLECTION] = { "collection", 0, true },
	[OPT_HELP] = { "help", 'h', false },
	{ 0 },
};

static const char usage[] = "load [--collection SCOPE.NAME] [FILE]";

/* A line without its end. */
static int
take_line(struct ewb_ctl_store *s, char *line, size_t n)
{
	char *tab = memchr(line, '\t', n);
	size_t bad = 0;
	long nkey, nvalue;
	struct ewb_bin_record r = { .key = (uint8_t *)line };

	if (!tab)
		return ewb_ctl_lines_bad(&s->in, "no TAB between key and value");
	nvalue = ewb_ctl_unescape(tab + 1, n - (size_t)(tab + 1 - line), &bad);
	if (nvalue < 0)
		bad += (size_t)(tab + 1 - line);
	nkey = nvalue < 0 ? 0
	                  : ewb_ctl_unescape(line, (size_t)(tab - line), &bad);
	if (nkey < 0 || nvalue < 0)
		return ewb_ctl_lines_bad(&s->in,
		                         "column %zu: a backslash wants \\ t n "
		                         "r or xNN after it",
		                         bad + 1);
	if (!nkey)
		return ewb_ctl_lines_bad(&s->in, "the key is empty");
	if (nkey > EWB_KEY_MAX)
		return ewb_ctl_lines_bad(&s->in,
		                         "the key is too long: %ld bytes, %d at "
		                         "most",
		                         nkey, EWB_KEY_MAX);
	r.nkey = (size_t)nkey;
	r.value = (uint8_t *)tab + 1;
	r.nvalue = (size_t)nvalue;
	return ewb_ctl_store_put(s, &r);
}

/* All lines; stops at the first that is wrong. */
static int
run(struct ewb_ctl_store *s)
{
	char *line;
	size_t n;
	int err = 0, got = 0;

	while (!err && (got = ewb_ctl_lines_next(&s->in, &line, &n)) > 0)
		err = take_line(s, line, n);
	return ewb_ctl_store_end(s, err || got < 0);
}

int
ewb_ctl_load(const struct ewb_ctl_addr *where, char **argv)
{
	struct ewb_ctl_store s;
	const char *value, *collection = NULL;
	int i, status = EWB_CTL_FAILED;

	while ((i = ewb_ctl_option_take(table, &argv, &value)) >= 0) {
		if (i == OPT_HELP)
			return printf("usage: ewbctl %s\n", usage) < 0;
		collection = value;
		if (ewb_ctl_collection_check(value))
			return EWB_CTL_USAGE;
	}
	if (i == EWB_CTL_BAD_OPTION)
		return EWB_CTL_USAGE;
	if (argv[0] && argv[1])
		return ewb_ctl_usage(usage);
	if (!ewb_ctl_store_open(&s, "load", where, argv[0], collection, 0))
		status = run(&s);
	ewb_ctl_store_close(&s);
	return status;
}
