/* SPDX-License-Identifier: BSD-2-Clause */
/* What a connection agrees upon with its server, once, before all else. */
#ifndef DAEMON_CTL_HELLO_H
#define DAEMON_CTL_HELLO_H

#include "daemon/ctl_conn.h"

#define EWB_CTL_COLLECTIONS 1u /* collections' numbers before keys */
#define EWB_CTL_RESUME 2u      /* tokens to go on with a scan from */

/* Asks for the features: *has is those that there are.  Without one of must it
 * fails.  0, or -1 and says why. */
int ewb_ctl_hello(struct ewb_ctl_conn *c, unsigned must, unsigned may,
                  unsigned *has);

#endif
