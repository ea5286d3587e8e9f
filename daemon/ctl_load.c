/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl load: lines of key TAB value, stored by pipelined quiet sets.  The
 * server answers only what it refuses, and a noop every few hundred lines
 * tells how far it is. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/ctl.h"
#include "daemon/ctl_escape.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_say.h"
#include "protocol/frame.h"
#include "protocol/status.h"

#define OP_SETQ 0x11
#define FENCE_EVERY 512 /* lines */
#define FENCES 4        /* on their way at most */
#define UNSENT_MAX (256 * 1024)
#define SHOWN 10 /* refusals told one by one */

static const struct ewb_ctl_option table[] = {
	{ "help", 'h', false },
	{ 0 },
};

struct load {
	struct ewb_ctl_conn conn;
	const char *name; /* of the file, for messages */
	FILE *in;
	struct ewb_ctl_progress bar;
	uint64_t nlines; /* read */
	uint64_t nsent, nrefused;
	uint64_t nstored; /* as far as it is known */
	bool lost;        /* the connection is of no more use */
	unsigned nfences;
	uint64_t fence[FENCES + 1]; /* nsent at each, oldest first */
};

static int
bad_line(const struct load *l, const char *what)
{
	return ewb_ctl_say("%s:%" PRIu64 ": %s", l->name, l->nlines, what);
}

/* The server refused a line; only its low 32 bits are in the reply. */
static void
refused(struct load *l, const struct ewb_ctl_reply *r)
{
	uint64_t line = l->nlines - (uint32_t)(l->nlines - r->opaque);
	char why[EWB_CTL_WHY_MAX];

	if (l->nrefused++ < SHOWN)
		ewb_ctl_say("%s:%" PRIu64 ": %s", l->name, line,
		            ewb_ctl_reply_why(r, why));
}

static int
take_reply(struct load *l, const struct ewb_ctl_reply *r)
{
	if (r->opcode == OP_SETQ) {
		refused(l, r);
		return 0;
	}
	if (r->opcode != EWB_CTL_OP_NOOP || !l->nfences)
		return ewb_ctl_say("load: the server answered what nobody "
		                   "asked");
	/* Replies are in order: what was refused so far came before it. */
	l->nstored = l->fence[0] - l->nrefused;
	l->bar.nrecords = l->nstored;
	memmove(l->fence, l->fence + 1, --l->nfences * sizeof(l->fence[0]));
	return 0;
}

static int
absorb(struct load *l)
{
	struct ewb_ctl_reply r;
	int n;

	while ((n = ewb_ctl_conn_next(&l->conn, &r)) > 0)
		if (take_reply(l, &r))
			return -1;
	return n;
}

/* Until no more fences and bytes than these are on their way. */
static int
settle(struct load *l, unsigned nfences, size_t nbytes)
{
	for (;;) {
		if (absorb(l))
			return -1;
		if (l->nfences <= nfences &&
		    ewb_ctl_conn_unsent(&l->conn) <= nbytes)
			return 0;
		ewb_ctl_progress_draw(&l->bar);
		if (ewb_ctl_conn_turn(&l->conn))
			return -1;
	}
}

static int
put_fence(struct load *l)
{
	struct ewb_ctl_request q = { .opcode = EWB_CTL_OP_NOOP };
	long at = l->bar.total ? ftell(l->in) : 0;

	l->fence[l->nfences++] = l->nsent;
	l->bar.done = at > 0 ? (uint64_t)at : 0;
	if (ewb_ctl_conn_send(&l->conn, &q))
		return -1;
	return ewb_ctl_conn_poll(&l->conn);
}

static int
store(struct load *l, const char *key, size_t nkey, const char *value,
      size_t nvalue)
{
	static const uint8_t no_flags[8];
	struct ewb_ctl_request q = {
		.opcode = OP_SETQ,
		.opaque = (uint32_t)l->nlines,
		.extras = no_flags,
		.nextras = sizeof(no_flags),
		.key = key,
		.nkey = nkey,
		.value = value,
		.nvalue = nvalue,
	};

	l->lost = ewb_ctl_conn_send(&l->conn, &q);
	l->bar.nbytes += nkey + nvalue;
	if (!l->lost && ++l->nsent % FENCE_EVERY == 0)
		l->lost = put_fence(l);
	if (!l->lost)
		l->lost = settle(l, FENCES, UNSENT_MAX);
	return l->lost ? -1 : 0;
}

/* A line without its end. */
static int
take_line(struct load *l, char *line, size_t n)
{
	char *tab = memchr(line, '\t', n);
	size_t bad = 0;
	char what[96];
	long nkey, nvalue;

	if (!tab)
		return bad_line(l, "no TAB between key and value");
	nvalue = ewb_ctl_unescape(tab + 1, n - (size_t)(tab + 1 - line), &bad);
	if (nvalue < 0)
		bad += (size_t)(tab + 1 - line);
	nkey = nvalue < 0 ? 0
	                  : ewb_ctl_unescape(line, (size_t)(tab - line), &bad);
	if (nkey < 0 || nvalue < 0) {
		snprintf(what, sizeof(what),
		         "column %zu: a backslash wants \\ t n r or xNN after "
		         "it",
		         bad + 1);
		return bad_line(l, what);
	}
	if (!nkey)
		return bad_line(l, "the key is empty");
	if (nkey > EWB_KEY_MAX) {
		snprintf(what, sizeof(what),
		         "the key is too long: %ld bytes, %d at most", nkey,
		         EWB_KEY_MAX);
		return bad_line(l, what);
	}
	return store(l, line, (size_t)nkey, tab + 1, (size_t)nvalue);
}

/* All lines; stops at the first that is wrong: 0 or -1. */
static int
take_lines(struct load *l)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int err = 0;

	while (!err && (n = getline(&line, &cap, l->in)) > 0) {
		l->nlines++;
		if (line[n - 1] == '\n')
			n--;
		err = take_line(l, line, (size_t)n);
	}
	free(line);
	if (!err && ferror(l->in))
		err = ewb_ctl_say("%s: %s", l->name, ewb_ctl_strerror(errno));
	return err;
}

static int
summary(struct load *l, bool complete)
{
	char text[EWB_CTL_SUMMARY_MAX];

	ewb_ctl_progress_fini(&l->bar);
	if (!complete)
		return ewb_ctl_say("load: stopped at line %" PRIu64 "; %" PRIu64
		                   " records are known to be stored",
		                   l->nlines, l->nstored);
	if (l->nrefused)
		return ewb_ctl_say("load: the server refused %" PRIu64
		                   " of %" PRIu64 " records",
		                   l->nrefused, l->nsent);
	ewb_ctl_progress_summary(&l->bar, text);
	if (printf("%s\n", text) < 0 || fflush(stdout))
		return ewb_ctl_say("standard output: %s",
		                   ewb_ctl_strerror(errno));
	return 0;
}

static int
run(struct load *l)
{
	struct stat st;
	int err;

	ewb_ctl_progress_init(&l->bar, NULL);
	if (!fstat(fileno(l->in), &st) && S_ISREG(st.st_mode) && st.st_size)
		l->bar.total = (uint64_t)st.st_size;
	err = take_lines(l);
	if (!l->lost) /* what was sent is waited for, in any case */
		l->lost = put_fence(l) || settle(l, 0, 0);
	return summary(l, !err && !l->lost);
}

/* The file, or null and says why. */
static FILE *
open_input(struct load *l, const char *file)
{
	struct stat st;
	FILE *in;

	if (!file || !strcmp(file, "-")) {
		l->name = "stdin";
		return stdin;
	}
	l->name = file;
	in = fopen(file, "re");
	if (in && !fstat(fileno(in), &st) && S_ISDIR(st.st_mode)) {
		fclose(in);
		in = NULL;
		errno = EISDIR;
	}
	if (!in)
		ewb_ctl_say("%s: %s", file, ewb_ctl_strerror(errno));
	return in;
}

int
ewb_ctl_load(const struct ewb_ctl_addr *where, char **argv)
{
	struct load l = { .conn = { .fd = -1 } };
	const char *value;
	int i = ewb_ctl_option_take(table, &argv, &value);
	int status = EWB_CTL_FAILED;

	if (i == 0)
		return printf("usage: ewbctl load [FILE]\n") < 0;
	if (i == EWB_CTL_BAD_OPTION)
		return EWB_CTL_USAGE;
	if (argv[0] && argv[1])
		return ewb_ctl_usage("load [FILE]");
	l.in = open_input(&l, argv[0]);
	if (!l.in)
		return EWB_CTL_FAILED;
	if (!ewb_ctl_conn_open(&l.conn, where) && !run(&l))
		status = EWB_CTL_DONE_WELL;
	ewb_ctl_conn_close(&l.conn);
	if (l.in != stdin)
		fclose(l.in);
	return status;
}
