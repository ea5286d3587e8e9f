/* SPDX-License-Identifier: BSD-2-Clause */
/* An address as it is given to -l: a host, or host:port; a v6 address that has a
 * port is in brackets. */
#ifndef DAEMON_ADDRESS_H
#define DAEMON_ADDRESS_H

#include <stddef.h>

/* Where its port is, behind the colon; null: it has none. */
const char *address_port(const char *address);
/* As ewb_server_listen() wants it; port: if it has none of its own. */
void address_whole(char *to, size_t n, const char *address, unsigned port);

#endif
