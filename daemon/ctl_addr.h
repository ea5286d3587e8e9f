/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a server is: the text of -H taken apart, and connected to. */
#ifndef DAEMON_CTL_ADDR_H
#define DAEMON_CTL_ADDR_H

#include <stdbool.h>

#define EWB_CTL_PORT "11211"

struct ewb_ctl_addr {
	const char *name; /* the text, for messages; the caller's */
	bool is_path;
	char host[256]; /* or the path */
	char port[8];
	const char *user; /* who logs in there; null: nobody does */
	const char *password;
};

/* host, host:port, [v6]:port, v6, or a path with a slash.  0, or -1 when text
 * is none of these. */
int ewb_ctl_addr_parse(struct ewb_ctl_addr *a, const char *text);
/* A connected, non-blocking socket, or -1 and says why. */
int ewb_ctl_addr_connect(const struct ewb_ctl_addr *a, int timeout_ms);

#endif
