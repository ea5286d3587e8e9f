/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter "limit": so many operations, or bytes, in a second; what comes
 * too early waits its turn, without a thread.
 *
 * A bucket is a time: when the next command may begin.  Each command moves it
 * on by what it costs; bytes of a reply are known afterwards, and those who
 * come next wait for them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/line.h"
#include "common/which.h"

#define BUCKETS 1024 /* by connection */

struct bucket {
	struct bucket *next;
	uint64_t client, free_at;
};

struct limit {
	/* set once */
	uint64_t ops, bytes; /* a second; 0: any */
	int per_connection;
	struct which which;
	struct ewb_host *host;
	struct line line;
	/* under lock */
	pthread_mutex_t lock;
	struct bucket all, *by_client[BUCKETS];
	uint64_t waited;
};

static int
read_per(const char *text, void *per_connection)
{
	int is = strcmp(text, "connection") == 0;

	if (!is && strcmp(text, "all"))
		return -1;
	*(int *)per_connection = is;
	return 0;
}

static int
read_ops(const char *text, void *ops)
{
	uint64_t n;

	if (ewb_parse_number(text, &n) || n > 1000000)
		return -1;
	*(uint64_t *)ops = n;
	return 0;
}

static int
read_bytes(const char *text, void *bytes)
{
	uint64_t n;

	if (ewb_parse_size(text, &n) || n > 1ull << 40)
		return -1;
	*(uint64_t *)bytes = n;
	return 0;
}

static const struct option options[] = {
	{ "ops", read_ops, offsetof(struct limit, ops),
	  "not a number from 0 to 1000000" },
	{ "bytes", read_bytes, offsetof(struct limit, bytes),
	  "not a size up to 1T (64k, 10M, 1G)" },
	{ "per", read_per, offsetof(struct limit, per_connection),
	  "not all or connection" },
	WHICH_OPTION(struct limit, which),
	{ .name = NULL }
};

static enum ewb_status
start(struct limit *f, struct ewb_host *host, const struct ewb_setting *s,
      size_t n)
{
	f->host = host;
	which_init(&f->which);
	if (option_read(options, f, host, s, n))
		return EWB_INVALID;
	if (f->ops == 0 && f->bytes == 0) {
		ewb_host_error(host, "it needs ops=N or bytes=SIZE, a second");
		return EWB_INVALID;
	}
	if (line_init(&f->line, host))
		return EWB_NO_MEMORY;
	pthread_mutex_init(&f->lock, NULL);
	return EWB_OK;
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct limit *f = calloc(1, sizeof *f);
	enum ewb_status status = f ? start(f, host, s, n) : EWB_NO_MEMORY;

	if (status != EWB_OK)
		free(f);
	else
		*self = f;
	return status;
}

static void
close(void *self)
{
	struct limit *f = self;

	line_fini(&f->line);
	pthread_mutex_destroy(&f->lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct bucket *b = f->by_client[i], *next; b; b = next) {
			next = b->next;
			free(b);
		}
	free(f);
}

/* Under the lock.  Those of the same chain that are free by now are as new, and
 * are dropped.  Without memory all are as one. */
static struct bucket *
bucket_of(struct limit *f, const struct ewb_cookie *c, uint64_t now)
{
	uint64_t client = ewb_cookie_client(c, NULL, 0);
	struct bucket **p = &f->by_client[client % BUCKETS], *b;

	if (!f->per_connection)
		return &f->all;
	while ((b = *p) != NULL && b->client != client) {
		if (b->free_at > now) {
			p = &b->next;
			continue;
		}
		*p = b->next;
		free(b);
	}
	if (b)
		return b;
	b = calloc(1, sizeof *b);
	if (b == NULL)
		return &f->all;
	b->client = client;
	*p = b;
	return b;
}

/* Microseconds that so much takes. */
static uint64_t
cost(const struct limit *f, uint64_t ops, uint64_t bytes)
{
	uint64_t us = 0;

	if (f->ops)
		us = ops * 1000000 / f->ops;
	if (f->bytes && bytes * 1000000 / f->bytes > us)
		us = bytes * 1000000 / f->bytes;
	return us;
}

/* When it may begin. */
static uint64_t
turn(struct limit *f, const struct ewb_cookie *c, uint64_t now)
{
	const struct ewb_request *r = ewb_cookie_request(c);
	struct bucket *b;
	uint64_t at;

	pthread_mutex_lock(&f->lock);
	b = bucket_of(f, c, now);
	at = b->free_at > now ? b->free_at : now;
	b->free_at = at + cost(f, 1, r->nkey + r->nvalue);
	f->waited += at > now;
	pthread_mutex_unlock(&f->lock);
	return at;
}

static void
charge_reply(struct limit *f, const struct ewb_cookie *c)
{
	struct ewb_item item = { .size = sizeof item };
	uint64_t now = ewb_host_clock(f->host);
	struct bucket *b;

	ewb_next_reply(c, &item);
	pthread_mutex_lock(&f->lock);
	b = bucket_of(f, c, now);
	if (b->free_at < now)
		b->free_at = now;
	b->free_at += cost(f, 0, item.nvalue);
	pthread_mutex_unlock(&f->lock);
}

static void
add_stats(struct limit *f, struct ewb_cookie *c)
{
	pthread_mutex_lock(&f->lock);
	ewb_reply_stat(c, "limit_waited", "%llu",
	               (unsigned long long)f->waited);
	pthread_mutex_unlock(&f->lock);
}

static enum ewb_status
pass(struct limit *f, struct ewb_cookie *c, enum filter_op op)
{
	enum ewb_status status = filter_next(c, op);

	if (op == FILTER_GET && f->bytes && status == EWB_OK &&
	    which_has(&f->which, op, c))
		charge_reply(f, c);
	return status;
}

static enum ewb_status
run(void *self, struct ewb_cookie *c, enum filter_op op)
{
	struct limit *f = self;
	uint64_t now, at;

	if (ewb_cookie_resumed(c) != EWB_NEW)
		return pass(f, c, op);
	if (op == FILTER_STATS)
		add_stats(f, c);
	if (!which_has(&f->which, op, c))
		return filter_next(c, op);
	now = ewb_host_clock(f->host);
	at = turn(f, c, now);
	return at > now ? line_wait(&f->line, c, at) : pass(f, c, op);
}

FILTER_CALLBACKS(run)

static void
cancel(void *self, struct ewb_ticket t, enum ewb_cancel_reason why, void *arg)
{
	(void)self;
	(void)why;
	(void)arg;
	line_cancel(t);
}

static const struct ewb_param params[] = {
	{ "ops", "0", "commands a second; 0: any" },
	{ "bytes", "0", "bytes of keys and values a second; 0: any" },
	{ "per", "all", "all together, or each connection" },
	WHICH_PARAM,
	{ NULL, NULL, NULL }
};

EWB_FILTER(.name = "limit", .help = "has commands wait their turn",
           .params = params, .open = open, .close = close, FILTER_USES_THEM,
           .cancel = cancel)
