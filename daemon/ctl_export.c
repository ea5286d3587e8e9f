/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl export: everything, as JSON lines in the order of the keys, which
 * ewbctl import reads. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "daemon/ctl_collection.h"
#include "daemon/ctl_interrupt.h"
#include "daemon/ctl_line.h"
#include "daemon/ctl_link.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_out.h"
#include "daemon/ctl_range.h"
#include "daemon/ctl_say.h"
#include "daemon/ctl_scanner.h"

enum { OPT_COLLECTION, OPT_RETRY, OPT_HELP };

static const struct ewb_ctl_option table[] = {
	[OPT_COLLECTION] = { "collection", 0, true },
	[OPT_RETRY] = { "retry", 0, true },
	[OPT_HELP] = { "help", 'h', false },
	{ 0 },
};

static const char usage[] =
	"export [--collection SCOPE.NAME | all] [--retry S] [FILE]";

struct export {
	const char *file;       /* null: standard output */
	struct ewb_ctl_collection *all;
	size_t nall;
	struct ewb_ctl_range range; /* no bounds */
	struct ewb_ctl_link link;   /* no collection: all that there are */
	struct ewb_ctl_scanner scanner;
	struct ewb_ctl_out out;
	struct ewb_ctl_progress bar;
	int out_err;
};

/* What the bar counts: records if it is known how many there are, else the server's
 * estimate. */
static void
draw(struct export *e)
{
	if (!e->link.collection && e->link.has.curr_items) {
		e->bar.total = e->link.has.curr_items;
		e->bar.done = e->bar.nrecords;
	} else {
		e->bar.total = e->scanner.fetch.nsource * EWB_BIN_WHOLE;
		e->bar.done = ewb_ctl_fetch_progress(&e->scanner.fetch);
	}
	ewb_ctl_progress_draw(&e->bar);
}

static bool
wait_for_server(void *arg)
{
	struct export *e = arg;

	draw(e);
	e->out_err = ewb_ctl_out_idle(&e->out);
	return e->out_err != 0 || ewb_ctl_interrupted();
}

/* One record after another: 0, -1 or EWB_CTL_STOPPED.  collection: to be said of
 * each, or null. */
static int
pump(struct export *e, const char *collection)
{
	const struct ewb_bin_record *r;
	int n;

	while ((n = ewb_ctl_scanner_next(&e->scanner, &r)) > 0) {
		e->bar.nrecords++;
		e->bar.nbytes += r->nkey + r->nvalue;
		if (ewb_ctl_line_export(&e->out.buf, r, collection))
			return ewb_ctl_say("export: out of memory here");
		e->out_err = ewb_ctl_out_mark(&e->out);
		if (e->out_err)
			return EWB_CTL_STOPPED;
		if (e->bar.nrecords % 256 == 0)
			draw(e);
	}
	return n;
}

/* A pipe that nobody reads any more ends a scan well, an export not. */
static int
out_failed(const struct export *e)
{
	return ewb_ctl_say("export: %s: %s",
	                   e->file ? e->file : "standard output",
	                   ewb_ctl_strerror(e->out_err));
}

static int
summary(const struct export *e)
{
	char text[EWB_CTL_SUMMARY_MAX];

	ewb_ctl_progress_summary(&e->bar, text);
	if (!e->file && e->bar.bar)
		ewb_ctl_tell("%s", text);
	if (e->file && (printf("%s\n", text) < 0 || fflush(stdout)))
		return ewb_ctl_out_status(-errno);
	return 0;
}

/* One collection; null: the server has none. */
static int
run_one(struct export *e, const struct ewb_ctl_collection *k)
{
	const char *name = k && k->id ? k->name : NULL;
	int n;

	e->range.has_collection = k != NULL;
	e->range.collection = k ? k->id : 0;
	e->scanner.fetch = (struct ewb_ctl_fetch){
		.link = &e->link,
		.range = &e->range,
		.one_snapshot = true,
		.wait = wait_for_server,
		.wait_arg = e,
	};
	n = ewb_ctl_scanner_open(&e->scanner, 0,
	                         (unsigned)e->link.has.nvbuckets);
	/* Only now: a file that is there is not lost for a server that is not. */
	if (!n && e->file && !e->out.file)
		n = ewb_ctl_out_open(&e->out, e->file) ? EWB_CTL_STOPPED : 0;
	if (!n)
		n = pump(e, name);
	if (n)
		ewb_ctl_fetch_abandon(&e->scanner.fetch, n);
	ewb_ctl_scanner_close(&e->scanner);
	return n;
}

static int
run_all(struct export *e)
{
	size_t i;
	int n = e->nall ? 0 : run_one(e, NULL);

	for (i = 0; i < e->nall && !n; i++)
		n = run_one(e, &e->all[i]);
	return n;
}

static int
run(struct export *e)
{
	int n;

	ewb_ctl_progress_init(&e->bar, NULL);
	ewb_ctl_interrupt_begin();
	/* No bar among the lines. */
	if (!e->file && isatty(STDOUT_FILENO) == 1)
		e->bar.bar = false;
	n = run_all(e);
	if (!e->out_err && !ewb_ctl_interrupted())
		e->out_err = n ? ewb_ctl_out_flush(&e->out)
		               : ewb_ctl_out_end(&e->out);
	ewb_ctl_progress_fini(&e->bar);
	if (e->out_err && !ewb_ctl_interrupted())
		return out_failed(e);
	if (n && e->out.part)
		return ewb_ctl_say("export: not complete: what came is in %s",
		                   e->out.part);
	return n ? -1 : summary(e);
}

/* The server is there, and which collections are wanted is known: 0 or -1. */
static int
begin(struct export *e)
{
	if (ewb_ctl_link_open(&e->link))
		return -1;
	if (!(e->link.space.features & EWB_CTL_COLLECTIONS))
		return 0;
	if (!e->link.collection)
		return ewb_ctl_collection_all(&e->link.conn, &e->all, &e->nall);
	e->all = malloc(sizeof(*e->all));
	if (!e->all)
		return ewb_ctl_say("export: out of memory here");
	e->all[e->nall++] = e->link.space.in;
	return 0;
}

static void
end(struct export *e)
{
	ewb_ctl_link_close(&e->link);
	ewb_ctl_out_fini(&e->out);
	free(e->all);
}

static int
take_option(struct export *e, int option, const char *value)
{
	if (option == OPT_RETRY)
		return ewb_ctl_number("--retry", value, 0, EWB_CTL_RETRY_MAX_S,
		                      &e->link.retry_s);
	e->link.collection = strcmp(value, "all") ? value : NULL;
	return e->link.collection ? ewb_ctl_collection_check(value) : 0;
}

int
ewb_ctl_export(const struct ewb_ctl_addr *where, char **argv)
{
	struct export e = { .link = { .command = "export",
		                      .where = where,
		                      .may = EWB_CTL_COLLECTIONS |
		                             EWB_CTL_RESUME,
		                      .retry_s = EWB_CTL_RETRY_S,
		                      .conn = { .fd = -1 } } };
	const char *value;
	int i, status;

	while ((i = ewb_ctl_option_take(table, &argv, &value)) >= 0) {
		if (i == OPT_HELP)
			return printf("usage: ewbctl %s\n", usage) < 0;
		if (take_option(&e, i, value))
			return EWB_CTL_USAGE;
	}
	if (i == EWB_CTL_BAD_OPTION)
		return EWB_CTL_USAGE;
	if (argv[0] && argv[1])
		return ewb_ctl_usage(usage);
	if (argv[0] && strcmp(argv[0], "-"))
		e.file = argv[0];
	status = begin(&e) || run(&e) ? EWB_CTL_FAILED : EWB_CTL_DONE_WELL;
	end(&e);
	return status;
}
