/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter "error": some commands fail, by chance, before they are done. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/statuses.h"
#include "common/which.h"

struct error {
	/* set once */
	enum ewb_status status;
	uint64_t rate, seed;
	struct which which;
	struct ewb_host *host;
	/* under lock */
	pthread_mutex_t lock;
	uint64_t chance, injected;
};

static const struct option options[] = {
	{ "status", option_status, offsetof(struct error, status),
	  OPTION_STATUS_WRONG },
	{ "rate", option_rate, offsetof(struct error, rate),
	  OPTION_RATE_WRONG },
	{ "seed", option_number, offsetof(struct error, seed),
	  OPTION_NUMBER_WRONG },
	WHICH_SCAN_OPTION(struct error, which),
	{ .name = NULL }
};

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct error *f = calloc(1, sizeof *f);

	if (f == NULL)
		return EWB_NO_MEMORY;
	f->status = EWB_TEMPORARY;
	f->rate = 1ull << 32;
	f->seed = chance_seed(host, f);
	which_init_scan(&f->which);
	if (option_read(options, f, host, s, n)) {
		free(f);
		return EWB_INVALID;
	}
	f->host = host;
	f->chance = f->seed;
	pthread_mutex_init(&f->lock, NULL);
	ewb_host_notice(host, "seed=%llu", (unsigned long long)f->seed);
	*self = f;
	return EWB_OK;
}

static void
close(void *self)
{
	struct error *f = self;

	pthread_mutex_destroy(&f->lock);
	free(f);
}

static int
drawn(struct error *f)
{
	int yes;

	pthread_mutex_lock(&f->lock);
	yes = chance_draw(&f->chance) >> 32 < f->rate;
	f->injected += (uint64_t)yes;
	pthread_mutex_unlock(&f->lock);
	return yes;
}

static void
add_stats(struct error *f, struct ewb_cookie *c)
{
	pthread_mutex_lock(&f->lock);
	ewb_reply_stat(c, "error_injected", "%llu",
	               (unsigned long long)f->injected);
	pthread_mutex_unlock(&f->lock);
	ewb_reply_stat(c, "error_seed", "%llu", (unsigned long long)f->seed);
}

static enum ewb_status
run(void *self, struct ewb_cookie *c, enum filter_op op)
{
	struct error *f = self;

	if (ewb_cookie_resumed(c) == EWB_NEW) {
		if (which_has(&f->which, op, c) && drawn(f))
			return f->status;
		if (op == FILTER_STATS)
			add_stats(f, c);
	}
	return filter_next(c, op);
}

FILTER_CALLBACKS(run)

/* A scan fails when it is created, or not at all. */
static enum ewb_status
scan_open(void *self, const struct ewb_range *range, void **cursor,
          uint64_t *count)
{
	struct error *f = self;

	if (which_has_scan(&f->which) && drawn(f))
		return f->status;
	return ewb_next_scan_open(f->host, range, cursor, count);
}

static enum ewb_status
scan_next(void *self, void *cursor, struct ewb_sink *sink)
{
	return ewb_next_scan_next(((struct error *)self)->host, cursor, sink);
}

static enum ewb_status
scan_seek(void *self, void *cursor, const struct ewb_range *range)
{
	return ewb_next_scan_seek(((struct error *)self)->host, cursor, range);
}

static void
scan_close(void *self, void *cursor)
{
	ewb_next_scan_close(((struct error *)self)->host, cursor);
}

static const struct ewb_param params[] = {
	{ "status", "temporary", "what is answered: " STATUS_NAMES },
	{ "rate", "100%", "how many of the commands fail" },
	{ "seed", NULL, "of the chance; printed at the start" },
	WHICH_SCAN_PARAM,
	{ NULL, NULL, NULL }
};

EWB_FILTER(.name = "error", .help = "has commands fail", .params = params,
           .open = open, .close = close, FILTER_USES_THEM,
           .scan_open = scan_open, .scan_next = scan_next,
           .scan_close = scan_close, .scan_seek = scan_seek)
