/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl import: JSON lines, as ewbctl export writes them. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ctl.h"
#include "daemon/ctl_collection.h"
#include "daemon/ctl_document.h"
#include "daemon/ctl_hello.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_store.h"

enum { OPT_COLLECTION, OPT_HELP };

static const struct ewb_ctl_option table[] = {
	[OPT_COLLECTION] = { "collection", 0, true },
	[OPT_HELP] = { "help", 'h', false },
	{ 0 },
};

static const char usage[] = "import [--collection SCOPE.NAME] [FILE]";

struct import {
	struct ewb_ctl_store store;
	struct ewb_ctl_document doc;
	const char *collection;           /* null: what each document says */
	struct ewb_ctl_collection *known; /* that documents have said */
	size_t nknown;
};

/* Asks the server for a collection that was not met before: 0 or -1. */
static int
meet(struct import *m, const char *name)
{
	struct ewb_ctl_collection *at =
		realloc(m->known, (m->nknown + 1) * sizeof(*at));
	int n;

	if (!at)
		return ewb_ctl_say("import: out of memory here");
	m->known = at;
	if (ewb_ctl_store_drain(&m->store))
		return -1;
	n = ewb_ctl_collection_ask(&m->store.conn, name, &at[m->nknown]);
	if (n)
		return n > 0 ? ewb_ctl_lines_bad(&m->store.in,
		                                 "the server has no collection "
		                                 "\"%s\"",
		                                 name)
		             : -1;
	m->nknown++;
	return 0;
}

/* What is stored next goes to the document's collection: 0 or -1. */
static int
go_to_collection(struct import *m)
{
	const char *name = m->doc.collection;
	size_t i;

	if (m->collection)
		return 0;
	if (!name)
		name = EWB_CTL_DEFAULT_COLLECTION;
	if (!(m->store.space.features & EWB_CTL_COLLECTIONS))
		return strcmp(name, EWB_CTL_DEFAULT_COLLECTION)
		               ? ewb_ctl_lines_bad(&m->store.in,
		                                   "the server has no "
		                                   "collections")
		               : 0;
	if (!strcmp(name, m->store.space.in.name))
		return 0;
	for (i = 0; i < m->nknown; i++)
		if (!strcmp(name, m->known[i].name))
			break;
	if (i == m->nknown && meet(m, name))
		return -1;
	m->store.space.in = m->known[i];
	return 0;
}

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
	return go_to_collection(m) ? -1 : ewb_ctl_store_put(&m->store, r);
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
	struct import m = { .collection = NULL };
	const char *value;
	int i, status = EWB_CTL_FAILED;

	while ((i = ewb_ctl_option_take(table, &argv, &value)) >= 0) {
		if (i == OPT_HELP)
			return printf("usage: ewbctl %s\n", usage) < 0;
		m.collection = value;
		if (ewb_ctl_collection_check(value))
			return EWB_CTL_USAGE;
	}
	if (i == EWB_CTL_BAD_OPTION)
		return EWB_CTL_USAGE;
	if (argv[0] && argv[1])
		return ewb_ctl_usage(usage);
	if (!ewb_ctl_store_open(&m.store, "import", where, argv[0],
	                        m.collection, EWB_CTL_COLLECTIONS) &&
	    !ewb_ctl_document_init(&m.doc))
		status = run(&m);
	ewb_ctl_store_close(&m.store);
	ewb_ctl_document_fini(&m.doc);
	free(m.known);
	return status;
}
