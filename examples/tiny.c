/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest engine, as the README has it: every key is its own value. */

#include <ewb/engine.h>

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	/* May wait here, for a disk or another machine: nobody else does. */
	return (void)self, ewb_reply_value(c, r->key, r->nkey);
}

static enum ewb_status
refuse(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return (void)self, (void)c, (void)r, EWB_NOT_SUPPORTED;
}

EWB_ENGINE(.name = "tiny", .model = EWB_BLOCKING, .get = get, .store = refuse,
           .remove = refuse)
