/* SPDX-License-Identifier: BSD-2-Clause */
/* Which commands a filter is for: on=get,store or on=incr. */
#ifndef FILTERS_WHICH_H
#define FILTERS_WHICH_H

#include "ops.h"
#include "option.h"

struct which {
	uint32_t bits; /* of the names' table */
};

/* For a plugin's table of parameters: of a filter that lets scans pass, and of
 * one that does not. */
#define WHICH_PARAM                                                         \
	{                                                                   \
		"on", "get,store,remove,flush,own",                         \
			"commands: get, store, remove, flush, stats, own, " \
			"or as clients say it: set, incr, ..."              \
	}
#define WHICH_SCAN_PARAM                                                    \
	{                                                                   \
		"on", "get,store,remove,flush,own,scan",                    \
			"commands: get, store, remove, flush, stats, own, " \
			"scan, or as clients say it: set, incr, ..."        \
	}
#define WHICH_NAMES                                                       \
	"not a list of get, store, remove, flush, stats, own, set, add, " \
	"replace, append, prepend, delete, incr, decr, touch, gat and "   \
	"flush_all, with commas"
/* For its options. */
#define WHICH_OPTION(type, member)                                     \
	{                                                              \
		"on", which_parse, offsetof(type, member), WHICH_NAMES \
	}
#define WHICH_SCAN_OPTION(type, member)                         \
	{                                                       \
		"on", which_parse_scan, offsetof(type, member), \
			WHICH_NAMES "; and scan"                \
	}

/* What the parameters above have as their fallbacks. */
void which_init(struct which *w);
void which_init_scan(struct which *w);
/* -1: one is wrong, w is as it was. */
int which_parse(const char *text, void *w);
int which_parse_scan(const char *text, void *w);
int which_has(const struct which *w, enum filter_op op,
              const struct ewb_cookie *c);
int which_has_scan(const struct which *w);

#endif
