/* SPDX-License-Identifier: BSD-2-Clause */
/* The callbacks of a filter that treats all commands alike: one function, told
 * which command it is. */
#ifndef FILTERS_OPS_H
#define FILTERS_OPS_H

#include <ewb/engine.h>

enum filter_op {
	FILTER_GET,
	FILTER_STORE,
	FILTER_REMOVE,
	FILTER_FLUSH,
	FILTER_STATS,
	FILTER_OWN,
	FILTER_NOPS
};

/* The engine below does it; as ewb_next_get() and its like. */
static inline enum ewb_status
filter_next(struct ewb_cookie *c, enum filter_op op)
{
	switch (op) {
	case FILTER_GET: return ewb_next_get(c, NULL);
	case FILTER_STORE: return ewb_next_store(c, NULL);
	case FILTER_REMOVE: return ewb_next_remove(c, NULL);
	case FILTER_FLUSH: return ewb_next_flush(c);
	case FILTER_STATS: return ewb_next_stats(c);
	case FILTER_OWN: return ewb_next_own(c, NULL);
	case FILTER_NOPS: break;
	}
	return EWB_INTERNAL;
}

#define FILTER_KEYED(name, op, run)                                   \
	static enum ewb_status name(void *self, struct ewb_cookie *c, \
	                            const struct ewb_request *r)      \
	{                                                             \
		(void)r;                                              \
		return run(self, c, op);                              \
	}
#define FILTER_PLAIN(name, op, run)                                   \
	static enum ewb_status name(void *self, struct ewb_cookie *c) \
	{                                                             \
		return run(self, c, op);                              \
	}

/* FILTER_CALLBACKS(run) before, FILTER_USES_THEM within EWB_FILTER(). */
#define FILTER_CALLBACKS(run)                                           \
	FILTER_KEYED(on_get, FILTER_GET, run)                           \
	FILTER_KEYED(on_store, FILTER_STORE, run)                       \
	FILTER_KEYED(on_remove, FILTER_REMOVE, run)                     \
	FILTER_PLAIN(on_flush, FILTER_FLUSH, run)                       \
	FILTER_PLAIN(on_stats, FILTER_STATS, run)                       \
	static enum ewb_status on_own(void *self, struct ewb_cookie *c, \
	                              const struct ewb_request *r,      \
	                              const struct ewb_own *what)       \
	{                                                               \
		(void)r;                                                \
		(void)what;                                             \
		return run(self, c, FILTER_OWN);                        \
	}
#define FILTER_USES_THEM                                       \
	.get = on_get, .store = on_store, .remove = on_remove, \
	.flush = on_flush, .stats = on_stats, .other = on_own

#endif
