/* SPDX-License-Identifier: BSD-2-Clause */
/* A small engine as a plugin, with two parameters. */
#include <ewb/engine.h>

#include <stdlib.h>
#include <string.h>

struct good {
	uint64_t size;
};

static enum ewb_status
good_open(struct ewb_host *host, const struct ewb_setting *s, size_t n,
          void **self)
{
	struct good *g = calloc(1, sizeof *g);

	if (g == NULL)
		return EWB_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(s[i].name, "mute") == 0) {
			free(g);
			return EWB_TEMPORARY;
		}
		if (ewb_parse_size(s[i].value, &g->size) < 0) {
			ewb_host_error(host, "size=%s: not a size, such as 64M",
			               s[i].value);
			free(g);
			return EWB_INVALID;
		}
	}
	*self = g;
	return EWB_OK;
}

static void
good_close(void *self)
{
	free(self);
}

static enum ewb_status
good_get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	struct good *g = self;

	(void)r;
	return ewb_reply_value(c, &g->size, sizeof g->size);
}

static enum ewb_status
good_change(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self;
	(void)c;
	(void)r;
	return EWB_NOT_SUPPORTED;
}

static const struct ewb_param params[] = {
	{ "size", "1M", "bytes of nothing" },
	{ "mute", "0", "does not open, and does not say why" },
	{ NULL, NULL, NULL },
};

EWB_ENGINE(.name = "good", .params = params, .open = good_open,
           .close = good_close, .get = good_get, .store = good_change,
           .remove = good_change)
