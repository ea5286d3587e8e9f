/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter "log": one line for each command below it:
 *
 *      127.0.0.1:40112 incr: get key=n status=0x0 us=1520 waits=1 bytes=2
 */
#include <errno.h>
#include <fcntl.h>
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
	int fd; /* -1: the server's log */
	struct which which;
};

static int
open_file(struct log *f, struct ewb_host *host, const char *path)
{
	f->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (f->fd < 0)
		ewb_host_error(host, "file=%s: %s", path, strerror(errno));
	return f->fd < 0 ? -1 : 0;
}

static int
read_one(struct log *f, struct ewb_host *host, const struct ewb_setting *s)
{
	if (strcmp(s->name, "on") == 0)
		return which_parse(&f->which, host, s->value);
	if (strcmp(s->name, "file") == 0)
		return open_file(f, host, s->value);
	if (strcmp(s->name, "slow") == 0 &&
	    ewb_parse_time(s->value, &f->slow_us)) {
		ewb_host_error(host, "slow=%s: not a time (2ms, 50us, 3s)",
		               s->value);
		return -1;
	}
	return 0;
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
	which_init(&f->which);
	for (size_t i = 0; i < n; i++)
		if (read_one(f, host, &s[i])) {
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

static void
write_line(const struct log *f, const struct ewb_cookie *c, enum filter_op op,
           enum ewb_status status, uint64_t us)
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
	if (f->fd < 0)
		ewb_host_notice(f->host, "%.*s", n - 1, line);
	else if (write(f->fd, line, (size_t)n) < 0)
		return; /* a full disk is not the command's fault */
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
		write_line(f, c, op, status, now - began);
	return status;
}

FILTER_CALLBACKS(run)

static const struct ewb_param params[] = {
	{ "file", NULL, "append there, instead of to the server's log" },
	{ "slow", "0", "only commands that took so long" },
	WHICH_PARAM,
	{ NULL, NULL, NULL }
};

EWB_FILTER(.name = "log", .help = "writes a line for each command",
           .params = params, .open = open_log, .close = close_log,
           FILTER_USES_THEM)
