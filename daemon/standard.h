/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DAEMON_STANDARD_H
#define DAEMON_STANDARD_H

#include <fcntl.h>

/* First of all: whoever started us may have closed one of the three that everybody
 * has, and a socket that took its place would be written to as if it were that.  What
 * was closed still fails: what is in its place cannot be read, or written to. */
static inline void
standard_hold(void)
{
	static const int modes[] = { O_WRONLY, O_RDONLY, O_RDONLY };

	for (int fd = 0; fd < 3; fd++)
		/* it takes the lowest number that is free */
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", modes[fd]);
}

#endif
