/* SPDX-License-Identifier: BSD-2-Clause */
/* What a server says of itself that a scan has to know. */
#ifndef DAEMON_CTL_FACTS_H
#define DAEMON_CTL_FACTS_H

#include <stdint.h>

#include "daemon/ctl_conn.h"

struct ewb_ctl_facts {
	uint64_t nvbuckets;  /* 1 to 65536 */
	uint64_t curr_items; /* 0: not known, or none */
};

/* 0 or -1; command is for messages. */
int ewb_ctl_facts_get(struct ewb_ctl_facts *f, struct ewb_ctl_conn *c,
                      const char *command);

#endif
