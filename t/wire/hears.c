/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "t/wire/hears.h"

bool binary;
memcached_st *client, *other;
unsigned hears_failed;
static int at; /* the port */

static void
wrong(int line, const char *what)
{
	hears_failed++;
	printf("line %d: %s: ", line, what);
}

void
hears_code(int line, const char *what, memcached_st *m, memcached_return_t got,
           memcached_return_t want)
{
	if (got == want)
		return;
	wrong(line, what);
	printf("expected %s, not %s (%s)\n", memcached_strerror(m, want),
	       memcached_strerror(m, got), memcached_last_error_message(m));
}

void
hears_number(int line, const char *what, uint64_t got, uint64_t want)
{
	if (got == want)
		return;
	wrong(line, what);
	printf("expected %" PRIu64 ", not %" PRIu64 "\n", want, got);
}

void
hears_bytes(int line, const char *what, const char *got, size_t ngot,
            const char *want, size_t nwant)
{
	if (got && ngot == nwant && memcmp(got, want, nwant) == 0)
		return;
	wrong(line, what);
	printf("expected %zu bytes, %.*s, not %zu, %.*s\n", nwant,
	       nwant < 60 ? (int)nwant : 60, want, ngot,
	       ngot < 60 ? (int)ngot : 60, got ? got : "(none)");
}

void
hears_value(int line, memcached_st *m, const char *key, size_t nkey,
            const char *want, size_t nwant)
{
	memcached_return_t rc;
	uint32_t flags;
	size_t n = 0;
	char *got = memcached_get(m, key, nkey, &n, &flags, &rc);

	hears_code(line, key, m, rc,
	           want ? MEMCACHED_SUCCESS : MEMCACHED_NOTFOUND);
	if (want && rc == MEMCACHED_SUCCESS && nwant + n > 0)
		hears_bytes(line, key, got ? got : "", n, want, nwant);
	free(got);
}

static memcached_st *
connect_in(int port, bool in_binary)
{
	memcached_st *m = memcached_create(NULL);

	memcached_behavior_set(m, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL,
	                       in_binary);
	memcached_behavior_set(m, MEMCACHED_BEHAVIOR_POLL_TIMEOUT, 120000);
	memcached_behavior_set(m, MEMCACHED_BEHAVIOR_SUPPORT_CAS, 1);
	/* where it reads answers before it is asked to, it gives the server two
	 * seconds, and aborts after them */
	memcached_behavior_set(m, MEMCACHED_BEHAVIOR_IO_MSG_WATERMARK, 1 << 20);
	memcached_behavior_set(m, MEMCACHED_BEHAVIOR_IO_BYTES_WATERMARK,
	                       1 << 30);
	memcached_server_add(m, "127.0.0.1", (in_port_t)port);
	return m;
}

void
hears_open(int port, bool in_binary)
{
	at = port;
	binary = in_binary;
	client = connect_in(at, binary);
	other = connect_in(at, !binary);
}

void
hears_close(void)
{
	memcached_free(client);
	memcached_free(other);
}

memcached_st *
hears_with(memcached_behavior_t what)
{
	memcached_st *m = connect_in(at, binary);

	memcached_behavior_set(m, what, 1);
	return m;
}
