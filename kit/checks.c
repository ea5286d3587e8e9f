/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "kit/checks.h"

const struct kit_check kit_checks[] = {
#define KIT_CHECK(function, name, rule, where) \
	{ name, rule, where, check_##function },
#include "kit/checks.def"
#undef KIT_CHECK
};
const size_t kit_nchecks = sizeof kit_checks / sizeof *kit_checks;
