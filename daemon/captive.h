/* SPDX-License-Identifier: BSD-2-Clause */
/* ewbd --run: a command that has the server to itself. */
#ifndef DAEMON_CAPTIVE_H
#define DAEMON_CAPTIVE_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/* "127.0.0.1:4000", "[::1]:4000": how a client on this machine gets at what
 * listens on that address. */
void captive_addr(char *to, size_t n, const char *listen, unsigned port);
/* Starts it by the shell, with EWB_ADDR in its environment and no signal
 * blocked.  The pid, or -errno. */
pid_t captive_start(const char *command, const char *addr);
/* Waits until it ends; what of signals comes meanwhile it gets.  SIGCHLD is one
 * of them, and all are blocked.  Its exit status, or 128 and its signal. */
int captive_wait(pid_t pid, const sigset_t *signals);

#endif
