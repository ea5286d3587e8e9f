/* SPDX-License-Identifier: BSD-2-Clause */
/* A filter: no item lives longer than the operator says, whatever its client
 * wants.  An engine that cannot expire refuses what it is asked then.
 *
 *      ewbd --filter ./ttl.so memory ttl-max=24h */
#include <ewb/engine.h>

#include <stdlib.h>

struct ttl {
	struct ewb_host *host;
	uint32_t max; /* seconds */
};

/* All that stores comes here, touch and incr too; all else passes. */
static enum ewb_status
store(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	const struct ttl *t = self;
	uint32_t last = ewb_host_time(t->host) + t->max;
	struct ewb_request *other = ewb_cookie_state(c); /* of an earlier run */

	if (other || (r->expiry && r->expiry <= last))
		return ewb_next_store(c, other); /* null: as the client asked */
	other = malloc(sizeof *other);
	if (other == NULL)
		return EWB_NO_MEMORY;
	*other = *r;
	other->expiry = last;
	ewb_cookie_set_state(c, other, free); /* it stays until the answer */
	return ewb_next_store(c, other);
}

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	struct ttl *t = *self = calloc(1, sizeof *t);
	const char *max = n ? s->value : "";
	uint64_t us;

	if (t == NULL)
		return EWB_NO_MEMORY;
	t->host = host;
	if (ewb_parse_time(max, &us) == 0 && us / 1000000 <= INT32_MAX)
		t->max = (uint32_t)(us / 1000000);
	if (t->max)
		return EWB_OK;
	ewb_host_error(host, "max=%s: not a time of 1s or more, like 24h", max);
	free(t);
	return EWB_INVALID;
}

static const struct ewb_param params[] = {
	{ "max", NULL, "how long an item lives at most: 24h, 30m, 10s" },
	{ NULL, NULL, NULL },
};

EWB_FILTER(.name = "ttl", .help = "bounds how long items live",
           .params = params, .open = open, .close = free, .store = store)
