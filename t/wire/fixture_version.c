/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that says which one it is. */
#include <ewb/engine.h>

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	static const char says[] = FIXTURE_SAYS;

	(void)self, (void)r;
	return ewb_reply_value(c, says, sizeof says - 1);
}

static enum ewb_status
nothing(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self, (void)c, (void)r;
	return EWB_NOT_SUPPORTED;
}

EWB_ENGINE(.name = "version", .model = EWB_NONBLOCKING, .get = get,
           .store = nothing, .remove = nothing)
