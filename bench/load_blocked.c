/* SPDX-License-Identifier: BSD-2-Clause */
/* Gets that all block, for long: what one more costs the server when so many
 * are there already. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/load.h"
#include "bench/net.h"
#include "bench/wire.h"

#define BATCH 1000 /* what is measured at each number; -d */

struct run {
	const struct load_options *o;
	struct wire wire;
	int *fds;
	char *out;
	unsigned long sent;
};

/* The next n gets, all of other keys, evenly over the connections. */
static void
send_some(struct run *r, unsigned long n)
{
	unsigned long conns = (unsigned long)r->o->connections, c, i;

	for (c = 0; c < conns; c++) {
		unsigned long part = n / conns + (c < n % conns);
		char *end = r->out;

		for (i = 0; i < part; i++)
			end = wire_put(end, &r->wire.get, r->sent++);
		if (net_send(r->fds[c], r->out, (size_t)(end - r->out)))
			net_die("send");
	}
}

static void
measure(struct run *r, unsigned long blocked)
{
	unsigned long n = r->o->depth > 1 ? (unsigned long)r->o->depth : BATCH;
	double before;

	send_some(r, blocked - r->sent);
	before = account_settled(r->o->server);
	send_some(r, n);
	load_say_begin(r->o);
	load_say("blocked", (double)blocked, 0);
	load_say("server_us",
	         (account_settled(r->o->server) - before) * 1e6 / (double)n, 3);
	load_say_end();
}

int
load_blocked(const struct load_options *o)
{
	struct run r = { .o = o };
	unsigned long n;
	int i;

	if (wire_init(&r.wire, o->protocol, o->vsize, NULL))
		net_fail("load: no such protocol");
	r.fds = calloc((size_t)o->connections, sizeof *r.fds);
	r.out = malloc(r.wire.get.len *
	               (o->keys / (unsigned long)o->connections + BATCH));
	for (i = 0; i < o->connections; i++)
		r.fds[i] = net_dial(o->port);
	for (n = 1000; n <= o->keys; n *= 10)
		measure(&r, n);
	wire_fini(&r.wire);
	free(r.fds);
	free(r.out);
	return 0;
}
