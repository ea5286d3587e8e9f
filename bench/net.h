/* SPDX-License-Identifier: BSD-2-Clause */
/* Sockets on 127.0.0.1 for the benchmark's programs, which end when something
 * fails. */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <stddef.h>
#include <stdint.h>

/* Says what failed, with errno's text, and ends the program with 2. */
_Noreturn void net_die(const char *what);
/* Says so and ends the program with 3: the other side did not do its part. */
_Noreturn void net_fail(const char *what);

int net_dial(int port);
int net_dial_nonblocking(int port);
/* Backlog of 511. */
int net_listen(int port);
int net_listen_nonblocking(int port);
/* -1 when there is none to accept. */
int net_accept_nonblocking(int listener);

/* All of it, on a blocking socket.  0, or -1 when the peer is gone. */
int net_send(int fd, const void *bytes, size_t len);
int net_recv(int fd, void *bytes, size_t len);

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t net_now(void);
void net_sleep(double seconds);

#endif
