/* SPDX-License-Identifier: BSD-2-Clause */
/* The filter "readonly": what would change data is refused.  A get never sees
 * it: it has no callback for one. */
#include <stdlib.h>

#include "common/option.h"
#include "common/statuses.h"

struct readonly {
	/* set once */
	enum ewb_status status;
	/* any thread */
	_Atomic uint64_t refused;
};

static const struct option options[] = { { "status", option_status,
	                                   offsetof(struct readonly, status),
	                                   OPTION_STATUS_WRONG },
	                                 { .name = NULL } };

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct readonly *f = calloc(1, sizeof *f);

	if (f == NULL)
		return EWB_NO_MEMORY;
	f->status = EWB_NO_ACCESS;
	if (option_read(options, f, host, s, n)) {
		free(f);
		return EWB_INVALID;
	}
	*self = f;
	return EWB_OK;
}

static void
close(void *self)
{
	free(self);
}

static enum ewb_status
refuse(void *self)
{
	struct readonly *f = self;

	f->refused++;
	return f->status;
}

static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)c;
	(void)r;
	return refuse(self);
}

static enum ewb_status
flush(void *self, struct ewb_cookie *c)
{
	(void)c;
	return refuse(self);
}

/* The engine's own commands say whether they change data. */
static enum ewb_status
other(void *self, struct ewb_cookie *c, const struct ewb_request *r,
      const struct ewb_own *what)
{
	(void)r;
	return what->is & EWB_OWN_MUTATES ? refuse(self)
	                                  : ewb_next_own(c, NULL);
}

static enum ewb_status
stats(void *self, struct ewb_cookie *c)
{
	struct readonly *f = self;

	if (ewb_cookie_resumed(c) == EWB_NEW)
		ewb_reply_stat(c, "readonly_refused", "%llu",
		               (unsigned long long)f->refused);
	return ewb_next_stats(c);
}

static const struct ewb_param params[] = {
	{ "status", "no_access", "what is answered: " STATUS_NAMES },
	{ NULL, NULL, NULL }
};

EWB_FILTER(.name = "readonly", .help = "refuses what would change data",
           .params = params, .open = open, .close = close, .store = store,
           .remove = store, .flush = flush, .stats = stats, .other = other)
