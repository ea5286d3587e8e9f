/* SPDX-License-Identifier: BSD-2-Clause */
/* What systemd does for a service: it hands over sockets that listen already, and
 * wants to be told how it goes.  Without libsystemd none of it is there, and what
 * would need it says so. */
#ifndef DAEMON_SYSTEMD_H
#define DAEMON_SYSTEMD_H

#include <stddef.h>

/* Of the sockets; the others follow it. */
#define SYSTEMD_FIRST 3

/* Is this process a service that it watches or gave sockets to? */
int systemd_is_here(void);
/* How many sockets there are; they are not this process's children's.  -1: why. */
int systemd_sockets(char *why, size_t n);
/* "READY=1" and the like; nothing, if nobody wants to know. */
void systemd_tell(const char *state);

#endif
