/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter "log": one line for each command below it, and two for a scan:
 *
 *      127.0.0.1:40112 incr: get key=n status=0x0 us=1520 waits=1 bytes=2
 *      scan: open vbucket=3 status=0x0 us=40
 *      scan: close vbucket=3 us=81200 turns=7 ended=yes
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/which.h"

#define KEY_TEXT 1024 /* 250 bytes, each as \xNN */

struct log {
	/* set once */
	struct ewb_host *host;
	uint64_t slow_us;
	const char *path; /* while it opens */
	int fd;           /* -1: the server's log */
	struct which which;
};

/* Opened when all is known. */
static int
read_file(const char *path, void *to)
{
	*(const char **)to = path;
	return 0;
}

static const struct option options[] = {
	{ "file", read_file, offsetof(struct log, path), NULL },
	{ "slow", option_time, offsetof(struct log, slow_us),
	  OPTION_TIME_WRONG },
	WHICH_SCAN_OPTION(struct log, which),
	{ .name = NULL }
};

static int
open_file(struct log *f)
{
	if (f->path == NULL)
		return 0;
	f->fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (f->fd < 0)
		ewb_host_error(f->host, "file=%s: %s", f->path,
		               strerror(errno));
	f->path = NULL; /* the caller's */
	return f->fd < 0 ? -1 : 0;
}

static void
close_log(void *self)
{
	struct log *f = self;

	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

static enum ewb_status
open_log(struct ewb_host *host, const struct ewb_setting *s, size_t n,
         void **self)
{
	struct log *f = calloc(1, sizeof *f);

	if (f == NULL)
		return EWB_NO_MEMORY;
	f->host = host;
	f->fd = -1;
	which_init_scan(&f->which);
	if (option_read(options, f, host, s, n) || open_file(f)) {
		close_log(f);
		return EWB_INVALID;
	}
	*self = f;
	return EWB_OK;
}

/* A key may hold anything; a line may not. */
static const char *
spell(char text[KEY_TEXT], const uint8_t *key, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at + 5 < KEY_TEXT; i++)
		if (key[i] > ' ' && key[i] < 127 && key[i] != '\\')
			text[at++] = (char)key[i];
		else
			at += (size_t)sprintf(text + at, "\\x%02x", key[i]);
	text[at] = '\0';
	return text;
}

static const char *
word(enum filter_op op)
{
	static const char *const words[] = { "get",   "store", "remove",
		                             "flush", "stats", "own" };

	return words[op];
}

/* n bytes, with a newline. */
static void
write_line(const struct log *f, const char *line, int n)
{
	if (f->fd < 0)
		ewb_host_notice(f->host, "%.*s", n - 1, line);
	else if (write(f->fd, line, (size_t)n) < 0)
		return; /* a full disk is not the command's fault */
}

static void
write_command(const struct log *f, const struct ewb_cookie *c,
              enum filter_op op, enum ewb_status status, uint64_t us)
{
	const struct ewb_request *r = ewb_cookie_request(c);
	struct ewb_item item = { .size = sizeof item };
	char line[KEY_TEXT + 256], key[KEY_TEXT], client[64];
	int n;

	ewb_next_reply(c, &item);
	ewb_cookie_client(c, client, sizeof client);
	n = snprintf(line, sizeof line,
	             "%s %s: %s key=%s status=0x%x us=%llu waits=%u "
	             "bytes=%zu\n",
	             client, ewb_cookie_command(c), word(op),
	             spell(key, r->key, r->nkey), (unsigned)status,
	             (unsigned long long)us, ewb_next_waits(c),
	             op == FILTER_STORE ? r->nvalue : item.nvalue);
	write_line(f, line, n);
}

/* When it began, for the later runs. */
static int
note_start(struct ewb_cookie *c, uint64_t at)
{
	uint64_t *start = malloc(sizeof *start);

	if (start == NULL)
		return -1;
	*start = at;
	ewb_cookie_set_state(c, start, free);
	return 0;
}

static enum ewb_status
run(void *self, struct ewb_cookie *c, enum filter_op op)
{
	const struct log *f = self;
	const uint64_t *start = ewb_cookie_state(c);
	uint64_t now = ewb_host_clock(f->host), began = start ? *start : now;
	enum ewb_status status;

	if (!which_has(&f->which, op, c))
		return filter_next(c, op);
	if (start == NULL && note_start(c, now))
		return EWB_NO_MEMORY;
	status = filter_next(c, op);
	if (status == EWB_WOULDBLOCK)
		return status;
	now = ewb_host_clock(f->host);
	if (now - began >= f->slow_us)
		write_command(f, c, op, status, now - began);
	return status;
}

FILTER_CALLBACKS(run)

/* Scans. */

struct cursor {
	void *below;
	uint64_t began;
	unsigned vbucket, turns;
	int ended; /* the last turn said so */
};

static void write_scan(const struct log *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void
write_scan(const struct log *f, const char *fmt, ...)
{
	char line[200];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	write_line(f, line, n);
}

static enum ewb_status
scan_open(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	const struct log *f = self;
	struct cursor *cu = calloc(1, sizeof *cu);
	enum ewb_status status;
	uint64_t us;

	if (cu == NULL)
		return EWB_NO_MEMORY;
	cu->began = ewb_host_clock(f->host);
	cu->vbucket = range->vbucket;
	status = ewb_next_scan_open(f->host, range, &cu->below, count);
	us = ewb_host_clock(f->host) - cu->began;
	if (which_has_scan(&f->which) && us >= f->slow_us)
		write_scan(f, "scan: open vbucket=%u status=0x%x us=%llu\n",
		           cu->vbucket, (unsigned)status,
		           (unsigned long long)us);
	if (status == EWB_OK)
		*cursor = cu;
	else
		free(cu);
	return status;
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	const struct log *f = self;
	struct cursor *cu = cursor;
	enum ewb_status status;

	status = ewb_next_scan_next(f->host, cu->below, sink);
	cu->turns++;
	cu->ended = status == EWB_END;
	return status;
}

static enum ewb_status
scan_seek(void *self, void *cursor, const struct ewb_range *range)
{
	const struct log *f = self;
	struct cursor *cu = cursor;

	return ewb_next_scan_seek(f->host, cu->below, range);
}

static void
scan_close(void *self, void *cursor)
{
	const struct log *f = self;
	struct cursor *cu = cursor;
	uint64_t us = ewb_host_clock(f->host) - cu->began;

	ewb_next_scan_close(f->host, cu->below);
	if (which_has_scan(&f->which) && us >= f->slow_us)
		write_scan(f,
		           "scan: close vbucket=%u us=%llu turns=%u "
		           "ended=%s\n",
		           cu->vbucket, (unsigned long long)us, cu->turns,
		           cu->ended ? "yes" : "no");
	free(cu);
}

static const struct ewb_param params[] = {
	{ "file", NULL, "append there, instead of to the server's log" },
	{ "slow", "0", "only commands that took so long" },
	WHICH_SCAN_PARAM,
	{ NULL, NULL, NULL }
};

EWB_FILTER(.name = "log", .help = "writes a line for each command",
           .params = params, .open = open_log, .close = close_log,
           FILTER_USES_THEM, .scan_open = scan_open, .scan_next = scan_next,
           .scan_close = scan_close, .scan_seek = scan_seek)
