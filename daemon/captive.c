/* SPDX-License-Identifier: BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "daemon/address.h"
#include "daemon/captive.h"

extern char **environ;

void
captive_addr(char *to, size_t n, const char *listen, unsigned port)
{
	const char *own = address_port(listen);
	const char *host = listen;
	char text[256];

	if (own) {
		snprintf(text, sizeof text, "%.*s", (int)(own - 1 - listen),
		         listen);
		host = text;
	}
	if (strcmp(host, "0.0.0.0") == 0)
		host = "127.0.0.1";
	else if (strcmp(host, "::") == 0 || strcmp(host, "[::]") == 0)
		host = "::1";
	address_whole(to, n, host, port);
}

pid_t
captive_start(const char *command, const char *addr)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	posix_spawnattr_t attr;
	sigset_t none, pipe;
	pid_t pid;
	int err;

	if (setenv("EWB_ADDR", addr, 1))
		return -errno;
	err = posix_spawnattr_init(&attr);
	if (err)
		return -err;
	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &pipe);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
	                                        POSIX_SPAWN_SETSIGDEF);
	err = posix_spawn(&pid, "/bin/sh", NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return err ? -err : pid;
}

int
captive_wait(pid_t pid, const sigset_t *signals)
{
	int signo, status;

	for (;;) {
		sigwait(signals, &signo);
		if (signo != SIGCHLD)
			kill(pid, signo);
		else if (waitpid(pid, &status, WNOHANG) == pid)
			break;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	                           128 + WTERMSIG(status);
}
