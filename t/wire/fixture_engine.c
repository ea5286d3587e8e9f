/* SPDX-License-Identifier: BSD-2-Clause */
/* An engine that no server takes: which fault it has is said by the build. */
#include <ewb/engine.h>

#ifndef FIXTURE_ABI
#define FIXTURE_ABI EWB_ABI
#endif
#ifndef FIXTURE_API
#define FIXTURE_API EWB_API
#endif
#ifndef FIXTURE_SIZE
#define FIXTURE_SIZE sizeof(struct ewb_engine)
#endif
#ifndef FIXTURE_GET
#define FIXTURE_GET get
#endif

static enum ewb_status
open(struct ewb_host *host, const struct ewb_setting *s, size_t n, void **self)
{
	(void)host, (void)s, (void)n, (void)self;
	return EWB_TEMPORARY; /* and does not say why */
}

static enum ewb_status
get(void *self, struct ewb_cookie *c, const struct ewb_request *r)
{
	(void)self, (void)c, (void)r;
	return EWB_NOT_FOUND;
}

EWB_EXPORT const struct ewb_engine *ewb_engine_entry(void);

const struct ewb_engine *
ewb_engine_entry(void)
{
	static const struct ewb_engine engine = {
		.abi = FIXTURE_ABI,
		.size = (uint32_t)FIXTURE_SIZE,
		.api = FIXTURE_API,
		.name = "fixture",
		.open = open,
		.get = FIXTURE_GET,
		.store = get,
		.remove = get,
	};

	(void)get;
	return &engine;
}
