/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include "lib/roles.h"

/* Never read: its name is what clang checks. */
struct ewb_role ewb_front_role;
