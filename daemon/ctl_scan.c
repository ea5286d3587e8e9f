/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbctl scan: from its options to its lines. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/ctl.h"
#include "daemon/ctl_escape.h"
#include "daemon/ctl_interrupt.h"
#include "daemon/ctl_line.h"
#include "daemon/ctl_link.h"
#include "daemon/ctl_option.h"
#include "daemon/ctl_out.h"
#include "daemon/ctl_range.h"
#include "daemon/ctl_sample.h"
#include "daemon/ctl_say.h"
#include "daemon/ctl_scanner.h"

#define SAMPLE_MAX 1000000000u

enum {
	OPT_PREFIX,
	OPT_START,
	OPT_END,
	OPT_EXCLUSIVE_END,
	OPT_KEYS,
	OPT_REVERSE,
	OPT_COLLECTION,
	OPT_LIMIT,
	OPT_SAMPLE,
	OPT_SEED,
	OPT_VBUCKET,
	OPT_RETRY,
	OPT_PROGRESS,
	OPT_JSON,
	OPT_HELP
};

static const struct ewb_ctl_option table[] = {
	[OPT_PREFIX] = { "prefix", 0, true },
	[OPT_START] = { "start", 0, true },
	[OPT_END] = { "end", 0, true },
	[OPT_EXCLUSIVE_END] = { "exclusive-end", 0, false },
	[OPT_KEYS] = { "keys", 0, false },
	[OPT_REVERSE] = { "reverse", 0, false },
	[OPT_COLLECTION] = { "collection", 0, true },
	[OPT_LIMIT] = { "limit", 0, true },
	[OPT_SAMPLE] = { "sample", 0, true },
	[OPT_SEED] = { "seed", 0, true },
	[OPT_VBUCKET] = { "vbucket", 0, true },
	[OPT_RETRY] = { "retry", 0, true },
	[OPT_PROGRESS] = { "progress", 0, false },
	[OPT_JSON] = { "json", 0, false },
	[OPT_HELP] = { "help", 'h', false },
	{ 0 },
};

static const char usage[] =
	"scan [--prefix P | --start A --end B [--exclusive-end]]\n"
	"                   [--keys] [--reverse] [--limit N] "
	"[--sample N [--seed S]]\n"
	"                   [--collection SCOPE.NAME] [--vbucket N] "
	"[--retry S]\n"
	"                   [--progress] [--json]";

struct scan {
	/* as asked for */
	struct ewb_ctl_range range;
	struct ewb_ctl_buf prefix;
	bool has_prefix, has_seed, progress, json, help, one_vbucket;
	uint64_t vbucket, limit;
	struct ewb_ctl_sample sample;
	/* under way */
	struct ewb_ctl_link link;
	struct ewb_ctl_scanner scanner;
	struct ewb_ctl_out out;
	struct ewb_ctl_buf line; /* for the sample */
	struct ewb_ctl_progress bar;
	int out_err; /* of standard output */
};

/* The options. */

/* A bound or prefix, with escapes: into b. */
static int
take_key(const char *option, const char *text, struct ewb_ctl_buf *b)
{
	size_t bad = 0;
	long n;

	b->pos = b->len = 0;
	if (ewb_ctl_buf_add(b, text, strlen(text)))
		return ewb_ctl_say("scan: out of memory here");
	n = b->at ? ewb_ctl_unescape((char *)b->at, b->len, &bad) : 0;
	if (n < 0)
		return ewb_ctl_say("--%s: '%s' is no escape; write \\\\ \\t "
		                   "\\n \\r or \\xNN",
		                   option, text + bad);
	b->len = (size_t)n;
	return 0;
}

static int
take_bound(const char *option, const char *text, struct ewb_ctl_buf *b,
           bool *has)
{
	*has = true;
	return take_key(option, text, b);
}

static int
take_sample(struct scan *s, const char *text)
{
	uint64_t n;

	if (ewb_ctl_number("--sample", text, 1, SAMPLE_MAX, &n))
		return -1;
	s->sample.k = (size_t)n;
	return 0;
}

static int
take_option(struct scan *s, int option, const char *value)
{
	switch (option) {
	case OPT_PREFIX:
		return take_bound("prefix", value, &s->prefix, &s->has_prefix);
	case OPT_START:
		return take_bound("start", value, &s->range.start,
		                  &s->range.has_start);
	case OPT_END:
		return take_bound("end", value, &s->range.end,
		                  &s->range.has_end);
	case OPT_EXCLUSIVE_END: s->range.end_excluded = true; return 0;
	case OPT_KEYS: s->range.keys_only = true; return 0;
	case OPT_REVERSE: s->range.descending = true; return 0;
	case OPT_COLLECTION:
		s->link.collection = value;
		return ewb_ctl_collection_check(value);
	case OPT_LIMIT:
		return ewb_ctl_number("--limit", value, 1, UINT64_MAX,
		                      &s->limit);
	case OPT_SAMPLE: return take_sample(s, value);
	case OPT_SEED:
		s->has_seed = true;
		return ewb_ctl_number("--seed", value, 0, UINT64_MAX,
		                      &s->sample.seed);
	case OPT_VBUCKET:
		s->one_vbucket = true;
		return ewb_ctl_number("--vbucket", value, 0, 65535,
		                      &s->vbucket);
	case OPT_RETRY:
		return ewb_ctl_number("--retry", value, 0, EWB_CTL_RETRY_MAX_S,
		                      &s->link.retry_s);
	case OPT_PROGRESS: s->progress = true; return 0;
	case OPT_JSON: s->json = true; return 0;
	case OPT_HELP: s->help = true; return 0;
	default: return -1;
	}
}

static bool
has_range(const struct scan *s)
{
	return s->range.has_start || s->range.has_end;
}

/* What does not go together. */
static int
check(const struct scan *s, const char *word)
{
	if (word)
		return ewb_ctl_say("scan takes no word '%s'; did you mean "
		                   "--prefix %s?",
		                   word, word);
	if (s->has_prefix && has_range(s))
		return ewb_ctl_say("--prefix, or --start and --end: one of "
		                   "them");
	if (s->range.end_excluded && !s->range.has_end)
		return ewb_ctl_say("--exclusive-end is for --end, which is "
		                   "missing");
	if (s->sample.k && (s->has_prefix || has_range(s)))
		return ewb_ctl_say("--sample is taken of all keys: that or a "
		                   "range, one of them");
	if (s->has_seed && !s->sample.k)
		return ewb_ctl_say("--seed is for --sample, which is missing");
	return 0;
}

static int
options(struct scan *s, char **argv)
{
	const char *value = NULL;
	int i;

	while ((i = ewb_ctl_option_take(table, &argv, &value)) >= 0)
		if (take_option(s, i, value))
			return -1;
	if (i == EWB_CTL_BAD_OPTION)
		return -1;
	if (s->help)
		return 0;
	if (check(s, *argv))
		return -1;
	if (ewb_ctl_range_prefix(&s->range, s->prefix.at, s->prefix.len))
		return ewb_ctl_say("scan: out of memory here");
	if (s->sample.k && !s->has_seed &&
	    getrandom(&s->sample.seed, sizeof(s->sample.seed), 0) < 0)
		s->sample.seed = ewb_ctl_now();
	return 0;
}

/* The output. */

/* Appends a record's line: 0, or -1 and says so. */
static int
line(const struct scan *s, struct ewb_ctl_buf *b,
     const struct ewb_bin_record *r)
{
	int err = s->json ? ewb_ctl_line_json(b, r, s->range.keys_only)
	                  : ewb_ctl_line_plain(b, r, s->range.keys_only);

	return err ? ewb_ctl_say("scan: out of memory here") : 0;
}

static int
put(struct scan *s, const struct ewb_bin_record *r)
{
	if (line(s, &s->out.buf, r))
		return -1;
	s->out_err = ewb_ctl_out_mark(&s->out);
	return s->out_err ? EWB_CTL_STOPPED : 0;
}

static int
put_sample(struct scan *s, const struct ewb_bin_record *r)
{
	s->line.pos = s->line.len = 0;
	if (line(s, &s->line, r))
		return -1;
	if (ewb_ctl_sample_add(&s->sample, r->key, r->nkey, s->line.at,
	                       s->line.len))
		return ewb_ctl_say("scan: out of memory here");
	return 0;
}

static int
flush_sample(struct scan *s)
{
	size_t i;

	ewb_ctl_sample_end(&s->sample);
	s->bar.nrecords = 0;
	for (i = 0; i < s->sample.n && (!s->limit || i < s->limit); i++) {
		if (ewb_ctl_buf_add(&s->out.buf, s->sample.at[i].line,
		                    s->sample.at[i].nline))
			return ewb_ctl_say("scan: out of memory here");
		s->bar.nrecords++;
		s->out_err = ewb_ctl_out_mark(&s->out);
		if (s->out_err)
			return EWB_CTL_STOPPED;
	}
	return 0;
}

/* The scan. */

/* The server is there, and has what this scan is to read. */
static int
begin(struct scan *s)
{
	if (ewb_ctl_link_open(&s->link))
		return -1;
	s->range.has_collection = s->link.collection != NULL;
	s->range.collection = s->link.space.in.id;
	if (!s->one_vbucket || s->vbucket < s->link.has.nvbuckets)
		return 0;
	return ewb_ctl_say("scan: no vbucket %" PRIu64
	                   ": the server has 0 to %" PRIu64,
	                   s->vbucket, s->link.has.nvbuckets - 1);
}

/* What the bar counts: records up to the limit, else the server's estimate. */
static void
set_done(struct scan *s)
{
	s->bar.total = s->limit ? s->limit
	                        : s->scanner.fetch.nsource * EWB_BIN_WHOLE;
	s->bar.done = s->limit ? s->bar.nrecords
	                       : ewb_ctl_fetch_progress(&s->scanner.fetch);
}

static bool
wait_for_server(void *arg)
{
	struct scan *s = arg;

	if (s->progress) {
		set_done(s);
		ewb_ctl_progress_draw(&s->bar);
	}
	s->out_err = ewb_ctl_out_idle(&s->out);
	return s->out_err != 0 || ewb_ctl_interrupted();
}

/* One record after another: 0, -1 or EWB_CTL_STOPPED. */
static int
pump(struct scan *s)
{
	const struct ewb_bin_record *r;
	int n;

	while ((n = ewb_ctl_scanner_next(&s->scanner, &r)) > 0) {
		s->bar.nrecords++;
		s->bar.nbytes += r->nkey + r->nvalue;
		n = s->sample.k ? put_sample(s, r) : put(s, r);
		if (n)
			return n;
		if (s->progress && s->bar.nrecords % 256 == 0) {
			set_done(s);
			ewb_ctl_progress_draw(&s->bar);
		}
		if (!s->sample.k && s->bar.nrecords == s->limit)
			return ewb_ctl_fetch_cancel(&s->scanner.fetch);
	}
	if (!n && s->sample.k)
		n = flush_sample(s);
	return n;
}

static int
open_scanner(struct scan *s)
{
	unsigned n = s->one_vbucket ? 1 : (unsigned)s->link.has.nvbuckets;

	if (s->sample.k) {
		s->range.nsamples = ewb_ctl_sample_each(s->sample.k, n);
		s->range.seed = s->sample.seed;
	}
	s->scanner.fetch = (struct ewb_ctl_fetch){
		.link = &s->link,
		.range = &s->range,
		.items = s->limit < UINT32_MAX && !s->sample.k
		                 ? (uint32_t)s->limit
		                 : 0,
		.wait = wait_for_server,
		.wait_arg = s,
	};
	return ewb_ctl_scanner_open(&s->scanner, (unsigned)s->vbucket, n);
}

static int
run(struct scan *s)
{
	char summary[EWB_CTL_SUMMARY_MAX];
	int n = begin(s);

	if (n)
		return n;
	ewb_ctl_interrupt_begin();
	ewb_ctl_progress_init(&s->bar, NULL);
	n = open_scanner(s);
	if (!n && s->progress)
		ewb_ctl_tell("snapshot taken");
	if (!n)
		n = pump(s);
	/* What was read is read, also when the rest was not to be had. */
	if (n != EWB_CTL_STOPPED)
		s->out_err = ewb_ctl_out_flush(&s->out);
	if (n)
		ewb_ctl_fetch_abandon(&s->scanner.fetch, n);
	ewb_ctl_progress_fini(&s->bar);
	if (!n && !s->out_err && s->progress) {
		ewb_ctl_progress_summary(&s->bar, summary);
		ewb_ctl_tell("%s", summary);
	}
	return n == -1 || ewb_ctl_out_status(s->out_err) ? -1 : 0;
}

static void
end(struct scan *s)
{
	ewb_ctl_scanner_close(&s->scanner);
	ewb_ctl_link_close(&s->link);
	ewb_ctl_out_fini(&s->out);
	ewb_ctl_buf_fini(&s->line);
	ewb_ctl_buf_fini(&s->prefix);
	ewb_ctl_sample_fini(&s->sample);
	ewb_ctl_range_fini(&s->range);
}

int
ewb_ctl_scan(const struct ewb_ctl_addr *where, char **argv)
{
	struct scan s = { .link = { .command = "scan",
		                    .where = where,
		                    .may = EWB_CTL_RESUME,
		                    .retry_s = EWB_CTL_RETRY_S,
		                    .conn = { .fd = -1 } } };
	int status = EWB_CTL_USAGE;

	if (!options(&s, argv))
		status = s.help   ? printf("usage: ewbctl %s\n", usage) < 0
		         : run(&s) ? EWB_CTL_FAILED
		                   : EWB_CTL_DONE_WELL;
	end(&s);
	return status;
}
