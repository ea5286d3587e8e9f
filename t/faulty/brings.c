/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that brings along a part of libewb. */
#include <ewb/engine.h>

enum ewb_status
ewb_notify(struct ewb_ticket t, enum ewb_status status)
{
	return (void)t, status;
}

static enum ewb_status
refuse(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	return (void)self, (void)c, (void)r, EWB_NOT_SUPPORTED;
}

EWB_ENGINE(.name = "brings", .get = refuse, .store = refuse, .remove = refuse)
