/* SPDX-License-Identifier: BSD-2-Clause */
/* Which commands a filter is for: on=get,store or on=incr. */
#ifndef FILTERS_WHICH_H
#define FILTERS_WHICH_H

#include "ops.h"

struct which {
	uint32_t bits; /* of the names' table */
};

/* For a plugin's table of parameters. */
#define WHICH_PARAM                                                            \
	{                                                                      \
		"on", "get,store,remove,flush,own",                            \
			"commands: get, store, remove, flush, stats, own, or " \
		        "as "                                                  \
			"clients say it: set, incr, ..."                       \
	}

void which_init(struct which *w);
/* -1: one is wrong, and the host was told. */
int which_parse(struct which *w, struct ewb_host *host, const char *text);
int which_has(const struct which *w, enum filter_op op,
              const struct ewb_cookie *c);

#endif
