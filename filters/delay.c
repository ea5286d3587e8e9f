/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter "delay": commands begin later.  No thread waits with them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/line.h"
#include "common/statuses.h"
#include "common/which.h"

enum shape { FIXED, UNIFORM, EXPONENTIAL };

struct delay {
	/* set once */
	uint64_t us, seed;
	enum shape shape;
	struct which which;
	struct ewb_host *host;
	struct line line;
	/* under lock */
	pthread_mutex_t lock;
	uint64_t chance, delayed;
};

static int
read_shape(const char *text, void *shape)
{
	static const char *const names[] = { "fixed", "uniform",
		                             "exponential" };

	for (unsigned i = 0; i < 3; i++)
		if (strcmp(text, names[i]) == 0) {
			*(enum shape *)shape = (enum shape)i;
			return 0;
		}
	return -1;
}

static const struct option options[] = {
	{ "time", option_time, offsetof(struct delay, us), OPTION_TIME_WRONG },
	{ "shape", read_shape, offsetof(struct delay, shape),
	  "not fixed, uniform or exponential" },
	{ "seed", option_number, offsetof(struct delay, seed),
	  OPTION_NUMBER_WRONG },
	WHICH_OPTION(struct delay, which),
	{ .name = NULL }
};

static enum ewb_status
start(struct delay *f, struct ewb_host *host, const struct ewb_setting *s,
      size_t n)
{
	f->us = 2000;
	f->host = host;
	f->seed = chance_seed(host, f);
	which_init(&f->which);
	if (option_read(options, f, host, s, n))
		return EWB_INVALID;
	if (line_init(&f->line, host))
		return EWB_NO_MEMORY;
	f->chance = f->seed;
	pthread_mutex_init(&f->lock, NULL);
	if (f->shape != FIXED)
		ewb_host_notice(host, "seed=%llu", (unsigned long long)f->seed);
	return EWB_OK;
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct delay *f = calloc(1, sizeof *f);
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
	struct delay *f = self;

	line_fini(&f->line);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Uniform: from 0 to twice the time; so all shapes have the same mean. */
static uint64_t
draw(struct delay *f)
{
	double part;

	pthread_mutex_lock(&f->lock);
	f->delayed++;
	part = (double)(chance_draw(&f->chance) >> 11) / 9007199254740992.0;
	pthread_mutex_unlock(&f->lock);
	switch (f->shape) {
	case UNIFORM: return (uint64_t)(part * 2 * (double)f->us);
	case EXPONENTIAL: return (uint64_t)(-log(1 - part) * (double)f->us);
	case FIXED: break;
	}
	return f->us;
}

static void
add_stats(struct delay *f, struct ewb_cookie *c)
{
	pthread_mutex_lock(&f->lock);
	ewb_reply_stat(c, "delay_delayed", "%llu",
	               (unsigned long long)f->delayed);
	pthread_mutex_unlock(&f->lock);
}

static enum ewb_status
run(void *self, struct ewb_cookie *c, enum filter_op op)
{
	struct delay *f = self;
	uint64_t us;

	if (ewb_cookie_resumed(c) != EWB_NEW)
		return filter_next(c, op);
	if (op == FILTER_STATS)
		add_stats(f, c);
	us = which_has(&f->which, op, c) ? draw(f) : 0;
	return us ? line_wait(&f->line, c, ewb_host_clock(f->host) + us)
	          : filter_next(c, op);
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
	{ "time", "2ms", "how long, in the mean" },
	{ "shape", "fixed",
	  "fixed, uniform (0 to twice the time) or exponential" },
	{ "seed", NULL, "of the chance; printed at the start" },
	WHICH_PARAM,
	{ NULL, NULL, NULL }
};

EWB_FILTER(.name = "delay", .help = "has commands begin later",
           .params = params, .open = open, .close = close, FILTER_USES_THEM,
           .cancel = cancel)
