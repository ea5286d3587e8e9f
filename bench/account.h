/* SPDX-License-Identifier: BSD-2-Clause */
/* What the machine, the server and this program have used so far. */
#ifndef BENCH_ACCOUNT_H
#define BENCH_ACCOUNT_H

#include <stdint.h>
#include <sys/types.h>

struct account {
	uint64_t wall_ns;
	double server, self; /* CPU seconds, all threads */
	double busy, steal;  /* CPU seconds of the whole machine */
	double user, system; /* of the server, in ticks of the kernel's clock */
	uint64_t switches;   /* of the server's threads */
};

/* The difference of two, in the terms in which it is told. */
struct account_span {
	double seconds, server, self;
	double system_part; /* of the server's CPU */
	double switches;
	double other, steal; /* part of the machine's CPU */
};

/* server may be 0: then nothing is known of it. */
void account_take(struct account *a, pid_t server);
void account_span(struct account_span *out, const struct account *from,
                  const struct account *to);
/* Its CPU seconds, once it has had nothing to do for 100 ms. */
double account_settled(pid_t server);
/* Resident bytes of a process, once they stand still. */
double account_resident(pid_t server);

#endif
