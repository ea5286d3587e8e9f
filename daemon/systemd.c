/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "daemon/systemd.h"

/* Others inherit the variables: this says whose they are. */
static int
are_ours(void)
{
	const char *pid = getenv("LISTEN_PID");

	return pid && getenv("LISTEN_FDS") &&
	       strtol(pid, NULL, 10) == (long)getpid();
}

int
systemd_is_here(void)
{
	return getenv("NOTIFY_SOCKET") || are_ours();
}

#ifdef HAVE_SYSTEMD

int
systemd_sockets(char *why, size_t n)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	int got;

	/* it does not say which of the two was wrong */
	snprintf(why, n, "LISTEN_FDS=%s with LISTEN_PID=%s: ",
	         fds ? fds : "", pid ? pid : "");
	got = sd_listen_fds(1);
	if (got >= 0)
		return got;
	n -= strlen(why);
	why += strlen(why);
	snprintf(why, n, "%s", got == -EBADF ?
	                               "these sockets are not open" :
	                               "not a number of sockets and a process");
	return -1;
}

void
systemd_tell(const char *state)
{
	(void)sd_notify(0, state);
}

#else

int
systemd_sockets(char *why, size_t n)
{
	if (!are_ours())
		return 0;
	snprintf(why, n, "LISTEN_FDS: sockets of systemd are not taken: ewbd was "
	                 "built without libsystemd (configure --with-systemd)");
	return -1;
}

void
systemd_tell(const char *state)
{
	static int said;

	if (getenv("NOTIFY_SOCKET") && !said++)
		fprintf(stderr, "ewbd: NOTIFY_SOCKET: systemd is not told %s: "
		                "ewbd was built without libsystemd (configure "
		                "--with-systemd)\n", state);
}

#endif
