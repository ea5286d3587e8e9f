/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KIT_CHECKS_H
#define KIT_CHECKS_H

#include <stddef.h>

struct kit_check {
	const char *name; /* group/name */
	const char *rule, *where;
	void (*run)(void);
};
extern const struct kit_check kit_checks[];
extern const size_t kit_nchecks;

#define KIT_CHECK(function, name, rule, where) void check_##function(void);
#include "kit/checks.def"
#undef KIT_CHECK

#endif
