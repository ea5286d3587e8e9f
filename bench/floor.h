/* SPDX-License-Identifier: BSD-2-Clause */
/* The cheapest servers that do a thing at all, without a protocol or an
 * engine: what a real one is compared with. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stddef.h>

#define FLOOR_REQUEST 32 /* bytes of a request */
#define FLOOR_REPLY_MAX 1024

struct floor_options {
	int port;
	size_t reply;    /* bytes of a reply */
	const char *way; /* worker: serial, lazy or pipe */
	int batched;     /* worker: one wake-up for all jobs of a turn */
	size_t records, chunk;
	int send_buffer; /* of the sockets; 0: the kernel's own */
};

/* None returns. */
int floor_epoll(const struct floor_options *o);
int floor_ev(const struct floor_options *o);
int floor_worker(const struct floor_options *o);
int floor_copy(const struct floor_options *o);
int floor_limit(const struct floor_options *o);
int floor_enter(const struct floor_options *o);
int floor_stop(const struct floor_options *o);

#endif
