/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection's login, by SCRAM-SHA512. */
#ifndef DAEMON_CTL_LOGIN_H
#define DAEMON_CTL_LOGIN_H

#include "daemon/ctl_conn.h"

/* As the user of that address; the server, too, has to prove that it knows the
 * password.  0; -1: said why. */
int ewb_ctl_login(struct ewb_ctl_conn *c, const struct ewb_ctl_addr *a);

#endif
