/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl export: everything, as JSON lines in the order of the keys, which
 * ewbctl import reads. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "daemon/ctl_facts.h"
#include "daemon/ctl_line.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_out.h"
#include "daemon/ctl_range.h"
#include "daemon/ctl_say.h"
#include "daemon/ctl_scanner.h"

enum { OPT_HELP };

static const struct ewb_ctl_option table[] = {
	[OPT_HELP] = { "help", 'h', false },
	{ 0 },
};

static const char usage[] = "export [FILE]";

struct export {
	const char *file; /* null: standard output */
	struct ewb_ctl_facts has;
	struct ewb_ctl_range range; /* no bounds */
	struct ewb_ctl_conn conn;
	struct ewb_ctl_scanner scanner;
	struct ewb_ctl_out out;
	struct ewb_ctl_progress bar;
	int out_err;
};

static bool
wait_for_server(void *arg)
{
	struct export *e = arg;

	ewb_ctl_progress_draw(&e->bar);
	e->out_err = ewb_ctl_out_idle(&e->out);
	return e->out_err != 0;
}

/* One record after another: 0, -1 or EWB_CTL_STOPPED. */
static int
pump(struct export *e)
{
	const struct ewb_bin_record *r;
	int n;

	while ((n = ewb_ctl_scanner_next(&e->scanner, &r)) > 0) {
		e->bar.done = ++e->bar.nrecords;
		e->bar.nbytes += r->nkey + r->nvalue;
		if (ewb_ctl_line_export(&e->out.buf, r))
			return ewb_ctl_say("export: out of memory here");
		e->out_err = ewb_ctl_out_mark(&e->out);
		if (e->out_err)
			return EWB_CTL_STOPPED;
		if (e->bar.nrecords % 256 == 0)
			ewb_ctl_progress_draw(&e->bar);
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

static int
run(struct export *e)
{
	int n;

	ewb_ctl_progress_init(&e->bar, NULL);
	/* No bar among the lines. */
	if (!e->file && isatty(STDOUT_FILENO) == 1)
		e->bar.bar = false;
	e->bar.total = e->has.curr_items;
	n = ewb_ctl_scanner_open(&e->scanner, &e->conn, &e->range, 0,
	                         (unsigned)e->has.nvbuckets, 0, wait_for_server,
	                         e);
	/* Only now: a file that is there is not lost for a server that is not. */
	if (!n && e->file)
		n = ewb_ctl_out_open(&e->out, e->file);
	if (!n)
		n = pump(e);
	if (!e->out_err)
		e->out_err = ewb_ctl_out_end(&e->out);
	ewb_ctl_progress_fini(&e->bar);
	if (e->out_err)
		return out_failed(e);
	if (n && e->out.file)
		return ewb_ctl_say("export: %s is not complete", e->file);
	return n ? -1 : summary(e);
}

static void
end(struct export *e)
{
	ewb_ctl_scanner_close(&e->scanner);
	ewb_ctl_conn_close(&e->conn);
	ewb_ctl_out_fini(&e->out);
}

int
ewb_ctl_export(const struct ewb_ctl_addr *where, char **argv)
{
	struct export e = { .conn = { .fd = -1 } };
	const char *value;
	int i, status;

	while ((i = ewb_ctl_option_take(table, &argv, &value)) >= 0)
		if (i == OPT_HELP)
			return printf("usage: ewbctl %s\n", usage) < 0;
	if (i == EWB_CTL_BAD_OPTION)
		return EWB_CTL_USAGE;
	if (argv[0] && argv[1])
		return ewb_ctl_usage(usage);
	if (argv[0] && strcmp(argv[0], "-"))
		e.file = argv[0];
	status = ewb_ctl_conn_open(&e.conn, where) ||
	                         ewb_ctl_facts_get(&e.has, &e.conn, "export") ||
	                         run(&e)
	                 ? EWB_CTL_FAILED
	                 : EWB_CTL_DONE_WELL;
	end(&e);
	return status;
}
