/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl import: JSON lines, as ewbctl export writes them. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/ctl.h"
#include "daemon/ctl_document.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_store.h"

enum { OPT_HELP };

static const struct ewb_ctl_option table[] = {
	[OPT_HELP] = { "help", 'h', false },
	{ 0 },
};

static const char usage[] = "import [FILE]";

struct import {
	struct ewb_ctl_store store;
	struct ewb_ctl_document doc;
};

static int
take_line(struct import *m, const char *line, size_t n)
{
	const struct ewb_bin_record *r = &m->doc.record;

	if (ewb_ctl_document_parse(&m->doc, line, n))
		return ewb_ctl_lines_bad(&m->store.in, "%s", m->doc.why);
	/* A number of a month or less would be taken for seconds from now on;
	 * so small a date has passed, too. */
	if (r->expiry && r->expiry <= time(NULL)) {
		m->store.nskipped++;
		return 0;
	}
	return ewb_ctl_store_put(&m->store, r);
}

/* All lines; stops at the first that is wrong. */
static int
run(struct import *m)
{
	char *line;
	size_t n;
	int err = 0, got = 0;

	while (!err && (got = ewb_ctl_lines_next(&m->store.in, &line, &n)) > 0)
		err = take_line(m, line, n);
	return ewb_ctl_store_end(&m->store, err || got < 0);
}

int
ewb_ctl_import(const struct ewb_ctl_addr *where, char **argv)
{
	struct import m;
	const char *value;
	int i, status = EWB_CTL_FAILED;

	while ((i = ewb_ctl_option_take(table, &argv, &value)) >= 0)
		if (i == OPT_HELP)
			return printf("usage: ewbctl %s\n", usage) < 0;
	if (i == EWB_CTL_BAD_OPTION)
		return EWB_CTL_USAGE;
	if (argv[0] && argv[1])
		return ewb_ctl_usage(usage);
	if (!ewb_ctl_document_init(&m.doc) &&
	    !ewb_ctl_store_open(&m.store, "import", where, argv[0]))
		status = run(&m);
	ewb_ctl_store_close(&m.store);
	ewb_ctl_document_fini(&m.doc);
	return status;
}
