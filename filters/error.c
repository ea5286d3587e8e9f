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
	/* under lock */
	pthread_mutex_t lock;
	uint64_t chance, injected;
};

static int
read_one(struct error *f, struct ewb_host *host, const struct ewb_setting *s)
{
	if (strcmp(s->name, "on") == 0)
		return which_parse(&f->which, host, s->value);
	if (strcmp(s->name, "status") == 0 &&
	    (status_parse(s->value, strlen(s->value), &f->status) ||
	     f->status == EWB_OK)) {
		ewb_host_error(host, "status=%s: not one of %s", s->value,
		               STATUS_NAMES);
		return -1;
	}
	if (strcmp(s->name, "rate") == 0 && rate_parse(s->value, &f->rate)) {
		ewb_host_error(host, "rate=%s: not from 0%% to 100%%",
		               s->value);
		return -1;
	}
	if (strcmp(s->name, "seed") == 0 &&
	    ewb_parse_number(s->value, &f->seed)) {
		ewb_host_error(host, "seed=%s: not a number", s->value);
		return -1;
	}
	return 0;
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct error *f = calloc(1, sizeof *f);

	if (f == NULL)
		return EWB_NO_MEMORY;
	f->status = EWB_TEMPORARY;
	f->rate = 1ull << 32;
	f->seed = chance_seed(host, f);
	which_init(&f->which);
	for (size_t i = 0; i < n; i++)
		if (read_one(f, host, &s[i])) {
			free(f);
			return EWB_INVALID;
		}
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

static const struct ewb_param params[] = {
	{ "status", "temporary", "what is answered: " STATUS_NAMES },
	{ "rate", "100%", "how many of the commands fail" },
	{ "seed", NULL, "of the chance; printed at the start" },
	WHICH_PARAM,
	{ NULL, NULL, NULL }
};

EWB_FILTER(.name = "error", .help = "has commands fail", .params = params,
           .open = open, .close = close, FILTER_USES_THEM)
